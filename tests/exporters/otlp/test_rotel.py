"""A real receiver, rotel, takes what is sent and hands it on unchanged."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from halfopen.exporters.otlp.exporter import Options, OtlpExporter
from halfopen.exporters.otlp.names import upstreams
from halfopen.exporters.otlp.post import Receiver
from halfopen.lab.ports import free_port

START_S = 10.0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def rotel(receiver: Any, tmp_path: Path, eventually: Any) -> Iterator[str]:
    """The address of one that hands on to `receiver`."""
    spec = find_spec("rotel")
    assert spec is not None
    assert spec.origin is not None
    grpc = free_port()
    http = next(port for port in iter(free_port, 0) if port != grpc)
    settings = {
        "ROTEL_OTLP_GRPC_ENDPOINT": f"127.0.0.1:{grpc}",
        "ROTEL_OTLP_HTTP_ENDPOINT": f"127.0.0.1:{http}",
        "ROTEL_EXPORTER": "otlp",
        "ROTEL_OTLP_EXPORTER_ENDPOINT": receiver.endpoint,
        "ROTEL_OTLP_EXPORTER_PROTOCOL": "http",
        "ROTEL_BATCH_TIMEOUT": "20ms",
        "ROTEL_LOG_FILE": str(tmp_path / "rotel.log"),
        "ROTEL_PID_FILE": str(tmp_path / "rotel.pid"),
    }
    process = subprocess.Popen(
        [Path(spec.origin).parent / "rotel-agent", "start"],
        env={"PATH": os.environ["PATH"], **settings},
        stdout=(tmp_path / "rotel.out").open("wb"),
        stderr=subprocess.STDOUT,
    )
    eventually(lambda: process.poll() is not None or listens(http), START_S)
    assert process.poll() is None, (tmp_path / "rotel.out").read_text()
    yield f"http://127.0.0.1:{http}"
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.mark.parametrize("delta", [False, True], ids=["cumulative", "delta"])
def test_rotel_gets_spans_logs_and_metrics(
    made: Any, receiver: Any, rotel: str, plain: Any, *, delta: bool
) -> None:
    """It takes everything, and every span, record and count comes out as it was."""
    options = Options(resource={"service.name": "llm"}, metrics_every_s=0.05, delta=delta)
    exporter = OtlpExporter(Receiver(rotel, {}), options, upstreams(made.snapshot()), every_s=0.02)
    exporter.start()
    outcomes = [
        make(number) for number in range(0, 40, 2) for make in (made.ok, lambda n: made.rescued(n + 1))
    ]
    exporter.add(*made.folded(*outcomes))
    receiver.kept.wait(
        lambda kept: len(kept.spans()) == 100 and len(kept.logs()) == 20 and _requests(kept) == 40
    )
    exporter.stop(2.0)
    assert exporter.status.problem == ""
    assert exporter.status.sent["traces"] == 100
    assert not any(exporter.status.dropped.values())
    spans = receiver.kept.spans()
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == 100
    servers = [span for span in spans if span.kind == 2]
    assert len(servers) == 40
    assert all(by_id[span.parent_span_id].kind == 2 for span in spans if span.kind == 3)
    failed = [span for span in spans if span.status.code == 2]
    assert {plain(span.attributes)["error.type"] for span in failed} == {"server_error"}
    assert len(failed) == 20
    names = {metric.name for metric in receiver.kept.metrics()}
    assert {"gen_ai.client.operation.duration", "gen_ai.client.token.usage", "halfopen.requests"} <= names


def _requests(kept: Any) -> int:
    metrics = [metric for metric in kept.metrics() if metric.name == "halfopen.requests"]
    told = [sum(point.as_int for point in metric.sum.data_points) for metric in metrics]
    return max(told, default=0)
