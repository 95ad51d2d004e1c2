"""One connection to an upstream, and the call that it carries.

Rules
1. A connection carries one call at a time and goes back to its pool only after a whole response on
   a connection that both sides keep alive.
2. Bytes on an idle connection, or after the response, close it.
3. A call that is cancelled hears nothing more, and its connection is closed: the upstream must stop
   working for nobody.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from halfopen.http1 import BadResponseError, ResponseHead, ResponseParser
from halfopen.model import TransportError


class CallSink(Protocol):
    """Takes what becomes of a call. After `on_end` or `on_failed` nothing comes."""

    def on_connected(self) -> None:
        """The request is being sent."""

    def on_head(self, head: ResponseHead) -> None:
        """Status and headers are here."""

    def on_data(self, data: bytes) -> None:
        """A piece of the body."""

    def on_end(self) -> None:
        """The response is whole, as far as HTTP can tell."""

    def on_failed(self, error: TransportError, detail: str) -> None:
        """There will be no (whole) response."""


class UpstreamConnection(asyncio.Protocol):
    """A socket to an upstream, made by its pool."""

    __slots__ = (
        "_on_free",
        "_on_lost",
        "_parser",
        "_paused",
        "_sink",
        "idle_since",
        "responded",
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
        self._sink: CallSink | None = None
        self._parser: ResponseParser | None = None
        self._paused = False
        self.transport: asyncio.Transport | None = None
        self.used = 0
        """Calls that it has carried."""
        self.responded = False
        """Whether a byte of the current response has come."""
        self.idle_since = 0.0

    def send(self, request: tuple[bytes, bytes], sink: CallSink) -> None:
        """Carry a call: head and body. Only on a connection without one."""
        assert self.transport is not None
        assert self._sink is None
        self._sink = sink
        self._parser = ResponseParser(self)
        self.responded = False
        self.used += 1
        self.transport.writelines(request)
        sink.on_connected()

    def abandon(self) -> None:
        """Nobody wants the response any more."""
        self._sink = None
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
        if self._sink is None or self._parser is None:
            self.close()  # nobody asked for anything
            return
        self.responded = True
        try:
            self._parser.feed(data)
        except BadResponseError as problem:
            self._fail(TransportError.PROTOCOL, str(problem))

    def eof_received(self) -> None:
        """The far side has sent all it will."""
        if self._sink is not None and self._parser is not None and not self._parser.eof():
            self._fail_ended("the upstream closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.transport = None
        if self._sink is not None:
            detail = f"the connection was lost: {exc}" if exc else "the upstream closed the connection"
            self._fail_ended(detail)
        self._on_lost(self)

    # The parser calls these.

    def on_response_head(self, head: ResponseHead) -> None:
        """Status and headers."""
        if self._sink is not None:
            self._sink.on_head(head)

    def on_response_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._sink is not None:
            self._sink.on_data(data)

    def on_response_end(self) -> None:
        """The response is whole."""
        sink, self._sink = self._sink, None
        if sink is None:
            return
        reusable = self._reusable()
        if reusable:
            self._parser = None
            self.resume()  # it may have been paused for the client of this call; the next has another
            self._on_free(self)
        else:
            self.close()
        sink.on_end()

    def _reusable(self) -> bool:
        transport, parser = self.transport, self._parser
        return (
            transport is not None
            and parser is not None
            and parser.keep_alive
            and not transport.is_closing()
            and transport.get_write_buffer_size() == 0
        )

    def _fail_ended(self, detail: str) -> None:
        in_body = self._parser is not None and self._parser.has_head
        self._fail(TransportError.CUT if in_body else TransportError.RESET, detail)

    def _fail(self, error: TransportError, detail: str) -> None:
        sink, self._sink = self._sink, None
        self.close()
        if sink is not None:
            sink.on_failed(error, detail)
