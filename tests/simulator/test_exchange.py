"""One request: its plan's decisions are carried out as the gateway does it."""

from typing import Any

import pytest

from halfopen import errors
from halfopen.model import Kind
from halfopen.policy import events as ev
from halfopen.simulator.scenario import FaultKind, FaultSpec
from halfopen.simulator.scenario import UpstreamSpec as Up

EVEN = Up("a", slots=1000, first_token_spread=0.0, token_s=0.01)


def kinds(seen: Any) -> list[str]:
    return [type(event).__name__ for _, event in seen.events]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (True, ["Arrived", "FirstByte", "Content", "Finished"]),
        (False, ["Arrived", "FirstByte", "Finished"]),
    ],
    ids=["stream", "plain"],
)
def test_events_of_an_answer(bench: Any, watch: Any, stream: bool, expected: list[str]) -> None:
    """A plan is told the head, a stream's first content, and the end with what was used."""
    seen = watch()
    bench.run(bench.scenario(EVEN, rate=2.0, duration_s=5.0, stream=stream), seen)
    assert [type(event).__name__ for event in seen.plans[0].told] == expected
    usage = seen.plans[0].usage
    demand = seen.requests[0].demand
    assert usage.input_tokens == demand.input_tokens
    assert usage.output_tokens >= 1


def test_a_stream_of_one_instant(bench: Any, watch: Any) -> None:
    """A stream whose tokens take no time has its content all the same."""
    seen = watch()
    report = bench.run(bench.scenario(Up("a"), rate=2.0, duration_s=5.0, stream=True), seen)
    told = [type(event).__name__ for event in seen.plans[0].told]
    assert told == ["Arrived", "FirstByte", "Content", "Finished"]
    assert report.figures.p50_s is not None


def test_timers_are_up_to_a_tick_late(bench: Any, watch: Any) -> None:
    """A timer comes within 10 ms after its time, and never before."""
    seen = watch(patience_s=0.1234)
    seen.fault = errors.make(Kind.NO_RESPONSE)
    bench.run(bench.scenario(EVEN), seen)
    sent = {plan.sent_at + 0.1234 for plan in seen.plans}
    late = [now - max(due for due in sent if due <= now) for now, e in seen.events if isinstance(e, ev.Timer)]
    assert len(late) > 300
    assert all(0.0 <= each <= 0.0100001 for each in late)


def test_clients_leave_at_their_deadline(bench: Any, watch: Any) -> None:
    """A client that has had no whole answer in its time leaves, and what comes later is no success."""
    seen = watch()
    report = bench.run(bench.scenario(EVEN, deadline_s=0.7, stream=True), seen)
    gone = kinds(seen).count("ClientGone")
    # 0.2 s to the first token leave time for 50 tokens of 0.01 s, of a mean of 100.
    assert report.figures.success_rate == pytest.approx(1 - 2.718**-0.51, abs=0.08)
    assert gone >= report.figures.requests * (1 - report.figures.success_rate)
    assert report.figures.p99_s == pytest.approx(0.2)


def test_closed_loop(bench: Any, watch: Any) -> None:
    """In a closed loop each client has one request under way, and thinks before the next."""
    seen = watch()
    scenario = bench.scenario(EVEN, rate=0.0, clients=50, think_s=1.8, output_tokens=1, duration_s=60.0)
    report = bench.run(scenario, seen)
    assert report.figures.requests / 60.0 == pytest.approx(50 / 2.0, rel=0.05)
    assert max(report.series.in_flight["a"]) <= 50


def test_a_closed_loop_that_fails_at_once_does_not_stop_time(bench: Any, watch: Any) -> None:
    """Clients without a pause that are refused at once go on through time all the same."""
    seen = watch()
    refused = FaultSpec("a", FaultKind.ERROR, 0.0, 100.0, after_s=0.0)
    report = bench.run(
        bench.scenario(EVEN, [refused], rate=0.0, clients=2, think_s=0.0, duration_s=1.0), seen
    )
    assert 500 < report.figures.requests < 2100


def test_nested_retries(bench: Any, watch: Any) -> None:
    """Clients that retry by themselves send the same request with its number of repeats; it stays one request."""
    seen = watch()
    refused = FaultSpec("a", FaultKind.ERROR, 0.0, 100.0)
    report = bench.run(bench.scenario(EVEN, [refused], sdk_retries=2, deadline_s=30.0), seen)
    assert report.figures.amplification == 3.0
    assert report.figures.failovers == 0.0
    first = seen.requests[0].number
    tries = [request for request in seen.requests if request.number == first]
    assert [request.demand.repeats for request in tries] == [0, 1, 2]
    patience = [request.deadline_s for request in tries]
    assert patience[0] == 30.0
    assert 30.0 - 0.56 < patience[1] < 30.0 - 0.42
    assert patience[1] - 1.06 < patience[2] < patience[1] - 0.79


@pytest.mark.parametrize("status", [400, 401], ids=["bad request", "bad key"])
def test_clients_do_not_repeat_what_is_wrong(bench: Any, watch: Any, status: int) -> None:
    """The clients' own retries are for 408, 409, 429 and 5xx."""
    refused = FaultSpec("a", FaultKind.ERROR, 0.0, 100.0, status=status)
    report = bench.run(bench.scenario(EVEN, [refused], sdk_retries=2), watch())
    assert report.figures.amplification == 1.0


def test_the_line(bench: Any, watch: Any, in_turn: Any) -> None:
    """Who waits is told when room may be free: all are answered, one at a time."""
    seen = watch(in_turn)
    report = bench.run(bench.scenario(EVEN, rate=2.0, output_tokens=5, deadline_s=100.0), seen)
    assert seen.most == 1
    assert seen.under_way in (0, 1)
    assert report.figures.success_rate == 1.0
    assert kinds(seen).count("PermitFreed") > 5


def test_shed(bench: Any, watch: Any, in_turn: Any) -> None:
    """Who finds no place in the line is told so, with a wait, and fails once."""
    seen = watch(in_turn)
    seen.places = 3
    report = bench.run(bench.scenario(EVEN, rate=50.0), seen)
    shed = [event.fault for _, event in seen.events if isinstance(event, ev.Shed)]
    assert {fault.kind for fault in shed} == {Kind.NO_CAPACITY}
    assert all(fault.delay_s is not None and fault.delay_s > 0 for fault in shed)
    assert len(shed) > 0.8 * report.figures.requests
    assert len(seen.own_line) <= 3


def test_who_leaves_the_line_makes_room(bench: Any, watch: Any, in_turn: Any) -> None:
    """A client that leaves while it waits, or while it is served, does not hold the others up."""
    seen = watch(in_turn)
    bench.run(bench.scenario(EVEN, rate=10.0, deadline_s=1.0, duration_s=30.0, output_tokens=20), seen)
    assert seen.most == 1
    done = [now for now, event in seen.events if isinstance(event, ev.Finished)]
    waiting = [now for now, event in seen.events if isinstance(event, ev.ClientGone)]
    assert len(waiting) > 100
    assert len(done) > 20
