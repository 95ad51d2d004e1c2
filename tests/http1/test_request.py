"""The request parser: what is whole comes out, what is ambiguous or too large is refused."""

import itertools
from typing import Any

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.http1 import RefusedError, RequestHead, RequestLimits, RequestParser

HOST = b"host: gateway\r\n"
POST = b"POST /v1/x HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"


class Sink:
    """Writes down what the parser finds."""

    def __init__(self) -> None:
        self.requests: list[tuple[RequestHead, bytes]] = []
        self.head: RequestHead | None = None
        self.body = b""

    def on_request_head(self, head: RequestHead) -> None:
        assert self.head is None
        self.head = head

    def on_request_body(self, data: bytes) -> None:
        self.body += data

    def on_request_end(self) -> None:
        assert self.head is not None
        self.requests.append((self.head, self.body))
        self.head, self.body = None, b""


def parse(*pieces: bytes, **limits: int) -> Sink:
    sink = Sink()
    parser = RequestParser(sink, RequestLimits(**limits))
    for piece in pieces:
        parser.feed(piece)
    return sink


def refused(*pieces: bytes, **limits: int) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        parse(*pieces, **limits)
    return caught.value


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(
            POST + b"content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="CL+TE"
        ),
        pytest.param(
            POST + b"transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n", 400, id="TE+CL"
        ),
        pytest.param(POST + b"content-length: 3\r\ncontent-length: 3\r\n\r\nabc", 400, id="two equal CL"),
        pytest.param(POST + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabc", 400, id="two CL"),
        pytest.param(POST + b"content-length: 3, 3\r\n\r\nabc", 400, id="CL list"),
        pytest.param(POST + b"content-length: +3\r\n\r\nabc", 400, id="CL sign"),
        pytest.param(POST + b"content-length: -3\r\n\r\nabc", 400, id="CL negative"),
        pytest.param(POST + b"content-length: 0x3\r\n\r\nabc", 400, id="CL hex"),
        pytest.param(POST + b"content-length:\r\n\r\nabc", 400, id="CL empty"),
        pytest.param(POST + b"transfer-encoding: gzip, chunked\r\n\r\n", 501, id="TE gzip, chunked"),
        pytest.param(POST + b"transfer-encoding: gzip\r\n\r\n", 501, id="TE gzip"),
        pytest.param(POST + b"transfer-encoding: identity\r\n\r\n", 501, id="TE identity"),
        pytest.param(POST + b"transfer-encoding: xchunked\r\n\r\n", 501, id="TE xchunked"),
        pytest.param(POST + b"transfer-encoding: \x0bchunked\r\n\r\n", 400, id="TE control"),
        pytest.param(
            POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            id="two TE",
        ),
        pytest.param(
            b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="TE in HTTP/1.0"
        ),
        pytest.param(POST + b"a: b\r\n c\r\n\r\n", 400, id="obs-fold"),
        pytest.param(POST + b"a : b\r\n\r\n", 400, id="blank before colon"),
        pytest.param(POST + b" a: b\r\n\r\n", 400, id="blank before name"),
        pytest.param(POST + b"a\r\n\r\n", 400, id="no colon"),
        pytest.param(POST + b": b\r\n\r\n", 400, id="no name"),
        pytest.param(POST + b"a: b\x00c\r\n\r\n", 400, id="NUL in value"),
        pytest.param(POST + b"a\x00: b\r\n\r\n", 400, id="NUL in name"),
        pytest.param(b"GET /\x00 HTTP/1.1\r\n\r\n", 400, id="NUL in target"),
        pytest.param(POST + b"a: b\rc: d\r\n\r\n", 400, id="bare CR"),
        pytest.param(b"GET / HTTP/1.1\nhost: x\n\n", 400, id="bare LF"),
        pytest.param(POST + b"a: b\n\r\n", 400, id="bare LF in headers"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400, id="two hosts"),
        pytest.param(b"GET / HTTP/1.2\r\n" + HOST + b"\r\n", 400, id="HTTP/1.2"),
        pytest.param(b"GET / HTTP/3.0\r\n" + HOST + b"\r\n", 400, id="HTTP/3.0"),
        pytest.param(b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505, id="HTTP/2.0"),
        pytest.param(b"GET /\r\n\r\n", 505, id="HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="HTTP/2 preface"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", 400, id="TLS"),
        pytest.param(b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400, id="unknown method"),
        pytest.param(b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 405, id="CONNECT"),
        pytest.param(CHUNKED + b"zz\r\n", 400, id="bad chunk size"),
        pytest.param(CHUNKED + b"3\nabc\r\n", 400, id="LF after chunk size"),
        pytest.param(CHUNKED + b"3\r\nabcd\r\n", 400, id="chunk longer than its size"),
        pytest.param(CHUNKED + b"-1\r\n", 400, id="negative chunk size"),
        pytest.param(CHUNKED + b"fffffffffffffffff\r\n", 400, id="chunk size overflow"),
        pytest.param(POST + b"connection: close\r\n\r\nGET / HTTP/1.1\r\n", 400, id="data after close"),
    ],
)
@pytest.mark.parametrize("cut", ["whole", "bytes"])
def test_what_is_ambiguous_is_refused(request_bytes: bytes, status: int, cut: str) -> None:
    """A request that two parsers could read in two ways gets a 4xx or 5xx, however it is cut."""
    pieces = [request_bytes] if cut == "whole" else [bytes([each]) for each in request_bytes]
    refusal = refused(*pieces)
    assert refusal.status == status, refusal.message
    assert refusal.message


@pytest.mark.parametrize("cut", ["whole", "bytes"])
def test_a_chunked_request_comes_out_whole(cut: str) -> None:
    """Chunks are joined; their extensions and trailers are dropped."""
    data = CHUNKED + b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: 1\r\nhost: evil\r\n\r\n"
    sink = parse(*([data] if cut == "whole" else [bytes([each]) for each in data]))
    ((head, body),) = sink.requests
    assert body == b"abcde"
    assert head.headers == [(b"host", b"gateway"), (b"transfer-encoding", b"chunked")]


def test_trailers_do_not_become_headers_of_the_next_request() -> None:
    """Nothing of one request is left for the next."""
    data = CHUNKED + b"0\r\nx-evil: 9\r\nhost: evil\r\n\r\n" + b"GET /b HTTP/1.1\r\n" + HOST + b"\r\n"
    (_, (second, body)) = parse(data).requests
    assert second.headers == [(b"host", b"gateway")]
    assert (second.path, body) == (b"/b", b"")


@given(cuts=st.lists(st.integers(0, 300), max_size=6))
@settings(max_examples=60, deadline=None)
def test_pipelined_requests_come_out_in_order_however_they_are_cut(cuts: list[int]) -> None:
    """Where the bytes are cut changes nothing."""
    data = (
        POST
        + b"content-length: 3\r\n\r\nabc"
        + CHUNKED
        + b"3\r\nabc\r\n0\r\n\r\n\r\n\r\n"
        + b"GET /last HTTP/1.1\r\n"
        + HOST
        + b"\r\n"
    )
    places = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    sink = parse(*(data[start:end] for start, end in itertools.pairwise(places)))
    assert [(head.method, head.path, body) for head, body in sink.requests] == [
        ("POST", b"/v1/x", b"abc"),
        ("POST", b"/v1/x", b"abc"),
        ("GET", b"/last", b""),
    ]


@pytest.mark.parametrize(
    ("length", "status"),
    [("11", 413), ("9" * 30, 400), ("9" * 17, 413), ("0" * 5000 + "11", 413)],
    ids=["one more", "overflow", "huge", "leading zeros"],
)
def test_a_body_is_refused_by_its_announced_length(length: str, status: int) -> None:
    """Before a byte of it has come."""
    refusal = refused(POST + b"content-length: " + length.encode() + b"\r\n\r\n", body_max_bytes=10)
    assert refusal.status == status


@pytest.mark.parametrize("size", [1, 7, 4096], ids=["bytes", "pieces", "whole"])
def test_a_chunked_body_is_refused_when_it_passes_the_bound(size: int) -> None:
    """Counted as it comes."""
    data = CHUNKED + b"5\r\nabcde\r\n" * 3
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert refused(*pieces, body_max_bytes=10).status == 413
    assert parse(CHUNKED + b"5\r\nabcde\r\n" * 2 + b"0\r\n\r\n", body_max_bytes=10).requests


@pytest.mark.parametrize("size", [1, 100, 10**6], ids=["bytes", "pieces", "whole"])
@pytest.mark.parametrize(
    "headers",
    [b"a: " + b"x" * 3000, b"a: b\r\n" * 90 + b"x" * 3000, b"x" * 3000],
    ids=["value", "many", "name"],
)
def test_headers_are_bounded(headers: bytes, size: int) -> None:
    """By their size, whether they come whole or in pieces."""
    data = POST + headers + b": y\r\n\r\n"
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert refused(*pieces, header_max_bytes=2048).status == 431


@pytest.mark.parametrize("size", [1, 10**6], ids=["bytes", "whole"])
def test_the_number_of_headers_is_bounded(size: int) -> None:
    """A hundred are enough."""
    data = POST + b"".join(b"h%d: v\r\n" % number for number in range(100)) + b"\r\n"
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert refused(*pieces).status == 431


def test_the_target_is_bounded() -> None:
    """A long one is refused with 414, also while it is still coming."""
    assert refused(b"GET /" + b"a" * 9000).status == 414
    assert refused(*[b"GET /", *[b"a" * 100] * 100]).status == 414


def test_an_unfinished_head_counts() -> None:
    """Bytes that never become a header are bounded, too."""
    assert refused(*[POST + b"a: ", *[b"b" * 1000] * 100], header_max_bytes=2048).status == 431


@pytest.mark.parametrize(
    "part",
    [b"1;" + b"x" * 500 + b"\r\na\r\n", b"0\r\n" + b"t: " + b"y" * 9000],
    ids=["extensions", "trailers"],
)
def test_what_chunking_adds_is_bounded(part: bytes) -> None:
    """Extensions and trailers carry nothing, so they may not carry much."""
    assert refused(CHUNKED, *[part] * 40, header_max_bytes=4096).status == 400


def test_tiny_chunks_are_no_attack() -> None:
    """A client may chunk as finely as it likes."""
    sink = parse(CHUNKED, *[b"1\r\na\r\n"] * 5000, b"0\r\n\r\n", header_max_bytes=1024)
    assert sink.requests[0][1] == b"a" * 5000


@pytest.mark.parametrize("cut", ["whole", "bytes"])
@pytest.mark.parametrize(
    ("length", "body"), [(b"content-length: 3\r\n", b"abc"), (b"", b"")], ids=["body", "no body"]
)
def test_an_offer_to_upgrade_is_passed_over(length: bytes, body: bytes, cut: str) -> None:
    """Java's client offers HTTP/2 with every request and means it to be answered in HTTP/1.1."""
    offer = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\n"
    data = (POST + offer + length + b"\r\n" + body) * 2 + b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"
    sink = parse(*([data] if cut == "whole" else [bytes([each]) for each in data]))
    assert [each for _, each in sink.requests] == [body, body, b""]
    assert all(head.keep_alive for head, _ in sink.requests)


def test_a_chunked_request_that_offers_to_upgrade_is_refused() -> None:
    """Its body could only be guessed at."""
    offer = b"connection: Upgrade\r\nupgrade: h2c\r\ntransfer-encoding: chunked\r\n\r\n"
    assert refused(POST + offer).status == 400


@pytest.mark.parametrize(
    ("line", "headers", "keep_alive"),
    [
        (b"HTTP/1.1", b"", True),
        (b"HTTP/1.1", b"connection: close\r\n", False),
        (b"HTTP/1.0", b"", False),
        (b"HTTP/1.0", b"connection: keep-alive\r\n", True),
    ],
    ids=["1.1", "1.1 close", "1.0", "1.0 keep-alive"],
)
def test_keep_alive_is_as_the_client_wants_it(line: bytes, headers: bytes, keep_alive: bool) -> None:
    """By version and Connection header."""
    ((head, _),) = parse(b"GET / " + line + b"\r\n" + HOST + headers + b"\r\n").requests
    assert head.keep_alive is keep_alive


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/v1/models?x=1", b"/v1/models"),
        (b"http://gateway:1/v1/models?x=1", b"/v1/models"),
        (b"http://gateway", b"/"),
        (b"*", b"*"),
    ],
    ids=["query", "absolute", "host only", "asterisk"],
)
def test_the_path_is_the_targets(target: bytes, path: bytes) -> None:
    """Without query, scheme and host."""
    ((head, _),) = parse(b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n").requests
    assert head.path == path


def test_blanks_around_a_value_are_no_part_of_it() -> None:
    """As the protocol says."""
    ((head, body),) = parse(POST + b"content-length: \t 3 \t\r\n\r\nabc").requests
    assert (head.header(b"content-length"), body) == (b"3", b"abc")


def test_between_requests_tells_whether_a_part_has_come() -> None:
    """From the first byte of a request to its last."""
    sink = Sink()
    parser = RequestParser(sink, RequestLimits())
    states = []
    for piece in (b"\r\n", b"G", b"ET / HTTP/1.1\r\n", HOST + b"\r\n", b"P"):
        parser.feed(piece)
        states.append(parser.between_requests)
    assert states == [True, False, False, True, False]


def test_a_defect_in_the_sink_is_no_refusal() -> None:
    """An exception of ours is not blamed on the client."""

    class Broken(Sink):
        def on_request_end(self) -> None:
            raise ZeroDivisionError

    parser = RequestParser(Broken(), RequestLimits())
    with pytest.raises(httptools.HttpParserCallbackError):
        parser.feed(POST + b"\r\n")


@given(
    data=st.binary(max_size=200),
    prefix=st.sampled_from([b"", POST, CHUNKED, POST + b"content-length: 9\r\n\r\n"]),
)
@settings(max_examples=300, deadline=None)
def test_no_bytes_do_anything_but_parse_or_be_refused(data: bytes, prefix: bytes) -> None:
    """Whatever comes, and however it is cut, the parser refuses it with a status or goes on."""
    results: list[Any] = []
    for pieces in ([prefix + data], [prefix, *(bytes([each]) for each in data)]):
        try:
            sink = parse(*pieces)
            results.append([(head.method, head.target, head.headers, body) for head, body in sink.requests])
        except RefusedError as refusal:
            results.append("refused" if 400 <= refusal.status <= 599 else refusal.status)
    assert results[0] == results[1] or "refused" in results
