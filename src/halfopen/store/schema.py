"""The tables of the record of outcomes, described once; each store makes its own definitions of them.

Rows have numbers that grow by one from row to row, in the order in which they came. That is nearly the order
of time; `row_times` says which rows ended when, so that a search by time needs no index of every row. The
counts of a stretch of time stand in the tables of `seams.sums`, by the length of the stretch in `span_s`: a
minute, an hour, and 0 for all time.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

from halfopen.seams.sums import TABLES

MINUTE_S: Final = 60
HOUR_S: Final = 3600
EVER: Final = 0
"""As `span_s`: all time. Such counts begin at 0."""
SOURCES_MAX: Final = 1000
"""Sources that are remembered, the latest ones."""


class Sort(Enum):
    """What a column holds."""

    NAME = "name"
    """A text of which there are few."""
    TEXT = "text"
    INTEGER = "integer"
    FLAG = "flag"
    """0 or 1."""
    REAL = "real"
    BYTES = "bytes"


class Column(NamedTuple):
    """One column."""

    name: str
    sort: Sort
    default: str | None = None
    """As SQL has it."""
    nullable: bool = False


def _optional(name: str, sort: Sort) -> Column:
    return Column(name, sort, nullable=True)


OUTCOMES: Final = (
    Column("request_id", Sort.TEXT),
    Column("route", Sort.NAME),
    Column("client", Sort.NAME),
    Column("caller", Sort.NAME, "''"),
    Column("snapshot", Sort.NAME, "''"),
    Column("stream", Sort.FLAG),
    Column("ended_wall_s", Sort.REAL),
    Column("duration_ms", Sort.REAL),
    Column("queue_ms", Sort.REAL, "0"),
    _optional("connect_ms", Sort.REAL),
    _optional("first_byte_ms", Sort.REAL),
    _optional("first_content_ms", Sort.REAL),
    _optional("served_by", Sort.NAME),
    _optional("input_tokens", Sort.INTEGER),
    _optional("output_tokens", Sort.INTEGER),
    _optional("cached_tokens", Sort.INTEGER),
    Column("received_bytes", Sort.INTEGER, "0"),
    Column("sent_bytes", Sort.INTEGER, "0"),
    _optional("skipped", Sort.TEXT),
    Column("cost_nusd", Sort.INTEGER, "0"),
    Column("rescued", Sort.FLAG, "0"),
    _optional("kind", Sort.NAME),
    Column("client_gone", Sort.FLAG, "0"),
    Column("attempts", Sort.INTEGER, "1"),
    Column("wasted_tokens", Sort.INTEGER, "0"),
    Column("wasted_nusd", Sort.INTEGER, "0"),
    _optional("detail", Sort.BYTES),
)
"""Columns of `outcomes`, after the number: those of `seams.outcome_store.DETAILED`."""

SOURCES: Final = (Column("source", Sort.TEXT), Column("next", Sort.INTEGER))
TOTALS: Final = (Column("name", Sort.TEXT), Column("value", Sort.INTEGER))
ROW_TIMES: Final = (
    Column("first_id", Sort.INTEGER),
    Column("until_id", Sort.INTEGER),
    Column("oldest_s", Sort.REAL),
    Column("newest_s", Sort.REAL),
)
"""Rows from one number on and before another ended between two times."""


def sum_columns(keys: Sequence[str], counts: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a table of counts."""
    return (
        Column("span_s", Sort.INTEGER),
        *(Column(key, Sort.INTEGER if key in ("start_s", "bucket") else Sort.NAME) for key in keys),
        *(Column(count, Sort.INTEGER) for count in counts),
    )


def definition(column: Column, types: Mapping[Sort, str]) -> str:
    """A column in the SQL of SQLite or PostgreSQL."""
    words = [column.name, types[column.sort]]
    if not column.nullable:
        words.append("NOT NULL")
    if column.default is not None:
        words.append(f"DEFAULT {column.default}")
    return " ".join(words)


def definitions(columns: Sequence[Column], types: Mapping[Sort, str]) -> str:
    """Some columns in the SQL of SQLite or PostgreSQL."""
    return ", ".join(definition(column, types) for column in columns)


def tables(types: Mapping[Sort, str], *, rows: str, sums_end: str = "") -> str:
    """The statements that make all tables in SQLite or PostgreSQL.

    Args:
        types: The name of the type of each sort.
        rows: The statements that make what has the columns of `OUTCOMES`, with its indexes.
        sums_end: What stands after the columns of each table of counts.
    """
    made = [
        rows,
        f"CREATE TABLE sources ({definitions(SOURCES, types)}, PRIMARY KEY (source));",
        f"CREATE TABLE totals ({definitions(TOTALS, types)}, PRIMARY KEY (name));",
        "INSERT INTO totals VALUES ('lost', 0);",
    ]
    return "\n".join((*made, row_times(types), sum_tables(types, sums_end)))


def row_times(types: Mapping[Sort, str]) -> str:
    """The statement that makes `row_times`."""
    return f"CREATE TABLE row_times ({definitions(ROW_TIMES, types)}, PRIMARY KEY (first_id));"


def sum_tables(types: Mapping[Sort, str], end: str = "") -> str:
    """The statements that make the tables of counts, with `end` after the columns of each."""
    return "\n".join(
        f"CREATE TABLE {table} ({definitions(sum_columns(keys, counts), types)}, "
        f"PRIMARY KEY (span_s, {', '.join(keys)})){end};"
        for table, keys, counts in TABLES
    )


def indexes(table: str) -> str:
    """The statements that make the indexes of the rows."""
    return f"""
CREATE INDEX outcomes_by_request ON {table} (request_id);
CREATE INDEX outcomes_that_failed ON {table} (id) WHERE kind IS NOT NULL;
CREATE INDEX outcomes_whose_client_left ON {table} (id) WHERE client_gone = 1;
CREATE INDEX outcomes_that_were_rescued ON {table} (id) WHERE rescued = 1;
"""
