"""What samples come to: medians over rounds, ratios within rounds, and rows that one failure makes void."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from bench.tools import NO_LATENCY, Latency

SATURATED: Final = 0.85
"""A gateway that uses less of its core in a closed loop was not what limited the rate."""
DISTURBED: Final = 0.05
"""Others took more of a core than this: the figure is noise."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One subject under one workload in one round."""

    subject: str
    workload: str
    round: int
    count: int
    """Requests, or events of streams, that were whole and right."""
    failures: int
    seconds: float
    cpu_s: float = 0.0
    """Of the subject's whole process tree."""
    rss_bytes: int = 0
    foreign_s: float = 0.0
    """Time that the subject's core gave to others."""
    load_cpu_s: float = 0.0
    """Of load and upstream, which share a core."""
    load_foreign_s: float = 0.0
    """Time that their core gave to others."""
    reads: int = 0
    latency: Latency = NO_LATENCY
    first_byte: Latency = NO_LATENCY
    first_fault: str = ""

    @property
    def rate(self) -> float:
        """Requests or events a second."""
        return self.count / self.seconds if self.seconds else 0.0

    @property
    def cpu_s_per_1000(self) -> float:
        """Processor seconds of the subject for 1,000 requests or events."""
        return self.cpu_s / self.count * 1000.0 if self.count else 0.0

    @property
    def core_use(self) -> float:
        """Share of its core that the subject used; of several cores, their number."""
        return self.cpu_s / self.seconds if self.seconds else 0.0

    @property
    def per_cpu_s(self) -> float:
        """Requests or events for each second of the processor that the subject used.

        What one core can do, also when load or upstream was slower than the subject; the same as the rate
        when the subject used up its core.
        """
        return self.count / self.cpu_s if self.cpu_s else 0.0

    @property
    def foreign_use(self) -> float:
        """Share of either core that others used, whichever is more."""
        return max(self.foreign_s, self.load_foreign_s) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over rounds."""

    median: float
    low: float
    high: float
    size: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(median(values), min(values), max(values), len(values))


Figure = Callable[[Sample], float]


@dataclass(frozen=True, slots=True)
class Row:
    """One subject under one workload over all rounds."""

    subject: str
    workload: str
    samples: tuple[Sample, ...]

    @property
    def void(self) -> str | None:
        """Why nothing of this row counts, or None."""
        for sample in self.samples:
            if sample.failures or not sample.count:
                fault = sample.first_fault or "no answer at all"
                return f"{sample.failures} failed in round {sample.round + 1}: {fault}"
        return None

    def spread(self, figure: Figure) -> Spread | None:
        """A figure over the rounds; None when the row is void."""
        return None if self.void else Spread.of([figure(sample) for sample in self.samples])

    @property
    def saturated(self) -> bool:
        """Whether the subject used up its core, so that the rate is its own."""
        return bool(self.samples) and median(sample.core_use for sample in self.samples) >= SATURATED

    @property
    def disturbed(self) -> bool:
        """Whether others used a core as well in half of the rounds."""
        return bool(self.samples) and median(sample.foreign_use for sample in self.samples) > DISTURBED


Rows = Mapping[tuple[str, str], Row]
"""By workload and subject."""


def rows_of(samples: Sequence[Sample]) -> dict[tuple[str, str], Row]:
    """Gather samples into rows, in the order of their first sample."""
    gathered: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        gathered.setdefault((sample.workload, sample.subject), []).append(sample)
    return {
        key: Row(key[1], key[0], tuple(sorted(found, key=lambda sample: sample.round)))
        for key, found in gathered.items()
    }


def compared(
    rows: Rows, workload: str, subjects: tuple[str, str], figure: Figure, how: Callable[[float, float], float]
) -> Spread | None:
    """Two subjects' figures put together within each round, then over the rounds.

    What disturbs a whole round disturbs both, so pairs are steadier than medians are. None when a row is void
    or not there, or no round has both.
    """
    pair = [rows.get((workload, subject)) for subject in subjects]
    one, other = pair
    if one is None or other is None or one.void or other.void:
        return None
    others = {sample.round: figure(sample) for sample in other.samples}
    values = [how(figure(sample), others[sample.round]) for sample in one.samples if others.get(sample.round)]
    return Spread.of(values) if values else None


def ratio(rows: Rows, workload: str, subjects: tuple[str, str], figure: Figure) -> Spread | None:
    """The first's figure as a multiple of the second's."""
    return compared(rows, workload, subjects, figure, lambda one, other: one / other)


def difference(rows: Rows, workload: str, subjects: tuple[str, str], figure: Figure) -> Spread | None:
    """The first's figure less the second's."""
    return compared(rows, workload, subjects, figure, lambda one, other: one - other)


def as_data(sample: Sample) -> dict[str, Any]:
    """For JSON, with what follows from the sample."""
    return asdict(sample) | {
        "rate": sample.rate,
        "cpu_s_per_1000": sample.cpu_s_per_1000,
        "per_cpu_s": sample.per_cpu_s,
        "core_use": sample.core_use,
        "foreign_use": sample.foreign_use,
    }
