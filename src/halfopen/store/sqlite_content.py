"""Prompts and answers in one SQLite file. What is deleted is overwritten."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from halfopen.seams.content_store import KeptContent
from halfopen.seams.outcome_store import StoreError
from halfopen.store.content_schema import CONTENT, FIND, NAMES, SIZE, SLICE_ROWS, VERSION, kept_of, row_of
from halfopen.store.schema import definitions
from halfopen.store.sqlite_schema import TYPES

_BUSY_S: Final = 1.0
_JOURNAL_MAX_BYTES: Final = 4 * 1024 * 1024
STEPS: Final[Mapping[int, str]] = {
    0: f"CREATE TABLE content (id INTEGER PRIMARY KEY, {definitions(CONTENT, TYPES)});"
    "CREATE INDEX content_by_request ON content (request_id);"
    "CREATE INDEX content_by_time ON content (ended_wall_s);"
}
"""What brings a file of each version to the next one. 0: a new file."""
_INSERT: Final = f"INSERT INTO content ({NAMES}) VALUES ({', '.join('?' * len(CONTENT))})"  # noqa: S608 - of constants
_DELETE_OLDEST: Final = (
    f"DELETE FROM content WHERE id IN (SELECT id FROM content ORDER BY ended_wall_s LIMIT {SLICE_ROWS})"  # noqa: S608 - of constants
)


class SqliteContent:
    """A `ContentStore` in a file. For one thread."""

    def __init__(self, path: Path) -> None:
        """Name it; `open` makes it."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._size_bytes = self._rows = 0

    def open(self) -> None:
        """As `ContentStore`. A file of a later version is left alone."""
        if self._connection is not None:
            return
        with _told_apart():
            connection = sqlite3.connect(self._path, isolation_level=None, timeout=_BUSY_S)
            try:
                self._path.chmod(0o600)
                self._prepare(connection)
                self._size_bytes, self._rows = connection.execute(SIZE).fetchone()
                self._inode = self._path.stat().st_ino
            except BaseException:
                connection.close()
                raise
        self._connection = connection

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA secure_delete = ON")
        db.execute(f"PRAGMA journal_size_limit = {_JOURNAL_MAX_BYTES}")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreError(f"{self._path} was made by a later version of Halfopen")
        for step in range(version, VERSION):
            db.executescript(f"BEGIN IMMEDIATE; {STEPS[step]} PRAGMA user_version = {step + 1}; COMMIT")

    def write(self, rows: Sequence[KeptContent]) -> None:
        """As `ContentStore`: one transaction."""
        with self._transaction() as db:
            db.executemany(_INSERT, map(row_of, rows))
        self._rows += len(rows)
        self._size_bytes += sum(len(row.prompt) + len(row.answer) for row in rows)

    def size_bytes(self) -> int:
        """As `ContentStore`."""
        return self._size_bytes

    def count(self) -> int:
        """As `ContentStore`."""
        return self._rows

    def forget(self, before_wall_s: float) -> int:
        """As `ContentStore`."""
        with self._transaction() as db:
            gone = db.execute("DELETE FROM content WHERE ended_wall_s < ?", (before_wall_s,)).rowcount
        return self._gone(gone)

    def trim(self, max_bytes: int) -> int:
        """As `ContentStore`."""
        if self._size_bytes <= max_bytes:
            return 0
        with self._transaction() as db:
            gone = db.execute(_DELETE_OLDEST).rowcount
        return self._gone(gone)

    def _gone(self, rows: int) -> int:
        if rows:
            with _told_apart():
                self._size_bytes, self._rows = self._db.execute(SIZE).fetchone()
                # What was deleted stands in the log until that begins anew.
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return rows

    def close(self) -> None:
        """As `ContentStore`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError("it isn't open")
        return self._connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self._db
        with _told_apart():
            if self._path.stat().st_ino != self._inode:
                raise StoreError(f"{self._path} was replaced")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise


class SqliteContentReader:
    """A `ContentReader` of a file. Opens it for each question: few are asked."""

    def __init__(self, path: Path) -> None:
        """Name it. If it isn't there, nothing is kept."""
        self._path = path

    def find(self, request_id: str) -> KeptContent | None:
        """As `ContentReader`."""
        if not self._path.exists():
            return None
        with _told_apart():
            place = f"file:{quote(str(self._path))}?mode=ro"
            with contextlib.closing(sqlite3.connect(place, uri=True, timeout=_BUSY_S)) as db:
                (version,) = db.execute("PRAGMA user_version").fetchone()
                row = db.execute(FIND, (request_id,)).fetchone() if version else None
        return None if row is None else kept_of(row)

    def close(self) -> None:
        """As `ContentReader`."""


@contextlib.contextmanager
def _told_apart() -> Iterator[None]:
    """Errors of SQLite, and of the file below it, as StoreError."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeError, OverflowError) as error:
        raise StoreError(str(error)) from None
