"""An upstream's queue, times and troubles."""

from math import factorial, log
from typing import Any

import pytest

from halfopen import errors
from halfopen.model import Dimension, Kind
from halfopen.policy import events as ev
from halfopen.simulator.scenario import Cache, FaultKind, FaultSpec
from halfopen.simulator.scenario import UpstreamSpec as Up

TIMEOUT = errors.make(Kind.NO_RESPONSE)


def even(name: str = "a", **what: Any) -> Up:
    """An upstream that always takes as long."""
    return Up(name, **{"first_token_s": 0.2, "first_token_spread": 0.0, **what})


def erlang_c_wait_s(rate: float, service_s: float, slots: int) -> float:
    """Mean wait in an M/M/c queue. Source: A. K. Erlang, 1917."""
    load = rate * service_s
    tail = load**slots / factorial(slots) * slots / (slots - load)
    waits = tail / (sum(load**k / factorial(k) for k in range(slots)) + tail)
    return waits * service_s / (slots - load)


@pytest.mark.parametrize(
    ("rate", "slots"), [(8.0, 10), (0.5, 1), (4.25, 5)], ids=["ten slots", "one slot", "85 % of five"]
)
def test_queue_waits_as_erlang_says(bench: Any, watch: Any, rate: float, slots: int) -> None:
    """The mean wait in front of exponential servers is that of the M/M/c formula."""
    waits = []
    for seed in range(4):
        bench.seed = seed
        seen = watch()
        up = Up("a", slots=slots, first_token_s=0.0, token_s=0.01)
        bench.run(bench.scenario(up, rate=rate, duration_s=6000 / rate, deadline_s=1e4), seen)
        times = [plan.took_s for plan in seen.plans]
        waits.append(sum(t for t in times if t) / len(times) - 0.99)
    expected = erlang_c_wait_s(rate, 1.0, slots)
    assert sum(waits) / len(waits) == pytest.approx(expected, rel=0.2)


def test_lognormal_first_tokens(bench: Any, watch: Any) -> None:
    """First tokens take the median that is given, with the spread that is given."""
    report = bench.run(bench.scenario(Up("a", slots=10_000), rate=500.0, stream=True), watch())
    assert report.figures.p50_s == pytest.approx(0.2, rel=0.02)
    assert log(report.figures.p99_s / report.figures.p50_s) == pytest.approx(0.3 * 2.326, rel=0.06)


def test_slowdown(bench: Any, watch: Any) -> None:
    """With every slot busy all takes as much longer as is said."""
    up = even(slots=10, slowdown=4.0)
    busy = bench.run(bench.scenario(up, rate=200.0, deadline_s=1e3), watch())
    idle = bench.run(bench.scenario(up, rate=0.5, duration_s=60.0), watch())
    assert idle.figures.p50_s == pytest.approx(0.2 * 1.4)
    assert sum(busy.series.succeeded) / 20.0 > 190
    assert max(busy.series.calls["a"]) < 300
    assert busy.figures.p99_s > 60.0


def test_full_queue_is_refused(bench: Any, watch: Any) -> None:
    """More than the slots and the queue hold get a 503."""
    seen = watch()
    report = bench.run(bench.scenario(even(slots=1, queue=3), rate=100.0), seen)
    assert {fault.status for fault in seen.faults()} == {503}
    assert max(report.series.in_flight["a"]) <= 4 + 3
    assert report.figures.success_rate == pytest.approx(5.0 / 100.0, rel=0.15)


def test_stall(bench: Any, watch: Any) -> None:
    """In a stall nothing is answered; what came then is worked on afterwards, what was under way ends later."""
    fault = FaultSpec("a", FaultKind.STALL, 5.05, 8.05)
    seen = watch()
    report = bench.run(bench.scenario(even(slots=1000), [fault], rate=50.0), seen)
    ends = [now for now, event in seen.events if isinstance(event, ev.Finished)]
    assert not [now for now in ends if 5.05 < now < 8.05]
    assert report.figures.success_rate == 1.0
    assert report.figures.p99_s == pytest.approx(3.2, abs=0.15)
    assert report.series.in_flight["a"][6] == pytest.approx(0.2 * 50 + 2 * 50, rel=0.25)
    assert report.series.p99_s[12] == pytest.approx(0.2)


@pytest.mark.parametrize("told", [False, True], ids=["unwatched", "progress"])
def test_stall_holds_a_stream_up(bench: Any, watch: Any, told: bool) -> None:
    """A stream that is under way in a stall ends as much later, and no token comes meanwhile."""
    fault = FaultSpec("a", FaultKind.STALL, 3.0, 7.0)
    seen = watch()
    seen.look_s = 0.5 if told else 1e6
    bench.run(
        bench.scenario(even(token_s=0.02), [fault], rate=3.0, duration_s=6.0, stream=True, output_tokens=400),
        seen,
    )
    plan = seen.plans[0]
    tokens = plan.usage.output_tokens
    began = plan.began_at
    assert began < 3.0 < began + tokens * 0.02
    assert plan.ended_at - began == pytest.approx((tokens - 1) * 0.02 + 4.0)
    if told:
        quiet = [at for _, at in plan.chars if 3.03 < at < 6.97]
        assert not quiet
        assert sum(chars for chars, _ in plan.chars) // 4 <= tokens


def test_crash(bench: Any, watch: Any) -> None:
    """One call too many and all that is there is lost; until the restart everything is refused."""
    up = even(slots=10, first_token_s=0.5, crashes_above=30, restart_s=4.0)
    seen = watch()
    report = bench.run(bench.scenario(up, rate=60.0, duration_s=12.0), seen, trace=True)
    crashes = [float(word.split()[0]) for word in report.trace if " crashed " in word]
    back = [float(word.split()[0]) for word in report.trace if " restarted " in word]
    assert len(crashes) >= 2
    assert back[0] == pytest.approx(crashes[0] + 4.0)
    kinds = [fault.kind for fault in seen.faults()]
    assert kinds.count(Kind.CONNECTION_RESET) >= 31
    assert kinds.count(Kind.UNAVAILABLE) > 200
    assert not [
        now for now, event in seen.events if isinstance(event, ev.Finished) and crashes[0] < now < back[0]
    ]


def test_calls_keep_a_fallen_upstream_down(bench: Any, watch: Any) -> None:
    """Where every call starts the restart anew, steady load keeps it down for good."""
    up = even(slots=1, first_token_s=0.5, crashes_above=10, restart_s=2.0, restart_extends=True)
    report = bench.run(bench.scenario(up, rate=20.0, duration_s=30.0), watch(), trace=True)
    assert len([word for word in report.trace if " crashed " in word]) == 1
    assert not [word for word in report.trace if " restarted " in word]
    assert sum(report.series.succeeded[5:]) == 0


@pytest.mark.parametrize(
    ("cancels", "drops", "wasted"),
    [(True, True, False), (True, False, True), (False, True, True)],
    ids=["dropped", "upstream works on", "upstream is not told"],
)
def test_abandoned_work(bench: Any, watch: Any, cancels: bool, drops: bool, wasted: bool) -> None:
    """Work that nobody waits for frees its slot only if the upstream is told and drops it; else it is done."""
    up = even(slots=10, first_token_s=1.0, drops_cancelled=drops)
    seen = watch(cancels=cancels, patience_s=0.5)
    seen.fault = TIMEOUT
    report = bench.run(bench.scenario(up, rate=15.0, duration_s=30.0), seen, trace=True)
    started = len([word for word in report.trace if " started " in word])
    assert report.figures.success_rate == 0.0
    assert len([word for word in report.trace if " abandoned " in word]) > 0 if wasted else True
    assert max(report.series.in_flight["a"]) > 100 if wasted else max(report.series.in_flight["a"]) < 20
    assert started == pytest.approx(300 if wasted else 450, rel=0.15)


def test_dropped_work_is_charged_as_far_as_it_went(bench: Any, watch: Any) -> None:
    """A whole answer costs all its tokens; one that was dropped, those until then; a refused call nothing."""
    prices: Any = {"price_input": 0.0, "price_output": 10.0}
    whole = bench.run(bench.scenario(even(slots=1000, token_s=0.1, **prices), deadline_s=500.0), watch())
    cut = bench.run(bench.scenario(even(slots=1000, token_s=0.1, **prices), deadline_s=5.2), watch())
    refused = FaultSpec("a", FaultKind.ERROR, 0.0, 100.0)
    none = bench.run(bench.scenario(even(), [refused]), watch())
    assert whole.figures.cost == pytest.approx(whole.figures.requests * 100 * 10 / 1e6, rel=0.15)
    # The mean of an exponential that is cut at its half: 1 - exp(-1/2).
    assert cut.figures.cost / whole.figures.cost == pytest.approx(0.3935, rel=0.12)
    assert none.figures.cost == 0.0


def test_cache_warms(bench: Any, watch: Any) -> None:
    """First tokens come sooner as the cache warms, and late again when it is lost."""
    up = even(slots=1000, cache=Cache(hit_ratio=1.0, speedup=4.0, warm_requests=100))
    cold = FaultSpec("a", FaultKind.COLD, 15.0, 15.0)
    report = bench.run(bench.scenario(up, [cold], rate=100.0), watch(), trace=True)
    first = [float(word.rsplit(" ", 1)[1]) for word in report.trace if " started " in word]
    at = [float(word.split()[0]) for word in report.trace if " started " in word]

    def hits(from_s: float, until_s: float) -> float:
        some = [took for took, when in zip(first, at, strict=True) if from_s <= when < until_s]
        return sum(took < 0.1 for took in some) / len(some)

    assert hits(0.0, 0.2) < 0.3
    assert hits(10.0, 15.0) > 0.98
    assert hits(15.0, 15.2) < 0.3
    assert hits(19.0, 20.0) > 0.9


@pytest.mark.parametrize(
    ("limit", "dimension"),
    [
        ({"requests_per_minute": 600.0}, Dimension.REQUESTS),
        ({"tokens_per_minute": 60_000.0}, Dimension.TOKENS),
    ],
    ids=["requests", "tokens"],
)
def test_rate_limit(bench: Any, watch: Any, limit: Any, dimension: Dimension) -> None:
    """A minute's worth and what flows in gets through; the rest a 429 with a wait, and heads tell what is left."""
    seen = watch()
    bench.run(bench.scenario(even(slots=1000, **limit), rate=100.0, deadline_s=5.0), seen)
    usages = [plan.usage for plan in seen.plans if plan.usage is not None]
    tokens = sum(usage.input_tokens + usage.output_tokens for usage in usages)
    minute = limit.get("requests_per_minute") or limit["tokens_per_minute"]
    through = len(usages) if dimension is Dimension.REQUESTS else tokens
    assert through == pytest.approx(minute * (1 + 20 / 60), rel=0.03)
    assert {fault.kind for fault in seen.faults()} == {Kind.RATE_LIMITED}
    assert all(fault.delay_s is not None and fault.delay_s >= 1.0 for fault in seen.faults())
    told = [limit for plan in seen.plans for limit in plan.limits]
    assert {limit.dimension for limit in told} == {dimension}
    assert all(0.0 <= limit.remaining <= limit.limit and 0.0 <= limit.reset_s <= 60.1 for limit in told)


def test_a_call_larger_than_the_limit_gets_through_once(bench: Any, watch: Any) -> None:
    """A request of more than a minute's tokens waits for a full bucket, not for ever."""
    up = even(slots=100, tokens_per_minute=100.0)
    report = bench.run(bench.scenario(up, rate=2.0, duration_s=30.0), watch())
    assert 1 <= sum(report.series.succeeded) <= 3
