"""Virtual time: a heap of what is to happen, and a wheel for what is mostly moved before it happens.

Rules
1. What is due at the same time happens in the order in which it was put down.
2. Time never goes back; what is put down for the past happens now.
3. The wheel fires up to one tick late and never early, like the gateway's.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, Protocol

TICK_S: Final = 0.01
_TICKS_A_SECOND: Final = 100.0
_NEVER: Final = float("inf")


class Timeline:
    """What happens when."""

    __slots__ = ("_heap", "_order", "_stopped", "now")

    def __init__(self) -> None:
        """Begins at 0."""
        self.now = 0.0
        """Seconds since the start."""
        self._heap: list[tuple[float, int, Callable[[Any], object], Any]] = []
        self._order = count()
        self._stopped = False

    def at(self, when: float, run: Callable[[Any], object], what: Any) -> None:
        """Call `run(what)` at a time."""
        heappush(self._heap, (when, next(self._order), run, what))

    def stop(self) -> None:
        """Let nothing more happen."""
        self._stopped = True

    def run(self) -> None:
        """Let time pass until it is stopped, or nothing is left to do."""
        heap = self._heap
        while heap and not self._stopped:
            when, _, run, what = heappop(heap)
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
        """Uses one heap entry for each slot that is in use."""
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
