"""One client's connection: reads requests, writes their answers.

Rules
1. Requests are answered in order, one at a time; a few pipelined ones wait, no more are read.
2. A request that is slow to come gets 408, an idle connection is closed; one timer does both.
3. After a refusal the rest of what the client sends is thrown away for a bounded time, so that the
   client gets to read the answer instead of a reset.
4. A client that leaves is told to whoever works for it; a client that reads slowly slows down the
   upstream, not the memory.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

from halfopen.gateway.handler import Handler
from halfopen.gateway.responder import Headers, Requester
from halfopen.gateway.runtime import Runtime
from halfopen.http1 import RefusedError, RequestHead, RequestLimits, RequestParser

_PIPELINED_MAX = 8
_LINGER_S = 2.0
_LINGER_MAX_BYTES = 64 * 1024 * 1024
_WRITE_HIGH_BYTES = 256 * 1024
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """A client's socket. Also the `Responder` of the request that is being answered."""

    __slots__ = (
        "_answering",
        "_begun",
        "_body",
        "_chunked",
        "_handler",
        "_head",
        "_idle_s",
        "_lingering",
        "_on_closed",
        "_parser",
        "_pipeline",
        "_reading",
        "_request_id",
        "_request_s",
        "_requester",
        "_runtime",
        "_transport",
        "wake_at",
        "wheel_slot",
    )

    def __init__(self, runtime: Runtime, handler: Handler, on_closed: Callable[["Connection"], None]) -> None:
        """`on_closed` is told once, when the socket is gone."""
        gateway = runtime.snapshot.gateway
        self._runtime = runtime
        self._handler = handler
        self._on_closed = on_closed
        limits = RequestLimits(gateway.header_max_bytes, gateway.request_max_bytes)
        self._parser = RequestParser(self, limits)
        self._request_s = gateway.request_timeout_s
        self._idle_s = gateway.idle_timeout_s
        self._transport: asyncio.Transport | None = None
        self._reading: RequestHead | None = None
        self._body: list[bytes] = []
        self._pipeline: deque[tuple[RequestHead, bytes]] = deque()
        self._head: RequestHead | None = None
        self._answering = False
        self._begun = False
        self._chunked = False
        self._requester: Requester | None = None
        self._request_id = ""
        self._lingering: int | None = None
        self.wake_at = float("inf")
        self.wheel_slot = 0

    @property
    def request_id(self) -> str:
        """The id of the request that is being answered."""
        return self._request_id

    @property
    def is_busy(self) -> bool:
        """Whether a request is being read or answered."""
        return self._answering or self._reading is not None or bool(self._pipeline)

    def close(self) -> None:
        """Close when what was written has been sent."""
        if self._transport is not None:
            self._transport.close()

    def shut(self) -> None:
        """Close at once; whoever works for the client is told."""
        self._abort()

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        # uvloop's transports implement asyncio.Transport without being one.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITE_HIGH_BYTES)
        self._wake_in(self._request_s)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._lingering is not None:
            self._lingering += len(data)
            if self._lingering > _LINGER_MAX_BYTES:
                self._abort()
            return
        if not self.is_busy and self._parser.between_requests:
            self._wake_in(self._request_s)
        try:
            self._parser.feed(data)
        except RefusedError as refusal:
            self._refuse(refusal.status, refusal.message)

    def eof_received(self) -> None:
        """The client sends no more: it has left."""
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The socket is gone."""
        self._transport = None
        self._runtime.wheel.remove(self)
        self.wake_at = float("inf")
        self._leave()
        self._on_closed(self)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        if self._requester is not None:
            self._requester.on_client_slow()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._requester is not None:
            self._requester.on_client_ready()

    def on_timer(self, now: float) -> None:  # noqa: ARG002 - the wheel's signature
        """The client has taken too long, or has been idle for long enough."""
        if self._transport is None or self._answering:
            return
        if self._lingering is not None:
            self._abort()
        elif self._reading is not None or not self._parser.between_requests:
            self._refuse(408, f"The request did not arrive within {self._request_s:g} s.")
        else:
            self._transport.close()

    # The parser calls these.

    def on_request_head(self, head: RequestHead) -> None:
        """A request has begun."""
        self._reading = head
        self._body = []
        expect = head.header(b"expect")
        if expect is not None and expect.lower() == b"100-continue" and not self._answering:
            self._write(_CONTINUE)

    def on_request_body(self, data: bytes) -> None:
        """A piece of its body."""
        self._body.append(data)

    def on_request_end(self) -> None:
        """The request is whole."""
        head, self._reading = self._reading, None
        assert head is not None
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        if self._answering or self._pipeline:
            if len(self._pipeline) >= _PIPELINED_MAX:
                raise RefusedError(429, f"More than {_PIPELINED_MAX} requests were sent without waiting.")
            self._pipeline.append((head, body))
        else:
            self._serve(head, body)

    # Responder.

    def attach(self, requester: Requester) -> None:
        """Tell `requester` what becomes of the client."""
        self._requester = requester

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer whole."""
        assert self._head is not None
        no_body = self._head.method == "HEAD"
        head = self._response_head(status, headers, b"content-length: %d\r\n" % len(body))
        self._write(head if no_body else head + body)
        self._done(keep_alive=self._head.keep_alive)

    def begin(self, status: int, headers: Headers) -> None:
        """Begin an answer of unknown length."""
        assert self._head is not None
        self._begun = True
        self._chunked = self._head.version == "1.1"
        length = b"transfer-encoding: chunked\r\n" if self._chunked else b""
        self._write(self._response_head(status, headers, length))

    def write(self, data: bytes) -> None:
        """Send a piece of it."""
        if not data:
            return
        self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def finish(self) -> None:
        """End it properly."""
        assert self._head is not None
        if self._chunked:
            self._write(b"0\r\n\r\n")
        self._done(keep_alive=self._chunked and self._head.keep_alive)

    def abort(self) -> None:
        """End it so that the client sees that it is not whole: no last chunk, and the connection closed."""
        self._detach()
        self.close()

    # Inside.

    def _serve(self, head: RequestHead, body: bytes) -> None:
        self._head = head
        self._answering = True
        self._begun = False
        self._request_id = self._runtime.surroundings.new_id()
        self.wake_at = float("inf")
        self._handler.handle(head, body, self)

    def _done(self, *, keep_alive: bool) -> None:
        self._detach()
        if self._transport is None:
            return
        if not keep_alive:
            self._transport.close()
        elif self._pipeline:
            self._runtime.loop.call_soon(self._serve_next)
        else:
            self._wake_in(self._request_s if self._reading is not None else self._idle_s)

    def _serve_next(self) -> None:
        if self._pipeline and not self._answering and self._transport is not None:
            self._serve(*self._pipeline.popleft())

    def _detach(self) -> None:
        self._requester = None
        self._answering = False

    def _refuse(self, status: int, message: str) -> None:
        """Answer what can't be read, and close. A running answer is not interrupted by words."""
        if self._transport is None:
            return
        self._reading = None
        self._body = []
        self._pipeline.clear()
        self._lingering = 0
        if self._answering:
            self._leave()
            self._abort()
            return
        self._request_id = self._runtime.surroundings.new_id()
        # Kept alive only so that `send` does not close before the linger; the header says close.
        self._head = RequestHead(method="GET", target=b"", version="1.1", headers=[], keep_alive=True)
        self._answering = True
        self._handler.refuse(status, message, self)
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()
        self._wake_in(_LINGER_S)

    def _response_head(self, status: int, headers: Headers, length: bytes) -> bytes:
        assert self._head is not None
        line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} Unknown\r\n".encode()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1", "replace")
        keep = self._head.keep_alive and self._lingering is None and length != b""
        connection = b"\r\n" if keep else b"connection: close\r\n\r\n"
        return line + lines + length + connection

    def _leave(self) -> None:
        requester = self._requester
        self._detach()
        self._pipeline.clear()
        if requester is not None:
            requester.on_client_gone()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _wake_in(self, seconds: float) -> None:
        self.wake_at = self._runtime.loop.time() + seconds
        self._runtime.wheel.set(self)
