"""Who is a guest where: failovers use what a target does not keep for its own, and are told why there is nothing."""

from collections.abc import Callable

import pytest

from halfopen.model import Fault, Kind, Target
from halfopen.policy import Journey, JourneyOptions, LimitOptions, PolicyOptions, TargetState
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.target import Permit

Build = Callable[..., TargetState]
Over = Callable[..., Journey]
HALF_KEPT = PolicyOptions(limit=LimitOptions(initial=4, min=1, max=4, reserve=0.5))


def own_users(state: TargetState, count: int, now: float = 0.0) -> list[Permit]:
    taken = [state.admit(now, only_choice=True, own=True) for _ in range(count)]
    assert all(isinstance(permit, Permit) for permit in taken)
    return [permit for permit in taken if isinstance(permit, Permit)]


def provider(actions: list[act.Action]) -> str:
    return actions[0].target.provider if isinstance(actions[0], act.Send) else type(actions[0]).__name__


def test_the_first_choice_is_no_guest(journey_over: Over, state_of: Build) -> None:
    """A request that asked for the target counts as its own traffic."""
    state = state_of(options=HALF_KEPT)
    journey_over(state, state_of("b")).step(ev.Arrived(), 0.0)
    assert (state.limiter.in_flight, state.limiter.own_in_flight) == (1, 1)


def test_a_failover_is_a_guest(journey_over: Over, state_of: Build, fault: Callable[..., Fault]) -> None:
    """It counts as one, and gives back what it took as one."""
    state = state_of("b", options=HALF_KEPT)
    journey = journey_over(state_of("a"), state)
    journey.step(ev.Arrived(), 0.0)
    assert provider(journey.step(ev.Failed(1, fault()), 0.0)) == "b"
    assert (state.limiter.in_flight, state.limiter.own_in_flight) == (1, 0)
    journey.step(ev.Finished(2), 1.0)
    assert (state.limiter.in_flight, state.limiter.own_in_flight) == (0, 0)


def test_after_targets_that_cannot_do_it_the_next_is_the_first_choice(
    journey_over: Over, state_of: Build
) -> None:
    """One that is passed over because it can't do the request was never a choice."""
    state = state_of("b", options=HALF_KEPT)

    def unfit(target: Target) -> str | None:
        return "no tools" if target.provider == "a" else None

    journey_over(state_of("a"), state, unfit=unfit).step(ev.Arrived(), 0.0)
    assert (state.limiter.in_flight, state.limiter.own_in_flight) == (1, 1)


def test_a_guest_does_not_take_what_is_kept(
    journey_over: Over, state_of: Build, fault: Callable[..., Fault]
) -> None:
    """Half of the limit is for the target's own users: the second guest and later ones go elsewhere or wait."""
    backup, third = state_of("b", options=HALF_KEPT), state_of("c")
    own_users(backup, 1)
    asked = []
    for _ in range(3):
        journey = journey_over(state_of("a"), backup, third)
        journey.step(ev.Arrived(), 0.0)
        asked.append(provider(journey.step(ev.Failed(1, fault()), 0.0)))
    assert asked == ["b", "b", "c"]
    own_users(backup, 1)


def test_a_retry_of_a_guest_is_a_guests(
    journey_over: Over, state_of: Build, fault: Callable[..., Fault]
) -> None:
    """The second call to a stand-in takes no more than the first did; the first choice's stays its own."""
    primary, backup = state_of("a", options=HALF_KEPT), state_of("b", options=HALF_KEPT)
    journey = journey_over(primary, backup)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(Kind.MODEL_NOT_FOUND)), 0.0)
    [wait] = journey.step(ev.Failed(2, fault()), 0.0)
    assert isinstance(wait, act.Wait)
    assert provider(journey.step(ev.Timer(), wait.until)) == "b"
    assert (backup.limiter.in_flight, backup.limiter.own_in_flight) == (1, 0)
    alone = journey_over(primary)
    alone.step(ev.Arrived(), 0.0)
    [wait] = alone.step(ev.Failed(1, fault()), 0.0)
    assert isinstance(wait, act.Wait)
    alone.step(ev.Timer(), wait.until)
    assert (primary.limiter.in_flight, primary.limiter.own_in_flight) == (1, 1)


def test_a_poisonous_request_is_told_what_both_said(
    journey_over: Over, state_of: Build, fault: Callable[..., Fault]
) -> None:
    """Both providers' words are in the message."""
    states = [state_of("a"), state_of("b")]
    for state in states:
        for _ in range(20):
            for permit in own_users(state, 1):
                state.settle_success(permit, 0.0)
        state.bucket.take(state.bucket.tokens(0.0), 0.0)
    journey = journey_over(*states)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(message="one")), 0.0)
    [fail] = journey.step(ev.Failed(2, fault(message="two")), 0.0)
    assert isinstance(fail, act.Fail)
    assert fail.fault.kind is Kind.POISON_REQUEST
    assert fail.fault.message == "Two providers failed on this request while others succeed: one / two"


def test_who_was_not_asked_is_told_why(
    journey_over: Over, state_of: Build, fault: Callable[..., Fault]
) -> None:
    """Each target's reason is named, in the message and in the evidence, and when one may be free."""
    states = [state_of("a"), state_of("b")]
    for state, delay_s in zip(states, (100.0, 90.0), strict=True):
        [permit] = own_users(state, 1)
        state.settle_fault(
            permit, fault(Kind.RATE_LIMITED, message="slow", evidence=("e",), delay_s=delay_s), 0.0
        )
    journey = journey_over(*states, options=JourneyOptions(deadline_s=5.0))
    [fail] = journey.step(ev.Arrived(), 0.0)
    assert isinstance(fail, act.Fail)
    reasons = "a/m: throttled by the provider; b/m: throttled by the provider"
    assert fail.fault.message == f"No target was asked ({reasons}). The last failure: slow"
    assert fail.fault.evidence == (f"no call was made: {reasons}", "e")
    assert fail.fault.delay_s == pytest.approx(90.0)


def test_two_that_cannot_do_it_are_both_named(journey_over: Over, state_of: Build) -> None:
    """Each with its reason, apart from each other."""
    journey = journey_over(state_of("a"), state_of("b"), unfit=lambda target: f"no {target.provider}")
    [fail] = journey.step(ev.Arrived(), 0.0)
    assert isinstance(fail, act.Fail)
    assert fail.fault.message == "No target of this route can do the request. a/m: no a; b/m: no b"


def test_no_sooner_than_the_longest_of_delay_throttle_and_opening(
    journey_over: Over, state_of: Build, fault: Callable[..., Fault]
) -> None:
    """A retry waits for the server's delay, for a throttle that another call met, and for the breaker."""
    state = state_of(draw=0.0)
    journey = journey_over(state, draw=0.0)
    journey.step(ev.Arrived(), 0.0)
    [other] = own_users(state, 1)
    state.settle_fault(other, fault(Kind.RATE_LIMITED, delay_s=7.0), 0.0)
    [wait] = journey.step(ev.Failed(1, fault()), 0.0)
    assert isinstance(wait, act.Wait)
    assert wait.until >= 7.0
    state = state_of(draw=0.0)
    journey = journey_over(state, draw=0.0)
    journey.step(ev.Arrived(), 0.0)
    [wait] = journey.step(ev.Failed(1, fault(Kind.UNAVAILABLE, delay_s=3.0)), 0.0)
    assert isinstance(wait, act.Wait)
    assert wait.until >= 3.0
