"""The store that the configuration names. Nothing is written before it is known which.

The first choice stays as long as the process lasts: what waits for one store must not get into another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from halfopen.app.processes.chosen_ledger import ChosenLedger
from halfopen.seams.ledger import Ledger
from halfopen.seams.outcome_store import Batch, OutcomeStore, Retention, StoreError
from halfopen.store.extra import MissingExtraError
from halfopen.store.sqlite import SqliteOutcomes
from halfopen.store.sqlite_ledger import SqliteLedger

POSTGRES: Final = ("postgresql",)
"""The schemes of its addresses."""
CLICKHOUSE: Final = ("clickhouse", "clickhouses", "chdb")
"""The same."""


class ChosenStore:
    """An `OutcomeStore` in the place that is chosen. `choose` may be called in any thread."""

    def __init__(self, path: Path) -> None:
        """`path`: the SQLite file, which is the choice when no other is made."""
        self._path = path
        self._url: str | None = None
        self._made: OutcomeStore | None = None
        self.problem = ""
        """Why what is configured is not what is used; empty: it is."""

    def choose(self, url: str) -> None:
        """Use this place, if none was chosen before. Empty: the SQLite file."""
        if self._url is None:
            self._url = url
        changed = url != self._url
        self.problem = "[store] url has changed: it is used once control has started again" if changed else ""

    @property
    def place(self) -> str:
        """Where it is, for a person. Without a password."""
        if not self._url:
            return str(self._path)
        url = urlsplit(self._url)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"

    @property
    def prefers_blocks(self) -> bool:
        """Whether few large writes are better than many small ones."""
        return urlsplit(self._url or "").scheme in CLICKHOUSE

    def ledger(self) -> Ledger:
        """Somebody who reads it, for one thread.

        As long as it is not known which it is, or its package is missing, that one raises StoreError.
        """
        return ChosenLedger(lambda: _place(self.url(), self._path).ledger())

    def url(self) -> str:
        """The address that was chosen; empty: the SQLite file. Raises StoreError: none was chosen yet."""
        if self._url is None:
            raise StoreError("the configuration, which names the store, has not been read yet")
        return self._url

    def _store(self) -> OutcomeStore:
        if self._made is None:
            raise StoreError("it isn't open")
        return self._made

    def open(self) -> None:
        """As `OutcomeStore`."""
        if self._made is None:
            self._made = _place(self.url(), self._path).store()
        self._made.open()

    def write(self, batches: Sequence[Batch]) -> int:
        """As `OutcomeStore`."""
        return self._store().write(batches)

    def reached(self) -> Mapping[str, int]:
        """As `OutcomeStore`."""
        return self._store().reached()

    def count(self) -> int:
        """As `OutcomeStore`."""
        return self._store().count()

    def lost(self) -> int:
        """As `OutcomeStore`."""
        return self._store().lost()

    def size_bytes(self) -> int:
        """As `OutcomeStore`."""
        return self._store().size_bytes()

    def trim(self, max_bytes: int) -> int:
        """As `OutcomeStore`."""
        return self._store().trim(max_bytes)

    def forget(self, now_wall_s: float, keep: Retention) -> int:
        """As `OutcomeStore`."""
        return self._store().forget(now_wall_s, keep)

    def close(self) -> None:
        """As `OutcomeStore`."""
        if self._made is not None:
            self._made.close()


@dataclass(frozen=True, slots=True)
class _Place:
    """Makes what writes to a place, and who reads it."""

    store: Callable[[], OutcomeStore]
    ledger: Callable[[], Ledger]


def _place(url: str, path: Path) -> _Place:
    """What an extra brings is imported when it is asked for: few need it, and it takes its time."""
    scheme = urlsplit(url).scheme
    if scheme in POSTGRES:
        try:
            from halfopen.store.postgres import PostgresOutcomes  # noqa: PLC0415 - of an extra
            from halfopen.store.postgres_ledger import PostgresLedger  # noqa: PLC0415 - of an extra
        except ImportError:
            raise MissingExtraError("postgres", "psycopg") from None
        return _Place(lambda: PostgresOutcomes(url), lambda: PostgresLedger(url))
    if scheme in CLICKHOUSE:
        from halfopen.store.clickhouse import ClickhouseOutcomes  # noqa: PLC0415 - of an extra
        from halfopen.store.clickhouse_ledger import ClickhouseLedger  # noqa: PLC0415 - of an extra

        return _Place(lambda: ClickhouseOutcomes(url), lambda: ClickhouseLedger(url))
    if url:
        raise StoreError("[store] url is no address of a store")
    return _Place(lambda: SqliteOutcomes(path), lambda: SqliteLedger(path))
