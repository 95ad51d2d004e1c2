"""The limit on calls in flight: permits, growth, decrease."""

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
        assert limiter.acquire()
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
    assert not limiter.acquire()
    assert limiter.in_flight == 8


def test_a_permit_given_back_twice_raises_and_changes_nothing() -> None:
    """Release without a permit out is an error of ours."""
    limiter = filled(OPTIONS, 1)
    limiter.release()
    with pytest.raises(RuntimeError, match="twice"):
        limiter.release()
    assert (limiter.in_flight, limiter.limit) == (0, 8)


@pytest.mark.parametrize(
    ("in_flight", "limit"), [(1, 8), (3, 8), (4, 9), (8, 9)], ids=["one", "under-half", "half", "full"]
)
def test_a_success_raises_the_limit_when_half_is_used(in_flight: int, limit: int) -> None:
    """Plus one, and only when the limit was in use: an idle target proves nothing."""
    limiter = filled(OPTIONS, in_flight)
    limiter.succeeded()
    assert limiter.limit == limit


def test_the_limit_never_passes_its_most() -> None:
    """Growth ends at `max`."""
    limiter = filled(LimitOptions(initial=19, min=2, max=20), 19)
    for _ in range(10):
        limiter.succeeded()
    assert limiter.limit == 20


def test_overload_halves_at_most_once_a_second() -> None:
    """A burst of failures of one moment is one sign, not many."""
    limiter = Limiter(OPTIONS)
    limits = []
    for now in (10.0, 10.0, 10.99, 11.0, 12.0):
        limiter.overloaded(now)
        limits.append(limiter.limit)
    assert limits == [4, 4, 4, 2, 2]


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
        assert not limiter.acquire()
        limiter.release()
        assert limiter.in_flight == in_flight
    assert not limiter.has_room
    limiter.release()
    assert limiter.acquire()


class LimiterMachine(RuleBasedStateMachine):
    """Any order of calls, results and time."""

    make: type[Limiter] = Limiter

    def __init__(self) -> None:
        super().__init__()
        self.limiter = self.make(OPTIONS)
        self.out = 0
        self.now = 0.0

    @rule(gap_s=st.floats(0.0, 2.0))
    def time_passes(self, gap_s: float) -> None:
        self.now += gap_s

    @rule()
    def call(self) -> None:
        room = self.limiter.has_room
        taken = self.limiter.acquire()
        assert taken == room
        if taken:
            self.out += 1
            assert self.out <= self.limiter.limit, "a call went past the limit"

    @precondition(lambda self: self.out)
    @rule(end=st.sampled_from(["success", "overload", "cancel"]))
    def end(self, end: str) -> None:
        before = self.limiter.limit
        if end == "success":
            self.limiter.succeeded()
        self.limiter.release()
        if end == "overload":
            self.limiter.overloaded(self.now)
        self.out -= 1
        assert end != "cancel" or self.limiter.limit == before

    @precondition(lambda self: not self.out)
    @rule()
    def release_without_permit(self) -> None:
        with pytest.raises(RuntimeError):
            self.limiter.release()

    @invariant()
    def consistent(self) -> None:
        assert self.limiter.in_flight == self.out
        assert OPTIONS.min <= self.limiter.limit <= OPTIONS.max


TestLimiter = LimiterMachine.TestCase
TestLimiter.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_the_machine_catches_a_limiter_that_lets_one_more_in() -> None:
    """Planted bug: off by one at the limit."""

    class OneMore(Limiter):
        def acquire(self) -> bool:
            if self.in_flight > self.limit:
                return False
            self.in_flight += 1
            return True

    class Machine(LimiterMachine):
        make = OneMore

    case = Machine.TestCase
    case.settings = settings(
        max_examples=200,
        stateful_step_count=60,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
    )
    with pytest.raises(AssertionError):
        case("runTest").runTest()
