"""Halfopen's own counts and states as metrics of OTLP."""

from collections.abc import Iterable
from typing import Final

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    Sum,
)

from halfopen.exporters.figures import Figure
from halfopen.exporters.otlp.attributes import pairs
from halfopen.exporters.otlp.temporality import temporality

PREFIX: Final = "halfopen."
_UNITS: Final = (
    ("requests", "{request}"),
    ("attempts", "{attempt}"),
    ("skips", "{skip}"),
    ("tokens", "{token}"),
    ("cost_usd", "USD"),
    ("wasted_usd", "USD"),
    ("received_bytes", "By"),
    ("sent_bytes", "By"),
    ("in_flight", "{request}"),
    ("waiting", "{request}"),
)
"""By the beginning of the name."""


def sums(figures: Iterable[Figure], began_s: float, now_wall_s: float, *, delta: bool) -> list[Metric]:
    """Counts. Times are in seconds since the Unix epoch; `delta`: since they were told last."""
    return [
        Metric(
            name=PREFIX + name,
            unit=_unit(name),
            sum=Sum(data_points=points, aggregation_temporality=temporality(delta=delta), is_monotonic=True),
        )
        for name, points in _points(figures, began_s, now_wall_s).items()
    ]


def gauges(figures: Iterable[Figure], now_wall_s: float) -> list[Metric]:
    """States. Time in seconds since the Unix epoch."""
    return [
        Metric(name=PREFIX + name, unit=_unit(name), gauge=Gauge(data_points=points))
        for name, points in _points(figures, None, now_wall_s).items()
    ]


def _points(
    figures: Iterable[Figure], began_s: float | None, now_wall_s: float
) -> dict[str, list[NumberDataPoint]]:
    found: dict[str, list[NumberDataPoint]] = {}
    for figure in figures:
        point = NumberDataPoint(
            time_unix_nano=int(now_wall_s * 1e9),
            attributes=pairs({f"{PREFIX}{key}": value for key, value in figure.labels}),
        )
        if began_s is not None:
            point.start_time_unix_nano = int(began_s * 1e9)
        if isinstance(figure.value, int):
            point.as_int = figure.value
        else:
            point.as_double = figure.value
        found.setdefault(figure.name, []).append(point)
    return found


def _unit(name: str) -> str:
    return next((unit for begins, unit in _UNITS if name.startswith(begins)), "1")
