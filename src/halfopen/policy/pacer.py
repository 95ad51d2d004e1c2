"""Keeps calls below a provider's rate limits, instead of running into its 429s.

Rules
1. Each limit is a meter that fills with what calls take and drains at the limit's rate: GCRA. A call
   may go when every meter has room for it. So what is let through in T seconds is at most one full
   allowance and what drains in T.
2. A call is reckoned before it goes and put right on usage. What was taken too much is given back,
   what was taken too little is taken then. A call that was sent stays counted as a request. Without
   usage the estimate stands: nobody knows that the provider gave it back.
3. Requests of a minute's limit are spread as well: at most what 10 s bring at once. Providers enforce
   a minute's limit by the second (OpenAI, Anthropic) or by 1 to 10 s (Azure). Tokens are not: one
   prompt is often a large part of the limit, and the providers take it.
4. A call larger than a limit counts as the whole of it: it goes when nothing else is in the meter.
5. The provider's word goes before ours. It has counted what is settled, and we don't know whether it
   has counted what is out: a meter is moved no further than into these two bounds.
6. A limit that is configured is a bound of its own, which no header raises.
7. Nonsense (not a number, negative, zero, endless) is not known. Debt ends at one more allowance, so
   nothing that a provider says makes a call wait longer than two of its windows.
8. Of a limit that several processes use together each has a share, headers' limits included. A change
   of shares gives nobody room: what was free stays free as far as it fits, and the rest comes by the
   new rate. So all together never have more room than the limit has, whatever the shares were before.
   A call that is larger than the share is still counted in full, and paid off at the share's rate.

Source: ITU-T I.371 (03/2004), annex A, and ATM Forum Traffic Management 4.0, section 4.4.3: the
generic cell rate algorithm as a continuous-state leaky bucket, which lets through the same as virtual
scheduling (redis-cell).
"""

# ruff: noqa: FURB136, PLR1730 - min() and max() take longer than all the rest of what every call goes through

import math
from typing import Final, NamedTuple

from halfopen.model import Demand, Dimension, RateLimit, Usage
from halfopen.policy.options import PacerOptions

SPREAD_S: Final = 10.0
"""Requests that a minute's limit brings in this long may go at once."""
SPREAD_MIN: Final = 5.0
"""And so many in any case, if the limit is not smaller: small limits are not enforced by the second."""
_MINUTE_S: Final = 60.0
_ROUNDING_S: Final = 1.0
"""Resets are told in whole seconds by some."""
_DAY_S: Final = 86_400.0
_WINDOW_MIN_S: Final = 0.1
_WINDOW_MAX_S: Final = 32 * _DAY_S
_LIMIT_MIN: Final = 1e-3
_LIMIT_MAX: Final = 1e15
_TOKENS_MAX: Final = int(_LIMIT_MAX)
_SHARE_MIN: Final = 1e-6
_LEARNT_MAX: Final = 12
"""Limits learnt from headers: no provider has more, and a broken one must not fill the memory."""
_DIMENSIONS: Final = (Dimension.REQUESTS, Dimension.TOKENS, Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS)


Costs = tuple[float, ...]
"""What a call takes of limits, by their dimension's place in `_DIMENSIONS`."""


class Reservation:
    """What one call was reckoned to take. Nobody changes it."""

    __slots__ = ("costs", "meters")

    def __init__(self, costs: Costs, meters: int) -> None:
        """`meters`: how many limits were known when it was taken: later ones have not counted it."""
        self.costs = costs
        self.meters = meters


class Room(NamedTuple):
    """How much of one limit is left."""

    dimension: Dimension
    left: float
    limit: float
    """All of it."""


class _Meter:
    """One limit: what is in it, and how fast it drains."""

    __slots__ = (
        "asked_window_s",
        "burst",
        "dimension",
        "kind",
        "learnt",
        "level",
        "limit",
        "out",
        "rate",
        "share",
        "spread_level",
        "updated",
        "whole",
        "window_s",
    )

    def __init__(
        self, dimension: Dimension, whole: float, window_s: float, *, share: float, learnt: bool
    ) -> None:
        """Starts empty: the allowance is full."""
        self.dimension = dimension
        self.share = share
        """Of the whole limit, the part that we may use."""
        self.kind = _DIMENSIONS.index(dimension)
        """Its place among the costs of a call."""
        self.learnt = learnt
        self.asked_window_s: float | None = None
        """The window that the headers name, to tell a minute's limit from a day's; None: they don't."""
        self.level = 0.0
        self.spread_level = 0.0
        """As `level`, of the last seconds only."""
        self.out = 0.0
        """Of what was taken, the part whose calls are not over."""
        self.updated = -math.inf
        self.set_rate(whole, window_s)

    def set_rate(self, whole: float, window_s: float) -> None:
        """Take another limit; what is in the meter stays. Call `drain` first."""
        self.whole = whole
        self.window_s = window_s
        burst = whole
        if self.dimension is Dimension.REQUESTS and window_s <= _MINUTE_S:
            burst = min(whole, max(SPREAD_MIN, whole / window_s * SPREAD_S))
        self.limit = whole * self.share
        self.burst = burst * self.share
        self.rate = self.limit / window_s
        self.level = min(self.level, self.limit + whole)
        self.spread_level = min(self.spread_level, self.limit + whole)

    def set_share(self, share: float) -> None:
        """Use another part; what is free doesn't grow by it. Call `drain` first."""
        room, spread_room = self.limit - self.level, self.burst - self.spread_level
        self.share = share
        self.set_rate(self.whole, self.window_s)
        self.level = min(max(self.limit - room, 0.0), self.limit + self.whole)
        self.spread_level = min(max(self.burst - spread_room, 0.0), self.limit + self.whole)

    def ready_at(self, cost: float) -> float:
        """When the meter has room for `cost`. It depends on what is in the meter only, not on the clock."""
        limit, burst = self.limit, self.burst
        excess = self.level + cost - limit if cost < limit else self.level
        if burst < limit:
            spread = self.spread_level + (cost if cost < burst else burst) - burst
            if spread > excess:
                excess = spread
        return self.updated + excess / self.rate if excess > 0 else -math.inf

    def drain(self, now: float) -> None:
        """Bring the meter up to `now`. A clock that goes back changes nothing."""
        drained = (now - self.updated) * self.rate
        if drained > 0:
            self.level = self.level - drained if self.level > drained else 0.0
            self.spread_level = self.spread_level - drained if self.spread_level > drained else 0.0
            self.updated = now

    def left(self, now: float) -> float:
        """How much may still go at once, the spread over seconds aside. Changes nothing."""
        drained = max(now - self.updated, 0.0) * self.rate if self.level else 0.0
        return max(self.limit - max(self.level - drained, 0.0), 0.0)

    def take(self, cost: float, now: float) -> None:
        """A call goes out."""
        if now > self.updated:
            self.drain(now)
        self.out += cost
        self._fill(cost if cost < self.whole else self.whole)

    def settle(self, reckoned: float, used: float, now: float) -> None:
        """A call is over that was reckoned to take `reckoned` and took `used`."""
        self.out -= reckoned
        if used != reckoned:  # not of requests, the only ones that are spread
            if now > self.updated:
                self.drain(now)
            whole = self.whole
            self._fill((used if used < whole else whole) - (reckoned if reckoned < whole else whole))

    def _fill(self, change: float) -> None:
        limit, level = self.limit, self.level + change
        most = limit + self.whole
        if level > most:
            level = most
        self.level = level if level > 0.0 else 0.0
        if self.burst < limit:
            level = self.spread_level + change
            self.spread_level = level if level < most else most

    def told_remaining(self, remaining: float) -> None:
        """Take over what the provider says is left, as far as calls that are out leave it certain."""
        used = (self.whole - remaining) * self.share if remaining < self.whole else 0.0
        if self.level < used:
            self.level = used
        elif self.learnt and self.level > used + self.out:
            self.level = used + self.out

    def told_reset(self, remaining: float, reset_s: float) -> None:
        """Wait for a fixed window's end: nothing is left.

        A window that drains steadily is full again after the share of it that is used; less than that
        tells that all of it comes back at once, and nothing before.
        """
        used = self.whole - remaining
        if reset_s < 0.9 * self.window_s * (used - 1) / self.whole:
            most = self.limit + self.whole
            self.level = min(max(self.level, self.limit - 1 + self.rate * reset_s), most)


class Pacer:
    """The rate limits of one model behind one credential. Not thread-safe; one event loop owns it."""

    __slots__ = ("_asked", "_costs", "_meters", "calls", "knows_limits", "share", "tokens")

    def __init__(self, options: PacerOptions) -> None:
        """Starts with full allowances of whole limits."""
        self.share = 1.0
        """Of each limit, the part that it keeps to. Above 0, up to 1."""
        self.calls = 0
        """That went out while there was a limit to keep."""
        self.tokens = 0.0
        """That they were reckoned to take."""
        rates = (
            options.requests_per_minute,
            options.tokens_per_minute,
            options.input_tokens_per_minute,
            options.output_tokens_per_minute,
        )
        self._meters = [
            _Meter(dimension, max(rate, _LIMIT_MIN), _MINUTE_S, share=1.0, learnt=False)
            for dimension, rate in zip(_DIMENSIONS, rates, strict=True)
            if 0 < rate <= _LIMIT_MAX
        ]
        """Grows only, so that a reservation knows which meters counted it."""
        self.knows_limits = bool(self._meters)
        """Whether there is any limit to keep."""
        self._asked: Demand | None = None
        """Who asked last, and so mostly who goes next."""
        self._costs: Costs = ()

    def ready_at(self, demand: Demand, now: float) -> float:
        """When such a call may go out; `now`, or earlier, if it may now. Takes nothing."""
        ready_at, costs = now, self._reckoned(demand)
        for meter in self._meters:
            at = meter.ready_at(costs[meter.kind])
            if at > ready_at:
                ready_at = at
        return ready_at

    def reserve(self, demand: Demand, now: float) -> Reservation | None:
        """Take what the call is reckoned to need. None: there is no limit to keep."""
        meters = self._meters
        if not meters:
            return None
        costs = self._reckoned(demand)
        self.calls += 1
        self.tokens += costs[1]
        for meter in meters:
            meter.take(costs[meter.kind], now)
        return Reservation(costs, len(meters))

    def settle(self, reservation: Reservation, usage: Usage | None, now: float) -> None:
        """The call is over: put the estimate right, once.

        Args:
            reservation: What `reserve` gave.
            usage: What it took. None: it is not known, and the estimate stands. `Usage()`: it never got
                anywhere, and its tokens are given back.
            now: Monotonic seconds.
        """
        reckoned = reservation.costs
        used = reckoned if usage is None else _used(usage)
        for number in range(reservation.meters):
            meter = self._meters[number]
            meter.settle(reckoned[meter.kind], used[meter.kind], now)

    def set_share(self, share: float, now: float) -> None:
        """Keep to another part of each limit from now on. Above 0, up to 1."""
        share = _part(share)
        if share == self.share:
            return
        self.share = share
        for meter in self._meters:
            meter.drain(now)
            meter.set_share(share)

    def learn(self, limits: tuple[RateLimit, ...], now: float) -> None:
        """Take over what an answer's headers told."""
        for told in limits:
            limit = _sane(told.limit, _LIMIT_MAX)
            remaining = _sane(told.remaining, _LIMIT_MAX)
            if limit is not None and limit >= 1:
                meter = self._learnt(told, limit)
                if meter is not None:
                    _adopt(meter, limit, remaining, _sane(told.reset_s, _WINDOW_MAX_S), now)
            elif told.limit is None and remaining is not None:
                self._learn_remaining(told, remaining, now)

    def rooms(self, now: float) -> list[Room]:
        """What is left of each limit, of the part that it keeps to. Changes nothing."""
        return [Room(meter.dimension, meter.left(now), meter.limit) for meter in self._meters]

    def _reckoned(self, demand: Demand) -> Costs:
        """What a call is reckoned to take of each dimension before it goes."""
        if demand is not self._asked:
            given, answered = demand.input_tokens, demand.output_tokens
            self._asked = demand
            self._costs = (1.0, _bounded(given + answered), _bounded(given), _bounded(answered))
        return self._costs

    def _learn_remaining(self, told: RateLimit, remaining: float, now: float) -> None:
        """Azure has told what is left without the limit: it still bounds what is known of the limit."""
        for meter in self._meters:
            if meter.dimension is told.dimension and meter.asked_window_s == told.window_s:
                meter.drain(now)
                meter.told_remaining(remaining)

    def _learnt(self, told: RateLimit, limit: float) -> _Meter | None:
        """The meter of one limit of the headers, a new one if need be; None: there are too many."""
        learnt = 0
        for meter in self._meters:
            if meter.learnt:
                learnt += 1
                if meter.dimension is told.dimension and meter.asked_window_s == told.window_s:
                    return meter
        if learnt >= _LEARNT_MAX:
            return None
        meter = _Meter(told.dimension, limit, _window_s(told.window_s), share=self.share, learnt=True)
        meter.asked_window_s = told.window_s
        self._meters.append(meter)
        self.knows_limits = True
        return meter


def _adopt(meter: _Meter, limit: float, remaining: float | None, reset_s: float | None, now: float) -> None:
    meter.drain(now)
    window_s = meter.window_s
    if meter.asked_window_s is None and remaining is not None and reset_s is not None:
        window_s = _inferred_s(limit, remaining, reset_s, window_s)
    if limit != meter.whole or window_s != meter.window_s:
        meter.set_rate(limit, window_s)
    if remaining is not None:
        meter.told_remaining(remaining)
        if remaining < 1 and reset_s is not None:
            meter.told_reset(remaining, reset_s)


def _inferred_s(limit: float, remaining: float, reset_s: float, window_s: float) -> float:
    """Return a limit's window; `reset_s` is the time until the allowance is full again.

    A reset within a minute says a minute. A day's limit that is hardly used shows the same, and as long
    as it is hardly used it does not matter. Where the limit drains steadily, what is used comes back in
    `reset_s`; where that would make it more than a day's, it is a fixed window, which ends then.
    """
    used = limit - remaining
    if used <= 0 or reset_s <= 0:
        return window_s
    if reset_s <= _MINUTE_S + _ROUNDING_S:
        return _MINUTE_S
    inferred_s = limit / used * reset_s
    return inferred_s if inferred_s <= _DAY_S * 1.01 else reset_s


def _part(share: float) -> float:
    """A share as one can reckon with it. None at all would be an endless wait."""
    return min(max(share, _SHARE_MIN), 1.0)


def _window_s(told_s: float | None) -> float:
    sane = _sane(told_s, math.inf)
    return _MINUTE_S if not sane else min(max(sane, _WINDOW_MIN_S), _WINDOW_MAX_S)


def _sane(value: float | None, largest: float) -> float | None:
    """Return a number that can be reckoned with; None: it is not one, negative or beyond `largest`."""
    return value if value is not None and 0 <= value <= largest and value != math.inf else None


def _used(usage: Usage) -> Costs:
    """What a call took. Input read from a cache is free where input has a limit of its own (Anthropic)."""
    given, answered = usage.input_tokens, usage.output_tokens
    free = usage.cached_tokens if usage.cached_tokens > 0 else 0
    return (1.0, _bounded(given + answered), _bounded(given - free), _bounded(answered))


def _bounded(tokens: int) -> float:
    if tokens <= 0:
        return 0.0
    # Compared as whole numbers: one of hundreds of digits is none that a float can be.
    return float(tokens) if tokens < _TOKENS_MAX else _LIMIT_MAX
