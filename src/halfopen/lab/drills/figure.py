"""A figure with its sample size and interval, and the report of a drill."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_Z95 = 1.959964


def wilson(successes: int, samples: int) -> tuple[float, float]:
    """The 95 % score interval of a proportion, which holds at 0 and 1 too.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    if samples == 0:
        return 0.0, 1.0
    share, square = successes / samples, _Z95 * _Z95
    middle = share + square / (2 * samples)
    half = _Z95 * math.sqrt(share * (1 - share) / samples + square / (4 * samples * samples))
    scale = 1 + square / samples
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not pass; 0 without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str
    samples: int
    """What it was taken over."""
    sound: bool = True
    """Whether it keeps the promise."""
    promise: str = ""
    """What was promised; empty: nothing, it is told for information."""
    interval: tuple[float, float] | None = None
    """95 %, for proportions."""

    def line(self) -> str:
        """For people."""
        interval = (
            ""
            if self.interval is None
            else f", 95 % interval {self.interval[0]:.4f} to {self.interval[1]:.4f}"
        )
        promise = f", promised {self.promise}" if self.promise else ""
        mark = "ok  " if self.sound else "FAIL"
        return f"{mark} {self.name}: {self.value:.4g} {self.unit} (n = {self.samples}{interval}{promise})"


def proportion(name: str, successes: int, samples: int) -> Figure:
    """A share that was promised to be all."""
    return Figure(
        name,
        successes / samples if samples else 0.0,
        f"of all ({successes} of {samples})",
        samples,
        sound=samples > 0 and successes == samples,
        promise="all",
        interval=wilson(successes, samples),
    )


@dataclass(frozen=True, slots=True)
class DrillReport:
    """What a drill found."""

    drill: str
    figures: tuple[Figure, ...]
    failures: tuple[str, ...] = ()
    """What went wrong, one line each, at most some."""
    rows: tuple[dict[str, Any], ...] = field(default=())
    """Single results, where they matter."""

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return all(figure.sound for figure in self.figures)

    def shown(self) -> dict[str, Any]:
        """The shape that is printed as JSON."""
        return {
            "drill": self.drill,
            "ok": self.ok,
            "figures": self.figures,
            "failures": self.failures,
            "rows": self.rows,
        }
