"""What is SQLite's own: its file, its locks, its full disk."""

import sqlite3
import stat

import pytest

from halfopen.seams.outcome_store import DETAILED, Batch, Rows, StoreError
from halfopen.store.sqlite import SCHEMA_VERSION, SOURCES_MAX, SqliteOutcomes


def batch(first=0, count=3, source="a"):
    rows = [
        (f"ho-{first + n}", "m", "chat", 0, 1000.0, 500.0, None, "p/m", None, None, None)
        for n in range(count)
    ]
    return Batch(source, first, Rows(rows, []))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outcomes.db"


@pytest.fixture
def store(path):
    store = SqliteOutcomes(path)
    store.open()
    yield store
    store.close()


@pytest.fixture
def other(path, store):
    """Another connection to the same file."""
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def test_the_table_has_the_columns_of_the_seam(other, store):
    """In the order of the seam, after the id, with the defaults of a plain row."""
    columns = [row[1] for row in other.execute("PRAGMA table_info(outcomes)")]
    assert set(columns) == {"id", *DETAILED}
    store.write([batch(count=1)])
    assert other.execute("SELECT kind, client_gone, attempts, detail FROM outcomes").fetchall() == [
        (None, 0, 1, None)
    ]


def test_rows_stand_in_the_order_in_which_they_came(other, store):
    """Every value in its column, also where many rows go in one statement."""
    store.write([batch(0, 200)])
    rows = other.execute(
        "SELECT id, request_id, route, client, duration_ms, served_by FROM outcomes"
    ).fetchall()
    assert rows == [(n + 1, f"ho-{n}", "m", "chat", 500.0, "p/m") for n in range(200)]


def test_the_file_is_the_owners(path, store):
    """It tells who asked what when."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_its_mode_of_writing(other):
    """A write-ahead log, and the version of its schema."""
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_a_file_of_the_first_version_is_taken_over(path, store, other):
    """It had no column for targets that were passed over; its rows stay."""
    store.write([batch(count=2)])
    store.close()
    other.execute("ALTER TABLE outcomes DROP COLUMN skipped")
    other.execute("PRAGMA user_version = 1")
    again = SqliteOutcomes(path)
    again.open()
    rows = [(*row[:-1], "q/m: breaker open") for row in batch(2, 1).rows.plain]
    again.write([Batch("a", 2, Rows(rows, []))])
    assert [each[0] for each in other.execute("SELECT skipped FROM outcomes ORDER BY id")] == [
        None,
        None,
        "q/m: breaker open",
    ]
    assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    again.close()


def test_a_later_version_is_left_alone(path, store, other):
    """An older Halfopen doesn't write into it."""
    other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    store.close()
    with pytest.raises(StoreError, match="later version"):
        store.open()


def test_what_is_no_database_is_left_alone(path):
    """And told apart."""
    path.write_bytes(b"not a database, but a text of a person" * 100)
    with pytest.raises(StoreError, match="not a database"):
        SqliteOutcomes(path).open()
    assert path.read_bytes().startswith(b"not a database")


def test_a_directory_that_is_not_there(tmp_path):
    """An error of the contract, not of SQLite."""
    with pytest.raises(StoreError, match="unable to open"):
        SqliteOutcomes(tmp_path / "gone" / "outcomes.db").open()


def test_a_lock_of_another_is_an_error_and_nothing_is_lost(store, other):
    """After it is gone the same write goes through."""
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        store.write([batch()])
    other.execute("ROLLBACK")
    assert store.write([batch()]) == 3
    assert store.count() == 3


def test_a_full_disk_is_an_error_and_nothing_is_half_written(store):
    """When there is room again, the same write goes through."""
    store.write([batch(0, 100)])
    db = store._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full"):
        store.write([batch(100, 5000)])
    assert store.count() == 100
    db.execute("PRAGMA max_page_count = 100000")
    assert store.write([batch(100, 5000)]) == 5000
    assert (store.count(), store.lost()) == (5100, 0)


def test_the_file_does_not_grow_beyond_its_bound(store, path):
    """Pages that were freed are used again."""
    most = 300_000
    for first in range(0, 40_000, 500):
        store.write([batch(first, 500)])
        while store.trim(most):
            pass
    assert store.size_bytes() <= most
    assert path.stat().st_size < 2 * most


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_file_that_is_removed_is_made_anew(store, path, replaced):
    """The store says so once; what the removed one held is neither lost nor written again."""
    store.write([batch(0, 3)])
    other = path.with_name("other.db")
    if replaced:
        fresh = SqliteOutcomes(other)
        fresh.open()
        fresh.close()
    for each in path.parent.glob("outcomes.db*"):
        each.unlink()
    if replaced:
        other.rename(path)
    with pytest.raises(StoreError):
        store.write([batch(3, 2)])
    store.close()
    store.open()
    assert store.write([batch(3, 2)]) == 2
    assert store.count() == 2
    assert store.lost() == (3 if replaced else 0), "of another's file it can't tell"


def test_sources_are_bounded(store):
    """The latest ones are remembered."""
    for number in range(SOURCES_MAX + 50):
        store.write([batch(0, 1, source=f"s{number}")])
    store.write([batch(1, 1, source="s0")])
    store.close()
    store.open()
    assert store._db.execute("SELECT count(*) FROM sources").fetchone() == (SOURCES_MAX,)
    assert store.write([batch(0, 1, source=f"s{SOURCES_MAX + 49}"), batch(0, 2, source="s0")]) == 0
