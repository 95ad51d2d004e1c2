"""The exporter of OTLP: everything arrives, and nobody waits for a receiver that doesn't."""

import socket
import threading
import time
from typing import Any

import pytest

from halfopen.exporters.otlp import exporter as module
from halfopen.exporters.otlp.exporter import Options, OtlpExporter
from halfopen.exporters.otlp.facts import requests_of
from halfopen.exporters.otlp.names import upstreams
from halfopen.exporters.otlp.post import Receiver
from halfopen.lab.ports import free_port

QUICK_S = 0.01
RESOURCE = {"service.name": "llm"}


class Running:
    """An exporter that is stopped in the end."""

    def __init__(self, made: Any, endpoint: str, **options: Any) -> None:
        chosen = {"resource": RESOURCE, "metrics_every_s": QUICK_S, **options}
        receiver = Receiver(endpoint, {"x-tenant": "7"}, timeout_s=0.5)
        self.exporter = OtlpExporter(receiver, Options(**chosen), upstreams(made.snapshot()), every_s=QUICK_S)

    def __enter__(self) -> OtlpExporter:
        self.exporter.start()
        return self.exporter

    def __exit__(self, *_: object) -> None:
        self.exporter.stop(0.0)


def requests_told(kept: Any, plain: Any) -> dict[str, int]:
    """Requests by result, as the last report says."""
    metric = [metric for metric in kept.metrics() if metric.name == "halfopen.requests"][-1]
    found: dict[str, int] = {}
    for point in metric.sum.data_points:
        result = plain(point.attributes)["halfopen.result"]
        found[result] = found.get(result, 0) + point.as_int
    return found


def test_everything_arrives(made: Any, receiver: Any, plain: Any) -> None:
    """Spans of every request, a log record of each that went wrong, and metrics; with the service's name."""
    with Running(made, receiver.endpoint) as exporter:
        exporter.add(*made.folded(made.ok(1), made.rescued(2), made.failed(3)))
        receiver.kept.wait(lambda kept: len(kept.spans()) == 7 and len(kept.logs()) == 2 and kept.metrics())
    path, headers, message = receiver.kept.bodies[0]
    assert path == "/v1/traces"
    assert headers["x-tenant"] == "7"
    assert headers["Content-Type"] == "application/x-protobuf"
    assert plain(message.resource_spans[0].resource.attributes) == RESOURCE
    assert requests_told(receiver.kept, plain) == {"ok": 2, "server_error": 1}


def test_logs(made: Any, receiver: Any, plain: Any) -> None:
    """A record says what happened and belongs to its trace; it has no word that an upstream wrote."""
    with Running(made, receiver.endpoint, traces=0.0, metrics=False) as exporter:
        exporter.add(*made.folded(made.ok(1), made.rescued(2), made.failed(3), made.ok(4, client_gone=True)))
        receiver.kept.wait(lambda kept: len(kept.logs()) == 2)
    rescued, failed = receiver.kept.logs()
    assert (rescued.severity_text, rescued.event_name) == ("WARN", "halfopen.request.rescued")
    assert rescued.body.string_value == (
        "a request for gpt-4o was answered by claude/haiku, after server_error at openai/gpt-4o"
    )
    assert (failed.severity_text, failed.event_name) == ("ERROR", "halfopen.request.failed")
    assert failed.body.string_value == (
        "a request for gpt-4o failed: server_error, after server_error at openai/gpt-4o, "
        "claude/haiku passed over: breaker open"
    )
    assert plain(failed.attributes)["error.type"] == "server_error"
    spans = {(span.trace_id, span.span_id) for span in receiver.kept.spans()}
    assert {(record.trace_id, record.span_id) for record in (rescued, failed)} <= spans


@pytest.mark.alone
def test_a_receiver_that_hangs_costs_nobody_anything(
    made: Any, receiver: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adding stays quick, what waits is bounded, the rest is counted, and all ends in time."""
    monkeypatch.setattr(module, "SPANS_MAX", 40)
    receiver.kept.holds.clear()
    batch = made.folded(*(made.ok(number) for number in range(50)))
    with Running(made, receiver.endpoint, metrics=False) as exporter:
        began = time.perf_counter()
        for _ in range(100):
            exporter.add(*batch)
        assert time.perf_counter() - began < 0.5
        eventually(lambda: exporter.status.dropped["spans"] >= 100)
        assert exporter.status.dropped["spans"] >= 100
        assert len(exporter._spans) <= 42
        began = time.perf_counter()
        exporter.stop(0.2)
        assert time.perf_counter() - began < 0.5


def test_failures_are_traced_when_time_is_short(made: Any) -> None:
    """With little of its share left, whole answers are left out and counted; without any, everything is."""
    exporter = Running(made, "http://127.0.0.1:9").exporter
    told = []
    for credit_s in (module.BURST_S, module.BURST_S / 4, 0.0):
        exporter._spans.clear()
        exporter._credit_s = credit_s
        for outcome in (made.ok(), made.failed(2), made.rescued(3)):
            (request,) = requests_of(made.folded(outcome)[0])
            exporter._take(request)
        told.append(len(exporter._spans))
    assert told == [7, 5, 0]
    assert exporter.status.dropped["spans"] == 2 + 7


def test_rows_that_find_no_room_are_counted(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads yet: beyond the bound rows are dropped, their counts are not."""
    monkeypatch.setattr(module, "ROWS_MAX", 3)
    running = Running(made, "http://127.0.0.1:9")
    running.exporter.add(*made.folded(made.ok(1), made.ok(2)))
    running.exporter.add(*made.folded(made.ok(3), made.ok(4)))
    assert running.exporter.status.dropped["rows"] == 2
    assert sum(row[0] for row in running.exporter._pending.take().requests.values()) == 4


@pytest.mark.parametrize("delta", [False, True], ids=["cumulative", "delta"])
def test_counts_survive_a_receiver_that_was_gone(
    made: Any, plain: Any, eventually: Any, *, delta: bool
) -> None:
    """When it comes back it hears of every request, exactly once."""
    from otlp_receiver import OtlpReceiver

    port = free_port()
    with Running(made, f"http://127.0.0.1:{port}", delta=delta, traces=0.0, logs=False) as exporter:
        for number in range(5):
            exporter.add(*made.folded(made.ok(number)))
            eventually(lambda: exporter.status.problem)
        assert "refused" in exporter.status.problem
        for _ in range(3):
            before = exporter._metrics_at
            eventually(lambda before=before: exporter._metrics_at > before)
        if not delta:
            # What is sent next says it all.
            assert len(exporter._reports) <= 1
        with OtlpReceiver(port) as receiver:
            receiver.kept.wait(lambda kept: _all(kept, delta=delta) == 5)
            exporter.add(*made.folded(made.ok(6)))
            receiver.kept.wait(lambda kept: _all(kept, delta=delta) == 6)
        assert exporter.status.problem == ""


def _all(kept: Any, *, delta: bool) -> int:
    points = [
        point.as_int
        for metric in kept.metrics()
        if metric.name == "halfopen.requests"
        for point in metric.sum.data_points
    ]
    assert {metric.sum.aggregation_temporality for metric in kept.metrics() if metric.HasField("sum")} <= {
        1 if delta else 2
    }
    return sum(points) if delta else (points or [0])[-1]


def test_what_is_refused_is_not_sent_again(made: Any, receiver: Any, eventually: Any) -> None:
    """A 400 says that the same would be refused again."""
    receiver.kept.status = 400
    with Running(made, receiver.endpoint, metrics=False, logs=False) as exporter:
        exporter.add(*made.folded(made.ok()))
        eventually(lambda: exporter.status.dropped["spans"])
        assert exporter.status.dropped["spans"] == 2
        assert exporter.status.problem == "it answered 400"


def test_busy_receivers_are_asked_again(made: Any, receiver: Any, eventually: Any) -> None:
    """A 503 says that later it may work."""
    receiver.kept.status = 503
    with Running(made, receiver.endpoint, metrics=False, logs=False) as exporter:
        exporter.add(*made.folded(made.ok()))
        eventually(lambda: exporter.status.problem)
        receiver.kept.status = 200
        receiver.kept.wait(lambda kept: len(kept.spans()) == 2)
        assert exporter.status.dropped["spans"] == 0


def test_partial_success_is_counted(made: Any, receiver: Any, eventually: Any) -> None:
    """What a receiver says that it left out counts as dropped."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = 1
    answer.partial_success.error_message = "one is too old"
    receiver.kept.answer = answer.SerializeToString()
    with Running(made, receiver.endpoint, metrics=False, logs=False) as exporter:
        exporter.add(*made.folded(made.ok()))
        eventually(lambda: exporter.status.sent["traces"])
        assert (exporter.status.sent["traces"], exporter.status.dropped["spans"]) == (1, 1)
        assert exporter.status.problem == "one is too old"


def test_the_end_sends_what_waits(made: Any, receiver: Any) -> None:
    """What came in the last second is sent before the end."""
    running = Running(made, receiver.endpoint)
    running.exporter._every_s = 60.0
    running.exporter.start()
    running.exporter.add(*made.folded(made.ok(), made.failed(2)))
    running.exporter.stop(5.0)
    assert len(receiver.kept.spans()) == 4
    assert len(receiver.kept.logs()) == 1
    assert receiver.kept.metrics()
    assert not [thread for thread in threading.enumerate() if thread in running.exporter._threads]


def test_a_kept_connection_that_was_closed_is_made_anew() -> None:
    """A receiver that closes idle connections loses nothing."""
    listening = socket.create_server(("127.0.0.1", 0))
    answers = []

    def serve() -> None:
        for _ in range(2):
            connection, _ = listening.accept()
            answers.append(connection.recv(65_536))
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    receiver = Receiver(f"http://127.0.0.1:{listening.getsockname()[1]}/base/", {}, timeout_s=2.0)
    assert receiver.post("traces", b"1").ok
    assert receiver.post("traces", b"2").ok
    thread.join(2.0)
    receiver.close()
    listening.close()
    assert [data.split(b" ")[1] for data in answers] == [b"/base/v1/traces"] * 2


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4318", "ftp://a", "http://", ""])
def test_what_is_no_address_is_said(endpoint: str) -> None:
    """At once, with what is meant."""
    with pytest.raises(ValueError, match="is no address such as"):
        Receiver(endpoint, {})


def _fails_once(real: Any) -> Any:
    left = [1]

    def made(*given: Any, **named: Any) -> Any:
        if left:
            left.pop()
            raise ValueError("planted")
        return real(*given, **named)

    return made


@pytest.mark.parametrize(
    ("place", "dropped"), [("rows", "rows"), ("spans", "spans"), ("logs", "logs"), ("metrics", "metrics")]
)
def test_a_defect_costs_what_was_at_hand(
    made: Any, receiver: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch, place: str, dropped: str
) -> None:
    """It is counted and told; both threads go on, and what comes next is sent."""
    running = Running(made, receiver.endpoint)
    if place == "rows":
        monkeypatch.setattr(module, "requests_of", _fails_once(requests_of))
    else:
        envelope = running.exporter._envelope
        real = getattr(envelope, place)
        monkeypatch.setattr(type(envelope), place, _fails_once(lambda _self, batch: real(batch)))
    with running as exporter:
        exporter.add(*made.folded(made.failed(1)))
        eventually(lambda: exporter.status.defect)
        exporter.add(*made.folded(made.failed(2)))
        receiver.kept.wait(lambda kept: kept.spans() and kept.logs() and kept.metrics())
        assert exporter.status.defect == "ValueError: planted"
        assert exporter.status.dropped[dropped] >= 1
        assert not exporter.has_ended


def test_a_name_that_is_none_is_a_problem(made: Any, eventually: Any) -> None:
    """What waits for it is dropped and counted, since it will not be one another time."""
    with Running(made, "http://agent..internal:4318") as exporter:
        exporter.add(*made.folded(made.failed(1)))
        eventually(lambda: exporter.status.dropped["spans"] and exporter.status.dropped["logs"])
        assert exporter.status.problem.startswith("agent..internal is no name that can be looked up")
        assert not exporter.has_ended


def test_a_thread_that_ended_is_seen(made: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ended it."""
    monkeypatch.setattr(OtlpExporter, "_read", lambda self: None)
    running = Running(made, "http://127.0.0.1:9")
    assert not running.exporter.has_ended
    with running as exporter:
        eventually(lambda: exporter.has_ended)
    assert not exporter.has_ended
