"""In which order targets are tried: by order, weight, load, time to first token and price."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import Demand, Price
from halfopen.policy import TargetState
from halfopen.policy.choice import Choice, arranged

Build = Callable[..., TargetState]
ANY = Demand()


def order_of(
    states: list[TargetState],
    choice: Choice,
    *,
    weights: tuple[float, ...] = (),
    demand: Demand = ANY,
    entropy: Callable[[], float] = lambda: 0.5,
) -> str:
    """The providers' names in the order in which they are tried."""
    return "".join(state.target.provider for state in arranged(states, choice, weights, demand, entropy))


def drawn(
    count: int, states: list[TargetState], choice: Choice, *, weights: tuple[float, ...] = ()
) -> dict[str, float]:
    """The share of the requests that each order got."""
    entropy = random.Random(1).random
    orders = [order_of(states, choice, weights=weights, entropy=entropy) for _ in range(count)]
    return {order: orders.count(order) / count for order in sorted(set(orders))}


@pytest.fixture
def abc(state_of: Build) -> list[TargetState]:
    """Three targets."""
    return [state_of("a"), state_of("b"), state_of("c")]


def busy(state: TargetState, calls: int) -> None:
    for _ in range(calls):
        assert state.limiter.acquire(0.0)


def times(state: TargetState, seconds: float, count: int = 20) -> None:
    for _ in range(count):
        state.first_content.record(seconds)


def priced(state: TargetState, price: Price | None) -> None:
    state.target = replace(state.target, price=price)


@pytest.mark.parametrize("choice", list(Choice))
def test_no_target_is_left_out(abc: list[TargetState], choice: Choice) -> None:
    """A choice only arranges; nothing is changed in what it was given."""
    times(abc[1], 1.0)
    priced(abc[2], Price(1.0, 2.0))
    entropy = random.Random(2).random
    for _ in range(100):
        assert sorted(order_of(abc, choice, weights=(0.0, 5.0), entropy=entropy)) == ["a", "b", "c"]
    assert [state.target.provider for state in abc] == ["a", "b", "c"]


@pytest.mark.parametrize("choice", list(Choice))
def test_one_target_or_none_needs_no_draw(abc: list[TargetState], choice: Choice) -> None:
    """The usual route costs nothing."""

    def never() -> float:
        raise AssertionError("drawn")

    assert arranged(abc[:1], choice, (), ANY, never) == abc[:1]
    assert arranged([], choice, (), ANY, never) == []


@pytest.mark.parametrize("choice", list(Choice))
def test_the_same_draws_give_the_same_order(abc: list[TargetState], choice: Choice) -> None:
    """Nothing else is random."""
    assert drawn(50, abc, choice) == drawn(50, abc, choice)


def test_by_order_it_is_the_very_same_sequence(abc: list[TargetState]) -> None:
    """Nothing is copied."""
    assert arranged(abc, Choice.ORDER, (), ANY, lambda: 0.5) is abc


# By weight.


def test_weights_share_the_first_place(abc: list[TargetState]) -> None:
    """Three to one is three to one; so is the second place among those left."""
    shares = drawn(4000, abc, Choice.WEIGHT, weights=(6.0, 3.0, 1.0))
    expected = {
        "abc": 0.6 * 0.75,
        "acb": 0.6 * 0.25,
        "bac": 0.3 * 6 / 7,
        "bca": 0.3 * 1 / 7,
        "cab": 0.1 * 6 / 9,
        "cba": 0.1 * 3 / 9,
    }
    assert shares == pytest.approx(expected, abs=0.03)


def test_weight_zero_is_a_stand_in(abc: list[TargetState]) -> None:
    """It is only tried when the others can't; several in the route's order."""
    assert set(drawn(200, abc, Choice.WEIGHT, weights=(0.0, 1.0, 1.0))) == {"bca", "cba"}
    assert set(drawn(20, abc, Choice.WEIGHT, weights=(0.0, 0.0, 1.0))) == {"cab"}


def test_missing_weights_are_one(abc: list[TargetState]) -> None:
    """A route without weights shares evenly."""
    shares = drawn(3000, abc, Choice.WEIGHT)
    assert len(shares) == 6
    assert all(share == pytest.approx(1 / 6, abs=0.03) for share in shares.values())


def test_the_smallest_weights_are_kept_apart(abc: list[TargetState]) -> None:
    """A thousandth against a thousand is not rounded to a tie."""
    assert set(drawn(200, abc[:2], Choice.WEIGHT, weights=(0.001, 1000.0))) == {"ba"}


# By load.


def test_the_least_part_of_its_limit(abc: list[TargetState]) -> None:
    """Not the fewest calls: a target with twice the limit bears twice the calls."""
    busy(abc[0], 50)
    busy(abc[1], 10)
    busy(abc[2], 30)
    assert order_of(abc, Choice.LEAST_LOADED) == "bca"
    abc[1].limiter.overloaded(0.0)  # limit 10, of which 10 are used
    assert order_of(abc, Choice.LEAST_LOADED) == "cab"


def test_an_idle_target_whose_limit_fell_is_behind(abc: list[TargetState]) -> None:
    """It showed overload: that nothing is in flight there doesn't make it the best."""
    abc[0].limiter.overloaded(0.0)
    assert order_of(abc, Choice.LEAST_LOADED) == "bca"


def test_gateways_that_see_nothing_in_flight_spread(abc: list[TargetState]) -> None:
    """Ties are broken at random: else each of many gateways would start with the first."""
    shares = drawn(3000, abc, Choice.LEAST_LOADED)
    assert all(share == pytest.approx(1 / 6, abs=0.03) for share in shares.values())
    busy(abc[0], 1)
    assert set(drawn(200, abc, Choice.LEAST_LOADED)) == {"bca", "cba"}


# By time to first token.


def test_the_fastest_first_and_the_unknown_last(abc: list[TargetState]) -> None:
    """By the median."""
    times(abc[0], 5.0)
    times(abc[2], 1.0)
    assert order_of(abc, Choice.FASTEST) == "cab"


def test_equally_fast_ones_keep_their_order(abc: list[TargetState]) -> None:
    """Ties are the route's to decide, and so is it while nothing is known."""
    assert drawn(50, abc, Choice.FASTEST) == {"abc": 1.0}
    for state in abc:
        times(state, 1.0)
    assert order_of(abc, Choice.FASTEST) == "abc"


def test_now_and_then_another_one_is_tried(abc: list[TargetState]) -> None:
    """Two requests in a hundred, evenly over the others: so that a recovery is noticed."""
    for state, seconds in zip(abc, (1.0, 3.0, 9.0), strict=True):
        times(state, seconds)
    shares = drawn(10_000, abc, Choice.FASTEST)
    assert shares == pytest.approx({"abc": 0.98, "bac": 0.01, "cab": 0.01}, abs=0.005)


def test_an_unknown_one_is_tried_more_often(abc: list[TargetState]) -> None:
    """One request in ten, until its times are known."""
    times(abc[1], 2.0)
    shares = drawn(4000, abc, Choice.FASTEST)
    assert shares == pytest.approx({"bac": 0.9, "abc": 0.05, "cba": 0.05}, abs=0.02)


def test_a_slow_target_that_has_recovered_comes_first_again(abc: list[TargetState]) -> None:
    """Within some thousands of requests, by the tries alone."""
    slow, fast = abc[:2]
    times(slow, 9.0, 300)
    times(fast, 1.0, 300)
    entropy = random.Random(3).random
    firsts = []
    for _ in range(15_000):
        first = arranged([slow, fast], Choice.FASTEST, (), ANY, entropy)[0]
        first.first_content.record(0.5 if first is slow else 1.0)
        firsts.append(first is slow)
    assert sum(firsts[:2000]) < 100
    assert sum(firsts[-1000:]) > 950


# By price.


@pytest.mark.parametrize(
    ("demand", "order"),
    [
        (Demand(input_tokens=10_000, output_tokens=100), "bac"),
        (Demand(input_tokens=100, output_tokens=10_000), "abc"),
        (Demand(), "bac"),
        (Demand(input_tokens=1000), "bac"),
        (Demand(output_tokens=1000), "bac"),
    ],
    ids=["long-prompt", "long-answer", "unknown", "unknown-answer", "unknown-prompt"],
)
def test_the_cheapest_for_this_request(abc: list[TargetState], demand: Demand, order: str) -> None:
    """By its own tokens; what is not known is taken as four in for one out. Unknown prices come last."""
    priced(abc[0], Price(4.0, 4.0))
    priced(abc[1], Price(1.0, 10.0))
    assert order_of(abc, Choice.CHEAPEST, demand=demand) == order


def test_equal_prices_keep_their_order(abc: list[TargetState]) -> None:
    """As the route lists them; nothing is cheaper than nothing."""
    for state in abc:
        priced(state, Price(1.0, 2.0))
    assert order_of(abc, Choice.CHEAPEST) == "abc"
    priced(abc[2], Price(0.0, 0.0))
    assert order_of(abc, Choice.CHEAPEST) == "cab"


@given(
    st.lists(st.floats(0.0, 1000.0), max_size=4),
    st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=3, max_size=3),
)
def test_any_draws_and_weights_give_a_permutation(weights: list[float], draws: list[float]) -> None:
    """The ends of the ranges included, and more weights than targets."""
    states = [_Bare(name) for name in "abc"]
    entropy = iter(draws).__next__
    found = arranged(states, Choice.WEIGHT, weights, ANY, entropy)  # type: ignore[arg-type]  # only names matter
    assert sorted(state.name for state in found) == ["a", "b", "c"]  # type: ignore[attr-defined]  # see above


class _Bare:
    """A thing to arrange."""

    def __init__(self, name: str) -> None:
        self.name = name
