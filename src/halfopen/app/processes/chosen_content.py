"""The store of content that the configuration names: where that of outcomes is, in a table of its own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from halfopen.app.processes.chosen_store import CLICKHOUSE, POSTGRES
from halfopen.seams.content_store import ContentReader, ContentStore, KeptContent
from halfopen.seams.outcome_store import StoreError
from halfopen.store.extra import MissingExtraError
from halfopen.store.sqlite_content import SqliteContent, SqliteContentReader


class ChosenContent:
    """A `ContentStore` in the place that is known by the time that it is opened."""

    def __init__(self, path: Path, url: Callable[[], str]) -> None:
        """Name it.

        Args:
            path: The SQLite file.
            url: Gives the address of the store; empty: the file. Raises StoreError as long as it isn't known.
        """
        self._path = path
        self._url = url
        self._made: ContentStore | None = None

    def may_hold(self) -> bool:
        """Whether there may be content from before, so that something may have to be deleted."""
        try:
            return bool(self._url()) or self._path.exists()
        except (StoreError, OSError):
            return False

    def reader(self) -> ContentReader:
        """Somebody who reads it, for one thread. Raises StoreError as long as it isn't known which it is."""
        return _reader(self._url(), self._path)

    def _store(self) -> ContentStore:
        if self._made is None:
            raise StoreError("it isn't open")
        return self._made

    def open(self) -> None:
        """As `ContentStore`."""
        if self._made is None:
            self._made = _store(self._url(), self._path)
        self._made.open()

    def write(self, rows: Sequence[KeptContent]) -> None:
        """As `ContentStore`."""
        self._store().write(rows)

    def size_bytes(self) -> int:
        """As `ContentStore`."""
        return self._store().size_bytes()

    def count(self) -> int:
        """As `ContentStore`."""
        return self._store().count()

    def forget(self, before_wall_s: float) -> int:
        """As `ContentStore`."""
        return self._store().forget(before_wall_s)

    def trim(self, max_bytes: int) -> int:
        """As `ContentStore`."""
        return self._store().trim(max_bytes)

    def close(self) -> None:
        """As `ContentStore`."""
        if self._made is not None:
            self._made.close()


# What an extra brings is imported when it is asked for: few need it, and it takes its time.


def _store(url: str, path: Path) -> ContentStore:
    scheme = urlsplit(url).scheme
    if scheme in POSTGRES:
        try:
            from halfopen.store.postgres_content import PostgresContent  # noqa: PLC0415 - of an extra
        except ImportError:
            raise MissingExtraError("postgres", "psycopg") from None
        return PostgresContent(url)
    if scheme in CLICKHOUSE:
        from halfopen.store.clickhouse_content import ClickhouseContent  # noqa: PLC0415 - of an extra

        return ClickhouseContent(url)
    return SqliteContent(path)


def _reader(url: str, path: Path) -> ContentReader:
    scheme = urlsplit(url).scheme
    if scheme in POSTGRES:
        try:
            from halfopen.store.postgres_content import PostgresContentReader  # noqa: PLC0415 - of an extra
        except ImportError:
            raise MissingExtraError("postgres", "psycopg") from None
        return PostgresContentReader(url)
    if scheme in CLICKHOUSE:
        from halfopen.store.clickhouse_content import ClickhouseContentReader  # noqa: PLC0415 - of an extra

        return ClickhouseContentReader(url)
    return SqliteContentReader(path)
