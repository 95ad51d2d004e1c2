"""The thread that writes: bounded, trying again, and never in the way."""

import threading

import msgspec
import pytest

from halfopen import errors, redact
from halfopen.app.processes import folding, store_writer, waiting_batches
from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.outcome_rows import outcome_of, rows
from halfopen.app.processes.store_writer import StoreWriter
from halfopen.model import Kind, Price
from halfopen.seams.outcome_store import Retention, RowsError, StoreError
from halfopen.seams.sums import Sums

WAIT_S = 5.0


class Store:
    """A store in memory that fails and hangs as it is told."""

    def __init__(self):
        self.problem = None
        self.lost_problem = None
        self.write_problem = None
        self.may_go = threading.Event()
        self.may_go.set()
        self.entered = threading.Event()
        self.writes = []
        self.next = {}
        self.gaps = 0
        self.trims = 0
        self.old = 0
        self.forgot = []
        self.closed = 0

    def open(self):
        self.entered.set()
        assert self.may_go.wait(WAIT_S)
        if self.problem:
            raise self.problem

    def write(self, batches):
        groups = [group for batch in batches for group in batch.rows.plain]
        if any(row[0] == "poison" for group in groups for row in group.rows):
            raise RowsError("poison")
        if self.write_problem and len(batches) == 1:
            problem, self.write_problem = self.write_problem, None
            raise problem
        written = 0
        for batch in batches:
            known = self.next.get(batch.source, 0)
            if batch.next > known:
                self.gaps += batch.first - known
                self.next[batch.source] = batch.next
                written += batch.count
        self.writes.append(batches)
        return written

    def reached(self):
        return dict(self.next)

    def count(self):
        return sum(batch.count for batches in self.writes for batch in batches)

    def lost(self):
        if self.lost_problem:
            problem, self.lost_problem = self.lost_problem, None
            raise problem
        return self.gaps

    def size_bytes(self):
        return 1000

    def trim(self, max_bytes):
        self.trims += 1
        return 5 if max_bytes < 1000 else 0

    def forget(self, now_wall_s, keep):
        self.forgot.append((now_wall_s, keep))
        gone = min(self.old, 10)
        self.old -= gone
        return gone

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
    monkeypatch.setattr(waiting_batches, "WAITING_MAX", 100)
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
    monkeypatch.setattr(waiting_batches, "WAITING_MAX_BYTES", 10_000)
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


def test_what_is_too_old_goes_a_slice_at_a_time_once_a_minute(
    writer, store, recorded, clock, batch, monkeypatch
):
    """Between writes, until there is no more; then not before a minute has passed."""
    monkeypatch.setattr(store_writer, "_IDLE_S", 0.005)
    store.old = 25
    writer._wall = lambda: 5000.0
    writer.retention = keep = Retention(rows_s=1.0, minutes_s=2.0, hours_s=3.0)

    def written_again():
        after = recorded.said.get("a", 0) + 2
        writer.offer(batch(after - 2))
        recorded.wait("a", after)

    for _ in range(5):
        written_again()
    assert store.old == 0
    assert len(store.forgot) == 4
    assert set(store.forgot) == {(5000.0, keep)}
    clock[0] += store_writer.FORGET_EVERY_S - 1
    written_again()
    written_again()
    assert len(store.forgot) == 4
    clock[0] += 2
    written_again()
    written_again()
    assert len(store.forgot) == 5


def test_of_successes_a_part_is_kept_and_all_are_counted(store, recorded, batch):
    """What is left out is told with its batch, so it is no gap."""
    writer = StoreWriter(store, recorded, max_bytes=10_000)
    writer.folding.keep_successes = 0.0
    writer.start()
    writer.offer(batch(0, 40))
    writer.offer(batch(40, 2, fault=errors.make(Kind.SERVER_ERROR), served_by=None))
    assert writer.stop(WAIT_S)
    made = [each for batches in store.writes for each in batches]
    assert [(each.count, each.left_out, len(each.rows.detailed)) for each in made] == [(40, 40, 0), (2, 0, 2)]
    assert sum(counts[0] for each in made for counts in each.sums.requests.values()) == 42
    assert (writer.status.written, writer.status.dropped) == (42, 0)


def test_what_a_store_that_was_gone_has_already_counts_once(store, recorded, batch):
    """Control began while it was gone, so outcomes were counted when they came; some were stored before."""
    counted = Sums()
    store.problem = StoreError("gone")
    store.next = {"a": 2}
    store.writes = [[]]
    before = batch(0, 2)
    writer = StoreWriter(
        store, recorded, max_bytes=10_000, on_counted=counted.add,
        on_opened=lambda: counted.add(writer.folding.fold(before)[1]),
    )  # fmt: skip
    writer.start()
    assert store.entered.wait(WAIT_S)
    while writer.status.state != "failing":
        assert store.entered.wait(WAIT_S)
    writer.offer(before)
    writer.offer(batch(2, 3))
    assert sum(counts[0] for counts in counted.requests.values()) == 5
    store.problem = None
    recorded.wait("a", 5)
    assert writer.stop(WAIT_S)
    assert sum(counts[0] for counts in counted.requests.values()) == 5


def test_what_was_recorded_is_restored_once_however_often_opening_fails(store, recorded, batch):
    """Else every count of the past would stand twice."""
    restored = []
    store.lost_problem = StoreError("gone")
    writer = StoreWriter(store, recorded, max_bytes=10_000, on_opened=lambda: restored.append(1))
    writer.start()
    writer.offer(batch(0, 2))
    recorded.wait("a", 2)
    assert writer.stop(WAIT_S)
    assert restored == [1]


def test_nobody_waits_while_what_came_before_is_counted(store, recorded, batch):
    """A store that takes long to open leaves much to count."""
    counted, may_fold = Sums(), threading.Event()
    store.may_go.clear()
    writer = StoreWriter(store, recorded, max_bytes=10_000, on_counted=counted.add)
    fold = writer.folding.fold
    entered = threading.Event()

    def slow(outcomes):
        entered.set()
        assert may_fold.wait(WAIT_S)
        return fold(outcomes)

    writer.folding.fold = slow
    writer.offer(batch(0, 2))
    writer.start()
    store.may_go.set()
    assert entered.wait(WAIT_S)
    other = threading.Thread(target=lambda: (writer.offer(batch(2, 3)), writer.status))
    other.start()
    other.join(WAIT_S / 2)
    assert not other.is_alive()
    may_fold.set()
    recorded.wait("a", 5)
    assert writer.stop(WAIT_S)
    assert sum(counts[0] for counts in counted.requests.values()) == 5


def test_what_is_stored_is_what_was_counted(store, recorded, batch, monkeypatch):
    """Also when the rows are read again, after a price has changed."""
    monkeypatch.setattr(store_writer, "DECODED_MAX", 0)
    counted = Sums()
    writer = StoreWriter(store, recorded, max_bytes=10_000, on_counted=counted.add)
    writer.folding.prices = {"p/m": Price(1.0, 1.0)}
    writer.offer(batch(0, 1))
    writer.start()
    recorded.wait("a", 1)
    store.entered.clear()
    store.may_go.clear()
    writer.offer(batch(1, 2))
    writer.folding.prices = {"p/m": Price(5.0, 5.0)}
    store.may_go.set()
    recorded.wait("a", 3)
    assert writer.stop(WAIT_S)
    stored = Sums()
    for batches in store.writes:
        for each in batches:
            stored.add(each.sums)
    assert stored.requests == counted.requests


def test_a_bad_batch_is_given_up_once(writer, store, recorded, batch):
    """Though the store fails after it, and all of the transaction is tried again."""
    store.entered.clear()
    store.may_go.clear()
    writer.offer(batch(0, 1))
    assert store.entered.wait(WAIT_S)
    writer.offer(batch(1, 2, source="b", request_id="poison"))
    writer.offer(batch(1, 2))
    store.write_problem = StoreError("gone")
    store.may_go.set()
    recorded.wait("a", 3)
    recorded.wait("b", 3)
    assert writer.status.dropped == 2


def test_a_defect_in_counting_costs_its_batch_only(writer, store, recorded, batch, monkeypatch):
    """It is counted as lost; the next one is counted and stored."""
    broken = [ZeroDivisionError("a defect")]

    def fold(*given, **named):
        if broken:
            raise broken[0]
        return whole(*given, **named)

    whole = folding.fold
    writer.offer(batch(0, 1))
    recorded.wait("a", 1)
    monkeypatch.setattr(folding, "fold", fold)
    writer.offer(batch(1, 2))
    recorded.wait("a", 3)
    broken.clear()
    writer.offer(batch(3, 2))
    recorded.wait("a", 5)
    assert (writer.status.state, writer.status.written, writer.status.dropped) == ("ok", 3, 2)
