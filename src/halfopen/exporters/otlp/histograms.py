"""Histograms by the conventions, counted from requests: every one of them, whatever part is traced."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Histogram,
    HistogramDataPoint,
    Metric,
)

from halfopen.exporters.otlp.attributes import pairs
from halfopen.exporters.otlp.facts import Call, Request
from halfopen.exporters.otlp.names import (
    FIRST_TOKEN_SECONDS,
    SECONDS,
    TOKEN_SECONDS,
    TOKENS,
    Upstream,
    operation,
    unknown,
)
from halfopen.exporters.otlp.temporality import temporality
from halfopen.seams.sums import OK

Labels = tuple[tuple[str, str | int], ...]
SERIES_MAX: Final = 5000
"""Series that are told apart. A name beyond it, such as a model that nobody configured, is left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """One histogram of the conventions."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...]


DURATION: Final = Instrument("gen_ai.client.operation.duration", "s", "Duration of a call.", SECONDS)
FIRST_CHUNK: Final = Instrument(
    "gen_ai.client.operation.time_to_first_chunk", "s", "Time to the first content of a stream.", SECONDS
)
USAGE: Final = Instrument("gen_ai.client.token.usage", "{token}", "Tokens of a call.", TOKENS)
SERVED: Final = Instrument("gen_ai.server.request.duration", "s", "Duration of a request.", SECONDS)
FIRST_TOKEN: Final = Instrument(
    "gen_ai.server.time_to_first_token", "s", "Time to the first content of an answer.", FIRST_TOKEN_SECONDS
)
PER_TOKEN: Final = Instrument(
    "gen_ai.server.time_per_output_token", "s", "Time for a token after the first content.", TOKEN_SECONDS
)


@dataclass(slots=True)
class _Series:
    counts: list[int]
    total: float = 0.0
    least: float = field(default=float("inf"))
    most: float = field(default=float("-inf"))


class Histograms:
    """What has been measured. For one thread at a time."""

    def __init__(self) -> None:
        """Nothing has been."""
        self._series: dict[tuple[Instrument, Labels], _Series] = {}
        self.left_out = 0
        """Measurements that found no room."""

    def count(self, request: Request, upstreams: Mapping[str, Upstream]) -> None:
        """Count a request and its attempts."""
        for call in request.calls:
            self._call(call, upstreams.get(call.target) or unknown(call.target), stream=request.stream)
        target = request.target
        upstream = (upstreams.get(target) or unknown(target)) if target else None
        labels: Labels = (
            ("gen_ai.operation.name", operation(request.client)),
            ("gen_ai.request.model", request.route),
            ("gen_ai.provider.name", upstream.provider if upstream else "halfopen"),
        )
        if upstream is not None and request.served_by:
            labels += (("gen_ai.response.model", upstream.model),)
        failed = () if request.result == OK else (("error.type", request.result),)
        self._add(SERVED, labels + failed, request.duration_s)
        first_s = request.first_content_s
        if request.result != OK or first_s is None:
            return
        self._add(FIRST_TOKEN, labels, first_s)
        tokens = request.usage.output_tokens if request.usage else 0
        if request.stream and tokens > 1:
            self._add(PER_TOKEN, labels, (request.duration_s - first_s) / (tokens - 1))

    def _call(self, call: Call, upstream: Upstream, *, stream: bool) -> None:
        labels: Labels = (
            ("gen_ai.operation.name", upstream.operation),
            ("gen_ai.provider.name", upstream.provider),
            ("gen_ai.request.model", upstream.model),
        )
        if upstream.address:
            labels += (("server.address", upstream.address), ("server.port", upstream.port))
        failed = () if call.result == OK else (("error.type", call.result),)
        self._add(DURATION, labels + failed, call.ended_s - call.began_s)
        if stream and call.first_content_s is not None:
            self._add(FIRST_CHUNK, labels, call.first_content_s - call.began_s)
        if call.usage is not None:
            self._add(USAGE, (*labels, ("gen_ai.token.type", "input")), call.usage.input_tokens)
            self._add(USAGE, (*labels, ("gen_ai.token.type", "output")), call.usage.output_tokens)

    def _add(self, instrument: Instrument, labels: Labels, value: float) -> None:
        series = self._series.get((instrument, labels))
        if series is None:
            if len(self._series) >= SERIES_MAX:
                self.left_out += 1
                return
            series = _Series([0] * (len(instrument.bounds) + 1))
            self._series[instrument, labels] = series
        value = max(value, 0.0)
        # A bound belongs to the bucket below it.
        series.counts[bisect_left(instrument.bounds, value)] += 1
        series.total += value
        series.least = min(series.least, value)
        series.most = max(series.most, value)

    def metrics(self, began_s: float, now_wall_s: float, *, delta: bool) -> list[Metric]:
        """Everything as OTLP has it; with `delta`, what is told is forgotten.

        Args:
            began_s: Since when it has been counted, in seconds since the Unix epoch.
            now_wall_s: The same of now.
            delta: Whether `began_s` is when it was told last.
        """
        found: dict[Instrument, list[HistogramDataPoint]] = {}
        for (instrument, labels), series in self._series.items():
            point = HistogramDataPoint(
                start_time_unix_nano=int(began_s * 1e9),
                time_unix_nano=int(now_wall_s * 1e9),
                attributes=pairs(dict(labels)),
                count=sum(series.counts),
                sum=series.total,
                bucket_counts=series.counts,
                explicit_bounds=instrument.bounds,
                min=series.least,
                max=series.most,
            )
            found.setdefault(instrument, []).append(point)
        if delta:
            self._series = {}
        return [
            Metric(
                name=each.name,
                unit=each.unit,
                description=each.description,
                histogram=Histogram(data_points=points, aggregation_temporality=temporality(delta=delta)),
            )
            for each, points in found.items()
        ]
