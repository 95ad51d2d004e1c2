"""The figures: percentiles, interval and recovery by their definitions."""

from dataclasses import replace
from typing import Any

import pytest

from halfopen.simulator.figures import percentile, recovery_s, wilson
from halfopen.simulator.scenario import FaultKind, FaultSpec
from halfopen.simulator.scenario import UpstreamSpec as Up


@pytest.mark.parametrize(
    ("successes", "number", "expected"),
    [
        (0, 0, (0.0, 1.0)),
        (0, 10, (0.0, 0.2775)),
        (10, 10, (0.7225, 1.0)),
        (81, 263, (0.2553, 0.3662)),
    ],
    ids=["nothing", "none", "all", "Newcombe's example"],
)
def test_wilson(successes: int, number: int, expected: tuple[float, float]) -> None:
    """The interval is Wilson's, as in the published example, and stays within 0 and 1."""
    assert wilson(successes, number) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(0, 0.5, None), (1, 0.99, 1), (100, 0.99, 99), (100, 0.5, 50), (101, 0.99, 100), (3, 0.5, 2)],
    ids=["none", "one", "of 100", "median", "of 101", "of three"],
)
def test_percentile(count: int, share: float, expected: float | None) -> None:
    """A percentile is the nearest rank: a value that was seen."""
    assert percentile(list(range(1, count + 1)), share) == expected


@pytest.mark.parametrize(
    ("succeeded", "ended_s", "expected"),
    [
        ("9900999", 4.0, 0.0),
        ("9900099", 4.0, 1.0),
        ("9900099", 3.5, 1.5),
        ("9900909", 4.0, 2.0),
        ("9900990", 4.0, None),
        ("9900000", 4.0, None),
        ("9999999", 7.0, None),
        ("0999999", 0.0, 1.0),
    ],
    ids=[
        "at once",
        "a second",
        "within a second",
        "back for a while",
        "not at the end",
        "never",
        "too late",
        "no faults",
    ],
)
def test_recovery(succeeded: str, ended_s: float, expected: float | None) -> None:
    """Recovery is from the end of the last fault to the end of the last bad second."""
    arrived = [9] * len(succeeded)
    assert recovery_s(arrived, [int(digit) for digit in succeeded], ended_s) == expected


def test_a_quiet_second_is_neither_good_nor_bad() -> None:
    """Seconds without requests spoil no recovery, and prove none."""
    assert recovery_s([9, 9, 0, 9], [0, 0, 0, 9], 1.0) == 1.0
    assert recovery_s([9, 9, 9, 0], [0, 9, 0, 0], 1.0) is None


def test_parts_of_a_run(bench: Any, watch: Any) -> None:
    """What is healthy ends when the scenario says; what is settled begins 10 s after the first fault."""
    fault = FaultSpec("a", FaultKind.SLOW, 5.0, 30.0, factor=5.0)
    up = Up("a", slots=1000, first_token_spread=0.0)
    scenario = replace(bench.scenario(up, [fault], duration_s=40.0), healthy_until_s=5.0)
    figures = bench.run(scenario, watch()).figures
    assert figures.p99_healthy_s == pytest.approx(0.2)
    assert figures.p99_settled_s == pytest.approx(1.0)
    assert figures.success_of == {"app": 1.0}
    assert figures.recovery_s == 0.0


def test_nobody_asks(bench: Any, watch: Any) -> None:
    """A run without a request has figures without a division by nothing."""
    report = bench.run(bench.scenario(Up("a"), rate=0.0, duration_s=3.0), watch())
    assert report.figures.requests == 0
    assert report.figures.p50_s is report.figures.p99_s is None
    assert report.figures.recovery_s is None
    assert report.figures.success_rate is report.figures.success_of["app"] is None
    assert report.series.arrived == (0, 0, 0)
