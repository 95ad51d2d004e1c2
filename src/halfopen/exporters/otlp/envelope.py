"""Who speaks: what stands around all that is sent."""

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from halfopen.exporters.otlp.attributes import pairs

SCOPE: Final = "halfopen"


class Envelope:
    """One service."""

    def __init__(self, resource: Mapping[str, str]) -> None:
        """`resource`: attributes of the service, such as service.name."""
        self._resource = Resource(attributes=pairs(dict(resource)))
        self._scope = InstrumentationScope(name=SCOPE, version=version("halfopen"))

    def spans(self, spans: Iterable[Span]) -> ResourceSpans:
        """Spans of the service."""
        return ResourceSpans(
            resource=self._resource, scope_spans=[ScopeSpans(scope=self._scope, spans=spans)]
        )

    def logs(self, records: Iterable[LogRecord]) -> ResourceLogs:
        """Log records of the service."""
        return ResourceLogs(
            resource=self._resource, scope_logs=[ScopeLogs(scope=self._scope, log_records=records)]
        )

    def metrics(self, metrics: Iterable[Metric]) -> ResourceMetrics:
        """Metrics of the service."""
        return ResourceMetrics(
            resource=self._resource, scope_metrics=[ScopeMetrics(scope=self._scope, metrics=metrics)]
        )
