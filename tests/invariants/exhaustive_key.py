"""When two states of the small model are the same, so that one of them need not be searched again.

`exact`: everything in them is the same, the clock included. Sound without an argument.
`alike`: everything that anything can still be decided by is the same, with times counted from now. Sound
because nothing reads the clock but to compare it with a time that is kept, or to take their difference:
a world that is shifted in time does the same, later. Both walk through every field of every object; `alike`
treats the fields of `FIELDS` in a way of their own:

- AHEAD: a time of which code only asks whether it has passed (openings, throttles, parkings);
- TIME: a time, counted from now;
- VALUE: a number that is no time;
- TOLD: what is told to people only, or follows from other fields, or can't matter in so small a model.

A field that is not named counts as it is, and if it is a float that may be a time, the clock counts as well.
So a field that is new makes the search longer, never wrong. First-content times, slowness and line speeds
say nothing while they are few; `_need` raises when the model gets there. A test searches small variants by
both keys and compares what was reached.
"""

import marshal
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from enum import Enum, auto
from hashlib import blake2b
from typing import Any, Final

from exhaustive_model import Request, World
from exhaustive_rules import SILENT_S

from halfopen.model import Attempt, Fault
from halfopen.policy.bucket import RetryBucket
from halfopen.policy.first_content import SAMPLES_MIN, FirstContentTimes
from halfopen.policy.limiter import Limiter
from halfopen.policy.line_speed import LineSpeed
from halfopen.policy.silence import Silence
from halfopen.policy.slowness import Slowness
from halfopen.policy.window import Window

_DIGITS = 6
"""Times are compared to 1 µs: the same interval at another hour differs in its last bits."""
_BY_VALUE = 2
"""The version of `marshal` that writes equal values alike, whether or not they are one object."""
_TAKES_KNOWN = 5
_FEW_SAMPLES = 12
"""No path of the model adds the eight that are missing then."""


class How(Enum):
    """What a field counts as."""

    AHEAD = auto()
    TIME = auto()
    VALUE = auto()
    TOLD = auto()


_NAMES: Final = {
    How.AHEAD: "Breaker._open_until Breaker._lone_open_until TargetState._quiet_until Account.throttled_until "
    "Credential.parked_until",
    How.TIME: "Journey.wake_at Journey._hedge_at Deadline.arrived Deadline.at Deadline.last_start Flight.started "
    "Flight.deadline Pace._last Pace._stream_until Pace._window_until Permit.sent Breaker._closed_since "
    "Breaker._lease_until Breaker._lone_lease_until Limiter._stressed _Peak._at WindowSize._decreased "
    "Silence._until Silence._next Told.deadline Told.stream_until Request.looked_at Call.sent_at",
    How.VALUE: "Deadline._deadline_s Deadline._stream_s Deadline.span_s Flight.given_s Flight.due_s "
    "Limiter._overload _Peak._value WindowSize.size WindowSize.growth HedgeBudget._mean "
    "HedgeBudget.tokens Silence._latest_s Silence._earlier_s Demand.patience_s",
    How.TOLD: "World.now World.variant World.options World.policy World.requests Flight.connected "
    "Flight.first_byte Flight.status Flight.first_content Journey.served_by Journey._demand Journey._options "
    "Selection.skips Selection.states TargetState.last_fault TargetState.target Request.arrived Request.demand "
    "Request.world Request.order Rules.broken Rules._before Rules._blameless Rules.world Rules.told "
    "Line._now Line._wake Line._asks Line._rooms _Place.asked_in _Place.joined_again "
    "Call.request",
}
FIELDS: Final[Mapping[str, How]] = {name: how for how, names in _NAMES.items() for name in names.split()}


class Alike:
    """The key of what can still matter, seen from now."""

    def __init__(self) -> None:
        """Knows no class yet."""
        self._plans: dict[type, tuple[tuple[str, How | None], ...]] = {}
        self._now = 0.0
        self._seen: dict[int, int] = {}
        self._clock_counts = False
        self._own: Mapping[type, Callable[[Any], Any]] = {
            Request: self._request,
            RetryBucket: self._bucket,
            FirstContentTimes: self._first_content,
            Slowness: self._slowness,
            LineSpeed: self._speed,
            Limiter: self._limiter,
            Silence: self._silence,
            Window: self._window,
        }

    def __call__(self, world: World) -> bytes:
        """The key's digest."""
        self._now, self._seen, self._clock_counts = world.now, {}, False
        self._world = world
        waits = any(each.arrived is None for each in world.requests)
        key = (
            self._after(world.variant.arrives_until_s) if waits else None,
            tuple([self._walk(each) for each in world.requests]),
            self._rules(world),
            self._walk(world),
        )
        return digest((key, world.now if self._clock_counts else None))

    def _after(self, at: float) -> float:
        return round(at - self._now, _DIGITS)

    def _walk(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is int or kind is bool or kind is str:
            return value
        if kind is float:
            self._clock_counts = self._clock_counts or (value != 0.0 and abs(value) != math.inf)
            return value
        if kind in (list, tuple, deque):
            return tuple([self._walk(each) for each in value])
        if kind in (dict, OrderedDict):
            return tuple([(self._walk(key), self._walk(each)) for key, each in value.items()])
        if kind is set:
            return tuple(sorted(value))
        if isinstance(value, Enum):
            return value.name
        if kind is Fault:
            return (value.kind.value, value.verdict.value, value.delay_s)
        if kind is Attempt:
            return "attempt"
        number = self._seen.get(id(value))
        if number is not None:
            return ("seen", number)
        self._seen[id(value)] = len(self._seen)
        own = self._own.get(kind)
        return self._fields(value) if own is None else own(value)

    def _fields(self, value: Any) -> Any:
        kind = type(value)
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = _plan(kind, value)
        return (kind.__name__, *[self._field(getattr(value, name), how) for name, how in plan])

    def _field(self, value: Any, how: How | None) -> Any:
        if how is None or value is None:
            return self._walk(value)
        if how is How.VALUE:
            return round(value, _DIGITS)
        return self._after(value) if how is How.TIME or value > self._now else None

    # Classes with a way of their own.

    def _request(self, request: Request) -> Any:
        if request.arrived is None or request.is_over:
            return request.is_over
        retry = request.journey._retry
        told = self._world.rules.of(request)
        return (
            None if retry is None else (retry[0], self._after(retry[1])),
            self._fields(told),
            self._fields(request),
        )

    def _bucket(self, bucket: RetryBucket) -> Any:
        """What is in it at this moment, without a look that would fill it."""
        names = ("_tokens", "_weights", "_mean_tokens", "_sizes")
        most, gap_s = bucket._options.bucket_max, max(0.0, self._now - bucket._updated)
        earned = gap_s / bucket._options.refill_s
        tokens, weights, *sizes = (getattr(bucket, name, 0.0) for name in names)
        _need(not any(sizes))
        return tuple(round(min(most, each + earned), _DIGITS) for each in (tokens, weights))

    def _first_content(self, times: FirstContentTimes) -> Any:
        if times.samples >= SAMPLES_MIN:
            return (tuple(times._counts), times._since_halved)
        _need(times.samples <= _FEW_SAMPLES)
        return None

    def _slowness(self, slowness: Slowness) -> None:
        _need(slowness.usual_s is None and len(slowness._first) <= SAMPLES_MIN)

    def _speed(self, speed: LineSpeed) -> None:
        _need(len(speed._takes) < _TAKES_KNOWN)

    def _limiter(self, limiter: Limiter) -> Any:
        """A limit of one that can't move has nothing else to decide by; hedges ask whether it is stressed."""
        if limiter._options.max == 1 and not self._world.variant.hedges:
            return (limiter.in_flight, limiter.own_in_flight)
        return self._fields(limiter)

    def _silence(self, silence: Silence) -> Any:
        """It decides nothing where every request is over before a call can be lost."""
        if self._world.options.stream_s < SILENT_S:
            return None
        return self._fields(silence)

    def _window(self, window: Window) -> Any:
        """The slots that still count, if anything is in them, by their distance from now's."""
        slot_s, slots = window._slot_s, len(window._totals)
        at = int(self._now / slot_s)
        filled = tuple(
            (slot - at, window._totals[slot % slots], window._marks[slot % slots])
            for slot in range(max(window._slot, at) - slots + 1, window._slot + 1)
            if window._totals[slot % slots]
        )
        return (filled, round(self._now - at * slot_s, _DIGITS)) if filled else None

    def _rules(self, world: World) -> Any:
        """What the rules remember, but of requests: see `_request`."""
        rules, now = world.rules, self._now
        retry, park_s = world.policy.retry, world.policy.parking.key_s
        slack = [
            round(retry.refill_per_success * good + now / retry.refill_s - used, _DIGITS)
            for good, used in zip(rules.successes, rules.retries, strict=True)
        ]
        self._seen[id(rules)] = len(self._seen)
        return (
            tuple(slack),
            tuple([self._parking(each, park_s) for each in rules.parkings.values()]),
            tuple([self._field(at, How.AHEAD) for at in rules.quiet_until]),
            tuple(sorted((who, self._after(at)) for who, at in rules.throttled.items() if at > now)),
        )

    def _parking(self, parking: Any, park_s: float) -> Any:
        refused_at = -math.inf if parking.refused_at is None else parking.refused_at
        until = max(refused_at, parking.tried_at) + park_s
        return (parking.refusals, parking.refused_at is None, self._field(until, How.AHEAD))


def _plan(kind: type, value: Any) -> tuple[tuple[str, How | None], ...]:
    """The fields that count, and how."""
    names = [*fields_of(kind), *sorted(getattr(value, "__dict__", ()))]
    if not names:
        raise TypeError(f"{kind.__name__} has no fields to tell its states apart")
    plan = [
        (name, FIELDS.get(f"{kind.__name__}.{name}")) for name in names if not _stays(getattr(value, name))
    ]
    return tuple(
        (name, how) for name, how in plan if how is not How.TOLD and f"{kind.__name__}.{name}" != RETRY
    )


def _stays(value: Any) -> bool:
    """Whether a field of such a value never changes."""
    return callable(value) or type(value).__name__.endswith(("Options", "Variant", "Target", "Demand"))


RETRY: Final = "Journey._retry"
"""A number and a time: `Alike._request` has it."""


def _need(condition: object) -> None:
    if not condition:
        raise AssertionError("the model is too large for its key: see exhaustive_key")


def digest(key: tuple[Any, ...]) -> bytes:
    """A key in 128 bits, all of which depend on all of it: `hash` takes -1.0 for -2.0."""
    return blake2b(marshal.dumps(key, _BY_VALUE), digest_size=16).digest()


class Exact:
    """The key of everything: objects are numbered in the order of the walk."""

    def __init__(self) -> None:
        """Knows no class yet."""
        self._names: dict[type, tuple[str, ...]] = {}

    def __call__(self, world: World) -> bytes:
        """The digest of everything."""
        return digest(self._walk(world, {}))

    def _walk(self, value: Any, seen: dict[int, int]) -> Any:
        kind = type(value)
        if value is None or kind in (int, float, str, bool):
            return value
        if kind in (list, tuple, deque):
            return tuple([self._walk(each, seen) for each in value])
        if kind in (dict, OrderedDict):
            return tuple([(self._walk(k, seen), self._walk(v, seen)) for k, v in value.items()])
        if kind is set:
            return tuple(sorted(value))
        if isinstance(value, Enum):
            return value.name
        if kind is Attempt:
            return (value.target, value.started, value.ended)
        number = seen.get(id(value))
        if number is not None:
            return ("seen", number)
        seen[id(value)] = len(seen)
        if kind not in self._names:
            self._names[kind] = () if callable(value) else fields_of(kind)
        own = () if callable(value) else sorted(getattr(value, "__dict__", ()))
        return (
            kind.__name__,
            *[self._walk(getattr(value, name), seen) for name in (*self._names[kind], *own)],
        )


def fields_of(kind: type) -> tuple[str, ...]:
    """The slots of a class."""
    names: list[str] = []
    for each in reversed(kind.__mro__):
        slots = each.__dict__.get("__slots__", ())
        names += (slots,) if isinstance(slots, str) else slots
    return tuple(names)
