"""Connections to PostgreSQL whose every wait ends, and whose errors are those of the seams."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

import psycopg

from halfopen.seams.outcome_store import RowsError, StoreError
from halfopen.store.sql import Execute, Result

CONNECT_S: Final = 5
"""A connection that takes longer is given up."""
LOCK_MS: Final = 2000
"""So long a lock is waited for: an earlier connection may need a moment to end."""
_BEGINNING: Final = (
    "SET search_path = halfopen; SET client_encoding = 'UTF8'; "
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
)
"""The last three: so that the server gives up a machine that is gone, and with it the lock."""


class PostgresLink:
    """One connection, made when it is needed and again after an error. For one thread at a time."""

    def __init__(self, url: str, *, wait_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Connects to nothing yet.

        Args:
            url: postgresql://…
            wait_s: A statement that takes longer is given up, with the connection.
            clock: Monotonic seconds.
        """
        self._url = url
        self._wait_s = wait_s
        self._clock = clock
        self.connection: _Bounded | None = None
        """None: there is none."""

    def open(self) -> None:
        """Connect. Does nothing when it is connected."""
        if self.connection is None:
            with self.told_apart():
                self.connection = _Bounded.connect(
                    self._url, autocommit=True, connect_timeout=CONNECT_S, application_name="halfopen"
                )
                self.connection.wait_s, self.connection.clock = self._wait_s, self._clock
                self.connection.execute(_BEGINNING)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Result:
        """As `sql.Execute`."""
        if self.connection is None:
            raise StoreError("it isn't open")
        # Every statement is made of constants of ours.
        return self.connection.execute(statement.replace("?", "%s").encode(), values or None)

    def copy(self, statement: str) -> contextlib.AbstractContextManager[psycopg.Copy]:
        """Takes rows, within a transaction."""
        if self.connection is None:
            raise StoreError("it isn't open")
        return self.connection.cursor().copy(statement.encode())

    def hold(self, lock: int) -> None:
        """Hold an advisory lock as long as the connection lasts.

        Raises:
            StoreError: Somebody else has it.
        """
        with self.told_apart():
            self.execute(f"SET lock_timeout = {LOCK_MS}")
            try:
                self.execute("SELECT pg_advisory_lock(?)", (lock,))
            except psycopg.errors.LockNotAvailable:
                raise StoreError(
                    "another gateway writes to this database, or an earlier connection hasn't ended yet"
                ) from None
            self.execute("SET lock_timeout = 0")

    @contextlib.contextmanager
    def transaction(self, *, kind: str = "") -> Iterator[Execute]:
        """All or nothing. After an error the connection is given up, unless the values were to blame."""
        with self.told_apart():
            self.execute(f"BEGIN {kind}")
            try:
                yield self.execute
                self.execute("COMMIT")
            except (RowsError, psycopg.DataError, UnicodeError):
                self.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def told_apart(self) -> Iterator[None]:
        """Errors of PostgreSQL as StoreError. No text of them holds the password."""
        try:
            yield
        except (psycopg.DataError, UnicodeError) as error:
            raise RowsError(self._told(error)) from None
        except (psycopg.Error, OSError) as error:
            self.close()
            raise StoreError(self._told(error)) from None

    def _told(self, error: Exception) -> str:
        text = " ".join(str(error).split()) or type(error).__name__
        with contextlib.suppress(ValueError):
            password = urlsplit(self._url).password
            for secret in {password, unquote(password), quote(unquote(password))} if password else ():
                text = text.replace(secret, "***")
        return text

    def close(self) -> None:
        """Give the connection back. Does nothing when there is none."""
        connection, self.connection = self.connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()


class _Bounded(psycopg.Connection[tuple[Any, ...]]):
    """Gives up in the end: psycopg itself would wait for a frozen server for ever."""

    wait_s = float(CONNECT_S)
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **named: Any) -> Any:
        """As psycopg's, for a bounded time."""
        return super().wait(self._steps(gen), *arguments, **named)

    def _steps(self, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        until = self.clock() + self.wait_s
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if not ready and self.clock() > until:
                    raise psycopg.OperationalError(f"no answer within {self.wait_s:g} s")
                wanted = steps.send(ready)
        except StopIteration as end:
            return end.value
