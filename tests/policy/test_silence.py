"""Calls that hang hold no place for good."""

from collections.abc import Callable

import pytest

from halfopen import errors
from halfopen.model import Kind, Target
from halfopen.policy import Credential
from halfopen.policy.options import LimitOptions, ParkingOptions, PolicyOptions
from halfopen.policy.target import Permit, Refusal, Refused, TargetState

FULL = PolicyOptions(limit=LimitOptions(initial=2, min=1, max=2))


def target_of(options: PolicyOptions = FULL) -> TargetState:
    return TargetState(Target("a", "m", "openai"), Credential(ParkingOptions()), options, lambda: 0.5, 0.0)


def taken(state: TargetState, now: float, *, only_choice: bool = True) -> Permit:
    permit = state.admit(now, only_choice=only_choice)
    assert isinstance(permit, Permit), permit
    return permit


def refused(state: TargetState, now: float, *, only_choice: bool = True) -> Refused:
    permit = state.admit(now, only_choice=only_choice)
    assert isinstance(permit, Refused)
    return permit


def used(state: TargetState, *answers_s: float) -> TargetState:
    """A target whose answers took so long, all over by 0."""
    for seconds in answers_s:
        state.settle_success(taken(state, -seconds), 0.0)
    return state


def test_a_target_full_of_silent_calls_is_probed() -> None:
    """After ten seconds without a word, and once a second: its recovery is noticed before they time out."""
    state = used(target_of(), 0.3)
    silent = [taken(state, 0.0), taken(state, 0.0)]
    assert refused(state, 9.9) == Refused(Refusal.NO_ROOM, 10.0)
    probe = taken(state, 10.0)
    assert (state.limiter.in_flight, state.limiter.limit, state.limiter.lost) == (3, 3, 1)
    assert refused(state, 10.9) == Refused(Refusal.NO_ROOM, 11.0)
    second = taken(state, 11.0)
    assert (state.limiter.in_flight, state.limiter.lost) == (4, 2)
    for permit in (*silent, probe, second):
        state.settle_cancelled(permit, 12.0)
    assert (state.limiter.in_flight, state.limiter.limit, state.limiter.lost) == (0, 2, 0)


def test_who_could_go_elsewhere_displaces_nobody() -> None:
    """There is room there."""
    state = used(target_of(), 0.3)
    taken(state, 0.0)
    taken(state, 0.0)
    assert refused(state, 60.0, only_choice=False).reason is Refusal.NO_ROOM
    assert state.limiter.lost == 0


@pytest.mark.parametrize(
    ("answers_s", "lost_s"),
    [((), 30.0), ((0.3,), 10.0), ((4.9, 0.3), 10.0), ((0.3, 8.0), 16.0)],
    ids=["unknown", "quick", "not-so-slow", "slow"],
)
def test_what_usually_takes_long_is_not_lost_so_soon(answers_s: tuple[float, ...], lost_s: float) -> None:
    """Twice as long as the longest answer lately, at least ten seconds."""
    state = used(target_of(), *answers_s)
    taken(state, 0.0)
    taken(state, 0.0)
    assert refused(state, lost_s - 0.1).until == lost_s
    taken(state, lost_s)


def test_long_answers_are_forgotten_in_a_minute() -> None:
    """What was usual then says little now."""
    state = used(target_of(), 8.0)
    for now in (31.0, 62.0):
        state.settle_success(taken(state, now - 0.3), now)
    taken(state, 62.0)
    taken(state, 62.0)
    assert refused(state, 62.1).until == 72.0


@pytest.mark.parametrize(
    "speak",
    [
        lambda state, permit, now: state.answering(permit, now, now - permit.sent),
        lambda state, permit, now: state.settle_success(permit, now),
        lambda state, permit, now: state.settle_fault(permit, errors.make(Kind.SERVER_ERROR), now),
    ],
    ids=["content", "answer", "failure"],
)
def test_one_that_has_spoken_is_not_lost(speak: Callable[[TargetState, Permit, float], None]) -> None:
    """Its place is its own until it ends."""
    state = used(target_of(PolicyOptions(limit=LimitOptions(initial=3, min=1, max=3))), 0.3)
    speaking, silent = taken(state, 0.0), taken(state, 8.0)
    speak(state, speaking, 9.0)
    while state.limiter.has_room:
        taken(state, 9.0)
    assert refused(state, 10.0).until == silent.sent + 2 * 9.0


def test_a_timeout_is_no_word() -> None:
    """A call that was given up tells nothing of how long answers take."""
    state = used(target_of(PolicyOptions(limit=LimitOptions(initial=2, min=2, max=2))), 0.3)
    state.settle_fault(taken(state, 0.0), errors.make(Kind.FIRST_TOKEN_TIMEOUT), 20.0)
    taken(state, 20.0)
    taken(state, 20.0)
    assert refused(state, 20.1).until == 30.0


def test_a_limit_far_below_what_is_in_flight_is_made_up_for_at_once() -> None:
    """All that are too many are lost together, if they are; none, if there are too few of them."""
    state = used(target_of(PolicyOptions(limit=LimitOptions(initial=8, min=1, max=8))), 0.3)
    hung = [taken(state, float(number)) for number in range(8)]
    state.limiter._window.size = 3.0
    assert refused(state, 12.0).reason is Refusal.NO_ROOM
    assert state.limiter.lost == 0
    taken(state, 15.0)
    assert state.limiter.lost == 6
    state.settle_success(hung[0], 16.0)
    assert (state.limiter.lost, state.limiter.in_flight) == (5, 8)
