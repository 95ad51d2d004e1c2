"""Planted proxies: one that lies makes its row void, one that is slow breaks the promises. Real nginx."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bench.figures import Sample, rows_of
from bench.processes import Program
from bench.subject import Absent, Subject

from bench import peers, promises, side_by_side, tools
from halfopen.lab.ports import free_port

pytestmark = [pytest.mark.alone, pytest.mark.server("nginx"), pytest.mark.usefixtures("built")]
SECONDS = 0.3


@dataclass
class Stage:
    """An upstream, and nginx before it that calls itself Halfopen."""

    plan: side_by_side.Plan
    supply: Program
    direct: Subject
    proxy: Subject
    program: Program

    def sample(self, workload: side_by_side.Workload, subject: Subject) -> Sample:
        program = self.program if subject is self.proxy else None
        return side_by_side.measure_one(subject, workload, 0, self.plan, (program, self.supply))

    def judged(self, workload: side_by_side.Workload, part: str) -> tuple[Any, list[promises.Judged]]:
        rows = rows_of([self.sample(workload, each) for each in (self.direct, self.proxy)])
        readings = promises.side_by_side(rows, "halfopen", (part,))
        return rows[workload.name, "halfopen"], promises.judge(readings)


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, cores: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """Started with the replacement of a directive of nginx, and the options of the upstream behind it."""
    directive, options = request.param
    monkeypatch.setattr(peers, "PLACE", tools.PLACE)
    monkeypatch.setattr(side_by_side, "SETTLE_S", 0.02)
    ports = [free_port() for _ in range(3)]
    made = peers.nginx(ports[2], ports[1])
    assert not isinstance(made, Absent), made
    config = Path(made.command[-1])
    config.write_text(config.read_text().replace("proxy_pass http://bench;", directive))
    proxy = Subject("halfopen", made.port, made.command)
    log = tools.PLACE / "planted.log"
    with (
        tools.upstream(ports[0], cores.load) as supply,
        tools.upstream(ports[1], cores.load, *options),
        Program(proxy.command, cores.subject, log) as program,
    ):
        tools.drive("count", proxy.port, cores.load, ("--requests", "1", "--retry-s", "5"))
        plan = side_by_side.Plan(1, SECONDS, cores.subject, cores.load)
        yield Stage(plan, supply, Subject("direct", ports[0]), proxy, program)


HONEST = ("proxy_pass http://bench;", ())
CUT = ('default_type application/json; return 200 \'{"choices":[{"message":{"content":"The service\';', ())
REMEMBERED = ("proxy_pass http://bench; proxy_set_body '{\"messages\":[]}';", ())
BREAKING = ("proxy_pass http://bench;", ("--cut", "40"))
SLOW = ("proxy_pass http://bench;", ("--delay-us", "3000"))


@pytest.mark.parametrize("stage", [pytest.param(HONEST, id="honest")], indirect=True)
def test_an_honest_proxy_counts(stage: Stage) -> None:
    """The plants below are variations of a proxy whose row stands, with its processor's time."""
    row, _ = stage.judged(side_by_side.plain(8, SECONDS), "plain")
    (sample,) = row.samples
    assert row.void is None, row.void
    assert sample.count > 100
    assert 0 < sample.cpu_s <= sample.seconds * 1.5
    assert sample.rss_bytes > 1_000_000


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        pytest.param(CUT, "content", id="cut answer"),
        pytest.param(REMEMBERED, "content", id="answer to another request"),
        pytest.param(BREAKING, "cut", id="one answer in forty broken off"),
    ],
    indirect=["stage"],
)
def test_a_lying_proxy_voids_its_row(stage: Stage, reason: str) -> None:
    """However quick it is, nothing of it counts, and every promise about it is broken."""
    row, judged = stage.judged(side_by_side.plain(64, SECONDS), "plain")
    assert row.void is not None
    assert f"{reason}: " in row.void
    assert {each.state for each in judged} == {promises.State.BROKEN}


@pytest.mark.parametrize("stage", [pytest.param(SLOW, id="3 ms late")], indirect=True)
def test_a_slow_proxy_breaks_the_latency_promise(stage: Stage) -> None:
    """Its answers are right, so the row stands; what it adds is seen, and that its core had little to do."""
    steady = next(each for each in side_by_side.workloads(SECONDS) if each.of == "latency")
    row, judged = stage.judged(steady, "latency")
    assert row.void is None, row.void
    assert [each.state for each in judged] == [promises.State.BROKEN] * 2
    added = judged[0].reading
    assert isinstance(added, promises.Spread)
    assert 2.0 < added.median < 100.0
    closed, _ = stage.judged(side_by_side.plain(8, SECONDS), "plain")
    assert not closed.saturated
