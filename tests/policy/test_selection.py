"""Which target is next, and what is said when there is none."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Fault, Kind, Target
from halfopen.policy import Journey, JourneyOptions, LimitOptions, PolicyOptions, TargetState
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.target import Permit

Build = Callable[..., TargetState]
Faults = Callable[..., Fault]
Over = Callable[..., Journey]
Shared = Callable[..., Any]
"""One of the readers of conftest: fill, kill, names, only, sent_to."""

ONE_SLOT = PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))


# Poison.


def serve(state: TargetState, calls: int = 20) -> None:
    for _ in range(calls):
        state.settle_success(state.admit(0.0, only_choice=True), 0.0)


@pytest.mark.parametrize(
    ("providers", "kind", "others", "poison"),
    [
        ("ab", Kind.SERVER_ERROR, 20, True),
        ("ab", Kind.SERVER_ERROR, 0, False),
        ("ab", Kind.UNAVAILABLE, 20, False),
        ("aa", Kind.SERVER_ERROR, 20, False),
    ],
    ids=["poison", "nobody-succeeds", "another-fault", "one-provider"],
)
def test_a_request_that_breaks_two_providers_is_poison(
    journey_over: Over, state_of: Build, fault: Faults, providers: str, kind: Kind, others: int, poison: bool
) -> None:
    """500 at two providers that serve everybody else: the request is the cause."""
    states = [state_of(name) for name in providers]
    for state in states:
        serve(state, others)
        state.bucket.take(state.bucket.tokens(0.0), 0.0)
    journey = journey_over(*states)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(kind)), 0.0)
    [fail] = journey.step(ev.Failed(2, fault(kind)), 0.0)
    assert isinstance(fail, act.Fail)
    assert (fail.fault.kind is Kind.POISON_REQUEST) is poison


# Which way, when several are open.


def test_the_soonest_retry_wins(journey_over: Over, state_of: Build, fault: Faults, only: Shared) -> None:
    """One target asks for 50 s, the other failed with 500: the second is tried again in half a second."""
    journey = journey_over(state_of("a"), state_of("b"))
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(Kind.RATE_LIMITED, delay_s=50.0)), 0.0)
    assert only(journey.step(ev.Failed(2, fault()), 0.0)).until < 1.0


def test_a_planned_retry_does_not_hide_a_target_that_opens_sooner(
    journey_over: Over, state_of: Build, fault: Faults, fill: Shared, only: Shared
) -> None:
    """The first is throttled for 50 s, the untried backup for 3 s: the request looks again after 3 s,
    and a second at most later, as not all who wait may come back at once."""
    backup = state_of("b")
    backup.settle_fault(fill(backup), fault(Kind.RATE_LIMITED, delay_s=3.0), 0.0)
    journey = journey_over(state_of("a"), backup)
    journey.step(ev.Arrived(), 0.0)
    wait = only(journey.step(ev.Failed(1, fault(Kind.RATE_LIMITED, delay_s=50.0)), 0.0))
    assert 3.0 <= wait.until <= 4.0


def test_a_wait_always_ends_later_than_now(
    journey_over: Over, state_of: Build, fault: Faults, fill: Shared, only: Shared
) -> None:
    """A wait that is over at once makes the driver spin."""
    primary, backup = state_of("a", draw=0.95), state_of("b", options=ONE_SLOT)
    for _ in range(5):
        primary.settle_fault(primary.admit(0.0, only_choice=True), fault(), 0.0)
    primary.settle_success(primary.admit(5.0, only_choice=False), 5.0)
    fill(backup)
    action = only(journey_over(primary, backup).step(ev.Arrived(), 5.5))
    assert isinstance(action, act.Send) or action.until > 5.5


def test_a_shed_request_names_the_fault_that_it_met(
    journey_over: Over, state_of: Build, fault: Faults, fill: Shared, only: Shared
) -> None:
    """The most informative error, also when there is no place to wait."""
    backup = state_of("b", options=ONE_SLOT)
    fill(backup)
    journey = journey_over(state_of("a"), backup)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(Kind.BAD_KEY)), 0.0)
    assert only(journey.step(ev.Shed(fault(Kind.NO_CAPACITY)), 0.0)).fault.kind is Kind.BAD_KEY


def test_among_equal_faults_the_first_targets_is_shown(
    journey_over: Over, state_of: Build, fault: Faults, fill: Shared, only: Shared, sent_to: Shared
) -> None:
    """The caller asked for the first target, also when that one was full at first."""
    primary, backup = state_of("a", options=ONE_SLOT), state_of("b")
    taken = fill(primary)
    primary.bucket.take(10.0, 0.0)
    backup.bucket.take(10.0, 0.0)
    journey = journey_over(primary, backup)
    assert sent_to(journey.step(ev.Arrived(), 0.0)) == "b"
    primary.settle_cancelled(taken, 0.0)
    assert sent_to(journey.step(ev.Failed(1, fault(message="b's")), 0.0)) == "a"
    assert only(journey.step(ev.Failed(2, fault(message="a's")), 0.0)).fault.message == "a's"


def crowd(state: TargetState) -> None:
    """Four are under way, and answers come late."""
    for _ in range(4):
        assert isinstance(state.admit(0.0, only_choice=True), Permit)
    for now in (1.0, 3.0):
        state.limiter.answering(now, late=True, sent=now)
    assert state.limiter.is_crowded


@pytest.mark.parametrize(
    ("crowded", "asked"),
    [("", "a"), ("a", "b"), ("ab", "a"), ("b", "a")],
    ids=["none", "first", "both", "other"],
)
def test_who_has_another_choice_leaves_a_crowded_target(
    journey_over: Over, state_of: Build, sent_to: Shared, crowded: str, asked: str
) -> None:
    """While answers come late there, and not when they do everywhere."""
    states = [state_of("a"), state_of("b")]
    for state in states:
        if state.target.provider in crowded:
            crowd(state)
    assert sent_to(journey_over(*states).step(ev.Arrived(), 4.0)) == asked


def test_who_has_no_other_choice_goes_to_a_crowded_target(
    journey_over: Over, state_of: Build, sent_to: Shared
) -> None:
    """Late is better than never."""
    state = state_of("a")
    crowd(state)
    assert sent_to(journey_over(state).step(ev.Arrived(), 4.0)) == "a"


def test_a_plan_is_made_anew_when_its_target_is_given_up(
    journey_over: Over, state_of: Build, fault: Faults, kill: Shared, names: Shared, only: Shared
) -> None:
    """Both failed once; the first is then confirmed dead: the second is retried."""
    primary, backup = state_of("a", draw=0.0), state_of("b", draw=0.0)
    journey = journey_over(primary, backup)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault()), 0.0)
    due = only(journey.step(ev.Failed(2, fault()), 0.0)).until
    kill(primary, fault())
    now = max(due, primary.breaker.retry_at(0.0, only_choice=True) - 0.001)
    assert names(journey.step(ev.Timer(), now)) in (["Send"], ["Wait"])


def refuse(journey: Journey, fault: Fault, now: float) -> list[act.Action]:
    return journey.step(ev.Failed(journey.attempts_made, fault), now)


def test_a_stand_ins_complaint_does_not_end_the_request(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """After the primary's 500 a backup's 400 may only mean that the backup is less able: another is asked."""
    journey = journey_over(state_of("a"), state_of("b"), state_of("c"))
    journey.step(ev.Arrived(), 0.0)
    refuse(journey, fault(Kind.SERVER_ERROR), 1.0)
    [send] = refuse(journey, fault(Kind.CONTEXT_TOO_LONG), 2.0)
    assert isinstance(send, act.Send)
    assert send.target.provider == "c"


def test_a_stand_ins_complaint_does_not_hide_the_outage(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """When nobody answers, the caller learns of the primary's 500, not of the backup's 400."""
    options = JourneyOptions(attempts=2)
    journey = journey_over(state_of("a"), state_of("b"), options=options)
    journey.step(ev.Arrived(), 0.0)
    refuse(journey, fault(Kind.SERVER_ERROR), 1.0)
    [fail] = refuse(journey, fault(Kind.INVALID_REQUEST), 2.0)
    assert isinstance(fail, act.Fail)
    assert fail.fault.kind is Kind.SERVER_ERROR


def test_a_passed_over_targets_refused_key_tells_more_than_a_timeout(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """The error names the key that the operator must mend, although nobody was asked with it this time."""
    parked = state_of("a")
    taken = parked.admit(0.0, only_choice=True)
    assert isinstance(taken, Permit)
    parked.settle_fault(taken, fault(Kind.BAD_KEY), 0.0)
    journey = journey_over(parked, state_of("b"), options=JourneyOptions(attempts=1))
    journey.step(ev.Arrived(), 1.0)
    [fail] = refuse(journey, fault(Kind.CONNECTION_REFUSED), 2.0)
    assert isinstance(fail, act.Fail)
    assert fail.fault.kind is Kind.BAD_KEY


def test_the_healthy_path_judges_only_the_target_it_uses(journey_over: Over, state_of: Build) -> None:
    """Whether a backup fits costs a translation, so it is asked only when a backup is needed."""
    asked: list[str] = []

    def unfit(target: Target) -> str | None:
        asked.append(target.provider)
        return None

    journey_over(state_of("a"), state_of("b"), unfit=unfit).step(ev.Arrived(), 0.0)
    assert asked == ["a"]
