"""Prompts and answers in PostgreSQL, in the schema `halfopen`, by a connection of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from halfopen.seams.content_store import KeptContent
from halfopen.seams.outcome_store import StoreError
from halfopen.store.content_schema import CONTENT, FIND, NAMES, SIZE, SLICE_ROWS, VERSION, kept_of, row_of
from halfopen.store.postgres import TYPES, WRITE_S
from halfopen.store.postgres_ledger import READ_S
from halfopen.store.postgres_link import PostgresLink
from halfopen.store.schema import definitions
from halfopen.store.sql import Execute

_LOCK: Final = 0x68616C66_636F6E74
"""`halfcont` in ASCII. Held while tables are made: several gateways may begin at once."""
STEPS: Final[Mapping[int, str]] = {
    0: f"CREATE TABLE content (id bigserial PRIMARY KEY, {definitions(CONTENT, TYPES)});"
    "CREATE INDEX content_by_request ON content (request_id);"
    "CREATE INDEX content_by_time ON content (ended_wall_s);"
}
"""What brings the tables of each version to the next one. 0: there are none."""
_INSERT: Final = f"INSERT INTO content ({NAMES}) VALUES ({', '.join('?' * len(CONTENT))})"  # noqa: S608 - of constants
_DELETE_OLDEST: Final = (
    f"DELETE FROM content WHERE id IN (SELECT id FROM content ORDER BY ended_wall_s LIMIT {SLICE_ROWS})"  # noqa: S608 - of constants
)


class PostgresContent:
    """A `ContentStore` in a database. For one thread."""

    def __init__(self, url: str, *, wait_s: float = WRITE_S) -> None:
        """Name it; `open` connects."""
        self._link = PostgresLink(url, wait_s=wait_s)
        self._size_bytes = self._rows = 0

    def open(self) -> None:
        """As `ContentStore`. A table of a later version is left alone."""
        if self._link.connection is not None:
            return
        self._link.open()
        try:
            with self._link.transaction() as execute:
                _prepare(execute)
                self._look(execute)
        except BaseException:
            self._link.close()
            raise

    def write(self, rows: Sequence[KeptContent]) -> None:
        """As `ContentStore`: one transaction."""
        with self._link.transaction() as execute:
            for row in rows:
                execute(_INSERT, row_of(row))
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
        return self._delete("DELETE FROM content WHERE ended_wall_s < ?", before_wall_s)

    def trim(self, max_bytes: int) -> int:
        """As `ContentStore`. What autovacuum frees is used again."""
        return 0 if self._size_bytes <= max_bytes else self._delete(_DELETE_OLDEST)

    def _delete(self, statement: str, *values: float) -> int:
        with self._link.transaction() as execute:
            gone = execute(statement, values).rowcount
            if gone:
                self._look(execute)
        return gone

    def _look(self, execute: Execute) -> None:
        size_bytes, rows = execute(SIZE, ()).fetchone()
        self._size_bytes, self._rows = int(size_bytes), int(rows)

    def close(self) -> None:
        """As `ContentStore`."""
        self._link.close()


def _prepare(execute: Execute) -> None:
    execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
    execute("CREATE SCHEMA IF NOT EXISTS halfopen", ())
    execute("CREATE TABLE IF NOT EXISTS content_version (version bigint NOT NULL)", ())
    row = execute("SELECT version FROM content_version", ()).fetchone()
    version = 0 if row is None else row[0]
    if version > VERSION:
        raise StoreError("the table of content in this database was made by a later version of Halfopen")
    for step in range(version, VERSION):
        execute(STEPS[step], ())
    if version < VERSION:
        execute("DELETE FROM content_version", ())
        execute("INSERT INTO content_version VALUES (?)", (VERSION,))


class PostgresContentReader:
    """A `ContentReader` of a database. Connects when it is asked, and again after an error."""

    def __init__(self, url: str, *, wait_s: float = READ_S) -> None:
        """Name it."""
        self._link = PostgresLink(url, wait_s=wait_s)

    def find(self, request_id: str) -> KeptContent | None:
        """As `ContentReader`."""
        self._link.open()
        with self._link.told_apart():
            there: Any = self._link.execute("SELECT to_regclass('content')").fetchone()
            row = self._link.execute(FIND, (request_id,)).fetchone() if there[0] is not None else None
        return None if row is None else kept_of(row)

    def close(self) -> None:
        """As `ContentReader`."""
        self._link.close()
