"""Medians, ratios within rounds, rows that one failure makes void, and the promises."""

from typing import Any

import pytest
from bench.tools import Answers, Latency

from bench import figures, processes, promises, report, side_by_side

PLAIN = promises.PLAIN


def sample(subject: str, number: int = 0, **changes: Any) -> figures.Sample:
    given: dict[str, Any] = {"workload": PLAIN, "count": 1000, "failures": 0, "seconds": 1.0, "cpu_s": 1.0}
    return figures.Sample(subject=subject, round=number, **(given | changes))


def rows(*samples: figures.Sample) -> dict[tuple[str, str], figures.Row]:
    return figures.rows_of(samples)


def rate(one: figures.Sample) -> float:
    return one.rate


def test_ratios_are_made_within_rounds() -> None:
    """A round in which everything was slow changes no ratio; medians of each would."""
    found = rows(
        sample("a", 0, count=100), sample("b", 0, count=200),
        sample("a", 1, count=10), sample("b", 1, count=20),
        sample("a", 2, count=400), sample("b", 2, count=1000),
    )  # fmt: skip
    assert figures.ratio(found, PLAIN, ("a", "b"), rate) == figures.Spread(0.5, 0.4, 0.5, 3)
    assert figures.difference(found, PLAIN, ("b", "a"), rate) == figures.Spread(100, 10, 600, 3)


def test_rounds_without_the_other_do_not_count() -> None:
    """Only rounds that both took part in are compared."""
    found = rows(sample("a", 0, count=50), sample("a", 1, count=80), sample("b", 1, count=100))
    assert figures.ratio(found, PLAIN, ("a", "b"), rate) == figures.Spread(0.8, 0.8, 0.8, 1)


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"failures": 1, "first_fault": "cut: closed"}, id="one failure"),
        pytest.param({"count": 0}, id="nothing answered"),
    ],
)
def test_one_failure_makes_the_row_void(spoilt: dict[str, Any]) -> None:
    """No figure of the row is left, no ratio with it, and the reason is told with the round."""
    found = rows(sample("a", 0), sample("a", 1, **spoilt), sample("nginx", 0), sample("nginx", 1))
    row = found[PLAIN, "a"]
    assert row.void is not None
    assert "round 2" in row.void
    assert row.spread(rate) is None
    assert figures.ratio(found, PLAIN, ("a", "nginx"), rate) is None
    assert figures.ratio(found, PLAIN, ("nginx", "a"), rate) is None
    assert report.cells(row, found)[2] == "void"
    readings = promises.side_by_side(found, "a", ("plain",))
    assert {judged.state for judged in promises.judge(readings)} == {promises.State.BROKEN}


def test_a_core_that_is_not_used_up_is_marked() -> None:
    """The rate of a subject that used 84 % of its core is a lower bound; what it does per core is known."""
    found = rows(sample("slow", cpu_s=0.84), sample("full", cpu_s=0.86))
    assert [row.subject for row in promises.unsaturated(found)] == ["slow"]
    assert "not saturated" in report.cells(found[PLAIN, "slow"], found)[-1]
    assert "not saturated" not in report.cells(found[PLAIN, "full"], found)[-1]
    assert found[PLAIN, "slow"].samples[0].per_cpu_s == pytest.approx(1000 / 0.84)


def test_a_disturbed_core_is_marked() -> None:
    """Others on either core are told."""
    quiet, noisy = sample("a", foreign_s=0.04), sample("b", load_foreign_s=0.06)
    found = rows(quiet, noisy)
    assert "disturbed" not in report.cells(found[PLAIN, "a"], found)[-1]
    assert "disturbed" in report.cells(found[PLAIN, "b"], found)[-1]


@pytest.mark.parametrize(
    ("sense", "kept", "broken"),
    [
        (promises.Sense.AT_LEAST, (0.5, 0.6), (0.499,)),
        (promises.Sense.AT_MOST, (0.5, 0.4), (0.501,)),
        (promises.Sense.BELOW, (0.499,), (0.5, 0.6)),
    ],
)
def test_bounds(sense: promises.Sense, kept: tuple[float, ...], broken: tuple[float, ...]) -> None:
    """A bound belongs to what is kept, except where the figure has to be below it."""
    promise = promises.Promise("x", "X", sense, 0.5, "s")
    assert all(promise.holds(value) for value in kept)
    assert not any(promise.holds(value) for value in broken)


def test_streams_go_by_processor_time_and_plain_by_what_a_core_does() -> None:
    """Half of nginx's rate at the same use of the core, and 1.4 times its CPU for events, keep both promises."""
    found = rows(
        sample("halfopen", count=500), sample("nginx", count=1000),
        sample("halfopen", workload=promises.STREAMS, cpu_s=1.4), sample("nginx", workload=promises.STREAMS),
    )  # fmt: skip
    judged = {
        each.promise.key: each
        for each in promises.judge(promises.side_by_side(found, "halfopen", ("plain", "streams")))
    }
    assert judged["plain nginx"].state is promises.State.KEPT
    assert judged["streams nginx"].state is promises.State.KEPT
    assert judged["plain litellm"].state is promises.State.UNJUDGED


def test_latency_is_what_is_added_to_direct() -> None:
    """Milliseconds over those without a gateway."""
    found = rows(
        sample("direct", workload=promises.OPEN, latency=Latency(p50_us=100, p99_us=500)),
        sample("halfopen", workload=promises.OPEN, latency=Latency(p50_us=350, p99_us=1600)),
    )
    judged = promises.judge(promises.side_by_side(found, "halfopen", ("latency",)))
    assert [(each.promise.key, each.state) for each in judged] == [
        ("latency p50", promises.State.KEPT),
        ("latency p99", promises.State.BROKEN),
    ]


def test_outcomes_have_to_be_written() -> None:
    """A run whose outcomes were dropped did not have everything on."""
    states = [
        promises.Judged(promises.PROMISES[0], promises.recorded(answered, written)).reading
        for answered, written in ((1000, 995), (1000, "no status"), (0, 0))
    ]
    assert states[0] == figures.Spread(0.995, 0.995, 0.995, 1)
    assert all(isinstance(state, promises.Missing) and not state.harmless for state in states[1:])


@pytest.mark.parametrize(
    ("mode", "options", "suited"),
    [
        ("closed", ("--seconds", "4"), ("--seconds", "4")),
        ("streams", ("--rounds", "4"), ("--rounds", "1")),
        ("open", ("--rate", "1000"), None),
    ],
)
def test_slow_peers_get_less_to_do(
    mode: str, options: tuple[str, ...], suited: tuple[str, ...] | None
) -> None:
    """Who answers 100 a second is not asked for 1,000, and streams one round; a quick one gets everything."""
    workload = side_by_side.Workload("w", mode, options)
    slow = side_by_side.suited(workload, Answers(count=100, failures=0, seconds=1.0))
    assert (slow.options if slow else None) == suited
    assert side_by_side.suited(workload, Answers(count=5000, failures=0, seconds=1.0)) == workload


def test_processes_are_read_with_any_name() -> None:
    """A process may call itself anything; its children's time counts once they were waited for."""
    line = "77 (a) b (c) S 5 77 77 0 -1 4194560 1 2 3 4 100 50 25 25 20 0 1 0 9 1000 30 18446744073709551615"
    stat = processes.parse_stat(line)
    assert (stat.pid, stat.parent, stat.name) == (77, 5, "a) b (c")
    assert stat.cpu_s == pytest.approx(200 / processes.TICKS_A_SECOND)
    assert stat.rss_bytes == 30 * processes.PAGE_BYTES


def test_a_tree_is_everything_below() -> None:
    """Grandchildren belong to it, strangers do not."""
    stats = {
        pid: processes.Stat(pid, parent, "x", 1.0, 1)
        for pid, parent in ((1, 0), (2, 1), (3, 2), (4, 1), (9, 8))
    }
    assert sorted(stat.pid for stat in processes.tree(2, stats)) == [2, 3]
    assert sorted(stat.pid for stat in processes.tree(1, stats)) == [1, 2, 3, 4]
    assert processes.tree(7, stats) == []


def test_the_page_keeps_what_people_wrote() -> None:
    """Only what is between the marks is replaced, and lost marks are an error."""
    text = f"# Title\n\nwords\n\n{report.BEGIN}\nold\n{report.END}\n\nmore\n"
    page = report.page(text, "new")
    assert page == f"# Title\n\nwords\n\n{report.BEGIN}\n\nnew\n\n{report.END}\n\nmore\n"
    assert report.page(page, "new") == page
    with pytest.raises(ValueError, match="lost its marks"):
        report.page("# Title\n", "new")


def test_numbers_are_short() -> None:
    """As many digits as are worth reading."""
    assert [report.number(value) for value in (0.02701, 1.234, 84.04, 380.2, 52500.4)] == [
        "0.027",
        "1.23",
        "84",
        "380",
        "52,500",
    ]
