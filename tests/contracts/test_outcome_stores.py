"""What every store of outcomes must do. A new store joins in `conftest.places`."""

import pytest

from halfopen.seams.outcome_store import (
    CONTEXT,
    DETAILED,
    PRICED,
    Batch,
    Context,
    Group,
    OutcomeStore,
    Rows,
    RowsError,
    StoreError,
)
from halfopen.seams.sums import ATTEMPT_COUNTS, REQUEST_COUNTS, Sums

PLENTY = 1 << 30


TEAM = Context("m", "chat", "team", "5eed", 0, "p/m", None)


def plain(number):
    times = (1000.0 + number, 500.0, 1.0, 2.0, 200.0, 250.0)
    return (f"ho-{number}", *times, 100, 20, 3, 1000, 600, 17)


def detailed(number):
    return (*TEAM, *plain(number), 0, "server_error", 0, 2, 30, 5, b"detail")


def group(*rows, context=TEAM):
    return Group(context, 0, rows)


def counted(first, count):
    """The counts of as many plain rows."""
    sums = Sums()
    for number in range(first, first + count):
        start_s = int(1000 + number) // 60 * 60
        sums.add(one(start_s))
    return sums


def one(start_s):
    """The counts of one request."""
    sums = Sums()
    sums.requests[start_s, "m", "p/m", "team", "ok"] = list(range(1, len(REQUEST_COUNTS) + 1))
    sums.attempts[start_s, "m", "p/m", "ok"] = list(range(1, len(ATTEMPT_COUNTS) + 1))
    sums.skips[start_s, "m", "q/m", "breaker open"] = [1]
    sums.times[start_s, "m", "p/m", "duration_us", 7] = [1]
    return sums


def batch(first=0, count=3, source="a", more=0):
    plain_rows = [group(*(plain(first + n) for n in range(count)))] if count else []
    rows = Rows(plain_rows, [detailed(first + count + n) for n in range(more)])
    return Batch(source, first, rows, counted(first, count + more))


@pytest.fixture
def make(places):
    """Makes the store anew over the same data."""
    made = []

    def again():
        for store in made:
            store.close()
        made.append(places.store())
        return made[-1]

    yield again
    for store in made:
        store.close()


@pytest.fixture
def store(make) -> OutcomeStore:
    opened = make()
    opened.open()
    return opened


def test_the_rows_of_these_tests_have_every_column():
    """Else they would prove nothing."""
    assert (len(TEAM), len(plain(0)), len(detailed(0))) == (len(CONTEXT), len(PRICED), len(DETAILED))


def test_what_is_written_is_counted_and_stays(make, store):
    """Also when the store is opened again."""
    assert store.write([batch(0, 3), batch(3, 2, more=4)]) == 9
    assert (store.count(), store.lost()) == (9, 0)
    again = make()
    again.open()
    assert (again.count(), again.lost()) == (9, 0)


def test_a_batch_is_written_once(make, store):
    """However often it comes: a worker sends it again when it doesn't know what became of it."""
    store.write([batch(0, 3)])
    assert store.write([batch(0, 3), batch(3, 1), batch(3, 1)]) == 1
    again = make()
    again.open()
    assert again.write([batch(0, 3), batch(3, 1)]) == 0
    assert (again.count(), again.lost()) == (4, 0)


def test_a_gap_is_a_loss(make, store):
    """What a source made before its first batch, and between two; each source by itself."""
    store.write([batch(2, 1), batch(10, 1), batch(0, 1, source="b")])
    assert (store.count(), store.lost()) == (3, 2 + 7)
    store.write([batch(12, 1)])
    again = make()
    again.open()
    assert again.lost() == 10


@pytest.mark.parametrize("count", [1, 63, 64, 65, 127, 128, 256])
def test_batches_of_any_length_are_whole(store, count):
    """Whatever is put into one statement."""
    assert store.write([batch(0, count), batch(count, count, more=count)]) == 3 * count
    assert store.count() == 3 * count


def test_no_batch_changes_nothing(store):
    """Nor does an empty one of a source that has made none."""
    assert store.write([]) == store.write([batch(0, 0)]) == 0
    assert (store.count(), store.lost()) == (0, 0)


def test_an_empty_batch_tells_how_many_its_source_made(store):
    """The last word on a source: what it made and never sent is lost, and counted once."""
    store.write([batch(0, 3)])
    assert store.write([batch(5, 0)]) == store.write([batch(5, 0)]) == 0
    assert (store.count(), store.lost()) == (3, 2)
    assert store.reached() == {"a": 5}


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param((*plain(0)[:-1], 2**64), id="a number that is too large"),
        pytest.param(plain(0)[:-1], id="a column is missing"),
        pytest.param((*plain(0), 1), id="a column too many"),
        pytest.param((None, *plain(0)[1:]), id="no request id"),
        pytest.param(("\ud800", *plain(0)[1:]), id="no text"),
        pytest.param((*plain(0)[:-1], {"a": 1}), id="a table"),
    ],
)
def test_rows_that_can_not_be_stored_are_refused_whole(store, bad):
    """Nothing of the same write is kept, and the next one is."""
    for before in (0, 10, 150):
        with pytest.raises(RowsError):
            store.write(
                [batch(0, 2), Batch("b", 0, Rows([group(*map(plain, range(before)), bad)], []), Sums())]
            )
        with pytest.raises(RowsError):
            store.write([Batch("b", 0, Rows([group(bad, *map(plain, range(before)))], []), Sums())])
    assert store.count() == 0
    assert store.write([batch(0, 2)]) == 2


def test_the_oldest_rows_go_first(store):
    """In slices, until it fits, and never below."""
    for first in range(0, 30_000, 1000):
        rows = Rows([group(*map(plain, range(first, first + 1000)))], [])
        store.write([Batch("a", first, rows, Sums())])
    full = store.size_bytes()
    most = full // 2
    slices = 0
    while store.trim(most):
        slices += 1
    assert slices > 1
    assert most * 0.7 < store.size_bytes() <= most
    assert 10_000 < store.count() < 20_000
    assert store.lost() == 0
    assert store.trim(PLENTY) == 0
    assert store.write([batch(29_000, 1000)]) == 0, "what was deleted is not written again"


def test_nothing_works_before_it_is_open(make):
    """With an error of the contract."""
    store = make()
    for call in (
        store.count,
        store.lost,
        store.size_bytes,
        lambda: store.write([batch()]),
        lambda: store.trim(0),
    ):
        with pytest.raises(StoreError):
            call()


def test_open_and_close_may_be_said_twice(store):
    """The second time does nothing."""
    store.open()
    store.write([batch()])
    store.close()
    store.close()
    store.open()
    assert store.count() == 3


def test_a_source_that_fell_silent_is_not_forgotten_for_a_busy_one(make):
    """Only because a thousand others have told something since, never because of how often one has."""
    store = make()
    store.open()
    store.write([batch(0, 5, source="quiet")])
    for turn in range(1050):
        store.write([Batch("busy", turn, Rows([], []), Sums(), left_out=1)])
    again = make()
    again.open()
    assert again.reached() == {"quiet": 5, "busy": 1050}
    assert again.write([Batch("quiet", 5, Rows([], []), Sums())]) == 0
    assert again.lost() == 0


def test_a_source_that_told_another_store_before_begins_where_it_is(store):
    """Nothing is lost. What is missing between two of its batches is."""
    store.write([Batch("a", 1000, Rows([], []), Sums(), left_out=2, begins=True)])
    assert (store.reached(), store.lost()) == ({"a": 1002}, 0)
    store.write([Batch("a", 1005, Rows([], []), Sums(), left_out=1, begins=True)])
    assert (store.reached(), store.lost()) == ({"a": 1006}, 3)
    store.write([Batch("b", 7, Rows([], []), Sums(), left_out=1)])
    assert store.lost() == 10
