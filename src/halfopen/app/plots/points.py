"""From series to points that a line can be drawn through: not more than the eye tells apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, nan

from halfopen.simulator.report import Series

POINTS_MAX = 120


@dataclass(frozen=True, slots=True)
class Points:
    """One policy's lines. Each has a value for each time; nan: there is none."""

    times_s: tuple[float, ...]
    success: tuple[float, ...]
    """Share of the requests that arrived then and got their answer, in %."""
    p99_s: tuple[float, ...]
    """The highest p99 of a second within the step."""
    requests: tuple[float, ...]
    """A second."""
    calls: tuple[float, ...]
    """To all upstreams together, a second."""


def step_s(seconds: int) -> int:
    """How many seconds one point stands for."""
    return max(1, ceil(seconds / POINTS_MAX))


def points_of(series: Series) -> Points:
    """Take together so many seconds that there are at most `POINTS_MAX` points."""
    seconds = len(series.arrived)
    step = step_s(seconds)
    slices = [slice(start, min(start + step, seconds)) for start in range(0, seconds, step)]
    totals = [sum(counts) for counts in zip(*series.calls.values(), strict=True)]
    return Points(
        times_s=tuple((each.start + each.stop) / 2.0 for each in slices),
        success=tuple(_percent(series.succeeded[each], series.arrived[each]) for each in slices),
        p99_s=tuple(_highest(series.p99_s[each]) for each in slices),
        requests=tuple(_mean(series.arrived[each]) for each in slices),
        calls=tuple(_mean(totals[each]) for each in slices),
    )


def _percent(part: Sequence[int], whole: Sequence[int]) -> float:
    number = sum(whole)
    return 100.0 * sum(part) / number if number else nan


def _highest(values: Sequence[float | None]) -> float:
    return max((value for value in values if value is not None), default=nan)


def _mean(counts: Sequence[int]) -> float:
    return sum(counts) / len(counts)
