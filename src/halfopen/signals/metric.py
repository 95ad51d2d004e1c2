"""A metric as Prometheus has them, and its text.

Source: Prometheus, "Exposition formats", text format 0.0.4, and OpenMetrics 1.0. prometheus-client would take
several times as long, in which control could do nothing else; a test reads the text with its parsers.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, isnan
from typing import Final, Literal

import msgspec

_US_PER_S: Final = 1e6
_UNITS: Final = ("seconds", "bytes", "usd")

Kind = Literal["counter", "gauge", "histogram"]
Values = tuple[str, ...]
"""Those of the labels, in their order."""


class Metric(msgspec.Struct, frozen=True):
    """What is measured."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    def lines(self, rows: Iterable[tuple[Values, float]]) -> list[str]:
        """Its text, without rows too. For counters and gauges."""
        names = self.labels
        name = self.name
        return self._head() + [f"{name}{labels(names, values)} {number(value)}" for values, value in rows]

    def histogram_lines(
        self,
        rows: Mapping[Values, "Times"],
        bounds: Sequence[float],
        marks: Mapping[Values, Sequence[str]] | None = None,
    ) -> list[str]:
        """Its text.

        Args:
            rows: By the values of the labels.
            bounds: The greatest value of each bucket but the last, in order.
            marks: What stands after the line of each bucket. None: nothing.
        """
        made = self._head()
        unmarked = [""] * (len(bounds) + 1)
        texts = [number(bound) for bound in bounds]
        name = self.name
        for values, times in rows.items():
            known = labels(self.labels, values)
            within = f"{name}_bucket{known[:-1]}," if known else f"{name}_bucket{{"
            ends = unmarked if marks is None else marks.get(values, unmarked)
            passed = 0
            for bound, count, end in zip(texts, times.counts, ends, strict=False):
                passed += count
                made.append(f'{within}le="{bound}"}} {passed}{end}')
            total = sum(times.counts)
            made.append(f'{within}le="+Inf"}} {total}{ends[-1]}')
            made.append(f"{name}_sum{known} {number(times.sum_us / _US_PER_S)}")
            made.append(f"{name}_count{known} {total}")
        return made

    def _head(self) -> list[str]:
        told = self.help.replace("\\", r"\\").replace("\n", r"\n")
        return [f"# HELP {self.name} {told}", f"# TYPE {self.name} {self.kind}"]


def as_openmetrics(line: str) -> str:
    """A line of the text format in OpenMetrics: counters are named without `_total`, and units are told."""
    if not line.startswith("#"):
        return line
    _, keyword, name, told = line.split(" ", 3)
    family = name.removesuffix("_total")
    if keyword == "HELP":
        return f"# HELP {family} " + told.replace('"', r"\"")
    unit = family.rpartition("_")[2]
    return f"# TYPE {family} {told}" + (f"\n# UNIT {family} {unit}" if unit in _UNITS else "")


class Times:
    """Times in buckets, and their sum, in which the order of what is added makes no difference."""

    __slots__ = ("counts", "sum_us")

    def __init__(self, buckets: int) -> None:
        """`buckets`: how many there are, the last of which has no bound."""
        self.counts = [0] * buckets
        self.sum_us = 0


def labels(names: Sequence[str], values: Sequence[str]) -> str:
    """As they stand after a name; empty: there are none."""
    if not names:
        return ""
    return "{" + ",".join([f'{n}="{_escaped(v)}"' for n, v in zip(names, values, strict=True)]) + "}"


def _escaped(value: str) -> str:
    if "\\" in value or '"' in value or "\n" in value:
        return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return value


def number(value: float) -> str:
    """A value."""
    if isinstance(value, int):
        return str(value)
    if isfinite(value):
        return repr(value)
    return "NaN" if isnan(value) else ("+Inf" if value > 0 else "-Inf")
