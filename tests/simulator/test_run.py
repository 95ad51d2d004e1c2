"""Whole runs: what was asked is answered once, and the same seed gives the same bytes."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from halfopen import errors
from halfopen.model import Kind
from halfopen.policy import events as ev
from halfopen.simulator.scenario import Autoscaler, Cache, ClientSpec, FaultKind, FaultSpec, Phase, Scenario
from halfopen.simulator.scenario import UpstreamSpec as Up

EVERYTHING = Scenario(
    "all",
    "Everything at once",
    "",
    30.0,
    (
        ClientSpec(
            "app", ("a", "b"), (Phase(0, 10, 5, 60), Phase(10, 30, 30)), deadline_s=4.0, sdk_retries=2
        ),
        ClientSpec("batch", ("b", "a"), clients=20, think_s=0.5, stream=False, deadline_s=6.0),
    ),
    (
        Up(
            "a",
            slots=20,
            token_s=0.01,
            slowdown=1.0,
            queue=50,
            autoscaler=Autoscaler(1, 4, 0.7, 2.0, 3.0),
            cache=Cache(),
        ),
        Up(
            "b",
            slots=10,
            token_s=0.01,
            queue=20,
            crashes_above=28,
            restart_s=3.0,
            drops_cancelled=False,
            requests_per_minute=900,
        ),
    ),
    tuple(
        FaultSpec("a", kind, 8.0 + index, 20.0, 0.3, 0.6, status=500, every_s=2.0 * (index % 2))
        for index, kind in enumerate(FaultKind)
    ),
    healthy_until_s=8.0,
)

TIMEOUT = errors.make(Kind.NO_RESPONSE)

OTHER_PROCESS = """
import sys
sys.path.insert(0, {tests!r})
import msgspec, conftest, test_run
watch = conftest.Watch(patience_s=1.5)
watch.fault = test_run.TIMEOUT
report = conftest.Bench().run(test_run.EVERYTHING, watch)
sys.stdout.buffer.write(msgspec.json.encode(report))
"""


@pytest.mark.parametrize("cancels", [True, False], ids=["cancels", "abandons"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_conservation(bench: Any, watch: Any, cancels: bool, seed: int) -> None:
    """Every request ends once, each call is answered or given up once, and nothing stays in flight."""
    bench.seed = seed
    seen = watch(cancels=cancels, patience_s=1.5)
    seen.fault = TIMEOUT
    report = bench.run(EVERYTHING, seen, trace=True)
    figures, series = report.figures, report.series
    assert figures.requests == sum(series.arrived) > 800
    assert sum(series.succeeded) == round(figures.success_rate * figures.requests)
    assert 0.0 < figures.success_rate < 1.0
    assert all(ok <= came for ok, came in zip(series.succeeded, series.arrived, strict=True))
    assert len(series.arrived) == len(series.p99_s) == 30
    for name in ("a", "b"):
        assert len(series.calls[name]) == len(series.in_flight[name]) == 30
        assert min(series.in_flight[name]) >= 0
        assert max(series.in_flight[name]) < 2000
    ends = [word for word in report.trace if " -> send " in word]
    calls = round((figures.amplification + figures.failovers) * figures.requests)
    assert calls <= len(ends)
    assert sum(map(sum, series.calls.values())) <= len(ends)


def test_same_seed_same_bytes(bench: Any, watch: Any) -> None:
    """Two runs with one seed are equal to the byte, and another seed is another run."""
    runs = []
    for _ in range(2):
        seen = watch(patience_s=1.5)
        seen.fault = TIMEOUT
        runs.append(msgspec.json.encode(bench.run(EVERYTHING, seen)))
    bench.seed = 2
    other = watch(patience_s=1.5)
    other.fault = TIMEOUT
    assert runs[0] == runs[1] != msgspec.json.encode(bench.run(EVERYTHING, other))


def test_trace_in_words_changes_nothing(bench: Any, watch: Any) -> None:
    """Keeping the trace as text, and watching the progress, leave the run as it is."""
    seen: list[float] = []
    scenario = bench.scenario(Up("a"), duration_s=10.0)
    plain = bench.run(scenario, watch())
    told = bench.run(scenario, watch(), trace=True, progress=seen.append)
    assert replace(told, trace=()) == plain
    assert seen == sorted(seen)
    assert len(seen) == 10
    assert seen[-1] == 1.0
    assert any("arrived -> send" in word for word in told.trace)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_same_bytes_in_another_process(bench: Any, watch: Any, hash_seed: str) -> None:
    """A process that hashes otherwise gives the same bytes."""
    here = str(Path(__file__).parent)
    code = OTHER_PROCESS.format(tests=here)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    seen = watch(patience_s=1.5)
    seen.fault = TIMEOUT
    assert done.stdout == msgspec.json.encode(bench.run(EVERYTHING, seen))


def test_same_requests_for_all_policies(bench: Any, watch: Any) -> None:
    """What a policy does changes neither when requests come nor how long they are."""
    scenario = bench.scenario((Up("a", slots=2), Up("b")), duration_s=30.0)
    patient, hasty = watch(), watch(patience_s=0.2)
    hasty.fault = TIMEOUT
    reports = [bench.run(scenario, seen) for seen in (patient, hasty)]
    number = reports[0].figures.requests
    assert reports[0].series.arrived == reports[1].series.arrived
    assert reports[0].trace_sha256 != reports[1].trace_sha256
    sizes = [[request.demand.input_tokens for request in seen.requests[:number]] for seen in (patient, hasty)]
    assert sizes[0] == sizes[1]


def test_load_goes_on_until_the_last_is_over(bench: Any, watch: Any) -> None:
    """Requests that arrive after the scenario are load for those still open, and count for nothing."""
    seen = watch()
    report = bench.run(
        bench.scenario(Up("a", slots=1000, first_token_s=5.0, first_token_spread=0.0), duration_s=10.0), seen
    )
    assert report.figures.requests == sum(report.series.arrived)
    assert len(seen.requests) > report.figures.requests * 1.3
    assert report.figures.success_rate == 1.0
    assert max(now for now, _ in seen.events) == pytest.approx(15.0, abs=0.2)


def test_speed(bench: Any, watch: Any) -> None:
    """A request costs microseconds, not milliseconds: a generous bound, for slow machines."""
    scenario = bench.scenario(Up("a", servers=100), rate=1000.0, duration_s=10.0)
    seen = watch()
    began = time.process_time()
    report = bench.run(scenario, seen)
    assert (time.process_time() - began) / report.figures.requests < 400e-6
    assert sum(isinstance(event, ev.Finished) for _, event in seen.events) >= report.figures.requests
