"""The response parser: a response is whole only when it was shown to be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.http1 import BadResponseError, ResponseHead, ResponseParser

LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nt: 1\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" + LENGTH
WHOLE = {"length": LENGTH, "chunked": CHUNKED, "interim": INTERIM}


class Sink:
    """Writes down what the parser finds."""

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self.body = b""
        self.ends = 0

    def on_response_head(self, head: ResponseHead) -> None:
        assert self.head is None
        self.head = head

    def on_response_body(self, data: bytes) -> None:
        assert not self.ends
        self.body += data

    def on_response_end(self) -> None:
        self.ends += 1


def parse(*pieces: bytes) -> tuple[Sink, ResponseParser]:
    sink = Sink()
    parser = ResponseParser(sink)
    for piece in pieces:
        parser.feed(piece)
    return sink, parser


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_a_response_comes_out_whole(data: bytes) -> None:
    """Once, with its status, body and the end, and the connection stays usable."""
    sink, parser = parse(data)
    assert sink.head is not None
    assert (sink.head.status, sink.body, sink.ends) == (200, b"hello", 1)
    assert parser.keep_alive
    assert "t" not in dict(sink.head.headers)


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_a_cut_at_any_byte_is_never_whole(data: bytes) -> None:
    """Not even when the connection then ends in order."""
    for place in range(len(data)):
        sink, parser = parse(data[:place])
        assert not parser.eof(), data[:place]
        assert sink.ends == 0, data[:place]


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_where_it_is_cut_changes_nothing(data: bytes) -> None:
    """In two pieces at any place, and byte by byte."""
    for place in range(1, len(data)):
        sink, _ = parse(data[:place], data[place:])
        assert (sink.body, sink.ends) == (b"hello", 1)
    sink, _ = parse(*(bytes([each]) for each in data))
    assert (sink.body, sink.ends) == (b"hello", 1)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"], ids=["HTTP/1.0", "HTTP/1.1"])
def test_without_a_length_the_end_of_the_connection_is_the_end(version: bytes) -> None:
    """And the connection is not used again."""
    sink, parser = parse(b"HTTP/" + version + b" 200 OK\r\n\r\nhello")
    assert (sink.body, sink.ends) == (b"hello", 0)
    assert sink.head is not None
    assert sink.head.close_delimited
    assert parser.eof()
    assert (sink.ends, parser.keep_alive) == (1, False)
    assert not parser.eof()


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("length", [b"", b"content-length: 7\r\n"], ids=["no length", "length"])
def test_some_statuses_have_no_body(status: int, length: bytes) -> None:
    """Whatever the headers say."""
    sink, parser = parse(b"HTTP/1.1 %d X\r\n%b\r\n" % (status, length))
    assert (sink.body, sink.ends) == (b"", 1)
    assert parser.keep_alive


@pytest.mark.parametrize(
    ("data", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n", True),
    ],
    ids=["close", "1.0", "1.0 keep-alive"],
)
def test_the_server_says_whether_the_connection_stays(data: bytes, keep_alive: bool) -> None:
    """By version and Connection header."""
    assert parse(data)[1].keep_alive is keep_alive


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", id="101"),
        pytest.param(b"HTTP/1.1 101 Switching\r\n\r\n", id="101 bare"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello", id="two lengths"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", id="CL+TE"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", id="TE gzip"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", id="TE gzip, chunked"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            id="two TE",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", id="status of two digits"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", id="not HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n", id="obs-fold"),
        pytest.param(b"HTTP/1.1 200 OK\na: b\n\n", id="bare LF"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", id="bad chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300, id="many headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\na: " + b"b" * 70_000 + b"\r\n\r\n", id="large head"),
        pytest.param(b"HTTP/1.1 200 OK\r\na: " + b"b" * 70_000, id="large unfinished head"),
        pytest.param(b"HTTP/1.1 103 X\r\na: " + b"b" * 9000 + b"\r\n\r\n", id="interim without end"),
        pytest.param(LENGTH + b"more", id="bytes after the end"),
        pytest.param(LENGTH + LENGTH, id="second response"),
    ],
)
def test_what_cannot_be_trusted_is_refused(data: bytes) -> None:
    """As an error that says why, never as anything else."""
    if data.startswith(b"HTTP/1.1 103"):
        data *= 20
    with pytest.raises(BadResponseError):
        parse(data)
    sink = Sink()
    parser = ResponseParser(sink)

    def feed_all() -> None:
        for place in range(len(data)):
            parser.feed(data[place : place + 1])

    with pytest.raises(BadResponseError):
        feed_all()


def test_nothing_may_follow_the_end() -> None:
    """Also when it comes later."""
    _, parser = parse(LENGTH)
    with pytest.raises(BadResponseError):
        parser.feed(b"x")


def test_header_values_come_without_blanks_around_them() -> None:
    """And names in lower case."""
    sink, _ = parse(b"HTTP/1.1 200 OK\r\nX-Name: \t value \t\r\nContent-Length: 0 \r\n\r\n")
    assert sink.head is not None
    assert sink.head.header("x-name") == "value"
    assert sink.ends == 1


@given(data=st.binary(max_size=200), prefix=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", CHUNKED[:50]]))
@settings(max_examples=300, deadline=None)
def test_no_bytes_do_anything_but_parse_or_be_refused(data: bytes, prefix: bytes) -> None:
    """Upstreams are not trusted with our stack."""
    try:
        sink, parser = parse(prefix + data)
        parser.eof()
        assert sink.ends <= 1
    except BadResponseError:
        pass
