"""What a call tells each part of its target: times, tokens and rate limits reach the part that they are for."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen import errors
from halfopen.model import Demand, Dimension, Fault, Kind, RateLimit, Target, Usage
from halfopen.policy import (
    BreakerOptions,
    Credential,
    LimitOptions,
    ParkingOptions,
    PolicyOptions,
    TargetState,
)
from halfopen.policy.breaker import BreakerState
from halfopen.policy.options import PacerOptions
from halfopen.policy.refusal import Refusal
from halfopen.policy.target import OVERLOAD_KINDS, REQUEST_KINDS, TIMEOUT_KINDS, Permit, Refused

Build = Callable[..., TargetState]
Faults = Callable[..., Fault]
ONE_CALL = PacerOptions(requests_per_minute=1.0)


def permit(state: TargetState, now: float = 0.0, **how: Any) -> Permit:
    admitted = state.admit(now, only_choice=how.pop("only_choice", False), **how)
    assert isinstance(admitted, Permit), admitted
    return admitted


def refused(state: TargetState, now: float = 0.0, **how: Any) -> Refused:
    admitted = state.admit(now, only_choice=how.pop("only_choice", False), **how)
    assert isinstance(admitted, Refused), admitted
    return admitted


def several(
    *keys: Credential, options: PolicyOptions | None = None, pacing: PacerOptions = ONE_CALL
) -> TargetState:
    policy = PolicyOptions() if options is None else options
    return TargetState(Target("a", "m", "openai"), keys, policy, lambda: 0.0, 0.0, pacing=pacing)


def made(kind: Kind, **fields: Any) -> Fault:
    return errors.make(kind, **fields)


def key() -> Credential:
    return Credential(ParkingOptions())


def test_kinds_that_others_rely_on() -> None:
    """Which faults tell of overload, cost double, or say nothing of the target."""
    assert {
        Kind.OVERLOADED,
        Kind.UNAVAILABLE,
        Kind.SLOW_DOWN,
        Kind.GATEWAY_TIMEOUT,
        Kind.EDGE_TIMEOUT,
        Kind.NO_RESPONSE,
        Kind.FIRST_TOKEN_TIMEOUT,
        Kind.CONNECT_TIMEOUT,
    } == OVERLOAD_KINDS
    assert {Kind.STALLED, Kind.DRIPPING} == TIMEOUT_KINDS - OVERLOAD_KINDS
    assert {Kind.OVERLOADED, Kind.UNAVAILABLE, Kind.SLOW_DOWN} == OVERLOAD_KINDS - TIMEOUT_KINDS
    assert not REQUEST_KINDS & (OVERLOAD_KINDS | TIMEOUT_KINDS)


def test_a_permit_says_what_it_was_given_for(state_of: Build) -> None:
    """When, for how many tokens, with which key, and for whose traffic."""
    state = state_of()
    taken = permit(state, 7.0, demand=Demand(input_tokens=30, output_tokens=12), own=False)
    assert (taken.sent, taken.tokens, taken.credential, taken.own) == (7.0, 42, 0, False)
    assert (taken.open, taken.answered, taken.refusals, taken.reservation) == (True, False, 0, None)
    assert (state.limiter.in_flight, state.limiter.own_in_flight, state.accounts[0].in_flight) == (1, 0, 1)
    state.settle_cancelled(taken, 8.0)
    assert (taken.open, state.accounts[0].in_flight) == (False, 0)


# What the caller repeats.


def test_a_callers_retry_pays_as_ours_does(state_of: Build) -> None:
    """Rule 5: a request that its caller repeats costs a retry; a first one costs nothing."""
    state = state_of()
    permit(state, 3.0)
    assert state.bucket.tokens(3.0) == 10.0
    permit(state, 3.0, demand=Demand(repeats=1))
    assert state.bucket.tokens(3.0) == pytest.approx(9.0)


def test_a_large_repetition_pays_more(state_of: Build) -> None:
    """Rule 5: it is priced in tokens, like our own retries."""
    state = state_of()
    for _ in range(20):
        state.settle_success(permit(state, demand=Demand(input_tokens=10)), 0.0)
    before = state.bucket.tokens(0.0)
    permit(state, demand=Demand(input_tokens=40, repeats=1))
    assert before - state.bucket.tokens(0.0) > 2.0


def test_a_repetition_is_refused_when_the_budget_is_spent(state_of: Build) -> None:
    """Rule 5: retries don't multiply; a first request goes through, and time pays the budget back."""
    state = state_of()
    state.bucket.take(9.5, 0.0)
    again = Demand(repeats=1)
    assert refused(state, demand=again) == Refused(Refusal.NO_BUDGET, float("inf"))
    permit(state)
    assert state.limiter.in_flight == 1
    permit(state, 15.0, demand=again)


# Rate limits.


def test_headers_teach_the_pacer_of_the_key_that_was_used() -> None:
    """What an answer tells of limits holds for its own credential, from when it was told."""
    first, second = key(), key()
    state = several(first, second, pacing=PacerOptions())
    taken = permit(state, 100.0)
    assert taken.credential == 0
    state.learn(taken, (RateLimit(Dimension.REQUESTS, limit=10, remaining=0, reset_s=30.0),), 100.0)
    assert state.accounts[0].pacer.knows_limits
    assert not state.accounts[1].pacer.knows_limits
    lone = several(key(), pacing=PacerOptions())
    taken = permit(lone, 100.0)
    lone.learn(taken, (RateLimit(Dimension.REQUESTS, limit=10, remaining=0, reset_s=30.0),), 100.0)
    no = refused(lone, 101.0)
    assert no.reason is Refusal.PACED
    assert 101.0 < no.until <= 131.0


def test_usage_settles_what_was_reckoned() -> None:
    """Tokens that a call did not use are given back to its pacer."""
    state = several(key(), pacing=PacerOptions(tokens_per_minute=1000.0))
    demand = Demand(input_tokens=400, output_tokens=500)
    taken = permit(state, demand=demand)
    assert refused(state, demand=demand).reason is Refusal.PACED
    state.settle_success(taken, 0.0, Usage(input_tokens=10, output_tokens=10))
    permit(state, demand=demand)
    failing = several(key(), pacing=PacerOptions(tokens_per_minute=1000.0))
    taken = permit(failing, demand=demand)
    failing.settle_fault(taken, made(Kind.CONTENT_FILTERED), 0.0, Usage(input_tokens=10, output_tokens=10))
    permit(failing, demand=demand)


# Several credentials.


def test_the_key_with_the_fewest_calls_is_used() -> None:
    """Rule 4: calls spread over the keys, the first one first."""
    state = several(key(), key(), key(), pacing=PacerOptions())
    taken = [permit(state) for _ in range(4)]
    assert [each.credential for each in taken] == [0, 1, 2, 0]
    state.settle_cancelled(taken[1], 0.0)
    assert permit(state).credential == 1


def test_a_key_that_was_tried_is_not_used_again() -> None:
    """Rule 4: a request is not sent twice with a key that refused it."""
    state = several(key(), key(), pacing=PacerOptions())
    assert permit(state, but=(0,)).credential == 1
    assert refused(state, but=(0, 1)) == Refused(Refusal.PARKED, float("inf"))


def test_a_key_that_takes_nothing_stands_in_nobodys_way() -> None:
    """Rule 4: parked, throttled or paced, the other one is used; with none, the soonest is named."""
    state = several(key(), key(), key(), pacing=PacerOptions())
    state.settle_fault(permit(state), made(Kind.RATE_LIMITED, delay_s=20.0), 0.0)
    assert permit(state).credential == 1
    state.settle_fault(permit(state, but=(1,)), made(Kind.RATE_LIMITED, delay_s=5.0), 0.0)
    assert permit(state).credential == 1
    state.settle_fault(permit(state), made(Kind.BAD_KEY), 0.0)
    assert refused(state, 1.0) == Refused(Refusal.THROTTLED, 5.0)
    assert permit(state, 5.0).credential == 2


def test_each_key_has_limits_of_its_own() -> None:
    """What one key has used up the other has still."""
    state = several(key(), key())
    assert {permit(state).credential, permit(state).credential} == {0, 1}
    no = refused(state)
    assert no.reason is Refusal.PACED
    assert no.until == pytest.approx(60.0)


def test_a_refused_key_is_the_known_fault_only_if_all_are() -> None:
    """A target with one good key shows its own last fault."""
    state = several(key(), key(), pacing=PacerOptions())
    first, second = permit(state), permit(state)
    bad, broken = made(Kind.BAD_KEY), made(Kind.SERVER_ERROR)
    state.settle_fault(first, bad, 0.0)
    state.settle_fault(permit(state), broken, 0.0)
    assert state.known_fault is broken
    state.settle_fault(second, made(Kind.QUOTA_EXHAUSTED), 0.0)
    assert state.known_fault is bad


def test_throttled_until_is_when_the_first_key_is_free() -> None:
    """A pause that the server asks of everybody outlasts those of the keys."""
    state = several(key(), key(), pacing=PacerOptions())
    first, second, third = permit(state), permit(state), permit(state)
    state.settle_fault(first, made(Kind.RATE_LIMITED, delay_s=20.0), 0.0)
    assert state.throttled_until == float("-inf")
    state.settle_fault(second, made(Kind.RATE_LIMITED, delay_s=8.0), 0.0)
    assert (state.throttled_until, state.retry_at(0.0)) == (8.0, 8.0)
    state.settle_fault(third, made(Kind.UNAVAILABLE, delay_s=30.0), 0.0)
    assert (state.throttled_until, state.retry_at(0.0)) == (30.0, 30.0)
    assert refused(state, 29.0) == Refused(Refusal.THROTTLED, 30.0)


# Whether a call has a chance.


def test_who_has_a_chance(state_of: Build, fault: Faults) -> None:
    """A healthy target has; a throttled, parked, full or opened one has not."""
    assert state_of().could_serve(0.0)
    quiet = state_of()
    quiet.settle_fault(permit(quiet), fault(Kind.UNAVAILABLE, delay_s=5.0), 0.0)
    assert not quiet.could_serve(4.9)
    assert quiet.could_serve(5.0)
    parked = state_of()
    parked.settle_fault(permit(parked), fault(Kind.BAD_KEY), 0.0)
    assert not parked.could_serve(1.0)
    full = state_of(options=PolicyOptions(limit=LimitOptions(initial=2, min=1, max=2, reserve=0.5)))
    permit(full)
    assert full.could_serve(0.0)
    permit(full)
    assert not full.could_serve(0.0)


def test_a_guest_has_less_room(state_of: Build) -> None:
    """What is kept for a target's own users is no chance for a failover."""
    state = state_of(options=PolicyOptions(limit=LimitOptions(initial=4, min=1, max=4, reserve=0.5)))
    taken = [permit(state, own=True), permit(state, own=False), permit(state, own=False)]
    assert state.could_serve(0.0, own=True)
    assert not state.could_serve(0.0, own=False)
    assert refused(state, own=False).reason is Refusal.NO_ROOM
    assert len(taken) == 3


@pytest.mark.parametrize(
    ("per_minute", "chance"),
    [pytest.param(120.0, True, id="in-half-a-second"), pytest.param(30.0, False, id="in-two-seconds")],
)
def test_one_that_is_paced_for_a_moment_is_worth_waiting_for(per_minute: float, chance: bool) -> None:
    """Within a second it counts as free; later it does not."""
    state = several(key(), pacing=PacerOptions(requests_per_minute=per_minute))
    while isinstance(state.admit(0.0, only_choice=True), Permit):
        pass
    assert state.could_serve(0.0) is chance
    assert refused(state).reason is Refusal.PACED


# First content and whole answers.


def known(state: TargetState, count: int = 40, waited_s: float = 0.5) -> None:
    """The target answers in half a second, a call every ten."""
    for n in range(count):
        taken = permit(state, 10.0 * n)
        state.answering(taken, 10.0 * n + waited_s, waited_s)
        state.settle_success(taken, 10.0 * n + waited_s)


def test_first_content_is_told_to_every_part(state_of: Build, fault: Faults) -> None:
    """Its time is kept, the limit grows, and a key that was refused before is usable again."""
    state = state_of(options=PolicyOptions(limit=LimitOptions(initial=4, min=1, max=9)))
    for _ in range(2):
        permit(state)
    refused_ = permit(state)
    state.settle_fault(refused_, fault(Kind.BAD_KEY), 0.0)
    taken = permit(state, 60.0)
    assert taken.refusals == 1
    state.answering(taken, 61.0, 1.0)
    assert taken.answered
    assert state.limiter.limit == 5
    assert state.accounts[0].credential.fault is None
    state.settle_success(taken, 62.0)
    assert state.limiter.limit == 5


def test_slow_first_contents_open_the_breaker_and_cut_the_limit(state_of: Build) -> None:
    """Half of twenty that take ten times as long as usual: rather nobody else goes there."""
    state = state_of(options=PolicyOptions(limit=LimitOptions(initial=40, min=4, max=100)))
    known(state)
    now = 1000.0
    limit = state.limiter.limit
    for _ in range(20):
        taken = permit(state, now, only_choice=True)
        state.answering(taken, now + 5.0, 5.0)
        state.settle_success(taken, now + 5.0)
    assert state.breaker.state(now + 5.0) is BreakerState.OPEN
    assert state.limiter.limit < limit
    assert state.limiter.is_stressed(now + 5.0)


def test_slow_is_not_refused(state_of: Build, fault: Faults) -> None:
    """Slow answers take a fifth of the limit, refusals half of it."""
    limits = []
    for slow in (True, False):
        state = state_of(
            options=PolicyOptions(
                limit=LimitOptions(initial=100, min=4, max=100, decrease_every_s=60.0),
                breaker=BreakerOptions(slow_share=1.0, failure_ratio=1.0, consecutive=1000, min_samples=1000),
            )
        )
        known(state)
        taken = [permit(state, 1000.0, only_choice=True) for _ in range(100)]
        for each in taken[:60]:
            if slow:
                state.answering(each, 1005.0, 5.0)
            else:
                state.settle_fault(each, fault(Kind.OVERLOADED), 1005.0)
        limits.append(state.limiter.limit)
    assert limits[0] == 80
    assert limits[1] == 50


def test_slow_plain_answers_are_judged_by_their_length(state_of: Build) -> None:
    """A long answer may take long; one that takes ten times as long as its like cuts the limit a little."""
    options = PolicyOptions(limit=LimitOptions(initial=100, min=4, max=100, decrease_every_s=60.0))
    state = state_of(options=options)
    for n in range(40):
        for tokens, took_s in ((10, 0.3), (2000, 20.0)):
            taken = permit(state, 100.0 * n)
            state.settle_success(taken, 100.0 * n + took_s, Usage(output_tokens=tokens))
    sent = [permit(state, 9000.0) for _ in range(60)]
    for taken in sent[:20]:
        state.settle_success(taken, 9003.0, Usage(output_tokens=2000))
    assert state.limiter.limit == 100
    for taken in sent[20:40]:
        state.settle_success(taken, 9003.0, Usage(output_tokens=10))
    assert 70 <= state.limiter.limit <= 80
    assert state.breaker.state(9003.0) is BreakerState.CLOSED


def test_an_answer_of_unknown_length_is_no_evidence(state_of: Build) -> None:
    """Without its tokens a whole answer raises the limit, however long it took."""
    state = state_of(options=PolicyOptions(limit=LimitOptions(initial=4, min=1, max=9)))
    taken = [permit(state) for _ in range(4)]
    state.settle_success(taken[0], 500.0)
    state.settle_success(taken[1], 500.0, Usage(output_tokens=0))
    assert state.limiter.limit == 6


def test_a_success_earns_by_its_tokens(state_of: Build) -> None:
    """What a request weighs is what later retries are priced by."""
    state = state_of()
    state.bucket.take(5.0, 0.0)
    state.settle_success(permit(state, demand=Demand(input_tokens=100)), 0.0)
    assert state.bucket.tokens(0.0) == pytest.approx(5.1)
    permit(state, demand=Demand(input_tokens=200, repeats=1))
    assert state.bucket.tokens(0.0) < 4.1


def test_only_the_latest_fault_is_known(state_of: Build, fault: Faults) -> None:
    """A request's own fault is none of the target's; a success forgets the last one."""
    state = state_of()
    broken = fault(Kind.SERVER_ERROR)
    state.settle_fault(permit(state), broken, 0.0)
    state.settle_fault(permit(state), fault(Kind.INVALID_REQUEST), 0.0)
    assert state.known_fault is broken
    state.settle_success(permit(state), 0.0)
    assert state.known_fault is None


def test_overload_counts_from_when_the_call_was_sent(state_of: Build, fault: Faults) -> None:
    """Many calls that were sent before the limit fell say nothing new about it."""
    state = state_of(options=PolicyOptions(limit=LimitOptions(initial=100, min=4, decrease_every_s=0.0)))
    taken = [permit(state, 0.0) for _ in range(60)]
    for number, each in enumerate(taken[:3]):
        state.settle_fault(each, fault(Kind.OVERLOADED), 1.0 + number)
    assert state.limiter.limit == 50
