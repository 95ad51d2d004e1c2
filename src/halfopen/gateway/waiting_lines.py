"""The waiting lines of every route, bounded together, and woken by target.

Rules
1. All lines have `places_max` places together.
2. A target's freed room is offered to the requests of the routes whose first choice it is before those
   that would only fail over to it.
3. Who waits under an earlier snapshot is asked before those of the present one: it came before them.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from halfopen.model import Demand
from halfopen.policy import TargetState
from halfopen.policy.queue import Line, Shedding, Waiting


class Leading(Protocol):
    """A route, as far as its line is concerned."""

    line: Line
    states: list[TargetState]


class WaitingLines:
    """All lines of one gateway, under whichever snapshot they began."""

    __slots__ = ("by_target", "places_max", "waiting")

    def __init__(self, places_max: int) -> None:
        """`places_max` requests may wait."""
        self.places_max = places_max
        self.waiting = 0
        """Requests in all lines."""
        self.by_target: dict[str, list[Line]] = {}
        """The lines that lead to each target; first those of routes whose first choice it is."""

    def new(self) -> Line:
        """A line of these."""
        return _CountedLine(self)

    def lead(self, generations: Sequence[Iterable[Leading]]) -> None:
        """Take note of the routes of every snapshot that is in use, the earliest first."""
        found: dict[str, dict[Line, None]] = {}
        for own in (True, False):
            for routes in generations:
                for route in routes:
                    for index, state in enumerate(route.states):
                        if (index == 0) is own:
                            found.setdefault(state.target.name, {})[route.line] = None
        self.by_target.clear()
        self.by_target.update((target, list(lines)) for target, lines in found.items())

    def wake(self, target: str, count: int, now: float) -> None:
        """Room may have become free at a target: tell the first in each line that leads there."""
        for line in self.by_target.get(target, ()):
            if len(line):
                line.wake(count, now)


class _CountedLine(Line):
    """A line that keeps the count of all of them."""

    __slots__ = ("_counted", "_lines")

    def __init__(self, lines: WaitingLines) -> None:
        super().__init__(lambda: lines.waiting < lines.places_max)
        self._lines = lines
        self._counted = 0

    def join(self, waiting: Waiting, demand: Demand, deadline: float, now: float) -> Shedding | None:
        """As any line."""
        shedding = super().join(waiting, demand, deadline, now)
        self._count()
        return shedding

    def leave(self, waiting: Waiting) -> None:
        """As any line."""
        if waiting in self._places:  # most requests never wait
            super().leave(waiting)
            self._count()

    def _count(self) -> None:
        length = len(self._places)
        self._lines.waiting += length - self._counted
        self._counted = length
