"""What becomes of statements that ClickHouse carries out after nobody waits for them any more."""

import contextlib

import pytest

from halfopen.seams.ledger import Search
from halfopen.seams.outcome_store import Batch, Context, Group, Rows, StoreError
from halfopen.seams.sums import REQUEST_COUNTS, Sums
from halfopen.store.clickhouse import ClickhouseOutcomes
from halfopen.store.clickhouse_content import ClickhouseContent
from halfopen.store.clickhouse_ledger import ClickhouseLedger
from halfopen.store.clickhouse_link import ClickhouseLink

BEGIN_S = 1_700_000_040
EACH = 3
BLOCKS = ("outcomes", "request_sums", "attempt_sums", "skip_sums", "time_sums", "commits")
"""What a write inserts, in this order."""


class Late:
    """Connections that are given up in the middle of an insert, which is carried out all the same: at once, or later."""

    def __init__(self, monkeypatch):
        self._insert = ClickhouseLink.insert
        self.table, self.at_once = "", False
        self.kept = []

        def asked(link, table, rows):
            self._asked(link, table, rows)

        monkeypatch.setattr(ClickhouseLink, "insert", asked)

    def _asked(self, link, table, rows):
        if table != self.table:
            return self._insert(link, table, rows)
        self.table = ""
        if self.at_once:
            self._insert(link, table, rows)
        else:
            self.kept.append((table, rows))
        link.close()
        raise StoreError("no answer")

    def come(self, url):
        """What was held back is carried out now."""
        link = ClickhouseLink(url, wait_s=5)
        link.open()
        for kept in self.kept:
            self._insert(link, *kept)
        self.kept.clear()
        link.close()


@pytest.fixture
def late(monkeypatch):
    return Late(monkeypatch)


@pytest.fixture
def url(tmp_path):
    return f"chdb://{tmp_path}/outcomes"


@pytest.fixture
def store(url):
    with contextlib.closing(ClickhouseOutcomes(url)) as made:
        made.open()
        yield made


def batch(number):
    rows = Rows([Group(CONTEXT, 0, [row(number * EACH + place) for place in range(EACH)])], [])
    sums = Sums()
    sums.requests[BEGIN_S, "m", "p/m", "team", "ok"] = [EACH] * len(REQUEST_COUNTS)
    sums.attempts[BEGIN_S, "m", "p/m", "ok"] = [EACH] * 5
    sums.skips[BEGIN_S, "m", "q/m", "breaker open"] = [EACH]
    sums.times[BEGIN_S, "m", "p/m", "duration_us", 7] = [EACH]
    return Batch("worker", number * EACH, rows, sums)


CONTEXT = Context("m", "chat", "team", "5eed", 0, "p/m", None)


def row(number):
    times = (BEGIN_S + 1.0, 500.0, 1.0, 2.0, 200.0, 250.0)
    return (f"r{number}", *times, 100, 20, 3, 1000, 600, 17)


def written(store, number):
    """As the writer does it: after an error the store is opened again, and the batch comes again."""
    for _ in range(3):
        try:
            store.open()
            return store.write([batch(number)])
        except StoreError:
            store.close()
    raise AssertionError("it could not be written")


def check(url, batches):
    """Every row is there once, in order, and the counts say as many."""
    count = batches * EACH
    with contextlib.closing(ClickhouseLedger(url)) as ledger:
        ids = [kept.request_id for kept in ledger.requests(Search(limit=1000))]
        assert ids == [f"r{number}" for number in reversed(range(count))]
        for span_s in (0, 60):
            for name, table in ledger.sums(0, 1e12, span_s=span_s).tables().items():
                assert [counts[0] for counts in table.values()] == [count], (name, span_s)
        assert ledger.lost() == 0
        assert ledger.spent(0, 1e12)["team"][0] == count


def test_these_are_the_blocks_of_a_write(store, monkeypatch):
    """Else the tests below would not reach all of them."""
    seen = []
    insert = ClickhouseLink.insert
    monkeypatch.setattr(
        ClickhouseLink, "insert", lambda link, table, rows: (seen.append(table), insert(link, table, rows))
    )
    written(store, 0)
    assert tuple(seen) == BLOCKS


@pytest.mark.parametrize("table", BLOCKS)
@pytest.mark.parametrize("when", ["at once", "after the next is open", "after the next has written"])
def test_a_statement_whose_answer_never_came_counts_once_or_not_at_all(store, url, late, table, when):
    """Whenever the server carries it out: before the next connection looks, after, or when that has written."""
    written(store, 0)
    late.table, late.at_once = table, when == "at once"
    with pytest.raises(StoreError):
        store.write([batch(1)])
    store.close()
    store.open()
    if when == "after the next is open":
        late.come(url)
    written(store, 1)
    late.come(url)
    check(url, 2)
    written(store, 2)
    check(url, 3)
    store.close()
    store.open()
    assert store.reached() == {"worker": 3 * EACH}
    check(url, 3)


@pytest.mark.parametrize("table", BLOCKS)
def test_a_process_that_ends_in_the_middle_of_a_write(store, url, late, table):
    """The next one knows nothing of what is under way, and what the worker sends again counts once."""
    written(store, 0)
    late.table = table
    with pytest.raises(StoreError):
        store.write([batch(1)])
    store.close()
    with contextlib.closing(ClickhouseOutcomes(url)) as other:
        other.open()
        late.come(url)
        with contextlib.closing(ClickhouseOutcomes(url)) as third:
            written(third, 1)
            written(third, 2)
        check(url, 3)


def test_gateways_that_share_a_database_by_mistake_take_turns(store, url):
    """Each is told when another has opened it since, and nothing is lost or counted twice on the way."""
    written(store, 0)
    with contextlib.closing(ClickhouseOutcomes(url)) as other:
        other.open()
        for number, one in enumerate((store, other) * 2, 1):
            with pytest.raises(StoreError, match="another gateway writes to this database"):
                one.write([batch(number)])
            written(one, number)
    check(url, 5)


@pytest.mark.parametrize("table", BLOCKS)
def test_another_that_opens_the_database_in_the_middle_of_a_write(store, url, monkeypatch, table):
    """What was being written isn't told to be recorded."""
    written(store, 0)
    insert = ClickhouseLink.insert
    others = []

    def inserted(link, name, rows):
        if name == table and not others:
            others.append(ClickhouseOutcomes(url))
            others[0].open()
        insert(link, name, rows)

    monkeypatch.setattr(ClickhouseLink, "insert", inserted)
    with pytest.raises(StoreError, match="another gateway writes to this database"):
        store.write([batch(1)])
    assert others[0].reached() == {"worker": EACH}
    check(url, 1)
    written(store, 1)
    check(url, 2)
    others[0].close()


def test_what_nobody_reads_is_removed_in_the_end(store, url, late, monkeypatch):
    """Of many openings only the latest are remembered."""
    monkeypatch.setattr("halfopen.store.clickhouse.VOIDS_MAX", 3)
    for number in range(6):
        late.table = "skip_sums"
        with pytest.raises(StoreError):
            store.write([batch(number)])
        store.close()
        store.open()
        late.come(url)
        written(store, number)
    for _ in range(5):
        store.close()
        store.open()
    ((left,),) = store._link.ask("SELECT sum(skips) FROM skip_sums WHERE span_s = 0")
    assert left == 6 * EACH
    ((voids,),) = store._link.ask("SELECT count() FROM voids WHERE before > after + 1")
    assert voids <= 4
    check(url, 6)


@pytest.mark.parametrize("store", [ClickhouseOutcomes, ClickhouseContent])
def test_an_engine_that_is_killed_while_tables_are_made(store, url, monkeypatch):
    """After any of the statements; ClickHouse takes none of them back. Who opens it next goes on from there."""

    class KilledError(BaseException):
        """Nothing is executed any more."""

    left = 0

    def until_killed(kept):
        def execute(link, *given):
            nonlocal left
            if not left:
                raise KilledError
            left -= 1
            kept(link, *given)

        return execute

    for name in ("do", "insert"):
        monkeypatch.setattr(ClickhouseLink, name, until_killed(getattr(ClickhouseLink, name)))
    killed = 0
    with contextlib.closing(store(url)) as made:
        while True:
            left = killed
            try:
                made.open()
            except KilledError:
                killed += 1
            else:
                break
        assert made.count() == 0
    assert killed > 2
