"""A limit that several pacers share: together they never have more room than the provider gives."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.model import Demand, Dimension, RateLimit, Usage
from halfopen.policy.options import PacerOptions
from halfopen.policy.pacer import Pacer

ONE = Demand()


def tokens(number: int) -> Demand:
    return Demand(input_tokens=number)


def at_once(pacer: Pacer, demand: Demand, now: float, most: int = 1000) -> int:
    """Send as many as may go at `now`."""
    sent = 0
    while sent < most and pacer.ready_at(demand, now) <= now:
        pacer.reserve(demand, now)
        sent += 1
    return sent


def shared(share: float, now: float = 0.0, **limits: float) -> Pacer:
    pacer = Pacer(PacerOptions(**limits))
    pacer.set_share(share, now)
    return pacer


def test_begins_with_its_part() -> None:
    """A new pacer's share is free from the start."""
    assert at_once(shared(0.25, tokens_per_minute=6000), tokens(100), 0.0) == 15


def test_drains_by_its_part() -> None:
    """A quarter of 6000 a minute is 25 a second."""
    pacer = shared(0.25, tokens_per_minute=6000)
    at_once(pacer, tokens(100), 0.0)
    assert pacer.ready_at(tokens(100), 0.0) == pytest.approx(4.0)


def test_more_is_no_room() -> None:
    """A raised share brings its rate at once, and its room by that rate."""
    pacer = shared(0.25, tokens_per_minute=6000)
    at_once(pacer, tokens(100), 0.0)
    pacer.set_share(1.0, 0.0)
    assert pacer.ready_at(tokens(100), 0.0) == pytest.approx(1.0)


def test_less_keeps_what_fits() -> None:
    """What is free stays free up to the new share."""
    pacer = shared(1.0, tokens_per_minute=6000)
    pacer.set_share(0.1, 0.0)
    assert at_once(pacer, tokens(100), 0.0) == 6


def test_back_and_forth_gives_nothing() -> None:
    """Shares that swing make no room."""
    pacer = shared(1.0, tokens_per_minute=6000)
    at_once(pacer, tokens(100), 0.0)
    for share in (0.1, 1.0, 0.5, 0.01, 1.0):
        pacer.set_share(share, 0.0)
    assert at_once(pacer, tokens(100), 0.0) == 0


def test_requests_are_spread_by_the_part() -> None:
    """Half of 600 a minute: 50 at once, and then five a second."""
    pacer = shared(0.5, requests_per_minute=600)
    assert at_once(pacer, ONE, 0.0) == 50
    assert pacer.ready_at(ONE, 0.0) == pytest.approx(0.2)


def test_more_is_no_burst() -> None:
    """What may go at once is not given anew with a larger share, either."""
    pacer = shared(0.5, requests_per_minute=600)
    at_once(pacer, ONE, 0.0)
    pacer.set_share(1.0, 0.0)
    assert pacer.ready_at(ONE, 0.0) == pytest.approx(0.1)


def test_larger_than_the_part_counts_in_full() -> None:
    """A call of half the limit goes at once from a tenth of it, and is paid off at that rate: 5 minutes' worth."""
    pacer = shared(0.1, tokens_per_minute=6000)
    assert at_once(pacer, tokens(3000), 0.0) == 1
    assert pacer.ready_at(tokens(3000), 0.0) == pytest.approx(300.0)
    pacer.set_share(1.0, 0.0)  # 2400 are owed, and 3000 needed
    assert pacer.ready_at(tokens(3000), 0.0) == pytest.approx(54.0)


def test_headers_tell_of_the_whole() -> None:
    """A limit that an answer tells, and what is left of it, is everybody's."""
    pacer = shared(0.25)
    told = RateLimit(Dimension.TOKENS, limit=6000.0, remaining=1200.0)
    pacer.learn((told,), 0.0)
    assert at_once(pacer, tokens(100), 0.0) == 3
    pacer.learn((told,), 0.0)  # again: nothing is given back that is out
    assert at_once(pacer, tokens(100), 0.0) == 0


def test_a_fixed_window_is_waited_for() -> None:
    """Nothing is left, and all of it comes back at once: nobody goes before, whatever the share."""
    pacer = shared(0.25)
    pacer.learn(
        (RateLimit(Dimension.REQUESTS, limit=100.0, remaining=0.0, reset_s=10.0, window_s=60.0),), 0.0
    )
    assert pacer.ready_at(ONE, 0.0) == pytest.approx(10.0, abs=0.1)


def test_counts_what_goes_out() -> None:
    """So that shares can follow demand."""
    pacer = shared(0.5, tokens_per_minute=6000)
    assert (pacer.calls, pacer.tokens) == (0, 0.0)
    at_once(pacer, tokens(100), 0.0, most=3)
    assert (pacer.calls, pacer.tokens) == (3, 300.0)


@pytest.mark.parametrize("share", [0.0, -1.0, 1e-12])
def test_some_part_is_left(share: float) -> None:
    """No share is none: calls would wait for good."""
    pacer = shared(share, requests_per_minute=60)
    at_once(pacer, ONE, 0.0)
    assert pacer.ready_at(ONE, 0.0) < float("inf")


class Vendor:
    """Counts what is let through together, as one meter of the whole limit."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.level = 0.0
        self.at = 0.0

    def take(self, cost: float, now: float) -> None:
        self.level = max(self.level - (now - self.at) * self.limit / 60, 0.0) + cost
        self.at = now


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0.01, 30)),
        st.tuples(st.just("send"), st.integers(0, 2), st.integers(1, 400)),
        st.tuples(st.just("share"), st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3)),
    ),
    max_size=80,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_together_they_keep_the_limit(steps: list[Any]) -> None:
    """Whatever the shares become, three pacers that send all that they may never pass the whole limit."""
    vendor = Vendor(600.0)
    pacers = [shared(1 / 3, tokens_per_minute=vendor.limit) for _ in range(3)]
    now = 0.0
    for kind, *values in steps:
        if kind == "wait":
            now += values[0]
        elif kind == "share":
            parts = values[0]
            # Lower first, as who divides them does.
            order = sorted(zip(pacers, parts, strict=True), key=lambda each: each[1] - each[0].share)
            for pacer, part in order:
                pacer.set_share(part / sum(parts), now)
        else:
            number, size = values
            share = pacers[number].share
            # One that is larger than a share is let through on credit; see the test above.
            size = min(size, int(vendor.limit * share))
            for _ in range(at_once(pacers[number], tokens(size), now, most=50) if size else 0):
                vendor.take(size, now)
        assert vendor.level <= vendor.limit + 1e-6


def test_usage_is_put_right_across_a_change() -> None:
    """A call that was reckoned under one share and ends under another gives back what it did not take."""
    pacer = shared(0.5, tokens_per_minute=6000)
    reservation = pacer.reserve(tokens(3000), 0.0)
    assert reservation is not None
    pacer.set_share(0.25, 0.0)
    pacer.settle(reservation, Usage(), 0.0)
    assert at_once(pacer, tokens(100), 0.0) == 15
