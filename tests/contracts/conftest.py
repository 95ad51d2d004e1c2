"""The stores that keep the contract of outcomes, and what loads modules that are neighbours of the tests."""

import contextlib
import importlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from halfopen.seams.content_store import ContentReader, ContentStore
from halfopen.seams.ledger import Ledger
from halfopen.seams.outcome_store import OutcomeStore
from halfopen.store.clickhouse import ClickhouseOutcomes
from halfopen.store.clickhouse_content import ClickhouseContent, ClickhouseContentReader
from halfopen.store.clickhouse_ledger import ClickhouseLedger
from halfopen.store.clickhouse_link import ClickhouseLink
from halfopen.store.postgres import PostgresOutcomes
from halfopen.store.postgres_content import PostgresContent, PostgresContentReader
from halfopen.store.postgres_ledger import PostgresLedger
from halfopen.store.sqlite import SqliteOutcomes
from halfopen.store.sqlite_content import SqliteContent, SqliteContentReader
from halfopen.store.sqlite_ledger import SqliteLedger

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def load() -> Callable[[str], ModuleType]:
    """A module of this folder by its name."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return importlib.import_module


@pytest.fixture(scope="session")
def cut(load: Callable[[str], ModuleType]) -> ModuleType:
    """Every recorded stream, cut: cases, runs and figures."""
    return load("cut_streams")


@pytest.fixture(scope="session")
def examples() -> Callable[[int], int]:
    """How many examples to try: a quick number, times HALFOPEN_EXAMPLES."""
    return lambda quick: quick * int(os.environ.get("HALFOPEN_EXAMPLES", "1"))


@dataclass(frozen=True, slots=True)
class Places:
    """What makes a store, and a ledger, each time over the same data."""

    store: Callable[[], OutcomeStore]
    ledger: Callable[[], Ledger]


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.server("initdb")), "clickhouse", "chdb"],
)
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    """Each store, with nothing in it."""
    match request.param:
        case "sqlite":
            path = tmp_path / "outcomes.db"
            yield Places(lambda: SqliteOutcomes(path), lambda: SqliteLedger(path))
        case "postgres":
            url = request.getfixturevalue("postgres")()
            yield Places(lambda: PostgresOutcomes(url), lambda: PostgresLedger(url))
        case "clickhouse":
            url = request.getfixturevalue("clickhouse")()
            yield Places(lambda: ClickhouseOutcomes(url), lambda: ClickhouseLedger(url))
        case _:
            url = f"chdb://{tmp_path}/outcomes"
            yield Places(lambda: ClickhouseOutcomes(url), lambda: ClickhouseLedger(url))


@dataclass(frozen=True, slots=True)
class ContentPlaces:
    """The same for prompts and answers."""

    store: Callable[[], ContentStore]
    reader: Callable[[], ContentReader]
    make_later: Callable[[], None]
    """Has its tables say that a later version made them."""


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.server("initdb")), "clickhouse"],
)
def content_places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ContentPlaces]:
    """Each store, with nothing in it."""
    match request.param:
        case "sqlite":
            path = tmp_path / "content.db"
            yield ContentPlaces(
                lambda: SqliteContent(path), lambda: SqliteContentReader(path), lambda: _later_file(path)
            )
        case "postgres":
            url = request.getfixturevalue("postgres")()
            yield ContentPlaces(
                lambda: PostgresContent(url), lambda: PostgresContentReader(url), lambda: _later_database(url)
            )
        case _:
            url = f"chdb://{tmp_path}/content"
            yield ContentPlaces(
                lambda: ClickhouseContent(url),
                lambda: ClickhouseContentReader(url),
                lambda: _later_directory(url),
            )


def _later_file(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def _later_database(url: str) -> None:
    with psycopg.connect(url) as db:
        db.execute("UPDATE halfopen.content_version SET version = 99")


def _later_directory(url: str) -> None:
    link = ClickhouseLink(url, wait_s=5)
    link.open()
    link.insert("content_version", b"[99]")
    link.close()
