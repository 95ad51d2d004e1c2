"""A route's maker of journeys, and what happens to every request told without an event."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Demand, Dimension, RateLimit, Target, Usage
from halfopen.policy import (
    IllegalTransitionError,
    Journey,
    JourneyOptions,
    Journeys,
    PolicyOptions,
    State,
    TargetState,
)
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import Choice, HedgeOptions

Build = Callable[..., TargetState]
Over = Callable[..., Journey]
LIMITS = (RateLimit(Dimension.REQUESTS, 60.0, 59.0, 1.0),)
USAGE = Usage(10, 20)
TOLD: dict[str, tuple[ev.Event, Callable[[Journey, float], Any]]] = {
    "arrived": (ev.Arrived(), lambda journey, now: journey.arrived(now)),
    "connected": (ev.Connected(1), lambda journey, now: journey.connected(1, now)),
    "first byte": (
        ev.FirstByte(1, 200, LIMITS),
        lambda journey, now: journey.first_byte(1, 200, LIMITS, now),
    ),
    "finished": (ev.Finished(1, USAGE), lambda journey, now: journey.finished(1, USAGE, now)),
    "finished, of another": (ev.Finished(2), lambda journey, now: journey.finished(2, None, now)),
}


def journey_in(wanted: State, over: Over, state_of: Build) -> Journey:
    """A stream's journey in this state, with attempt 1 under way where the state has one."""
    state = state_of()
    if wanted is State.WAITING:
        for _ in range(state.limiter.limit):
            state.admit(0.0, only_choice=True)
    journey = over(state, stream=True)
    if wanted is not State.NEW:
        journey.step(ev.Arrived(), 0.0)
    if wanted in (State.HELD, State.COMMITTED):
        journey.step(ev.Content(1, held=wanted is State.HELD), 0.5)
    if wanted is State.ENDED:
        journey.step(ev.ClientGone(), 0.5)
    assert journey.state is wanted
    return journey


def facts(journey: Journey) -> tuple[Any, ...]:
    """What a driver can see, and the target."""
    state = journey._selection.state(0)
    return (
        journey.state,
        journey.wake_at,
        journey.attempts,
        journey.served_by,
        journey.attempts_made,
        state.limiter.in_flight,
        state.breaker._window.counts(1.0),
        state.accounts[0].pacer.knows_limits,
    )


def outcome(tell: Callable[[], Any]) -> Any:
    """What is asked for, or what is wrong."""
    try:
        return tell() or []
    except IllegalTransitionError as wrong:
        return str(wrong)


@pytest.mark.parametrize(
    ("state", "name"),
    list(itertools.product(State, TOLD)),
    ids=lambda value: value.value if isinstance(value, State) else value,
)
def test_told_is_as_stepped(journey_over: Over, state_of: Build, state: State, name: str) -> None:
    """In every state the same is asked for, refused and changed, with an event and without."""
    event, tell = TOLD[name]
    stepped, told = (journey_in(state, journey_over, state_of) for _ in range(2))
    actions, said = outcome(lambda: stepped.step(event, 1.0)), outcome(lambda: tell(told, 1.0))
    assert facts(told) == facts(stepped)
    if isinstance(actions, str):
        assert isinstance(said, str)
        assert said.split()[0] == actions.split()[0] == type(event).__name__
    else:
        assert said == actions


def test_a_whole_way_without_an_event(journey_over: Over, state_of: Build) -> None:
    """From the arrival to the whole answer."""
    journey = journey_over(state_of("a"))
    (send,) = journey.arrived(1.0)
    assert isinstance(send, act.Send)
    journey.connected(1, 1.25)
    journey.first_byte(1, 200, (), 1.5)
    assert journey.finished(1, USAGE, 2.0) == [act.Complete(1)]
    (attempt,) = journey.attempts
    assert (attempt.started, attempt.connected, attempt.first_byte, attempt.ended) == (1.0, 1.25, 1.5, 2.0)
    assert (attempt.status, journey.state, journey.wake_at) == (200, State.ENDED, float("inf"))


def of_route(*states: TargetState, options: JourneyOptions, hedge: HedgeBudget | None = None) -> Journeys:
    return Journeys(states, options=options, retry=PolicyOptions().retry, entropy=lambda: 0.5, hedge=hedge)


def test_what_a_route_has_in_common(state_of: Build) -> None:
    """Targets, bounds and the order in which they are tried hold for each of its requests."""
    options = JourneyOptions(deadline_s=7.0, attempt_s=3.0, choice=Choice.WEIGHT, weights=(0.0, 1.0))
    route = of_route(state_of("a"), state_of("b"), options=options)
    for _ in range(2):
        journey = route.begin(Demand(), lambda _target: None, stream=False)
        (send,) = journey.arrived(10.0)
        assert isinstance(send, act.Send)
        assert (send.target.provider, send.deadline) == ("b", 13.0)


def test_what_is_a_requests_own(state_of: Build, fault: Callable[..., Any]) -> None:
    """What it asks, which targets can do it, and whether it may be sent or gone on with again."""
    route = of_route(state_of("a"), state_of("b"), options=JourneyOptions())

    def unfit(target: Target) -> str | None:
        return "no images" if target.provider == "a" else None

    journey = route.begin(Demand(repeats=2), unfit, lambda: "it is JSON", lambda _fault: False, stream=True)
    (send,) = journey.arrived(0.0)
    assert isinstance(send, act.Send)
    assert (send.target.provider, send.repeats, journey.stream) == ("b", 2, True)
    (fail,) = journey.step(ev.Failed(1, fault()), 1.0)
    assert isinstance(fail, act.Fail)


def test_a_routes_hedges_are_paid_by_its_requests(state_of: Build) -> None:
    """Each stream pays into the one budget, and a plain request does not."""
    budget = HedgeBudget(HedgeOptions(extra_load=0.1))
    route = of_route(state_of("a"), options=JourneyOptions(), hedge=budget)
    for stream, tokens in ((False, 0.0), (True, 10.0), (True, 20.0)):
        route.begin(Demand(input_tokens=100), lambda _target: None, stream=stream).arrived(0.0)
        assert budget.tokens == pytest.approx(tokens)
