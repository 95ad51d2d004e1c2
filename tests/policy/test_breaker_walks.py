"""The circuit breaker under any order of calls, results, cancels and time."""

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from halfopen.policy import BreakerOptions
from halfopen.policy.breaker import Breaker, BreakerState, Ticket

OPTIONS = BreakerOptions()


class Draw:
    """Entropy that a test sets."""

    def __init__(self) -> None:
        self.value = 0.0

    def __call__(self) -> float:
        return self.value


class BreakerMachine(RuleBasedStateMachine):
    """Any order of calls, results, cancels and time, checked against a plain model of the rules."""

    make: type[Breaker] = Breaker

    def __init__(self) -> None:
        super().__init__()
        self.draw = Draw()
        self.breaker = self.make(OPTIONS, self.draw)
        self.now = 100.0
        self.out: list[tuple[Ticket, bool]] = []
        """Tickets out, and whether each was let through while the breaker was closed."""
        self.silent_since = 0.0

    @rule(gap_s=st.floats(0.0, 12.0), draw=st.floats(0.0, 0.999))
    def time_passes(self, gap_s: float, draw: float) -> None:
        self.now += gap_s
        self.draw.value = draw

    @rule()
    def outage(self) -> None:
        """Twenty calls in a row fail at once."""
        for _ in range(20):
            ticket = self.breaker.admit(self.now, only_choice=True)
            if ticket is not None:
                self.breaker.failed(ticket, self.now)

    @rule(only_choice=st.booleans())
    def call(self, only_choice: bool) -> None:
        state = self.breaker.state(self.now)
        leased = [t for t, closed in self.out if not closed and t.lease]
        retry_at = self.breaker.retry_at(self.now, only_choice=only_choice)
        ticket = self.breaker.admit(self.now, only_choice=only_choice)
        if ticket is None:
            assert state is not BreakerState.CLOSED or not only_choice
            return
        assert retry_at <= self.now, "let through before the time it named"
        if state is BreakerState.OPEN:
            assert only_choice, "an open breaker let a call through that had another choice"
        if state is BreakerState.HALF_OPEN and ticket.lease:
            assert ticket not in leased
        self.out.append((ticket, state is BreakerState.CLOSED))

    @precondition(lambda self: self.out)
    @rule(
        data=st.data(),
        end=st.sampled_from(["succeeded", "failed", "abandoned"]),
        slow=st.sampled_from([None, False, True]),
    )
    def end(self, data: st.DataObject, end: str, slow: bool | None) -> None:
        ticket, was_closed = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before = self.breaker.state(self.now)
        if end == "abandoned":
            self.breaker.abandoned(ticket)
            assert self.breaker.state(self.now) is before, "a cancelled call moved the breaker"
            return
        if slow is not None:
            self.breaker.answering(ticket, self.now, slow=slow)
        getattr(self.breaker, end)(ticket, self.now)
        after = self.breaker.state(self.now)
        if was_closed and before is not BreakerState.CLOSED:
            assert after is before, "a call from before the opening decided"

    @invariant()
    def never_wedged(self) -> None:
        """Within the longest opening and one lease, somebody may always go."""
        for only_choice in (False, True):
            retry_at = self.breaker.retry_at(self.now, only_choice=only_choice)
            assert retry_at <= self.now + max(OPTIONS.open_max_s, OPTIONS.lease_s)
        assert self.breaker.retry_at(self.now, only_choice=True) <= self.breaker.retry_at(
            self.now, only_choice=False
        ), "who has no other choice waits longer"


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class LeaseNeverExpires(Breaker):
    """Planted bug."""

    def admit(self, now: float, *, only_choice: bool) -> Ticket | None:
        ticket = super().admit(now, only_choice=only_choice)
        if ticket is not None and ticket.lease:
            self._lease_until = self._lone_lease_until = float("inf")
        return ticket


class AllGoThrough(Breaker):
    """Planted bug."""

    def admit(self, now: float, *, only_choice: bool) -> Ticket | None:
        return super().admit(now, only_choice=True) or Ticket(self._period, probe=True)


class CancelCloses(Breaker):
    """Planted bug."""

    def abandoned(self, ticket: Ticket) -> None:
        if ticket.lease:
            self._close(0.0)


class LateResultsCount(Breaker):
    """Planted bug."""

    def succeeded(self, ticket: Ticket, now: float) -> None:
        super().succeeded(Ticket(self._period, probe=ticket.probe, lease=ticket.lease), now)


@pytest.mark.parametrize("broken", [LeaseNeverExpires, AllGoThrough, CancelCloses, LateResultsCount])
def test_the_machine_catches_a_planted_bug(broken: type[Breaker]) -> None:
    """Each of these broken breakers is found out."""

    class Machine(BreakerMachine):
        make = broken

    case = Machine.TestCase
    case.settings = settings(
        max_examples=1000,
        stateful_step_count=50,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
    )
    with pytest.raises(AssertionError):
        case("runTest").runTest()
