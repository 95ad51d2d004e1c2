"""Samples, points and totals of the table."""

import pytest

from halfopen.lab import faults
from halfopen.lab.matrix import plan, point, sample
from halfopen.lab.matrix.row import Result, Row
from halfopen.lab.matrix.summary import cells, groups, interval, point_kind, totals

CASES = plan(faults.every())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_sample_has_of_everything(seed):
    """Every fault in each mode, every pair of client and provider, and of client and point is drawn."""
    drawn = sample(CASES, 500, seed)
    assert len(drawn) == 500
    for strata in (
        lambda case: (case.fault.name, case.mode),
        lambda case: (case.client, case.primary),
        lambda case: (case.client, point.kind(case.point)),
        lambda case: (case.question, case.after_commit),
    ):
        assert {strata(case) for case in drawn} == {strata(case) for case in CASES}


def test_a_sample_can_be_drawn_again():
    """The same seed gives the same rows in the table's order; another seed gives others."""
    one, other = sample(CASES, 400, 7), sample(CASES, 400, 8)
    assert one == sample(CASES, 400, 7) != other
    places = [CASES.index(case) for case in one[:50]]
    assert places == sorted(places)


def test_a_sample_of_all_is_all():
    """What is there no more of is taken whole."""
    assert sample(CASES[:10], 10, 0) == CASES[:10] == sample(CASES[:10], 99, 0)


@pytest.mark.parametrize(
    ("fault", "mode", "place"),
    [
        ("refused", "plain", "before_headers"),
        ("reset_after_request", "stream", "before_headers"),
        ("openai_500_server_error", "plain", "before_headers"),
        ("hang_before_headers", "stream", "before_headers"),
        ("cut_head", "plain", "before_headers"),
        ("hang_after_headers", "stream", "after_headers"),
        ("informational", "plain", "after_headers"),
        ("ok_html", "plain", "after_headers"),
        ("cut_chunked", "plain", "after_headers"),
        ("stream_cut_before_content", "stream", "after_headers"),
        ("stream_cut_after_content", "stream", "after_content"),
    ],
)
def test_a_fault_has_its_own_place(fault, mode, place):
    """Where a fault strikes is seen from what it sends before it happens."""
    assert point.natural(faults.load(fault), mode) == place


@pytest.mark.parametrize(
    ("name", "options", "kind"),
    [
        ("after_headers", {"at_event": 0}, "after_headers"),
        ("event:7", {"at_event": 7}, "events"),
        ("call:3", {"at_event": 3}, "in_call"),
        ("in_call", {"in_call": True}, "in_call"),
        ("finish", {"at_finish": True}, "finish"),
        ("after_content", {}, "events"),
        ("before_headers", {}, "before_headers"),
    ],
)
def test_a_point_is_set_by_the_fault_s_options(name, options, kind):
    """Each point has its options, and is summed up under its kind."""
    assert (point.placing(name), point.kind(name)) == (options, kind)


def row(result, client="chat", primary="openai", place="event:3"):
    return Row(
        "f",
        "stream",
        primary,
        "gemini",
        "after_content",
        client,
        place,
        result,
        "",
        200,
        None,
        None,
        1,
        1,
        1,
        0.1,
    )


ROWS = [
    row(Result.PASS),
    row(Result.SAFE, place="event:6+error"),
    row(Result.FAIL, client="messages", place="call:2"),
    row(Result.VOID, primary="gemini"),
]


def test_totals_are_counted_by_what_rows_share():
    """Void rows count as fails, everywhere, and each group has its own size."""
    shown = totals(ROWS).shown()
    assert {name: shown[name] for name in ("rows", "pass", "safe", "fail", "void")} == {
        "rows": 4,
        "pass": 1,
        "safe": 1,
        "fail": 2,
        "void": 1,
    }
    assert {name: each["rows"] for name, each in groups(ROWS, lambda row: row.client).items()} == {
        "chat": 3,
        "messages": 1,
    }
    assert list(groups(ROWS, point_kind)) == ["events", "in_call"]
    assert cells(ROWS)["messages", "openai"]["in_call"].fail == 1


@pytest.mark.parametrize(
    ("count", "size", "low", "high"),
    [
        pytest.param(0, 1000, 0.0, 0.003827, id="none"),
        pytest.param(5, 100, 0.021543, 0.111752, id="some"),
        pytest.param(100, 100, 0.963007, 1.0, id="all"),
        pytest.param(0, 0, 0.0, 1.0, id="nothing-known"),
    ],
)
def test_the_interval_is_wilson_s(count, size, low, high):
    """The 95 % interval agrees with the published formula, and stays between 0 and 1."""
    assert interval(count, size) == pytest.approx((low, high), abs=1e-5)
