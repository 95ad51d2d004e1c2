"""A receiver of OTLP over HTTP that keeps what it got, and can be gone, slow or in a bad mood."""

import gzip
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

FORMS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}
WAIT_S = 5.0


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as a dict."""
    found: dict[str, Any] = {}
    for each in attributes:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind)
        found[each.key] = [item.string_value for item in value.values] if kind == "array_value" else value
    return found


class Kept:
    """What a receiver got."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.bodies: list[tuple[str, dict[str, str], Any]] = []
        """Path, headers and message."""
        self.status = 200
        """What it answers."""
        self.answer = b""
        self.holds = threading.Event()
        """It answers when this is set."""
        self.holds.set()

    def add(self, path: str, headers: dict[str, str], data: bytes) -> None:
        message = FORMS[path].FromString(data)
        with self._changed:
            self.bodies.append((path, headers, message))
            self._changed.notify_all()

    def spans(self) -> list[Any]:
        return [
            span
            for path, _, message in list(self.bodies)
            if path == "/v1/traces"
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def logs(self) -> list[Any]:
        return [
            record
            for path, _, message in list(self.bodies)
            if path == "/v1/logs"
            for resource in message.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def metrics(self) -> list[Any]:
        return [
            metric
            for path, _, message in list(self.bodies)
            if path == "/v1/metrics"
            for resource in message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def wait(self, done: Callable[["Kept"], object]) -> None:
        """Until it is so."""
        with self._changed:
            assert self._changed.wait_for(lambda: done(self), WAIT_S), f"only {len(self.bodies)} bodies came"


class OtlpReceiver:
    """One on a free port, as a context manager."""

    def __init__(self, port: int = 0) -> None:
        kept = self.kept = Kept()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    data = gzip.decompress(data)
                kept.holds.wait()
                if kept.status == 200:
                    kept.add(self.path, dict(self.headers.items()), data)
                self.send_response(kept.status)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(kept.answer)))
                self.end_headers()
                self.wfile.write(kept.answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kept.holds.set()
        self._server.shutdown()
        self._server.server_close()
