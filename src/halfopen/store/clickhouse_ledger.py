"""Reads outcomes from ClickHouse, up to the last commit: see `store.clickhouse`."""

from collections.abc import Collection, Mapping
from typing import Final

from halfopen.seams.ledger import LIMIT_MAX, Kept, Search
from halfopen.seams.sums import ALL_TABLES, TABLES, Sums
from halfopen.store import sql
from halfopen.store.clickhouse_commits import Commit, last_commit, not_void
from halfopen.store.clickhouse_link import ClickhouseLink
from halfopen.store.schema import HOUR_S, MINUTE_S

READ_S: Final = 5
"""An answer that takes longer is none."""
_SELECT: Final = f"SELECT id, {', '.join(sql.KEPT)}"


class ClickhouseLedger:
    """A `Ledger` in a server or a directory. Connects when it is asked, and again after an error."""

    def __init__(self, url: str, *, wait_s: int = READ_S) -> None:
        """Name it."""
        self._link = ClickhouseLink(url, wait_s=wait_s)

    def requests(self, search: Search) -> list[Kept]:
        """As `Ledger`."""
        commit, valid = self._committed()
        where, values = sql.conditions(search)
        until_id = min(search.before or commit.until_id, commit.until_id)
        rows = self._link.ask(
            f"{_SELECT} FROM outcomes WHERE id >= ? AND id < ?{valid} AND {where} ORDER BY id DESC LIMIT ?",
            *(commit.first_id, until_id, *values, max(1, min(search.limit, LIMIT_MAX))),
        )
        return [sql.kept(row) for row in rows]

    def request(self, request_id: str) -> Kept | None:
        """As `Ledger`."""
        commit, valid = self._committed()
        rows = self._link.ask(
            f"{_SELECT}, detail FROM outcomes WHERE id >= ? AND id < ?{valid} AND request_id = ? "
            "ORDER BY id DESC LIMIT 1",
            *(commit.first_id, commit.until_id, request_id),
        )
        return sql.kept(rows[0]) if rows else None

    def sums(
        self, since_s: float, until_s: float, *, span_s: int, only: Collection[str] = ALL_TABLES
    ) -> Sums:
        """As `Ledger`."""
        commit, valid = self._committed()
        if span_s == MINUTE_S:
            since_s = max(since_s, commit.minutes_from_s)
        elif span_s == HOUR_S:
            until_s = min(until_s, commit.minutes_from_s)
        found = Sums()
        for (table, keys, counts), place in zip(TABLES, found.tables().values(), strict=True):
            if table not in only:
                continue
            names = ", ".join(keys)
            rows = self._link.ask(
                f"SELECT {names}, {', '.join(f'sum({table}.{count})' for count in counts)} FROM {table} "  # noqa: S608 - of constants
                f"WHERE span_s = ? AND start_s >= ? AND start_s < ? AND number <= ?{valid} GROUP BY {names}",
                *(span_s, since_s, until_s, commit.number),
            )
            for row in rows:
                place[tuple(row[: len(keys)])] = row[len(keys) :]
        return found

    def spent(self, since_s: float, until_s: float) -> Mapping[str, tuple[int, int, int]]:
        """As `Ledger`."""
        commit, valid = self._committed()
        rows = self._link.ask(
            f"{sql.SPENT} WHERE route <> '' AND (span_s = ? AND start_s >= ? OR span_s = ? AND start_s < ?) "
            f"AND start_s >= ? AND start_s < ? AND number <= ?{valid} GROUP BY caller",
            *(MINUTE_S, commit.minutes_from_s, HOUR_S, commit.minutes_from_s),
            *(since_s, until_s, commit.number),
        )
        return sql.spent_of(rows)

    def lost(self) -> int:
        """As `Ledger`."""
        return self._committed()[0].lost

    def close(self) -> None:
        """As `Ledger`."""
        self._link.close()

    def _committed(self) -> tuple[Commit, str]:
        """The last commit, and what is added to a condition."""
        self._link.open()
        return last_commit(self._link), not_void(self._link)
