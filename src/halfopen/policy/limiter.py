"""The adaptive limit on calls in flight at one target: additive increase, multiplicative decrease.

Rules
1. A permit is taken before a call and given back exactly once, whatever becomes of the call. Never
   are more out, when one is taken, than the limit allows.
2. An answer, or a stream's first content, while at least half of the limit is in use raises it by
   one: whoever sends it is not queueing. After a decrease it rises by a tenth for each, and twice as
   fast with every round of as many answers as the limit: where answers come fast, a whole one for each
   would undo in a moment what the decrease has brought.
3. Overload or a timeout halves it, at most once a second. What was not in use counts for nothing: the
   limit is first cut to twice the most calls that were lately in flight, which is as far as they
   could have raised it. So the first decrease is felt even where the limit stood far above the load.
4. Overload that stays under a quarter of the latest results doesn't move it. A server that we overload
   refuses nearly everything above its capacity; one that refuses a few calls in any case would not
   refuse fewer if we sent fewer, and halving for each would leave its users nothing.
5. A rate limit, a bad request or a cancelled call never moves it: they say nothing about load.
6. A part of it is reserved for the target's own traffic, the requests whose first choice it is:
   what that has lately had in flight, and half as much again to grow, but never more than the share
   `reserve`. Failovers from elsewhere share what is left, and one of them can always be under way, or
   a target that nobody asks for could not be reached.
7. "Lately" is a peak that is halved every 10 s: a backup whose own users are gone for a minute gives
   nearly everything.

Sources: Chiu & Jain, 1989 (AIMD); Netflix concurrency-limits, AIMDLimit (growth only while half is in
use); RFC 7661 (a window that the sender did not use is not validated, and is cut to what it used);
RFC 8257 (DCTCP: how much is marked tells more than that something is).
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """The adaptive limit on calls in flight at one target."""

    initial: int = 100
    """Calls in flight at the start. 1 to 100000."""
    min: int = 4
    """The limit never falls below. 1 to 100000."""
    max: int = 10_000
    """The limit never rises above. 1 to 100000."""
    decrease: float = 0.5
    """Factor on overload or timeout. 0.1 to 0.95."""
    decrease_every_s: float = 1.0
    """At most one decrease in this long. Seconds, 0 to 60."""
    reserve: float = 0.5
    """Largest share that is kept for the target's own traffic, away from failovers. 0 to 1."""


_VALIDATED = 2.0
"""The limit grows to at most this many times what is in flight, so that much of it was tried out."""
_PEAK_HALVED_EVERY_S = 10.0
_OWN_GROWTH = 1.5
"""Own traffic may grow by half before it meets failovers."""
_STRESSED_S = 10.0
_STRESSED_USE = 0.8
_RESULTS = 32
"""The share of overload is that of about so many latest results."""
_TOLERATED = 0.25
"""Above what a provider refuses at random, far below what it refuses when it is full."""
_GROWTH_AFTER_DECREASE = 0.1


class _Peak:
    """The most that lately was in flight; an older most counts for less."""

    __slots__ = ("_at", "_value")

    def __init__(self) -> None:
        self._value = 0.0
        self._at = 0.0

    def seen(self, count: int, now: float) -> float:
        """`count` are in flight now. Returns the peak, which is not less."""
        if count < self._value:
            faded = (
                self._value * 2.0 ** ((self._at - now) / _PEAK_HALVED_EVERY_S)
                if now > self._at
                else self._value
            )
            if count < faded:
                return faded
        self._value = float(count)
        self._at = now
        return self._value


class Limiter:
    """Counts calls in flight against the limit. Not thread-safe; one event loop owns it."""

    __slots__ = (
        "_decreased",
        "_growth",
        "_limit",
        "_options",
        "_overload",
        "_own_peak",
        "_peak",
        "_results",
        "_round",
        "in_flight",
        "own_in_flight",
    )

    def __init__(self, options: LimitOptions) -> None:
        """Starts at the initial limit with nothing in flight."""
        self._options = options
        self._limit = float(min(max(options.initial, options.min), options.max))
        self._decreased = float("-inf")
        self._growth = 1.0
        self._round = 0
        self._overload = 0.0
        self._results = 0
        self._peak = _Peak()
        self._own_peak = _Peak()
        self.in_flight = 0
        """Permits that are out."""
        self.own_in_flight = 0
        """Of them, those of the target's own traffic. The others are failovers."""

    @property
    def limit(self) -> int:
        """Calls allowed in flight now."""
        return int(self._limit)

    @property
    def has_room(self) -> bool:
        """Whether the target's own traffic can have a permit."""
        return self.in_flight < int(self._limit)

    def reserved(self, now: float) -> int:
        """Calls of the limit that are kept for the target's own traffic."""
        limit = int(self._limit)
        needed = int(_OWN_GROWTH * self._own_peak.seen(self.own_in_flight, now)) + 1
        return min(math.ceil(self._options.reserve * limit), needed, limit - 1)

    def has_room_for(self, now: float, *, own: bool) -> bool:
        """Whether a permit can be had. `own`: for a request whose first choice this target is."""
        limit = int(self._limit)
        if self.in_flight >= limit:
            return False
        return own or self.in_flight - self.own_in_flight < limit - self.reserved(now)

    def acquire(self, now: float, *, own: bool = True) -> bool:
        """Take a permit; False, and nothing taken, when there is none."""
        if not self.has_room_for(now, own=own):
            return False
        self.in_flight += 1
        self._peak.seen(self.in_flight, now)
        if own:
            self.own_in_flight += 1
            self._own_peak.seen(self.own_in_flight, now)
        return True

    def release(self, *, own: bool = True) -> None:
        """Give a permit back, `own` as when it was taken.

        Raises RuntimeError, and changes nothing, when none is out: a permit was given back twice.
        """
        if (self.own_in_flight if own else self.in_flight - self.own_in_flight) <= 0:
            raise RuntimeError("a permit was released twice")
        self.in_flight -= 1
        self.own_in_flight -= own

    def answering(self) -> None:
        """A call that holds a permit brought the first of its answer. Call it at most once for each."""
        self._count(0.0)
        if self._growth < 1.0:
            self._round += 1
            if self._round >= self._limit:
                self._round = 0
                self._growth = min(1.0, 2.0 * self._growth)
        if 2 * self.in_flight >= self._limit:
            self._limit = min(float(self._options.max), self._limit + self._growth)

    def succeeded(self) -> None:
        """A call that holds a permit brought its answer all at once. Call it before its release."""
        self.answering()

    def overloaded(self, now: float) -> None:
        """The target showed overload, or a call timed out."""
        self._count(1.0)
        if self._overload < _TOLERATED or now - self._decreased < self._options.decrease_every_s:
            return
        self._decreased = now
        self._growth = _GROWTH_AFTER_DECREASE
        self._round = 0
        validated = min(self._limit, _VALIDATED * self._peak.seen(self.in_flight, now))
        self._limit = max(float(self._options.min), validated * self._options.decrease)

    def is_stressed(self, now: float) -> bool:
        """Whether the limit fell in the last 10 s, or is nearly used up: nobody should add load."""
        return now - self._decreased < _STRESSED_S or self.in_flight > _STRESSED_USE * self._limit

    def _count(self, result: float) -> None:
        """The share of overload moves to a result: a mean at first, and then of about the latest 32."""
        self._results = min(self._results + 1, _RESULTS)
        self._overload += (result - self._overload) / self._results
