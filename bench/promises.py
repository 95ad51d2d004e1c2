"""What was promised of Halfopen's speed, and whether a run kept it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

from bench.figures import Row, Rows, Sample, Spread, difference, ratio

PLAIN: Final = "plain 64"
STREAMS: Final = "streams"
OPEN: Final = "open 1000/s"


class Sense(Enum):
    """On which side of its bound a figure has to be."""

    AT_LEAST = "≥"
    AT_MOST = "≤"
    BELOW = "<"


class State(Enum):
    """What a run says of a promise."""

    KEPT = "kept"
    BROKEN = "BROKEN"
    UNJUDGED = "not judged"
    """The peer that it names is not here."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A figure and its bound."""

    key: str
    text: str
    sense: Sense
    bound: float
    unit: str

    def holds(self, value: float) -> bool:
        """Whether a figure keeps it."""
        if self.sense is Sense.AT_LEAST:
            return value >= self.bound
        return value <= self.bound if self.sense is Sense.AT_MOST else value < self.bound


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a figure is not there; `harmless` when only a peer is not installed."""

    reason: str
    harmless: bool = False


Reading = Spread | Missing


@dataclass(frozen=True, slots=True)
class Judged:
    """A promise with what was measured."""

    promise: Promise
    reading: Reading

    @property
    def state(self) -> State:
        """By the median. What could not be measured although everything is here counts as broken."""
        if isinstance(self.reading, Missing):
            return State.UNJUDGED if self.reading.harmless else State.BROKEN
        return State.KEPT if self.promise.holds(self.reading.median) else State.BROKEN


PROMISES: Final = (
    Promise("plain nginx", "Plain requests a core, of nginx's", Sense.AT_LEAST, 0.5, "times"),
    Promise("plain envoy", "Plain requests a core, of Envoy's", Sense.AT_LEAST, 1.5, "times"),
    Promise("plain portkey", "Plain requests a core, of Portkey's", Sense.AT_LEAST, 20, "times"),
    Promise("plain litellm", "Plain requests a core, of LiteLLM's", Sense.AT_LEAST, 100, "times"),
    Promise("streams nginx", "CPU for 1,000 events of streams, of nginx's", Sense.AT_MOST, 1.5, "times"),
    Promise("streams envoy", "CPU for 1,000 events of streams, of Envoy's", Sense.BELOW, 1.0, "times"),
    Promise("latency p50", "Added at 1,000 requests/s, median", Sense.AT_MOST, 0.3, "ms"),
    Promise("latency p99", "Added at 1,000 requests/s, 99th percentile", Sense.AT_MOST, 1.0, "ms"),
    Promise("recorded", "Outcomes written, of the requests answered", Sense.AT_LEAST, 0.99, "times"),
    Promise(
        "workers", "CPU for a request, two workers on two cores, of one's", Sense.AT_MOST, 2 / 1.8, "times"
    ),
    Promise("memory start", "Memory of a worker at its start", Sense.AT_MOST, 60, "MB"),
    Promise("memory growth", "More memory after the requests", Sense.AT_MOST, 5, "MB"),
    Promise("memory idle", "Memory with 10,000 idle connections", Sense.AT_MOST, 150, "MB"),
    Promise(
        "failure", "Throughput with the primary's breaker open, of healthy", Sense.AT_LEAST, 0.9, "times"
    ),
    Promise("help", "`halfopen --help`, more than an empty typer program", Sense.AT_MOST, 0.1, "s"),
    Promise("start", "`halfopen run` until its first answer", Sense.BELOW, 1.5, "s"),
)

AGAINST: Final[Mapping[str, str]] = MappingProxyType({"plain": PLAIN, "streams": STREAMS})


def judge(readings: Mapping[str, Reading]) -> list[Judged]:
    """Every promise that was asked for, in the order of the list."""
    return [Judged(promise, readings[promise.key]) for promise in PROMISES if promise.key in readings]


def side_by_side(rows: Rows, subject: str, parts: Sequence[str]) -> dict[str, Reading]:
    """The readings of a side-by-side run; `parts` are of plain, streams and latency."""
    readings: dict[str, Reading] = {}
    for part, peers in (("plain", ("nginx", "envoy", "portkey", "litellm")), ("streams", ("nginx", "envoy"))):
        if part in parts:
            figure = _per_cpu_s if part == "plain" else _cpu
            for peer in peers:
                pair = (subject, peer)
                found = ratio(rows, AGAINST[part], pair, figure)
                readings[f"{part} {peer}"] = found or missing(rows, AGAINST[part], pair)
    if "latency" in parts:
        pair = (subject, "direct")
        for name, figure in (("p50", _p50_ms), ("p99", _p99_ms)):
            readings[f"latency {name}"] = difference(rows, OPEN, pair, figure) or missing(rows, OPEN, pair)
    return readings


def recorded(answered: int, written: int | str) -> Reading:
    """Whether what was measured had everything on: an outcome for each request that load.c counted."""
    if isinstance(written, str):
        return Missing(written)
    return Spread.of([written / answered]) if answered else Missing("nothing was answered")


def missing(rows: Rows, workload: str, pair: tuple[str, str]) -> Missing:
    """Why two subjects can't be compared."""
    subject, peer = (rows.get((workload, name)) for name in pair)
    if subject is None:
        return Missing(f"{pair[0]} was not measured")
    if subject.void:
        return Missing(f"{pair[0]}: {subject.void}")
    if peer is None:
        return Missing(f"{pair[1]} was not measured", harmless=True)
    return Missing(f"{pair[1]}: {peer.void or 'nothing to compare with'}")


def unsaturated(rows: Rows, workload: str = PLAIN) -> list[Row]:
    """Who did not use up its core in the closed loop: its rate is less than it can do."""
    return [
        row
        for (name, subject), row in rows.items()
        if name == workload and subject != "direct" and not row.void and not row.saturated
    ]


def _per_cpu_s(sample: Sample) -> float:
    return sample.per_cpu_s


def _cpu(sample: Sample) -> float:
    return sample.cpu_s_per_1000


def _p50_ms(sample: Sample) -> float:
    return sample.latency.p50_us / 1000.0


def _p99_ms(sample: Sample) -> float:
    return sample.latency.p99_us / 1000.0
