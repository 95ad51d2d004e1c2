"""The limit on calls in flight: permits, growth, decrease, and the reserved share."""

import math

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from halfopen.policy import LimitOptions
from halfopen.policy.limiter import Limiter

OPTIONS = LimitOptions(initial=8, min=2, max=20)


def filled(options: LimitOptions, calls: int) -> Limiter:
    limiter = Limiter(options)
    for _ in range(calls):
        assert limiter.acquire(0.0)
    return limiter


@pytest.mark.parametrize(
    ("initial", "limit"), [(8, 8), (1, 2), (50, 20)], ids=["within", "below-the-least", "above-the-most"]
)
def test_starts_at_the_initial_limit_within_its_bounds(initial: int, limit: int) -> None:
    """The first limit is clamped to [min, max]."""
    assert Limiter(LimitOptions(initial=initial, min=2, max=20)).limit == limit


def test_no_permit_past_the_limit() -> None:
    """The call after the last free permit is refused, and counts nothing."""
    limiter = filled(OPTIONS, 8)
    assert not limiter.has_room
    assert not limiter.acquire(0.0)
    assert limiter.in_flight == 8


def test_a_permit_given_back_twice_raises_and_changes_nothing() -> None:
    """Release without a permit out is an error of ours."""
    limiter = filled(OPTIONS, 1)
    limiter.release(0.0)
    with pytest.raises(RuntimeError, match="twice"):
        limiter.release(0.0)
    assert (limiter.in_flight, limiter.limit) == (0, 8)


@pytest.mark.parametrize(
    ("in_flight", "limit"), [(1, 8), (3, 8), (4, 9), (8, 9)], ids=["one", "under-half", "half", "full"]
)
def test_a_success_raises_the_limit_when_half_is_used(in_flight: int, limit: int) -> None:
    """Plus one, and only when the limit was in use: an idle target proves nothing."""
    limiter = filled(OPTIONS, in_flight)
    limiter.answering(0.0)
    assert limiter.limit == limit


def test_the_limit_never_passes_its_most() -> None:
    """Growth ends at `max`."""
    limiter = filled(LimitOptions(initial=19, min=2, max=20), 19)
    for _ in range(10):
        limiter.answering(0.0)
    assert limiter.limit == 20


def test_first_content_raises_the_limit_like_an_answer() -> None:
    """A long stream counts when it begins to answer: growth doesn't wait for its end."""
    limiter = filled(OPTIONS, 8)
    limiter.answering(0.0)
    assert limiter.limit == 9


def test_overload_halves_at_most_once_a_second() -> None:
    """A burst of failures of one moment is one sign, not many."""
    limiter = filled(OPTIONS, 8)
    limits = []
    for now in (0.0, 0.0, 0.99, 1.0, 2.0):
        limiter.overloaded(now)
        limits.append(limiter.limit)
    assert limits == [4, 4, 4, 2, 2]


@pytest.mark.parametrize(
    ("limit", "in_flight", "after"),
    [(10_000, 50, 50), (10_000, 5, 5), (100, 100, 50), (100, 60, 50), (100, 30, 30)],
    ids=["far-above-the-load", "nearly-idle", "full", "over-half", "under-half"],
)
def test_a_decrease_starts_from_what_was_in_use(limit: int, in_flight: int, after: int) -> None:
    """A limit that stood far above the load is felt after one decrease, not after eight."""
    limiter = filled(LimitOptions(initial=limit), in_flight)
    for _ in range(in_flight):
        limiter.release(0.0)
    limiter.overloaded(0.0)
    assert limiter.limit == after


@pytest.mark.parametrize("in_flight", [0, 1, 4], ids=str)
def test_overload_under_so_few_calls_says_little(in_flight: int) -> None:
    """It halves what there is, and nothing is taken for granted: never below a quarter of the start."""
    limiter = filled(LimitOptions(), in_flight)
    limits = []
    for second in range(4):
        limiter.overloaded(float(second))
        limits.append(limiter.limit)
    assert limits == [50, 25, 25, 25]


def test_overload_under_so_few_calls_never_raises() -> None:
    """A limit that is below that quarter already stays."""
    limiter = filled(LimitOptions(), 8)
    limiter.overloaded(0.0)
    for _ in range(8):
        limiter.release(0.0)
    limiter.overloaded(100.0)
    assert limiter.limit == 8


@pytest.mark.parametrize(
    ("sent", "limit"), [(9.9, 50), (10.0, 25), (11.0, 25)], ids=["before", "with-it", "after"]
)
def test_only_calls_that_were_sent_since_can_halve_it_again(sent: float, limit: int) -> None:
    """What was in the queue at a decrease comes back late, and can't tell whether the decrease was enough."""
    limiter = filled(LimitOptions(), 100)
    limiter.overloaded(10.0)
    limiter.overloaded(15.0, sent=sent)
    assert limiter.limit == limit


def test_what_was_in_use_is_forgotten_by_and_by() -> None:
    """The most that was in flight counts half after 10 s."""
    limiter = filled(LimitOptions(initial=10_000), 400)
    for _ in range(400):
        limiter.release(0.0)
    limiter.overloaded(20.0)
    assert limiter.limit == 100


def test_a_few_refusals_at_random_leave_the_limit() -> None:
    """A tenth of the calls refused, whatever we send: halving would leave users nothing."""
    limiter = filled(LimitOptions(), 50)
    for call in range(300):
        if call % 10 == 9:
            limiter.overloaded(float(call))
        else:
            limiter.answering(0.0)
    assert limiter.limit > 100


def test_a_burst_of_refusals_after_many_answers_is_felt_at_once() -> None:
    """A quarter of the latest results is reached within ten refusals."""
    limiter = filled(LimitOptions(), 100)
    for _ in range(500):
        limiter.answering(0.0)
    for _ in range(10):
        limiter.overloaded(7.0)
    assert limiter.limit == 100


def test_after_a_decrease_growth_is_slow_and_then_as_before() -> None:
    """A tenth for each answer, and double with each round."""
    limiter = filled(LimitOptions(initial=40), 40)
    limiter.overloaded(0.0)
    assert limiter.limit == 20
    for _ in range(20):
        limiter.answering(0.0)
    assert limiter.limit == 22
    for _ in range(200):
        limiter.answering(0.0)
    before = limiter.limit
    limiter._live = 1000  # so that half is always in use
    for _ in range(10):
        limiter.answering(0.0)
    assert limiter.limit == before + 10


@pytest.mark.parametrize(
    ("in_flight", "overloaded", "now", "stressed"),
    [(80, False, 0.0, False), (81, False, 0.0, True), (0, True, 9.9, True), (0, True, 10.0, False)],
    ids=["four-fifths", "more", "just-decreased", "long-decreased"],
)
def test_stress(in_flight: int, overloaded: bool, now: float, stressed: bool) -> None:
    """Nearly used up, or decreased within 10 s."""
    limiter = filled(LimitOptions(), in_flight)
    if overloaded:
        limiter.overloaded(0.0)
    assert limiter.is_stressed(now) is stressed


# Late answers.


def test_late_answers_raise_it_by_one_a_round() -> None:
    """Somebody is queueing: no doubling in a round."""
    limiter = filled(LimitOptions(initial=20), 20)
    for _ in range(20):
        limiter.answering(0.0, late=True)
    assert limiter.limit in {20, 21}
    for _ in range(20):
        limiter.answering(0.0)
    assert limiter.limit in {40, 41}


LEFT_OVER = 100 - 16
"""By ten own users, who may grow by half."""


def crowded(own: int, guests: int) -> Limiter:
    limiter = Limiter(LimitOptions())
    for _ in range(own):
        assert limiter.acquire(0.0)
    for _ in range(guests):
        assert limiter.acquire(0.0, own=False)
    return limiter


def room_of_guests(limiter: Limiter, now: float) -> int:
    """How many may be under way in all."""
    limiter._live = limiter._own_live
    return failovers_that_fit(limiter, now)


def test_failovers_give_way_when_answers_come_late() -> None:
    """Own users' answers need not stand in a queue of others'; the limit itself stays."""
    limiter = crowded(10, 80)
    limiter.answering(1.0, late=True, sent=0.5)
    assert limiter.limit == 100
    assert room_of_guests(limiter, 1.0) == 40
    drained(limiter, 40)
    limiter.answering(3.0, late=True, sent=2.5)
    assert room_of_guests(limiter, 3.0) == LEFT_OVER // 4


def drained(limiter: Limiter, guests: int) -> None:
    """So many failovers are left."""
    while limiter.in_flight - limiter.own_in_flight > guests:
        limiter.release(0.0, own=False)


def test_failovers_are_halved_once_in_a_round() -> None:
    """Calls from before the last decrease tell nothing of it, nor while it is not felt yet."""
    limiter = crowded(10, 80)
    limiter.answering(1.0, late=True, sent=0.5)
    limiter.answering(2.0, late=True, sent=1.5)
    assert room_of_guests(limiter, 2.0) == 40
    drained(limiter, 40)
    for now in (3.0, 4.0):
        limiter.answering(now, late=True, sent=0.5)
    assert room_of_guests(limiter, 4.0) == 40


def test_failovers_to_a_pure_backup_are_not_limited_so() -> None:
    """Where nobody else is disturbed, late answers are better than none."""
    limiter = crowded(0, 40)
    for now in (1.0, 3.0, 5.0):
        limiter.answering(now, late=True, sent=now)
    assert room_of_guests(limiter, 5.0) == 99


def test_failovers_never_fall_below_the_least() -> None:
    """However late answers come, a quarter of what own users leave over can go."""
    limiter = crowded(10, 80)
    for now in range(1, 60, 2):
        limiter.answering(float(now), late=True, sent=float(now))
        drained(limiter, 5)
    assert room_of_guests(limiter, 60.0) == LEFT_OVER // 4


def test_failovers_come_back_gently() -> None:
    """A tenth for each answer that is not late."""
    limiter = crowded(10, 80)
    limiter.answering(1.0, late=True, sent=1.0)
    drained(limiter, 40)
    assert room_of_guests(limiter, 3.0) == 40
    for _ in range(41):
        limiter.answering(6.0)
    assert room_of_guests(limiter, 6.0) == 44


def test_late_answers_make_it_crowded_for_who_has_another_choice() -> None:
    """Half of what was in flight is left to them; the limit for all the others stays."""
    limiter = filled(LimitOptions(), 40)
    assert not limiter.is_crowded
    limiter.answering(1.0, late=True, sent=0.5)
    assert limiter.is_crowded
    for _ in range(21):
        limiter.release(0.0)
    assert not limiter.is_crowded
    assert limiter.limit == 100


def test_one_with_another_choice_can_always_go() -> None:
    """Or nobody would see that answers come in time again."""
    limiter = filled(LimitOptions(), 40)
    for now in range(1, 60, 2):
        limiter.answering(float(now), late=True, sent=float(now))
        while limiter.is_crowded and limiter.in_flight > 1:
            limiter.release(0.0)
    assert limiter.in_flight == 1
    assert limiter.is_crowded
    limiter.release(0.0)
    assert not limiter.is_crowded


# The reserved share.


def failovers_that_fit(limiter: Limiter, now: float) -> int:
    """Takes all that there are."""
    taken = 0
    while limiter.acquire(now, own=False):
        taken += 1
    return taken


@pytest.mark.parametrize(
    ("own", "reserve", "fit"),
    [
        (0, 0.5, 99),
        (20, 0.5, 69),
        (45, 0.5, 50),
        (60, 0.5, 40),
        (20, 0.0, 80),
        (20, 0.1, 80),
        (60, 1.0, 9),
        (90, 1.0, 1),
    ],
    ids=["pure-backup", "some", "many", "most", "no-reserve", "small-reserve", "all-reserved", "one-always"],
)
def test_failovers_leave_the_reserved_share(own: int, reserve: float, fit: int) -> None:
    """What own traffic uses and half as much again is kept, up to the share."""
    limiter = Limiter(LimitOptions(reserve=reserve))
    for _ in range(own):
        limiter.acquire(0.0)
    assert failovers_that_fit(limiter, 0.0) == fit


def test_own_traffic_may_use_all() -> None:
    """The reserve keeps failovers out, not the others."""
    assert filled(LimitOptions(reserve=0.0), 100).in_flight == 100


def test_the_reserve_fades_when_own_traffic_is_gone() -> None:
    """Half after 10 s, nearly nothing after a minute."""
    reserved = []
    for now in (0.0, 10.0, 20.0, 60.0):
        limiter = filled(LimitOptions(), 40)
        for _ in range(40):
            limiter.release(0.0)
        reserved.append(limiter.reserved(now))
    assert reserved == [50, 31, 16, 1]


def test_calls_that_last_keep_their_reserve() -> None:
    """Long streams are in use as long as they are under way."""
    limiter = filled(LimitOptions(), 20)
    assert limiter.reserved(600.0) == 31


@pytest.mark.parametrize("reserve", [0.0, 0.5, 1.0])
def test_a_target_that_nobody_asks_for_can_be_reached(reserve: float) -> None:
    """One failover can be under way, however small the limit."""
    limiter = Limiter(LimitOptions(initial=1, min=1, max=1, reserve=reserve))
    assert limiter.has_room_for(0.0, own=False)
    assert limiter.acquire(0.0, own=False)
    assert not limiter.acquire(0.0)


def test_own_traffic_wins_back_what_failovers_hold() -> None:
    """Failovers came first and filled it; as they end, own traffic takes its share, and keeps it."""
    limiter = Limiter(LimitOptions())
    failovers_that_fit(limiter, 0.0)
    assert limiter.acquire(0.0)
    for _ in range(60):
        limiter.release(0.0, own=False)
        while limiter.own_in_flight < 20 and limiter.acquire(1.0):
            pass
        failovers_that_fit(limiter, 1.0)
    assert limiter.own_in_flight == 20
    assert limiter.in_flight - limiter.own_in_flight <= 100 - limiter.reserved(1.0)


@pytest.mark.parametrize("own", [True, False], ids=["own", "failover"])
def test_a_permit_is_given_back_as_it_was_taken(own: bool) -> None:
    """A failover's permit given back as own traffic's is an error, and changes nothing."""
    limiter = Limiter(OPTIONS)
    limiter.acquire(0.0, own=own)
    with pytest.raises(RuntimeError, match="twice"):
        limiter.release(0.0, own=not own)
    assert (limiter.in_flight, limiter.own_in_flight) == (1, int(own))
    limiter.release(0.0, own=own)
    assert limiter.in_flight == 0


def test_the_limit_never_falls_below_its_least() -> None:
    """Some calls always go, or nothing could be learnt."""
    limiter = Limiter(OPTIONS)
    for second in range(20):
        limiter.overloaded(float(second))
    assert limiter.limit == 2


def test_calls_above_a_lowered_limit_end_in_order() -> None:
    """A decrease below what is in flight refuses new calls until enough have ended."""
    limiter = filled(OPTIONS, 8)
    limiter.overloaded(0.0)
    for in_flight in (7, 6, 5, 4):
        assert not limiter.acquire(0.0)
        limiter.release(0.0)
        assert limiter.in_flight == in_flight
    assert not limiter.has_room
    limiter.release(0.0)
    assert limiter.acquire(0.0)


class LimiterMachine(RuleBasedStateMachine):
    """Any order of calls, failovers, results and time. Invariants 4 and 11."""

    make: type[Limiter] = Limiter

    def __init__(self) -> None:
        super().__init__()
        self.limiter = self.make(OPTIONS)
        self.out: list[bool] = []
        self.now = 0.0

    @rule(gap_s=st.floats(0.0, 20.0))
    def time_passes(self, gap_s: float) -> None:
        self.now += gap_s

    @rule(own=st.booleans())
    def call(self, own: bool) -> None:
        room = self.limiter.has_room_for(self.now, own=own)
        assert not own or room == self.limiter.has_room
        reserved = self.limiter.reserved(self.now)
        taken = self.limiter.acquire(self.now, own=own)
        assert taken == room
        if taken:
            self.out.append(own)
            assert len(self.out) <= self.limiter.limit, "a call went past the limit"
            failovers = self.out.count(False)
            assert own or failovers <= self.limiter.limit - reserved, "a failover took reserved room"

    @precondition(lambda self: self.out)
    @rule(end=st.sampled_from(["success", "first content", "overload", "cancel"]), data=st.data())
    def end(self, end: str, data: st.DataObject) -> None:
        before = self.limiter.limit
        if end == "first content":
            self.limiter.answering(self.now)
            assert self.limiter.limit in (before, before + 1)
            return
        own = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        if end == "success":
            self.limiter.answering(0.0)
        self.limiter.release(0.0, own=own)
        if end == "overload":
            self.limiter.overloaded(self.now)
            assert self.limiter.limit <= before
        assert end != "cancel" or self.limiter.limit == before

    @rule(own=st.booleans())
    def release_without_permit(self, own: bool) -> None:
        if own not in self.out:
            with pytest.raises(RuntimeError):
                self.limiter.release(0.0, own=own)

    @invariant()
    def consistent(self) -> None:
        limiter = self.limiter
        assert limiter.in_flight == len(self.out)
        assert limiter.own_in_flight == self.out.count(True)
        assert OPTIONS.min <= limiter.limit <= OPTIONS.max
        reserved, share = limiter.reserved(self.now), math.ceil(OPTIONS.reserve * limiter.limit)
        assert 0 <= reserved < limiter.limit
        assert min(share, limiter.own_in_flight + 1, limiter.limit - 1) <= reserved <= share


TestLimiter = LimiterMachine.TestCase
TestLimiter.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


class OneMore(Limiter):
    """Off by one at the limit."""

    def has_room_for(self, now: float, *, own: bool) -> bool:
        return self.in_flight <= self.limit


class NoReserve(Limiter):
    """Failovers take what they like."""

    def has_room_for(self, now: float, *, own: bool) -> bool:
        return self.in_flight < self.limit


class WrongPurse(Limiter):
    """A permit is given back as own traffic's, whosever it was."""

    def release(self, now: float, *, own: bool = True) -> None:
        super().release(now, own=self.own_in_flight > 0)


@pytest.mark.parametrize("bug", [OneMore, NoReserve, WrongPurse], ids=lambda bug: bug.__name__)
def test_the_machine_catches_planted_bugs(bug: type[Limiter]) -> None:
    """Each of them is found: the machine proves something."""

    class Machine(LimiterMachine):
        make = bug

    case = Machine.TestCase
    case.settings = settings(
        max_examples=200,
        stateful_step_count=60,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
    )
    with pytest.raises((AssertionError, RuntimeError, pytest.fail.Exception)):
        case("runTest").runTest()
