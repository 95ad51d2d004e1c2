"""The thread that keeps content: bounded, masked, and in nobody's way."""

import threading

import msgspec
import pytest

from halfopen import redact
from halfopen.app.processes import content_writer
from halfopen.app.processes.content_writer import ContentWriter
from halfopen.app.processes.messages import Contents
from halfopen.model.content import Content, Message, Part, Transcript
from halfopen.seams.outcome_store import RowsError, StoreError

SECRET = "jane.doe@example.org"


class Store:
    """Keeps rows in a list, and fails as it is told."""

    def __init__(self):
        self.rows = []
        self.problem = None
        self.refuses = ""
        self.forgot = []
        self.trimmed = []
        self.closed = threading.Event()

    def open(self):
        if self.problem:
            raise self.problem

    def write(self, rows):
        if any(row.request_id == self.refuses for row in rows):
            raise RowsError(f'no such value: "{SECRET}"')
        self.rows += rows

    def size_bytes(self):
        return sum(len(row.prompt) for row in self.rows)

    def count(self):
        return len(self.rows)

    def forget(self, before_wall_s):
        self.forgot.append(before_wall_s)
        return 0

    def trim(self, max_bytes):
        self.trimmed.append(max_bytes)
        return 0

    def close(self):
        self.closed.set()


def contents(*numbers, plain=False, size=1):
    return Contents([msgspec.Raw(msgspec.msgpack.encode(content(n, plain, size))) for n in numbers])


def content(number, plain, size):
    prompt = Transcript((Message("user", (Part("text", f"{number} {SECRET} " + "x" * size),)),))
    return Content(f"ho-{number}", 1.0, plain, 8192, prompt, Transcript())


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def writer(store, monkeypatch):
    monkeypatch.setattr(content_writer, "GATHER_S", 0.0)
    monkeypatch.setattr(content_writer, "AGAIN_MIN_S", 0.01)
    made = ContentWriter(store, max_bytes=1000, keep_s=60.0, wall=lambda: 5000.0)
    yield made
    made.stop(5.0)


def test_what_comes_is_masked_and_written(writer, store):
    """All of it, also at the end; then the store is given back."""
    writer.learn(redact.known([]))
    writer.offer(contents(1, 2))
    writer.offer(contents(3))
    writer.stop(5.0)
    assert [row.request_id for row in store.rows] == ["ho-1", "ho-2", "ho-3"]
    assert SECRET.encode() not in b"".join(row.prompt for row in store.rows)
    assert [row.masked for row in store.rows] == [1, 1, 1]
    assert writer.status.written == 3
    assert store.closed.is_set()
    assert store.forgot == [4940.0]
    assert set(store.trimmed) == {1000}


def test_nothing_is_written_before_the_secrets_are_known(writer, store):
    """A redactor that doesn't know the configured keys would let them through."""
    writer.offer(contents(1))
    writer.stop(0.2)
    assert store.rows == []


def test_what_waits_is_bounded(writer, store, monkeypatch):
    """The oldest goes, and is counted."""
    monkeypatch.setattr(content_writer, "WAITING_MAX_BYTES", 10_000)
    for number in range(20):
        writer.offer(contents(number, size=1000))
    status = writer.status
    assert status.waiting + status.dropped == 20
    assert status.waiting < 10
    writer.learn(redact.known([]))
    writer.stop(5.0)
    assert [row.request_id for row in store.rows] == [f"ho-{n}" for n in range(status.dropped, 20)]


def test_a_store_that_comes_back_gets_what_waited(writer, store):
    """It is tried again; what is wrong is told, without a word of content."""
    store.problem = StoreError(f'disk full: "{SECRET}"')
    writer.learn(redact.known([]))
    writer.offer(contents(1))
    deadline = threading.Event()
    for _ in range(500):
        if writer.status.problem:
            break
        deadline.wait(0.01)
    assert (writer.status.state, writer.status.problem) == ("failing", "disk full")
    store.problem = None
    for _ in range(500):
        if writer.status.written:
            break
        deadline.wait(0.01)
    assert [row.request_id for row in store.rows] == ["ho-1"]
    assert writer.status.problem == ""


def test_a_row_that_no_store_takes_costs_only_itself(writer, store):
    """The others are written, and it is counted; nor does a defect end the thread."""
    store.refuses = "ho-2"
    writer.learn(redact.known([]))
    writer.offer(contents(1, 2, 3))
    writer.offer(Contents([msgspec.Raw(b"\xc1 no message")]))
    writer.offer(contents(4))
    writer.stop(5.0)
    assert [row.request_id for row in store.rows] == ["ho-1", "ho-3", "ho-4"]
    assert writer.status.dropped == 2
    assert writer.status.problem == ""


def test_content_of_successes_is_kept_as_their_rows_are(writer, store):
    """Of those that have no row nothing is kept; what failed is always kept."""
    writer.learn(redact.known([]))
    writer.keep_successes = 0.0
    writer.offer(contents(1, 2, plain=True))
    writer.offer(contents(3))
    writer.stop(5.0)
    assert [row.request_id for row in store.rows] == ["ho-3"]
    assert writer.status.dropped == 0
