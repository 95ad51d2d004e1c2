"""What is SQLite's own: its file, its locks, its full disk."""

import sqlite3
import stat

import pytest

from halfopen.seams.outcome_store import (
    DETAILED,
    Batch,
    Context,
    Group,
    Retention,
    Rows,
    RowsError,
    StoreError,
)
from halfopen.seams.sums import Sums
from halfopen.store.sqlite import SOURCES_MAX, SqliteOutcomes
from halfopen.store.sqlite_schema import VERSION


def batch(first=0, count=3, source="a"):
    return Batch(source, first, Rows([plain(*range(first, first + count))], []), Sums())


def plain(*numbers, skipped=None, route="m"):
    times = (1000.0, 500.0, 1.0, None, None, None)
    rows = [(f"ho-{number}", *times, None, None, None, 0, 0, 0) for number in numbers]
    return Group(Context(route, "chat", "", "", 0, "p/m", skipped), 0, rows)


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
    assert other.execute("PRAGMA user_version").fetchone() == (VERSION,)


SECOND_VERSION = """
CREATE TABLE outcomes (id INTEGER PRIMARY KEY, request_id TEXT NOT NULL, route TEXT NOT NULL,
    client TEXT NOT NULL, stream INTEGER NOT NULL, ended_wall_s REAL NOT NULL, duration_ms REAL NOT NULL,
    first_content_ms REAL, served_by TEXT, input_tokens INTEGER, output_tokens INTEGER, skipped TEXT,
    kind TEXT, client_gone INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 1, detail BLOB);
CREATE TABLE sources (source TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO totals VALUES ('lost', 7);
INSERT INTO sources VALUES ('a', 3);
INSERT INTO outcomes (request_id, route, client, stream, ended_wall_s, duration_ms, served_by, input_tokens)
    VALUES ('ho-0', 'm', 'chat', 0, 1000, 500, 'p/m', 5), ('ho-1', 'm', 'chat', 1, 1025, 500, 'p/m', NULL);
INSERT INTO outcomes (request_id, route, client, stream, ended_wall_s, duration_ms, kind)
    VALUES ('ho-2', 'm', 'chat', 0, 1000, 500, 'server_error');
PRAGMA user_version = 2;
"""


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_earlier_version_is_taken_over(tmp_path, version):
    """Its rows stay, and are counted."""
    path = tmp_path / "earlier.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.executescript(SECOND_VERSION)
    if version == 1:
        other.execute("ALTER TABLE outcomes DROP COLUMN skipped")
        other.execute("PRAGMA user_version = 1")
    store = SqliteOutcomes(path)
    store.open()
    assert (store.count(), store.lost(), store.reached()) == (3, 7, {"a": 3})
    store.write([Batch("a", 3, Rows([plain(3, skipped="q/m: breaker open")], []), Sums())])
    assert other.execute("SELECT skipped, caller FROM outcomes ORDER BY id").fetchall() == [
        *[(None, "")] * 3,
        ("q/m: breaker open", ""),
    ]
    assert other.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert other.execute(
        "SELECT span_s, start_s, target, result, requests, streams, input_tokens, duration_us "
        "FROM request_sums ORDER BY 1, 2, 3"
    ).fetchall() == [
        (0, 0, "", "server_error", 1, 0, 0, 500_000),
        (0, 0, "p/m", "ok", 2, 1, 5, 1_000_000),
        (60, 960, "", "server_error", 1, 0, 0, 500_000),
        (60, 960, "p/m", "ok", 1, 0, 5, 500_000),
        (60, 1020, "p/m", "ok", 1, 1, 0, 500_000),
    ]
    store.close()
    other.close()


def test_a_later_version_is_left_alone(path, store, other):
    """An older Halfopen doesn't write into it."""
    other.execute(f"PRAGMA user_version = {VERSION + 1}")
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


def contexts(other):
    return [route for (route,) in other.execute("SELECT route FROM contexts ORDER BY id")]


def test_what_rows_have_in_common_stands_once(other, store):
    """Also over many writes, and for rows that have more to tell."""
    detailed = (*plain(9).context, *plain(9).rows[0], 1, "timeout", 0, 2, 0, 0, None)
    store.write([batch(0, 200), Batch("b", 0, Rows([plain(7, route="n")], [detailed]), Sums())])
    store.write([batch(200, 3)])
    assert contexts(other) == ["m", "n"]
    assert other.execute("SELECT route, count(*) FROM outcomes GROUP BY 1 ORDER BY 1").fetchall() == [
        ("m", 204),
        ("n", 1),
    ]


def test_a_context_goes_with_its_last_row(other, store):
    """By size and by age, and a row that comes later has it again."""
    store.write([Batch("a", 0, Rows([plain(*range(3000), route="old")], []), Sums())])
    store.write([Batch("a", 3000, Rows([plain(*range(3000, 5000))], []), Sums())])
    while store.count() > 1000:
        assert store.trim(1)
    assert contexts(other) == ["m"]
    store.write([Batch("a", 5000, Rows([plain(5000, route="old")], []), Sums())])
    assert other.execute("SELECT route FROM outcomes ORDER BY id DESC LIMIT 1").fetchall() == [("old",)]
    assert store.forget(10**9, Retention(1.0, 1.0, 1.0)) == 1001
    assert (contexts(other), store.count()) == ([], 0)
    store.write([batch(5001, 2)])
    assert other.execute("SELECT route FROM outcomes").fetchall() == [("m",)] * 2


def test_a_context_of_a_write_that_failed_is_written_again(other, store):
    """Its number was given back with all the rest."""
    bad = Group(plain(0).context, 0, [("ho-0",)])
    with pytest.raises(RowsError):
        store.write([Batch("a", 0, Rows([plain(0, route="n"), bad], []), Sums())])
    store.write([Batch("a", 0, Rows([plain(0, route="n"), plain(1)], []), Sums())])
    assert other.execute("SELECT route FROM outcomes ORDER BY id").fetchall() == [("n",), ("m",)]


def test_contexts_beyond_number_are_all_kept(other, store):
    """Only so many are remembered; the others are written once more."""
    store.write([Batch("a", 0, Rows([plain(n, route=f"r{n}") for n in range(5000)], []), Sums())])
    store.write([Batch("a", 5000, Rows([plain(n + 5000, route=f"r{n}") for n in range(5000)], []), Sums())])
    rows = other.execute("SELECT request_id, route FROM outcomes ORDER BY id").fetchall()
    assert rows == [(f"ho-{n}", f"r{n % 5000}") for n in range(10_000)]


def test_a_search_finds_contexts_by_number_only(other, store):
    """Else SQLite would look through all rows for each of the contexts."""
    store.write([batch(0, 200)])
    for where in ("route = 'm' AND id > 5", "request_id = 'ho-1'", "kind IS NOT NULL AND client_gone = 0"):
        statement = f"EXPLAIN QUERY PLAN SELECT * FROM outcomes WHERE {where} ORDER BY id DESC LIMIT 5"
        plan = [row[-1] for row in other.execute(statement) if "TEMP" not in row[-1]]
        assert len(plan) == 2
        assert "outcome_rows" in plan[0]
        assert plan[1] == "SEARCH contexts USING INTEGER PRIMARY KEY (rowid=?)"
