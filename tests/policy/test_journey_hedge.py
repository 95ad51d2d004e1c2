"""A second call for a stream whose first content is late, and calls with another of a target's keys."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from halfopen.model import Demand, Dimension, Fault, Kind, RateLimit, Target, Usage
from halfopen.policy import (
    Credential,
    IllegalTransitionError,
    Journey,
    JourneyOptions,
    ParkingOptions,
    PolicyOptions,
    State,
    TargetState,
)
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.first_content import FirstContentTimes
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import HedgeOptions, PacerOptions
from halfopen.policy.target import Permit

Build = Callable[..., TargetState]
Faults = Callable[..., Fault]
SHARE = 0.1
TEN_TOKENS, ANY, NO_LIMITS = Demand(input_tokens=10), Demand(), PacerOptions()


def usual(state: TargetState, seconds: float = 1.0) -> TargetState:
    """The target with a hundred streams that took so long."""
    for _ in range(100):
        state.first_content.record(seconds)
    return state


def earned(tokens: int = 10, calls: int = 100) -> HedgeBudget:
    """A budget that so many calls have paid into."""
    budget = HedgeBudget(HedgeOptions(extra_load=SHARE))
    for _ in range(calls):
        budget.earn(tokens)
    return budget


def hedging(
    *states: TargetState,
    budget: HedgeBudget | None,
    stream: bool = True,
    attempts: int = 3,
    demand: Demand = TEN_TOKENS,
    unfit: Callable[[Target], str | None] = lambda _target: None,
    draw: float = 0.5,
    options: JourneyOptions | None = None,
) -> Journey:
    return Journey(
        states,
        options=replace(JourneyOptions() if options is None else options, attempts=attempts),
        retry=PolicyOptions().retry,
        entropy=lambda: draw,
        stream=stream,
        unfit=unfit,
        demand=demand,
        hedge=budget,
    )


def late(journey: Journey) -> float:
    """Step the request in, and return when its first call is late."""
    [send] = journey.step(ev.Arrived(), 0.0)
    assert isinstance(send, act.Send)
    assert not send.hedge
    assert journey.wake_at < send.deadline
    return journey.wake_at


def test_a_late_first_content_brings_a_second_call(state_of: Build) -> None:
    """Not sooner than nine of ten streams answer, and to another target; the first call goes on."""
    budget = earned()
    journey = hedging(usual(state_of("a")), usual(state_of("b")), budget=budget)
    due = late(journey)
    assert 1.0 <= due <= 1.3
    assert journey.step(ev.Timer(), due - 0.01) == []
    before = budget.tokens
    [send] = journey.step(ev.Timer(), due)
    assert isinstance(send, act.Send)
    assert (send.attempt, send.target.provider, send.hedge, send.repeats) == (2, "b", True, 0)
    assert budget.tokens == pytest.approx(before - 10.0)
    assert (journey.attempts_made, journey.state) == (2, State.ATTEMPTING)
    assert journey.current is not None
    assert journey.current.provider == "a"
    assert journey.wake_at > due
    assert journey.step(ev.Timer(), due + 0.5) == []
    assert journey.attempts_made == 2


def test_a_call_pays_in_what_it_weighs(state_of: Build) -> None:
    """Each first call earns its share, one of unknown size that of a token; a hedge earns nothing."""
    for demand, tokens in ((Demand(input_tokens=500), 50.0), (Demand(), 0.1)):
        budget = HedgeBudget(HedgeOptions(extra_load=SHARE))
        hedging(usual(state_of("a")), usual(state_of("b")), budget=budget, demand=demand).step(
            ev.Arrived(), 0.0
        )
        assert budget.tokens == pytest.approx(tokens)
    budget = earned()
    journey = hedging(usual(state_of("a")), usual(state_of("b")), budget=budget)
    due = late(journey)
    before = budget.tokens
    journey.step(ev.Timer(), due)
    assert budget.tokens == pytest.approx(before - 10.0)


@pytest.mark.parametrize("winner", [1, 2])
def test_whichever_brings_content_first_wins(state_of: Build, winner: int) -> None:
    """The other is cancelled at once, everything of it is given back, and its target is not blamed."""
    states = [usual(state_of("a")), usual(state_of("b"))]
    journey = hedging(*states, budget=earned())
    due = late(journey)
    journey.step(ev.Timer(), due)
    actions = journey.step(ev.Content(winner), 3.0)
    assert actions == [act.Cancel(3 - winner), act.Relay(winner)]
    assert [state.limiter.in_flight for state in states] == [int(n == winner) for n in (1, 2)]
    assert journey.attempts[0].cancelled
    assert journey.attempts[0].fault is None
    assert journey.attempts[0].ended == 3.0
    assert journey.step(ev.Finished(winner), 4.0) == [act.Complete(winner)]
    assert journey.served_by is states[winner - 1].target
    assert [state.breaker._window.counts(4.0)[1] for state in states] == [0, 0]


class Told(FirstContentTimes):
    """Times that remember what they were told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[float] = []

    def record(self, seconds: float) -> None:
        """Keep it."""
        super().record(seconds)
        self.told.append(seconds)


@pytest.mark.parametrize("winner", [1, 2])
def test_a_first_call_that_lost_counts_with_the_time_it_had(state_of: Build, winner: int) -> None:
    """It would have taken longer: the target's times learn that; those of a hedge that lost do not."""
    states, times = [state_of("a"), state_of("b")], [Told(), Told()]
    for state, told in zip(states, times, strict=True):
        state.first_content = told
        usual(state)
        told.told.clear()
    journey = hedging(*states, budget=earned())
    due = late(journey)
    journey.step(ev.Timer(), due)
    journey.step(ev.Content(winner), 3.0)
    assert times[0].told == [3.0]
    assert times[1].told == ([3.0 - due] if winner == 2 else [])


def test_a_whole_answer_wins_as_well(state_of: Build) -> None:
    """An answer without a first content of its own ends the other call, too."""
    journey = hedging(usual(state_of("a")), usual(state_of("b")), budget=earned())
    due = late(journey)
    journey.step(ev.Timer(), due)
    assert journey.step(ev.Finished(2), 3.0) == [act.Cancel(1), act.Complete(2)]
    assert journey.state is State.ENDED


@pytest.mark.parametrize("first", [1, 2])
def test_when_one_of_two_fails_the_other_goes_on(state_of: Build, fault: Faults, first: int) -> None:
    """No third call is made for it; when the other fails as well, the request goes on as ever."""
    states = [usual(state_of("a")), usual(state_of("b")), usual(state_of("c"))]
    journey = hedging(*states, budget=earned())
    due = late(journey)
    journey.step(ev.Timer(), due)
    assert journey.step(ev.Failed(first, fault()), 2.0) == []
    assert (journey.state, journey.attempts_made) == (State.ATTEMPTING, 2)
    assert 2.0 < journey.wake_at < float("inf")
    with pytest.raises(IllegalTransitionError, match="not under way"):
        journey.step(ev.Connected(first), 2.0)
    [send] = journey.step(ev.Failed(3 - first, fault()), 3.0)
    assert isinstance(send, act.Send)
    assert (send.target.provider, send.attempt, send.hedge) == ("c", 3, False)


def test_the_requests_own_fault_ends_both(state_of: Build, fault: Faults) -> None:
    """What the target that was asked for says of the request ends it, and the hedge is cancelled."""
    states = [usual(state_of("a")), usual(state_of("b"))]
    journey = hedging(*states, budget=earned())
    due = late(journey)
    journey.step(ev.Timer(), due)
    own = fault(Kind.INVALID_REQUEST)
    assert journey.step(ev.Failed(1, own), 2.5) == [act.Cancel(2), act.Fail(own, committed=False)]
    assert [state.limiter.in_flight for state in states] == [0, 0]
    assert [attempt.ended for attempt in journey.attempts] == [2.5, 2.5]


def test_a_silent_one_of_two_is_given_up_alone(state_of: Build) -> None:
    """Its time is over: it is cancelled and blamed; the hedge has time of its own."""
    states = [usual(state_of("a")), usual(state_of("b"))]
    journey = hedging(*states, budget=earned())
    due = late(journey)
    journey.step(ev.Timer(), due)
    first = journey.wake_at
    assert journey.step(ev.Timer(), first) == [act.Cancel(1)]
    assert states[0].breaker._window.counts(first) == (1, 1)
    assert states[1].limiter.in_flight == 1
    assert journey.wake_at > first


def test_a_client_that_leaves_ends_both(state_of: Build) -> None:
    """Nothing is left behind."""
    states = [usual(state_of("a")), usual(state_of("b"))]
    journey = hedging(*states, budget=earned())
    due = late(journey)
    journey.step(ev.Timer(), due)
    assert journey.step(ev.ClientGone(), 2.0) == [act.Cancel(1), act.Cancel(2)]
    assert [state.limiter.in_flight for state in states] == [0, 0]
    assert all(attempt.cancelled for attempt in journey.attempts)


def test_without_content_there_is_no_race_to_end(state_of: Build) -> None:
    """A lone call's content cancels nothing."""
    journey = hedging(usual(state_of("a")), usual(state_of("b")), budget=earned())
    late(journey)
    assert journey.step(ev.Content(1), 0.5) == [act.Relay(1)]


# What speaks against a hedge.


def silent(journey: Journey, now: float = 3.0) -> list[act.Action]:
    journey.step(ev.Arrived(), 0.0)
    return journey.step(ev.Timer(), now)


def test_what_is_needed_for_a_hedge(state_of: Build) -> None:
    """A stream, a budget with enough in it, known times, and an attempt that is left."""

    def two() -> list[TargetState]:
        return [usual(state_of("a")), usual(state_of("b"))]

    assert len(silent(hedging(*two(), budget=earned()))) == 1
    assert silent(hedging(*two(), budget=None)) == []
    assert silent(hedging(*two(), budget=earned(), stream=False)) == []
    assert silent(hedging(*two(), budget=earned(calls=5))) == []
    assert silent(hedging(*two(), budget=earned(), attempts=1)) == []
    assert len(silent(hedging(*two(), budget=earned(), attempts=2))) == 1
    assert silent(hedging(state_of("a"), usual(state_of("b")), budget=earned())) == []
    assert silent(hedging(usual(state_of("a")), budget=earned())) == []


def test_a_target_that_cannot_do_the_request_is_no_hedge(state_of: Build) -> None:
    """And nothing is spent on it."""
    budget = earned()

    def unfit(target: Target) -> str | None:
        return "no tools" if target.provider == "b" else None

    journey = hedging(usual(state_of("a")), usual(state_of("b")), budget=budget, unfit=unfit)
    due = late(journey)
    before = budget.tokens
    assert journey.step(ev.Timer(), due) == []
    assert budget.tokens == before


def test_no_hedge_under_stress(state_of: Build, fault: Faults) -> None:
    """Three failures in a row anywhere on the route: late answers mean load then."""
    states = [usual(state_of("a")), usual(state_of("b"))]
    for _ in range(3):
        taken = states[1].admit(0.0, only_choice=True)
        assert isinstance(taken, Permit)
        states[1].settle_fault(taken, fault(), 0.0)
    assert silent(hedging(*states, budget=earned())) == []


def test_no_hedge_with_next_to_nothing_left(state_of: Build) -> None:
    """When no call may start any more, none does."""
    states = [usual(state_of("a"), 2.0), usual(state_of("b"), 2.0)]
    journey = hedging(*states, budget=earned(), options=JourneyOptions(deadline_s=2.1, first_token_min_s=2.1))
    journey.step(ev.Arrived(), 0.0)
    assert journey.step(ev.Timer(), 2.05) == [] or journey.attempts_made == 1


def test_a_hedge_costs_the_other_target_a_retry(state_of: Build) -> None:
    """So hedges are bounded by each target's retry budget as well; without any the permit is given back."""
    states = [usual(state_of("a")), usual(state_of("b"))]
    journey = hedging(*states, budget=earned())
    due = late(journey)
    journey.step(ev.Timer(), due)
    assert states[1].bucket.tokens(due) == pytest.approx(9.0)
    assert states[0].bucket.tokens(due) == pytest.approx(10.0)
    tight = PolicyOptions(retry=replace(PolicyOptions().retry, bucket_max=0.5))
    poor = [usual(state_of("a")), usual(state_of("b", options=tight))]
    journey = hedging(*poor, budget=earned())
    due = late(journey)
    assert journey.step(ev.Timer(), due) == []
    assert poor[1].limiter.in_flight == 0
    assert journey.attempts_made == 1
    assert journey.step(ev.Timer(), due + 1.0) == []


def test_a_target_that_gave_its_permit_back_is_still_untried(state_of: Build, fault: Faults) -> None:
    """When the first call then fails, the request goes there."""
    tight = PolicyOptions(retry=replace(PolicyOptions().retry, bucket_max=0.5))
    journey = hedging(usual(state_of("a")), usual(state_of("b", options=tight)), budget=earned())
    due = late(journey)
    journey.step(ev.Timer(), due)
    [send] = journey.step(ev.Failed(1, fault()), due + 1.0)
    assert isinstance(send, act.Send)
    assert send.target.provider == "b"


# Several keys, and what is told to a target.


def keyed(provider: str, keys: int, pacing: PacerOptions = NO_LIMITS) -> TargetState:
    several = [Credential(ParkingOptions()) for _ in range(keys)]
    target = Target(provider, "m", "openai")
    return TargetState(target, several, PolicyOptions(), lambda: 0.5, 0.0, pacing=pacing)


def plain(*states: TargetState, demand: Demand = ANY) -> Journey:
    return hedging(*states, budget=None, stream=False, demand=demand)


@pytest.mark.parametrize("kind", [Kind.BAD_KEY, Kind.QUOTA_EXHAUSTED, Kind.RATE_LIMITED], ids=str)
def test_a_fault_of_one_key_is_no_fault_of_the_target(fault: Faults, kind: Kind) -> None:
    """It is called again with the next key before another target is; and with none twice."""
    journey = plain(keyed("a", 2), keyed("b", 1))
    [first] = journey.step(ev.Arrived(), 0.0)
    [second] = journey.step(ev.Failed(1, fault(kind)), 1.0)
    [third] = journey.step(ev.Failed(2, fault(kind)), 2.0)
    assert [(s.target.provider, s.credential) for s in (first, second, third) if isinstance(s, act.Send)] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
    ]


def test_a_key_is_not_asked_twice_although_it_is_free_at_once(fault: Faults) -> None:
    """A pause of no length frees the key; this request goes on with the next one all the same."""
    journey = plain(keyed("a", 2), keyed("b", 1))
    journey.step(ev.Arrived(), 0.0)
    free = fault(Kind.RATE_LIMITED, delay_s=0.0)
    asked = []
    for attempt in (1, 2):
        [send] = journey.step(ev.Failed(attempt, free), 1.0)
        assert isinstance(send, act.Send)
        asked.append((send.target.provider, send.credential))
    assert asked == [("a", 1), ("b", 0)]


def test_another_fault_is_the_targets_whatever_its_keys(fault: Faults) -> None:
    """A 500 fails over although another key is there; so does one after a refused key."""
    journey = plain(keyed("a", 3), keyed("b", 1))
    journey.step(ev.Arrived(), 0.0)
    [send] = journey.step(ev.Failed(1, fault(Kind.SERVER_ERROR)), 1.0)
    assert isinstance(send, act.Send)
    assert send.target.provider == "b"
    journey = plain(keyed("a", 3), keyed("b", 1))
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(Kind.BAD_KEY)), 1.0)
    [send] = journey.step(ev.Failed(2, fault(Kind.SERVER_ERROR)), 2.0)
    assert isinstance(send, act.Send)
    assert send.target.provider == "b"


def test_a_lone_key_is_not_tried_again(fault: Faults) -> None:
    """With one key a refusal goes to the next target."""
    journey = plain(keyed("a", 1), keyed("b", 1))
    journey.step(ev.Arrived(), 0.0)
    [send] = journey.step(ev.Failed(1, fault(Kind.BAD_KEY)), 1.0)
    assert isinstance(send, act.Send)
    assert send.target.provider == "b"


def test_headers_and_usage_reach_the_pacer(fault: Faults) -> None:
    """What an answer's head tells of limits is learnt, and its usage settles what was reckoned."""
    state = keyed("a", 1)
    journey = plain(state)
    journey.step(ev.Arrived(), 100.0)
    limits = (RateLimit(Dimension.TOKENS, limit=1000, remaining=0, reset_s=30.0),)
    assert journey.step(ev.FirstByte(1, 429, limits), 100.5) == []
    assert state.accounts[0].pacer.knows_limits
    assert state.accounts[0].pacer.ready_at(Demand(input_tokens=900), 101.0) > 110.0
    pacing = PacerOptions(tokens_per_minute=1000.0)
    big = Demand(input_tokens=900)
    for event in (
        ev.Finished(1, Usage(input_tokens=10)),
        ev.Failed(1, fault(Kind.INVALID_REQUEST), Usage(input_tokens=10)),
    ):
        state = keyed("a", 1, pacing)
        journey = plain(state, demand=big)
        journey.step(ev.Arrived(), 0.0)
        assert state.accounts[0].pacer.ready_at(big, 0.0) > 0.0
        journey.step(event, 0.0)
        assert state.accounts[0].pacer.ready_at(big, 0.0) == 0.0


def test_a_target_is_told_how_often_it_was_sent_the_request(state_of: Build, fault: Faults) -> None:
    """Our retries count, and so do those of the caller, which we then don't add to."""
    journey = plain(state_of("a"))
    [first] = journey.step(ev.Arrived(), 0.0)
    [wait] = journey.step(ev.Failed(1, fault()), 0.0)
    assert isinstance(wait, act.Wait)
    [again] = journey.step(ev.Timer(), wait.until)
    assert [send.repeats for send in (first, again) if isinstance(send, act.Send)] == [0, 1]
    journey = plain(state_of("a"), state_of("b"), demand=Demand(repeats=2))
    [first] = journey.step(ev.Arrived(), 0.0)
    [other] = journey.step(ev.Failed(1, fault()), 0.0)
    assert [send.repeats for send in (first, other) if isinstance(send, act.Send)] == [2, 2]
    [fail] = journey.step(ev.Failed(2, fault()), 0.0)
    assert isinstance(fail, act.Fail)


def test_a_patient_caller_and_one_who_leaves(state_of: Build) -> None:
    """A caller's own patience is the deadline of its request."""
    journey = plain(state_of("a"), demand=Demand(patience_s=10.0))
    [send] = journey.step(ev.Arrived(), 0.0)
    assert isinstance(send, act.Send)
    assert send.deadline == 10.0


def test_actions_and_events_are_values() -> None:
    """What they do not say is nothing, and they can't be changed."""
    send = act.Send(1, Target("a", "m", "openai"), 5.0)
    assert (send.credential, send.repeats, send.hedge) == (0, 0, False)
    assert act.ContinueOn(1, Target("a", "m", "openai"), 5.0).credential == 0
    assert act.Wait(1.0, for_room=False).deadline == float("inf")
    assert (ev.FirstByte(1, 200).limits, ev.Content(1).held) == ((), False)
    assert (ev.Finished(1).usage, ev.Failed(1, Fault(*[None] * 5)).usage) == (None, None)  # type: ignore[arg-type]  # only what is left out counts
    for value, name in (
        (send, "attempt"),
        (act.ContinueOn(1, Target("a", "m", "openai"), 5.0), "attempt"),
        (act.Wait(1.0, for_room=False), "until"),
        (act.Cancel(1), "attempt"),
        (act.Relay(1), "attempt"),
        (act.Complete(1), "attempt"),
        (act.Fail(Fault(*[None] * 5), committed=False), "committed"),  # type: ignore[arg-type]  # as above
        (ev.Connected(1), "attempt"),
        (ev.FirstByte(1, 200), "attempt"),
        (ev.Content(1), "attempt"),
        (ev.Finished(1), "attempt"),
        (ev.Failed(1, Fault(*[None] * 5)), "attempt"),  # type: ignore[arg-type]  # as above
        (ev.Shed(Fault(*[None] * 5)), "fault"),  # type: ignore[arg-type]  # as above
    ):
        with pytest.raises(AttributeError):
            setattr(value, name, 7)
