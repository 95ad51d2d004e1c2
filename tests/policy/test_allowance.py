"""How long one attempt may take: by the route, by what is left, and by the target's own times."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from halfopen.policy import Journey, JourneyOptions, TargetState
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.allowance import allow, is_fair
from halfopen.policy.deadline import Deadline

Build = Callable[..., TargetState]
Over = Callable[..., Journey]
Shared = Callable[..., Any]
OPTIONS = JourneyOptions()


def known(state: TargetState, seconds: float, count: int = 100) -> TargetState:
    """The target with this time known of so many streams."""
    for _ in range(count):
        state.first_content.record(seconds)
    return state


class Given(NamedTuple):
    """An allowance."""

    given_s: float
    due_s: float


class Others:
    """What the request's selection says of other targets."""

    def __init__(self, could_serve: bool) -> None:
        self.could_serve = could_serve

    def others_could_serve(self, now: float) -> bool:
        return self.could_serve


def given(
    state: TargetState,
    *,
    others: bool = False,
    stream: bool = True,
    options: JourneyOptions = OPTIONS,
    now: float = 0.0,
    earlier: int = 0,
) -> Given:
    """What an attempt gets whose request came at 0."""
    deadline = Deadline(options, stream=stream)
    deadline.begin(0.0)
    known: Any = Others(others)
    return Given(*allow(state, options, deadline, now, stream=stream, earlier=earlier, others=known))


@pytest.mark.parametrize(
    ("seconds", "count", "own_s"),
    [(1.0, 19, 45.0), (1.0, 20, 10.0), (0.0, 100, 10.0), (8.0, 100, 17.6), (40.0, 100, 45.0)],
    ids=["too-few", "quick", "at-once", "slower", "thinks-long"],
)
def test_a_targets_own_times_decide(state_of: Build, seconds: float, count: int, own_s: float) -> None:
    """Twice the 99th percentile, to within a fifth, between the two bounds; the upper one at first."""
    found = given(known(state_of(), seconds, count)).given_s
    assert own_s / 1.2 <= found <= own_s * 1.1


def test_a_model_that_thinks_40_s_is_not_cut(state_of: Build) -> None:
    """Neither when nothing is known of it nor later, and not for a backup's sake either."""
    fresh, learnt = state_of(reasoning=True), known(state_of(), 40.0)
    assert given(fresh, others=True).given_s == 45.0
    assert given(learnt, others=True).given_s == 45.0


def test_an_ordinary_target_is_not_waited_for_a_minute(state_of: Build) -> None:
    """Twenty seconds at first while a backup is there, ten once it is known."""
    assert given(state_of(), others=True).given_s == 20.0
    assert given(state_of()).given_s == 45.0
    assert given(known(state_of(), 0.6), others=True).given_s == 10.0
    assert given(known(state_of(), 0.6)).given_s == 10.0


def test_the_upper_bound_wins(state_of: Build) -> None:
    """`first_token_s` is the most, also where `first_token_min_s` is above it."""
    options = replace(OPTIONS, first_token_s=4.0)
    for state in (state_of(), known(state_of(), 0.1), known(state_of(), 100.0)):
        assert given(state, options=options).given_s == 4.0


def test_plain_answers_have_a_time_of_their_own(state_of: Build) -> None:
    """What is known of streams says nothing about whole answers."""
    assert given(known(state_of(), 0.1), stream=False).given_s == 30.0


def test_never_more_than_is_left(state_of: Build) -> None:
    """The request's deadline bounds each attempt, and half of what is left is kept for another."""
    assert given(state_of(), now=50.0).given_s == 10.0
    assert given(state_of(), now=50.0, others=True).given_s == 5.0
    assert given(state_of(reasoning=True), now=50.0, others=True).given_s == 5.0


@pytest.mark.parametrize(
    ("now", "earlier", "fair"),
    [(0.0, 0, True), (30.0, 1, True), (50.0, 0, False), (58.0, 1, False)],
    ids=["at-once", "second", "late", "late-second"],
)
def test_who_began_late_blames_nobody(state_of: Build, now: float, earlier: int, fair: bool) -> None:
    """An attempt's silence counts only if it had about as much time as its turn is due."""
    found = given(state_of(), now=now, earlier=earlier)
    assert is_fair(found.given_s, found.due_s) is fair


def first_token_waits(journey_over: Over, state: TargetState, now: float, answers_s: float) -> float:
    """One streamed request to a lone target; how long its first attempt was waited for. Learns from it."""
    journey = journey_over(state, stream=True, options=JourneyOptions(attempts=1))
    [send] = journey.step(ev.Arrived(), now)
    assert isinstance(send, act.Send)
    wait_s = send.deadline - now
    if answers_s < wait_s:
        journey.step(ev.Content(1), now + answers_s)
        journey.step(ev.Finished(1), now + answers_s)
    else:
        journey.step(ev.Timer(), now + wait_s)
    return wait_s


def test_a_target_that_gets_slower_is_learnt(journey_over: Over, state_of: Build) -> None:
    """Timeline: quick for an hour, then thinking for 30 s: after a few timeouts it is waited for."""
    state = known(state_of(), 0.8, 1000)
    now, waits = 1000.0, []
    for _ in range(20):
        waits.append(first_token_waits(journey_over, state, now, 30.0))
        now += 60.0
    assert waits[0] == 10.0
    assert waits == sorted(waits)
    assert sum(wait_s < 30.0 for wait_s in waits) <= 8
    assert waits[-1] == 45.0


def test_a_target_that_gets_quicker_is_learnt(journey_over: Over, state_of: Build) -> None:
    """Timeline: after a few hundred quick answers a hang is noticed in ten seconds again."""
    state = known(state_of(), 30.0, 1000)
    now = 1000.0
    for _ in range(800):
        last = first_token_waits(journey_over, state, now, 0.5)
        now += 60.0
    assert last == 10.0


def test_a_short_turn_teaches_nothing(journey_over: Over, state_of: Build, names: Shared) -> None:
    """An attempt that began late and was cut short must not make the target look quick."""
    state = state_of()
    before = state.first_content.samples
    blocked = journey_over(state, stream=True)
    taken = [state.admit(0.0, only_choice=True) for _ in range(state.limiter.limit)]
    blocked.step(ev.Arrived(), 0.0)
    for permit in taken:
        state.settle_cancelled(permit, 0.0)
    assert names(blocked.step(ev.PermitFreed(), 57.0)) == ["Send"]
    assert names(blocked.step(ev.Timer(), 60.0)) == ["Cancel", "Fail"]
    assert state.first_content.samples == before


@pytest.mark.parametrize(
    ("earlier", "others", "due_s"),
    [
        pytest.param(0, False, 60.0, id="alone"),
        pytest.param(0, True, 30.0, id="first-of-several"),
        pytest.param(1, True, 15.0, id="second-of-several"),
        pytest.param(2, False, 15.0, id="last"),
    ],
)
def test_what_an_attempts_turn_is_due(state_of: Build, earlier: int, others: bool, due_s: float) -> None:
    """Each attempt before it, and one that is still to come, halves what a target may be blamed for."""
    options = replace(OPTIONS, attempt_s=100.0)
    assert given(state_of(), stream=False, options=options, earlier=earlier, others=others).due_s == due_s


def test_a_plain_answer_leaves_half_to_another_whatever_the_model(state_of: Build) -> None:
    """That a model reasons makes no plain call longer than its turn."""
    options = replace(OPTIONS, attempt_s=100.0)
    found = given(state_of(reasoning=True), stream=False, options=options, others=True)
    assert found == Given(given_s=30.0, due_s=30.0)


def test_about_as_much_as_it_is_due_is_fair() -> None:
    """Nine tenths will do."""
    assert is_fair(given_s=9.0, due_s=10.0)
    assert not is_fair(given_s=8.9, due_s=10.0)
