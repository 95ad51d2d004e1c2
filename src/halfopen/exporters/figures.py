"""What is told of counts and states, whoever is told: names, labels and values.

Names end without the prefix of their destination. Money is in US dollars.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from halfopen.seams.sums import REQUEST_COUNTS, Sums
from halfopen.signals.exposition import window_text
from halfopen.signals.overview import Health
from halfopen.signals.sketch import value_of

LOST: Final = "outcomes.lost"
BREAKERS: Final = ("closed", "half_open", "open")
"""A breaker's state is told as its number in this list."""
HEALTHS: Final = (Health.OK.value, Health.RESCUING.value, Health.FAILING.value)
"""Health is told as its number in this list; nobody who asks is well. What isn't known is not told."""
_COUNTED: Final = (
    ("input_tokens", "tokens", (("type", "input"),), 1.0),
    ("output_tokens", "tokens", (("type", "output"),), 1.0),
    ("wasted_tokens", "tokens.wasted", (), 1.0),
    ("cost_nusd", "cost_usd", (), 1e-9),
    ("wasted_nusd", "wasted_usd", (), 1e-9),
    ("received_bytes", "received_bytes", (), 1.0),
    ("sent_bytes", "sent_bytes", (), 1.0),
)
"""Columns of a request's counts: name, labels, and what one is worth."""
_SECONDS: Final = (("duration_us", "request.duration"), ("first_content_us", "first_content"))

Labels = tuple[tuple[str, str], ...]


class Figure(NamedTuple):
    """One figure."""

    name: str
    labels: Labels
    value: float


class Times(NamedTuple):
    """So many measurements of about one value, in seconds."""

    name: str
    labels: Labels
    value_s: float
    number: int


def counts(sums: Sums) -> list[Figure]:
    """What has been counted, over all callers and stretches of time. What is 0 is left out."""
    found: dict[tuple[str, Labels], float] = {}

    def add(name: str, labels: Labels, value: float) -> None:
        if value:
            found[name, labels] = found.get((name, labels), 0) + value

    for key, row in sums.requests.items():
        _, route, target, _, result = key
        where = (("route", str(route)), ("target", str(target)))
        count = dict(zip(REQUEST_COUNTS, row, strict=True))
        add("requests", (*where, ("result", str(result))), count["requests"])
        add("requests.rescued", where, count["rescued"])
        for column, name, more, worth in _COUNTED:
            add(name, (*where, *more), count[column] if worth == 1.0 else count[column] * worth)
    for (_, route, target, result), row in sums.attempts.items():
        labels = (("route", str(route)), ("target", str(target)), ("result", str(result)))
        add("attempts", labels, row[0])
    for (_, route, target, reason), row in sums.skips.items():
        labels = (("route", str(route)), ("target", str(target)), ("reason", str(reason)))
        add("skips", labels, row[0])
    return [Figure(name, labels, value) for (name, labels), value in found.items()]


def times(sums: Sums) -> list[Times]:
    """How long whole answers took, and when their first content came."""
    names = dict(_SECONDS)
    found: dict[tuple[str, Labels, int], int] = {}
    for (_, route, target, measure, number), (count,) in sums.times.items():
        name = names.get(str(measure))
        if name is not None and count:
            key = (name, (("route", str(route)), ("target", str(target))), int(number))
            found[key] = found.get(key, 0) + count
    return [
        Times(name, labels, value_of(number) / 1e6, count) for (name, labels, number), count in found.items()
    ]


def states(overview: Mapping[str, Any]) -> Iterator[Figure]:
    """How everything is now, of an `Overview` as JSON has it."""
    health = HEALTHS[0] if overview["health"] == Health.IDLE.value else overview["health"]
    if health in HEALTHS:
        yield Figure("health", (), float(HEALTHS.index(health)))
    for upstream in overview["upstreams"]:
        labels = (("target", str(upstream["target"])),)
        state = upstream["state"]
        if state is None:
            continue
        yield Figure("breaker.state", labels, float(BREAKERS.index(state["breaker"])))
        yield Figure("in_flight", labels, float(state["in_flight"]))
        yield Figure("waiting", labels, float(state["waiting"]))
    for objective in overview["objectives"]:
        labels = (("objective", str(objective["name"])),)
        yield Figure("objective.budget_left", labels, float(objective["budget_left"]))
        for pair in objective["burn"]:
            yield from _burn((*labels, ("severity", str(pair["severity"]))), pair)


def _burn(labels: Labels, pair: Mapping[str, Any]) -> Iterator[Figure]:
    """A pair of windows, each by its length as people write it. A rate that isn't known is left out."""
    long = window_text(int(pair["long_s"]))
    yield Figure("objective.firing", (*labels, ("window", long)), 1.0 if pair["firing"] else 0.0)
    for which in ("long", "short"):
        rate = pair[f"{which}_rate"]
        if rate is not None:
            window = window_text(int(pair[f"{which}_s"]))
            yield Figure("objective.burn_rate", (*labels, ("window", window)), float(rate))
