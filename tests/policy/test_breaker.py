"""The circuit breaker: when it opens, how it probes, how it closes, and who may pass."""

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from halfopen.policy import BreakerOptions
from halfopen.policy.breaker import Breaker, BreakerState, Ticket

OPTIONS = BreakerOptions()


class Draw:
    """Entropy that a test sets."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def __call__(self) -> float:
        return self.value


def through(breaker: Breaker, now: float) -> Ticket:
    ticket = breaker.admit(now, only_choice=False)
    assert ticket is not None, f"no call at {now}: {breaker.state(now)}"
    return ticket


def results(breaker: Breaker, marks: str, now: float, gap_s: float = 0.0) -> float:
    """Play results, `.` a success and `x` a failure; returns the time after them."""
    for mark in marks:
        ticket = through(breaker, now)
        (breaker.failed if mark == "x" else breaker.succeeded)(ticket, now)
        now += gap_s
    return now


def opened(now: float = 100.0, draw: float = 0.0, options: BreakerOptions = OPTIONS) -> Breaker:
    breaker = Breaker(options, Draw(draw))
    results(breaker, "xxxxx", now)
    assert breaker.state(now) is BreakerState.OPEN
    return breaker


def probing(now: float = 105.0) -> tuple[Breaker, Ticket]:
    breaker = opened()
    return breaker, through(breaker, now)


# Rule 1: closed, and what opens it.


@pytest.mark.parametrize(
    ("marks", "gap_s", "state"),
    [
        ("xxxx", 0.0, BreakerState.CLOSED),
        ("xxxxx", 0.0, BreakerState.OPEN),
        ("xxxx.xxxx", 0.0, BreakerState.CLOSED),
        ("xxxxx", 60.0, BreakerState.OPEN),
        ("x." * 9 + "x", 0.0, BreakerState.CLOSED),
        (".x" * 10, 0.0, BreakerState.OPEN),
        ("..x" * 20, 0.0, BreakerState.CLOSED),
        (".x" * 10, 1.0, BreakerState.CLOSED),
        ("." * 100, 0.0, BreakerState.CLOSED),
    ],
    ids=[
        "four-in-a-row",
        "five-in-a-row",
        "a-success-between",
        "five-in-a-row-slowly",
        "half-of-19",
        "half-of-20",
        "a-third",
        "half-but-too-few-in-the-window",
        "all-well",
    ],
)
def test_opens_on_failures_in_a_row_or_by_ratio(marks: str, gap_s: float, state: BreakerState) -> None:
    """5 failures in a row, or half of at least 20 results in 10 s."""
    breaker = Breaker(OPTIONS, Draw())
    now = results(breaker, marks, 100.0, gap_s)
    assert breaker.state(now - gap_s) is state


def test_the_window_forgets() -> None:
    """Failures of eleven seconds ago don't count."""
    breaker = Breaker(OPTIONS, Draw())
    results(breaker, "x.x.x.x.x.x.x.x.x.", 100.0)
    results(breaker, "." * 20 + "x", 111.0)
    assert breaker.state(111.0) is BreakerState.CLOSED


# Rule 2: open, and for how long.


@pytest.mark.parametrize(("draw", "length_s"), [(0.0, 5.0), (0.5, 4.5), (0.999999, 4.0)], ids=str)
def test_open_lets_nothing_through_until_its_time(draw: float, length_s: float) -> None:
    """The first opening lasts 5 s, less up to a fifth."""
    breaker = opened(100.0, draw)
    assert breaker.retry_at(100.0, only_choice=False) == pytest.approx(100.0 + length_s, abs=1e-4)
    assert breaker.admit(100.0 + length_s - 0.01, only_choice=False) is None
    assert breaker.admit(100.0 + length_s + 0.01, only_choice=False) is not None


def test_openings_double_up_to_the_longest() -> None:
    """Each failed probe makes the next opening longer, never longer than `open_max_s`."""
    options = BreakerOptions(open_s=5.0, open_max_s=30.0)
    breaker, now, lengths = opened(0.0, options=options), 0.0, []
    for _ in range(40):
        retry_at = breaker.retry_at(now, only_choice=False)
        lengths.append(retry_at - now)
        now = retry_at
        breaker.failed(through(breaker, now), now)
    assert lengths[:4] == [5.0, 10.0, 20.0, 30.0]
    assert set(lengths[3:]) == {30.0}


def test_the_default_longest_opening_leaves_a_second_for_the_probe() -> None:
    """An upstream that is back is found within 10 s, the probe's own time included."""
    assert OPTIONS.open_max_s == 9.0


# Rule 3: half-open, probes and leases.


def test_one_probe_at_a_time() -> None:
    """While a probe is out nobody else goes."""
    breaker, probe = probing()
    assert probe.probe
    assert breaker.state(105.0) is BreakerState.HALF_OPEN
    assert breaker.admit(105.0, only_choice=False) is None
    assert breaker.admit(113.999, only_choice=False) is None
    assert breaker.retry_at(106.0, only_choice=False) == 114.0


def test_an_expired_lease_lets_another_probe_go() -> None:
    """A probe that never answers does not wedge the breaker, and confirms the outage."""
    breaker, _ = probing()
    assert not breaker.is_outage_confirmed
    assert through(breaker, 115.0).probe
    assert breaker.is_outage_confirmed
    assert through(breaker, 125.0).probe


def test_a_cancelled_probe_gives_its_lease_back_and_decides_nothing() -> None:
    """The next caller probes at once; the breaker is half-open as before."""
    breaker, probe = probing()
    breaker.abandoned(probe)
    assert breaker.state(105.0) is BreakerState.HALF_OPEN
    assert through(breaker, 105.0).probe
    assert not breaker.is_outage_confirmed


def test_cancelling_an_expired_probe_leaves_the_next_lease_alone() -> None:
    """Only the holder of the lease can give it back."""
    breaker, first = probing()
    through(breaker, 115.0)
    breaker.abandoned(first)
    assert breaker.admit(116.0, only_choice=False) is None


# Rule 4: closing, and the slow start.


def test_a_successful_probe_closes() -> None:
    """The upstream is back."""
    breaker, probe = probing()
    breaker.succeeded(probe, 106.0)
    assert breaker.state(106.0) is BreakerState.CLOSED


@pytest.mark.parametrize(
    ("after_s", "share"),
    [(0.0, 0.1), (0.2, 0.1), (1.0, 0.25), (2.0, 0.5), (3.9, 0.975)],
    ids=["floor", "floor-holds", "quarter", "half", "end"],
)
def test_traffic_returns_over_the_slow_start(after_s: float, share: float) -> None:
    """The share of calls let through rises from a tenth to all over 4 s."""
    breaker, probe = probing()
    breaker.succeeded(probe, 200.0)
    breaker._entropy.value = share - 1e-6
    assert breaker.admit(200.0 + after_s, only_choice=False) is not None
    breaker._entropy.value = share + 1e-6
    assert breaker.admit(200.0 + after_s, only_choice=False) is None
    assert breaker.admit(200.0 + after_s, only_choice=True) is not None


def test_the_slow_start_ends() -> None:
    """After 4 s every call goes, whatever is drawn."""
    breaker, probe = probing()
    breaker.succeeded(probe, 200.0)
    breaker._entropy.value = 0.999999
    assert breaker.admit(204.0, only_choice=False) is not None


def test_no_slow_start_when_it_is_turned_off() -> None:
    """`slow_start_s` = 0 lets all traffic back at once."""
    breaker = opened(100.0, 0.999, BreakerOptions(slow_start_s=0.0))
    breaker.succeeded(through(breaker, 105.0), 105.0)
    assert all(breaker.admit(105.0, only_choice=False) for _ in range(20))


def test_a_failed_probe_opens_for_longer() -> None:
    """And confirms the outage."""
    breaker, probe = probing()
    breaker.failed(probe, 106.0)
    assert breaker.state(106.0) is BreakerState.OPEN
    assert breaker.retry_at(106.0, only_choice=False) == 115.0
    assert breaker.is_outage_confirmed


def test_a_proved_recovery_forgets_the_openings() -> None:
    """After the slow start the next outage begins with a short opening again."""
    breaker, probe = probing()
    breaker.failed(probe, 106.0)
    breaker.succeeded(through(breaker, 116.0), 116.0)
    results(breaker, ".", 121.0)
    assert not breaker.is_outage_confirmed
    results(breaker, "xxxxx", 122.0)
    assert breaker.retry_at(122.0, only_choice=False) == 127.0


def test_a_relapse_in_the_slow_start_opens_for_longer() -> None:
    """A recovery that did not last doubles the opening."""
    breaker, probe = probing()
    breaker.succeeded(probe, 106.0)
    results(breaker, "xxxxx", 107.0)
    assert breaker.retry_at(107.0, only_choice=False) == 116.0


# Rule 5: a result counts in its own period.


@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_a_call_from_before_the_opening_decides_nothing(end: str) -> None:
    """Late results neither close a half-open breaker nor open it again."""
    breaker = Breaker(OPTIONS, Draw())
    old = through(breaker, 99.0)
    results(breaker, "xxxxx", 100.0)
    for now, state in ((101.0, BreakerState.OPEN), (105.0, BreakerState.HALF_OPEN)):
        assert breaker.state(now) is state
        getattr(breaker, end)(old, now)
        assert breaker.state(now) is state


def test_calls_from_before_the_opening_do_not_open_it_anew() -> None:
    """Thirty slow failures of the old period are one outage, after the recovery as well."""
    breaker = Breaker(OPTIONS, Draw())
    old = [through(breaker, 99.0) for _ in range(30)]
    results(breaker, "xxxxx", 100.0)
    breaker.succeeded(through(breaker, 105.0), 105.0)
    for ticket in old:
        breaker.failed(ticket, 106.0)
    assert breaker.state(106.0) is BreakerState.CLOSED


def test_a_probe_that_answers_after_its_lease_still_closes() -> None:
    """Slow is not dead: an upstream that needs 12 s comes back although leases last 10 s."""
    breaker, probe = probing()
    through(breaker, 115.0)
    breaker.succeeded(probe, 117.0)
    assert breaker.state(117.0) is BreakerState.CLOSED


# Rule 6: who has no other choice.


def test_a_caller_without_another_choice_passes_until_the_target_is_dead() -> None:
    """An only target is used while it answers now and then; 20 failures in a row are an outage."""
    breaker = opened()
    for _ in range(15):
        assert breaker.retry_at(101.0, only_choice=True) == 101.0
        ticket = breaker.admit(101.0, only_choice=True)
        assert ticket is not None
        breaker.failed(ticket, 101.0)
    assert breaker.admit(101.0, only_choice=True) is None
    assert breaker.retry_at(101.0, only_choice=True) == 105.0


def test_a_success_of_such_a_caller_closes() -> None:
    """What answers is not dead."""
    breaker = opened()
    ticket = breaker.admit(101.0, only_choice=True)
    assert ticket is not None
    breaker.succeeded(ticket, 101.0)
    assert breaker.state(101.0) is BreakerState.CLOSED


# What it says of itself.


@pytest.mark.parametrize(
    ("marks", "serving"),
    [("." * 19, False), ("." * 20, True), ("." * 18 + "xx", True), ("." * 17 + "xxx", False)],
    ids=["too-few", "enough", "a-tenth-fails", "more-fails"],
)
def test_serving_needs_evidence(marks: str, serving: bool) -> None:
    """A target serves when nearly all of at least 20 recent calls succeeded."""
    breaker = Breaker(OPTIONS, Draw())
    results(breaker, marks, 100.0)
    assert breaker.is_serving(100.0) is serving
    assert not breaker.is_serving(111.0)


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
        """Five calls in a row fail at once."""
        for _ in range(5):
            ticket = self.breaker.admit(self.now, only_choice=False)
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
    @rule(data=st.data(), end=st.sampled_from(["succeeded", "failed", "abandoned"]))
    def end(self, data: st.DataObject, end: str) -> None:
        ticket, was_closed = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before = self.breaker.state(self.now)
        if end == "abandoned":
            self.breaker.abandoned(ticket)
            assert self.breaker.state(self.now) is before, "a cancelled call moved the breaker"
            return
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


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


class LeaseNeverExpires(Breaker):
    """Planted bug."""

    def admit(self, now: float, *, only_choice: bool) -> Ticket | None:
        ticket = super().admit(now, only_choice=only_choice)
        if ticket is not None and ticket.lease:
            self._lease_until = float("inf")
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
