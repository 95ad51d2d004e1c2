"""The link to a ClickHouse server, by the official client, over HTTP."""

import contextlib
import socket
import struct
import threading
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from halfopen.lab.ports import free_port
from halfopen.seams.outcome_store import StoreError
from halfopen.store.clickhouse_link import ClickhouseLink

LATE_ERROR = "SELECT throwIf(number = 300000) FROM numbers(1000000)"


@contextlib.contextmanager
def linked(url, wait_s=5):
    link = ClickhouseLink(url, wait_s=wait_s)
    link.open()
    try:
        yield link
    finally:
        link.close()


@pytest.fixture
def url(clickhouse):
    return clickhouse()


@pytest.fixture
def link(url):
    with linked(url) as made:
        made.do("CREATE TABLE numbers (number Int64) ENGINE = MergeTree ORDER BY number")
        yield made


def numbers(url):
    with linked(url) as other:
        return [number for (number,) in other.ask("SELECT number FROM numbers ORDER BY number")]


class Wire:
    """Stands between the client and the server. The answer to the first INSERT never comes: the connection is reset."""

    def __init__(self, url):
        place = urlsplit(url)
        self._far = (place.hostname, place.port)
        self._port = free_port()
        self.url = url.replace(f":{place.port}/", f":{self._port}/")
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self.inserts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=[near], daemon=True).start()

    def _carry(self, near):
        with near, socket.create_connection(self._far) as far, contextlib.suppress(OSError):
            asked = threading.Event()
            threading.Thread(target=self._back, args=[far, near, asked], daemon=True).start()
            while data := near.recv(1 << 16):
                if b"INSERT+INTO" in data or b"INSERT INTO" in data:
                    self.inserts += 1
                    if self.inserts == 1:
                        asked.set()
                far.sendall(data)

    def _back(self, far, near, asked):
        with contextlib.suppress(OSError):
            while data := far.recv(1 << 16):
                if asked.is_set():  # it has been carried out
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    near.shutdown(socket.SHUT_RD)
                    near.close()
                    return
                near.sendall(data)

    def close(self):
        self._listener.close()


def test_what_was_inserted_is_not_inserted_again_when_the_connection_ends(url, link):
    """The client's own `raw_insert` would do that, and every count of the block would be doubled."""
    with contextlib.closing(Wire(url)) as wire:
        with linked(wire.url) as cut, pytest.raises(StoreError):
            cut.insert("numbers", b"[1]\n[2]")
        assert wire.inserts == 1
    assert numbers(url) == [1, 2]


def test_a_block_of_which_a_row_is_none_is_refused_whole(url, link):
    """With the exception that the server gave."""
    with pytest.raises(StoreError, match="Cannot parse"):
        link.insert("numbers", b'[1]\n["x"]')
    assert not link.is_open
    assert numbers(url) == []


@pytest.mark.parametrize("statement", ["SELECT * FROM nothing", LATE_ERROR, "SELEC 1"])
def test_an_exception_is_an_error_and_the_next_statement_works(link, statement):
    """Also one that comes after a part of the answer."""
    with pytest.raises(StoreError, match="Received ClickHouse exception"):
        link.ask(statement)
    link.open()
    assert link.ask("SELECT 1, ?", "it's \\ ?") == [[1, "it's \\ ?"]]


def test_an_exception_after_the_status_is_an_error(link):
    """A statement that takes its time is answered 200 before it is known how it ends."""
    link._engine._client._backend.progress_interval = "1"
    with pytest.raises(StoreError, match="too much"):
        link.do("INSERT INTO numbers SELECT throwIf(sleep(0.05) = 0, 'too much')")


def test_the_stand_in_breaks_an_answer_off_as_the_server_does(url):
    """The official client finds the exception in the body."""
    place = urlsplit(url)
    client = clickhouse_connect.get_client(
        host=place.hostname, port=place.port, username="halfopen", password="swordfish/?&"
    )
    with pytest.raises((StreamFailureError, DatabaseError), match="throwIf"), client.query_row_block_stream(
        LATE_ERROR
    ) as stream:  # fmt: skip
        list(stream)
    assert client.query("SELECT 'a', toInt64(2)").result_rows == [("a", 2)]
    client.close()


@pytest.mark.parametrize("wrong", ["halfopen:tuna%2Ffish", "nobody:tuna%2Ffish", "halfopen"])
def test_who_is_not_let_in_is_told_without_the_password(url, wrong):
    """Nor is it in the error when nobody is there."""
    place = urlsplit(url)
    for port, told in ((place.port, "Authentication failed"), (free_port(), "refused")):
        link = ClickhouseLink(f"clickhouse://{wrong}@127.0.0.1:{port}/d", wait_s=5)
        with pytest.raises(StoreError, match=told) as refused:
            link.open()
        assert "tuna" not in str(refused.value)


def test_a_server_that_is_frozen_is_given_up(clickhouse_server, link):
    """In time."""
    clickhouse_server.freeze()
    try:
        link.close()
        short = ClickhouseLink(link._url, wait_s=1)
        with pytest.raises(StoreError, match="timed out"):
            short.open()
    finally:
        clickhouse_server.thaw()
