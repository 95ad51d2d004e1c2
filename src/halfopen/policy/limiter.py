"""The adaptive limit on calls in flight at one target.

Rules
1. A permit is taken before a call and given back exactly once, whatever becomes of the call. Never
   are more out, when one is taken, than the limit allows.
2. An answer, or a stream's first content, while at least half of the limit is in use raises it (see
   `window_size`): whoever sends it is not queueing.
3. Overload or a timeout halves it; answers that come slowly (see `slowness`) take a fifth of it, for slow
   is not refused: halving would only make those wait in our line who now wait at the target. Where no
   more than the least limit were in flight, it is cut from where it stands, and not below a quarter of
   the initial limit: a target that breaks under so few, or a probe that hangs, says little about how
   many are too many.
4. Overload that stays under a quarter of the latest results doesn't move it. A server that we overload
   refuses nearly everything above its capacity; one that refuses a few calls in any case would not
   refuse fewer if we sent fewer, and halving for each would leave its users nothing.
5. A rate limit, a bad request or a cancelled call never moves it: they say nothing about load.
6. A part of it is reserved for the target's own traffic, the requests whose first choice it is:
   what that has lately had in flight, and half as much again to grow, but never more than the share
   `reserve`. Failovers from elsewhere share what is left, and one of them can always be under way, or
   a target that nobody asks for could not be reached.
   "Lately" is a peak that is halved every 10 s: a backup whose own users are gone for a minute gives
   nearly everything.
7. Failovers are guests: they have a limit of their own within that, which is halved already when answers
   come late (see `slowness`), long before there is overload. So own users don't stand in a queue that is
   not theirs. A quarter of what own users leave over stays theirs in any case, and where there has been no
   own user for half a minute, guests are not limited so.
8. Requests that have another choice leave sooner, too: for them the target is crowded above a third limit,
   which is halved when answers come late, whoever sent them, down to one. It is asked by itself: see
   `is_crowded`.
9. These two are halved when no more are in flight than they allow: until then the last cut is not felt yet.
10. Calls that are given up for lost (see `silence`) count for nothing but their own place beside the limit.

Sources: Netflix concurrency-limits, AIMDLimit (growth only while half is in use); RFC 8257 (DCTCP: how
much is marked tells more than that something is).
"""

import math
from typing import Final

from halfopen.policy.never import NEVER
from halfopen.policy.options import LimitOptions
from halfopen.policy.window_size import WindowSize

_VALIDATED: Final = 2.0
"""The limit grows to at most this many times what is in flight, so that much of it was tried out."""
_PEAK_HALVED_EVERY_S: Final = 10.0
_OWN_GROWTH: Final = 1.5
"""Own traffic may grow by half before it meets failovers."""
_STRESSED_S: Final = 10.0
_STRESSED_USE: Final = 0.8
_RESULTS: Final = 32
"""The share of overload is that of about so many latest results."""
_TOLERATED: Final = 0.25
"""Above what a provider refuses at random, far below what it refuses when it is full."""
_UNTRIED: Final = 0.25
"""Of the initial limit: what can't be tried out at so few calls isn't cut below."""
_SLOW_DECREASE: Final = 0.8
_LATE_EVERY_S: Final = 1.0
_OWN_FORGOTTEN_S: Final = 30.0
_GUESTS_LEAST: Final = 0.25


class _Peak:
    """The most that lately was in flight; an older most counts for less."""

    __slots__ = ("_at", "_value")

    def __init__(self) -> None:
        self._value = 0.0
        self._at = 0.0

    def seen(self, count: float, now: float) -> float:
        """`count` are in flight now. Returns the peak, which is not less."""
        value = self._value
        if count < value:
            if now > self._at:
                value *= 2.0 ** ((self._at - now) / _PEAK_HALVED_EVERY_S)
            if count < value:
                return value
        self._value = count
        if now > self._at:  # noqa: PLR1730 - max() takes longer than all the rest
            self._at = now
        return count


class Limiter:
    """Counts calls in flight against the limit. Not thread-safe; one event loop owns it.

    A whole number is at least a size, rounded down, when one more than it is above the size.
    """

    __slots__ = (
        "_guest_peak",
        "_guests",
        "_live",
        "_max",
        "_options",
        "_overload",
        "_own_live",
        "_own_peak",
        "_own_seen",
        "_peak",
        "_reserve",
        "_results",
        "_spill",
        "_stressed",
        "_window",
        "lost",
        "own_lost",
    )

    def __init__(self, options: LimitOptions) -> None:
        """Starts at the initial limit with nothing in flight."""
        self._options = options
        self._max = float(options.max)
        self._reserve = options.reserve
        self._window = WindowSize(float(min(max(options.initial, options.min), options.max)))
        self._guests = WindowSize(float(options.max))
        self._spill = WindowSize(float(options.max))
        self._stressed = float("-inf")
        self._overload = 0.0
        self._results = 0
        self._peak = _Peak()
        self._own_peak = _Peak()
        self._own_seen = float("-inf")
        self._guest_peak = _Peak()
        self._live = 0
        """Permits that are out, but of lost calls."""
        self._own_live = 0
        """Of them, those of the target's own traffic. The others are failovers."""
        self.lost = 0
        """Calls that are given up for lost: the limit is so much higher."""
        self.own_lost = 0
        """Of the lost ones, those of own traffic."""

    @property
    def in_flight(self) -> int:
        """Permits that are out."""
        return self._live + self.lost

    @property
    def own_in_flight(self) -> int:
        """Of them, those of the target's own traffic. The others are failovers."""
        return self._own_live + self.own_lost

    @property
    def limit(self) -> int:
        """Calls allowed in flight now."""
        return int(self._window.size) + self.lost

    @property
    def has_room(self) -> bool:
        """Whether the target's own traffic can have a permit."""
        return self._live < int(self._window.size)

    def lose(self, *, own: bool) -> None:
        """A call that is under way is given up for lost."""
        self._live -= 1
        self.lost += 1
        if own:
            self._own_live -= 1
            self.own_lost += 1

    def find(self, *, own: bool) -> None:
        """A lost call has brought something, or is over."""
        self._live += 1
        self.lost -= 1
        if own:
            self._own_live += 1
            self.own_lost -= 1

    def reserved(self, now: float) -> int:
        """Calls of the limit that are kept for the target's own traffic."""
        limit = int(self._window.size)
        needed = int(_OWN_GROWTH * self._own_peak.seen(self._own_live, now)) + 1
        most = math.ceil(self._reserve * limit)
        if needed > most:  # noqa: PLR1730 - min() takes longer than all the rest
            needed = most
        return needed if needed < limit else limit - 1

    def has_room_for(self, now: float, *, own: bool) -> bool:
        """Whether a permit can be had. `own`: for a request whose first choice this target is."""
        live = self._live
        if live + 1 > self._window.size:
            return False
        if own:
            return True
        guests = live - self._own_live
        return guests < int(self._window.size) - self.reserved(now) and (
            guests < int(self._guests.size) or not self._has_own_users(now)
        )

    @property
    def is_crowded(self) -> bool:
        """Whether who has another choice should go there: answers have come late with so many in flight."""
        return self._live + 1 > self._spill.size

    def acquire(self, now: float, *, own: bool = True) -> bool:
        """Take a permit; False, and nothing taken, when there is none."""
        if not self.has_room_for(now, own=own):
            return False
        self.take(now, own=own)
        return True

    def take(self, now: float, *, own: bool) -> None:
        """Take a permit that there is: `has_room_for` was asked just now."""
        self._live = live = self._live + 1
        self._peak.seen(live, now)
        if own:
            self._own_live = live = self._own_live + 1
            self._own_peak.seen(live, now)
            self._own_seen = now
        else:
            self._guest_peak.seen(live - self._own_live, now)

    def release(self, now: float, *, own: bool = True) -> None:
        """Give a permit back, `own` as when it was taken.

        Until now so many were in flight: they are no older peak than that.

        Raises RuntimeError, and changes nothing, when none is out: a permit was given back twice.
        """
        live, own_live = self._live, self._own_live
        if (own_live + self.own_lost if own else self.in_flight - self.own_in_flight) <= 0:
            raise RuntimeError("a permit was released twice")
        self._peak.seen(live, now)
        if own:
            self._own_peak.seen(own_live, now)
            self._own_seen = now
            self._own_live = own_live - 1
        else:
            self._guest_peak.seen(live - own_live, now)
        self._live = live - 1

    def missing(self) -> int:
        """How many calls must be lost for one more to have room, at least one."""
        return max(1, self._live + 1 - int(self._window.size))

    def answering(self, now: float, *, late: bool = False, sent: float = NEVER) -> None:
        """A call that holds a permit brought the first of its answer. Call it at most once for each.

        Args:
            now: Monotonic seconds.
            late: Whether answers come later than this target's usually do.
            sent: When the call was.
        """
        if self._overload > 0.0 or self._results < _RESULTS:
            self._count(0.0)
        live, window, spill = self._live, self._window, self._spill
        if window.growth < 1.0:
            window.answered(now)
        if 2 * live >= window.size:
            window.increase(most=self._max, late=late)
        if late or live != self._own_live:
            self._answered(now, late=late, sent=sent)
            return
        if spill.growth < 1.0:
            spill.settled(now)
        if 2 * live >= spill.size:
            spill.increase(most=self._max, late=False)

    def overloaded(self, now: float, *, sent: float = NEVER, slow: bool = False) -> None:
        """The target showed overload, or a call timed out.

        Args:
            now: Monotonic seconds.
            sent: When the call was.
            slow: Whether it was answered after all.
        """
        self._count(1.0)
        if slow:
            self._answered(now, late=True, sent=sent)
        if self._overload < _TOLERATED:
            return
        self._stressed = now
        options, window = self._options, self._window
        if not window.may_decrease(now, sent=sent, every_s=options.decrease_every_s):
            return
        least, peak = float(options.min), self._peak.seen(self._live, now)
        if peak <= least:
            least, peak = min(window.size, max(least, _UNTRIED * options.initial)), window.size
        factor = max(options.decrease, _SLOW_DECREASE) if slow else options.decrease
        window.decrease(now, used=_VALIDATED * peak, factor=factor, least=least)

    def is_stressed(self, now: float) -> bool:
        """Whether it showed overload in the last 10 s, or is nearly used up: nobody should add load."""
        return now - self._stressed < _STRESSED_S or self._live > _STRESSED_USE * self._window.size

    def _answered(self, now: float, *, late: bool, sent: float) -> None:
        """The limits of those who should leave sooner than own users without another choice."""
        self._adapt(self._spill, self._live, self._peak, now, late=late, sent=sent, least=1.0)
        guests = self._live - self._own_live
        if guests and (not late or self._has_own_users(now)):
            left = int(self._window.size) - self.reserved(now)
            least = max(float(self._options.min), _GUESTS_LEAST * left)
            self._adapt(self._guests, guests, self._guest_peak, now, late=late, sent=sent, least=least)

    def _adapt(
        self,
        window: WindowSize,
        in_flight: int,
        peak: _Peak,
        now: float,
        *,
        late: bool,
        sent: float,
        least: float,
    ) -> None:
        """Late answers halve what is in flight, others raise it gently."""
        options = self._options
        if not late:
            window.settled(now)
            if 2 * in_flight >= window.size:
                window.increase(most=self._max, late=False)
        elif in_flight <= window.size and window.may_decrease(now, sent=sent, every_s=_LATE_EVERY_S):
            used = peak.seen(in_flight, now)
            window.decrease(now, used=used, factor=options.decrease, least=least)

    def _has_own_users(self, now: float) -> bool:
        return self._own_live > 0 or now - self._own_seen < _OWN_FORGOTTEN_S

    def _count(self, result: float) -> None:
        """The share of overload moves to a result: a mean at first, and then of about the latest 32."""
        self._results = min(self._results + 1, _RESULTS)
        self._overload += (result - self._overload) / self._results
