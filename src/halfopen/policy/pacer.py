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

Source: ITU-T I.371 (03/2004), annex A, and ATM Forum Traffic Management 4.0, section 4.4.3: the
generic cell rate algorithm as a continuous-state leaky bucket, which lets through the same as virtual
scheduling (redis-cell).
"""

import math
from dataclasses import dataclass
from typing import Final

from halfopen.model import Demand, Dimension, RateLimit, Usage

SPREAD_S = 10.0
"""Requests that a minute's limit brings in this long may go at once."""
SPREAD_MIN = 5.0
"""And so many in any case, if the limit is not smaller: small limits are not enforced by the second."""
_MINUTE_S = 60.0
_ROUNDING_S = 1.0
"""Resets are told in whole seconds by some."""
_DAY_S = 86_400.0
_WINDOW_MIN_S = 0.1
_WINDOW_MAX_S = 32 * _DAY_S
_LIMIT_MIN = 1e-3
_LIMIT_MAX = 1e15
_LEARNT_MAX = 12
"""Limits learnt from headers: no provider has more, and a broken one must not fill the memory."""
_DIMENSIONS: Final = (Dimension.REQUESTS, Dimension.TOKENS, Dimension.INPUT_TOKENS, Dimension.OUTPUT_TOKENS)


@dataclass(frozen=True, slots=True)
class PacerOptions:
    """The rate limits of one model behind one credential, as far as they are known beforehand."""

    requests_per_minute: float = 0.0
    """0: not known."""
    tokens_per_minute: float = 0.0
    """Input and output together. 0: not known."""
    input_tokens_per_minute: float = 0.0
    """0: not known."""
    output_tokens_per_minute: float = 0.0
    """0: not known."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one call was reckoned to take."""

    demand: Demand
    meters: int = 0
    """How many limits were known when it was taken: later ones have not counted it."""


class _Meter:
    """One limit: what is in it, and how fast it drains."""

    __slots__ = (
        "asked_window_s",
        "burst",
        "dimension",
        "learnt",
        "level",
        "limit",
        "out",
        "rate",
        "spread_level",
        "updated",
        "window_s",
    )

    def __init__(self, dimension: Dimension, limit: float, window_s: float, *, learnt: bool) -> None:
        """Starts empty: the allowance is full."""
        self.dimension = dimension
        self.learnt = learnt
        self.asked_window_s: float | None = None
        """The window that the headers name, to tell a minute's limit from a day's; None: they don't."""
        self.level = 0.0
        self.spread_level = 0.0
        """As `level`, of the last seconds only."""
        self.out = 0.0
        """Of what was taken, the part whose calls are not over."""
        self.updated = -math.inf
        self.set_rate(limit, window_s)

    def set_rate(self, limit: float, window_s: float) -> None:
        """Take another limit; what is in the meter stays. Call `drain` first."""
        self.limit = limit
        self.window_s = window_s
        self.rate = limit / window_s
        self.burst = limit
        if self.dimension is Dimension.REQUESTS and window_s <= _MINUTE_S:
            self.burst = min(limit, max(SPREAD_MIN, self.rate * SPREAD_S))
        self.level = min(self.level, 2 * limit)
        self.spread_level = min(self.spread_level, 2 * limit)

    def ready_at(self, cost: float) -> float:
        """When the meter has room for `cost`. It depends on what is in the meter only, not on the clock."""
        limit = self.limit
        excess = self.level + cost - limit if cost < limit else self.level
        if self.burst < limit:
            excess = max(excess, self.spread_level + min(cost, self.burst) - self.burst)
        return self.updated + excess / self.rate if excess > 0 else -math.inf

    def drain(self, now: float) -> None:
        """Bring the meter up to `now`. A clock that goes back changes nothing."""
        drained = (now - self.updated) * self.rate
        if drained > 0:
            self.level = self.level - drained if self.level > drained else 0.0
            self.spread_level = self.spread_level - drained if self.spread_level > drained else 0.0
            self.updated = now

    def take(self, cost: float, now: float) -> None:
        """A call goes out."""
        self.drain(now)
        self.out += cost
        self._fill(min(cost, self.limit))

    def settle(self, reckoned: float, used: float, now: float) -> None:
        """A call is over that was reckoned to take `reckoned` and took `used`."""
        self.out -= reckoned
        if used != reckoned:  # not of requests, the only ones that are spread
            self.drain(now)
            self._fill(min(used, self.limit) - min(reckoned, self.limit))

    def _fill(self, change: float) -> None:
        most = 2 * self.limit
        self.level = min(max(0.0, self.level + change), most)
        if self.burst < self.limit:
            self.spread_level = min(self.spread_level + change, most)

    def told_remaining(self, remaining: float) -> None:
        """Take over what the provider says is left, as far as calls that are out leave it certain."""
        used = self.limit - min(remaining, self.limit)
        if self.level < used:
            self.level = used
        elif self.learnt and self.level > used + self.out:
            self.level = used + self.out

    def told_reset(self, remaining: float, reset_s: float) -> None:
        """Wait for a fixed window's end when nothing is left.

        A window that drains steadily is full again after the share of it that is used; less than that
        tells that all of it comes back at once, and nothing before.
        """
        used = self.limit - remaining
        if remaining < 1 and reset_s < 0.9 * self.window_s * (used - 1) / self.limit:
            self.level = min(max(self.level, self.limit - 1 + self.rate * reset_s), 2 * self.limit)


class Pacer:
    """The rate limits of one model behind one credential. Not thread-safe; one event loop owns it."""

    __slots__ = ("_meters",)

    def __init__(self, options: PacerOptions) -> None:
        """Starts with full allowances."""
        rates = (
            options.requests_per_minute,
            options.tokens_per_minute,
            options.input_tokens_per_minute,
            options.output_tokens_per_minute,
        )
        self._meters = [
            _Meter(dimension, max(rate, _LIMIT_MIN), _MINUTE_S, learnt=False)
            for dimension, rate in zip(_DIMENSIONS, rates, strict=True)
            if 0 < rate <= _LIMIT_MAX
        ]
        """Grows only, so that a reservation knows which meters counted it."""

    @property
    def knows_limits(self) -> bool:
        """Whether there is any limit to keep."""
        return bool(self._meters)

    def ready_at(self, demand: Demand, now: float) -> float:
        """When such a call may go out; `now`, or earlier, if it may now. Takes nothing."""
        ready_at = now
        for meter in self._meters:
            at = meter.ready_at(_reckoned(meter.dimension, demand))
            if at > ready_at:  # noqa: PLR1730 - max() costs more than all the rest
                ready_at = at
        return ready_at

    def reserve(self, demand: Demand, now: float) -> Reservation | None:
        """Take what the call is reckoned to need. None: there is no limit to keep."""
        meters = self._meters
        if not meters:
            return None
        for meter in meters:
            meter.take(_reckoned(meter.dimension, demand), now)
        return Reservation(demand, len(meters))

    def settle(self, reservation: Reservation, usage: Usage | None, now: float) -> None:
        """The call is over: put the estimate right, once.

        Args:
            reservation: What `reserve` gave.
            usage: What it took. None: it is not known, and the estimate stands. `Usage()`: it never got
                anywhere, and its tokens are given back.
            now: Monotonic seconds.
        """
        demand = reservation.demand
        for meter in self._meters[: reservation.meters]:
            reckoned = _reckoned(meter.dimension, demand)
            used = reckoned if usage is None else _used(meter.dimension, usage)
            meter.settle(reckoned, used, now)

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
        meter = _Meter(told.dimension, limit, _window_s(told.window_s), learnt=True)
        meter.asked_window_s = told.window_s
        self._meters.append(meter)
        return meter


def _adopt(meter: _Meter, limit: float, remaining: float | None, reset_s: float | None, now: float) -> None:
    meter.drain(now)
    window_s = meter.window_s
    if meter.asked_window_s is None and remaining is not None and reset_s is not None:
        window_s = _inferred_s(limit, remaining, reset_s, window_s)
    if limit != meter.limit or window_s != meter.window_s:
        meter.set_rate(limit, window_s)
    if remaining is not None:
        meter.told_remaining(remaining)
        if reset_s is not None:
            meter.told_reset(min(remaining, limit), reset_s)


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


def _window_s(told_s: float | None) -> float:
    sane = _sane(told_s, math.inf)
    return _MINUTE_S if not sane else min(max(sane, _WINDOW_MIN_S), _WINDOW_MAX_S)


def _sane(value: float | None, largest: float) -> float | None:
    """Return a number that can be reckoned with; None: it is not one, negative or beyond `largest`."""
    return value if value is not None and 0 <= value <= largest and value != math.inf else None


def _reckoned(dimension: Dimension, demand: Demand) -> float:
    """What a call is reckoned to take of a limit before it goes."""
    if dimension is Dimension.REQUESTS:
        return 1.0
    if dimension is Dimension.TOKENS:
        tokens = demand.input_tokens + demand.output_tokens
    elif dimension is Dimension.INPUT_TOKENS:
        tokens = demand.input_tokens
    else:
        tokens = demand.output_tokens
    return min(tokens, _LIMIT_MAX) if tokens > 0 else 0.0


def _used(dimension: Dimension, usage: Usage) -> float:
    """What a call took. Input read from a cache is free where input has a limit of its own (Anthropic)."""
    if dimension is Dimension.REQUESTS:
        return 1.0
    if dimension is Dimension.TOKENS:
        tokens = usage.input_tokens + usage.output_tokens
    elif dimension is Dimension.INPUT_TOKENS:
        tokens = usage.input_tokens - max(0, usage.cached_tokens)
    else:
        tokens = usage.output_tokens
    return min(tokens, _LIMIT_MAX) if tokens > 0 else 0.0
