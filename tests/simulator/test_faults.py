"""What goes wrong on the timeline."""

from typing import Any

import pytest

from halfopen.model import Kind
from halfopen.policy import events as ev
from halfopen.simulator.scenario import Autoscaler, FaultKind, FaultSpec
from halfopen.simulator.scenario import UpstreamSpec as Up

UP = Up("a", slots=10_000, token_s=0.01)


def share_ok(report: Any, from_s: int, until_s: int) -> float:
    series = report.series
    return float(sum(series.succeeded[from_s:until_s]) / sum(series.arrived[from_s:until_s]))


@pytest.mark.parametrize(
    ("kind", "share", "stream", "expected"),
    [
        (FaultKind.ERROR, 0.5, False, Kind.SERVER_ERROR),
        (FaultKind.KEY, 1.0, False, Kind.BAD_KEY),
        (FaultKind.CUT, 0.5, True, Kind.CUT_BODY),
        (FaultKind.EMPTY, 0.5, True, Kind.EMPTY_ANSWER),
        (FaultKind.EMPTY, 0.5, False, Kind.EMPTY_ANSWER),
    ],
    ids=["error", "key", "cut", "empty stream", "empty answer"],
)
def test_a_share_fails(
    bench: Any, watch: Any, kind: FaultKind, share: float, stream: bool, expected: Kind
) -> None:
    """The share that is given fails so while the fault holds, and nothing does before and after."""
    fault = FaultSpec("a", kind, 5.0, 15.0, share=share)
    seen = watch()
    report = bench.run(bench.scenario(UP, [fault], rate=100.0, stream=stream), seen)
    assert share_ok(report, 0, 4) == share_ok(report, 15, 20) == 1.0
    assert share_ok(report, 5, 15) == pytest.approx(1.0 - share, abs=0.05)
    assert {fault.kind for fault in seen.faults()} == {expected}


def test_error_has_its_status_and_its_time(bench: Any, watch: Any) -> None:
    """An error comes with the status and as late as is said, and asks for no wait."""
    fault = FaultSpec("a", FaultKind.ERROR, 0.0, 100.0, status=529, after_s=0.7)
    seen = watch()
    bench.run(bench.scenario(UP, [fault]), seen)
    starts = [now for now, event in seen.events if isinstance(event, ev.Arrived)]
    ends = [now for now, event in seen.events if isinstance(event, ev.Failed)]
    assert ends[0] - starts[0] == pytest.approx(0.7)
    assert {(f.status, f.kind, f.delay_s) for f in seen.faults()} == {(529, Kind.OVERLOADED, None)}


@pytest.mark.parametrize("cancels", [True, False], ids=["cancels", "abandons"])
def test_hang(bench: Any, watch: Any, cancels: bool) -> None:
    """A call that hangs is never answered: its client leaves, and then nothing of it is left."""
    fault = FaultSpec("a", FaultKind.HANG, 5.0, 10.0)
    seen = watch(cancels=cancels)
    report = bench.run(bench.scenario(UP, [fault], deadline_s=3.0, output_tokens=1), seen)
    assert share_ok(report, 5, 10) == 0.0
    assert share_ok(report, 10, 20) == 1.0
    gone = [now for now, event in seen.events if isinstance(event, ev.ClientGone)]
    assert len(gone) == sum(report.series.arrived[5:10])
    assert report.series.in_flight["a"][8] > 50
    assert report.series.in_flight["a"][15] < 20


def test_slow_rises_evenly(bench: Any, watch: Any) -> None:
    """A factor that moves is in proportion to the time that has passed."""
    up = Up("a", slots=10_000, first_token_spread=0.0)
    fault = FaultSpec("a", FaultKind.SLOW, 5.0, 15.0, factor=1.0, factor_end=11.0)
    p99 = bench.run(bench.scenario(up, [fault], rate=50.0), watch()).series.p99_s
    assert p99[4] == pytest.approx(0.2)
    assert p99[9] == pytest.approx(0.2 * 6.0, rel=0.05)
    assert p99[14] == pytest.approx(0.2 * 11.0, rel=0.05)
    assert p99[15] == pytest.approx(0.2)


def test_capacity(bench: Any, watch: Any) -> None:
    """With half of the servers, half of the work is done."""
    up = Up("a", servers=10, slots=1, first_token_s=0.1, first_token_spread=0.0)
    fault = FaultSpec("a", FaultKind.CAPACITY, 5.0, 15.0, factor=0.5)
    report = bench.run(bench.scenario(up, [fault], rate=90.0, deadline_s=0.5), watch())
    assert share_ok(report, 0, 4) > 0.99
    assert sum(report.series.succeeded[6:15]) / 9 <= 51.0
    assert share_ok(report, 16, 20) > 0.85


def test_drip(bench: Any, watch: Any) -> None:
    """A dripping stream brings one token at a time, as late as is said, and its progress tells so."""
    fault = FaultSpec("a", FaultKind.DRIP, 0.0, 100.0, after_s=2.0)
    seen = watch()
    seen.look_s = 1.0
    bench.run(bench.scenario(UP, [fault], rate=2.0, stream=True, deadline_s=40.0), seen)
    plan = max(seen.plans[:20], key=lambda plan: len(plan.chars))
    assert [chars for chars, _ in plan.chars][:10] == [4] * 10
    gaps = [b - a for (_, a), (_, b) in zip(plan.chars, plan.chars[1:], strict=False)]
    assert gaps == pytest.approx([2.0] * len(gaps))


def test_flapping(bench: Any, watch: Any) -> None:
    """A flapping fault holds for the first half of each period, until its end."""
    fault = FaultSpec("a", FaultKind.ERROR, 4.0, 15.0, every_s=4.0)
    report = bench.run(bench.scenario(UP, [fault], rate=50.0, output_tokens=1), watch())
    good = [ok == came for ok, came in zip(report.series.succeeded, report.series.arrived, strict=True)]
    assert "".join("+" if ok else "-" for ok in good) == "++++--++--++--++++++"


def test_autoscaler_follows_the_load(bench: Any, watch: Any) -> None:
    """Servers are added late, no more than a step at a time, and taken away when the load has gone."""
    up = Up("a", servers=2, slots=10, first_token_s=0.5, autoscaler=Autoscaler(1, 8, 0.7, 5.0, 10.0, 2))
    scenario = bench.scenario(up, rate=60.0, duration_s=100.0)
    report = bench.run(scenario, watch(), trace=True)
    changes = [
        (float(word.split()[0]), float(word.rsplit(" ", 1)[1]))
        for word in report.trace
        if " servers " in word
    ]
    assert changes[0] == (15.0, 3.0)
    assert max(servers for _, servers in changes) <= 8
    steps = [abs(b - a) for (_, a), (_, b) in zip([(0.0, 2.0), *changes], changes, strict=False)]
    assert max(steps) <= 2
    settled = [servers for at, servers in changes if at > 60] or [changes[-1][1]]
    assert all(4 <= servers <= 7 for servers in settled)
    assert share_ok(report, 60, 100) == 1.0


def test_mispatched_autoscaler(bench: Any, watch: Any) -> None:
    """Mispatched, it takes servers away under load, down to the fewest."""
    up = Up("a", servers=6, slots=10, first_token_s=0.5, autoscaler=Autoscaler(1, 8, 0.7, 5.0, 10.0, 2))
    fault = FaultSpec("a", FaultKind.SCALE_IN, 8.0, 40.0)
    scenario = bench.scenario(up, [fault], rate=100.0, duration_s=60.0, deadline_s=2.0)
    report = bench.run(scenario, watch(), trace=True)
    changes = [
        (float(word.split()[0]), float(word.rsplit(" ", 1)[1]))
        for word in report.trace
        if " servers " in word
    ]
    assert min(servers for at, servers in changes if at < 45.0) == 1.0
    assert [servers for at, servers in changes if at > 50.0]
    assert share_ok(report, 25, 40) < 0.3


def test_other_upstreams_are_well(bench: Any, watch: Any) -> None:
    """A fault is one upstream's: the next in order answers."""
    fault = FaultSpec("a", FaultKind.ERROR, 5.0, 15.0)
    report = bench.run(bench.scenario((UP, Up("b", slots=1000)), [fault]), watch())
    figures = report.figures
    failed = sum(report.series.arrived[5:15])
    assert figures.success_rate == 1.0
    assert figures.amplification == 1.0
    assert figures.failovers == pytest.approx(failed / figures.requests)
    assert sum(report.series.calls["b"]) == failed
