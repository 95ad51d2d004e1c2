"""One request's plan: each rule at the top of the module, the table of transitions, and the bounds."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Fault, Kind, Skip, Target
from halfopen.policy import (
    IllegalTransitionError,
    Journey,
    JourneyOptions,
    LimitOptions,
    PolicyOptions,
    State,
    TargetState,
)
from halfopen.policy import actions as act
from halfopen.policy import events as ev

Build = Callable[..., TargetState]
Faults = Callable[..., Fault]
Over = Callable[..., Journey]
Shared = Callable[..., Any]
"""One of the readers of conftest: fill, kill, names, only, sent_to."""

ONE_SLOT = PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))
ALLOWED = {
    State.NEW: {ev.Arrived, ev.ClientGone},
    State.WAITING: {ev.Timer, ev.PermitFreed, ev.Shed, ev.ClientGone},
    State.ATTEMPTING: {
        ev.Connected,
        ev.FirstByte,
        ev.Content,
        ev.Finished,
        ev.Failed,
        ev.Timer,
        ev.ClientGone,
    },
    State.HELD: {ev.Content, ev.Finished, ev.Failed, ev.Timer, ev.ClientGone},
    State.COMMITTED: {ev.Finished, ev.Failed, ev.Timer, ev.ClientGone},
    State.ENDED: set(),
}


def journey_in(wanted: State, over: Over, state_of: Build, fault: Faults) -> Journey:
    """A journey in this state, with attempt 1 under way where the state has one."""
    state = state_of(options=ONE_SLOT)
    journey = over(state, stream=True)
    if wanted is State.WAITING:
        state.admit(0.0, only_choice=True)
    if wanted is not State.NEW:
        journey.step(ev.Arrived(), 0.0)
    if wanted in (State.HELD, State.COMMITTED):
        journey.step(ev.Content(1, held=wanted is State.HELD), 0.0)
    if wanted is State.ENDED:
        journey.step(ev.Finished(1), 0.0)
    assert journey.state is wanted
    return journey


def every_event(fault: Fault) -> list[ev.Event]:
    return [
        ev.Arrived(),
        ev.PermitFreed(),
        ev.Connected(1),
        ev.FirstByte(1, 200),
        ev.Content(1),
        ev.Finished(1),
        ev.Failed(1, fault),
        ev.Timer(),
        ev.Shed(fault),
        ev.ClientGone(),
    ]


def snapshot(journey: Journey) -> Any:
    states = [journey._selection.state(i) for i in range(len(journey._selection.states))]
    return (
        journey.state,
        journey.wake_at,
        list(journey.attempts),
        list(journey.skips),
        journey.served_by,
        journey.attempts_made,
        [(s.limiter.in_flight, s.limiter.limit, s.bucket.tokens(0.0), s.throttled_until) for s in states],
    )


# The table.


@pytest.mark.parametrize(
    ("state", "index"),
    list(itertools.product(State, range(10))),
    ids=lambda value: value.value if isinstance(value, State) else str(value),
)
def test_each_event_is_taken_or_refused_by_the_table(
    journey_over: Over, state_of: Build, fault: Faults, state: State, index: int
) -> None:
    """An event that can't happen raises and changes nothing; one that can does not raise."""
    journey = journey_in(state, journey_over, state_of, fault)
    event = every_event(fault())[index]
    before = snapshot(journey)
    if type(event) in ALLOWED[state]:
        journey.step(event, 0.0)
        return
    with pytest.raises(IllegalTransitionError, match=type(event).__name__):
        journey.step(event, 0.0)
    assert snapshot(journey) == before


@pytest.mark.parametrize("number", [0, 2, 99])
@pytest.mark.parametrize(
    "state", [State.ATTEMPTING, State.HELD, State.COMMITTED], ids=lambda state: state.value
)
def test_an_event_of_another_attempt_is_refused(
    journey_over: Over, state_of: Build, fault: Faults, state: State, number: int
) -> None:
    """Late news of a call that was given up raises and changes nothing."""
    journey = journey_in(state, journey_over, state_of, fault)
    before = snapshot(journey)
    for event in (ev.Finished(number), ev.Failed(number, fault())):
        with pytest.raises(IllegalTransitionError, match="not under way"):
            journey.step(event, 0.0)
    assert snapshot(journey) == before


# The plain ways.


def test_the_first_target_answers(journey_over: Over, state_of: Build, sent_to: Shared) -> None:
    """One call, to the target that the route prefers."""
    journey = journey_over(state_of("a"), state_of("b"))
    assert sent_to(journey.step(ev.Arrived(), 0.0)) == "a"
    assert journey.step(ev.Connected(1), 0.1) == []
    assert journey.step(ev.FirstByte(1, 200), 0.2) == []
    assert journey.step(ev.Finished(1), 0.3) == [act.Complete(1)]
    assert journey.state is State.ENDED
    assert journey.served_by is not None
    assert journey.served_by.provider == "a"
    attempt = journey.attempts[0]
    assert (attempt.started, attempt.connected, attempt.first_byte, attempt.ended) == (0.0, 0.1, 0.2, 0.3)
    assert attempt.status == 200


def test_a_500_fails_over(journey_over: Over, state_of: Build, fault: Faults, sent_to: Shared) -> None:
    """Rule 4: the backup answers, and nobody notices."""
    journey = journey_over(state_of("a"), state_of("b"))
    journey.step(ev.Arrived(), 0.0)
    assert sent_to(journey.step(ev.Failed(1, fault()), 1.0)) == "b"
    assert journey.step(ev.Finished(2), 2.0) == [act.Complete(2)]
    assert [attempt.fault is None for attempt in journey.attempts] == [False, True]


@pytest.mark.parametrize(
    "kind",
    [
        Kind.SERVER_ERROR,
        Kind.RATE_LIMITED,
        Kind.QUOTA_EXHAUSTED,
        Kind.BAD_KEY,
        Kind.MODEL_NOT_FOUND,
        Kind.UNKNOWN,
    ],
    ids=str,
)
def test_every_verdict_but_fix_request_fails_over(
    journey_over: Over, state_of: Build, fault: Faults, kind: Kind, sent_to: Shared
) -> None:
    """What one target can't do now, another may."""
    journey = journey_over(state_of("a"), state_of("b"))
    journey.step(ev.Arrived(), 0.0)
    assert sent_to(journey.step(ev.Failed(1, fault(kind)), 1.0)) == "b"


def test_the_requests_own_fault_comes_back_after_one_call(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """Rule 2: no other target is asked."""
    journey = journey_over(state_of("a"), state_of("b"))
    journey.step(ev.Arrived(), 0.0)
    own = fault(Kind.CONTEXT_TOO_LONG, status=400)
    assert journey.step(ev.Failed(1, own), 1.0) == [act.Fail(own, committed=False)]
    assert journey.attempts_made == 1


def test_after_the_first_content_nothing_is_sent_again(
    journey_over: Over, state_of: Build, fault: Faults
) -> None:
    """Rule 3: where nothing can be gone on with, a broken stream fails openly, although a backup is there."""
    journey = journey_over(state_of("a"), state_of("b"), stream=True)
    journey.step(ev.Arrived(), 0.0)
    assert journey.step(ev.Content(1), 1.0) == [act.Relay(1)]
    cut = fault(Kind.CUT_BODY)
    assert journey.step(ev.Failed(1, cut), 2.0) == [act.Fail(cut, committed=True)]


def test_a_stalled_stream_is_cancelled_and_fails_openly(journey_over: Over, state_of: Build) -> None:
    """Rule 3 for time: the call is ended, the client told."""
    journey = journey_over(
        state_of("a"), state_of("b"), stream=True, options=JourneyOptions(min_tokens_s=0.0)
    )
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Content(1), 1.0)
    journey.progress(10, 5.0)
    assert journey.step(ev.Timer(), 21.0) == []
    assert journey.wake_at == 25.0
    cancel, fail = journey.step(ev.Timer(), 25.0)
    assert cancel == act.Cancel(1)
    assert isinstance(fail, act.Fail)
    assert fail.committed
    assert fail.fault.kind is Kind.STALLED


def test_the_same_target_again_within_its_budget(
    journey_over: Over, state_of: Build, fault: Faults, only: Shared, sent_to: Shared
) -> None:
    """Rule 5: a lone target is retried after its jittered delay, and the bucket pays."""
    state = state_of("a")
    journey = journey_over(state, draw=0.5)
    journey.step(ev.Arrived(), 0.0)
    assert journey.step(ev.Failed(1, fault()), 1.0) == [act.Wait(1.25, for_room=False, deadline=60.0)]
    assert state.bucket.tokens(1.0) == pytest.approx(9.0)
    assert only(journey.step(ev.Timer(), 1.2)) == act.Wait(1.25, for_room=False, deadline=60.0)
    assert sent_to(journey.step(ev.Timer(), 1.25)) == "a"
    assert journey.step(ev.Failed(2, fault()), 2.0) == [act.Wait(2.5, for_room=False, deadline=60.0)]
    journey.step(ev.Timer(), 2.5)
    last = fault(message="third")
    assert isinstance(only(journey.step(ev.Failed(3, last), 3.0)), act.Fail)
    assert journey.attempts_made == 3


def test_without_budget_there_is_no_retry(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """Rule 5: an empty bucket ends the request at once, with its fault."""
    state = state_of("a")
    state.bucket.take(9.5, 0.0)
    journey = journey_over(state)
    journey.step(ev.Arrived(), 0.0)
    error = fault()
    assert journey.step(ev.Failed(1, error), 0.0) == [act.Fail(error, committed=False)]


@pytest.mark.parametrize(
    ("kind", "cost"),
    [(Kind.SERVER_ERROR, 1.0), (Kind.GATEWAY_TIMEOUT, 2.0), (Kind.NO_RESPONSE, 2.0)],
    ids=str,
)
def test_a_retry_after_a_timeout_costs_double(
    journey_over: Over, state_of: Build, fault: Faults, kind: Kind, cost: float
) -> None:
    """Timeouts held the target's resources for long."""
    state = state_of("a")
    journey = journey_over(state)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(kind)), 0.0)
    assert state.bucket.tokens(0.0) == pytest.approx(10.0 - cost)


def test_a_faults_own_bound_on_retries_holds(
    journey_over: Over, state_of: Build, fault: Faults, names: Shared
) -> None:
    """`retries_max` = 0 is never tried again there."""
    journey = journey_over(state_of("a"))
    journey.step(ev.Arrived(), 0.0)
    assert names(journey.step(ev.Failed(1, fault(retries_max=0)), 0.0)) == ["Fail"]


@pytest.mark.parametrize("kind", [Kind.BAD_KEY, Kind.QUOTA_EXHAUSTED, Kind.MODEL_NOT_FOUND], ids=str)
def test_account_faults_are_never_retried_there(
    journey_over: Over, state_of: Build, fault: Faults, kind: Kind
) -> None:
    """The same key or model would be refused again."""
    journey = journey_over(state_of("a"))
    journey.step(ev.Arrived(), 0.0)
    error = fault(kind)
    assert journey.step(ev.Failed(1, error), 0.0) == [act.Fail(error, committed=False)]


@pytest.mark.parametrize(
    ("delay_s", "waits"), [(2.0, True), (50.0, True), (60.0, False), (86_400.0, False)], ids=str
)
def test_a_delay_past_the_deadline_ends_the_request_at_once(
    journey_over: Over, state_of: Build, fault: Faults, delay_s: float, waits: bool, only: Shared
) -> None:
    """Rule 5: never sooner than the server asked, and no waiting for what comes too late."""
    journey = journey_over(state_of("a"))
    journey.step(ev.Arrived(), 0.0)
    action = only(journey.step(ev.Failed(1, fault(Kind.RATE_LIMITED, delay_s=delay_s)), 0.0))
    assert isinstance(action, act.Wait if waits else act.Fail)
    if isinstance(action, act.Wait):
        assert action.until >= delay_s


def test_waits_for_room(journey_over: Over, state_of: Build, fill: Shared, names: Shared) -> None:
    """Rule 6: a full target is waited for in line; nobody sleeps on a wake-up that was lost."""
    state = state_of(options=ONE_SLOT)
    taken = fill(state)
    journey = journey_over(state)
    assert journey.step(ev.Arrived(), 0.0) == [act.Wait(1.0, for_room=True, deadline=60.0)]
    assert journey.step(ev.Timer(), 1.0) == [act.Wait(2.0, for_room=True, deadline=60.0)]
    state.settle_success(taken, 5.0)
    assert names(journey.step(ev.PermitFreed(), 5.0)) == ["Send"]


def test_a_wait_for_room_ends_at_the_deadline(
    journey_over: Over, state_of: Build, fill: Shared, only: Shared
) -> None:
    """Rule 1: no call after the deadline, whatever has become free."""
    state = state_of(options=ONE_SLOT)
    taken = fill(state)
    journey = journey_over(state)
    journey.step(ev.Arrived(), 0.0)
    state.settle_success(taken, 60.0)
    fail = only(journey.step(ev.Timer(), 60.0))
    assert isinstance(fail, act.Fail)
    assert fail.fault.kind is Kind.DEADLINE_EXCEEDED


def test_a_confirmed_outage_fails_fast(
    journey_over: Over, state_of: Build, fault: Faults, kill: Shared
) -> None:
    """Rule 6: nobody waits for a target whose probes have failed; the error is the target's own."""
    state = state_of(draw=0.0)
    error = fault(message="the provider's words")
    kill(state, error)
    journey = journey_over(state)
    now = state.breaker.retry_at(0.0, only_choice=True) - 0.001
    [failed] = journey.step(ev.Arrived(), now)
    assert isinstance(failed, act.Fail)
    assert failed.fault.kind is error.kind
    assert (
        failed.fault.message
        == "No target was asked (a/m: breaker open). The last failure: the provider's words"
    )
    assert failed.fault.delay_s == pytest.approx(0.001)
    assert journey.attempts_made == 0


def test_an_unfit_target_is_skipped_with_its_reason(
    journey_over: Over, state_of: Build, sent_to: Shared
) -> None:
    """What a target can't do is a reason to pass it over, and is said."""
    journey = journey_over(
        state_of("a"), state_of("b"), unfit=lambda target: "no images" if target.provider == "a" else None
    )
    assert sent_to(journey.step(ev.Arrived(), 0.0)) == "b"
    assert list(journey.skips) == [Skip("a/m", "no images")]


def test_no_fit_target_says_why(journey_over: Over, state_of: Build, only: Shared) -> None:
    """Rule 7: the request is told what each target lacks."""

    def unfit(target: Target) -> str | None:
        return f"{target.provider} has no tools"

    fail = only(journey_over(state_of("a"), state_of("b"), unfit=unfit).step(ev.Arrived(), 0.0))
    assert fail.fault.kind is Kind.NO_FIT_TARGET
    assert "a has no tools" in fail.fault.message
    assert "b has no tools" in fail.fault.message


def test_the_most_informative_error_is_shown(
    journey_over: Over, state_of: Build, fault: Faults, only: Shared
) -> None:
    """Rule 7: a refused key says more than a 502."""
    journey = journey_over(state_of("a"), state_of("b"))
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(Kind.BAD_KEY)), 0.0)
    journey._selection.state(1).bucket.take(10.0, 0.0)
    fail = only(journey.step(ev.Failed(2, fault(Kind.BAD_GATEWAY)), 0.0))
    assert fail.fault.kind is Kind.BAD_KEY


# Time.


@pytest.mark.parametrize(
    ("targets", "stream", "given_s"),
    [(1, False, 30.0), (2, False, 30.0), (1, True, 45.0), (2, True, 20.0)],
    ids=["lone", "two", "lone-stream", "two-streams"],
)
def test_an_attempt_gets_its_own_time(
    journey_over: Over, state_of: Build, targets: int, stream: bool, given_s: float, only: Shared
) -> None:
    """`attempt_s` for a plain answer, `first_token_s` for a stream; less where a stand-in waits."""
    journey = journey_over(*[state_of(name) for name in "ab"[:targets]], stream=stream)
    assert only(journey.step(ev.Arrived(), 0.0)).deadline == given_s


def test_at_most_half_while_another_is_untried(journey_over: Over, state_of: Build, only: Shared) -> None:
    """A hanging primary leaves the backup as much time as it took itself."""
    options = JourneyOptions(deadline_s=40.0, attempt_s=30.0)
    journey = journey_over(state_of("a"), state_of("b"), options=options)
    assert only(journey.step(ev.Arrived(), 0.0)).deadline == 20.0
    cancel, send = journey.step(ev.Timer(), 20.0)
    assert cancel == act.Cancel(1)
    assert isinstance(send, act.Send)
    assert (send.target.provider, send.deadline) == ("b", 40.0)


@pytest.mark.parametrize(
    ("stream", "kind"), [(False, Kind.NO_RESPONSE), (True, Kind.FIRST_TOKEN_TIMEOUT)], ids=str
)
def test_a_silent_attempt_is_given_up_at_its_deadline(
    journey_over: Over, state_of: Build, stream: bool, kind: Kind, names: Shared, only: Shared
) -> None:
    """Not a moment sooner; and it counts as the target's failure."""
    journey = journey_over(state_of("a"), state_of("b"), stream=stream)
    due = only(journey.step(ev.Arrived(), 0.0)).deadline
    assert journey.step(ev.Timer(), due - 0.001) == []
    assert journey.wake_at == due
    assert names(journey.step(ev.Timer(), due)) == ["Cancel", "Send"]
    assert journey.attempts[0].fault is not None
    assert journey.attempts[0].fault.kind is kind
    assert journey._selection.state(0).breaker._window.counts(due) == (1, 1)


def test_an_attempt_that_began_late_blames_nobody(
    journey_over: Over, state_of: Build, fill: Shared, names: Shared, only: Shared
) -> None:
    """A request that stood in line and ran out of time says nothing about the target."""
    state = state_of(options=ONE_SLOT)
    taken = fill(state)
    journey = journey_over(state)
    journey.step(ev.Arrived(), 0.0)
    state.settle_success(taken, 55.0)
    limit = state.limiter.limit
    assert only(journey.step(ev.PermitFreed(), 55.0)).deadline == 60.0
    counts = state.breaker._window.counts(60.0)
    assert names(journey.step(ev.Timer(), 60.0)) == ["Cancel", "Fail"]
    assert state.breaker._window.counts(60.0) == counts
    assert (state.limiter.limit, state.limiter.in_flight) == (limit, 0)


@pytest.mark.parametrize(
    ("deadline_s", "freed_at", "sends"),
    [(60.0, 58.9, True), (60.0, 59.1, False), (4.0, 3.7, True), (4.0, 3.9, False)],
    ids=["a-second-left", "less", "short-deadline", "short-deadline-less"],
)
def test_no_attempt_starts_with_next_to_nothing_left(
    journey_over: Over,
    state_of: Build,
    deadline_s: float,
    freed_at: float,
    sends: bool,
    fill: Shared,
    names: Shared,
) -> None:
    """With less than a second, or a twentieth of the deadline, a call would only waste the target's work."""
    state = state_of(options=ONE_SLOT)
    taken = fill(state)
    journey = journey_over(state, options=JourneyOptions(deadline_s=deadline_s))
    journey.step(ev.Arrived(), 0.0)
    state.settle_success(taken, freed_at)
    assert names(journey.step(ev.PermitFreed(), freed_at)) == (["Send"] if sends else ["Fail"])


# Clients that leave, and defects of ours.


@pytest.mark.parametrize("how", ["gone", "abandon"])
@pytest.mark.parametrize("where", list(State), ids=lambda state: state.value)
def test_everything_is_given_back_from_every_state(
    journey_over: Over, state_of: Build, fault: Faults, where: State, how: str, names: Shared
) -> None:
    """A client that leaves, or a driver that fails, leaks no permit and moves nothing."""
    journey = journey_in(where, journey_over, state_of, fault)
    state = journey._selection.state(0)
    held = state.limiter.in_flight if where in (State.ATTEMPTING, State.HELD, State.COMMITTED) else 0
    others = state.limiter.in_flight - held
    counts, limit = state.breaker._window.counts(1.0), state.limiter.limit
    if how == "abandon":
        journey.abandon(1.0)
    elif where is State.ENDED:
        return
    else:
        actions = journey.step(ev.ClientGone(), 1.0)
        assert names(actions) == (["Cancel"] if held else [])
    assert journey.state is State.ENDED
    assert state.limiter.in_flight == others
    assert (state.breaker._window.counts(1.0), state.limiter.limit) == (counts, limit)
    assert all(attempt.cancelled for attempt in journey.attempts if held)


def test_no_place_in_line_ends_the_request(
    journey_over: Over, state_of: Build, fault: Faults, fill: Shared
) -> None:
    """A shed request is told so."""
    state = state_of(options=ONE_SLOT)
    fill(state)
    journey = journey_over(state)
    journey.step(ev.Arrived(), 0.0)
    full = fault(Kind.NO_CAPACITY)
    assert journey.step(ev.Shed(full), 0.0) == [act.Fail(full, committed=False)]
