"""One sentence for somebody who was woken: who is hurt, by what, what is done about it, since when."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from halfopen.signals.overview import Health
from halfopen.signals.tally import Tally, ordered


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong most, and who answers."""

    fault: tuple[str, str] | None = None
    """The target and the kind of most attempts that failed."""
    passed_over: tuple[str, str] | None = None
    """The target that was passed over most, and why."""
    served: Mapping[str, int] = {}
    """Whole answers by who gave them, the one who gave most first."""


def sentence(health: Health, tally: Tally, cause: Cause, since_s: float | None, window_s: int) -> str:
    """Says it.

    Args:
        health: The state.
        tally: Requests of the stretch of time that is told of.
        cause: What goes wrong in it.
        since_s: Since when it is so, in seconds since the Unix epoch; None: longer than is known.
        window_s: The stretch.
    """
    stretch = f"the last {_minutes(window_s)}"
    since = _since(since_s)
    counted = tally.telling
    match health:
        case Health.UNKNOWN:
            return "Nothing is known yet: control hears from no worker."
        case Health.IDLE:
            return f"Nobody has asked{since or f' in {stretch}'}."
        case Health.OK if tally.rescued or tally.hurt:
            return (
                f"Users are served{since}: {tally.answered:,} of {counted:,} requests in {stretch} were "
                f"answered, {tally.rescued:,} of them not by the first choice."
            )
        case Health.OK:
            all_of_them = "the only request" if counted == 1 else f"all {counted:,} requests"
            return f"Users are served{since}: {all_of_them} in {stretch} got an answer from the first choice."
        case Health.RESCUING:
            told = f"Users are served, {tally.rescued:,} of {counted:,} requests in {stretch} by a rescue"
        case Health.FAILING:
            told = f"{tally.hurt:,} of {counted:,} requests in {stretch} failed"
    parts = [told + _because(tally, cause)]
    if cause.served:
        parts.append(_answering(cause.served))
    elif health is Health.FAILING:
        parts.append("nobody answers")
    if since:
        parts.append(since.strip())
    return "; ".join(parts) + "."


def _because(tally: Tally, cause: Cause) -> str:
    """The fault that is met most; else why targets are passed over; else what clients are told."""
    if cause.fault is not None:
        target, kind = cause.fault
        return f": {kind} at {target}"
    if cause.passed_over is not None:
        target, reason = cause.passed_over
        return f": {target} is passed over ({reason})"
    if tally.by_kind:
        return f": {next(iter(ordered(tally.by_kind)))}"
    return ""


def _answering(served: Mapping[str, int]) -> str:
    name, count = next(iter(served.items()))
    total = sum(served.values())
    told = "all" if count == total else f"{min(count * 100 // total, 99)} %"
    return f"{told} of the answers come from {name}"


def _since(since_s: float | None) -> str:
    return "" if since_s is None else f" since {datetime.fromtimestamp(since_s, UTC):%H:%M} UTC"


def _minutes(window_s: int) -> str:
    minutes = window_s // 60
    return "minute" if minutes == 1 else f"{minutes} minutes"
