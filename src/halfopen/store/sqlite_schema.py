"""The tables of the file of SQLite, and how one of an earlier version becomes one of this.

What many requests have in common stands once in `contexts`: a row is a third as large as with all of it, and
half as dear to write. The view `outcomes` puts the two together again, for everybody who reads.
"""

from collections.abc import Mapping
from typing import Final

from halfopen.seams.outcome_store import CONTEXT, DETAILED
from halfopen.seams.sums import REQUEST_COUNTS
from halfopen.store.schema import (
    EVER,
    MINUTE_S,
    OUTCOMES,
    Sort,
    definition,
    definitions,
    indexes,
    row_times,
    sum_tables,
    tables,
)

VERSION: Final = 4
_TYPES: Final[Mapping[Sort, str]] = {
    Sort.NAME: "TEXT",
    Sort.TEXT: "TEXT",
    Sort.INTEGER: "INTEGER",
    Sort.FLAG: "INTEGER",
    Sort.REAL: "REAL",
    Sort.BYTES: "BLOB",
}
TYPES: Final = _TYPES
"""The name of the type of each sort of column."""
_SUMS_END: Final = " WITHOUT ROWID"
ROWS: Final = "outcome_rows"
"""The table of the rows."""
_IN_CONTEXT: Final = tuple(column for column in OUTCOMES if column.name in CONTEXT)
_OF_A_ROW: Final = tuple(column for column in OUTCOMES if column.name not in CONTEXT)
# A row refers to its context before all else: SQLite is to look for contexts by their number only.
_OUTCOMES: Final = f"""
CREATE TABLE contexts (id INTEGER PRIMARY KEY, {definitions(_IN_CONTEXT, _TYPES)}, until_id INTEGER NOT NULL);
CREATE INDEX contexts_by_end ON contexts (until_id);
CREATE TABLE {ROWS} (id INTEGER PRIMARY KEY, context INTEGER NOT NULL, {definitions(_OF_A_ROW, _TYPES)});
CREATE VIEW outcomes AS SELECT {ROWS}.id, {", ".join(DETAILED)}
FROM {ROWS} CROSS JOIN contexts ON contexts.id = {ROWS}.context;
"""  # noqa: S608 - of constants
"""`until_id` of a context: no row from this number on has it."""
_NEW_COLUMNS: Final = (
    "caller",
    "snapshot",
    "queue_ms",
    "connect_ms",
    "first_byte_ms",
    "cached_tokens",
    "received_bytes",
    "sent_bytes",
    "cost_nusd",
    "rescued",
    "wasted_tokens",
    "wasted_nusd",
)
_FROM_1: Final = "ALTER TABLE outcomes ADD COLUMN skipped TEXT;\n"


def _counted(span_s: int, start: str) -> str:
    """The counts of the rows of an earlier version."""
    told = {
        "requests": "count(*)",
        "streams": "sum(stream)",
        "input_tokens": "sum(coalesce(input_tokens, 0))",
        "output_tokens": "sum(coalesce(output_tokens, 0))",
        "duration_us": "sum(CAST(round(duration_ms * 1000) AS INTEGER))",
        "first_content_us": "sum(coalesce(CAST(round(first_content_ms * 1000) AS INTEGER), 0))",
        "with_first_content": "count(first_content_ms)",
    }
    counts = ", ".join(told.get(count, "0") for count in REQUEST_COUNTS)
    return (
        f"INSERT INTO request_sums SELECT {span_s}, {start}, route, coalesce(served_by, ''), '', "  # noqa: S608 - of constants
        f"CASE WHEN client_gone THEN 'client_gone' ELSE coalesce(kind, 'ok') END AS result, {counts} "
        "FROM outcomes GROUP BY 1, 2, 3, 4, 5, 6;\n"
    )


_FROM_2: Final = (
    "".join(
        f"ALTER TABLE outcomes ADD COLUMN {definition(column, _TYPES)};\n"
        for column in OUTCOMES
        if column.name in _NEW_COLUMNS
    )
    + sum_tables(_TYPES, _SUMS_END)
    + _counted(MINUTE_S, "CAST(ended_wall_s / 60 AS INTEGER) * 60")
    + _counted(EVER, "0")
    + row_times(_TYPES)
    + "INSERT INTO row_times SELECT min(id), max(id) + 1, min(ended_wall_s), max(ended_wall_s) "
    "FROM outcomes GROUP BY id / 2000;\n"
)
_NAMES_IN_CONTEXT: Final = ", ".join(column.name for column in _IN_CONTEXT)
_NAMES_OF_A_ROW: Final = ", ".join(column.name for column in _OF_A_ROW)
_SAME: Final = " AND ".join(f"contexts.{column.name} IS outcomes_3.{column.name}" for column in _IN_CONTEXT)
_INTO_TWO: Final = f"""
INSERT INTO contexts ({_NAMES_IN_CONTEXT}, until_id)
SELECT {_NAMES_IN_CONTEXT}, max(id) + 1 FROM outcomes_3 GROUP BY {_NAMES_IN_CONTEXT};
CREATE INDEX contexts_by_value ON contexts ({_NAMES_IN_CONTEXT});
INSERT INTO {ROWS} (id, context, {_NAMES_OF_A_ROW})
SELECT outcomes_3.id, contexts.id, {_NAMES_OF_A_ROW} FROM outcomes_3 CROSS JOIN contexts ON {_SAME};
DROP INDEX contexts_by_value;
DROP TABLE outcomes_3;
"""  # noqa: S608 - of constants
_FROM_3: Final = "ALTER TABLE outcomes RENAME TO outcomes_3;\n" + _OUTCOMES + _INTO_TWO + indexes(ROWS)

STEPS: Final[Mapping[int, str]] = {
    0: tables(_TYPES, rows=_OUTCOMES + indexes(ROWS), sums_end=_SUMS_END),
    1: _FROM_1 + _FROM_2 + _FROM_3,
    2: _FROM_2 + _FROM_3,
    3: _FROM_3,
}
"""What brings a file of each version to this one. 0: a new file."""
