"""Outcomes in PostgreSQL, in the schema `halfopen` of a database.

One gateway writes to a database: it holds an advisory lock as long as it is connected. So a statement that
an earlier connection had begun can't take effect after the next has looked how far it had got.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

from halfopen.seams.outcome_store import Batch, Retention, Row, StoreError
from halfopen.seams.sums import TABLES, Sums
from halfopen.store import sql
from halfopen.store.checked_rows import checked
from halfopen.store.postgres_link import PostgresLink
from halfopen.store.row_times import Line, joined, line_of
from halfopen.store.schema import OUTCOMES, SOURCES_MAX, Sort, definitions, indexes, sum_columns, tables

WRITE_S: Final = 20.0
"""A statement that takes longer is given up."""
VERSION: Final = 1
_LOCK: Final = 0x68616C66_6F70656E
"""`halfopen` in ASCII: the number of the advisory lock."""
TYPES: Final[Mapping[Sort, str]] = {
    Sort.NAME: "text",
    Sort.TEXT: "text",
    Sort.INTEGER: "bigint",
    Sort.FLAG: "smallint",
    Sort.REAL: "double precision",
    Sort.BYTES: "bytea",
}
STEPS: Final[Mapping[int, str]] = {
    0: tables(
        TYPES,
        rows=f"CREATE TABLE outcomes (id bigint PRIMARY KEY, {definitions(OUTCOMES, TYPES)});"
        + indexes("outcomes"),
        sums_end=" WITH (fillfactor = 50)",
    )
    + "ALTER TABLE sources ADD COLUMN turn bigserial;"
}
"""What brings the tables of each version to the next one. 0: there are none."""
_ROW_EXTRA_BYTES: Final = 100
"""Of a row beyond its values: its header and its places in the indexes."""
_LIKE_ROWS: Final = 500
"""The latest rows, whose size tells that of all."""


class PostgresOutcomes:
    """An `OutcomeStore` in a database. For one thread."""

    def __init__(self, url: str, *, wait_s: float = WRITE_S) -> None:
        """Name it; `open` connects."""
        self._link = PostgresLink(url, wait_s=wait_s)
        self._line: Line | None = None
        self._row_bytes = 0.0
        self._sums_bytes = 0
        self._looked_at_id = 0

    def open(self) -> None:
        """As `OutcomeStore`. Tables of a later version are left alone."""
        if self._link.connection is not None:
            return
        self._link.open()
        self._line, self._looked_at_id = None, 0
        try:
            self._link.hold(_LOCK)
            with self._link.transaction() as execute:
                self._prepare(execute)
        except BaseException:
            self._link.close()
            raise

    def _prepare(self, execute: sql.Execute) -> None:
        execute("CREATE SCHEMA IF NOT EXISTS halfopen", ())
        execute("CREATE TABLE IF NOT EXISTS version (version bigint NOT NULL)", ())
        row = execute("SELECT version FROM version", ()).fetchone()
        version = 0 if row is None else row[0]
        if version > VERSION:
            raise StoreError("the tables in this database were made by a later version of Halfopen")
        for step in range(version, VERSION):
            execute(STEPS[step], ())
        if version < VERSION:
            execute("DELETE FROM version", ())
            execute("INSERT INTO version VALUES (?)", (VERSION,))
        # A source that tells something moves to the end.
        execute(
            "DELETE FROM sources WHERE turn NOT IN (SELECT turn FROM sources ORDER BY turn DESC LIMIT ?)",
            (SOURCES_MAX,),
        )

    def write(self, batches: Sequence[Batch]) -> int:
        """As `OutcomeStore`: one transaction."""
        with self._link.transaction() as execute:
            known = self._next(execute, {batch.source for batch in batches})
            told: dict[str, int] = {}
            new: list[Batch] = []
            sums, lost = Sums(), 0
            for batch in batches:
                before = told.get(batch.source, known.get(batch.source))
                if batch.next <= (before or 0):
                    continue
                lost += batch.missed(before)
                sums.add(batch.sums)
                new.append(batch)
                told[batch.source] = batch.next
            line = self._insert(execute, new)
            _add_sums(execute, sums)
            for source, reached in told.items():
                execute(_SET_SOURCE, (source, reached))
            if lost:
                execute("UPDATE totals SET value = value + ? WHERE name = 'lost'", (lost,))
        self._line = line or self._line
        return sum(batch.count for batch in new)

    def _insert(self, execute: sql.Execute, batches: Sequence[Batch]) -> Line | None:
        rows: list[Row] = list(chain.from_iterable(checked(batch.rows) for batch in batches))
        (last,) = execute("SELECT max(id) FROM outcomes", ()).fetchone()
        line = line_of(batches, (last or 0) + 1)
        if line is None:
            return None
        with self._link.copy(_COPY) as copy:
            for number, row in enumerate(rows, line[0]):
                copy.write_row((number, *row))
        line = joined(self._line, line)
        execute(_SET_LINE, line)
        return line

    def _next(self, execute: sql.Execute, sources: set[str]) -> dict[str, int]:
        found = execute("SELECT source, next FROM sources WHERE source = ANY(?)", (list(sources),))
        return dict(found.fetchall())

    def _asked(self, statement: str, *values: Any) -> Any:
        with self._link.told_apart():
            return self._link.execute(statement, values).fetchone()

    def reached(self) -> Mapping[str, int]:
        """As `OutcomeStore`."""
        with self._link.told_apart():
            return dict(self._link.execute("SELECT source, next FROM sources").fetchall())

    def count(self) -> int:
        """As `OutcomeStore`. Numbers have no holes, so the ends tell."""
        first, last = self._asked("SELECT (SELECT min(id) FROM outcomes), (SELECT max(id) FROM outcomes)")
        return 0 if first is None else int(last - first + 1)

    def lost(self) -> int:
        """As `OutcomeStore`."""
        with self._link.told_apart():
            return sql.lost(self._link.execute)

    def size_bytes(self) -> int:
        """As `OutcomeStore`: an estimate, from the size of the latest rows."""
        first, last = self._asked("SELECT (SELECT min(id) FROM outcomes), (SELECT max(id) FROM outcomes)")
        if first is None:
            return 0
        if not self._looked_at_id or last - self._looked_at_id >= _LIKE_ROWS * 10:
            self._look(last)
        return int((last - first + 1) * self._row_bytes) + self._sums_bytes

    def _look(self, last_id: int) -> None:
        (mean,) = self._asked(
            "SELECT avg(pg_column_size(outcomes.*))::float FROM outcomes WHERE id > ?", last_id - _LIKE_ROWS
        )
        self._row_bytes = mean + _ROW_EXTRA_BYTES
        (self._sums_bytes,) = self._asked(
            f"SELECT {' + '.join(f'pg_total_relation_size({name!r})' for name, _, _ in TABLES)}"
        )
        self._looked_at_id = last_id

    def trim(self, max_bytes: int) -> int:
        """As `OutcomeStore`. What autovacuum frees is used again."""
        if self.size_bytes() <= max_bytes:
            return 0
        with self._link.transaction() as execute:
            (first,) = execute("SELECT min(id) FROM outcomes", ()).fetchone()
            return 0 if first is None else sql.delete_oldest(execute, first + sql.SLICE_ROWS)

    def forget(self, now_wall_s: float, keep: Retention) -> int:
        """As `OutcomeStore`."""
        with self._link.transaction() as execute:
            return sql.forget(execute, now_wall_s, keep)

    def close(self) -> None:
        """As `OutcomeStore`."""
        self._link.close()


_COPY: Final = f"COPY outcomes (id, {', '.join(column.name for column in OUTCOMES)}) FROM STDIN"
_SET_SOURCE: Final = (
    "INSERT INTO sources (source, next) VALUES (?, ?) "
    "ON CONFLICT (source) DO UPDATE SET next = excluded.next, turn = DEFAULT"
)
_SET_LINE: Final = (
    "INSERT INTO row_times VALUES (?, ?, ?, ?) ON CONFLICT (first_id) DO UPDATE SET "
    "until_id = excluded.until_id, oldest_s = excluded.oldest_s, newest_s = excluded.newest_s"
)


def _add_to(table: str, keys: Sequence[str], counts: Sequence[str]) -> str:
    """Columns of counts as arrays: one statement for all of them."""
    arrays = ", ".join(f"?::{TYPES[column.sort]}[]" for column in sum_columns(keys, counts))
    return f"INSERT INTO {table} SELECT * FROM unnest({arrays}) {sql.adding(table, keys, counts)}"  # noqa: S608 - of constants


_ADD_TO: Final = {table: _add_to(table, keys, counts) for table, keys, counts in TABLES}


def _add_sums(execute: sql.Execute, sums: Sums) -> None:
    """To the minutes, and to all time."""
    for table, span_s, counts in sql.spans_of(sums):
        rows = [(span_s, *key, *added) for key, added in counts.items()]
        execute(_ADD_TO[table], [list(column) for column in zip(*rows, strict=True)])
