"""The waiting lines of every route, bounded together, and woken by target.

Rules
1. All lines have `places_max` places together.
2. A target's freed room is offered to the requests of the routes whose first choice it is before those
   that would only fail over to it.
3. Who waits under an earlier snapshot is asked before those of the present one: it came before them.
4. Nobody is asked while no target of the line can take a call: with hundreds in a line that costs more
   than all the rest.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol

from halfopen.model import Demand, Skip
from halfopen.policy import TargetState
from halfopen.policy.queue import Line, Shedding, Waiting
from halfopen.policy.refusal import Refusal

_REFUSALS = frozenset(each.value for each in Refusal)
"""Reasons to pass over a target for now. All others are the request's: it is not for that target."""


class Leading(Protocol):
    """A route, as far as its line is concerned."""

    line: "RouteLine"
    states: list[TargetState]


class WaitingLines:
    """All lines of one gateway, under whichever snapshot they began."""

    __slots__ = ("by_target", "places_max", "waiting")

    def __init__(self, places_max: int) -> None:
        """`places_max` requests may wait."""
        self.places_max = places_max
        self.waiting = 0
        """Requests in all lines."""
        self.by_target: dict[str, list[RouteLine]] = {}
        """The lines that lead to each target; first those of routes whose first choice it is."""

    def new(self, states: list[TargetState]) -> "RouteLine":
        """A line of these, which leads to these targets in order of preference."""
        return RouteLine(self, states)

    def lead(self, generations: Sequence[Iterable[Leading]]) -> None:
        """Take note of the routes of every snapshot that is in use, the earliest first."""
        found: dict[str, dict[RouteLine, None]] = {}
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
                line.wake(count, now, partial(line.has_use_for_room, now))


class RouteLine(Line):
    """A route's line. Keeps the count of all of them."""

    __slots__ = ("_counted", "_lines", "_misfits", "_states")

    def __init__(self, lines: WaitingLines, states: list[TargetState]) -> None:
        """One of `lines`, to these targets in order of preference."""
        super().__init__(lambda: lines.waiting < lines.places_max)
        self._lines = lines
        self._states = states
        self._counted = 0
        self._misfits = False
        """Whether there may be one in it for whom the first target is not the first choice."""

    def note(self, skips: Iterable[Skip]) -> None:
        """One in the line has passed over these targets."""
        if not self._misfits:
            self._misfits = any(skip.reason not in _REFUSALS for skip in skips)

    def let_go(self, now: float) -> None:
        """Before somebody else looks for room: whoever is at the head may take it."""
        if len(self._places) and self._is_open(now, lost=False):
            self.wake(1, now, partial(self.has_use_for_room, now))

    def has_use_for_room(self, now: float) -> bool:
        """Whether a target could take a call of somebody in it. False is sure, true is not."""
        return self._is_open(now, lost=True)

    def _is_open(self, now: float, *, lost: bool) -> bool:
        """`lost`: room that a call makes which must be given up for lost counts, too."""
        own = True
        for state in self._states:
            if (
                state.limiter.has_room_for(now, own=own) or (lost and state.silence.ready_at() <= now)
            ) and state.retry_at(now) <= now:
                return True
            # Most have the first target for their first choice, and are guests at the others.
            own = self._misfits
        return False

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
        if not length:
            self._misfits = False
