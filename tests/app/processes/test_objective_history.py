"""Objectives count what the store holds and memory doesn't, once."""

import asyncio

import pytest

from halfopen.app.processes import objective_history
from halfopen.app.processes.objective_history import ObjectiveHistory
from halfopen.app.processes.record import Record
from halfopen.app.processes.store_reads import StoreReads
from halfopen.rollout import configure
from halfopen.seams.outcome_store import Batch, Retention, Rows, StoreError
from halfopen.seams.sums import ALL_TABLES, REQUEST_COUNTS, Sums
from halfopen.store.sqlite import SqliteOutcomes
from halfopen.store.sqlite_ledger import SqliteLedger

DAY_S = 86_400
NOW = 1_700_000_050.0
MINUTE = 1_700_000_040
TOML = """
[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9"
key = "${K}"

[routes.m]
targets = ["p/m"]

"""
UP = "[objectives.up]\ndays = 30\n"
QUICK = '[objectives.quick]\npromise = "first_token"\nwithin_s = 1\n'


def snapshot(objectives):
    return configure(TOML + objectives, {"K": "sk"}).snapshot


def sums(start_s, good=0, bad=0):
    """So many requests that were answered or failed in a minute; all answers began within a second."""
    made = Sums()
    for result, count in (("ok", good), ("server_error", bad)):
        if count:
            made.requests[start_s, "m", "p/m", "", result] = [count] + [0] * (len(REQUEST_COUNTS) - 1)
    if good:
        made.times[start_s, "m", "p/m", "first_content_us", 250] = [good]
    return made


@pytest.fixture
def stored(state):
    """Writes counts into the store: `stored(sums, …)`."""
    store = SqliteOutcomes(state.outcomes_path)
    made = [0]

    def write(*several):
        store.open()
        for each in several:
            store.write([Batch("s", made[0], Rows([], []), each, left_out=1)])
            made[0] += 1
        return store

    yield write
    store.close()


class Broken(SqliteLedger):
    """A store that can't be read for a while."""

    def __init__(self, path):
        super().__init__(path)
        self.failures = 0

    def sums(self, since_s, until_s, *, span_s, only=ALL_TABLES):
        if self.failures:
            self.failures -= 1
            raise StoreError("locked")
        return super().sums(since_s, until_s, span_s=span_s, only=only)


@pytest.fixture
def history(state, eventually):
    """`history(play)` runs `play(history, record, ledger, read)`; `await read()` until nothing is missing."""

    def run(play):
        async def main():
            record = Record(state, lambda *_: None, wall=lambda: NOW)
            ledger = Broken(state.outcomes_path)
            made = ObjectiveHistory(record, StoreReads(lambda: ledger), wall=lambda: NOW)
            task = asyncio.create_task(made.run())

            async def read():
                followed = made._objectives.followed
                await eventually(lambda: not any(each.missing for each in followed.values()))

            try:
                return await play(made, record, ledger, read)
            finally:
                task.cancel()
                ledger.close()

        return asyncio.run(main())

    return run


def told(made):
    return {state.name: (state.good, state.total) for state in made.states(NOW)}


def test_the_store_has_what_memory_has_not(history, stored):
    """Days of it, of minutes and of hours; each once, also where the two overlap."""
    in_memory = sums(MINUTE - 600, 1000)
    store = stored(
        sums(MINUTE - 29 * DAY_S, 1, 1),
        sums(MINUTE - 10 * DAY_S, 10, 10),
        sums(MINUTE - 2 * DAY_S, 100, 100),
        sums(MINUTE - 31 * DAY_S, 7, 7),
        sums(MINUTE - 9000, 10_000),
        in_memory,
    )
    while store.forget(NOW, Retention(rows_s=30 * DAY_S, minutes_s=5 * DAY_S, hours_s=400 * DAY_S)):
        pass

    async def play(made, record, ledger, read):
        record._count(in_memory)
        record._count(sums(MINUTE - 9000, 10_000))
        made.keep_to(snapshot(UP))
        await read()
        return told(made)

    assert history(play) == {"up": (11_111, 11_222)}


def test_an_objective_that_is_new_is_counted_from_the_beginning_and_another_goes_on(history, stored):
    """A file that is saved changes neither the counts nor makes them anew."""
    stored(sums(MINUTE - DAY_S // 2, 5, 5), sums(MINUTE - 3 * DAY_S, 1))

    async def play(made, record, ledger, read):
        made.keep_to(snapshot(UP))
        await read()
        followed = made._objectives.followed["up"]
        made.keep_to(snapshot(UP + QUICK))
        assert made._objectives.followed["up"] is followed
        await read()
        both = told(made)
        made.keep_to(snapshot(UP.replace("30", "1") + "target = 0.5\n"))
        await read()
        return both, told(made)

    both, other = history(play)
    assert both == {"up": (6, 11), "quick": (6, 6)}
    assert other == {"up": (5, 10)}


def test_a_store_that_cant_be_read_is_tried_again(history, stored, monkeypatch):
    """Until then what memory has is told."""
    monkeypatch.setattr(objective_history, "AGAIN_S", 0.01)
    stored(sums(MINUTE - DAY_S, 5, 5))

    async def play(made, record, ledger, read):
        ledger.failures = 3
        record._count(sums(MINUTE, 1))
        made.keep_to(snapshot(UP))
        before = told(made)
        await read()
        return before, told(made), ledger.failures

    assert history(play) == ({"up": (1, 1)}, {"up": (6, 11)}, 0)


def test_memory_is_followed_though_nobody_looks(history, stored, monkeypatch, eventually):
    """It forgets minutes after three hours, and objectives must not."""
    monkeypatch.setattr(objective_history, "FOLLOW_S", 0.01)
    stored()

    async def play(made, record, ledger, read):
        made.keep_to(snapshot(UP))
        await read()
        record._wall = lambda: MINUTE - 4 * 3600.0
        record._count(sums(MINUTE - 4 * 3600, 5))
        timeline = made._objectives.followed["up"].timeline
        await eventually(lambda: len(timeline) == 1)
        record._wall = lambda: NOW
        record._count(sums(MINUTE, 1))
        return told(made)

    assert history(play) == {"up": (6, 6)}
