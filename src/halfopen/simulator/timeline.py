"""Virtual time: a calendar of what is to happen, and a wheel for what is mostly moved before it happens.

Rules
1. What is due at the same time happens in the order in which it was put down.
2. Time never goes back; what is put down for the past happens now.
3. The wheel fires up to one tick late and never early, like the gateway's.
4. The calendar's pages are of one tick, too. One is sorted when its turn comes: to sort a few at once
   takes less time than to keep all of them in a heap.

Source: R. Brown, "Calendar queues", Communications of the ACM 31(10), 1988.
"""

from bisect import insort
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, Protocol

TICK_S: Final = 0.01
_TICKS_A_SECOND: Final = 100.0
_NEVER: Final = float("inf")


_Entry = tuple[float, int, Callable[[Any], object], Any]


class Timeline:
    """What happens when."""

    __slots__ = ("_done", "_number", "_numbers", "_order", "_page", "_pages", "_stopped", "now")

    def __init__(self) -> None:
        """Begins at 0."""
        self.now = 0.0
        """Seconds since the start."""
        self._page: list[_Entry] = []
        """The present one, sorted."""
        self._done = 0
        """How many entries of it have happened."""
        self._number = -1
        self._pages: dict[int, list[_Entry]] = {}
        """The later ones that have entries, as they were put down, by number."""
        self._numbers: list[int] = []
        """Theirs, as a heap."""
        self._order = count()
        self._stopped = False

    def at(self, when: float, run: Callable[[Any], object], what: Any) -> None:
        """Call `run(what)` at a time, which is finite."""
        entry = (when, next(self._order), run, what)
        number = int(when * _TICKS_A_SECOND)
        if number <= self._number:
            insort(self._page, entry, self._done)
            return
        page = self._pages.get(number)
        if page is None:
            self._pages[number] = [entry]
            heappush(self._numbers, number)
        else:
            page.append(entry)

    def stop(self) -> None:
        """Let nothing more happen."""
        self._stopped = True

    def run(self) -> None:
        """Let time pass until it is stopped, or nothing is left to do."""
        page = self._page
        while not self._stopped:
            if self._done == len(page):
                if not self._numbers:
                    return
                self._number = heappop(self._numbers)
                self._page = page = self._pages.pop(self._number)
                self._done = 0
                page.sort()
            when, _, run, what = page[self._done]
            self._done += 1
            if when > self.now:  # noqa: PLR1730 - the innermost loop of all: a call of max() takes longer
                self.now = when
            run(what)


class Timed(Protocol):
    """Something that wants to be woken."""

    slot: int
    """Kept by the wheel; 0 at first."""

    def on_due(self) -> None:
        """Its time has come, or had come before it was moved."""


class Wheel:
    """Timers of one tick, many to a slot: moving one later costs nothing."""

    __slots__ = ("_done", "_fire", "_slots", "_timeline")

    def __init__(self, timeline: Timeline) -> None:
        """Uses one entry of the timeline for each slot that is in use."""
        self._timeline = timeline
        self._slots: dict[int, dict[Timed, None]] = {}
        self._done = 0
        self._fire = self._on_slot

    def set(self, timed: Timed, when: float) -> None:
        """Wake it at a time; sooner than that if it was set so before: then it is to look and set again."""
        if when == _NEVER:
            return
        slot = int(when * _TICKS_A_SECOND) + 1
        if slot <= self._done or when < self._timeline.now:
            slot = max(int(self._timeline.now * _TICKS_A_SECOND), self._done) + 1
        earlier = timed.slot
        if earlier:
            if earlier <= slot:
                return
            self._slots[earlier].pop(timed, None)
        timed.slot = slot
        entries = self._slots.get(slot)
        if entries is None:
            self._slots[slot] = {timed: None}
            self._timeline.at(slot * TICK_S, self._fire, slot)
        else:
            entries[timed] = None

    def remove(self, timed: Timed) -> None:
        """Forget it."""
        if timed.slot:
            self._slots[timed.slot].pop(timed, None)
            timed.slot = 0

    def _on_slot(self, slot: int) -> None:
        entries = self._slots[slot]
        self._done = slot
        # One who is woken may remove another; nobody is added to a slot that is done.
        while entries:
            timed = next(iter(entries))
            del entries[timed]
            timed.slot = 0
            timed.on_due()
        del self._slots[slot]
