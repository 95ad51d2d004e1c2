"""Counts in memory: seen at once, though they go into the windows together."""

import pytest

from halfopen.app.processes import record as module
from halfopen.app.processes.record import Record
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.model.gateway_key import Budget, Per
from halfopen.policy.budget import Amounts, window_end
from halfopen.seams.outcome_store import Batch, Rows
from halfopen.seams.sums import REQUEST_COUNTS, Sums
from halfopen.store.sqlite import SqliteOutcomes

NOW = 1_700_000_050.0
MINUTE = 1_700_000_040
BUDGETS = {"alice": Budget(Per.MONTH, requests=100)}


def sums(start_s: int = MINUTE, requests: int = 1) -> Sums:
    """So many requests of one caller that were answered in a minute."""
    made = Sums()
    key = (start_s, "m", "p/m", "alice", "ok")
    made.requests[key] = [requests] + [0] * (len(REQUEST_COUNTS) - 1)
    return made


def seen(record: Record, wall_s: float = NOW) -> tuple[int, int, int]:
    """Requests of all time, of the minutes in memory, and spent: as three who look see them."""
    with record.windows() as windows:
        ever = sum(counts[0] for counts in windows.ever.requests.values())
    with record.windows() as windows:
        lately = sum(counts[0] for each in windows.minutes.values() for counts in each.requests.values())
    return ever, lately, record.spent(BUDGETS, wall_s)["alice"].requests


@pytest.mark.parametrize("first", ["windows", "spent"])
@pytest.mark.parametrize("batches", [1, 31, 32, 33, 100])
def test_what_is_counted_is_seen_at_once(state: StateDirectory, batches: int, first: str) -> None:
    """Whoever looks first, and whether or not enough have gathered to be put in."""
    record = Record(state, lambda source, after: None, wall=lambda: NOW)
    for number in range(batches):
        record._count(sums())
        if first == "spent":
            assert record.spent(BUDGETS, NOW)["alice"] == Amounts(number + 1)
        if number % 3 == 0:
            assert seen(record) == (number + 1,) * 3
    assert seen(record) == (batches,) * 3


def test_what_is_taken_back_is_gone_at_once(state: StateDirectory) -> None:
    """The store turned out to have it already."""
    record = Record(state, lambda source, after: None, wall=lambda: NOW)
    record._count(sums(requests=3))
    record._count(sums(requests=2))
    record._count(sums(requests=3).negated())
    assert seen(record) == (2, 2, 2)


def test_counts_of_many_batches_go_in_together(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is what it costs; who looks in between pays for once."""
    record = Record(state, lambda source, after: None, wall=lambda: NOW)
    added = []
    monkeypatch.setattr(record._windows, "add", lambda counts, now_s: added.append(counts))
    for _ in range(2 * module._FRESH_MAX):
        record._count(sums())
    assert [one.requests[MINUTE, "m", "p/m", "alice", "ok"][0] for one in added] == [module._FRESH_MAX] * 2


def test_what_comes_before_the_store_is_read_is_not_lost(state: StateDirectory) -> None:
    """It is added to what an earlier process had counted, of this window only."""
    store = SqliteOutcomes(state.outcomes_path)
    store.open()
    later = int(window_end(Per.MONTH, NOW))
    store.write([Batch("s", 0, Rows([], []), sums(requests=7), left_out=7)])
    store.write([Batch("t", 0, Rows([], []), sums(later, requests=40), left_out=40)])
    store.close()
    wall_s = later - 30.0
    record = Record(state, lambda source, after: None, wall=lambda: wall_s)
    record.follow(None, {})
    record._count(sums(later - 60))
    record._restore()
    assert record.spent(BUDGETS, wall_s)["alice"].requests == 8
    with record.windows() as windows:
        assert sum(counts[0] for counts in windows.ever.requests.values()) == 48


def test_minutes_in_memory_are_those_of_now(state: StateDirectory) -> None:
    """The clock is asked whenever somebody looks, also when nothing has come."""
    wall = [NOW]
    record = Record(state, lambda source, after: None, wall=lambda: wall[0])
    record._count(sums())
    record._count(sums(MINUTE + 86_400 * 40, requests=9))
    assert seen(record) == (10, 1, 1)
    wall[0] += 86_400.0 * 40
    assert seen(record, wall[0]) == (10, 9, 9)
    wall[0] = NOW
    assert seen(record) == (10, 1, 1)
