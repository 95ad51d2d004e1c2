"""Reads outcomes from PostgreSQL, by a connection of its own."""

import contextlib
from collections.abc import Iterator
from typing import Final

from halfopen.store import sql
from halfopen.store.postgres_link import PostgresLink
from halfopen.store.sql_ledger import SqlLedger

READ_S: Final = 5.0
"""An answer that takes longer is none."""


class PostgresLedger(SqlLedger):
    """A `Ledger` in a database. Connects when it is asked, and again after an error."""

    def __init__(self, url: str, *, wait_s: float = READ_S) -> None:
        """Name it."""
        self._link = PostgresLink(url, wait_s=wait_s)

    def close(self) -> None:
        """As `Ledger`."""
        self._link.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sql.Execute]:
        """One state of the tables, whatever is written meanwhile."""
        self._link.open()
        with self._link.transaction(kind="ISOLATION LEVEL REPEATABLE READ READ ONLY") as execute:
            yield execute
