"""A response that is known by its lines is read as the parser reads it, or not at all."""

import types
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from halfopen.gateway import upstream
from halfopen.gateway.upstream import UpstreamConnection
from halfopen.http1 import ResponseHead, known_response
from halfopen.http1.known_response import KnownResponse, learn_response
from halfopen.model import TransportError

Learn = Callable[[bytes, ResponseHead], KnownResponse | None]
START = b"HTTP/1.1 200 OK"
HEADERS = [
    (b"Server", b"nginx"),
    (b"Date", b"Mon, 23 Nov 2026 15:41:00 GMT"),
    (b"Content-Type", b"application/json"),
    (b"X-Request-Id", b"req_1"),
]


class Wire:
    """A transport without a socket."""

    def __init__(self) -> None:
        self.aborted = False

    def write(self, data: bytes) -> None:
        """Nobody looks at the requests."""

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.aborted = True


class Caller:
    """Notes what becomes of its calls; pieces of a body are put together."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []

    def on_connected(self) -> None:
        self.log.append(("sent",))

    def on_head(self, head: ResponseHead) -> None:
        self.log.append(("head", head.status, head.headers, head.keep_alive, head.close_delimited))

    def on_data(self, data: bytes) -> None:
        if not data:
            return
        before = self.log.pop()[1] if self.log[-1][0] == "body" else b""
        self.log.append(("body", before + data))

    def on_end(self) -> None:
        self.log.append(("end",))

    def on_failed(self, error: TransportError, detail: str) -> None:
        self.log.append(("failed", error, detail))


def converse(pieces: list[bytes], learn: Learn) -> tuple[list[tuple[Any, ...]], int]:
    """Play the pieces, with a call whenever none is under way. What became of all, and how many were known."""
    caller, wire, known = Caller(), Wire(), 0

    def counted(data: bytes, head: ResponseHead) -> KnownResponse | None:
        learnt = learn(data, head)
        return None if learnt is None else cast("KnownResponse", Counting(learnt))

    class Counting:
        def __init__(self, learnt: KnownResponse) -> None:
            self.learnt = learnt

        def read(self, data: bytes) -> tuple[ResponseHead, bytes] | None:
            nonlocal known
            found = self.learnt.read(data)
            known += found is not None
            return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upstream, "learn_response", counted)
        free = lambda _: caller.log.append(("free",))  # noqa: E731 - a note
        connection = UpstreamConnection(free, lambda _: caller.log.append(("lost",)))
        connection.connection_made(cast("Any", wire))
        for piece in pieces:
            if connection.sink is None:
                connection.send((b"", b""), caller)
            connection.data_received(piece)
            if wire.aborted:
                break
        if not wire.aborted:
            connection.eof_received()
        connection.connection_lost(None)
    return caller.log, known


def never(_data: bytes, _head: ResponseHead) -> None:
    """The way without a short cut."""


def whole(body: bytes = b"fine", **changed: bytes) -> bytes:
    """A response like the first, with other values: `x_request_id=b"2"`."""
    values = {name.lower().replace(b"-", b"_").decode(): name for name, _ in HEADERS}
    assert set(changed) <= set(values)
    lines = [
        name + b": " + changed.get(name.lower().replace(b"-", b"_").decode(), value)
        for name, value in HEADERS
    ]
    return START + b"\r\n" + b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body


def edited(old: bytes, new: bytes, like: bytes = b"") -> bytes:
    """A response like the first, with other bytes."""
    first = like or whole()
    assert first.count(old) == 1
    return first.replace(old, new)


def added(*lines: bytes) -> bytes:
    return edited(b"Content-Length: 4", b"\r\n".join([*lines, b"Content-Length: 4"]))


CASES: dict[str, list[bytes]] = {
    "the same": [whole(), whole()],
    "another body": [whole(), whole(b""), whole(b"longer than that"), whole()],
    "other values": [whole(), whole(date=b"Tue", x_request_id=b"req_2"), whole(x_request_id=b"")],
    "control bytes": [whole(), whole(x_request_id=b"a\x00b")],
    "a delete": [whole(), whole(x_request_id=b"\x7f")],
    "a carriage return": [whole(), whole(x_request_id=b"a\rb")],
    "a line feed": [whole(), whole(x_request_id=b"a\nConnection: close")],
    "a tab": [whole(), whole(x_request_id=b"a\tb")],
    "blanks around a value": [whole(), whole(x_request_id=b"  7 ")],
    "not ASCII": [whole(), whole(x_request_id=b"\xe9\x85")],
    "a folded line": [whole(), edited(b"X-Request-Id: ", b" folded: ")],
    "no blank": [whole(), edited(b"Server: ", b"Server:")],
    "a blank before the colon": [whole(), edited(b"Server:", b"Server :")],
    "a name in another case": [whole(), edited(b"Server", b"SERVER")],
    "another name": [whole(), edited(b"X-Request-Id", b"X-Request-Di")],
    "one more": [whole(), added(b"X-New: 1"), added(b"X-New: 2")],
    "one less": [whole(), edited(b"Server: nginx\r\n", b"")],
    "swapped": [whole(), edited(b"Server: nginx\r\nDate: ", b"Date: nginx\r\nServer: ")],
    "twice the length": [whole(), added(b"Content-Length: 4")],
    "another length twice": [added(b"X-Length: 4"), added(b"Content-Length: 5")],
    "a length with a plus": [whole(), edited(b"Length: 4", b"Length: +4")],
    "a length with zeros": [whole(), edited(b"Length: 4", b"Length: 0004"), whole()],
    "a length with blanks": [whole(), edited(b"Length: 4", b"Length:  4 ")],
    "no length": [whole(), edited(b"Length: 4", b"Length: ")],
    "an endless length": [whole(), edited(b"Length: 4", b"Length: " + b"4" * 30)],
    "a length of letters": [whole(), edited(b"Length: 4", b"Length: four")],
    "too short": [whole(), edited(b"Length: 4", b"Length: 5")],
    "too short by a piece": [whole(), edited(b"Length: 4", b"Length: 5"), b"!"],
    "too long": [whole(), edited(b"Length: 4", b"Length: 3")],
    "two in one piece": [whole(), whole() + whole()],
    "two in one piece, then one": [whole(), whole() + whole(), whole()],
    "cut in the head": [whole(), whole()[:20], whole()[20:], whole()],
    "cut in the body": [whole(), whole()[:-2], whole()[-2:], whole()],
    "cut for ever": [whole(), whole()[:-2]],
    "interim": [whole(), b"HTTP/1.1 100 Continue\r\n\r\n" + whole(), whole()],
    "interim by itself": [whole(), b"HTTP/1.1 100 Continue\r\n\r\n", whole(), whole()],
    "another status": [whole(), edited(b"200 OK", b"500 OK"), edited(b"200 OK", b"500 OK")],
    "another version": [whole(), edited(b"HTTP/1.1", b"HTTP/1.0")],
    "version 1.0, kept": [edited(b"HTTP/1.1", b"HTTP/1.0", added(b"Connection: keep-alive"))] * 3,
    "closing": [added(b"Connection: keep-alive"), added(b"Connection: close"), whole()],
    "closing from the first on": [added(b"Connection: close"), added(b"Connection: close")],
    "closing, by the old name": [
        added(b"Proxy-Connection: keep-alive"),
        added(b"Proxy-Connection: close"),
        whole(),
    ],
    "a closing one more": [whole(), added(b"Connection: close"), whole()],
    "a coding": [added(b"Content-Encoding: identity"), added(b"Content-Encoding: gzip")],
    "chunked beside a length": [added(b"Transfer-Encoding: identity"), added(b"Transfer-Encoding: chunked")],
    "chunked after a length": [
        whole(),
        edited(b"Content-Length: 4\r\n\r\nfine", b"Transfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n"),
        whole(),
    ],
    "until the end": [whole(), edited(b"Content-Length: 4\r\n", b"")],
    "no content": [edited(b"200 OK", b"204 No Content", whole(b"")), edited(b"200 OK", b"204 No Content")],
    "not modified": [
        edited(b"200 OK", b"304 Not Modified", whole(b"")),
        edited(b"200 OK", b"304 Not Modified"),
    ],
    "a switch": [added(b"Upgrade: h2c"), added(b"Upgrade: websocket", b"Connection: upgrade"), whole()],
    "bare line feeds": [whole(), whole().replace(b"\r\n", b"\n")],
    "an end in the body": [whole(b"a\r\n\r\nb"), whole(b"\r\n\r\n"), whole(b"a\r\n\r\n\r\n\r\nb")],
    "blank lines first": [whole(), b"\r\n" + whole(), b"\r\n\r\n" + whole()],
    "no head at all": [whole(), b"\r\n\r\n"],
    "rubbish": [whole(), b"garbage\r\n\r\n"],
    "many surprises": [added(b"X-%d: 1" % number) for number in range(12)],
    "many lines": [added(*[b"X: %d" % number for number in range(300)])] * 2,
    "a long head": [added(b"X: " + b"v" * 20_000)] * 2,
}


@pytest.mark.parametrize("name", CASES)
def test_reads_as_the_parser_does(name: str) -> None:
    """The same heads, bodies, ends and errors, in the same order, and the same end of the connection."""
    expected, _ = converse(CASES[name], never)
    assert converse(CASES[name], learn_response)[0] == expected


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("the same", 1),
        ("another body", 3),
        ("other values", 2),
        ("one more", 1),
        ("two in one piece", 0),
        ("cut in the head", 1),
        ("version 1.0, kept", 2),
    ],
)
def test_the_short_way_is_taken(name: str, times: int) -> None:
    """What looks like the one before goes the short way: else these tests would show nothing."""
    assert converse(CASES[name], learn_response)[1] == times


def test_what_a_response_had_does_not_stay() -> None:
    """Each head has its own values, also after one that could not be known."""
    pieces = [whole(x_request_id=b"1"), whole(x_request_id=b"2"), whole(x_request_id=b"3")[:-1], b"e"]
    log, _ = converse([*pieces, whole(), whole(x_request_id=b"5")], learn_response)
    ids = [dict(entry[2])["x-request-id"] for entry in log if entry[0] == "head"]
    assert ids == ["1", "2", "3", "req_1", "5"]


@given(data=st.data())
@settings(max_examples=500, deadline=None)
def test_whatever_comes(data: st.DataObject, heads: Any) -> None:
    """Responses that look alike, nearly or not at all, in whatever pieces: as without the short way."""
    headers = data.draw(st.permutations(HEADERS))
    headers += data.draw(
        st.lists(
            st.sampled_from(
                [
                    (b"Connection", b"keep-alive"),
                    (b"Proxy-Connection", b"keep-alive"),
                    (b"X-Empty", b""),
                    (b"Upgrade", b"h2c"),
                    (b"Content-Encoding", b"gzip"),
                ]
            ),
            max_size=2,
        )
    )
    start = data.draw(
        st.sampled_from([START, START, START, b"HTTP/1.1 500 No", b"HTTP/1.1 204 No", b"HTTP/1.1 304 No"])
    )
    body = data.draw(st.sampled_from([b"", b"fine"]))
    responses = [heads.message(start, [*headers, (b"Content-Length", b"%d" % len(body))], body)]
    responses += data.draw(st.lists(heads.near(start, headers, body), min_size=1, max_size=5))
    pieces = data.draw(heads.cut(responses))
    log, known = converse(pieces, learn_response)
    event(f"known: {known}")
    assert log == converse(pieces, never)[0]


PLANTED = {
    "the length is not looked at": ("if len(data) - begin == self._length else None", "if data else None"),
    "a longer body passes": ("len(data) - begin == self._length", "len(data) - begin >= self._length"),
    "the old length stays": ("length = int(value)\n", "pass\n"),
    "changed framing passes": (" or self._head.headers[number - 1][0] in _FRAMING", ""),
    "names are not compared": ("(*kept, lead, self._names[number])", "(*kept, lead)"),
    "what follows is not compared": ("if not data.startswith(self._end, at):", "if at < 0:"),
    "control bytes pass": ("or not value.isprintable() ", ""),
    "blanks stay": ('or value.startswith(" ") or value.endswith(" ")', ""),
    "any length passes": (
        "not value.isdigit() or len(value) > _DIGITS_MAX:\n                    return",
        "False:\n                    return",
    ),
    "the number of lines is not compared": ("if len(lines) != len(self._lines):", "if not lines:"),
    "the old head stays": ("headers[place] = (headers[place][0], value)", "pass"),
    "the old value stays": ("self._values[number] = raw", "pass"),
    "one without a body is learnt": ("head.status in _NO_BODY or ", ""),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_seen(name: str, plant: Callable[..., types.ModuleType]) -> None:
    """These cases would not pass if the short way were wrong."""
    wrong = plant(known_response, PLANTED[name]).learn_response
    seen = []
    for case, pieces in CASES.items():
        try:
            if converse(pieces, wrong)[0] != converse(pieces, never)[0]:
                seen.append(case)
        except (ValueError, IndexError):  # it doesn't even end
            seen.append(case)
    assert seen
