"""Good and bad requests by minute, for as many days as an objective counts.

Rules
1. Minutes are set, never added to: whoever knows a minute's counts tells all of them, as often as it likes.
2. Minutes that no window needs any more are kept by hour. So sums over days are exact to the hour at their
   far end, and those of the burn rates to the minute.
"""

from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate
from typing import Final

MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 86_400
MINUTES_S: Final = 3 * DAY_S + HOUR_S
"""For so long minutes are told apart: the longest window, and the hour that it begins in."""


class Timeline:
    """Counts of stretches of time, by when they begin. Seconds since the Unix epoch."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self._counts: dict[int, tuple[int, int]] = {}
        self._hourly = 0
        """Before this everything is by hour."""
        self._starts: list[int] = []
        self._good: list[int] = []
        self._total: list[int] = []
        """Sums of everything before each of `_starts`, and of all at the end."""
        self._is_summed = True

    def set(self, start_s: int, good: int, total: int) -> None:
        """The counts of a minute; of an hour, where minutes are not told apart any more."""
        if self._counts.get(start_s, (0, 0)) != (good, total):
            self._counts[start_s] = (good, total)
            self._is_summed = False

    def set_hour(self, minutes: Mapping[int, tuple[int, int]]) -> None:
        """The counts of an hour by minute, or of the whole hour as that of its first minute."""
        for start_s, (good, total) in self._as_kept(minutes).items():
            self.set(start_s, good, total)

    def _as_kept(self, minutes: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
        made: dict[int, tuple[int, int]] = {}
        for start_s, (good, total) in minutes.items():
            kept_s = start_s if start_s >= self._hourly else start_s // HOUR_S * HOUR_S
            known = made.get(kept_s, (0, 0))
            made[kept_s] = (known[0] + good, known[1] + total)
        return made

    def between(self, since_s: float, until_s: float) -> tuple[int, int]:
        """Good ones and all of the stretches that begin from `since_s` on and before `until_s`."""
        self._sum()
        first, after = bisect_left(self._starts, since_s), bisect_left(self._starts, until_s)
        if first >= after:
            return 0, 0
        return self._good[after] - self._good[first], self._total[after] - self._total[first]

    def forget(self, now_s: float, days: int) -> None:
        """Keep minutes by hour that are older than `MINUTES_S`, and nothing older than so many days."""
        hourly = int(now_s - MINUTES_S) // HOUR_S * HOUR_S
        if hourly <= self._hourly:
            return
        self._hourly = hourly
        gone = now_s - days * DAY_S
        self._counts = {
            start_s: counts for start_s, counts in self._as_kept(self._counts).items() if start_s >= gone
        }
        self._is_summed = False

    def __len__(self) -> int:
        return len(self._counts)

    def _sum(self) -> None:
        if self._is_summed:
            return
        self._starts = sorted(self._counts)
        counts = [self._counts[start_s] for start_s in self._starts]
        self._good = list(accumulate((good for good, _ in counts), initial=0))
        self._total = list(accumulate((total for _, total in counts), initial=0))
        self._is_summed = True
