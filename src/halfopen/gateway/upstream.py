"""One connection to an upstream, and the call that it carries.

Rules
1. A connection carries one call at a time and goes back to its pool only after a whole response on
   a connection that both sides keep alive.
2. Bytes on an idle connection, or after the response, close it.
3. A call that is cancelled hears nothing more, and its connection is closed: the upstream must stop
   working for nobody.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final, cast

from halfopen.gateway.text_way import TextWay
from halfopen.http1 import BadResponseError, KnownResponse, ResponseHead, ResponseParser, learn_response
from halfopen.model import TransportError

_JOINED_BYTES: Final = 64 * 1024
"""A shorter request goes out in one piece; copying a longer one costs more than it saves."""
_SURPRISES_MAX: Final = 8
"""After so many responses that did not look like those before it isn't tried any more."""


class CallSink(ABC):
    """Takes what becomes of a call. After `on_end` or `on_failed` nothing comes.

    A class, so that compiled code calls it directly.
    """

    __slots__ = ()

    @abstractmethod
    def on_connected(self) -> None:
        """The request is being sent."""

    @abstractmethod
    def on_head(self, head: ResponseHead) -> None:
        """Status and headers are here."""

    @abstractmethod
    def on_data(self, data: bytes) -> None:
        """A piece of the body."""

    @abstractmethod
    def on_end(self) -> None:
        """The response is whole, as far as HTTP can tell."""

    @abstractmethod
    def on_failed(self, error: TransportError, detail: str) -> None:
        """There will be no (whole) response."""


class UpstreamConnection(asyncio.Protocol):
    """A socket to an upstream, made by its pool."""

    __slots__ = (
        "_head",
        "_known",
        "_on_free",
        "_on_lost",
        "_parser",
        "_paused",
        "_surprises",
        "idle_since",
        "responded",
        "sink",
        "text_way",
        "transport",
        "used",
    )

    def __init__(
        self,
        on_free: Callable[["UpstreamConnection"], None],
        on_lost: Callable[["UpstreamConnection"], None],
    ) -> None:
        """`on_free` takes it back after a call, `on_lost` when it is gone; each loss is told once."""
        self._on_free = on_free
        self._on_lost = on_lost
        self.sink: CallSink | None = None
        """Who is told of the response that is on its way; None: nobody asked for one."""
        self.text_way: TextWay | None = None
        """Who takes what is text in the middle of a streamed answer; the sink gets the rest."""
        self._parser: ResponseParser | None = None
        self._head: ResponseHead | None = None
        self._known: KnownResponse | None = None
        self._surprises = 0
        """Responses in a row that looked like none before."""
        self._paused = False
        self.transport: asyncio.Transport | None = None
        self.used = 0
        """Calls that it has carried."""
        self.responded = False
        """Whether a byte of the current response has come."""
        self.idle_since = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether it is open."""
        return self.transport is not None and not self.transport.is_closing()

    def send(self, request: tuple[bytes, bytes], sink: CallSink) -> None:
        """Carry a call: head and body. Only on a connection without one."""
        assert self.transport is not None
        assert self.sink is None
        self.sink = sink
        self._parser = None
        self.responded = False
        self.used += 1
        head, body = request
        if len(body) < _JOINED_BYTES:
            self.transport.write(head + body)
        else:
            self.transport.writelines(request)
        sink.on_connected()

    def abandon(self) -> None:
        """Nobody wants the response any more."""
        self.sink = None
        self.text_way = None
        self.close()

    def close(self) -> None:
        """Close at once, without waiting for what is still to be sent."""
        if self.transport is not None:
            self.transport.abort()

    def pause(self) -> None:
        """Read no more for now: the client is slower than the upstream."""
        if self.transport is not None and not self.transport.is_closing():
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused and self.transport is not None and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        # uvloop's transports implement asyncio.Transport without being one.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self.sink is None:
            self.close()  # nobody asked for anything
            return
        parser = self._parser
        if parser is None:
            self.responded = True
            if self._known is not None and self._take_known(data):
                return
            parser = self._parser = ResponseParser(self)
            self._parse(parser, data)
            if parser.ended and self._surprises < _SURPRISES_MAX and self._head is not None:
                self._surprises += 1
                self._known = learn_response(data, self._head)
            self._head = None
            return
        piece = parser.chunk_of(data)
        if piece is None:
            self._parse(parser, data)
        else:
            self._take_body(piece, data)

    def eof_received(self) -> None:
        """The far side has sent all it will."""
        if self.sink is not None and (self._parser is None or not self._parser.eof()):
            self._fail_ended("the upstream closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.transport = None
        if self.sink is not None:
            detail = f"the connection was lost: {exc}" if exc else "the upstream closed the connection"
            self._fail_ended(detail)
        self._on_lost(self)

    # The parser calls these.

    def on_response_head(self, head: ResponseHead) -> None:
        """Status and headers."""
        self._head = head
        if self.sink is not None:
            self.sink.on_head(head)

    def on_response_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._take_body(data, b"")

    def on_response_end(self) -> None:
        """The response is whole."""
        sink, self.sink = self.sink, None
        self.text_way = None
        if sink is None:
            return
        parser = self._parser
        self._give_back(keeps=parser is not None and parser.keep_alive)
        sink.on_end()

    # Inside.

    def _take_body(self, data: bytes, as_chunk: bytes) -> None:
        if self.sink is not None and (self.text_way is None or not self.text_way.take(data, as_chunk)):
            self.sink.on_data(data)

    def _parse(self, parser: ResponseParser, data: bytes) -> None:
        try:
            parser.feed(data)
        except BadResponseError as problem:
            self._fail(TransportError.PROTOCOL, str(problem))

    def _take_known(self, data: bytes) -> bool:
        """Take a whole response whose head looks like the one before. Whether it did."""
        assert self._known is not None
        read = self._known.read(data)
        if read is None:
            return False
        self._surprises = 0
        head, body = read
        if self.sink is not None:
            self.sink.on_head(head)
        # Whoever is told may give the call to somebody else, or give it up.
        if self.sink is not None:
            self.sink.on_data(body)
        sink, self.sink = self.sink, None
        if sink is not None:
            self._give_back(keeps=True)
            sink.on_end()
        return True

    def _give_back(self, *, keeps: bool) -> None:
        """The call is over: to the pool, or closed."""
        transport = self.transport
        if (
            keeps
            and transport is not None
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        ):
            if self._paused:
                self.resume()  # for the client of this call; the next has another
            self._on_free(self)
        else:
            self.close()

    def _fail_ended(self, detail: str) -> None:
        in_body = self._parser is not None and self._parser.has_head
        self._fail(TransportError.CUT if in_body else TransportError.RESET, detail)

    def _fail(self, error: TransportError, detail: str) -> None:
        sink, self.sink = self.sink, None
        self.text_way = None
        self.close()
        if sink is not None:
            sink.on_failed(error, detail)
