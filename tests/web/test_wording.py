"""Figures in words, the waterfall, the charts' tables, and the configuration as a list."""

import json
from typing import Any

import msgspec
import pytest

from halfopen.web import wording
from halfopen.web.charts import charts
from halfopen.web.settings_listing import sections
from halfopen.web.waterfall import waterfall

DASH = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (wording.percent(999_999, 1_000_000), "99.9999 %"),
        (wording.percent(9_999_999_999, 10_000_000_000), "> 99.9999 %"),
        (wording.percent(1, 10_000_000_000), "< 0.0001 %"),
        (wording.percent(1, 1), "100 %"),
        (wording.percent(0, 5), "0 %"),
        (wording.percent(0, 0), DASH),
        (wording.percent(1, 3), "33.3 %"),
        (wording.percent(0.9995), "99.95 %"),
        (wording.ms(0.0), "0 ms"),
        (wording.ms(0.4), "0.40 ms"),
        (wording.ms(0.9999), "1.0 ms"),
        (wording.ms(9.97), "10 ms"),
        (wording.ms(812.4), "812 ms"),
        (wording.ms(999.6), "1 s"),
        (wording.ms(9_120), "9.12 s"),
        (wording.ms(125_000), "2 min"),
        (wording.ms(None), DASH),
        (wording.lasted(59), "59 s"),
        (wording.lasted(3600), "1 h"),
        (wording.lasted(12_000), "3 h 20 min"),
        (wording.lasted(2 * 86_400 + 4 * 3600), "2 d 4 h"),
        (wording.usd(0), "$0"),
        (wording.usd(1234.5), "$1,234.50"),
        (wording.usd(0.0713), "$0.071"),
        (wording.usd(0.00012), "$0.00012"),
        (wording.short(9_999), "9,999"),
        (wording.short(12_345), "12.3 k"),
        (wording.short(56_400_000), "56.4 M"),
        (wording.rate(0.05), "3/min"),
        (wording.rate(12.34), "12.3/s"),
        (wording.size(1830), "1.79 KiB"),
        (wording.clock(1_764_000_000.0, 1_764_000_100.0), "16:00:00"),
        (wording.clock(1_764_000_000.0, 1_764_100_000.0), "2025-11-24 16:00:00"),
        (wording.plain("bad_gateway"), "bad gateway"),
    ],
)
def test_figures_in_words(made: str, shown: str) -> None:
    """What is missing is never rounded away."""
    assert made == shown


def test_a_rescued_request_is_drawn_whole(scripted: Any) -> None:
    """Every attempt in its phases, waits between them, and where each ended."""
    row = msgspec.to_builtins(scripted.kept(1000, scripted.NOW_S, "outage"))
    drawing = waterfall({"row": row, "outcome": msgspec.to_builtins(scripted.outcome(1000))})
    lanes = [
        (lane.name.partition("/")[0], [(bar.phase, round(bar.lasted_ms)) for bar in lane.bars], lane.result)
        for lane in drawing.lanes
    ]
    assert lanes == [
        ("waiting", [("queue", 120), ("queue", 300)], ""),
        ("openai", [("connect", 80), ("first byte", 680), ("first content", 20)], "server_error"),
        ("openai", [("connect", 10), ("first byte", 390)], "cancelled"),
        ("claude", [("connect", 100), ("first byte", 400), ("first content", 200), ("the rest", 1900)], "ok"),
    ]
    ends = [
        float(bar.x.rstrip("%")) + float(bar.width.rstrip("%")) for lane in drawing.lanes for bar in lane.bars
    ]
    assert max(ends) <= 100.0001
    assert [at for _, at in drawing.ticks] == [0.0, 1000.0, 2000.0, 3000.0, 4000.0]


def test_a_plain_request_is_drawn_from_its_row(scripted: Any) -> None:
    """The queue, and the one attempt."""
    row = msgspec.to_builtins(scripted.kept(998, scripted.NOW_S, "health"))
    drawing = waterfall({"row": row, "outcome": None})
    assert [(bar.phase, round(bar.lasted_ms)) for lane in drawing.lanes for bar in lane.bars] == [
        ("queue", 4),
        ("connect", 27),
        ("first byte", 209),
        ("first content", 70),
        ("the rest", 498),
    ]


@pytest.mark.parametrize("total_ms", [0.0, 0.3, 7.0, 99.0, 100.0, 4200.0, 61_000.0, 3_600_000.0])
def test_any_length_has_a_readable_axis(total_ms: float) -> None:
    """From one to seven round times, none beyond the end."""
    row = {"duration_ms": total_ms, "queue_ms": 0.0, "served_by": "a/b"}
    ticks = waterfall({"row": row, "outcome": None}).ticks
    assert 1 <= len(ticks) <= 8
    assert all(at <= max(total_ms, 0.001) for _, at in ticks)


def test_a_request_that_nobody_was_asked_for(scripted: Any) -> None:
    """It waited, and that is all."""
    outcome = {"arrived": 5.0, "attempts": []}
    drawing = waterfall({"row": {"duration_ms": 30.0}, "outcome": outcome})
    assert [(lane.name, [bar.phase for bar in lane.bars]) for lane in drawing.lanes] == [
        ("waiting", ["queue"])
    ]


def test_charts_say_the_same_as_a_table() -> None:
    """Ten minutes a row: sums of counts, the worst of times, nothing where nothing is known."""
    series = {
        "start_s": [600, 660, 1200],
        "answered": [1, 2, 4],
        "rescued": [0, 1, 0],
        "failed": [0, 0, 5],
        "gone": [0, 0, 0],
        "p50_ms": [None, 5.0, None],
        "p95_ms": [7.0, 9.0, None],
        "cost_usd": [0.5, 0.25, 0.0],
        "wasted_usd": [0.0, 0.0, 0.0],
    }
    requests, times, money = charts(series)
    assert requests.head == ("failed", "rescued", "client gone", "answered")
    assert requests.rows == ((1200, (5, 0, 0, 4)), (600, (0, 1, 0, 3)))
    assert times.rows == ((1200, (None, None)), (600, (5.0, 9.0)))
    assert money.rows == ((1200, (0.0, 0.0)), (600, (0.0, 0.75)))
    assert json.loads(requests.data)["x"] == [600, 660, 1200]


def test_a_configuration_as_a_list() -> None:
    """Routes first; tables in a list have each a section of their own, folded."""
    content = {
        "gateway": {"port": 8500, "limits": {"a": 1}},
        "redis": {},
        "routes": {
            "small": {"deadline_s": 60.0, "targets": [{"provider": "p", "model": "m", "price": None}]}
        },
    }
    assert [(each.name, each.rows, each.is_open) for each in sections(content)] == [
        ("routes.small", (("deadline_s", "60.0"), ("targets", "1")), True),
        ("routes.small, targets 1: p/m", (("provider", "p"), ("model", "m"), ("price", "not set")), False),
        ("gateway", (("port", "8500"), ("limits.a", "1")), True),
        ("redis", (("", "none"),), True),
    ]
