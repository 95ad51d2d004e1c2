"""The counts of the last hours by minute, and of all time, in memory.

Which hours are the last ones is what the clock says now, never what an outcome says: one that comes from a
wrong time must not hide the others. A clock that is set wrong, and then right again, hides none for good.
"""

from typing import Final

from halfopen.seams.sums import Sums
from halfopen.signals.fold import MINUTE_S

KEPT_S: Final = 3 * 3600
"""Minutes that begin earlier than this before now are not shown."""
AHEAD_S: Final = 120
"""Minutes that begin later than this after now are hidden: clocks are set back by a little now and then."""
MINUTES_MAX: Final = (KEPT_S + AHEAD_S) // MINUTE_S
"""As many are known, the nearest to now: also those of a time at which the clock doesn't stand now."""


class Windows:
    """What has been counted so far. For one thread."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self.ever = Sums()
        """Everything, in the stretch of all time."""
        self.minutes: dict[int, Sums] = {}
        """Those that are shown, by their start in seconds since the Unix epoch, in order."""
        self.versions: dict[int, int] = {}
        """Of each minute, how often it was added to."""
        self._known: dict[int, Sums] = {}
        self._latest_s = 0

    def add(self, sums: Sums, now_s: float) -> None:
        """Count what has happened, by minute, and show the minutes around `now_s`."""
        self.ever.add(sums.in_spans_of(0))
        self._add_minutes(sums, now_s)

    def restore(self, ever: Sums, minutes: Sums, now_s: float) -> None:
        """Add what an earlier process had counted: of all time, and of the last hours by minute."""
        self.ever.add(ever)
        self._add_minutes(minutes, now_s)

    def _add_minutes(self, sums: Sums, now_s: float) -> None:
        latest_s = int(now_s // MINUTE_S) * MINUTE_S
        changed = latest_s != self._latest_s
        for start_s, part in sums.by_start().items():
            if start_s not in self._known:
                self._known[start_s] = Sums()
                changed = True
            self._known[start_s].add(part)
            self.versions[start_s] = self.versions.get(start_s, 0) + 1
        if changed:
            self._show(latest_s)

    def _show(self, latest_s: int) -> None:
        self._latest_s = latest_s
        nearest = sorted(self._known, key=lambda start_s: abs(start_s - latest_s))
        for start_s in nearest[MINUTES_MAX:]:
            del self._known[start_s], self.versions[start_s]
        oldest_s = latest_s - KEPT_S + MINUTE_S
        self.minutes = {
            start_s: self._known[start_s]
            for start_s in sorted(self._known)
            if oldest_s <= start_s <= latest_s + AHEAD_S
        }
