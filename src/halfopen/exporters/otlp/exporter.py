"""Sends what happened to a receiver of OTLP, never in anybody's way.

Rules
1. Whoever offers rows or counts adds to a list. One thread makes spans of them, another one sends them.
2. Everything that waits is bounded. What finds no room is dropped and counted: rows before they are read,
   traces before they are made.
3. What a receiver can't take now is sent again, a few times, with growing pauses; what it refuses is not.
4. Spans have a share of one core, which failures and rescues may use up and whole answers but half of. It is
   the process's that counts and stores.
5. Metrics that could not be sent are sent later: a receiver that comes back hears all of them.
6. A defect costs what was at hand, which is dropped and counted. It ends no thread, and is told.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from halfopen.exporters.figures import Figure, counts, states
from halfopen.exporters.otlp import sums_as_metrics
from halfopen.exporters.otlp.envelope import Envelope
from halfopen.exporters.otlp.facts import Request, requests_of
from halfopen.exporters.otlp.histograms import Histograms
from halfopen.exporters.otlp.log_records import log_record
from halfopen.exporters.otlp.names import Upstream
from halfopen.exporters.otlp.post import Posted, Receiver
from halfopen.exporters.otlp.spans import is_wanted, spans
from halfopen.exporters.pending_counts import PendingCounts
from halfopen.seams.outcome_store import Rows
from halfopen.seams.sums import Sums

ROWS_MAX: Final = 16_384
"""Rows that wait to be read."""
SPANS_MAX: Final = 8192
"""Spans that wait to be sent."""
LOGS_MAX: Final = 2048
"""Log records that wait to be sent."""
BATCH_MAX: Final = 1024
"""Spans or log records of one request to the receiver."""
EVERY_S: Final = 1.0
"""Between two looks at what waits."""
METRICS_EVERY_S: Final = 10.0
PAUSE_MAX_S: Final = 30.0
TRIES_MAX: Final = 4
"""Spans and log records that could not be sent so often are dropped."""
SHARE: Final = 0.25
"""Of the time of one core, for making spans."""
BURST_S: Final = 0.5
"""As much may be spent at once after a quiet time."""
REPORTS_MAX: Final = 60
"""Reports of what is new, which wait for a receiver that is gone."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is sent."""

    traces: float = 1.0
    """The part of whole answers that is traced."""
    metrics: bool = True
    logs: bool = True
    delta: bool = False
    """Metrics tell what is new since the last time; else everything since the start."""
    resource: Mapping[str, str] = field(default_factory=dict)
    """Attributes of the service."""
    metrics_every_s: float = METRICS_EVERY_S


@dataclass(slots=True)
class Status:
    """How it goes."""

    sent: dict[str, int]
    """Spans, log records and metrics that the receiver took, by signal."""
    dropped: dict[str, int]
    """Rows, spans and log records that nobody took."""
    problem: str = ""
    """Why the receiver takes nothing now; empty: it does, or nothing was sent yet."""
    defect: str = ""
    """What failed here at last, by a defect; empty: nothing."""


class OtlpExporter:
    """Two threads for one receiver. Every method may be called in any thread, and none waits."""

    def __init__(
        self,
        receiver: Receiver,
        options: Options,
        upstreams: Mapping[str, Upstream],
        *,
        wall: Callable[[], float] = time.time,
        every_s: float = EVERY_S,
    ) -> None:
        """Prepare it; `start` begins. `wall`: seconds since the Unix epoch."""
        self._receiver = receiver
        self._options = options
        self.upstreams = upstreams
        """Targets in the words of the conventions."""
        self._envelope = Envelope(options.resource)
        self._wall = wall
        self._every_s = every_s
        self._changed = threading.Condition()
        self._rows: deque[Rows] = deque()
        self._rows_count = 0
        self._spans: deque[Span] = deque()
        self._credit_s = BURST_S
        self._earned_at = time.monotonic()
        self._logs: deque[LogRecord] = deque()
        self._histograms = Histograms()
        self._measuring = threading.Lock()
        self._pending = PendingCounts()
        self._told = Sums()
        """With cumulative metrics, everything since the start."""
        self._states: list[Figure] = []
        self._reports: deque[tuple[int, bytes]] = deque()
        """Metrics that were not sent yet, in order, and how many are in each."""
        self._began_s = wall()
        self._metrics_at = 0.0
        self._stopping = False
        self.status = Status(
            {"traces": 0, "logs": 0, "metrics": 0}, {"rows": 0, "spans": 0, "logs": 0, "metrics": 0}
        )
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._read, "otlp-read"), (self._send, "otlp-send"))
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def add(self, rows: Rows, sums: Sums) -> None:
        """Take outcomes and their counts."""
        if self._options.metrics:
            self._pending.add(sums)
        count = rows.count
        with self._changed:
            if self._rows_count + count > ROWS_MAX:
                self.status.dropped["rows"] += count
                return
            self._rows.append(rows)
            self._rows_count += count
            self._changed.notify_all()

    def look(self, overview: Mapping[str, Any]) -> None:
        """Take how everything is: an `Overview` as JSON has it."""
        self._states = list(states(overview))

    @property
    def untold(self) -> int:
        """Requests whose counts were forgotten: the receiver was gone for too long."""
        return self._pending.forgotten

    @property
    def has_ended(self) -> bool:
        """Whether something is not sent any more, though it should be."""
        ended = any(thread.ident is not None and not thread.is_alive() for thread in self._threads)
        return ended and not self._stopping

    def stop(self, most_s: float) -> None:
        """Send what waits, for at most `most_s`, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        until = time.monotonic() + most_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(until - time.monotonic(), 0.0))

    def _read(self) -> None:
        """Thread: make spans and log records, and measure."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._rows or self._stopping)
                if not self._rows:
                    return
                rows = self._rows.popleft()
                self._rows_count -= rows.count
            now = time.monotonic()
            self._credit_s = min(self._credit_s + (now - self._earned_at) * SHARE, BURST_S)
            self._earned_at = now
            with self._minding("rows", rows.count):
                for request in requests_of(rows):
                    self._take(request)

    def _take(self, request: Request) -> None:
        options, dropped = self._options, self.status.dropped
        if options.metrics:
            with self._measuring:
                self._histograms.count(request, self.upstreams)
        if is_wanted(request, options.traces):
            if len(self._spans) < SPANS_MAX and self._credit_s > (BURST_S / 2 if request.plain else 0.0):
                began_s = time.thread_time()
                self._spans.extend(spans(request, self.upstreams))
                self._credit_s -= time.thread_time() - began_s
            else:
                dropped["spans"] += 1 + len(request.calls)
        if not options.logs:
            return
        if len(self._logs) >= LOGS_MAX:
            dropped["logs"] += not request.plain
            return
        record = log_record(request, self._wall())
        if record is not None:
            self._logs.append(record)

    def _send(self) -> None:
        """Thread: send what there is, every second."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, self._every_s)
                stopping = self._stopping
            if stopping:
                self._threads[0].join()
            self._send_spans()
            self._send_logs()
            if self._options.metrics:
                with self._minding("metrics", 1):
                    self._send_metrics(at_once=stopping)
            if stopping:
                self._receiver.close()
                return

    @contextmanager
    def _minding(self, what: str, count: int) -> Iterator[None]:
        """Go on after a defect, which would end the thread, and nobody would see it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - see above
            self.status.dropped[what] += count
            self.status.defect = f"{type(error).__name__}: {error}"

    def _send_spans(self) -> None:
        while batch := _taken(self._spans):
            with self._minding("spans", len(batch)):
                body = ExportTraceServiceRequest(resource_spans=[self._envelope.spans(batch)])
                self._deliver("traces", "spans", len(batch), body.SerializeToString())

    def _send_logs(self) -> None:
        while batch := _taken(self._logs):
            with self._minding("logs", len(batch)):
                body = ExportLogsServiceRequest(resource_logs=[self._envelope.logs(batch)])
                self._deliver("logs", "logs", len(batch), body.SerializeToString())

    def _send_metrics(self, *, at_once: bool) -> None:
        now = self._wall()
        if not at_once and 0 <= now - self._metrics_at < self._options.metrics_every_s:
            return
        self._metrics_at = now
        delta = self._options.delta
        with self._measuring:
            made: list[Metric] = self._histograms.metrics(self._began_s, now, delta=delta)
        taken = self._pending.take()
        if not delta:
            self._told.add(taken)
        figures = counts(taken if delta else self._told)
        made += sums_as_metrics.sums(figures, self._began_s, now, delta=delta)
        made += sums_as_metrics.gauges(self._states, now)
        if delta:
            self._began_s = now
        else:
            self._reports.clear()  # what is sent now says it all
        if made:
            body = ExportMetricsServiceRequest(resource_metrics=[self._envelope.metrics(made)])
            self._reports.append((len(made), body.SerializeToString()))
        while len(self._reports) > REPORTS_MAX:
            self.status.dropped["metrics"] += self._reports.popleft()[0]
        while self._reports and self._delivered(*self._reports[0]):
            self._reports.popleft()

    def _delivered(self, count: int, body: bytes) -> bool:
        """Whether a report needs not be sent again."""
        posted = self._receiver.post("metrics", body)
        self.status.problem = posted.problem
        if posted.again:
            return False
        refused = self._refused("metrics", posted) if posted.ok else count
        self.status.sent["metrics"] += count - refused
        self.status.dropped["metrics"] += refused
        return True

    def _deliver(self, signal: str, what: str, count: int, body: bytes) -> None:
        """Send, a few times if need be. What waits meanwhile is bounded."""
        pause_s = self._every_s
        for number in range(1, TRIES_MAX + 1):
            posted = self._receiver.post(signal, body)
            self.status.problem = posted.problem
            if posted.ok:
                refused = self._refused(signal, posted)
                self.status.sent[signal] += count - refused
                self.status.dropped[what] += refused
                return
            if not posted.again or number == TRIES_MAX or self._paused(pause_s):
                break
            pause_s = min(pause_s * 2, PAUSE_MAX_S)
        self.status.dropped[what] += count

    def _paused(self, pause_s: float) -> bool:
        """Wait; whether it is time to stop."""
        with self._changed:
            return self._changed.wait_for(lambda: self._stopping, pause_s)

    def _refused(self, signal: str, posted: Posted) -> int:
        """How many of them a receiver that took the others did not."""
        try:
            if signal == "traces":
                partial = ExportTraceServiceResponse.FromString(posted.body).partial_success
                refused, why = partial.rejected_spans, partial.error_message
            elif signal == "logs":
                partial_logs = ExportLogsServiceResponse.FromString(posted.body).partial_success
                refused, why = partial_logs.rejected_log_records, partial_logs.error_message
            else:
                partial_points = ExportMetricsServiceResponse.FromString(posted.body).partial_success
                refused, why = partial_points.rejected_data_points, partial_points.error_message
        except Exception:  # noqa: BLE001 - protobuf's own error is no public class; an odd answer is none
            return 0
        self.status.problem = why
        return int(refused)


def _taken(waiting: "deque[Any]") -> list[Any]:
    """What goes into one request."""
    taken: list[Any] = []
    while waiting and len(taken) < BATCH_MAX:
        taken.append(waiting.popleft())
    return taken
