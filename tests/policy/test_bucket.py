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
    assert not bucket.has(1.0, 0.0)
    bucket.succeeded()
    assert bucket.has(1.0, 0.0)
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


# The price of large requests.


def priced(*sizes: int, options: RetryOptions = OPTIONS) -> RetryBucket:
    bucket = RetryBucket(options, 0.0)
    for tokens in sizes:
        bucket.succeeded(tokens)
    return bucket


@pytest.mark.parametrize(
    ("tokens", "times"),
    [(0, 1.0), (1, 1.0), (1000, 1.0), (1001, 1.001), (2500, 2.5), (5000, 5.0), (10**9, 5.0)],
    ids=["unknown", "small", "usual", "a-little-more", "larger", "largest", "huge"],
)
@pytest.mark.parametrize("base", [RETRY_COST, TIMEOUT_COST], ids=["retry", "timeout"])
def test_a_large_request_costs_more(base: float, tokens: int, times: float) -> None:
    """In proportion to the mean of the successes: never less than the plain cost, never over 5 times."""
    assert priced(500, 1500).cost(base, tokens) == pytest.approx(base * times)


def test_all_cost_the_same_before_a_size_is_known() -> None:
    """Successes of unknown size say nothing."""
    assert priced().cost(1.0, 10**6) == 1.0
    assert priced(0, 0).cost(1.0, 10**6) == 1.0
    assert priced(1000, 0, 0).cost(1.0, 2000) == 2.0


def test_the_greatest_price_is_an_option() -> None:
    """`price_max` = 1 makes all requests cost the same."""
    assert priced(100, options=RetryOptions(price_max=1.0)).cost(1.0, 10**6) == 1.0
    assert priced(100, options=RetryOptions(price_max=9.0)).cost(1.0, 10**6) == 9.0


def test_a_full_bucket_pays_for_any_request() -> None:
    """No price is above the depth, or a large request could never be retried; nor below the plain cost."""
    assert priced(100, options=RetryOptions(bucket_max=3.0)).cost(TIMEOUT_COST, 10**6) == 3.0
    assert priced(100, options=RetryOptions(bucket_max=0.0)).cost(TIMEOUT_COST, 10**6) == 2.0


def test_the_mean_follows_what_is_asked() -> None:
    """After two hundred larger successes the larger size is the usual one."""
    bucket = priced(*[100] * 1000, *[1000] * 200)
    assert bucket.cost(1.0, 1000) == pytest.approx(1.0, rel=0.05)
    assert priced(*[100] * 1000, 1000).cost(1.0, 1000) == 5.0


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


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 200_000), st.floats(0.0, 40.0)),
        max_size=120,
    ),
    st.floats(1.0, 100.0),
)
@settings(max_examples=200)
def test_bound_holds_for_retries_of_any_size(
    schedule: list[tuple[bool, int, float]], price_max: float
) -> None:
    """Whatever the sizes of requests, retries ≤ 10 + 0.1 · successes + T / 30: none is cheap."""
    bucket = RetryBucket(RetryOptions(price_max=price_max), 0.0)
    now, retries, successes = 0.0, 0, 0
    for is_success, tokens, gap_s in schedule:
        now += gap_s
        if is_success:
            bucket.succeeded(tokens)
            successes += 1
        else:
            retries += bucket.take(bucket.cost(RETRY_COST, tokens), now)
        assert retries <= 10.0 + 0.1 * successes + now / 30.0 + 1e-6


def test_the_bound_catches_a_bucket_that_never_empties() -> None:
    """Planted bug: a bucket whose `take` spends nothing breaks the bound."""

    class Bottomless(RetryBucket):
        def take(self, cost: float, now: float) -> bool:
            return True

    assert excess(Bottomless(OPTIONS, 0.0), [("retry", 0.0)] * 20) > 0


def test_the_bound_catches_a_bucket_that_time_fills_too_fast() -> None:
    """Planted bug: a token every 3 s breaks the bound."""
    assert excess(RetryBucket(RetryOptions(refill_s=3.0), 0.0), [("retry", 3.0)] * 40) > 0
