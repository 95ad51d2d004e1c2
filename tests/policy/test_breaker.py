"""The circuit breaker: when it opens, how it probes, how it closes, and who may pass."""

import pytest

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


def alone(breaker: Breaker, now: float) -> Ticket:
    ticket = breaker.admit(now, only_choice=True)
    assert ticket is not None, f"no call at {now}, although there is no other choice"
    return ticket


def results(breaker: Breaker, marks: str, now: float, gap_s: float = 0.0) -> float:
    """Play results, `.` a success and `x` a failure; returns the time after them."""
    for mark in marks:
        ticket = through(breaker, now)
        (breaker.failed if mark == "x" else breaker.succeeded)(ticket, now)
        now += gap_s
    return now


def begins(breaker: Breaker, marks: str, now: float) -> None:
    """Play first contents, `s` a slow one and `.` a fast one; their streams go on."""
    for mark in marks:
        breaker.answering(through(breaker, now), now, slow=mark == "s")


def opened(now: float = 100.0, draw: float = 0.0, options: BreakerOptions = OPTIONS) -> Breaker:
    breaker = Breaker(options, Draw(draw))
    results(breaker, "xxxxx", now)
    assert breaker.state(now) is BreakerState.OPEN
    return breaker


def dead(now: float = 100.0, options: BreakerOptions = OPTIONS) -> Breaker:
    """Twenty calls have failed; the opening is that of `now`."""
    breaker = opened(now, options=options)
    for _ in range(15):
        breaker.failed(alone(breaker, now), now)
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


@pytest.mark.parametrize(
    ("marks", "state"),
    [
        ("s" * 19, BreakerState.CLOSED),
        ("s" * 20, BreakerState.OPEN),
        (".s" * 10, BreakerState.OPEN),
        ("." + ".s" * 10, BreakerState.CLOSED),
        ("." * 100, BreakerState.CLOSED),
    ],
    ids=["too-few", "all-slow", "half-slow", "less-than-half", "none-slow"],
)
def test_opens_on_slowness(marks: str, state: BreakerState) -> None:
    """Half of at least 20 first contents in 10 s were slow."""
    breaker = Breaker(OPTIONS, Draw())
    begins(breaker, marks, 100.0)
    assert breaker.state(100.0) is state


def test_the_share_of_slow_ones_is_an_option() -> None:
    """With `slow_share` = 1 one fast first content in twenty keeps it closed."""
    breaker = Breaker(BreakerOptions(slow_share=1.0), Draw())
    begins(breaker, "." + "s" * 19, 100.0)
    assert breaker.state(100.0) is BreakerState.CLOSED
    begins(breaker, "s" * 20, 111.0)
    assert breaker.state(111.0) is BreakerState.OPEN


def test_slowness_is_forgotten_like_failures() -> None:
    """Slow first contents of eleven seconds ago don't count."""
    breaker = Breaker(OPTIONS, Draw())
    begins(breaker, "s" * 19, 100.0)
    begins(breaker, "s" * 19, 111.0)
    assert breaker.state(111.0) is BreakerState.CLOSED


@pytest.mark.parametrize(("end", "counts"), [("succeeded", (1, 0)), ("failed", (1, 1))], ids=str)
def test_a_slow_call_counts_once_for_each_purpose(end: str, counts: tuple[int, int]) -> None:
    """Its slowness is one slow first content, its end one success or one failure, and not both."""
    breaker = Breaker(OPTIONS, Draw())
    ticket = through(breaker, 100.0)
    breaker.answering(ticket, 100.0, slow=True)
    assert breaker._window.counts(100.0) == (0, 0)
    getattr(breaker, end)(ticket, 101.0)
    assert breaker._window.counts(101.0) == counts
    assert breaker._first_contents.counts(101.0) == (1, 1)


def test_the_end_of_the_stream_that_opened_it_decides_nothing() -> None:
    """A slow stream that ends well after it has opened the breaker belongs to the period before."""
    breaker = Breaker(OPTIONS, Draw())
    begins(breaker, "s" * 19, 100.0)
    last = through(breaker, 100.0)
    breaker.answering(last, 100.0, slow=True)
    breaker.succeeded(last, 101.0)
    assert breaker.state(101.0) is BreakerState.OPEN


def test_slowness_from_before_the_opening_does_not_open_it_anew() -> None:
    """After a recovery within the window only what has come since counts."""
    breaker = opened()
    breaker.succeeded(through(breaker, 105.0), 105.0)
    begins(breaker, "s" * 19, 105.0)
    results(breaker, "xxxxx", 105.0)
    breaker.succeeded(alone(breaker, 106.0), 106.0)
    begins(breaker, "s" * 19, 106.0)
    assert breaker.state(106.0) is BreakerState.CLOSED


@pytest.mark.parametrize("slow", [False, True], ids=["fast", "slow"])
def test_a_first_content_ends_a_row_of_failures(slow: bool) -> None:
    """What answers, slowly or not, is not dead."""
    breaker = Breaker(OPTIONS, Draw())
    results(breaker, "xxxx", 100.0)
    breaker.answering(through(breaker, 100.0), 100.0, slow=slow)
    results(breaker, "xxxx", 100.0)
    assert breaker.state(100.0) is BreakerState.CLOSED


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


def test_a_probe_that_answers_fast_closes_before_its_stream_ends() -> None:
    """Its first content is evidence enough; its end decides nothing any more."""
    breaker, probe = probing()
    breaker.answering(probe, 106.0)
    assert breaker.state(106.0) is BreakerState.CLOSED
    breaker.failed(probe, 107.0)
    assert breaker._window.counts(107.0) == (0, 0)


@pytest.mark.parametrize("end", ["succeeded", "failed"])
def test_a_probe_that_answers_slowly_opens_for_longer(end: str) -> None:
    """Once: the end of its stream neither closes the breaker nor opens it anew."""
    breaker, probe = probing()
    breaker.answering(probe, 106.0, slow=True)
    assert breaker.state(106.0) is BreakerState.OPEN
    getattr(breaker, end)(probe, 107.0)
    assert breaker.state(107.0) is BreakerState.OPEN
    assert breaker.retry_at(107.0, only_choice=False) == 115.0


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


def test_an_old_probes_failure_decides_nothing_when_another_has_gone() -> None:
    """A probe that hung fails after 30 s: that says nothing of the target now, and the newer probe does."""
    breaker, old = probing()
    newer = through(breaker, 115.0)
    breaker.failed(old, 116.0)
    assert breaker.state(116.0) is BreakerState.HALF_OPEN
    breaker.succeeded(newer, 117.0)
    assert breaker.state(117.0) is BreakerState.CLOSED


def test_the_last_probes_failure_counts_after_its_lease() -> None:
    """Nobody has asked since: what it says is the latest."""
    breaker, probe = probing()
    breaker.failed(probe, 130.0)
    assert breaker.state(130.0) is BreakerState.OPEN


# Rule 6: who has no other choice.


def test_a_caller_without_another_choice_passes_until_the_target_is_dead() -> None:
    """An only target is used while it answers now and then; 20 failures in a row are an outage."""
    breaker = opened()
    for _ in range(15):
        assert breaker.retry_at(100.5, only_choice=True) == 100.5
        breaker.failed(alone(breaker, 100.5), 100.5)
    assert breaker.retry_at(100.5, only_choice=True) == 101.0
    assert breaker.admit(100.5, only_choice=True) is None


def test_a_success_of_such_a_caller_closes() -> None:
    """What answers is not dead."""
    breaker = opened()
    ticket = breaker.admit(101.0, only_choice=True)
    assert ticket is not None
    breaker.succeeded(ticket, 101.0)
    assert breaker.state(101.0) is BreakerState.CLOSED


def test_a_slow_answer_to_such_a_caller_decides_nothing() -> None:
    """Slow is better than nothing, but those who have a choice go elsewhere until it is fast again."""
    breaker = Breaker(OPTIONS, Draw())
    begins(breaker, "s" * 20, 100.0)
    for now in (101.0, 106.0):
        ticket = alone(breaker, now)
        breaker.answering(ticket, now, slow=True)
        breaker.succeeded(ticket, now)
        assert breaker.state(now) is not BreakerState.CLOSED
    breaker.answering(alone(breaker, 107.0), 107.0)
    assert breaker.state(107.0) is BreakerState.CLOSED


# Rule 7: the last target.


def test_a_dead_last_target_is_probed_every_second() -> None:
    """In ten minutes of outage there is one call a second, never two at once."""
    breaker, now, probes = dead(), 100.0, 0
    while now < 700.0:
        retry_at = breaker.retry_at(now, only_choice=True)
        assert retry_at - now <= OPTIONS.lone_probe_s
        now = retry_at
        ticket = alone(breaker, now)
        assert breaker.admit(now, only_choice=True) is None
        breaker.failed(ticket, now)
        probes += 1
    assert probes == 600


def test_the_end_of_an_outage_of_the_last_target_is_seen_in_a_second() -> None:
    """The next probe closes it, and who has no other choice doesn't feel the slow start."""
    breaker = dead()
    for second in range(1, 60):
        breaker.failed(alone(breaker, 100.0 + second), 100.0 + second)
    probe = alone(breaker, breaker.retry_at(159.0, only_choice=True))
    breaker.succeeded(probe, 160.2)
    breaker._entropy.value = 0.999
    assert [alone(breaker, 160.3).probe for _ in range(20)] == [False] * 20


def test_others_wait_as_ever_while_the_last_target_is_probed() -> None:
    """A caller with another choice neither goes sooner nor beside the probe."""
    breaker = dead()
    assert breaker.retry_at(100.0, only_choice=False) == 105.0
    breaker.failed(alone(breaker, 101.0), 101.0)
    assert breaker.retry_at(101.0, only_choice=False) == 110.0
    alone(breaker, 109.5)
    assert breaker.admit(111.0, only_choice=False) is None
    assert breaker.retry_at(111.0, only_choice=False) == 118.5


def test_the_last_target_has_one_opening_of_its_own_length() -> None:
    """A longer `lone_probe_s` is the longer wait, but never longer than the others'."""
    assert dead(100.0, BreakerOptions(lone_probe_s=3.0)).retry_at(100.0, only_choice=True) == 103.0
    assert dead(100.0, BreakerOptions(lone_probe_s=60.0)).retry_at(100.0, only_choice=True) == 105.0


def test_a_last_target_that_hangs_holds_few_probes() -> None:
    """Leases that expire one after the other are 1, 2, 4 and 8 s long, and then as long as others'."""
    breaker, now, lengths = dead(), 101.0, []
    for _ in range(6):
        alone(breaker, now)
        lengths.append(breaker.retry_at(now, only_choice=True) - now)
        now += lengths[-1]
    assert lengths == [1.0, 2.0, 4.0, 8.0, 9.0, 9.0]


def test_a_hang_that_ends_as_a_failure_keeps_the_distance() -> None:
    """After expired leases the opening for the last target is as long as its leases."""
    breaker = dead()
    for now in (101.0, 102.0, 104.0):
        last = alone(breaker, now)
    breaker.failed(last, 107.0)
    assert breaker.retry_at(107.0, only_choice=True) == 111.0


@pytest.mark.parametrize("life", ["answering", "succeeded"])
def test_life_shortens_the_leases_again(life: str) -> None:
    """The next outage of a target that once hung is probed every second."""
    breaker = dead()
    alone(breaker, 101.0)
    getattr(breaker, life)(alone(breaker, 102.0), 103.0)
    results(breaker, "xxxxx", 110.0)
    for _ in range(15):
        breaker.failed(alone(breaker, 110.0), 110.0)
    assert breaker.retry_at(110.0, only_choice=True) == 111.0


def test_a_cancelled_probe_of_the_last_target_decides_nothing() -> None:
    """The next caller probes at once."""
    breaker = dead()
    breaker.abandoned(alone(breaker, 101.0))
    assert breaker.state(101.0) is BreakerState.OPEN
    assert alone(breaker, 101.0).lease == 2


def test_a_last_target_that_comes_back_slowly_is_used() -> None:
    """It opens for the others, but is not dead: whoever has no other choice goes there at once."""
    breaker = dead()
    breaker.answering(alone(breaker, 101.0), 102.0, slow=True)
    assert breaker.state(102.0) is BreakerState.OPEN
    assert [alone(breaker, 102.0).lease for _ in range(20)] == [0] * 20


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


def test_stress_is_any_sign_of_trouble() -> None:
    """Three failures in a row, an opening, a probe and a slow start are stress; then it is over."""
    breaker = Breaker(OPTIONS, Draw())
    assert not breaker.is_stressed(100.0)
    results(breaker, "xx", 100.0)
    assert not breaker.is_stressed(100.0)
    results(breaker, "x", 100.0)
    assert breaker.is_stressed(100.0)
    results(breaker, ".", 100.0)
    assert not breaker.is_stressed(100.0)
    results(breaker, "xxxxx", 100.0)
    assert breaker.is_stressed(100.0)
    assert breaker.is_stressed(105.0)
    breaker.succeeded(through(breaker, 105.0), 106.0)
    assert breaker.is_stressed(109.9)
    assert not breaker.is_stressed(110.0)
