"""Reads the SQLite file of outcomes, by a connection of its own that can't write."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from halfopen.seams.outcome_store import StoreError
from halfopen.store import sql
from halfopen.store.sql_ledger import SqlLedger

_BUSY_S: Final = 1.0


class SqliteLedger(SqlLedger):
    """A `Ledger` in a file. Opens it when it is asked, and again after an error."""

    def __init__(self, path: Path) -> None:
        """Name it."""
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """As `Ledger`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sql.Execute]:
        """One state of the file, whatever is written meanwhile."""
        try:
            if self._connection is None:
                place = f"file:{quote(str(self._path))}?mode=ro"
                self._connection = sqlite3.connect(
                    place, uri=True, isolation_level=None, timeout=_BUSY_S, check_same_thread=False
                )
            self._connection.execute("BEGIN")
            try:
                yield self._connection.execute
            finally:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            raise StoreError(str(error)) from None
