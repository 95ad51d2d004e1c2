"""What requests to one target share: one admission, one settlement, and who is blamed for what."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen.errors.taxonomy import TAXONOMY
from halfopen.model import Fault, Kind, Verdict
from halfopen.policy import (
    BreakerOptions,
    Credential,
    LimitOptions,
    ParkingOptions,
    PolicyOptions,
    TargetState,
)
from halfopen.policy.breaker import BreakerState
from halfopen.policy.target import OVERLOAD_KINDS, REQUEST_KINDS, Permit, Refusal, Refused

Build = Callable[..., TargetState]
Faults = Callable[..., Fault]
MOVES = (Verdict.RETRY, Verdict.FAILOVER)


def permit(state: TargetState, now: float = 0.0) -> Permit:
    admitted = state.admit(now, only_choice=False)
    assert isinstance(admitted, Permit), admitted
    return admitted


def refusal(state: TargetState, now: float) -> Refused:
    refused = state.admit(now, only_choice=False)
    assert isinstance(refused, Refused)
    return refused


def facts(state: TargetState, now: float) -> dict[str, Any]:
    """All that a call could have moved."""
    return {
        "in_flight": state.limiter.in_flight,
        "limit": state.limiter.limit,
        "breaker": state.breaker.state(now),
        "window": state.breaker._window.counts(now),
        "consecutive": state.breaker._consecutive,
        "tokens": state.bucket.tokens(now),
        "throttled_until": state.throttled_until,
        "parked_until": state.accounts[0].credential.parked_until,
    }


def open_it(state: TargetState, fault: Fault, now: float = 0.0) -> None:
    for _ in range(5):
        state.settle_fault(permit(state, now), fault, now)
    assert state.breaker.state(now) is BreakerState.OPEN


# Rule 1: everything or nothing, with the reason.


def test_a_parked_credential_refuses(state_of: Build, fault: Faults) -> None:
    """It says so, and until when."""
    state = state_of()
    refused = fault(Kind.BAD_KEY)
    state.settle_fault(permit(state), refused, 0.0)
    assert refusal(state, 1.0) == Refused(Refusal.PARKED, 60.0)


def test_a_throttled_target_refuses(state_of: Build, fault: Faults) -> None:
    """It says so, and until when."""
    state = state_of()
    throttle = fault(Kind.RATE_LIMITED, delay_s=7.0)
    state.settle_fault(permit(state), throttle, 0.0)
    assert refusal(state, 6.9) == Refused(Refusal.THROTTLED, 7.0)
    permit(state, 7.0)


def test_an_open_breaker_refuses(state_of: Build, fault: Faults) -> None:
    """It says so, and until when."""
    state = state_of(draw=0.0)
    broken = fault(Kind.SERVER_ERROR)
    open_it(state, broken)
    assert refusal(state, 1.0) == Refused(Refusal.BREAKER_OPEN, 5.0)


def test_a_full_target_refuses(state_of: Build) -> None:
    """Waiting for a time won't help; a freed permit will."""
    state = state_of(options=PolicyOptions(limit=LimitOptions(initial=2, min=1, max=2)))
    permit(state)
    second = permit(state)
    assert refusal(state, 0.0) == Refused(Refusal.NO_ROOM, 30.0)
    state.settle_success(second, 1.0)
    permit(state, 1.0)


def test_slow_start_turns_some_away(state_of: Build, fault: Faults) -> None:
    """A recovering target takes a share; the reason is named."""
    state = state_of(draw=0.9)
    open_it(state, fault(Kind.SERVER_ERROR))
    state.settle_success(permit(state, 6.0), 6.0)
    assert refusal(state, 6.1).reason is Refusal.SLOW_START
    assert isinstance(state.admit(6.1, only_choice=True), Permit)


def test_a_refusal_takes_nothing(state_of: Build, fault: Faults) -> None:
    """Whatever refuses, no permit, lease or turn is lost by asking."""
    state = state_of(draw=0.0, options=PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1)))
    open_it(state, fault(Kind.SERVER_ERROR))
    probe = permit(state, 5.0)
    for _ in range(50):
        assert refusal(state, 5.0).reason is Refusal.NO_ROOM
    state.settle_cancelled(probe, 5.0)
    assert state.limiter.in_flight == 0
    assert permit(state, 5.0).ticket.probe


def test_could_serve_takes_nothing(state_of: Build, fault: Faults) -> None:
    """A look at a half-open breaker is no probe."""
    state = state_of(draw=0.0)
    open_it(state, fault(Kind.SERVER_ERROR))
    assert not state.could_serve(4.9)
    assert all(state.could_serve(5.0) for _ in range(5))
    assert permit(state, 5.0).ticket.probe
    assert not state.could_serve(5.0)


# Rule 2: settled once.


@pytest.mark.parametrize("first", ["success", "fault", "cancelled"])
@pytest.mark.parametrize("second", ["success", "fault", "cancelled"])
def test_settling_twice_raises_and_changes_nothing(
    state_of: Build, fault: Faults, first: str, second: str
) -> None:
    """A permit is settled exactly once, however it is settled."""
    state = state_of()
    taken = permit(state)
    other = permit(state)

    def settle(how: str) -> None:
        if how == "success":
            state.settle_success(taken, 1.0)
        elif how == "fault":
            state.settle_fault(taken, fault(Kind.OVERLOADED), 1.0)
        else:
            state.settle_cancelled(taken, 1.0)

    settle(first)
    before = facts(state, 1.0)
    with pytest.raises(RuntimeError, match="twice"):
        settle(second)
    assert facts(state, 1.0) == before
    assert before["in_flight"] == 1
    assert other.open


# Rule 3: who is blamed.


@pytest.mark.parametrize("kind", list(Kind), ids=str)
def test_each_verdict_moves_its_own_part(state_of: Build, fault: Faults, kind: Kind) -> None:
    """Breaker: the target's own faults. Limiter: overload. Throttle and credential: theirs. Bucket: nothing."""
    state = state_of()
    taken = permit(state)
    before = facts(state, 1.0)
    error = fault(kind)
    state.settle_fault(taken, error, 1.0)
    after = facts(state, 1.0)
    verdict = TAXONOMY[kind].verdict
    assert after["in_flight"] == 0
    assert (after["window"] == (1, 1)) == (verdict in MOVES and kind not in REQUEST_KINDS)
    assert (after["limit"] < before["limit"]) == (kind in OVERLOAD_KINDS)
    assert (after["parked_until"] > 1.0) == (verdict in (Verdict.KEY, Verdict.QUOTA))
    assert (after["throttled_until"] > 1.0) == (verdict is Verdict.THROTTLE)
    assert after["tokens"] == before["tokens"]


@pytest.mark.parametrize("probe", [False, True], ids=["closed", "probe"])
@pytest.mark.parametrize("end", ["fix_request", "client_gone"])
def test_the_requests_own_end_moves_nothing(state_of: Build, fault: Faults, end: str, probe: bool) -> None:
    """A bad request or a client that left says nothing about the target, as a probe neither."""
    state = state_of(draw=0.0)
    now = 0.0
    if probe:
        open_it(state, fault(Kind.SERVER_ERROR))
        now = 5.0
    before = facts(state, now)
    taken = permit(state, now)
    if end == "client_gone":
        state.settle_cancelled(taken, now)
    else:
        state.settle_fault(taken, fault(Kind.CONTEXT_TOO_LONG, delay_s=100.0), now)
    assert facts(state, now) == before
    assert permit(state, now).ticket.probe is probe


# Delays.


@pytest.mark.parametrize(
    ("kind", "delay_s", "free_at"),
    [
        (Kind.RATE_LIMITED, None, 2.0),
        (Kind.RATE_LIMITED, 0.0, 0.0),
        (Kind.RATE_LIMITED, 30.0, 30.0),
        (Kind.RATE_LIMITED, 86_400.0, 300.0),
        (Kind.UNAVAILABLE, 20.0, 20.0),
        (Kind.UNAVAILABLE, 86_400.0, 300.0),
        (Kind.MAINTENANCE, 5.0, 5.0),
        (Kind.SERVER_ERROR, None, 0.0),
    ],
    ids=["429", "429-0", "429-30", "429-day", "503-20", "503-day", "maintenance", "500"],
)
def test_no_call_sooner_than_the_servers_delay(
    state_of: Build, fault: Faults, kind: Kind, delay_s: float | None, free_at: float
) -> None:
    """Everybody keeps to the delay, not only the request that was told; 300 s at most."""
    state = state_of()
    state.settle_fault(permit(state), fault(kind, delay_s=delay_s), 0.0)
    assert free_at == 0.0 or not isinstance(state.admit(free_at - 0.01, only_choice=True), Permit)
    permit(state, free_at)


def test_a_shorter_delay_never_cuts_a_longer_one(state_of: Build, fault: Faults) -> None:
    """Two calls were told different delays: the longer one holds."""
    state = state_of()
    first, second = permit(state), permit(state)
    state.settle_fault(first, fault(Kind.RATE_LIMITED, delay_s=30.0), 0.0)
    state.settle_fault(second, fault(Kind.RATE_LIMITED, delay_s=1.0), 0.0)
    assert refusal(state, 29.0).until == 30.0


# Credentials.


def test_targets_of_one_key_are_parked_together(state_of: Build, fault: Faults) -> None:
    """A refused key is refused for each model behind it, and for no other key."""
    shared = Credential(ParkingOptions())
    one, two, other = state_of("a", credential=shared), state_of("a", credential=shared), state_of("b")
    one.settle_fault(permit(one), fault(Kind.BAD_KEY), 0.0)
    assert refusal(two, 1.0).reason is Refusal.PARKED
    permit(other, 1.0)


def test_a_refused_admission_keeps_the_credentials_turn(state_of: Build, fault: Faults) -> None:
    """A trial that an open breaker stops is not the interval's one request."""
    shared = Credential(ParkingOptions(key_s=1.0))
    broken, fine = state_of("a", credential=shared, draw=0.0), state_of("a", credential=shared)
    open_it(broken, fault(Kind.SERVER_ERROR))
    fine.settle_fault(permit(fine), fault(Kind.BAD_KEY), 0.0)
    assert refusal(broken, 2.0).reason is Refusal.BREAKER_OPEN
    permit(fine, 2.0)
    assert refusal(fine, 2.0).reason is Refusal.PARKED


def test_a_success_from_before_the_parking_does_not_unpark(state_of: Build, fault: Faults) -> None:
    """A call that went out before the key was refused says nothing about the key now."""
    state = state_of()
    early, late = permit(state), permit(state)
    state.settle_fault(late, fault(Kind.QUOTA_EXHAUSTED), 10.0)
    state.settle_success(early, 11.0)
    assert refusal(state, 12.0).reason is Refusal.PARKED


def test_a_stream_counts_once(state_of: Build) -> None:
    """First content and the whole answer are one result of one call."""
    state = state_of()
    taken = permit(state)
    state.answering(taken, 0.0, 0.2)
    state.settle_success(taken, 0.0)
    assert state.breaker._window.counts(0.0) == (1, 0)


def test_a_fault_is_forgotten_when_calls_succeed(state_of: Build, fault: Faults) -> None:
    """A full but healthy target does not show a fault of an hour ago."""
    state = state_of(options=PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1)))
    state.settle_fault(permit(state), fault(Kind.RATE_LIMITED), 0.0)
    state.settle_success(permit(state, 3000.0), 3001.0)
    assert state.last_fault is None


def test_first_content_closes_a_half_open_breaker(state_of: Build, fault: Faults) -> None:
    """A stream that answers is a sign of health long before it ends."""
    state = state_of(draw=0.0, options=PolicyOptions(breaker=BreakerOptions(slow_start_s=0.0)))
    open_it(state, fault(Kind.SERVER_ERROR))
    probe = permit(state, 5.0)
    state.answering(probe, 6.0, 0.2)
    assert state.breaker.state(6.0) is BreakerState.CLOSED
    state.settle_cancelled(probe, 6.0)
    assert state.limiter.in_flight == 0
