"""Bounds that depend on each other."""

import pytest


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param(
            "[policy.retry]\nbase_s = 9",
            "policy.retry.base_s: must not be above cap_s, which is 8",
            id="retry",
        ),
        pytest.param(
            "[policy.breaker]\nopen_s = 60",
            "policy.breaker.open_s: must not be above open_max_s, which is 9",
            id="open",
        ),
        pytest.param(
            "[policy.limit]\nmin = 9\nmax = 8",
            "policy.limit.min: must not be above max, which is 8",
            id="limit",
        ),
        pytest.param(
            "[policy.limit]\ninitial = 2",
            "policy.limit.initial: must be between min and max, which are 4 and 10000",
            id="initial",
        ),
    ],
)
def test_bounds_that_contradict_each_other_are_refused(problems, more, expected):
    """The message names both bounds."""
    (problem,) = problems(more=more)
    assert problem == f"line 12: {expected}"
