"""Whether a receiver wants counts since they were told last, or since they began."""

from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality


def temporality(*, delta: bool) -> "AggregationTemporality.ValueType":
    """As OTLP names it. `delta`: since they were told last."""
    if delta:
        return AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    return AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
