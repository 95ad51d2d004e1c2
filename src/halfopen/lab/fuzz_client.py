"""A client that sends one fuzz input and writes down what comes back."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import httptools

from halfopen.lab.fuzz_input import FuzzInput

_ANSWER_MAX_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class FuzzAnswer:
    """One response of the gateway."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    whole: bool = False


@dataclass(slots=True)
class FuzzSeen:
    """All that came back for one input."""

    answers: list[FuzzAnswer] = field(default_factory=list)
    closed: bool = False
    """Whether the gateway has ended the connection."""
    hung: bool = False
    """Whether nothing had come to an end when the patience did."""
    malformed: str = ""
    """Why what came is no HTTP; empty: it is."""


class FuzzClient(asyncio.Protocol):
    """Sends one input; `done` is set when there is something to judge."""

    def __init__(self, given: FuzzInput, done: "asyncio.Future[FuzzSeen]") -> None:
        """`done` gets what was seen."""
        self._given = given
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._answer: FuzzAnswer | None = None
        self._pieces = list(reversed(given.pieces))
        self._bodiless = given.data.lstrip(b"\r\n").startswith(b"HEAD ")
        self._transport: asyncio.Transport | None = None
        self._closing: asyncio.Handle | None = None
        self.seen = FuzzSeen()

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to send."""
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as problem:
            if not self._bodiless:
                self.seen.malformed = str(problem)
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """The gateway has ended the connection, or we have."""
        del exc
        self.seen.closed = True
        self._finish()

    # httptools calls these.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """A head."""
        status = self._parser.get_status_code()
        self._answer = FuzzAnswer(status, self._headers)
        self._headers = {}
        if status >= 200:
            self.seen.answers.append(self._answer)
            if self._bodiless:
                self._answer.whole = True
                self._settle()

    def on_body(self, body: bytes) -> None:
        """Part of a body."""
        if self._answer is not None and len(self._answer.body) < _ANSWER_MAX_BYTES:
            self._answer.body += body

    def on_message_complete(self) -> None:
        """An answer is whole."""
        if self._answer is not None and self._answer.status >= 200:
            self._answer.whole = True
            self._settle()

    # Inside.

    def give_up(self) -> None:
        """The patience has ended."""
        self.seen.hung = True
        self._finish()

    def _send(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._pieces:
            transport.write(self._pieces.pop())
            self._loop.call_soon(self._send)
        elif self._given.leaves:
            transport.abort()

    def _settle(self) -> None:
        """An answer is there: leave once the gateway has said all that it had in hand."""
        if self._closing is None:
            self._closing = self._loop.call_later(0.002, self._finish)

    def _finish(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        if not self._done.done():
            self._done.set_result(self.seen)
