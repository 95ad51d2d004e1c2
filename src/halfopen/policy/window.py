"""Counts over the last few seconds: how many there were, and how many of them are marked.

Time is cut into ten slots, so what is counted is between nine and ten tenths of the window old at most.
Sums are kept, not made: adding is the path of every call.
"""

from typing import Final

_SLOTS: Final = 10


class Window:
    """Counts what came in the last `window_s`. Not thread-safe; one event loop owns it."""

    __slots__ = ("_index", "_marked", "_marks", "_slot", "_slot_ends", "_slot_s", "_total", "_totals")

    def __init__(self, window_s: float) -> None:
        """Empty. `window_s` is in seconds, above 0."""
        self._slot_s = window_s / _SLOTS
        self._totals = [0] * _SLOTS
        self._marks = [0] * _SLOTS
        self._slot = 0
        self._index = 0
        """The slot's place."""
        self._slot_ends = self._slot_s
        self._total = 0
        self._marked = 0

    def add(self, now: float, *, marked: bool) -> None:
        """One more."""
        if now >= self._slot_ends:
            self._advance(now)
        index = self._index
        self._totals[index] += 1
        self._total += 1
        if marked:
            self._marks[index] += 1
            self._marked += 1

    def counts(self, now: float) -> tuple[int, int]:
        """How many there were, and how many of them are marked."""
        if now >= self._slot_ends:
            self._advance(now)
        return self._total, self._marked

    def clear(self) -> None:
        """Leave out everything."""
        self._totals = [0] * _SLOTS
        self._marks = [0] * _SLOTS
        self._total = self._marked = 0

    def _advance(self, now: float) -> None:
        slot = int(now / self._slot_s)
        for passed in range(self._slot + 1, min(slot, self._slot + _SLOTS) + 1):
            index = passed % _SLOTS
            self._total -= self._totals[index]
            self._marked -= self._marks[index]
            self._totals[index] = self._marks[index] = 0
        self._slot = max(slot, self._slot)
        self._index = self._slot % _SLOTS
        self._slot_ends = (self._slot + 1) * self._slot_s
