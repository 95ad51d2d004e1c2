"""Calls that hang and hold the places of a target that may have recovered.

Rules
1. A call that has brought nothing for 10 s, and for twice as long as any answer lately took, is lost. While
   nothing is known of the target's answers, it is lost after 30 s.
2. Lost calls don't count against the limit, which is so much higher while they last: calls that hang would
   else keep out the probe that finds the target well again. They are not cut off: one may still be answered.
3. Calls are given up for lost when there is no room for a request that has nowhere else to go: as many as
   make room for one, and at most once a second. So a dead target gets no more than a probe a second.

Source: our own. A limit on concurrency takes for granted that calls end; one that hangs does so very late.
"""

from typing import TYPE_CHECKING, Final

from halfopen.policy.never import NEVER

if TYPE_CHECKING:
    from halfopen.policy.target import Permit

_LOST_S: Final = 10.0
_LOST_UNKNOWN_S: Final = 30.0
_TIMES: Final = 2.0
_EVERY_S: Final = 1.0
_LATELY_S: Final = 30.0
"""The longest answer is that of the present and of the last stretch of so many seconds."""


class Silence:
    """The silent calls of one target, the oldest first. Not thread-safe; one event loop owns it."""

    __slots__ = ("_calls", "_earlier_s", "_latest_s", "_next", "_until")

    def __init__(self) -> None:
        """No calls, and nothing heard."""
        self._calls: dict[Permit, None] = {}
        self._latest_s = self._earlier_s = 0.0
        self._until = float("-inf")
        self._next = float("-inf")

    def begin(self, permit: "Permit") -> None:
        """A call goes out."""
        self._calls[permit] = None

    def heard(self, permit: "Permit", now: float) -> None:
        """A call has brought the first of its answer, or a failure."""
        calls = self._calls
        if permit in calls:
            del calls[permit]
        waited_s = now - permit.sent
        if now >= self._until:
            self._earlier_s = self._latest_s if now < self._until + _LATELY_S else 0.0
            self._until = now + _LATELY_S
            self._latest_s = waited_s
        elif waited_s > self._latest_s:
            self._latest_s = waited_s

    def over(self, permit: "Permit") -> None:
        """A call has ended without a word."""
        self._calls.pop(permit, None)

    def ready_at(self) -> float:
        """When the first of the silent calls is lost. Infinity: there is none."""
        for permit in self._calls:
            return max(permit.sent + self._lost_s, self._next)
        return NEVER

    def take(self, count: int, now: float) -> "list[Permit]":
        """So many lost calls, the oldest first, which are told of no more; none if there are fewer."""
        found: list[Permit] = []
        if now >= self._next:
            since = now - self._lost_s
            for permit in self._calls:
                if permit.sent > since or len(found) == count:
                    break
                found.append(permit)
        if not found or len(found) < count:
            return []
        for permit in found:
            del self._calls[permit]
        self._next = now + _EVERY_S
        return found

    @property
    def _lost_s(self) -> float:
        longest_s = max(self._latest_s, self._earlier_s)
        return max(_LOST_S, _TIMES * longest_s) if longest_s > 0.0 else _LOST_UNKNOWN_S
