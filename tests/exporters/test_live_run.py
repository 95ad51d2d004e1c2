"""A live run with a real Prometheus, and the proof that its judge would notice."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import live_run
import pytest
from otlp_receiver import Kept

COMMAND = Path(__file__).parent / "live_run.py"


@pytest.mark.alone
@pytest.mark.server("prometheus")
def test_everybody_counts_the_same() -> None:
    """Every query of a dashboard has data, and all counts are those of the clients."""
    done = subprocess.run(
        [sys.executable, str(COMMAND), "--seconds", "5", "--json"],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["requests"] > 100
    assert set(report["counts"].values()) == {report["requests"]}
    assert report["queries"] >= 30
    assert report["rules"] >= 25


class Answering:
    """A Prometheus that says what it is told to."""

    def __init__(
        self,
        *,
        silent: str = "",
        health: str = "ok",
        rescued: float = 5.0,
        unit: str = "seconds",
        stands: str = "ho-1",
    ) -> None:
        self._silent, self._health, self._rescued = silent, health, rescued
        self._unit, self._stands = unit, stands

    def ask(self, path: str, **parameters: str) -> Any:
        if path == "rules":
            return {"groups": [{"rules": [{"name": "r", "health": self._health, "lastError": "bad"}]}]}
        if path == "metadata":
            return {parameters["metric"]: [{"unit": self._unit}]}
        if path == "query_exemplars":
            return [{"exemplars": [{"labels": {"request_id": self._stands}}]}]
        return {"result": [] if self._silent and self._silent in parameters["query"] else [1]}

    def value(self, query: str) -> float | None:
        return self._rescued


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One dashboard with two panels."""
    board = {
        "title": "B",
        "panels": [
            {"title": name, "targets": [{"expr": f'{name}{{route=~"$route"}}'}]} for name in ("one", "two")
        ],
    }
    place = tmp_path / "grafana" / "dashboards"
    place.mkdir(parents=True)
    (place / "b.json").write_text(json.dumps(board))
    return tmp_path


def judged(folder: Path, prometheus: Answering, made: Any, *, agreed: bool = True) -> list[str]:
    kept = Kept()
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from halfopen.exporters.otlp.envelope import Envelope
    from halfopen.exporters.otlp.facts import requests_of
    from halfopen.exporters.otlp.spans import spans

    rows, _ = made.folded(made.rescued())
    told = [span for request in requests_of(rows) for span in spans(request, {})]
    body = ExportTraceServiceRequest(resource_spans=[Envelope({}).spans(told)])
    kept.add("/v1/traces", {}, body.SerializeToString())
    report = live_run.judged(prometheus, folder, Counter(ok=5), {"statsd": 5.0}, kept, agreed)  # type: ignore[arg-type]  # one that answers from memory
    assert report["ok"] == (not report["problems"])
    return list(report["problems"])


def test_a_good_run_passes(folder: Path, made: Any) -> None:
    """Nothing is wrong with it."""
    assert judged(folder, Answering(), made) == []


@pytest.mark.parametrize(
    ("prometheus", "agreed", "problem"),
    [
        pytest.param(Answering(silent="two"), True, "no data: B / two", id="an empty panel"),
        pytest.param(Answering(health="err"), True, "rule: r: bad", id="a rule that fails"),
        pytest.param(Answering(health="unknown"), True, "rule: r: bad", id="a rule that nobody evaluated"),
        pytest.param(Answering(), False, "the clients counted 5", id="counts that differ"),
        pytest.param(Answering(rescued=0.0), True, "the outage was not seen", id="no outage"),
        pytest.param(Answering(unit=""), True, "the unit of halfopen_request", id="not OpenMetrics"),
        pytest.param(Answering(stands=""), True, "no requests stand for others", id="no exemplar"),
    ],
)
def test_the_judge_notices(
    folder: Path, made: Any, prometheus: Answering, *, agreed: bool, problem: str
) -> None:
    """Each planted defect is told."""
    (found,) = judged(folder, prometheus, made, agreed=agreed)
    assert found.startswith(problem)
