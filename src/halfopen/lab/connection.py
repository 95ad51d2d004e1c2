"""One client's connection to a simulated provider: parses requests, carries out steps."""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Iterator
from typing import Protocol, cast

import httptools

from halfopen.lab.calls import LabCall
from halfopen.lab.exchange import Headers, LabRequest
from halfopen.lab.steps import Close, Hang, Met, Place, Reset, Send, Step, Wait

BODY_MAX_BYTES = 32 * 1024 * 1024
_QUEUE_MAX = 64
_LINGER_NONE = struct.pack("ii", 1, 0)
_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Handler(Protocol):
    """What a connection needs of its provider."""

    def respond(
        self, request: LabRequest, requests_before: int
    ) -> tuple[LabCall | None, bytes | Iterator[Step]]:
        """The answer: whole bytes, or steps."""
        ...

    def fault_met(self, call: LabCall, place: Place | None) -> None:
        """A fault has happened on the wire."""
        ...

    def opened(self, connection: "LabConnection") -> None:
        """A connection was made."""
        ...

    def closed(self, connection: "LabConnection") -> None:
        """A connection was lost."""
        ...


class LabConnection(asyncio.Protocol):
    """Parses with llhttp; answers one request at a time, in order."""

    def __init__(self, handler: Handler, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        """`sock` is the accepted socket, needed for resets."""
        self._handler = handler
        self._socket = sock
        self._loop = loop
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._keep_alive = True
        self._queue: deque[tuple[LabRequest, bool]] = deque()
        self._requests = 0
        self._call: LabCall | None = None
        self._steps: Iterator[Step] | None = None
        self._close_after = False
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._stepping = False

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports implement asyncio.Transport without being one.
        self._transport = cast("asyncio.Transport", transport)
        self._handler.opened(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; whatever isn't HTTP is refused."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(_BAD_REQUEST)
        except httptools.HttpParserError:
            self._refuse(_BAD_REQUEST)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note whether the client left in the middle of its answer."""
        del exc
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None and self._call is not None:
            self._call.client_left = True
        self._finish_call()
        self._steps = None
        self._transport = None
        self._queue.clear()
        self._handler.closed(self)

    def pause_writing(self) -> None:
        """Stop the steps until the client reads."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on with the steps."""
        self._paused = False
        if self._steps is not None and self._timer is None:
            self._run()

    # httptools

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._url = b""
        self._headers = []
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Collect the target, which may come in pieces."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Let a client that asks go on with its body."""
        self._keep_alive = self._parser.should_keep_alive()
        for name, value in self._headers:
            if name == "expect" and value.lower() == "100-continue" and self._transport is not None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect the body, up to its bound."""
        self._body_bytes += len(body)
        if self._body_bytes > BODY_MAX_BYTES:
            self._refuse(_TOO_LARGE)
            self._body = []
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        """A whole request is there."""
        if self._transport is None or self._transport.is_closing():
            return
        path, _, query = self._url.decode("latin-1").partition("?")
        headers: Headers = tuple(self._headers)
        method = self._parser.get_method().decode("latin-1")
        request = LabRequest(method, path, query, headers, b"".join(self._body))
        if len(self._queue) >= _QUEUE_MAX:
            self._refuse(_BAD_REQUEST)
            return
        self._queue.append((request, self._keep_alive))
        if self._call is None and self._steps is None:
            self._next()

    # Answering

    @property
    def idle(self) -> bool:
        """Whether no answer is under way."""
        return self._steps is None and self._call is None

    def abort(self) -> None:
        """Drop the connection at once; not counted as the client's doing."""
        self._call_over()
        if self._transport is not None:
            self._transport.abort()

    def close_when_idle(self) -> None:
        """Close after the answer that is under way, if there is one."""
        self._close_after = True
        if self.idle and self._transport is not None:
            self._transport.close()

    def _next(self) -> None:
        while self._queue and self._transport is not None and not self._transport.is_closing():
            request, keep_alive = self._queue.popleft()
            before, self._requests = self._requests, self._requests + 1
            self._close_after = self._close_after or not keep_alive
            call, answer = self._handler.respond(request, before)
            self._call = call
            if isinstance(answer, bytes):
                self._transport.write(answer)
                self._over()
                continue
            self._steps = answer
            self._run()
            if self._steps is not None:
                return

    def _over(self) -> None:
        """The answer is complete."""
        self._steps = None
        self._call_over()
        if self._close_after and self._transport is not None:
            self._transport.close()

    def _call_over(self) -> None:
        self._finish_call()
        self._steps = None

    def _finish_call(self) -> None:
        if self._call is not None:
            self._call.ended = self._loop.time()
            self._call = None

    def _run(self) -> None:
        """Carry out steps until one takes time."""
        if self._stepping:  # a write inside a step made the transport resume
            return
        self._stepping = True
        self._timer = None
        try:
            while self._steps is not None and not self._paused and self._transport is not None:
                step = next(self._steps, None)
                if step is None:
                    self._over()
                    break
                if not self._carry_out(step, self._transport):
                    return
        finally:
            self._stepping = False
        if self._steps is None and self._call is None:
            self._loop.call_soon(self._next) if self._queue else None

    def _carry_out(self, step: Step, transport: asyncio.Transport) -> bool:
        """Do one step; False: the next one waits or never comes."""
        if isinstance(step, Send):
            if self._call is not None and self._call.status is None and step.data[:5] == b"HTTP/":
                status = step.data[9:12]
                self._call.status = int(status) if status.isdigit() else None
            transport.write(step.data)
            return True
        if isinstance(step, Met):
            if self._call is not None:
                self._handler.fault_met(self._call, step.place)
            return True
        if isinstance(step, Wait):
            self._timer = self._loop.call_later(step.seconds, self._run)
            return False
        if isinstance(step, Hang):
            self._timer = self._loop.call_later(step.seconds, self._end)
            return False
        if isinstance(step, Reset):
            self._reset(transport)
            return False
        assert isinstance(step, Close)
        self._end()
        return False

    def _end(self) -> None:
        self._call_over()
        if self._transport is not None:
            self._transport.close()

    def _reset(self, transport: asyncio.Transport) -> None:
        self._call_over()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
        transport.abort()

    def _refuse(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)
            self._transport.close()
