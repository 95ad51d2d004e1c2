"""The adaptive limit on calls in flight at one target: additive increase, multiplicative decrease.

Rules
1. A permit is taken before a call and given back exactly once, whatever becomes of the call.
2. A success while at least half of the limit is in use raises it by one; overload or a
   timeout halves it, at most once a second.
3. A rate limit, a bad request or a cancelled call never moves it: they say nothing about load.

Source: Chiu & Jain, 1989 (AIMD); Netflix concurrency-limits, AIMDLimit.
"""

from halfopen.policy.options import LimitOptions


class Limiter:
    """Counts calls in flight against the limit."""

    __slots__ = ("_decreased", "_limit", "_options", "in_flight")

    def __init__(self, options: LimitOptions) -> None:
        """Starts at the initial limit with nothing in flight."""
        self._options = options
        self._limit = float(min(max(options.initial, options.min), options.max))
        self._decreased = float("-inf")
        self.in_flight = 0

    @property
    def limit(self) -> int:
        """Calls allowed in flight now."""
        return int(self._limit)

    @property
    def has_room(self) -> bool:
        """Whether a permit can be had."""
        return self.in_flight < int(self._limit)

    def acquire(self) -> bool:
        """Take a permit; False when there is none."""
        if self.in_flight >= int(self._limit):
            return False
        self.in_flight += 1
        return True

    def release(self) -> None:
        """Give a permit back. Raises RuntimeError when none is out: a permit was given back twice."""
        if self.in_flight <= 0:
            raise RuntimeError("a permit was released twice")
        self.in_flight -= 1

    def succeeded(self) -> None:
        """A call that held a permit succeeded. Call it before its release."""
        if 2 * self.in_flight >= self._limit:
            self._limit = min(float(self._options.max), self._limit + 1.0)

    def overloaded(self, now: float) -> None:
        """The target showed overload, or a call timed out."""
        if now - self._decreased < self._options.decrease_every_s:
            return
        self._decreased = now
        self._limit = max(float(self._options.min), self._limit * self._options.decrease)
