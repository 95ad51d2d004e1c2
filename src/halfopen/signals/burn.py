"""How fast an error budget is spent, by two windows that must agree.

Source: The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
"""

from typing import Final

import msgspec

from halfopen.signals.timeline import MINUTE_S, Timeline

PAGE: Final = "page"
TICKET: Final = "ticket"
PAIRS: Final = ((PAGE, 3600, 300, 14.4), (PAGE, 21_600, 1800, 6.0), (TICKET, 259_200, 21_600, 1.0))
"""Severity, long and short window in seconds, threshold: of the budget of 30 days 2 % in an hour, 5 % in six
hours, 10 % in three days. The short window ends an alert soon after what it was for."""


class BurnRate(msgspec.Struct, frozen=True, kw_only=True):
    """One pair of windows."""

    severity: str
    """page or ticket."""
    long_s: int
    short_s: int
    threshold: float
    """A rate of 1 spends the budget in exactly the days of the objective."""
    long_rate: float | None
    short_rate: float | None
    """None: fewer requests, or fewer misses, than the guards of low traffic ask for."""
    firing: bool
    """Whether both windows exceed the threshold."""


class Guards(msgspec.Struct, frozen=True, kw_only=True):
    """What the longer of two windows must have. With 99.9 % and a request a minute one miss would page."""

    samples_min: int
    bad_min: int


def burn_rates(timeline: Timeline, target: float, guards: Guards, now_s: float) -> list[BurnRate]:
    """All pairs of windows.

    Args:
        timeline: What was counted.
        target: The part of requests for which the objective has to be kept, below 1.
        guards: Those of low traffic.
        now_s: Seconds since the Unix epoch. A window is of whole minutes, the one that runs included.
    """
    until_s = int(now_s // MINUTE_S) * MINUTE_S + MINUTE_S
    made = []
    for severity, long_s, short_s, threshold in PAIRS:
        good, total = timeline.between(until_s - long_s, until_s)
        long_rate = short_rate = None
        if total >= guards.samples_min and total - good >= guards.bad_min:
            long_rate = _rate(good, total, target)
            short_rate = _rate(*timeline.between(until_s - short_s, until_s), target)
        made.append(
            BurnRate(
                severity=severity,
                long_s=long_s,
                short_s=short_s,
                threshold=threshold,
                long_rate=long_rate,
                short_rate=short_rate,
                firing=(long_rate or 0.0) > threshold and (short_rate or 0.0) > threshold,
            )
        )
    return made


def _rate(good: int, total: int, target: float) -> float:
    """Misses against those that the objective allows. No request misses nothing."""
    return (total - good) / total / (1.0 - target) if total else 0.0
