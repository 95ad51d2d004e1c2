"""A stream's plan once its content has begun: held back, committed, gone on with."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Fault, Kind, Target
from halfopen.policy import AfterCommit, Journey, JourneyOptions, State, TargetState
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.breaker import BreakerState

Build = Callable[..., TargetState]
Faults = Callable[..., Fault]
Over = Callable[..., Journey]
Shared = Callable[..., Any]
"""One of the readers of conftest: names, only, sent_to."""

NO_FLOOR = JourneyOptions(min_tokens_s=0.0)


def can() -> str | None:
    """Everything can be gone on with."""
    return None


def committed(journey: Journey, *, at: float = 1.0) -> Journey:
    """The journey with attempt 1's content on its way to the client."""
    journey.step(ev.Arrived(), 0.0)
    assert journey.step(ev.Content(1), at) == [act.Relay(1)]
    return journey


# Held back.


def test_held_content_commits_to_nothing(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """A tool call that is cut is asked for again elsewhere, and the client sees nothing of it."""
    journey = journey_over(state_of("a"), state_of("b"), stream=True)
    journey.step(ev.Arrived(), 0.0)
    assert journey.step(ev.Content(1, held=True), 1.0) == []
    assert journey.state is State.HELD
    assert not journey.committed
    [send] = journey.step(ev.Failed(1, fault(Kind.CUT_BODY)), 2.0)
    assert isinstance(send, act.Send)
    assert send.target.provider == "b"
    assert journey.step(ev.Content(2), 3.0) == [act.Relay(2)]


def test_held_content_is_released(journey_over: Over, state_of: Build) -> None:
    """The first piece that goes to the client commits, however much was held before it."""
    journey = journey_over(state_of("a"), stream=True)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Content(1, held=True), 1.0)
    assert journey.step(ev.Content(1, held=True), 2.0) == []
    assert journey.step(ev.Content(1), 3.0) == [act.Relay(1)]
    assert (journey.state, journey.committed) == (State.COMMITTED, True)
    journey.step(ev.Finished(1), 4.0)
    assert journey.attempts[0].first_content == 1.0


def test_an_answer_may_be_held_to_its_end(journey_over: Over, state_of: Build) -> None:
    """A route that holds never commits before the answer is whole."""
    journey = journey_over(state_of("a"), stream=True)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Content(1, held=True), 1.0)
    assert journey.step(ev.Finished(1), 100.0) == [act.Complete(1)]
    assert journey.served_by is not None


def test_held_content_stalls_like_any_other(journey_over: Over, state_of: Build, names: Shared) -> None:
    """The stall timer runs, progress moves it, and a stall is failed over unseen."""
    journey = journey_over(state_of("a"), state_of("b"), stream=True, options=NO_FLOOR)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Content(1, held=True), 1.0)
    assert journey.wake_at == 21.0
    journey.progress(10, 5.0)
    assert journey.step(ev.Timer(), 21.0) == []
    assert journey.wake_at == 25.0
    assert names(journey.step(ev.Timer(), 25.0)) == ["Cancel", "Send"]


def test_held_content_is_evidence_of_health(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """The target answers, whoever gets it: a probe has succeeded."""
    state = state_of("a", draw=0.0)
    for _ in range(5):
        state.settle_fault(state.admit(0.0, only_choice=True), fault(), 0.0)
    journey = journey_over(state, stream=True)
    journey.step(ev.Arrived(), 6.0)
    assert state.breaker.state(6.0) is BreakerState.HALF_OPEN
    journey.step(ev.Content(1, held=True), 7.0)
    assert state.breaker.state(7.0) is BreakerState.CLOSED


# Going on.


def test_another_target_goes_on(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """Rule 3: a cut answer is gone on with, and there is no second Relay."""
    journey = committed(journey_over(state_of("a"), state_of("b"), stream=True, resumable=can))
    [going_on] = journey.step(ev.Failed(1, fault(Kind.CUT_BODY)), 10.0)
    assert going_on == act.ContinueOn(2, Target("b", "m", "openai"), 10.0 + 45.0)
    assert (journey.state, journey.committed) == (State.ATTEMPTING, True)
    assert journey.step(ev.Content(2), 11.0) == []
    assert journey.state is State.COMMITTED
    assert journey.step(ev.Finished(2), 12.0) == [act.Complete(2)]


def test_held_content_of_a_continuation_is_committed(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """The client has a part of the answer, so a fault then is one after the commit."""
    reasons: list[str | None] = [None, "a tool call has begun"]
    journey = journey_over(state_of("a"), state_of("b"), stream=True, resumable=lambda: reasons.pop(0))
    committed(journey).step(ev.Failed(1, fault(Kind.CUT_BODY)), 10.0)
    assert journey.step(ev.Content(2, held=True), 11.0) == []
    assert journey.state is State.COMMITTED
    [fail] = journey.step(ev.Failed(2, fault(Kind.CUT_BODY)), 12.0)
    assert isinstance(fail, act.Fail)
    assert fail.committed


def test_a_continuation_may_have_nothing_to_add(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """The answer was complete but for its end."""
    journey = committed(journey_over(state_of("a"), state_of("b"), stream=True, resumable=can))
    journey.step(ev.Failed(1, fault(Kind.NO_FINISH)), 10.0)
    assert journey.step(ev.Finished(2), 12.0) == [act.Complete(2)]


def test_the_same_target_goes_on_within_its_budget(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """Rule 5 holds after the commit: never sooner than the server asked, and the bucket pays."""
    state = state_of("a")
    journey = committed(journey_over(state, stream=True, resumable=can))
    overloaded = fault(Kind.RATE_LIMITED, delay_s=3.0)
    [wait] = journey.step(ev.Failed(1, overloaded), 10.0)
    assert isinstance(wait, act.Wait)
    assert wait.until >= 13.0
    assert (journey.state, journey.committed) == (State.WAITING, True)
    assert state.bucket.tokens(10.0) == pytest.approx(9.0)
    [going_on] = journey.step(ev.Timer(), wait.until)
    assert isinstance(going_on, act.ContinueOn)


def test_continuations_are_attempts(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """Three calls in all, whatever they were for; the failure at the end is an open one."""
    journey = committed(journey_over(*map(state_of, "abcd"), stream=True, resumable=can))
    for number in (1, 2):
        [going_on] = journey.step(ev.Failed(number, fault(Kind.CUT_BODY)), 10.0 * number)
        assert isinstance(going_on, act.ContinueOn)
        journey.step(ev.Content(number + 1), 10.0 * number + 1.0)
    [fail] = journey.step(ev.Failed(3, fault(Kind.CUT_BODY)), 40.0)
    assert isinstance(fail, act.Fail)
    assert fail.committed
    assert journey.attempts_made == 3


def test_what_cannot_be_gone_on_with_fails_and_says_why(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """The driver's reason is part of the evidence."""
    journey = journey_over(state_of("a"), state_of("b"), stream=True, resumable=lambda: "an image was sent")
    [fail] = committed(journey).step(ev.Failed(1, fault(Kind.CUT_BODY)), 10.0)
    assert isinstance(fail, act.Fail)
    assert (fail.fault.kind, fail.committed) == (Kind.CUT_BODY, True)
    assert fail.fault.evidence[-1] == "not gone on with: an image was sent"


@pytest.mark.parametrize("after", [AfterCommit.ERROR, AfterCommit.HOLD], ids=str)
def test_a_route_may_want_an_error_instead(
    journey_over: Over, state_of: Build, fault: Faults, after: AfterCommit
) -> None:
    """Nothing is gone on with unless `after_commit` is continue."""
    options = JourneyOptions(after_commit=after)
    journey = journey_over(state_of("a"), state_of("b"), stream=True, resumable=can, options=options)
    cut = fault(Kind.CUT_BODY)
    assert committed(journey).step(ev.Failed(1, cut), 10.0) == [act.Fail(cut, committed=True)]


def test_targets_are_judged_anew_for_a_continuation(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """Whoever can do the request may still be unable to go on with its answer."""
    begun: list[Journey] = []

    def unfit(target: Target) -> str | None:
        return "no prefill" if target.provider == "b" and begun and begun[0].committed else None

    journey = journey_over(*map(state_of, "abc"), stream=True, resumable=can, unfit=unfit)
    begun.append(journey)
    [going_on] = committed(journey).step(ev.Failed(1, fault(Kind.CUT_BODY)), 10.0)
    assert isinstance(going_on, act.ContinueOn)
    assert going_on.target.provider == "c"
    assert [skip.reason for skip in journey.skips] == ["no prefill"]


def test_a_failed_continuation_is_told_as_what_broke_the_stream(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """Not as what was known of a target that nobody asked."""
    parked = state_of("b")
    parked.settle_fault(parked.admit(0.0, only_choice=True), fault(Kind.BAD_KEY), 0.0)
    options = JourneyOptions(attempts=1)
    journey = committed(
        journey_over(state_of("a"), parked, stream=True, resumable=can, options=options), at=1.0
    )
    [fail] = journey.step(ev.Failed(1, fault(Kind.CUT_BODY)), 10.0)
    assert isinstance(fail, act.Fail)
    assert (fail.fault.kind, fail.committed) == (Kind.CUT_BODY, True)


def test_no_place_in_line_for_a_continuation_is_an_open_failure(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """The client has a part of an answer, so it is told inside the stream."""
    journey = committed(journey_over(state_of("a"), stream=True, resumable=can))
    cut = fault(Kind.CUT_BODY)
    journey.step(ev.Failed(1, cut), 10.0)
    assert journey.state is State.WAITING
    assert journey.step(ev.Shed(fault(Kind.NO_CAPACITY)), 10.0) == [act.Fail(cut, committed=True)]


def test_a_silent_continuation_is_given_up_for_the_next(
    journey_over: Over, state_of: Build, names: Shared, fault: Faults
) -> None:
    """An attempt's own time holds for a continuation, too."""
    journey = committed(journey_over(*map(state_of, "abc"), stream=True, resumable=can))
    [going_on] = journey.step(ev.Failed(1, fault(Kind.CUT_BODY)), 10.0)
    assert isinstance(going_on, act.ContinueOn)
    assert names(journey.step(ev.Timer(), going_on.deadline)) == ["Cancel", "ContinueOn"]


# What may not be repeated.


@pytest.mark.parametrize("allowed", [False, True], ids=["forbidden", "allowed"])
def test_an_upload_is_not_sent_again(
    journey_over: Over, state_of: Build, fault: Faults, names: Shared, allowed: bool
) -> None:
    """The driver knows what must not be replayed: then the first fault is the last."""
    asked: list[Fault] = []

    def may_repeat(fault: Fault) -> bool:
        asked.append(fault)
        return allowed

    journey = journey_over(state_of("a"), state_of("b"), may_repeat=may_repeat)
    journey.step(ev.Arrived(), 0.0)
    error = fault()
    actions = journey.step(ev.Failed(1, error), 1.0)
    assert actions == [act.Fail(error, committed=False)] or allowed
    assert names(actions) == (["Send"] if allowed else ["Fail"])
    assert asked == [error]


# Time.


@pytest.mark.parametrize(
    ("held", "cut_at", "due"),
    [(False, 180.0, 240.0), (True, 180.0, 240.0), (False, 580.0, 600.0)],
    ids=["committed", "held", "near-the-end"],
)
def test_finding_another_has_its_own_time(
    journey_over: Over, state_of: Build, fault: Faults, held: bool, cut_at: float, due: float
) -> None:
    """An answer that is cut after three minutes is rescued; `stream_s` bounds all."""
    options = JourneyOptions(first_token_s=600.0)
    journey = journey_over(state_of("a"), state_of("b"), stream=True, resumable=can, options=options)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Content(1, held=held), 1.0)
    journey.progress(1000, cut_at)
    [send] = journey.step(ev.Failed(1, fault(Kind.CUT_BODY)), cut_at)
    assert isinstance(send, act.Send if held else act.ContinueOn)
    assert send.deadline == due


def test_a_fault_before_the_content_gets_no_more_time(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """The first content is due `deadline_s` after the request came, whoever brings it."""
    options = JourneyOptions(first_token_s=600.0)
    journey = journey_over(state_of("a"), state_of("b"), stream=True, options=options)
    journey.step(ev.Arrived(), 0.0)
    [send] = journey.step(ev.Failed(1, fault()), 20.0)
    assert isinstance(send, act.Send)
    assert send.deadline == 60.0


def test_a_stream_that_is_only_long_blames_nobody(journey_over: Over, state_of: Build, names: Shared) -> None:
    """`stream_s` is our bound: the upstream brought what it should, or its client was slow."""
    state = state_of("a")
    journey = committed(journey_over(state, state_of("b"), stream=True, resumable=can))
    before = state.breaker._window.counts(600.0)
    for second in range(2, 600):
        journey.progress(400, float(second))
        assert journey.wake_at > second or journey.step(ev.Timer(), float(second)) == []
    actions = journey.step(ev.Timer(), 600.0)
    assert names(actions) == ["Cancel", "Fail"]
    assert isinstance(actions[1], act.Fail)
    assert (actions[1].fault.kind, actions[1].committed) == (Kind.STREAM_TOO_LONG, True)
    assert state.breaker._window.counts(600.0)[1] == before[1] == 0
    assert state.last_fault is None
    assert state.limiter.in_flight == 0
