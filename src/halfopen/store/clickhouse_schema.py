"""The tables of ClickHouse, and how those of an earlier version become those of this."""

from collections.abc import Mapping, Sequence
from typing import Final

from halfopen.seams.sums import TABLES
from halfopen.store.schema import OUTCOMES, Column, Sort, sum_columns

VERSION: Final = 2
_TYPES: Final[Mapping[Sort, str]] = {
    Sort.NAME: "String",
    Sort.TEXT: "String",
    Sort.INTEGER: "Int64",
    Sort.FLAG: "UInt8",
    Sort.REAL: "Float64",
    # In base64: rows come and go as JSON.
    Sort.BYTES: "String",
}
_DAY_S: Final = 86400


def _type(column: Column) -> str:
    name = f"Nullable({_TYPES[column.sort]})" if column.nullable else _TYPES[column.sort]
    return f"LowCardinality({name})" if column.sort is Sort.NAME else name


def columns(listed: Sequence[Column]) -> str:
    """Some columns in the SQL of ClickHouse."""
    return ", ".join(f"{column.name} {_type(column)}" for column in listed)


def _sums() -> list[str]:
    """Each with a table beside in which counts are joined."""
    return [
        f"CREATE TABLE IF NOT EXISTS {name} ({columns(sum_columns(keys, counts))}, number Int64) "
        f"ENGINE = MergeTree PARTITION BY (span_s, intDiv(start_s, {_DAY_S})) "
        f"ORDER BY (span_s, {', '.join(keys)})"
        for table, keys, counts in TABLES
        for name in (table, f"{table}_joined")
    ]


_OUTCOMES: Final = (
    f"CREATE TABLE IF NOT EXISTS outcomes (id Int64, {columns(OUTCOMES)}, number Int64, "
    "INDEX by_request request_id TYPE bloom_filter(0.001) GRANULARITY 1, "
    "INDEX by_time ended_wall_s TYPE minmax GRANULARITY 1) ENGINE = MergeTree ORDER BY id"
)
_COMMITS: Final = (
    "CREATE TABLE IF NOT EXISTS commits (source String, next Int64, number Int64, lost Int64, "
    "first_id Int64, until_id Int64, minutes_from_s Int64) "
    "ENGINE = ReplacingMergeTree(number) ORDER BY source"
)
_VOIDS: Final = (
    "CREATE TABLE IF NOT EXISTS voids (after Int64, before Int64) ENGINE = MergeTree ORDER BY before"
)
STEPS: Final[Mapping[int, Sequence[str]]] = {0: (_OUTCOMES, *_sums(), _COMMITS), 1: (_VOIDS,)}
"""What brings the tables of each version to the next one. 0: there are none.

ClickHouse takes none of them back, so each may have been executed before, by whoever was killed then."""
