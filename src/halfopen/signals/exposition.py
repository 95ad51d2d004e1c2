"""The text of `/metrics`, from the counts of all time and from what is known besides."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from halfopen.seams.sums import OK, Sums
from halfopen.signals import metrics
from halfopen.signals.exemplars import Exemplars
from halfopen.signals.fold import DURATION, FIRST_CONTENT
from halfopen.signals.metric import Metric, Times, Values, as_openmetrics
from halfopen.signals.overview import Health, ObjectiveState, UpstreamState
from halfopen.signals.sketch import value_of
from halfopen.signals.tally import usd

_BREAKERS: Final = ("closed", "open", "half_open")
_US_PER_S: Final = 1e6
_NAN: Final = float("nan")

Row = tuple[Values, float]


class WorkerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One worker. None: it isn't connected, or hasn't said."""

    number: str
    up: bool
    in_flight: int | None = None
    waiting: int | None = None
    connections: int | None = None
    cpu_s: float | None = None
    memory_bytes: int | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is told besides counts."""

    health: Health
    version: str = ""
    snapshot: str = ""
    lost: int = 0
    problems: int = 0
    store_up: bool = True
    store_waiting: int = 0
    store_bytes: int = 0
    states: Mapping[str, UpstreamState] = {}
    workers: Sequence[WorkerFacts] = ()
    restarts: Mapping[str, int] = {}
    objectives: Sequence[ObjectiveState] = ()


def exposition(ever: Sums, facts: Facts) -> bytes:
    """The text format of Prometheus. `ever`: the counts of all time."""
    return "\n".join([*_lines(ever, facts), ""]).encode()


def openmetrics(ever: Sums, facts: Facts, exemplars: Exemplars) -> bytes:
    """The same in OpenMetrics, with exemplars."""
    lines = [as_openmetrics(line) for line in _lines(ever, facts, exemplars)]
    return "\n".join([*lines, "# EOF", ""]).encode()


def _lines(ever: Sums, facts: Facts, exemplars: Exemplars | None = None) -> list[str]:
    return [
        *_requests(ever),
        *_callers(ever),
        *_attempts(ever),
        *_times(ever, exemplars),
        *_health(facts),
        *_upstreams(facts.states.values()),
        *_workers(facts),
        *_objectives(facts.objectives),
    ]


def _requests(ever: Sums) -> list[str]:
    """Sums by route and target, over callers and results."""
    by_result: dict[Values, int] = {}
    by_pair: dict[Values, list[int]] = {}
    for (_, route, target, _, result), counts in ever.requests.items():
        key = (str(route), str(target), str(result))
        by_result[key] = by_result.get(key, 0) + counts[0]
        known = by_pair.get(key[:2])
        by_pair[key[:2]] = (
            list(counts) if known is None else [a + b for a, b in zip(known, counts, strict=True)]
        )
    made = metrics.REQUESTS.lines(sorted(by_result.items()))
    pairs = sorted(by_pair.items())
    for metric, place in (
        (metrics.RESCUED, 1),
        (metrics.STREAMS, 2),
        (metrics.CACHED, 5),
        (metrics.WASTED_TOKENS, 6),
    ):
        made += metric.lines((pair, counts[place]) for pair, counts in pairs)
    made += metrics.TOKENS.lines(
        row
        for pair, counts in pairs
        for row in (((*pair, "input"), counts[3]), ((*pair, "output"), counts[4]))
    )
    made += metrics.COST.lines((pair, usd(counts[7])) for pair, counts in pairs)
    made += metrics.WASTED_COST.lines((pair, usd(counts[8])) for pair, counts in pairs)
    bodies: dict[Values, list[int]] = {}
    for (route, _), counts in pairs:
        known = bodies.setdefault((route,), [0, 0])
        known[0] += counts[9]
        known[1] += counts[10]
    made += metrics.RECEIVED.lines((route, received) for route, (received, _) in bodies.items())
    made += metrics.SENT.lines((route, sent) for route, (_, sent) in bodies.items())
    return made


def _callers(ever: Sums) -> list[str]:
    callers: dict[Values, list[int]] = {}
    for (_, _, _, caller, _), counts in ever.requests.items():
        known = callers.setdefault((str(caller),), [0, 0])
        known[0] += counts[0]
        known[1] += counts[7]
    rows = sorted(callers.items()) if len(callers) <= metrics.CALLERS_MAX else []
    return metrics.CALLER_REQUESTS.lines(
        (caller, requests) for caller, (requests, _) in rows
    ) + metrics.CALLER_COST.lines((caller, usd(cost)) for caller, (_, cost) in rows)


def _attempts(ever: Sums) -> list[str]:
    attempts = sorted(((str(r), str(t), str(end)), c[0]) for (_, r, t, end), c in ever.attempts.items())
    skips = sorted(((str(r), str(t), str(why)), c[0]) for (_, r, t, why), c in ever.skips.items())
    return metrics.ATTEMPTS.lines(attempts) + metrics.SKIPS.lines(skips)


def _times(ever: Sums, exemplars: Exemplars | None) -> list[str]:
    durations: dict[Values, Times] = {}
    firsts: dict[Values, Times] = {}
    for measure, into, bounds in (
        (DURATION, durations, metrics.DURATION_BOUNDS_S),
        (FIRST_CONTENT, firsts, metrics.FIRST_CONTENT_BOUNDS_S),
    ):
        places = _Places(bounds)
        buckets = len(bounds) + 1
        for (_, route, target, measured, bucket), counts in ever.times.items():
            if measured == measure:
                pair = (str(route), str(target))
                times = into.get(pair)
                if times is None:
                    times = into[pair] = Times(buckets)
                assert isinstance(bucket, int)
                times.counts[places.of(bucket)] += counts[0]
    for (_, route, target, _, result), counts in ever.requests.items():
        if result == OK:
            pair = (str(route), str(target))
            if pair in durations:
                durations[pair].sum_us += counts[11]
            if pair in firsts:
                firsts[pair].sum_us += counts[12]
    made = []
    for metric, measure, rows, bounds in (
        (metrics.DURATION, DURATION, durations, metrics.DURATION_BOUNDS_S),
        (metrics.FIRST_CONTENT, FIRST_CONTENT, firsts, metrics.FIRST_CONTENT_BOUNDS_S),
    ):
        marks = None if exemplars is None else exemplars.marks(measure)
        made += metric.histogram_lines(dict(sorted(rows.items())), bounds, marks)
    return made


class _Places:
    """Which bucket of a histogram one of a sketch belongs to."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self._bounds_us = [bound * _US_PER_S for bound in bounds_s]
        self._known: dict[int, int] = {}

    def of(self, bucket: int) -> int:
        place = self._known.get(bucket)
        if place is None:
            place = self._known[bucket] = bisect_left(self._bounds_us, value_of(bucket))
        return place


def _health(facts: Facts) -> list[str]:
    made = metrics.HEALTH.lines(((state.value,), int(state is facts.health)) for state in Health)
    for metric, value in (
        (metrics.LOST, facts.lost),
        (metrics.PROBLEMS, facts.problems),
        (metrics.STORE_UP, int(facts.store_up)),
        (metrics.STORE_WAITING, facts.store_waiting),
        (metrics.STORE_BYTES, facts.store_bytes),
    ):
        made += metric.lines([((), value)])
    made += metrics.BUILD.lines([((facts.version,), 1)])
    made += metrics.SNAPSHOT.lines([((facts.snapshot,), 1)])
    return made


def _upstreams(states: Iterable[UpstreamState]) -> list[str]:
    told = list(states)
    made = metrics.BREAKER.lines(
        ((state.target, breaker), int(state.breaker == breaker)) for state in told for breaker in _BREAKERS
    )
    made += metrics.OPEN_WORKERS.lines(((state.target,), state.workers_open) for state in told)
    made += metrics.TARGET_IN_FLIGHT.lines(((state.target,), state.in_flight) for state in told)
    made += _known(metrics.TARGET_LIMIT, (((state.target,), state.limit) for state in told))
    made += metrics.TARGET_WAITING.lines(((state.target,), state.waiting) for state in told)
    made += metrics.THROTTLED.lines(((state.target,), state.throttled_s) for state in told)
    made += metrics.PARKED.lines(((state.target,), len(state.parked)) for state in told)
    left = [
        row
        for state in told
        for row in (
            ((state.target, "requests"), state.requests_left),
            ((state.target, "tokens"), state.tokens_left),
        )
    ]
    most = [
        row
        for state in told
        for row in (
            ((state.target, "requests"), state.requests_max),
            ((state.target, "tokens"), state.tokens_max),
        )
    ]
    return made + _known(metrics.RATE_LEFT, left) + _known(metrics.RATE_MAX, most)


def _workers(facts: Facts) -> list[str]:
    workers = facts.workers
    made = metrics.WORKER_UP.lines(((each.number,), int(each.up)) for each in workers)
    made += _known(metrics.IN_FLIGHT, (((each.number,), each.in_flight) for each in workers))
    made += _known(metrics.WAITING, (((each.number,), each.waiting) for each in workers))
    made += _known(metrics.CONNECTIONS, (((each.number,), each.connections) for each in workers))
    made += _known(metrics.CPU, (((each.number,), each.cpu_s) for each in workers))
    made += _known(metrics.MEMORY, (((each.number,), each.memory_bytes) for each in workers))
    made += metrics.RESTARTS.lines(((name,), count) for name, count in sorted(facts.restarts.items()))
    return made


def _known(metric: Metric, rows: Iterable[tuple[Values, float | None]]) -> list[str]:
    """Without those that nobody knows."""
    return metric.lines((values, value) for values, value in rows if value is not None)


def _objectives(states: Sequence[ObjectiveState]) -> list[str]:
    made = metrics.OBJECTIVE_TARGET.lines(((each.name,), each.target) for each in states)
    made += metrics.OBJECTIVE_KEPT.lines(
        ((each.name,), _NAN if each.kept is None else each.kept) for each in states
    )
    made += metrics.BUDGET.lines(((each.name,), each.budget_left) for each in states)
    rates: list[Row] = []
    firing: list[Row] = []
    for each in states:
        for burn in each.burn:
            for window_s, rate in ((burn.long_s, burn.long_rate), (burn.short_s, burn.short_rate)):
                values = (each.name, burn.severity, window_text(window_s))
                rates.append((values, _NAN if rate is None else rate))
            firing.append(((each.name, burn.severity, window_text(burn.long_s)), int(burn.firing)))
    return made + metrics.BURN_RATE.lines(rates) + metrics.FIRING.lines(firing)


def window_text(window_s: int) -> str:
    """A window as Prometheus writes it: 5m, 1h, 3d."""
    for unit_s, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if window_s % unit_s == 0:
            return f"{window_s // unit_s}{unit}"
    return f"{window_s}s"
