"""A route's choice of target, seen from a request; and what an attempt tells when it is over."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from halfopen.model import Demand, Fault, Kind, Price
from halfopen.policy import Journey, JourneyOptions, PolicyOptions, TargetState
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.choice import Choice

Build = Callable[..., TargetState]
CHEAP_IN, CHEAP_OUT = Price(1.0, 9.0), Price(9.0, 1.0)


def order(
    states: list[TargetState], options: JourneyOptions, demand: Demand, draw: float, fault: Fault
) -> str:
    """The providers in the order in which a request that always fails goes to them."""
    journey = Journey(
        states,
        options=options,
        retry=PolicyOptions().retry,
        entropy=lambda: draw,
        stream=False,
        unfit=lambda _target: None,
        demand=demand,
    )
    actions, asked = journey.step(ev.Arrived(), 0.0), ""
    while isinstance(actions[0], act.Send) and len(asked) < len(states):
        asked += actions[0].target.provider
        actions = journey.step(ev.Failed(len(asked), fault), 0.0)
    return asked


@pytest.mark.parametrize(
    ("choice", "weights", "demand", "draw", "asked"),
    [
        pytest.param(Choice.ORDER, (), Demand(), 0.5, "abc", id="order"),
        pytest.param(Choice.WEIGHT, (0.0, 0.0, 1.0), Demand(), 0.5, "cab", id="weight"),
        pytest.param(Choice.WEIGHT, (0.0,), Demand(), 0.5, "bca", id="missing-weights-are-one"),
        pytest.param(
            Choice.CHEAPEST, (), Demand(input_tokens=9, output_tokens=1), 0.5, "abc", id="long-prompt"
        ),
        pytest.param(
            Choice.CHEAPEST, (), Demand(input_tokens=1, output_tokens=9), 0.5, "bac", id="long-answer"
        ),
    ],
)
def test_a_request_goes_where_its_route_wants(
    state_of: Build,
    fault: Callable[..., Fault],
    choice: Choice,
    weights: tuple[float, ...],
    demand: Demand,
    draw: float,
    asked: str,
) -> None:
    """The route's choice and weights, and what the request asks, arrange the targets."""
    states = [state_of(name) for name in "abc"]
    for state, price in zip(states, (CHEAP_IN, CHEAP_OUT, None), strict=True):
        state.target = replace(state.target, price=price)
    options = JourneyOptions(choice=choice, weights=weights)
    assert order(states, options, demand, draw, fault(Kind.MODEL_NOT_FOUND)) == asked


def test_a_missing_weight_is_one(state_of: Build, fault: Callable[..., Fault]) -> None:
    """Of two targets that are drawn alike, the one with more than weight 1 comes before one without any."""
    states = [state_of("a"), state_of("b")]
    for weight, asked in ((1.5, "ba"), (0.5, "ab")):
        options = JourneyOptions(choice=Choice.WEIGHT, weights=(1.0, weight))
        assert order(states, options, Demand(), 0.5, fault(Kind.MODEL_NOT_FOUND)) == asked
        options = JourneyOptions(choice=Choice.WEIGHT, weights=(weight,))
        assert order(states, options, Demand(), 0.5, fault(Kind.MODEL_NOT_FOUND)) == asked[::-1]


def test_chance_is_the_journeys(state_of: Build, fault: Callable[..., Fault]) -> None:
    """Idle targets are told apart by the entropy that the request was given."""
    draws = iter([0.9, 0.1, 0.5, *[0.5] * 50])
    journey = Journey(
        [state_of(name) for name in "abc"],
        options=JourneyOptions(choice=Choice.LEAST_LOADED),
        retry=PolicyOptions().retry,
        entropy=lambda: next(draws),
        stream=False,
        unfit=lambda _target: None,
    )
    [send] = journey.step(ev.Arrived(), 0.0)
    assert isinstance(send, act.Send)
    assert send.target.provider == "b"


def test_an_attempt_is_told_as_a_fact(
    journey_over: Callable[..., Journey], state_of: Build, fault: Callable[..., Fault]
) -> None:
    """Its target, its times and what became of it."""
    journey = journey_over(state_of("a"), state_of("b"), stream=True)
    assert (journey.wake_at, journey.served_by, journey.attempts) == (float("inf"), None, [])
    journey.progress(10, 0.0)
    journey.step(ev.Arrived(), 1.0)
    journey.step(ev.Connected(1), 1.5)
    journey.step(ev.FirstByte(1, 503), 2.0)
    error = fault(Kind.UNAVAILABLE)
    journey.step(ev.Failed(1, error), 2.5)
    [first] = journey.attempts
    assert (first.target, first.started, first.connected, first.first_byte) == ("a/m", 1.0, 1.5, 2.0)
    assert (first.ended, first.first_content, first.status, first.fault, first.cancelled) == (
        2.5,
        None,
        503,
        error,
        False,
    )
    journey.step(ev.Content(2), 4.0)
    journey.step(ev.Finished(2), 5.0)
    assert (journey.attempts[1].target, journey.attempts[1].first_content) == ("b/m", 4.0)
    assert journey.attempts[1].fault is None


def test_a_timeout_says_how_long_was_waited(journey_over: Callable[..., Journey], state_of: Build) -> None:
    """For the first content from when its call began, for a broken stream from when the request came."""
    journey = journey_over(
        state_of("a"), state_of("b"), stream=True, options=JourneyOptions(min_tokens_s=0.0)
    )
    [send] = journey.step(ev.Arrived(), 100.0)
    assert isinstance(send, act.Send)
    journey.step(ev.Timer(), 120.0)
    [first] = journey.attempts
    assert first.fault is not None
    assert "nothing within 20.0 s" in first.fault.message
    journey.step(ev.Content(2), 125.0)
    journey.step(ev.Timer(), 145.0)
    [_, second] = journey.attempts
    assert second.fault is not None
    assert "45.0 s after the request came" in second.fault.message


def test_what_is_wrong_without_a_call(journey_over: Callable[..., Journey], state_of: Build) -> None:
    """With time left there is no capacity; without any the deadline has passed."""
    state = state_of(draw=0.0)
    state.bucket.take(10.0, 0.0)
    refused = Journey(
        [state],
        options=JourneyOptions(),
        retry=PolicyOptions().retry,
        entropy=lambda: 0.5,
        stream=False,
        unfit=lambda _target: None,
        demand=Demand(repeats=1),
    )
    [fail] = refused.step(ev.Arrived(), 0.0)
    assert isinstance(fail, act.Fail)
    assert fail.fault.kind is Kind.NO_CAPACITY
    late = journey_over(state_of("a"), options=JourneyOptions(deadline_s=0.0))
    [fail] = late.step(ev.Arrived(), 0.0)
    assert isinstance(fail, act.Fail)
    assert fail.fault.kind is Kind.DEADLINE_EXCEEDED
    assert late.wake_at == float("inf")
