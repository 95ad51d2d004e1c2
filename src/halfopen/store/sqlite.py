"""Outcomes in one SQLite file.

Write-ahead log, and synced at checkpoints only: a power cut may cost the last transactions, but never the
file. See docs/decisions/0015 for why this is `sqlite3` itself.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from halfopen.seams.outcome_store import DETAILED, PLAIN, Batch, PlainRow, RowsError, StoreError

SCHEMA_VERSION: Final = 2
SOURCES_MAX: Final = 1000
"""Sources that are remembered, the latest ones."""
_TRIM_ROWS: Final = 2000
_PAGE_BYTES: Final = 16 * 1024
"""Of a new file. A tenth less CPU time for each row than with pages of 4 KiB."""
_CHECKPOINT_PAGES: Final = 512
_JOURNAL_MAX_BYTES: Final = 16 * 1024 * 1024
_BUSY_MS: Final = 200

_SCHEMA: Final = """
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL,
    route TEXT NOT NULL,
    client TEXT NOT NULL,
    stream INTEGER NOT NULL,
    ended_wall_s REAL NOT NULL,
    duration_ms REAL NOT NULL,
    first_content_ms REAL,
    served_by TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    skipped TEXT,
    kind TEXT,
    client_gone INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 1,
    detail BLOB
);
CREATE TABLE sources (
    source TEXT PRIMARY KEY,
    next INTEGER NOT NULL
);
CREATE TABLE totals (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);
INSERT INTO totals VALUES ('lost', 0);
"""


_FROM_1: Final = "ALTER TABLE outcomes ADD COLUMN skipped TEXT;"
_ROWS_AT_ONCE: Final = 64
"""Plain rows of one statement: a quarter less CPU time than a statement for each row."""


def _insert(columns: Sequence[str], rows: int = 1) -> str:
    row = f"({', '.join('?' * len(columns))})"
    # The names are constants of ours.
    return f"INSERT INTO outcomes ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - no input in it


_INSERT_PLAIN: Final = _insert(PLAIN)
_INSERT_MANY: Final = _insert(PLAIN, _ROWS_AT_ONCE)
_INSERT_DETAILED: Final = _insert(DETAILED)
_SET_SOURCE: Final = "INSERT OR REPLACE INTO sources (source, next) VALUES (?, ?)"


class SqliteOutcomes:
    """An `OutcomeStore` in a file. For one thread."""

    def __init__(self, path: Path) -> None:
        """Name it; `open` makes it."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._told: dict[str, int] = {}
        """How far each source has got. A file that is removed and made anew goes on from there."""

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError("it isn't open")
        return self._connection

    def open(self) -> None:
        """As `OutcomeStore`. A file of a later version is left alone."""
        if self._connection is not None:
            return
        with _told_apart():
            # Transactions are begun and ended by hand.
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=_BUSY_MS / 1000)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._inode = self._path.stat().st_ino
        self._connection = connection

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA journal_size_limit = {_JOURNAL_MAX_BYTES}")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise StoreError(f"{self._path} was made by a later version of Halfopen")
        if version == 0:
            db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT")
            db.executemany(_SET_SOURCE, self._told.items())
        elif version == 1:
            db.executescript(f"BEGIN IMMEDIATE; {_FROM_1} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT")
        # A source that tells something moves to the end.
        db.execute("DELETE FROM sources WHERE rowid <= (SELECT max(rowid) FROM sources) - ?", (SOURCES_MAX,))
        self._path.chmod(0o600)

    def write(self, batches: Sequence[Batch]) -> int:
        """As `OutcomeStore`: one transaction."""
        self._check_place()
        with self._transaction() as db:
            written = lost = 0
            told: dict[str, int] = {}
            for batch in batches:
                known = told[batch.source] if batch.source in told else self._next(batch.source)
                if batch.next <= known or batch.count == 0:
                    continue
                lost += max(batch.first - known, 0)
                _insert_plain(db, batch.rows.plain)
                db.executemany(_INSERT_DETAILED, batch.rows.detailed)
                written += batch.count
                told[batch.source] = batch.next
            db.executemany(_SET_SOURCE, told.items())
            if lost:
                db.execute("UPDATE totals SET value = value + ? WHERE name = 'lost'", (lost,))
        self._told.update(told)
        while len(self._told) > SOURCES_MAX:
            del self._told[next(iter(self._told))]
        return written

    def _check_place(self) -> None:
        """SQLite would go on writing to a file that was removed."""
        with _told_apart():
            if self._connection is not None and self._path.stat().st_ino != self._inode:
                raise StoreError(f"{self._path} was replaced")

    def _next(self, source: str) -> int:
        row = self._db.execute("SELECT next FROM sources WHERE source = ?", (source,)).fetchone()
        return 0 if row is None else int(row[0])

    def count(self) -> int:
        """As `OutcomeStore`. Rows go in the order of their ids, so the ends tell."""
        with _told_apart():
            (rows,) = self._db.execute(
                "SELECT (SELECT max(id) FROM outcomes) - (SELECT min(id) FROM outcomes) + 1"
            ).fetchone()
        return int(rows or 0)

    def lost(self) -> int:
        """As `OutcomeStore`."""
        with _told_apart():
            (lost,) = self._db.execute("SELECT value FROM totals WHERE name = 'lost'").fetchone()
        return int(lost)

    def size_bytes(self) -> int:
        """As `OutcomeStore`: pages in use, without those that are free to be used again."""
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    def _pragma(self, name: str) -> int:
        with _told_apart():
            (value,) = self._db.execute(f"PRAGMA {name}").fetchone()
        return int(value)

    def trim(self, max_bytes: int) -> int:
        """As `OutcomeStore`. The file doesn't shrink: its free pages are used again."""
        if self.size_bytes() <= max_bytes:
            return 0
        with self._transaction() as db:
            return db.execute(
                "DELETE FROM outcomes WHERE id < (SELECT min(id) FROM outcomes) + ?", (_TRIM_ROWS,)
            ).rowcount

    def close(self) -> None:
        """As `OutcomeStore`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self._db
        with _told_apart():
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already.
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise


def _insert_plain(db: sqlite3.Connection, rows: Sequence[PlainRow]) -> None:
    whole = len(rows) - len(rows) % _ROWS_AT_ONCE
    for begin in range(0, whole, _ROWS_AT_ONCE):
        db.execute(_INSERT_MANY, tuple(chain.from_iterable(rows[begin : begin + _ROWS_AT_ONCE])))
    db.executemany(_INSERT_PLAIN, rows[whole:])


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    """Errors of SQLite, and of the file below it, as StoreError."""
    try:
        yield
    except (
        sqlite3.IntegrityError,
        sqlite3.DataError,
        sqlite3.InterfaceError,
        sqlite3.ProgrammingError,
    ) as error:
        raise RowsError(str(error)) from None
    except (OverflowError, UnicodeError) as error:
        raise RowsError(str(error)) from None
    except (sqlite3.Error, sqlite3.Warning, OSError) as error:
        raise StoreError(str(error)) from None
