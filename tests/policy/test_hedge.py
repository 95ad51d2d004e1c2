"""The budget of hedges: earned, spent, bounded, and off under stress."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import Fault, Kind
from halfopen.policy import TargetState
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import HedgeOptions
from halfopen.policy.target import Permit

Build = Callable[..., TargetState]
TWO_PERCENT = HedgeOptions(extra_load=0.02)


def earned(options: HedgeOptions, *tokens: int) -> HedgeBudget:
    budget = HedgeBudget(options)
    for each in tokens:
        budget.earn(each)
    return budget


def test_it_starts_empty() -> None:
    """The first late call of all is not hedged: nothing has been earned."""
    assert not HedgeBudget(TWO_PERCENT).take(10)


def test_fifty_calls_pay_for_one_hedge() -> None:
    """Two percent of the tokens of fifty equal calls are one of them."""
    budget = earned(TWO_PERCENT, *[1000] * 49)
    assert not budget.take(1000)
    budget.earn(1000)
    budget.earn(1000)
    assert budget.take(1000)
    assert not budget.take(1000)


def test_a_refused_hedge_costs_nothing() -> None:
    """What is too little for a long prompt still pays for a short one."""
    budget = earned(TWO_PERCENT, *[1000] * 60)
    assert not budget.take(50_000)
    assert budget.take(1000)


def test_it_is_off_by_default() -> None:
    """No share, no budget and no delay."""
    budget = earned(HedgeOptions(), *[1000] * 1000)
    assert budget.tokens == 0.0
    assert not budget.take(0)


def test_a_quiet_night_saves_up_twenty_calls() -> None:
    """Whatever was earned, a burst of hedges is bounded."""
    budget = earned(HedgeOptions(extra_load=0.2), *[500] * 5000)
    hedges = 0
    while budget.take(500):
        hedges += 1
    assert hedges == 20


def test_what_was_earned_by_long_calls_is_kept_when_they_become_short() -> None:
    """The bound falls with the mean, but takes nothing away."""
    budget = earned(HedgeOptions(extra_load=0.2), *[1000] * 100)
    before = budget.tokens
    for _ in range(2000):
        budget.earn(1)
    assert budget.tokens == before


def test_a_hedge_of_unknown_size_costs_a_mean_call() -> None:
    """It can't slip through for nothing."""
    budget = earned(TWO_PERCENT, *[1000] * 75)
    assert budget.take(0)
    assert not budget.take(1)


def test_when_no_size_is_known_calls_are_counted() -> None:
    """Then two percent of the calls are hedged."""
    budget = HedgeBudget(TWO_PERCENT)
    hedges = 0
    for _ in range(1000):
        budget.earn(0)
        hedges += budget.take(0)
    assert hedges in (19, 20)


CALLS = st.lists(st.tuples(st.sampled_from(["earn", "take"]), st.integers(2, 200_000)), max_size=300)


@given(CALLS, st.sampled_from([0.001, 0.02, 0.1, 0.2]))
def test_hedged_tokens_never_exceed_their_share(calls: list[tuple[str, int]], share: float) -> None:
    """At any time, on any schedule. Invariant 14, with a share of two percent."""
    budget = HedgeBudget(HedgeOptions(extra_load=share))
    sent = hedged = 0
    for what, tokens in calls:
        if what == "earn":
            budget.earn(tokens)
            sent += tokens
        elif budget.take(tokens):
            hedged += tokens
        assert hedged <= share * sent * (1 + 1e-9)
        assert budget.tokens >= 0.0


# When.


def test_the_delay_is_the_percentile_of_the_share(state_of: Build) -> None:
    """Two in a hundred streams are later than that."""
    state = state_of()
    budget = HedgeBudget(TWO_PERCENT)
    assert budget.delay_s(state) is None
    for _ in range(97):
        state.first_content.record(1.0)
    for _ in range(2):
        state.first_content.record(9.0)
    delay_s = budget.delay_s(state)
    assert delay_s is not None
    assert 9.0 <= delay_s <= 9.0 * 1.2
    assert HedgeBudget(HedgeOptions(extra_load=0.05)).delay_s(state) == state.first_content.percentile(0.95)
    assert HedgeBudget(HedgeOptions()).delay_s(state) is None


def quiet(_state: TargetState, _error: Fault) -> None:
    """Nothing happens."""


def limit_fell(state: TargetState, _error: Fault) -> None:
    state.limiter.overloaded(0.0)


def limit_is_used(state: TargetState, _error: Fault) -> None:
    for _ in range(90):
        state.limiter.acquire(0.0)


def bucket_is_low(state: TargetState, _error: Fault) -> None:
    assert state.bucket.take(6.0, 0.0)


def breaker_opened(state: TargetState, error: Fault) -> None:
    for _ in range(5):
        permit = state.admit(0.0, only_choice=True)
        assert isinstance(permit, Permit)
        state.settle_fault(permit, error, 0.0)


@pytest.mark.parametrize(
    ("trouble", "stressed"),
    [
        (quiet, False),
        (limit_fell, True),
        (limit_is_used, True),
        (bucket_is_low, True),
        (breaker_opened, True),
    ],
    ids=["none", "limit-fell", "limit-used", "retries-spent", "breaker-open"],
)
def test_one_target_in_trouble_stops_hedging(
    state_of: Build,
    fault: Callable[..., Fault],
    trouble: Callable[[TargetState, Fault], None],
    stressed: bool,
) -> None:
    """Whichever target it is, and whichever of its policies shows it."""
    fine, other = state_of("a"), state_of("b")
    trouble(other, fault(Kind.SERVER_ERROR))
    budget = HedgeBudget(TWO_PERCENT)
    assert budget.is_stressed([fine, other], 0.0) is stressed
    assert budget.is_stressed([other, fine], 0.0) is stressed
    assert not budget.is_stressed([fine], 0.0)
