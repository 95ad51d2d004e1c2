"""The retry budget: cost, reward, refill, size, and its bounds on any schedule."""

from random import Random

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


@pytest.mark.parametrize(
    ("bucket_max", "spent", "fill"),
    [(10.0, 0.0, 1.0), (10.0, 4.0, 0.6), (10.0, 10.0, 0.0), (2.0, 1.0, 0.5), (0.0, 0.0, 0.0)],
    ids=["full", "partly", "empty", "small", "no-retries"],
)
def test_how_full_it_is(bucket_max: float, spent: float, fill: float) -> None:
    """0 to 1, whatever its depth; one that forbids retries is empty."""
    bucket = RetryBucket(RetryOptions(bucket_max=bucket_max), 0.0)
    assert not spent or bucket.take(spent, 0.0)
    assert bucket.fill(0.0) == pytest.approx(fill)


# The count by size.


def sized(*sizes: int, options: RetryOptions = OPTIONS) -> RetryBucket:
    bucket = RetryBucket(options, 0.0)
    for tokens in sizes:
        bucket.succeeded(tokens)
    return bucket


@pytest.mark.parametrize(
    ("tokens", "left"),
    [(0, 9.0), (1, 9.0), (500, 9.0), (1000, 9.0), (2500, 7.5), (5000, 5.0), (10**9, 5.0)],
    ids=["unknown", "tiny", "half", "usual", "larger", "largest", "huge"],
)
def test_a_large_request_takes_more(tokens: int, left: float) -> None:
    """In proportion to the mean of the successes, at most five times; no retry takes less than its token."""
    bucket = sized(500, 1500)
    assert bucket.take(RETRY_COST, 0.0, tokens)
    assert bucket.tokens(0.0) == pytest.approx(left)


def test_a_timeout_of_a_large_request_takes_double() -> None:
    """Both prices hold."""
    bucket = sized(500, 1500)
    assert bucket.take(TIMEOUT_COST, 0.0, 2500)
    assert bucket.tokens(0.0) == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("tokens", "weight"),
    [(0, 1.0), (100, 0.1), (1000, 1.0), (3000, 3.0), (10**9, 5.0)],
    ids=["unknown", "small", "usual", "large", "huge"],
)
def test_weights_follow_sizes(tokens: int, weight: float) -> None:
    """A request weighs what it is of the mean, up to `price_max`."""
    assert sized(500, 1500).weight(tokens) == pytest.approx(weight)


def test_all_weigh_the_same_before_a_size_is_known() -> None:
    """Successes of unknown size say nothing."""
    assert sized().weight(10**6) == 1.0
    assert sized(0, 0).weight(10**6) == 1.0
    assert sized(1000, 0, 0).weight(2000) == 2.0


def test_the_greatest_weight_is_an_option() -> None:
    """`price_max` = 1 makes all requests weigh the same."""
    assert sized(100, options=RetryOptions(price_max=1.0)).weight(10**6) == 1.0
    assert sized(100, options=RetryOptions(price_max=1.0)).weight(1) == 1.0
    assert sized(100, options=RetryOptions(price_max=9.0)).weight(10**6) == 9.0


def test_a_full_bucket_pays_for_any_request() -> None:
    """None weighs more than the depth, or a large request could never be retried."""
    bucket = sized(100, options=RetryOptions(bucket_max=3.0))
    assert bucket.take(TIMEOUT_COST, 0.0, 10**6)
    assert bucket.tokens(0.0) == 0.0
    assert not sized(100, options=RetryOptions(bucket_max=0.0)).take(RETRY_COST, 1e6, 10**6)


def test_a_success_earns_by_its_size() -> None:
    """Ten usual successes fund a usual retry, five of double the size as well, if the tokens are there."""
    bucket = sized(*[1000] * 50)
    assert bucket.take(5.0, 0.0, 2000)
    assert not bucket.has(RETRY_COST, 0.0, 1000)
    for _ in range(5):
        bucket.succeeded(2000)
    assert bucket.has(RETRY_COST, 0.0, 800)


def test_faults_that_do_not_depend_on_size_are_retried_as_if_all_were_alike() -> None:
    """Sizes spread as requests' do cost next to no retries: 7 in 100 fail, and nearly all are retried."""
    draws = Random(1)
    bucket, retried, failed = RetryBucket(OPTIONS, 0.0), 0, 0
    for _ in range(20_000):
        tokens = 1 + int(draws.expovariate(1 / 600))
        if draws.random() < 0.07:
            failed += 1
            retried += bucket.take(RETRY_COST, 0.0, tokens)
        else:
            bucket.succeeded(tokens)
    assert retried >= 0.97 * failed


def test_the_mean_follows_what_is_asked() -> None:
    """After two hundred larger successes the larger size is the usual one."""
    bucket = sized(*[100] * 1000, *[1000] * 200)
    assert bucket.weight(1000) == pytest.approx(1.0, rel=0.05)
    assert sized(*[100] * 1000, 1000).weight(1000) == 5.0


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
            retries += bucket.take(RETRY_COST, now, tokens)
        assert retries <= 10.0 + 0.1 * successes + now / 30.0 + 1e-6


def test_the_bound_catches_a_bucket_that_never_empties() -> None:
    """Planted bug: a bucket whose `take` spends nothing breaks the bound."""

    class Bottomless(RetryBucket):
        def take(self, cost: float, now: float, tokens: int = 0) -> bool:
            return True

    assert excess(Bottomless(OPTIONS, 0.0), [("retry", 0.0)] * 20) > 0


def test_the_bound_catches_a_bucket_that_time_fills_too_fast() -> None:
    """Planted bug: a token every 3 s breaks the bound."""
    assert excess(RetryBucket(RetryOptions(refill_s=3.0), 0.0), [("retry", 3.0)] * 40) > 0
