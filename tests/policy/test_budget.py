"""Budgets of callers on virtual time: windows, one worker's reckoning, and how far several overshoot together."""

from collections import deque
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.model.gateway_key import Budget, Per
from halfopen.policy import budget as module
from halfopen.policy.budget import HEARD_S, Allotment, Amounts, Measure, left_of, window_end, window_start


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOON = at("2026-11-23T12:00:00")
DAY = window_start(Per.DAY, NOON)


@pytest.mark.parametrize(
    ("per", "moment", "start", "end"),
    [
        (Per.MINUTE, "2026-11-23T12:34:56.7", "2026-11-23T12:34:00", "2026-11-23T12:35:00"),
        (Per.HOUR, "2026-11-23T12:34:56.7", "2026-11-23T12:00:00", "2026-11-23T13:00:00"),
        (Per.DAY, "2026-11-23T12:34:56.7", "2026-11-23T00:00:00", "2026-11-24T00:00:00"),
        (Per.MONTH, "2026-11-23T12:34:56.7", "2026-11-01T00:00:00", "2026-12-01T00:00:00"),
        (Per.MONTH, "2026-12-31T23:59:59.9", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        (Per.MONTH, "2028-02-29T00:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"),
        (Per.DAY, "2026-11-23T00:00:00", "2026-11-23T00:00:00", "2026-11-24T00:00:00"),
    ],
    ids=["minute", "hour", "day", "month", "end of a year", "leap day", "the moment it begins"],
)
def test_windows_are_those_of_the_calendar_in_utc(per: Per, moment: str, start: str, end: str) -> None:
    """A moment is in the window that begins at or before it."""
    assert (window_start(per, at(moment)), window_end(per, at(moment))) == (at(start), at(end))


def heard(limit: int, *, workers: int = 2, left: int | None = None) -> Allotment:
    """An allotment of requests a day of which control has spoken at 0 s, at noon."""
    budget = Budget(Per.DAY, requests=limit)
    it = Allotment(budget, workers)
    it.told(left_of(budget, Amounts(0 if left is None else limit - left)), DAY, 0, 0.0, NOON)
    return it


def let_in(it: Allotment, now: float = 0.0, wall_s: float = NOON, *, most: int = 1000) -> int:
    """How many are let in, one after the other."""
    for number in range(most):
        if it.refusal(now, wall_s) is not None:
            return number
        it.begun()
    return most


def test_one_worker_lets_in_what_is_left_and_no_more() -> None:
    """Those under way count, and those that are over and not counted yet."""
    it = heard(5)
    assert let_in(it, most=3) == 3
    it.ended(0, 0, 0, NOON)
    assert let_in(it) == 2


def test_the_refusal_tells_the_measure_and_when_the_next_window_begins() -> None:
    """Half a day is left at noon."""
    it = heard(0)
    used_up = it.refusal(0.0, NOON)
    assert used_up is not None
    assert (used_up.measure, used_up.budget.per, used_up.left_s) == (Measure.REQUESTS, Per.DAY, 43_200.0)


def test_what_control_has_counted_is_taken_off_once() -> None:
    """It says up to which outcome it has counted; what is later is still the worker's to count."""
    it = heard(5)
    assert let_in(it, most=4) == 4
    for number in range(3):
        it.ended(number, 0, 0, NOON)
    it.told(Amounts(3), DAY, 2, 1.0, NOON)  # two of the three, and nothing of others
    assert let_in(it, 1.0) == 1  # 3 left - 1 over - 1 under way


@pytest.mark.parametrize(
    ("budget", "measure"),
    [(Budget(Per.DAY, tokens=100), Measure.TOKENS), (Budget(Per.DAY, nusd=100), Measure.MONEY)],
    ids=["tokens", "money"],
)
def test_tokens_and_money_are_known_at_the_end(budget: Budget, measure: Measure) -> None:
    """What is under way ends; then nobody comes in until the next window."""
    it = Allotment(budget, 1)
    it.told(left_of(budget, Amounts()), DAY, 0, 0.0, NOON)
    assert let_in(it, most=7) == 7
    it.ended(0, 60, 60, NOON)
    assert it.refusal(0.0, NOON) is None
    it.ended(1, 60, 60, NOON)
    used_up = it.refusal(0.0, NOON)
    assert used_up is not None
    assert used_up.measure is measure


def test_the_next_window_begins_with_the_whole_budget() -> None:
    """Whether or not control speaks; what it says late of the one before changes nothing."""
    it = heard(4, workers=1)
    assert let_in(it) == 4
    for number in range(4):
        it.ended(number, 0, 0, NOON)
    tomorrow = window_end(Per.DAY, NOON) + 1.0
    it.told(Amounts(0), DAY, 4, 50_000.0, tomorrow)
    assert it.refusal(50_000.0, tomorrow) is None
    it.told(Amounts(4), window_start(Per.DAY, tomorrow), 4, 50_000.0, tomorrow)
    assert let_in(it, 50_000.0, tomorrow) == 4


def test_what_is_under_way_counts_in_the_next_window() -> None:
    """It ends there."""
    it = heard(4, workers=1)
    assert let_in(it, most=3) == 3
    assert let_in(it, 50_000.0, window_end(Per.DAY, NOON) + 1.0) == 1


def test_a_clock_that_goes_back_changes_nothing() -> None:
    """No second budget for the day before."""
    it = heard(2, workers=1)
    assert let_in(it) == 2
    for number in range(2):
        it.ended(number, 0, 0, NOON)
    assert it.refusal(0.0, NOON - 86_400.0) is not None


def test_a_clock_that_was_ahead_for_a_while_leaves_the_budget_to_control() -> None:
    """What it says of the window in which both are again holds, once it says so."""
    it = heard(4, workers=2)
    wrong = NOON + 40 * 86_400.0
    it.told(Amounts(4), window_start(Per.DAY, wrong), 0, 1.0, wrong)
    assert let_in(it, 1.0, wrong) == 4
    it.told(Amounts(3), window_start(Per.DAY, wrong), 0, 2.0, NOON + 2.0)
    assert let_in(it, 2.0, NOON + 2.0) == 0
    for number in range(4):
        it.ended(number, 0, 0, NOON + 2.0)
    it.told(Amounts(2), DAY, 4, 3.0, NOON + 3.0)
    assert let_in(it, 3.0, NOON + 3.0) == 2


def test_without_control_each_goes_on_with_its_part_of_what_was_left() -> None:
    """Rounded up; all together have little more than was left."""
    workers = [heard(100, workers=3, left=10) for _ in range(3)]
    assert [let_in(each, HEARD_S + 0.1) for each in workers] == [4, 4, 4]


def test_control_that_has_never_spoken_leaves_a_worker_its_part_of_the_budget() -> None:
    """A gateway without control serves."""
    assert let_in(Allotment(Budget(Per.DAY, requests=10), 2)) == 5


def test_a_budget_of_nothing_lets_nobody_in() -> None:
    """Not even without control."""
    assert let_in(Allotment(Budget(Per.DAY, requests=0), 2)) == 0


def test_what_is_not_counted_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long control is gone, all of it counts."""
    monkeypatch.setattr(module, "UNCOUNTED_MAX", 4)
    it = heard(50, workers=1)
    for number in range(20):
        assert it.refusal(0.0, NOON) is None
        it.begun()
        it.ended(number, 1, 1, NOON)
    assert len(it._uncounted) <= 4
    assert let_in(it) == 30
    it = heard(50, workers=1)
    for number in range(20):
        it.begun()
        it.ended(number, 1, 1, NOON)
    it.told(Amounts(30), DAY, 20, 0.0, NOON)
    assert let_in(it) == 30


class World:
    """Workers and control on virtual time, within one window. What is said takes its time and keeps its order."""

    def __init__(self, workers: int, limit: int) -> None:
        self.limit = limit
        self.workers = [Allotment(Budget(Per.DAY, requests=limit), workers) for _ in range(workers)]
        self.begun = [0] * workers
        self.ended = [0] * workers
        self.counted = [0] * workers
        self.words: list[deque[tuple[Amounts, int]]] = [deque() for _ in range(workers)]
        self.now = 0.0

    def step(self, what: str, who: int) -> None:
        who %= len(self.workers)
        it = self.workers[who]
        if what == "begin" and it.refusal(self.now, NOON) is None:
            it.begun()
            self.begun[who] += 1
        elif what == "end" and self.ended[who] < self.begun[who]:
            it.ended(self.ended[who], 1, 1, NOON)
            self.ended[who] += 1
        elif what == "count" and self.counted[who] < self.ended[who]:
            self.counted[who] += 1
        elif what == "speak":
            self.words[who].append((Amounts(self.limit - sum(self.counted)), self.counted[who]))
        elif what == "hear" and self.words[who]:
            left, counted = self.words[who].popleft()
            it.told(left, DAY, counted, self.now, NOON)
        elif what == "wait":
            self.now += 1.0


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "begin", "begin", "end", "end", "count", "speak", "hear", "wait"]),
        st.integers(0, 3),
    ),
    max_size=200,
)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.integers(0, 12))
def test_one_worker_alone_never_overshoots(steps: list[tuple[str, int]], limit: int) -> None:
    """Whatever control has counted by when, and however late it is heard."""
    world = World(1, limit)
    for step in steps:
        world.step(*step)
        assert sum(world.begun) <= limit, world.begun


@settings(max_examples=300, deadline=None)
@given(STEPS, st.integers(0, 12), st.integers(2, 4))
def test_several_overshoot_by_no_more_than_the_bound(
    steps: list[tuple[str, int]], limit: int, workers: int
) -> None:
    """Each of N lets in what is left, at the most."""
    world = World(workers, limit)
    for step in steps:
        world.step(*step)
        assert all(begun <= limit for begun in world.begun), world.begun


@settings(max_examples=200, deadline=None)
@given(STEPS, st.integers(0, 12), st.integers(1, 4))
def test_what_is_left_is_let_in_in_the_end(steps: list[tuple[str, int]], limit: int, workers: int) -> None:
    """When all is over, counted and said, any worker lets in exactly the rest."""
    world = World(workers, limit)
    for step in steps:
        world.step(*step)
    for who in range(workers):
        for what in ("end", "count"):
            for _ in range(world.begun[who]):
                world.step(what, who)
    for who in range(workers):
        world.words[who].clear()
        world.step("speak", who)
        world.step("hear", who)
    assert let_in(world.workers[0], world.now) == max(limit - sum(world.begun), 0)
