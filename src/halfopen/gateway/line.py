"""Requests that wait for room at a target, first come, first served."""

from collections.abc import Callable
from itertools import islice
from typing import Protocol

_PASSED_ON_MAX = 16
"""One who has no use for the room passes it on, so many times at most."""


class Waiting(Protocol):
    """A request in the line."""

    def on_room(self) -> bool:
        """There may be room now. Whether it was taken."""


class Line:
    """The waiting line of one route. Bounded together with the other routes' lines."""

    __slots__ = ("_entries", "_has_place")

    def __init__(self, has_place: Callable[[], bool]) -> None:
        """`has_place` says whether the gateway as a whole lets one more request wait."""
        self._entries: dict[Waiting, None] = {}
        self._has_place = has_place

    def __len__(self) -> int:
        """Requests in the line."""
        return len(self._entries)

    def join(self, waiting: Waiting) -> bool:
        """Stand at the end; one who is in the line keeps the place. False: the line is full."""
        if waiting in self._entries:
            return True
        if not self._has_place():
            return False
        self._entries[waiting] = None
        return True

    def leave(self, waiting: Waiting) -> None:
        """Go, if in the line."""
        self._entries.pop(waiting, None)

    def wake(self, count: int) -> None:
        """Tell those at the head until `count` have taken room. Who finds none keeps the place."""
        if not self._entries:
            return
        for waiting in list(islice(self._entries, count + _PASSED_ON_MAX)):
            count -= waiting.on_room()
            if count <= 0:
                return
