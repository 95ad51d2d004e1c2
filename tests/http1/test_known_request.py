"""A request that is known by its head is read as the parser reads it, or not at all."""

import types
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from halfopen.gateway import intake
from halfopen.gateway.connection import Connection
from halfopen.gateway.runtime import Runtime, Surroundings
from halfopen.http1 import RequestHead, RequestParser, known_request
from halfopen.http1.known_request import KnownHead, learn_request
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import Snapshot

Learn = Callable[[bytes, RequestHead, int], KnownHead | None]
START = b"POST /v1/chat/completions HTTP/1.1"
HEADERS = [(b"Host", b"gateway"), (b"Authorization", b"Bearer one"), (b"Accept", b"*/*")]
BODY_MAX = 1024
HEAD_MAX = 4096


class Time:
    """A loop whose time stands still. Also a clock."""

    def __init__(self) -> None:
        self.soon: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()

    def time(self) -> float:
        return 100.0

    monotonic = wall = time

    def call_soon(self, then: Callable[..., object], *args: object) -> None:
        self.soon.append((then, args))

    def call_later(self, _delay_s: float, _then: Callable[..., object]) -> "Time":
        return self

    def cancel(self) -> None:
        """A timer that never comes needs no cancelling."""

    def run(self) -> None:
        while self.soon:
            then, args = self.soon.popleft()
            then(*args)


class Socket:
    """A transport without a socket. Notes what is written, and how it ends."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self.closing = False

    def set_write_buffer_limits(self, high: int) -> None:
        """There is room for everything."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.log.append(data)

    def write_eof(self) -> None:
        self.log.append("write_eof")

    def close(self) -> None:
        self.log.append("close")
        self.closing = True

    def abort(self) -> None:
        self.log.append("abort")
        self.closing = True


class Answerer:
    """A handler that notes what it is asked, and answers when it is told to."""

    def __init__(self, *, waits: bool) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.waits = waits
        self.waiting: Any = None

    def handle(self, head: RequestHead, body: bytes, responder: Any) -> None:
        # Nobody behind the parser reads the length: the body is whole.
        headers = [(name, b"" if name == b"content-length" else value) for name, value in head.headers]
        self.asked.append(
            (head.method, head.target, head.version, headers, head.keep_alive, body, responder.request_id)
        )
        self.waiting = responder
        if not self.waits:
            self.answer()

    def answer(self) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting.send(200, [], b"answer %d" % len(self.asked))

    def refuse(self, status: int, message: str, responder: Any) -> None:
        self.asked.append(("refused", status, message))
        responder.send(status, [], b"")


def converse(
    pieces: list[bytes], learn: Learn, *, waits: bool = False, draining: bool = False
) -> tuple[list[object], int]:
    """Play the pieces. What was asked and answered, and how many requests went the short way."""
    loop, answerer, socket, parsed = Time(), Answerer(waits=waits), Socket(), 0
    ids = iter(range(1000))
    surroundings = Surroundings(loop, lambda: 0.5, lambda: str(next(ids)), lambda _: None)
    gateway = Gateway(request_max_bytes=BODY_MAX, header_max_bytes=HEAD_MAX)
    runtime = Runtime(Snapshot(gateway, {}, {}), {}, surroundings, cast("Any", loop))
    runtime.phase.draining = draining
    feed = RequestParser.feed

    def counted(parser: RequestParser, data: bytes) -> None:
        nonlocal parsed
        parsed += 1
        feed(parser, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "learn_request", learn)
        patch.setattr(RequestParser, "feed", counted)
        connection = Connection(runtime, cast("Any", answerer), lambda _: None)
        connection.connection_made(cast("Any", socket))
        fed = 0
        for piece in pieces:
            if socket.closing:
                break
            fed += connection._lingering is None
            connection.data_received(piece)
            loop.run()
            answerer.answer()
            loop.run()
            socket.log.append(("busy", connection.is_busy, connection.wake_at))
    return [*answerer.asked, *socket.log], fed - parsed


def never(_data: bytes, _head: RequestHead, _head_max_bytes: int) -> None:
    """The way without a short cut."""


def whole(body: bytes = b"ask", *more: bytes, start: bytes = START) -> bytes:
    lines = [
        start,
        *(name + b": " + value for name, value in HEADERS),
        *more,
        b"Content-Length: %d" % len(body),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def edited(old: bytes, new: bytes, like: bytes = b"") -> bytes:
    first = like or whole()
    assert first.count(old) == 1
    return first.replace(old, new)


CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n3\r\nask\r\n0\r\n\r\n"
FULL = HEAD_MAX - sum(len(name) + len(value) + 4 for name, value in HEADERS)
"""What is left of the room for headers."""
CASES: dict[str, list[bytes]] = {
    "the same": [whole(), whole()],
    "another body": [whole(), whole(b""), whole(b"longer than that"), whole()],
    "another value": [whole(), edited(b"one", b"two"), whole()],
    "a value with a control byte": [whole(), edited(b"one", b"o\x00e")],
    "another method": [whole(), edited(b"POST", b"GET"), edited(b"POST", b"PATCH")],
    "another path": [whole(), edited(b"/v1/chat", b"/v2/chat")],
    "another version": [whole(), edited(b"HTTP/1.1", b"HTTP/1.0"), whole()],
    "version 1.0, kept": [whole(b"ask", b"Connection: keep-alive", start=START[:-1] + b"0")] * 3,
    "version 1.2": [whole(), edited(b"HTTP/1.1", b"HTTP/1.2")],
    "closing": [whole(), whole(b"ask", b"Connection: close"), whole()],
    "closing from the first on": [whole(b"ask", b"Connection: close")] * 2,
    "closing, by the old name": [whole(b"ask", b"Proxy-Connection: close")] * 2,
    "an expectation": [whole(b"ask", b"Expect: 100-continue")] * 2,
    "an expectation, cut": [whole(b"ask", b"Expect: 100-continue")[:-3], b"ask"] * 2,
    "an offer": [whole(b"ask", b"Upgrade: h2c", b"Connection: upgrade")] * 2,
    "twice the length": [whole(), whole(b"ask", b"Content-Length: 3")],
    "twice the length, within it": [whole(), edited(b"Length: 3", b"Length: 3\r\nContent-Length: 3")],
    "a length with a plus": [whole(), edited(b"Length: 3", b"Length: +3")],
    "a length with a minus": [whole(), edited(b"Length: 3", b"Length: -3")],
    "a length with zeros": [whole(), edited(b"Length: 3", b"Length: 0003"), whole()],
    "a length with zeros first": [edited(b"Length: 3", b"Length: 0003"), whole()],
    "a length with blanks": [whole(), edited(b"Length: 3", b"Length:  3 "), whole()],
    "a length with a blank behind first": [edited(b"Length: 3", b"Length: 3 "), whole(), whole()],
    "no length": [whole(), edited(b"Length: 3", b"Length: ")],
    "an endless length": [whole(), edited(b"Length: 3", b"Length: " + b"3" * 30)],
    "a length of letters": [whole(), edited(b"Length: 3", b"Length: three")],
    "a length of other digits": [whole(), edited(b"Length: 3", b"Length: \xb3")],
    "a length in hexadecimals": [whole(), edited(b"Length: 3", b"Length: 0x3")],
    "two lengths in one": [whole(), edited(b"Length: 3", b"Length: 3,3")],
    "a length beyond a carriage return": [whole(), edited(b"Length: 3", b"Length: 3\r")],
    "a length that hides in a value": [
        whole(b"ask", b"X: content-length: 3"),
        whole(b"asks", b"X: content-length: 3"),
    ],
    "a name that ends as the length does": [
        whole(b"ask", b"X-Content-Length: 3"),
        whole(b"asks", b"X-Content-Length: 3"),
    ],
    "a value that is the length's": [
        whole(b"ask", b"X: 3"),
        whole(b"asks", b"X: 3"),
        whole(b"asks", b"X: 4"),
    ],
    "a value that looks like the length": [
        whole(b"ask", b"X: 3"),
        edited(b"X: 3", b"X: 03", whole(b"ask", b"X: 3")),
        edited(b"X: 3", b"X: 4", whole(b"ask", b"X: 3")) + b"s",
    ],
    "a value behind the length": [
        edited(b"\r\n\r\nask", b"\r\nX: 1\r\n\r\nask"),
        edited(b"\r\n\r\nask", b"\r\nX: 2\r\n\r\nask"),
        edited(b"\r\n\r\nask", b"\r\nX: 1\r\n\r\nask"),
    ],
    "a length before the others": [
        edited(b"Host", b"Content-Length: 3\r\nHost", whole(b"").replace(b"Content-Length: 0\r\n", b""))
        + b"ask"
    ]
    * 2,
    "too short": [whole(), edited(b"Length: 3", b"Length: 4")],
    "too short by a piece": [whole(), edited(b"Length: 3", b"Length: 4"), b"!", whole()],
    "too long": [whole(), edited(b"Length: 3", b"Length: 2"), whole()],
    "much too long": [whole(), whole(b"x" * BODY_MAX), whole(b"x" * (BODY_MAX + 1))],
    "pipelined": [whole(), whole() + whole(b"two"), whole()],
    "pipelined from the first on": [whole() + whole(b"two"), whole(), whole()],
    "one and a half": [whole(), whole() + whole()[:30], whole()[30:], whole()],
    "many pipelined": [whole(), whole() * 12],
    "cut in the head": [whole(), whole()[:20], whole()[20:], whole()],
    "cut in the body": [whole(), whole()[:-2], whole()[-2:], whole()],
    "cut behind the head": [whole(), whole()[:-3], b"ask", whole()],
    "a rest that looks like another": [whole(), whole(b"x" * 200)[:-200] + b"x", b"x" * 199, whole()],
    "a body that looks like another": [whole(), whole(whole())[: -len(whole())], whole(), whole()],
    "an end in the body": [whole(b"a\r\n\r\nb"), whole(b"\r\n\r\n"), whole(b"a\r\n\r\n\r\n\r\nb")],
    "chunked": [whole(), edited(b"Content-Length: 3\r\n\r\nask", CHUNKED), whole()],
    "chunked twice": [edited(b"Content-Length: 3\r\n\r\nask", CHUNKED)] * 2,
    "chunked beside a length": [whole(), whole(b"ask", b"Transfer-Encoding: chunked")],
    "no host": [whole(), edited(b"Host: gateway\r\n", b"")],
    "two hosts": [whole(), whole(b"ask", b"Host: other")],
    "a folded line": [whole(), edited(b"Accept: ", b" folded: ")],
    "a fold before the length": [whole(b"ask", b"X: 1"), whole(b"ask", b"X: 1\r\n 2")],
    "a name in another case": [whole(), edited(b"Accept", b"ACCEPT"), edited(b"Accept", b"ACCEPT")],
    "bare line feeds": [whole(), whole().replace(b"\r\n", b"\n")],
    "a bare line feed before the body": [whole(), edited(b"\r\n\r\nask", b"\n\nask")],
    "a carriage return too many": [whole(), edited(b"\r\n\r\nask", b"\r\r\n\r\nask")],
    "blank lines first": [b"\r\n" + whole(), b"\r\n" + whole(), whole(), b"\r\n\r\n" + whole()],
    "blank lines between": [whole(), b"\r\n", whole(), b"\r\n" + whole()],
    "rubbish": [whole(), b"garbage\r\n\r\n"],
    "no body at all": [b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n"] * 2 + [whole(), whole()],
    "HEAD": [whole(start=START.replace(b"POST", b"HEAD"))] * 2
    + [whole(start=START.replace(b"POST", b"HEAD"), body=b"")],
    "CONNECT": [whole(start=b"CONNECT gateway:1 HTTP/1.1")] * 2,
    "more than a head may have": [whole(b"ask", b"X: " + b"v" * 9000)] * 2,
    "nearly more than a head may have": [whole(b"ask", b"X: " + b"v" * (FULL - 5 - 19))] * 2,
    "a length that is too much for the head": [
        whole(b"ask", b"X: " + b"v" * (FULL - 5 - 19)),
        edited(b"Length: 3", b"Length: 000000003", whole(b"ask", b"X: " + b"v" * (FULL - 5 - 19))),
    ],
    "many lines": [whole(b"ask", *[b"X: %d" % number for number in range(120)])] * 2,
}


@pytest.mark.parametrize("waits", [False, True], ids=["answered at once", "answered later"])
@pytest.mark.parametrize("name", CASES)
def test_reads_as_the_parser_does(name: str, waits: bool) -> None:
    """The same requests, answers and refusals, in the same order, and the same state after each piece."""
    expected, _ = converse(CASES[name], never, waits=waits)
    assert converse(CASES[name], learn_request, waits=waits)[0] == expected


@pytest.mark.parametrize("name", ["the same", "pipelined", "closing"])
def test_draining_ends_the_connection(name: str) -> None:
    """While draining, the answer to a known request ends its connection as well."""
    expected, _ = converse(CASES[name], never, draining=True)
    assert converse(CASES[name], learn_request, draining=True)[0] == expected


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("the same", 1),
        ("another body", 3),
        ("a length with zeros", 2),
        ("a value that is the length's", 1),
        ("a length before the others", 1),
        ("nearly more than a head may have", 0),
        ("cut in the body", 1),
        ("version 1.0, kept", 0),
        ("an expectation", 0),
        ("chunked twice", 0),
    ],
)
def test_the_short_way_is_taken(name: str, times: int) -> None:
    """A head that is known goes the short way: else these tests would show nothing."""
    assert converse(CASES[name], learn_request)[1] == times


@given(data=st.data(), waits=st.booleans())
@settings(max_examples=500, deadline=None)
def test_whatever_comes(data: st.DataObject, waits: bool, heads: Any) -> None:
    """Requests that look alike, nearly or not at all, in whatever pieces: as without the short way."""
    start = data.draw(st.sampled_from([START, START, b"GET /v1/models HTTP/1.1", b"HEAD / HTTP/1.1"]))
    extra = st.sampled_from(
        [
            (b"Connection", b"keep-alive"),
            (b"Expect", b"100-continue"),
            (b"Upgrade", b"h2c"),
            (b"X-Empty", b""),
            (b"X-Length", b"3"),
        ]
    )
    headers = data.draw(st.permutations(HEADERS)) + data.draw(st.lists(extra, max_size=2))
    lined = [*headers, (b"Content-Length", b"3")]
    requests = [heads.message(start, lined, b"ask")]
    requests += data.draw(st.lists(heads.near(start, headers, b"ask"), min_size=1, max_size=5))
    pieces = data.draw(heads.cut(requests))
    log, known = converse(pieces, learn_request, waits=waits)
    event(f"known: {known}")
    assert log == converse(pieces, never, waits=waits)[0]


PLANTED = {
    "the length is not looked at": (
        "if len(data) - begin == length and length <= max_bytes",
        "if length <= max_bytes",
    ),
    "more than was announced passes": ("len(data) - begin == length", "len(data) - begin >= length"),
    "less than was announced passes": ("len(data) - begin == length", "len(data) - begin <= length"),
    "any size passes": (" and length <= max_bytes", ""),
    "the end is not compared": (" or not data.startswith(self._end, last)", ""),
    "the start is not compared": ("if not data.startswith(start):\n            return None", ""),
    "what are digits is not looked at": ("if not digits.isdigit():", "if not digits.strip(b' +').isdigit():"),
    "an expectation is learnt": ('b"expect", ', ""),
    "the first such digits are the length": ('at + len(b"\\r\\ncontent-length:")', "0"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_seen(name: str, plant: Callable[..., types.ModuleType]) -> None:
    """These cases would not pass if the short way were wrong."""
    wrong = plant(known_request, PLANTED[name]).learn_request
    seen = []
    for case, pieces in CASES.items():
        try:
            if converse(pieces, wrong)[0] != converse(pieces, never)[0]:
                seen.append(case)
        except ValueError:  # it doesn't even end
            seen.append(case)
    assert seen
