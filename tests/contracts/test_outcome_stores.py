"""What every store of outcomes must do. A new store joins by a row in `STORES`."""

import pytest

from halfopen.seams.outcome_store import DETAILED, PLAIN, Batch, OutcomeStore, Rows, RowsError, StoreError
from halfopen.store.sqlite import SqliteOutcomes

STORES = {"sqlite": lambda directory: SqliteOutcomes(directory / "outcomes.db")}
PLENTY = 1 << 30


def plain(number):
    return (f"ho-{number}", "m", "chat", 0, 1000.0 + number, 500.0, 250.0, "p/m", 100, 20, None)


def detailed(number):
    return (*plain(number), "server_error", 0, 2, b"detail")


def batch(first=0, count=3, source="a", more=0):
    rows = Rows([plain(first + n) for n in range(count)], [detailed(first + count + n) for n in range(more)])
    return Batch(source, first, rows)


@pytest.fixture(params=STORES.values(), ids=STORES)
def make(request, tmp_path):
    """Makes the store anew over the same data."""
    made = []

    def again():
        for store in made:
            store.close()
        made.append(request.param(tmp_path))
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
    assert (len(plain(0)), len(detailed(0))) == (len(PLAIN), len(DETAILED))


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


def test_an_empty_batch_changes_nothing(store):
    """Nor does no batch."""
    assert store.write([]) == store.write([batch(5, 0)]) == 0
    assert (store.count(), store.lost()) == (0, 0)


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
            store.write([batch(0, 2), Batch("b", 0, Rows([*map(plain, range(before)), bad], []))])
        with pytest.raises(RowsError):
            store.write([Batch("b", 0, Rows([bad, *map(plain, range(before))], []))])
    assert store.count() == 0
    assert store.write([batch(0, 2)]) == 2


def test_the_oldest_rows_go_first(store):
    """In slices, until it fits, and never below."""
    for first in range(0, 30_000, 1000):
        store.write([batch(first, 1000)])
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
