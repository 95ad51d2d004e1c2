"""What executes statements of ClickHouse: a server, or the engine in this process (chdb)."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote, urlsplit

import msgspec

from halfopen.seams.outcome_store import StoreError
from halfopen.store.extra import MissingExtraError

DATABASE: Final = "halfopen"
"""Where the tables are, unless the address names another."""
_CONNECT_S: Final = 5
_SETTINGS: Final[Mapping[str, int]] = {
    "output_format_json_quote_64bit_integers": 0,
    # Times as they were given, to the last bit.
    "precise_float_parsing": 1,
    "async_insert": 0,
    "lightweight_deletes_sync": 2,
}
_FORMAT: Final = "JSONCompactEachRow"
_HTTP_PORT: Final = 8123


class Engine(Protocol):
    """Executes statements. Every method raises what the package raises."""

    def ask(self, statement: str) -> bytes:
        """The rows of an answer, each an array as JSON has it, on a line of its own."""
        ...

    def do(self, statement: str) -> None:
        """Execute what has no answer."""
        ...

    def insert(self, table: str, rows: bytes) -> None:
        """Insert such rows as one block."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...


class _Embedded:
    """The engine in this process. All of a process share one directory."""

    def __init__(self, path: str) -> None:
        from chdb import session  # noqa: PLC0415 - of an extra, and takes most of a second

        self._session: Any = session.Session(path)  # type: ignore[no-untyped-call]  # chdb has no types
        self.do(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
        self.do(f"USE {DATABASE}")
        for name, value in _SETTINGS.items():
            self.do(f"SET {name} = {value}")

    def ask(self, statement: str) -> bytes:
        """As `Engine`."""
        found: bytes = self._session.query(statement, _FORMAT).bytes()
        return found

    def do(self, statement: str) -> None:
        """As `Engine`."""
        self._session.query(statement)

    def insert(self, table: str, rows: bytes) -> None:
        """As `Engine`."""
        self._session.query(f"INSERT INTO {table} FORMAT {_FORMAT}\n{rows.decode()}")

    def close(self) -> None:
        """As `Engine`."""
        self._session.close()


class _Server:
    """A server, by HTTP."""

    def __init__(self, url: str, wait_s: int) -> None:
        import clickhouse_connect  # noqa: PLC0415 - of an extra

        place = urlsplit(url)
        secure = place.scheme == "clickhouses"
        self._database = unquote(place.path.strip("/")) or DATABASE
        self._client = clickhouse_connect.get_client(
            host=place.hostname or "127.0.0.1",
            port=place.port or (_HTTP_PORT + 320 if secure else _HTTP_PORT),
            username=unquote(place.username or "default"),
            password=unquote(place.password or ""),
            secure=secure,
            connect_timeout=_CONNECT_S,
            send_receive_timeout=wait_s,
            query_retries=0,
            autogenerate_session_id=False,
            settings=dict(_SETTINGS),
            client_name="halfopen",
        )
        self._client.command(f"CREATE DATABASE IF NOT EXISTS `{self._database}`")
        self._client.database = self._database

    def ask(self, statement: str) -> bytes:
        """As `Engine`."""
        found: bytes = self._client.raw_query(statement, fmt=_FORMAT)
        return found

    def do(self, statement: str) -> None:
        """As `Engine`."""
        self._client.command(statement)

    def insert(self, table: str, rows: bytes) -> None:
        """As `Engine`."""
        # Not `raw_insert`: it inserts again by itself when a connection ends before the answer.
        self._client.command(f"INSERT INTO {table} FORMAT {_FORMAT}", data=rows)

    def close(self) -> None:
        """As `Engine`."""
        self._client.close()


class ClickhouseLink:
    """One engine, had when it is needed and again after an error. For one thread at a time."""

    def __init__(self, url: str, *, wait_s: int) -> None:
        """Name it.

        Args:
            url: clickhouse://USER:PASSWORD@HOST:PORT/DATABASE, clickhouses:// with TLS, or chdb:///PATH.
            wait_s: A statement that takes longer is given up; not in this process.
        """
        self._url = url
        self._wait_s = wait_s
        self._engine: Engine | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is an engine."""
        return self._engine is not None

    def open(self) -> None:
        """Connect. Does nothing when it is connected."""
        if self._engine is None:
            with self._told_apart():
                place = urlsplit(self._url)
                embedded = place.scheme == "chdb"
                self._engine = (
                    _Embedded(unquote(place.path)) if embedded else _Server(self._url, self._wait_s)
                )

    def ask(self, statement: str, *values: str | float) -> list[Any]:
        """The rows of an answer. Question marks stand for the values."""
        with self._told_apart():
            lines = self._had.ask(bound(statement, values)).splitlines()
            return [msgspec.json.decode(line) for line in lines if line]

    def do(self, statement: str, *values: str | float) -> None:
        """Execute what has no answer."""
        with self._told_apart():
            self._had.do(bound(statement, values))

    def insert(self, table: str, rows: bytes) -> None:
        """Insert a block of rows: all of them or nothing, if they are of one partition."""
        if rows:
            with self._told_apart():
                self._had.insert(table, rows)

    def close(self) -> None:
        """Give the engine back. Does nothing when there is none."""
        engine, self._engine = self._engine, None
        if engine is not None:
            with contextlib.suppress(Exception):
                engine.close()

    @property
    def _had(self) -> Engine:
        if self._engine is None:
            raise StoreError("it isn't open")
        return self._engine

    @contextlib.contextmanager
    def _told_apart(self) -> Iterator[None]:
        """Errors as StoreError, without the password. The packages have no class for all of them."""
        try:
            yield
        except StoreError:
            raise
        except ImportError as error:
            raise MissingExtraError("clickhouse", error.name or "chdb") from None
        except Exception as error:  # noqa: BLE001 - chdb raises RuntimeError, a server's client what urllib3 does
            self.close()
            raise StoreError(self._told(error)) from None

    def _told(self, error: Exception) -> str:
        text = " ".join(str(error).split())[:500] or type(error).__name__
        with contextlib.suppress(ValueError):
            password = urlsplit(self._url).password
            for secret in {password, unquote(password), quote(unquote(password))} if password else ():
                text = text.replace(secret, "***")
        return text


def bound(statement: str, values: Sequence[str | float]) -> str:
    """The statement with the values in place of its question marks. In hexadecimal no text ends itself."""
    parts = statement.split("?")
    assert len(parts) == len(values) + 1
    literals = [f"unhex('{each.encode().hex()}')" if isinstance(each, str) else repr(each) for each in values]
    return "".join(part + literal for part, literal in zip_longest(parts, literals, fillvalue=""))
