"""What SQLite and PostgreSQL do in the same words: adding to counts, forgetting, searching.

Statements have question marks for values; who executes them puts what its database wants in their place.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, Protocol

import msgspec

from halfopen.seams.ledger import LIMIT_MAX, Kept, Only, Search
from halfopen.seams.outcome_store import Retention
from halfopen.seams.sums import GONE, OK, TABLES, Counts, Sums
from halfopen.signals.bounded_names import OTHERS
from halfopen.store.schema import EVER, HOUR_S, MINUTE_S

SLICE_ROWS: Final = 2000
"""Rows that are deleted at once."""


class Result(Protocol):
    """What a statement gives."""

    @property
    def rowcount(self) -> int:
        """Rows that it changed."""
        ...

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...


Execute = Callable[[str, Sequence[Any]], Result]


def adding(table: str, keys: Sequence[str], counts: Sequence[str]) -> str:
    """What makes an INSERT into a table of counts add to what is there."""
    added = ", ".join(f"{count} = {table}.{count} + excluded.{count}" for count in counts)
    return f"ON CONFLICT (span_s, {', '.join(keys)}) DO UPDATE SET {added}"


def spans_of(sums: Sums) -> Iterator[tuple[str, int, Counts]]:
    """What is added for them: to which table, to which span, and what."""
    for span_s, in_span in ((MINUTE_S, sums), (EVER, sums.in_spans_of(EVER))):
        for table, counts in in_span.tables().items():
            if counts:
                yield table, span_s, counts


def delete_oldest(execute: Execute, until_id: int, *, rows: str = "outcomes") -> int:
    """Delete the rows before a number from their table; return how many."""
    execute("DELETE FROM row_times WHERE until_id <= ?", (until_id,))
    return execute(f"DELETE FROM {rows} WHERE id < ?", (until_id,)).rowcount  # noqa: S608 - a constant


def forget(execute: Execute, now_wall_s: float, keep: Retention, *, rows: str = "outcomes") -> int:
    """Delete a slice of rows, a minute and an hour of counts that are too old; return how many went.

    Args:
        execute: Executes a statement.
        now_wall_s: Seconds since the Unix epoch.
        keep: For how long what is kept.
        rows: The table of the rows.
    """
    gone = _forget_rows(execute, now_wall_s - keep.rows_s, rows)
    minutes_until_s = int((now_wall_s - keep.minutes_s) // HOUR_S) * HOUR_S
    hours_until_s = int((now_wall_s - keep.hours_s) // HOUR_S) * HOUR_S
    for table, _, _ in TABLES:
        minute_s = _oldest(execute, table, MINUTE_S)
        if minute_s is not None and minute_s < minutes_until_s:
            execute(_INTO_HOURS[table], (minute_s,))
            gone += _forget_stretch(execute, table, MINUTE_S, minute_s)
        hour_s = _oldest(execute, table, HOUR_S)
        if hour_s is not None and hour_s < hours_until_s:
            gone += _forget_stretch(execute, table, HOUR_S, hour_s)
    return gone


def _forget_rows(execute: Execute, before_s: float, rows: str) -> int:
    """The oldest rows, as far as all of them are too old: numbers have no holes."""
    (first,) = execute(f"SELECT min(id) FROM {rows}", ()).fetchone()  # noqa: S608 - a constant
    if first is None:
        return 0
    (until,) = execute(
        f"SELECT min(id) FROM {rows} WHERE id < ? AND ended_wall_s >= ?",  # noqa: S608 - a constant
        (first + SLICE_ROWS, before_s),
    ).fetchone()
    if until == first:
        return 0
    return delete_oldest(execute, first + SLICE_ROWS if until is None else until, rows=rows)


def _oldest(execute: Execute, table: str, span_s: int) -> int | None:
    (start_s,) = execute(f"SELECT min(start_s) FROM {table} WHERE span_s = ?", (span_s,)).fetchone()  # noqa: S608 - of constants
    return None if start_s is None else int(start_s)


def _forget_stretch(execute: Execute, table: str, span_s: int, start_s: int) -> int:
    return execute(f"DELETE FROM {table} WHERE span_s = ? AND start_s = ?", (span_s, start_s)).rowcount  # noqa: S608 - of constants


def _into_hours(table: str, keys: Sequence[str], counts: Sequence[str]) -> str:
    """A minute of a table added to its hour."""
    others = ", ".join(keys[1:])
    return (
        f"INSERT INTO {table} SELECT {HOUR_S}, start_s / {HOUR_S} * {HOUR_S}, {others}, {', '.join(counts)} "  # noqa: S608 - of constants
        f"FROM {table} WHERE span_s = {MINUTE_S} AND start_s = ? {adding(table, keys, counts)}"
    )


_INTO_HOURS: Final = {table: _into_hours(table, keys, counts) for table, keys, counts in TABLES}

# Reading.

KEPT: Final = tuple(name for name in Kept.__struct_fields__ if name not in ("number", "detail"))
"""Columns that are read of each row, after its number."""
_SELECT: Final = f"SELECT id, {', '.join(KEPT)}"
_ALWAYS_S: Final = Search().until_s
_NUMBER_MAX: Final = 2**62
_PART_ROWS: Final = 20_000
ONLY: Final = {
    Only.ALL: "",
    Only.FAILED: "kind IS NOT NULL AND client_gone = 0",
    Only.RESCUED: "rescued = 1",
    Only.GONE: "client_gone = 1",
}
_ONLY_SUMS: Final = {
    Only.ALL: "",
    Only.FAILED: f"result NOT IN ('{OK}', '{GONE}')",
    Only.RESCUED: "rescued > 0",
    Only.GONE: f"result = '{GONE}'",
}


def requests(execute: Execute, search: Search) -> list[Kept]:
    """As `Ledger.requests`."""
    limit = max(1, min(search.limit, LIMIT_MAX))
    where, values = conditions(search)
    found: list[Kept] = []
    statement = f"{_SELECT} FROM outcomes WHERE id >= ? AND id < ? AND {where} ORDER BY id DESC LIMIT ?"
    stretches = _stretches(execute, search)
    if _is_named(search):
        # Read forwards, which a disk does much faster, as far as one looks through at once.
        statement = (
            f"{_SELECT} FROM outcomes WHERE id IN "  # noqa: S608 - of constants
            f"(SELECT id FROM outcomes WHERE id >= ? AND id < ? AND {where}) ORDER BY id DESC LIMIT ?"
        )
        stretches = _parts(stretches)
    for first_id, until_id in stretches:
        rows = execute(statement, (first_id, until_id, *values, limit - len(found)))
        found += [kept(row) for row in rows.fetchall()]
        if len(found) >= limit:
            break
    return found


def request(execute: Execute, request_id: str) -> Kept | None:
    """As `Ledger.request`."""
    row = execute(
        f"{_SELECT}, detail FROM outcomes WHERE request_id = ? ORDER BY id DESC LIMIT 1", (request_id,)
    ).fetchone()
    return None if row is None else kept(row)


def sums(execute: Execute, since_s: float, until_s: float, span_s: int, only: Collection[str]) -> Sums:
    """As `Ledger.sums`."""
    found = Sums()
    for (table, keys, counts), place in zip(TABLES, found.tables().values(), strict=True):
        if table not in only:
            continue
        rows = execute(
            f"SELECT {', '.join((*keys, *counts))} FROM {table} "  # noqa: S608 - of constants
            "WHERE span_s = ? AND start_s >= ? AND start_s < ?",
            (span_s, since_s, until_s),
        )
        for row in rows.fetchall():
            place[row[: len(keys)]] = list(row[len(keys) :])
    return found


SPENT: Final = (
    "SELECT caller, sum(requests), sum(input_tokens) + sum(output_tokens), sum(cost_nusd) FROM request_sums"
)
"""What comes before the conditions and the grouping."""


def spent(execute: Execute, since_s: float, until_s: float) -> dict[str, tuple[int, int, int]]:
    """As `Ledger.spent`."""
    rows = execute(
        f"{SPENT} WHERE route <> '' AND span_s IN (?, ?) AND start_s >= ? AND start_s < ? GROUP BY caller",
        (MINUTE_S, HOUR_S, since_s, until_s),
    )
    return spent_of(rows.fetchall())


def spent_of(rows: Sequence[Sequence[Any]]) -> dict[str, tuple[int, int, int]]:
    """Rows of `SPENT` as `Ledger.spent` gives them."""
    return {row[0]: (int(row[1]), int(row[2]), int(row[3])) for row in rows}


def lost(execute: Execute) -> int:
    """As `Ledger.lost`."""
    (value,) = execute("SELECT value FROM totals WHERE name = 'lost'", ()).fetchone()
    return int(value)


def conditions(search: Search) -> tuple[str, list[Any]]:
    """What a row must be, but for its number."""
    wheres, values = ["ended_wall_s >= ?", "ended_wall_s < ?"], [search.since_s, search.until_s]
    told: list[Any] = list(values)
    if ONLY[search.only]:
        wheres.append(ONLY[search.only])
    for column, value in (
        ("route", search.route),
        ("served_by", search.target),
        ("caller", search.caller),
        ("kind", search.kind),
    ):
        if value:
            wheres.append(f"{column} = ?")
            told.append(value)
    return " AND ".join(wheres), told


def _stretches(execute: Execute, search: Search) -> Iterator[tuple[int, int]]:
    """Where the rows can be, by number, the latest first."""
    if not _is_named(search) and search.since_s <= 0 and search.until_s >= _ALWAYS_S:
        yield 0, search.before or _NUMBER_MAX
        return
    wheres, values = ["newest_s >= ?", "oldest_s < ?"], [search.since_s, search.until_s]
    if search.before:
        wheres.append("first_id < ?")
        values.append(search.before)
    lines = execute(
        f"SELECT first_id, until_id, oldest_s, newest_s FROM row_times WHERE {' AND '.join(wheres)} "  # noqa: S608 - of constants
        "ORDER BY first_id DESC",
        values,
    ).fetchall()
    if lines and _is_named(search):
        times = _times(execute, search, min(line[2] for line in lines))
        lines = [line for line in lines if _meets(times, line[2], line[3])]
    begun: tuple[int, int] | None = None
    for first_id, until_id, _, _ in lines:
        if begun is not None and until_id == begun[0]:
            begun = (first_id, begun[1])
            continue
        if begun is not None:
            yield begun
        begun = (first_id, min(until_id, search.before or until_id))
    if begun is not None:
        yield begun


def _is_named(search: Search) -> bool:
    return bool(search.route or search.target or search.caller or search.kind)


def _parts(stretches: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same rows, not too many at once."""
    for first_id, until_id in stretches:
        for until in range(until_id, first_id, -_PART_ROWS):
            yield max(until - _PART_ROWS, first_id), until


def _times(execute: Execute, search: Search, since_s: float) -> list[tuple[int, int]]:
    """When such requests ended, by the counts of minutes and hours: a rare one is found soon."""
    wheres, values = ["span_s = ?", "start_s > ?", "start_s < ?"], []
    for column, value in (("route", search.route), ("target", search.target)):
        if value:
            wheres.append(f"{column} = ?")
            values.append(value)
    for column, value, other in (("caller", search.caller, OTHERS), ("result", search.kind, GONE)):
        if value:
            wheres.append(f"{column} IN (?, ?)")
            values += [value, other]
    if _ONLY_SUMS[search.only]:
        wheres.append(_ONLY_SUMS[search.only])
    found: list[tuple[int, int]] = []
    for span_s in (MINUTE_S, HOUR_S):
        rows = execute(
            f"SELECT DISTINCT start_s FROM request_sums WHERE {' AND '.join(wheres)}",  # noqa: S608 - of constants
            (span_s, max(since_s, search.since_s) - span_s, search.until_s, *values),
        )
        found += [(start_s, start_s + span_s) for (start_s,) in rows.fetchall()]
    return sorted(found)


def _meets(times: Sequence[tuple[int, int]], oldest_s: float, newest_s: float) -> bool:
    """Whether a stretch of time has any of these. They are in order, and hours may hold minutes."""
    place = bisect_right(times, (newest_s, float("inf")))
    # An hour may begin much earlier than the minutes in it.
    return any(until_s > oldest_s for _, until_s in times[max(place - HOUR_S // MINUTE_S - 2, 0) : place])


def kept(row: Sequence[Any]) -> Kept:
    """A row that was read; its detail stands at the end, if it was."""
    named = dict(zip(KEPT, row[1:], strict=False))
    for name in ("stream", "rescued", "client_gone"):
        named[name] = bool(named[name])
    detail = row[-1] if len(row) > len(KEPT) + 1 else None
    return msgspec.convert({"number": row[0], "detail": detail, **named}, Kept)
