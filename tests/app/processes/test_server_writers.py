"""The thread that writes, with a server that is gone, frozen and restarted: nothing is lost or doubled."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from halfopen.app.processes import store_writer
from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.outcome_rows import rows
from halfopen.app.processes.store_writer import StoreWriter
from halfopen.seams.ledger import Search
from halfopen.store.clickhouse import ClickhouseOutcomes
from halfopen.store.clickhouse_ledger import ClickhouseLedger
from halfopen.store.postgres import PostgresOutcomes
from halfopen.store.postgres_ledger import PostgresLedger

WAIT_S = 40.0
BATCHES = 60
EACH = 5
GIVEN_UP = ("no answer within", "timeout", "timed out")


class Recorded:
    """What workers are told, and a way to wait for it."""

    def __init__(self):
        self.after = 0
        self.changed = threading.Condition()

    def __call__(self, source, after):
        with self.changed:
            self.after = max(self.after, after)
            self.changed.notify_all()

    def wait(self, after):
        with self.changed:
            assert self.changed.wait_for(lambda: self.after >= after, WAIT_S), self.after


@dataclass(frozen=True)
class Kind:
    """A server: what starts and ends it, and what speaks to it."""

    server: Any
    store: Callable[..., Any]
    ledger: Callable[..., Any]
    ends: tuple[signal.Signals, ...]
    """As if the machine had failed, and in order."""
    wait_s: float
    """So long the store waits for it."""


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.server("initdb")), "clickhouse"])
def kind(request):
    """Runs again after each test, whatever became of it."""
    server = request.getfixturevalue(f"{request.param}_server")
    if request.param == "postgres":
        yield Kind(server, PostgresOutcomes, PostgresLedger, (signal.SIGQUIT, signal.SIGINT), 0.4)
    else:
        yield Kind(server, ClickhouseOutcomes, ClickhouseLedger, (signal.SIGKILL, signal.SIGTERM), 3)
    server.end()
    server.start()


@pytest.fixture
def server(kind):
    return kind.server


@pytest.fixture
def url(server):
    return server.database()


@pytest.fixture
def recorded():
    return Recorded()


@pytest.fixture
def writer(kind, url, recorded, monkeypatch):
    monkeypatch.setattr(store_writer, "AGAIN_MIN_S", 0.01)
    monkeypatch.setattr(store_writer, "AGAIN_MAX_S", 0.04)
    monkeypatch.setattr(store_writer, "STUCK_S", 0.05)
    made = StoreWriter(kind.store(url, wait_s=kind.wait_s), recorded, max_bytes=1 << 30)
    made.gather_s = 0.002
    made.start()
    yield made
    assert made.stop(WAIT_S)


@pytest.fixture
def offer(writer, outcome):
    """Offers some batches, by their numbers, a few milliseconds apart."""

    def some(numbers):
        for number in numbers:
            outcomes = [
                msgspec.structs.replace(outcome(), request_id=f"r{number * EACH + place}")
                for place in range(EACH)
            ]
            data = msgspec.Raw(msgspec.msgpack.encode(rows(outcomes, 1_700_000_000.0)))
            writer.offer(Outcomes(data, EACH, "worker", number * EACH))
            threading.Event().wait(0.003)

    return some


def until(holds):
    """Wait for it."""
    end = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


def check(kind, url, count):
    """Every row is there once, in order, and the counts say as many."""
    ledger = kind.ledger(url)
    with contextlib.closing(ledger):
        ids = [kept.request_id for kept in ledger.requests(Search(limit=1000))]
        assert ids == [f"r{number}" for number in reversed(range(count))]
        for span_s in (0, 60):
            counted = ledger.sums(0, 1e12, span_s=span_s).requests.values()
            assert sum(counts[0] for counts in counted) == count
        assert ledger.lost() == 0


@pytest.mark.parametrize("how", [0, 1], ids=["crash", "stop"])
def test_a_server_that_is_restarted_while_it_is_written_to(kind, server, url, writer, offer, recorded, how):
    """Again and again, at any moment of a write: the writer says so, and goes on where it was."""
    for part in range(3):
        strike = threading.Timer(0.02 + 0.013 * part, server.end, [kind.ends[how]])
        strike.start()
        offer(range(part * BATCHES, (part + 1) * BATCHES))
        strike.join()
        until(lambda: writer.status.state == "failing")
        assert writer.status.problem
        server.start()
    recorded.wait(3 * BATCHES * EACH)
    until(lambda: writer.status.state == "ok")
    assert writer.status.dropped == 0
    check(kind, url, 3 * BATCHES * EACH)


def test_a_server_that_is_frozen(kind, server, url, writer, offer, recorded):
    """It is shown as stuck, then as failing; when it goes on, what it had half done counts once."""
    for part in range(2):
        strike = threading.Timer(0.05, server.freeze)
        strike.start()
        offer(range(part * BATCHES, (part + 1) * BATCHES))
        strike.join()
        until(lambda: writer.status.state == "stuck")
        until(lambda: any(words in writer.status.problem for words in GIVEN_UP))
        server.thaw()
        recorded.wait((part + 1) * BATCHES * EACH)
    check(kind, url, 2 * BATCHES * EACH)


@pytest.mark.parametrize(
    "kind", [pytest.param("postgres", marks=pytest.mark.server("initdb"))], indirect=True
)
def test_a_database_has_one_writer(url, writer, offer, recorded, monkeypatch):
    """A second gateway is told so, and can write when the first has ended."""
    offer(range(1))
    recorded.wait(EACH)
    monkeypatch.setattr("halfopen.store.postgres_link.LOCK_MS", 50)
    other = PostgresOutcomes(url)
    with pytest.raises(store_writer.StoreError, match="another gateway writes to this database"):
        other.open()
    assert writer.stop(WAIT_S)
    other.open()
    assert other.reached() == {"worker": EACH}
    other.close()


@pytest.mark.alone
def test_a_reader_gives_a_frozen_server_up(kind, server, url, writer, offer, recorded):
    """In time, and gets an answer when it goes on."""
    offer(range(1))
    recorded.wait(EACH)
    with contextlib.closing(kind.ledger(url, wait_s=kind.wait_s / 2 if kind.wait_s < 1 else 1)) as ledger:
        assert len(ledger.requests(Search())) == EACH
        server.freeze()
        began = time.monotonic()
        with pytest.raises(store_writer.StoreError, match="|".join(GIVEN_UP)):
            ledger.requests(Search())
        assert time.monotonic() - began < 2
        server.thaw()
        assert len(ledger.requests(Search())) == EACH


@pytest.mark.server("initdb")
def test_the_password_is_in_no_error(postgres_server, tmp_path):
    """Whatever is wrong with the address."""
    for place in ("?host=/nowhere", "?host=/nowhere&nonsense=1", f"?host={tmp_path}"):
        store = PostgresOutcomes(f"postgresql://halfopen:swordfish@/nothing{place}")
        with pytest.raises(store_writer.StoreError) as refused:
            store.open()
        assert "swordfish" not in str(refused.value)
