"""The thread that writes: bounded, trying again, and never in the way."""

import threading

import msgspec
import pytest

from halfopen import errors, redact
from halfopen.app.processes import store_writer
from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.outcome_rows import outcome_of, rows
from halfopen.app.processes.store_writer import StoreWriter
from halfopen.model import Kind
from halfopen.seams.outcome_store import RowsError, StoreError

WAIT_S = 5.0


class Store:
    """A store in memory that fails and hangs as it is told."""

    def __init__(self):
        self.problem = None
        self.may_go = threading.Event()
        self.may_go.set()
        self.entered = threading.Event()
        self.writes = []
        self.next = {}
        self.gaps = 0
        self.trims = 0
        self.closed = 0

    def open(self):
        self.entered.set()
        assert self.may_go.wait(WAIT_S)
        if self.problem:
            raise self.problem

    def write(self, batches):
        if any(row[0] == "poison" for batch in batches for row in batch.rows.plain):
            raise RowsError("poison")
        written = 0
        for batch in batches:
            known = self.next.get(batch.source, 0)
            if batch.next > known:
                self.gaps += batch.first - known
                self.next[batch.source] = batch.next
                written += batch.count
        self.writes.append(batches)
        return written

    def count(self):
        return sum(batch.count for batches in self.writes for batch in batches)

    def lost(self):
        return self.gaps

    def size_bytes(self):
        return 1000

    def trim(self, max_bytes):
        self.trims += 1
        return 5 if max_bytes < 1000 else 0

    def close(self):
        self.closed += 1


class Recorded:
    """What workers are told, and a way to wait for it."""

    def __init__(self):
        self.said = {}
        self.changed = threading.Condition()

    def __call__(self, source, after):
        with self.changed:
            self.said[source] = max(after, self.said.get(source, 0))
            self.changed.notify_all()

    def wait(self, source, after):
        with self.changed:
            assert self.changed.wait_for(lambda: self.said.get(source, 0) >= after, WAIT_S), self.said


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def recorded():
    return Recorded()


@pytest.fixture
def clock():
    """Seconds that only a test moves."""
    return [100.0]


@pytest.fixture
def writer(store, recorded, clock, monkeypatch):
    monkeypatch.setattr(store_writer, "GATHER_S", 0.01)
    monkeypatch.setattr(store_writer, "AGAIN_MIN_S", 0.01)
    monkeypatch.setattr(store_writer, "AGAIN_MAX_S", 0.04)
    made = StoreWriter(store, recorded, max_bytes=10_000, clock=lambda: clock[0])
    made.start()
    yield made
    store.may_go.set()
    store.problem = None
    assert made.stop(WAIT_S)


@pytest.fixture
def batch(outcome):
    def make(first=0, count=2, source="a", **changes):
        made = rows([outcome(first + n, **changes) for n in range(count)], 0.0)
        return Outcomes(msgspec.Raw(msgspec.msgpack.encode(made)), count, source, first)

    return make


def test_what_is_offered_is_written_and_said_to_be(writer, store, recorded, batch):
    """Up to the number that each source has got to."""
    writer.offer(batch(0))
    writer.offer(batch(2))
    writer.offer(batch(0, 5, source="b"))
    recorded.wait("a", 4)
    recorded.wait("b", 5)
    status = writer.status
    assert (status.state, status.written, status.dropped, status.kept) == ("ok", 9, 0, 9)


def test_what_comes_again_is_not_written_again(writer, store, recorded, batch):
    """It is said once more that it is recorded, for the worker doesn't know."""
    writer.offer(batch(0))
    recorded.wait("a", 2)
    recorded.said.clear()
    writer.offer(batch(0))
    recorded.wait("a", 2)
    assert store.count() == 2


def test_batches_that_gathered_are_one_transaction_with_a_bound(writer, store, recorded, batch):
    """2,000 rows at most."""
    store.entered.clear()
    store.may_go.clear()
    writer.offer(batch(0, 1))
    assert store.entered.wait(WAIT_S)
    for number in range(20):
        writer.offer(batch(1 + number * 250, 250))
    store.may_go.set()
    recorded.wait("a", 5001)
    assert [sum(each.count for each in batches) for batches in store.writes] == [1, 2000, 2000, 1000]


def test_a_store_that_fails_is_tried_again_and_nothing_is_lost(writer, store, recorded, batch):
    """The problem is shown until it is over."""
    store.problem = StoreError("disk is full")
    store.entered.clear()
    writer.offer(batch(0))
    for _ in range(3):
        assert store.entered.wait(WAIT_S)
        store.entered.clear()
    status = writer.status
    assert (status.state, status.problem, status.waiting) == ("failing", "disk is full", 2)
    writer.offer(batch(2))
    store.problem = None
    recorded.wait("a", 4)
    status = writer.status
    assert (status.written, status.dropped) == (4, 0)


def test_a_defect_is_shown_and_ends_nothing(writer, store, recorded, batch):
    """What was given is kept, and written when it is over."""
    store.problem = ValueError("who would have thought")
    store.entered.clear()
    writer.offer(batch(0))
    for _ in range(3):
        assert store.entered.wait(WAIT_S)
        store.entered.clear()
    status = writer.status
    assert (status.state, status.problem) == ("failing", "a defect: ValueError: who would have thought")
    store.problem = None
    recorded.wait("a", 2)
    assert (writer.status.state, writer.status.written, writer.status.dropped) == ("ok", 2, 0)


def test_a_thread_that_has_ended_is_shown(store, recorded, batch, monkeypatch):
    """Whatever ended it."""
    monkeypatch.setattr("threading.excepthook", lambda arguments: None)
    writer = StoreWriter(store, recorded, max_bytes=10_000)
    monkeypatch.setattr(writer, "_take", lambda: 1 / 0)
    writer.start()
    writer._thread.join(WAIT_S)
    assert (writer.status.state, writer.status.problem) == ("ended", "the thread that writes has ended")


def test_losses_are_a_problem_for_some_minutes_only(writer, store, recorded, batch, clock):
    """Then they are a figure only."""
    writer.offer(batch(0))
    recorded.wait("a", 2)
    assert not writer.status.dropping
    writer.offer(batch(5))
    recorded.wait("a", 7)
    writer.offer(batch(7))
    recorded.wait("a", 9)
    assert (writer.status.dropped, writer.status.dropping) == (3, True)
    clock[0] += store_writer.LATELY_S
    assert (writer.status.dropped, writer.status.dropping) == (3, False)


def test_losses_of_an_earlier_process_are_a_figure(store, recorded):
    """They were told when they happened."""
    store.gaps = 3
    writer = StoreWriter(store, recorded, max_bytes=10_000, clock=lambda: 100.0)
    writer.start()
    assert store.entered.wait(WAIT_S)
    assert writer.stop(WAIT_S)
    assert (writer.status.dropped, writer.status.dropping) == (3, False)


def test_a_store_that_hangs_is_shown_and_stops_nobody(writer, store, recorded, batch, clock):
    """Offers and the status go on."""
    store.entered.clear()
    store.may_go.clear()
    writer.offer(batch(0))
    assert store.entered.wait(WAIT_S)
    assert writer.status.state == "ok"
    clock[0] += 60.0
    writer.offer(batch(2))
    status = writer.status
    assert (status.state, status.waiting) == ("stuck", 4)
    assert "60 s" in status.problem
    store.may_go.set()
    recorded.wait("a", 4)
    assert writer.status.state == "ok"


def test_what_waits_is_bounded_and_the_oldest_is_counted_as_dropped(
    writer, store, recorded, batch, monkeypatch
):
    """Shown at once; when the store is back, it counts the same gap, once."""
    monkeypatch.setattr(store_writer, "WAITING_MAX", 100)
    store.entered.clear()
    store.may_go.clear()
    writer.offer(batch(0, 10))
    assert store.entered.wait(WAIT_S)
    for number in range(1, 31):
        writer.offer(batch(number * 10, 10))
    assert writer.status.dropped == 200
    assert writer.status.waiting == 110
    recorded.wait("a", 210)
    store.may_go.set()
    recorded.wait("a", 310)
    status = writer.status
    assert (status.dropped, status.written, store.gaps, status.waiting) == (200, 110, 200, 0)


def test_large_batches_are_bounded_by_their_bytes(writer, store, batch, monkeypatch):
    """Few rows may be much."""
    monkeypatch.setattr(store_writer, "WAITING_MAX_BYTES", 10_000)
    store.entered.clear()
    store.may_go.clear()
    writer.offer(batch(0, 1))
    assert store.entered.wait(WAIT_S)
    for number in range(1, 10):
        writer.offer(batch(number, 1, request_id="x" * 3000))
    assert writer.status.dropped == 6


def test_rows_that_no_store_takes_cost_only_their_batch(writer, store, recorded, batch):
    """The others of the same transaction are written, and the next one is."""
    store.entered.clear()
    store.may_go.clear()
    writer.offer(batch(0, 1))
    assert store.entered.wait(WAIT_S)
    writer.offer(batch(1, 2))
    writer.offer(batch(3, 2, request_id="poison"))
    writer.offer(Outcomes(msgspec.Raw(b"\x05"), 4, "b", 0))
    writer.offer(batch(5, 2))
    store.may_go.set()
    recorded.wait("a", 7)
    recorded.wait("b", 4)
    status = writer.status
    assert (status.state, status.written, status.dropped) == ("ok", 5, 2 + 4)


def test_details_are_masked_before_they_are_written(writer, store, recorded, batch):
    """With the secrets of the snapshot that is served now."""
    writer.masking.learn(redact.known(["zebra-crossing"]))
    fault = errors.make(Kind.BAD_KEY, message="no zebra-crossing here")
    writer.offer(batch(0, 1, fault=fault))
    recorded.wait("a", 1)
    written = store.writes[-1][0].rows.detailed[0][-1]
    assert b"zebra" not in written
    assert outcome_of(written).fault.kind is Kind.BAD_KEY


def test_the_oldest_rows_are_trimmed_in_slices(writer, store, recorded, batch):
    """Two after each transaction, so that it ends."""
    writer.max_bytes = 500
    before = store.trims
    writer.offer(batch(0))
    recorded.wait("a", 2)
    writer.offer(batch(2))
    recorded.wait("a", 4)
    assert store.trims - before in (3, 4)


def test_stop_writes_what_waits(store, recorded, batch):
    """Without waiting for more to gather."""
    writer = StoreWriter(store, recorded, max_bytes=10_000)
    writer.start()
    writer.offer(batch(0))
    assert writer.stop(WAIT_S)
    assert store.count() == 2


def test_stop_does_not_wait_for_a_store_that_hangs_or_fails(store, recorded, batch):
    """It says that not all was written."""
    store.problem = StoreError("disk is full")
    failing = StoreWriter(store, recorded, max_bytes=10_000)
    failing.start()
    failing.offer(batch(0))
    assert not failing.stop(WAIT_S)
    assert failing.status.waiting == 2
    store.may_go.clear()
    hanging = StoreWriter(store, recorded, max_bytes=10_000)
    hanging.start()
    hanging.offer(batch(0))
    assert not hanging.stop(0.02)
    store.may_go.set()
