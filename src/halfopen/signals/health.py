"""Whether users are served, and since when.

Rules
1. How it is now is judged by the minute that runs and the one before it: what fails is seen at once, and what
   has recovered after two minutes at the latest.
2. A request that is at fault itself, or was given up by its client, says nothing about it.
3. A state has lasted since the first of its minutes. Two minutes at most may lie between two of the same
   trouble, and any number of minutes in which nobody asked.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from halfopen.signals.overview import Health
from halfopen.signals.tally import Tally

FAILING_SHARE: Final = 0.001
"""With fewer failures among the requests nobody need get up: single ones happen everywhere."""
RESCUING_SHARE: Final = 0.01
"""The same of rescues: a provider fails now and then."""
JUDGED_MINUTES: Final = 2
_CALM_MAX: Final = 2
_TROUBLES: Final = (Health.FAILING, Health.RESCUING)


class Minute(msgspec.Struct, frozen=True, gc=False):
    """What one minute says about health."""

    start_s: int
    counted: int
    """Requests, without those that say nothing."""
    failed: int
    rescued: int


def health_of(counted: int, failed: int, rescued: int) -> Health:
    """The state of so many requests that say something."""
    if not counted:
        return Health.IDLE
    if failed >= counted * FAILING_SHARE and failed:
        return Health.FAILING
    if rescued >= counted * RESCUING_SHARE and rescued:
        return Health.RESCUING
    return Health.OK


def health_of_tallies(tallies: Iterable[Tally]) -> Health:
    """The state of requests that were added up, in several stretches of time."""
    counted = failed = rescued = 0
    for tally in tallies:
        counted += tally.telling
        failed += tally.hurt
        rescued += tally.rescued
    return health_of(counted, failed, rescued)


def health_at(minutes: Sequence[Minute], now_s: float) -> Health:
    """The state now. `minutes`: those in which there were requests, in order."""
    latest = int(now_s // 60) * 60
    judged = [each for each in minutes if each.start_s > latest - JUDGED_MINUTES * 60]
    return health_of(
        sum(each.counted for each in judged),
        sum(each.failed for each in judged),
        sum(each.rescued for each in judged),
    )


def health_now(minutes: Sequence[Minute], now_s: float, *, heard: bool) -> Health:
    """As `health_at`, and unknown where nobody asks and no worker is `heard`."""
    return told(health_at(minutes, now_s), heard=heard)


def told(health: Health, *, heard: bool) -> Health:
    """That nobody asks is known only from workers."""
    return Health.UNKNOWN if health is Health.IDLE and not heard else health


def since(minutes: Sequence[Minute], health: Health) -> float | None:
    """Since when it has been so, to the minute, in seconds since the Unix epoch; None: no earlier is known.

    Args:
        minutes: Those in which there were requests, in order.
        health: The state now.
    """
    if health in _TROUBLES:
        return _trouble_since(minutes, health)
    if health is Health.UNKNOWN:
        return None
    # Calm: since the minute after the last one that wasn't.
    for minute in reversed(minutes):
        state = _state(minute)
        if state in _TROUBLES or (health is Health.IDLE and state is not Health.IDLE):
            return float(minute.start_s + 60)
    return None


def _trouble_since(minutes: Sequence[Minute], health: Health) -> float | None:
    """The first minute of a trouble that lasts. A worse one before it is another."""
    found: float | None = None
    calm = 0
    for minute in reversed(minutes):
        state = _state(minute)
        if state is health:
            found, calm = float(minute.start_s), 0
            continue
        if state is Health.FAILING:
            break
        calm += state is not Health.IDLE
        if calm > _CALM_MAX:
            break
    return found


def _state(minute: Minute) -> Health:
    return health_of(minute.counted, minute.failed, minute.rescued)
