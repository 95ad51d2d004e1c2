"""Reads outcomes where SQLite and PostgreSQL are asked in the same words."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager

from halfopen.seams.ledger import Kept, Search
from halfopen.seams.sums import ALL_TABLES, Sums
from halfopen.store import sql


class SqlLedger:
    """What a `Ledger` is asked; a subclass says where."""

    def _reading(self) -> AbstractContextManager[sql.Execute]:
        """One state of the tables, whatever is written meanwhile."""
        raise NotImplementedError

    def requests(self, search: Search) -> list[Kept]:
        """As `Ledger`."""
        with self._reading() as execute:
            return sql.requests(execute, search)

    def request(self, request_id: str) -> Kept | None:
        """As `Ledger`."""
        with self._reading() as execute:
            return sql.request(execute, request_id)

    def sums(
        self, since_s: float, until_s: float, *, span_s: int, only: Collection[str] = ALL_TABLES
    ) -> Sums:
        """As `Ledger`."""
        with self._reading() as execute:
            return sql.sums(execute, since_s, until_s, span_s, only)

    def spent(self, since_s: float, until_s: float) -> Mapping[str, tuple[int, int, int]]:
        """As `Ledger`."""
        with self._reading() as execute:
            return sql.spent(execute, since_s, until_s)

    def lost(self) -> int:
        """As `Ledger`."""
        with self._reading() as execute:
            return sql.lost(execute)
