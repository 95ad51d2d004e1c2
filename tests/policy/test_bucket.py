"""The retry budget: cost, reward, refill, and its bound on any schedule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.policy import RetryOptions
from halfopen.policy.bucket import RETRY_COST, TIMEOUT_COST, RetryBucket

OPTIONS = RetryOptions()


def empty_bucket(now: float = 0.0) -> RetryBucket:
    bucket = RetryBucket(OPTIONS, now)
    while bucket.take(1.0, now):
        pass
    return bucket


def test_starts_full() -> None:
    """A new target can be retried as often as the bucket is deep."""
    assert RetryBucket(OPTIONS, 5.0).tokens(5.0) == 10.0


def test_a_timeout_costs_double() -> None:
    """A retry after a timeout costs two tokens, any other one."""
    assert (RETRY_COST, TIMEOUT_COST) == (1.0, 2.0)


def test_without_tokens_there_is_no_retry_and_nothing_is_spent() -> None:
    """A refusal leaves the tokens as they are."""
    bucket = RetryBucket(OPTIONS, 0.0)
    assert bucket.take(9.5, 0.0)
    assert not bucket.take(1.0, 0.0)
    assert bucket.tokens(0.0) == 0.5
    assert bucket.take(0.5, 0.0)


def test_no_depth_forbids_retries() -> None:
    """A bucket of depth 0 never gives a token, whatever it earns."""
    bucket = RetryBucket(RetryOptions(bucket_max=0.0), 0.0)
    bucket.succeeded()
    assert not bucket.take(1.0, 1e6)


def test_a_success_earns_a_tenth() -> None:
    """Nine successes earn no retry, ten earn one."""
    bucket = empty_bucket()
    for _ in range(9):
        bucket.succeeded()
    assert not bucket.take(1.0, 0.0)
    bucket.succeeded()
    assert bucket.take(1.0, 0.0)


@pytest.mark.parametrize(
    ("after_s", "tokens"), [(0.0, 0.0), (15.0, 0.5), (30.0, 1.0), (300.0, 10.0), (1e9, 10.0)], ids=str
)
def test_time_earns_one_every_half_minute(after_s: float, tokens: float) -> None:
    """An idle target can be tried again: one token every 30 s, up to the depth."""
    assert empty_bucket().tokens(after_s) == pytest.approx(tokens)


def test_rewards_never_pass_the_depth() -> None:
    """A thousand successes don't save up for more than the bucket holds."""
    bucket = RetryBucket(OPTIONS, 0.0)
    for _ in range(1000):
        bucket.succeeded()
    assert bucket.tokens(0.0) == 10.0


def test_time_that_goes_back_earns_nothing() -> None:
    """An earlier `now` neither adds nor takes tokens."""
    bucket = empty_bucket(100.0)
    assert bucket.tokens(50.0) == 0.0
    assert bucket.tokens(100.0) == 0.0


SCHEDULES = st.lists(
    st.tuples(st.sampled_from(["retry", "timeout", "success"]), st.floats(0.0, 40.0)), max_size=120
)


def excess(bucket: RetryBucket, schedule: list[tuple[str, float]]) -> float:
    """By how much the tokens spent pass 10 + 0.1 · successes + T / 30. Not positive: the bound holds."""
    now = spent = successes = 0.0
    for event, gap_s in schedule:
        now += gap_s
        if event == "success":
            bucket.succeeded()
            successes += 1
        elif bucket.take(TIMEOUT_COST if event == "timeout" else RETRY_COST, now):
            spent += TIMEOUT_COST if event == "timeout" else RETRY_COST
    return spent - (10.0 + 0.1 * successes + now / 30.0)


@given(SCHEDULES)
@settings(max_examples=200)
def test_bound_holds_on_any_schedule(schedule: list[tuple[str, float]]) -> None:
    """Retries ≤ 10 + 0.1 · successes + T / 30, whatever happens when."""
    assert excess(RetryBucket(OPTIONS, 0.0), schedule) <= 1e-6


def test_the_bound_catches_a_bucket_that_never_empties() -> None:
    """Planted bug: a bucket whose `take` spends nothing breaks the bound."""

    class Bottomless(RetryBucket):
        def take(self, cost: float, now: float) -> bool:
            return True

    assert excess(Bottomless(OPTIONS, 0.0), [("retry", 0.0)] * 20) > 0


def test_the_bound_catches_a_bucket_that_time_fills_too_fast() -> None:
    """Planted bug: a token every 3 s breaks the bound."""
    assert excess(RetryBucket(RetryOptions(refill_s=3.0), 0.0), [("retry", 3.0)] * 40) > 0
