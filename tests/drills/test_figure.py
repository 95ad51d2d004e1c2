"""Figures: intervals, quantiles, and what breaks a promise."""

import pytest

from halfopen.lab.drills.figure import DrillReport, Figure, proportion, quantile, wilson


@pytest.mark.parametrize(
    ("successes", "samples", "low", "high"),
    [
        pytest.param(81, 263, 0.2553, 0.3662, id="published example"),
        pytest.param(15, 148, 0.0624, 0.1605, id="another published example"),
        pytest.param(0, 20, 0.0, 0.1611, id="none"),
        pytest.param(20, 20, 0.8389, 1.0, id="all"),
        pytest.param(1000, 1000, 0.9962, 1.0, id="all of a thousand"),
        pytest.param(0, 0, 0.0, 1.0, id="nothing is known"),
    ],
)
def test_the_interval_is_wilson_s(successes, samples, low, high):
    """The interval is the published one (Newcombe 1998), and sensible at both ends."""
    assert wilson(successes, samples) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("share", "value"), [pytest.param(0.5, 2, id="median"), pytest.param(1.0, 4, id="greatest"), (0.0, 1)]
)
def test_a_quantile_is_one_of_the_values(share, value):
    """Nothing is invented between two values."""
    assert quantile([4, 2, 1, 3], share) == value
    assert quantile([], share) == 0.0


def test_one_miss_breaks_the_promise_of_all():
    """999 of 1,000 is not all, and nothing of nothing is not all either."""
    assert proportion("answers", 1000, 1000).sound
    assert not proportion("answers", 999, 1000).sound
    assert not proportion("answers", 0, 0).sound
    assert not DrillReport("x", (proportion("a", 1, 1), proportion("b", 0, 1))).ok


def test_a_line_tells_value_sample_interval_and_promise():
    """People read the same as programs."""
    line = proportion("answers", 999, 1000).line()
    assert line == (
        "FAIL answers: 0.999 of all (999 of 1000) (n = 1000, 95 % interval 0.9944 to 0.9998, promised all)"
    )
    assert Figure("time", 0.25, "s", 3).line() == "ok   time: 0.25 s (n = 3)"
