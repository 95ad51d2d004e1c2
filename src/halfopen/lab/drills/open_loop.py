"""A client of bare bytes that asks at a fixed rate, whether or not answers come, and checks each one whole.

Rules
1. A request is due by the clock alone: a gateway that is slow gets no fewer of them.
2. The idle connection that has waited longest is used next, so that all are in use, and so are all workers.
3. Every request ends: with its whole answer, or with a problem that says what was seen instead.

A library's client would cost more than the gateway that is asked.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final, cast

import msgspec

from halfopen.lab.answer import expected_text
from halfopen.lab.drills.http_answer import AnswerError, HttpAnswer
from halfopen.lab.matrix.case import MODELS
from halfopen.lab.server import HOST

HANG_S: Final = 10.0
"""A request that has not ended by then hangs."""
CONNECTIONS: Final = 64
"""Kept open; more are opened when all are in use."""
CONNECTIONS_MAX: Final = 4096
_STREAM_EVERY: Final = 10
_TURN_S: Final = 0.002
_SWEEP_S: Final = 0.1
_MODEL: Final = MODELS["openai"]
_RETRIED: Final = frozenset({408, 409, 429})
"""Statuses below 500 that official clients ask again after."""


class End(Enum):
    """How a request ended."""

    WHOLE = "whole"
    CUT = "cut"
    """The connection ended before the answer did."""
    REFUSED = "refused"
    """No connection could be made."""
    RETRYABLE = "retryable status"
    STATUS = "status"
    """A status after which clients don't ask again."""
    WRONG = "wrong"
    """It came to an end, but isn't the answer to the question."""
    HANG = "hang"


@dataclass(slots=True)
class Asked:
    """One request, from when it was due to its end. Times are monotonic."""

    number: int
    stream: bool
    due: float
    sent: float = 0.0
    """When it was handed to a connection, or one was opened for it."""
    ended: float = 0.0
    end: End | None = None
    """None: it has not ended."""
    problem: str = ""
    port: int = 0
    """The client's port of the connection that it went out on; 0: there was none."""

    @property
    def answered(self) -> bool:
        """Whether the gateway has answered it whole, with whatever it was."""
        return self.end in (End.WHOLE, End.RETRYABLE, End.STATUS)


class OpenLoop:
    """Asks until it is told to stop. Make it inside the running loop."""

    def __init__(self, port: int, rate: float, *, connections: int = CONNECTIONS) -> None:
        """Prepare it; `start` begins.

        Args:
            port: The gateway's, on loopback.
            rate: Requests a second. Every tenth is streamed.
            connections: Kept open.
        """
        self._gateway_port = port
        self._rate = rate
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._idle: deque[_Connection] = deque()
        self._open: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._under_way: dict[int, tuple[Asked, _Connection | None]] = {}
        self._none_left = asyncio.Event()
        self._none_left.set()
        self._timer: asyncio.TimerHandle | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._turned = 0.0
        self._came = 0
        """Of all requests, those that came by the clock."""
        self.began = 0.0
        """When the first request was due."""
        self.asked: list[Asked] = []
        """All requests so far."""
        self.pause_s = 0.0
        """The longest time in which this client itself did nothing, because it was not let run."""

    def start(self) -> None:
        """Begin to ask."""
        self.began = self._turned = time.monotonic()
        self._turn()
        self._sweep()

    async def stop(self) -> None:
        """Ask nothing more, and wait until every request has ended."""
        if self._timer is not None:
            self._timer.cancel()
        await self._none_left.wait()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in tuple(self._open):
            connection.abort()
        for task in self._opening:
            task.cancel()

    @property
    def under_way(self) -> list[Asked]:
        """Requests that have not ended."""
        return [asked for asked, _ in self._under_way.values()]

    # The clock.

    def _turn(self) -> None:
        now = time.monotonic()
        self.pause_s = max(self.pause_s, now - self._turned - _TURN_S)
        self._turned = now
        for nth in range(self._came, int((now - self.began) * self._rate) + 1):
            self._came += 1
            self._come(self.began + nth / self._rate, now)
        self._timer = self._loop.call_later(_TURN_S, self._turn)

    def burst(self, count: int) -> None:
        """Ask so many at once, beside those that are due."""
        now = time.monotonic()
        for _ in range(count):
            self._come(now, now)

    def _come(self, due: float, now: float) -> None:
        number = len(self.asked)
        asked = Asked(number, number % _STREAM_EVERY == 0, due, now)
        self.asked.append(asked)
        self._ask(asked)

    def _sweep(self) -> None:
        oldest = time.monotonic() - HANG_S
        for asked, connection in tuple(self._under_way.values()):
            if asked.sent > oldest:
                break
            self.ended(asked, End.HANG, f"no end within {HANG_S:g} s")
            if connection is not None:
                connection.abort()
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    # Connections.

    def _ask(self, asked: Asked) -> None:
        there = len(self._open) + len(self._opening)
        if there >= self._connections and self._idle:
            self._send(self._idle.popleft(), asked)
        elif there < CONNECTIONS_MAX:
            self._note(asked, None)
            task = self._loop.create_task(self._connect(asked))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self.ended(asked, End.REFUSED, f"all of {CONNECTIONS_MAX} connections wait")

    async def _connect(self, asked: Asked) -> None:
        try:
            _, connection = await self._loop.create_connection(
                partial(_Connection, self), HOST, self._gateway_port
            )
        except OSError as problem:
            self.ended(asked, End.REFUSED, str(problem))
            return
        if asked.end is None:
            self._send(connection, asked)
        else:
            self.free(connection)

    def _send(self, connection: "_Connection", asked: Asked) -> None:
        self._note(asked, connection)
        connection.send(asked)

    def _note(self, asked: Asked, connection: "_Connection | None") -> None:
        self._under_way[asked.number] = asked, connection
        self._none_left.clear()

    def opened(self, connection: "_Connection") -> None:
        """There is a connection."""
        self._open.add(connection)

    def free(self, connection: "_Connection") -> None:
        """A connection can take the next request."""
        self._idle.append(connection)

    def closed(self, connection: "_Connection") -> None:
        """A connection is gone."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def ended(self, asked: Asked, end: End, problem: str = "") -> None:
        """A request has ended. What is said of it later doesn't count."""
        if asked.end is None:
            asked.end, asked.problem, asked.ended = end, problem, time.monotonic()
            self._under_way.pop(asked.number, None)
            if not self._under_way:
                self._none_left.set()


class _Connection(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, client: OpenLoop) -> None:
        self._client = client
        self._transport: asyncio.Transport | None = None
        self._answer = HttpAnswer()
        self._asked: Asked | None = None
        self._port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Know the port."""
        # uvloop's transports are none by inheritance.
        self._transport = cast("asyncio.Transport", transport)
        self._port = int(transport.get_extra_info("sockname")[1])
        self._client.opened(self)

    def send(self, asked: Asked) -> None:
        """Send the next request."""
        self._asked, self._answer = asked, HttpAnswer()
        asked.port = self._port
        if self._transport is None or self._transport.is_closing():
            self._fail(End.CUT, "the connection was closed before the request went out")
            return
        self._transport.write(request(asked.number, stream=asked.stream))

    def abort(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        asked = self._asked
        if asked is None:
            self.abort()  # nothing was asked: an answer must not be taken for the next one
            return
        try:
            whole = self._answer.feed(data)
        except AnswerError as problem:
            self._fail(End.WRONG, str(problem))
            self.abort()
            return
        if whole:
            self._asked = None
            self._client.ended(asked, *judged(asked, self._answer))
            if self._answer.headers.get(b"connection", b"").lower() == b"close":
                self.abort()
            else:
                self._client.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The gateway, or who asks, has closed it."""
        self._transport = None
        self._client.closed(self)
        how = "ended" if exc is None else f"ended: {exc}"
        self._fail(End.CUT, f"the connection {how} after {self._answer.received} bytes of the answer")

    def _fail(self, end: End, problem: str) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            self._client.ended(asked, end, problem)


def request(number: int, *, stream: bool) -> bytes:
    """A whole request of the OpenAI dialect."""
    message = {"role": "user", "content": _prompt(number)}
    body = msgspec.json.encode({"model": _MODEL, "messages": [message], "stream": stream})
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: drill\r\nauthorization: Bearer drill\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _prompt(number: int) -> str:
    return f"Question {number} of the drill"


def judged(asked: Asked, answer: HttpAnswer) -> tuple[End, str]:
    """What a whole HTTP answer is worth."""
    if answer.status != 200:
        words = answer.body[:200].decode("utf-8", "replace")
        asked_again = answer.headers.get(b"x-should-retry") != b"false"
        retryable = asked_again and (answer.status >= 500 or answer.status in _RETRIED)
        return End.RETRYABLE if retryable else End.STATUS, f"status {answer.status}: {words}"
    try:
        text, finish = _streamed(answer.body) if asked.stream else _plain(answer.body)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError) as problem:
        return End.WRONG, f"no answer of its dialect: {problem!r}"
    if text != expected_text("openai", _MODEL, _prompt(asked.number)):
        return End.WRONG, f"another text: {text[-100:]!r}"
    if finish != "stop":
        return End.WRONG, f"its end is {finish}"
    return End.WHOLE, ""


def _plain(body: bytes) -> tuple[str, str | None]:
    choice = msgspec.json.decode(body)["choices"][0]
    return choice["message"]["content"], choice["finish_reason"]


def _streamed(body: bytes) -> tuple[str, str | None]:
    text, finish = "", None
    events = [event for event in body.split(b"\n\n") if event.startswith(b"data: ")]
    if not events or events.pop() != b"data: [DONE]":
        return text, "not [DONE]"
    for event in events:
        for choice in msgspec.json.decode(event[6:])["choices"]:
            text += choice["delta"].get("content") or ""
            finish = choice["finish_reason"] or finish
    return text, finish
