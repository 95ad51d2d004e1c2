"""Outcomes in one SQLite file.

Write-ahead log, and synced at checkpoints only: a power cut may cost the last transactions, but never the
file. See docs/decisions/0015 for why this is `sqlite3` itself.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from halfopen.seams.outcome_store import (
    CONTEXT,
    DETAILED,
    PRICED,
    Batch,
    Group,
    Retention,
    Row,
    Rows,
    RowsError,
    StoreError,
)
from halfopen.seams.sums import TABLES, Sums
from halfopen.store import sql
from halfopen.store.row_times import Line, joined, line_of
from halfopen.store.schema import SOURCES_MAX
from halfopen.store.sqlite_schema import ROWS, STEPS, VERSION

_PAGE_BYTES: Final = 16 * 1024
"""Of a new file. A tenth less CPU time for each row than with pages of 4 KiB."""
_CHECKPOINT_PAGES: Final = 512
_JOURNAL_MAX_BYTES: Final = 16 * 1024 * 1024
_BUSY_MS: Final = 200

_ROWS_AT_ONCE: Final = (64, 8, 1)
"""Plain rows of one statement: a quarter less CPU time than a statement for each row."""
_ALL: Final = 2**62
_CONTEXTS_MAX: Final = 4096
"""Contexts whose number is remembered."""


def _insert(table: str, columns: Sequence[str], rows: str = "") -> str:
    """A statement for one row, or for rows whose values are given otherwise."""
    rows = rows or f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {rows}"  # noqa: S608 - no input in it


def _insert_plain_rows(count: int, rescued: int) -> str:
    """A statement for plain rows of one context, which is its first value."""
    places = ", ".join("?" * len(PRICED))
    rows = ", ".join([f"(?1, {rescued}, {places})"] * count)
    return _insert(ROWS, ("context", "rescued", *PRICED), rows)


_INSERT_PLAIN: Final = {
    (count, rescued): _insert_plain_rows(count, rescued) for count in _ROWS_AT_ONCE for rescued in (0, 1)
}
_INSERT_DETAILED: Final = _insert(ROWS, ("context", *DETAILED[len(CONTEXT) :]))
_INSERT_CONTEXT: Final = _insert("contexts", (*CONTEXT, "until_id"))
_SET_SOURCE: Final = "INSERT OR REPLACE INTO sources (source, next) VALUES (?, ?)"


class SqliteOutcomes:
    """An `OutcomeStore` in a file. For one thread."""

    def __init__(self, path: Path) -> None:
        """Name it; `open` makes it."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._line: Line | None = None
        """The last of `row_times`, if it was written by this one."""
        self._contexts: dict[Row, int] = {}
        """The numbers of contexts that are in the file."""
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
        self._line = None
        self._contexts.clear()
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
        if version > VERSION:
            raise StoreError(f"{self._path} was made by a later version of Halfopen")
        if version < VERSION:
            db.executescript(f"BEGIN IMMEDIATE; {STEPS[version]} PRAGMA user_version = {VERSION}; COMMIT")
        if version == 0:
            db.executemany(_SET_SOURCE, self._told.items())
        # A source that tells something moves to the end.
        db.execute(
            "DELETE FROM sources WHERE rowid NOT IN (SELECT rowid FROM sources ORDER BY rowid DESC LIMIT ?)",
            (SOURCES_MAX,),
        )
        self._path.chmod(0o600)

    def write(self, batches: Sequence[Batch]) -> int:
        """As `OutcomeStore`: one transaction."""
        self._check_place()
        with self._transaction() as db:
            written = lost = 0
            told: dict[str, int] = {}
            new: list[Batch] = []
            sums = Sums()
            used: set[int] = set()
            (last,) = db.execute(f"SELECT max(id) FROM {ROWS}").fetchone()  # noqa: S608 - a constant
            for batch in batches:
                known = told[batch.source] if batch.source in told else self._next(batch.source)
                if batch.next <= (known or 0):
                    continue
                lost += batch.missed(known)
                used |= self._insert(db, batch.rows)
                sums.add(batch.sums)
                written += batch.count
                new.append(batch)
                told[batch.source] = batch.next
            _add_sums(db, sums)
            line = line_of(new, (last or 0) + 1)
            if line is not None:
                line = joined(self._line, line)
                db.execute("INSERT OR REPLACE INTO row_times VALUES (?, ?, ?, ?)", line)
                ends = [(line[1], context_id) for context_id in used]
                db.executemany("UPDATE contexts SET until_id = ? WHERE id = ?", ends)
            db.executemany(_SET_SOURCE, told.items())
            if lost:
                db.execute("UPDATE totals SET value = value + ? WHERE name = 'lost'", (lost,))
        self._line = line or self._line
        self._told.update(told)
        while len(self._told) > SOURCES_MAX:
            del self._told[next(iter(self._told))]
        return written

    def _insert(self, db: sqlite3.Connection, rows: Rows) -> set[int]:
        """Insert rows; return the numbers of their contexts."""
        used: set[int] = set()
        for group in rows.plain:
            number = self._context(db, group.context)
            used.add(number)
            _insert_plain(db, number, group)
        size = len(CONTEXT)
        for row in rows.detailed:
            number = self._context(db, row[:size])
            used.add(number)
            db.execute(_INSERT_DETAILED, (number, *row[size:]))
        return used

    def _context(self, db: sqlite3.Connection, context: Row) -> int:
        """The number of a context. One that isn't remembered is written, if need be once more."""
        number = self._contexts.get(context)
        if number is None:
            if len(self._contexts) >= _CONTEXTS_MAX:
                self._contexts.clear()
            number = db.execute(_INSERT_CONTEXT, (*context, 0)).lastrowid
            assert number is not None
            self._contexts[context] = number
        return number

    def _check_place(self) -> None:
        """SQLite would go on writing to a file that was removed."""
        with _told_apart():
            if self._connection is not None and self._path.stat().st_ino != self._inode:
                raise StoreError(f"{self._path} was replaced")

    def _next(self, source: str) -> int | None:
        row = self._db.execute("SELECT next FROM sources WHERE source = ?", (source,)).fetchone()
        return None if row is None else int(row[0])

    def reached(self) -> Mapping[str, int]:
        """As `OutcomeStore`."""
        with _told_apart():
            return dict(self._db.execute("SELECT source, next FROM sources").fetchall())

    def count(self) -> int:
        """As `OutcomeStore`. Rows go in the order of their ids, so the ends tell."""
        with _told_apart():
            (rows,) = self._db.execute(
                f"SELECT (SELECT max(id) FROM {ROWS}) - (SELECT min(id) FROM {ROWS}) + 1"  # noqa: S608 - of constants
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
            (first,) = db.execute(f"SELECT min(id) FROM {ROWS}").fetchone()  # noqa: S608 - a constant
            if first is None:
                return 0
            gone = sql.delete_oldest(db.execute, first + sql.SLICE_ROWS, rows=ROWS)
            self._forget_contexts(db)
            return gone

    def forget(self, now_wall_s: float, keep: Retention) -> int:
        """As `OutcomeStore`."""
        with self._transaction() as db:
            gone = sql.forget(db.execute, now_wall_s, keep, rows=ROWS)
            self._forget_contexts(db)
            return gone

    def _forget_contexts(self, db: sqlite3.Connection) -> None:
        """Those that no row has any more."""
        (first,) = db.execute(f"SELECT min(id) FROM {ROWS}").fetchone()  # noqa: S608 - a constant
        gone = db.execute("DELETE FROM contexts WHERE until_id <= ?", (_ALL if first is None else first,))
        if gone.rowcount:
            self._contexts.clear()

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
                self._contexts.clear()
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise


def _add_to(table: str, keys: Sequence[str], counts: Sequence[str]) -> str:
    names = ("span_s", *keys, *counts)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) "  # noqa: S608 - of constants
        f"{sql.adding(table, keys, counts)}"
    )


_ADD_TO: Final = {table: _add_to(table, keys, counts) for table, keys, counts in TABLES}


def _add_sums(db: sqlite3.Connection, sums: Sums) -> None:
    """To the minutes, and to all time."""
    for table, span_s, counts in sql.spans_of(sums):
        db.executemany(_ADD_TO[table], [(span_s, *key, *added) for key, added in counts.items()])


def _insert_plain(db: sqlite3.Connection, context_id: int, group: Group) -> None:
    rows, place = group.rows, 0
    for count in _ROWS_AT_ONCE:
        statement = _INSERT_PLAIN[count, group.rescued]
        while len(rows) - place >= count:
            values = chain.from_iterable(rows[place : place + count])
            db.execute(statement, (context_id, *values))
            place += count


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
