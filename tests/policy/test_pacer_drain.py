"""A limit drains with time, steadily: what was taken comes back at the limit's rate and no sooner."""

import pytest

from halfopen.model import Demand, Dimension, RateLimit, Usage
from halfopen.policy.options import PacerOptions
from halfopen.policy.pacer import Pacer

TOKENS = Dimension.TOKENS


def full(limit: float = 6000.0, now: float = 0.0) -> Pacer:
    """A pacer of so many tokens a minute, all of them taken."""
    pacer = Pacer(PacerOptions(tokens_per_minute=limit))
    pacer.reserve(Demand(input_tokens=int(limit)), now)
    return pacer


@pytest.mark.parametrize(
    ("tokens", "wait_s"),
    [
        pytest.param(100, 1.0, id="a-second"),
        pytest.param(3000, 30.0, id="half"),
        pytest.param(6000, 60.0, id="all"),
    ],
)
def test_what_is_asked_must_have_drained(tokens: int, wait_s: float) -> None:
    """A request waits until as much as it asks has come back."""
    assert full().ready_at(Demand(input_tokens=tokens), 0.0) == pytest.approx(wait_s)


def test_each_call_takes_from_what_has_drained() -> None:
    """After half a minute half is there; what is taken of it is gone, and the rest is not given back by a look."""
    pacer = full()
    for _ in range(5):
        assert pacer.ready_at(Demand(input_tokens=3000), 30.0) <= 30.0
    pacer.reserve(Demand(input_tokens=3000), 30.0)
    assert pacer.ready_at(Demand(input_tokens=100), 30.0) == pytest.approx(31.0)
    pacer.reserve(Demand(input_tokens=100), 31.0)
    assert pacer.ready_at(Demand(input_tokens=100), 31.0) == pytest.approx(32.0)


def test_no_more_than_the_limit_is_saved_up() -> None:
    """After an hour of silence there is one allowance, not sixty."""
    pacer = full()
    assert pacer.ready_at(Demand(input_tokens=6000), 3600.0) <= 3600.0
    pacer.reserve(Demand(input_tokens=6000), 3600.0)
    assert pacer.ready_at(Demand(input_tokens=100), 3600.0) == pytest.approx(3601.0)


def test_a_usage_of_one_token_counts() -> None:
    """What was used stays taken, to the token."""
    pacer = Pacer(PacerOptions(tokens_per_minute=60.0))
    reservation = pacer.reserve(Demand(input_tokens=60), 0.0)
    assert reservation is not None
    pacer.settle(reservation, Usage(input_tokens=1), 0.0)
    assert pacer.ready_at(Demand(input_tokens=60), 0.0) == pytest.approx(1.0)


def test_a_limit_of_one_is_a_limit() -> None:
    """A header that tells of one request, or of one token, is believed."""
    pacer = Pacer(PacerOptions())
    pacer.learn((RateLimit(Dimension.REQUESTS, limit=1, remaining=1, reset_s=60.0),), 0.0)
    assert pacer.knows_limits
    pacer.reserve(Demand(), 0.0)
    assert pacer.ready_at(Demand(), 0.0) > 30.0


def test_headers_of_one_dimension_say_nothing_of_another() -> None:
    """Few requests that are left don't hold tokens up: each dimension has its own meter."""
    pacer = Pacer(PacerOptions(requests_per_minute=1000.0, tokens_per_minute=6000.0))
    pacer.learn((RateLimit(TOKENS, remaining=0),), 0.0)
    assert pacer.ready_at(Demand(), 0.0) <= 0.0
    assert pacer.ready_at(Demand(input_tokens=100), 0.0) == pytest.approx(1.0)


def test_what_is_left_can_be_told() -> None:
    """Of each limit the part that is kept to; what drains is there again, up to all of it, and nothing is taken."""
    pacer = full()
    pacer.set_share(0.5, 0.0)
    pacer.learn((RateLimit(Dimension.REQUESTS, limit=100, remaining=40, reset_s=30.0),), 0.0)
    told = [
        [(room.dimension, room.left, room.limit) for room in pacer.rooms(now)] for now in (0.0, 6.0, 600.0)
    ]
    tokens, requests = zip(*told, strict=True)
    assert [left for _, left, _ in tokens] == [0.0, pytest.approx(300.0), 3000.0]
    assert [left for _, left, _ in requests] == [
        pytest.approx(20.0),
        pytest.approx(25.0),
        pytest.approx(50.0),
    ]
    assert {(dimension, limit) for dimension, _, limit in (*tokens, *requests)} == {
        (TOKENS, 3000.0),
        (Dimension.REQUESTS, 50.0),
    }


def test_what_was_taken_beyond_the_limit_leaves_nothing() -> None:
    """Never less than nothing, and before any call there is all."""
    pacer = full()
    assert [room.left for room in Pacer(PacerOptions(tokens_per_minute=60.0)).rooms(5.0)] == [60.0]
    pacer.reserve(Demand(input_tokens=6000), 0.0)
    assert [room.left for room in pacer.rooms(0.0)] == [0.0]
