"""Full jitter, and the server's delay as a lower bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.policy import RetryOptions
from halfopen.policy.backoff import full_jitter, retry_delay

OPTIONS = RetryOptions(base_s=0.5, cap_s=8.0)
ALMOST_ONE = 1.0 - 2.0**-53
UNIT = st.floats(0.0, ALMOST_ONE)


@pytest.mark.parametrize(
    ("retry", "ceiling_s"),
    [(0, 0.5), (1, 1.0), (2, 2.0), (4, 8.0), (5, 8.0), (10_000, 8.0)],
    ids=["first", "second", "third", "cap", "past-cap", "huge"],
)
def test_upper_end_doubles_up_to_the_cap(retry: int, ceiling_s: float) -> None:
    """The n-th delay is at most base · 2ⁿ, and never more than the cap."""
    assert full_jitter(OPTIONS, retry, lambda: 1.0) == ceiling_s


@pytest.mark.parametrize("draw", [0.0, 0.25, 0.5, 0.999], ids=str)
def test_delay_is_uniform_from_zero(draw: float) -> None:
    """Full jitter draws from all of [0, upper end), zero included."""
    assert full_jitter(OPTIONS, 1, lambda: draw) == draw * 1.0


@pytest.mark.parametrize(
    ("server_s", "draw", "delay_s"),
    [
        (None, 0.5, 0.25),
        (0.0, 0.5, 0.25),
        (2.0, 0.0, 2.0),
        (2.0, 0.5, 2.1),
        (100.0, 1.0, 101.0),
        (0.1, 1.0, 0.5),
    ],
    ids=["none", "zero", "no-jitter", "a-tenth", "at-most-a-second", "own-is-longer"],
)
def test_server_delay_is_a_lower_bound(server_s: float | None, draw: float, delay_s: float) -> None:
    """Jitter is added on top of what the server asked for: up to a tenth, at most one second."""
    assert retry_delay(OPTIONS, 0, server_s, lambda: draw) == pytest.approx(delay_s)


@given(st.integers(0, 100), st.none() | st.floats(0.0, 1e9), UNIT, UNIT)
def test_never_sooner_than_the_server_asked(
    retry: int, server_s: float | None, first: float, second: float
) -> None:
    """On any draw the delay is finite, not negative, and not shorter than the server's."""
    draws = iter([first, second])
    delay_s = retry_delay(OPTIONS, retry, server_s, lambda: next(draws))
    assert (server_s or 0.0) <= delay_s <= max(OPTIONS.cap_s, (server_s or 0.0) + 1.0)
