"""One client's connection: reads requests, writes their answers.

Rules
1. Requests are answered in order, one at a time; a few pipelined ones wait, more are refused. While
   the client does not read its answers, no further request is begun.
2. A request that is slow to come gets 408, an idle connection is closed; one timer does both.
3. A refusal waits for the answers before it. After one the rest of what the client sends is thrown
   away for a bounded time, so that the client gets to read the answer instead of a reset.
4. A client that leaves is told to whoever works for it; a client that reads slowly slows down the
   upstream, not the memory. One that takes no byte for `idle_timeout_s` has left.
5. A defect in whoever answers is an error for this client: never a hang.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from halfopen.gateway.handler import Handler
from halfopen.gateway.head import response_head
from halfopen.gateway.intake import Intake
from halfopen.gateway.responder import Headers, Requester, Responder
from halfopen.gateway.runtime import Runtime
from halfopen.http1 import RefusedError, RequestHead, RequestLimits, chunk, last_chunks
from halfopen.policy.never import NEVER

_LINGER_S: Final = 2.0
_LINGER_MAX_BYTES: Final = 64 * 1024 * 1024
_WRITE_HIGH_BYTES: Final = 256 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LOG = logging.getLogger("halfopen.gateway")


class Connection(Responder):
    """A client's socket, as asyncio's protocol, and the `Responder` of the request that is being answered."""

    __slots__ = (
        "_answering",
        "_beginning",
        "_begun",
        "_chunked",
        "_ending",
        "_handler",
        "_head",
        "_idle_s",
        "_intake",
        "_lingering",
        "_on_closed",
        "_refusal",
        "_request_id",
        "_request_s",
        "_requester",
        "_requester_waits",
        "_runtime",
        "_slow",
        "_timed",
        "_transport",
        "_unsent",
        "wake_at",
        "wheel_slot",
    )

    def __init__(self, runtime: Runtime, handler: Handler, on_closed: Callable[["Connection"], None]) -> None:
        """`on_closed` is told once, when the socket is gone."""
        self._runtime = runtime
        self._handler = handler
        self._on_closed = on_closed
        self._intake = Intake(RequestLimits(), self._on_head, self._on_request)
        self.keep_to(runtime)
        self._transport: asyncio.Transport | None = None
        self._head: RequestHead | None = None
        self._answering = False
        self._begun = False
        self._beginning = b""
        """The head of an answer that has begun, until something follows it: they go out together."""
        self._chunked = False
        self._requester: Requester | None = None
        self._requester_waits = False
        """Whether the timer is the requester's."""
        self._request_id = ""
        self._refusal: tuple[int, str] | None = None
        """What ends the connection once the requests before it are answered."""
        self._lingering: int | None = None
        """Bytes thrown away since the refusal; None: requests are read."""
        self._ending = False
        """Whether the last answer is written and only the client's end is waited for."""
        self._slow = False
        """Whether more is written than the client takes."""
        self._unsent = 0
        """Bytes that waited to be sent when the timer was set for a slow client."""
        self._timed = False
        """Whether the timer runs for a request that is on its way in."""
        self.wake_at = NEVER
        self.wheel_slot = 0

    @property
    def request_id(self) -> str:
        """The id of the request that is being answered."""
        return self._request_id

    @property
    def is_busy(self) -> bool:
        """Whether a request is being read, answered or refused."""
        return self._answering or self._intake.is_reading or self._has_more or self._ending

    def keep_to(self, runtime: Runtime) -> None:
        """Keep to the bounds of its snapshot from the next request on."""
        bounds = runtime.snapshot.gateway
        self._intake.limit(RequestLimits(bounds.header_max_bytes, bounds.request_max_bytes))
        self._request_s, self._idle_s = bounds.request_timeout_s, bounds.idle_timeout_s

    def close(self) -> None:
        """Close when what was written has been sent, as long as the client takes it."""
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.close()
            if transport.get_write_buffer_size():
                self._watch_unsent(transport)

    def shut(self) -> None:
        """Close now. A client that still waits is told why, by whoever works for it."""
        if self._requester is not None:
            self._requester.on_shutdown()
        self.close()

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
                self.abort_now()
            return
        try:
            self._intake.feed(data)
        except RefusedError as refusal:
            self._refuse(refusal.status, refusal.message)
            return
        except Exception:  # noqa: BLE001 - the edge: a defect costs this connection, no other
            _LOG.exception("a connection failed by a defect in the gateway")
            self.abort_now()
            return
        if not self._timed and not self._answering and self._intake.is_partial:
            self._timed = True
            self._wake_in(self._request_s)

    def eof_received(self) -> None:
        """The client sends no more: it has left."""
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The socket is gone."""
        self._transport = None
        self._runtime.wheel.remove(self)
        self.wake_at = NEVER
        self._leave()
        self._on_closed(self)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._slow = True
        if self._transport is not None and not self._ending:
            self._watch_unsent(self._transport)
        if self._requester is not None:
            self._requester.on_client_slow()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self._slow = False
        if self._requester is not None:
            self.wake_at = NEVER
            self._requester.on_client_ready()
        else:
            self._serve_next()

    def on_timer(self, now: float) -> None:
        """The client has taken too long, or has been idle for long enough."""
        transport = self._transport
        if transport is None:
            return
        if self._ending:
            self.abort_now()
        elif self._slow or transport.is_closing():
            if transport.get_write_buffer_size() < self._unsent:
                self._watch_unsent(transport)
            else:
                self._leave()
                self.abort_now()
        elif self._answering:
            if self._requester is not None and self._requester_waits:
                self._requester_waits = False
                self._requester.on_timer(now)
        elif self._intake.is_partial:
            self._refuse(408, f"The request did not arrive within {self._request_s:g} s.")
        else:
            self.close()

    # Responder.

    def attach(self, requester: Requester) -> None:
        """Tell `requester` what becomes of the client."""
        self._requester = requester
        self._requester_waits = False

    def wake_at_latest(self, at: float) -> None:
        """Wake the requester then."""
        self._requester_waits = True
        self.wake_at = at
        self._runtime.wheel.set(self)

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer whole."""
        assert self._head is not None
        no_body = self._head.method == "HEAD"
        framing = b"content-length: %d\r\n" % len(body)
        head = response_head(status, headers, framing, self._fate(framing))
        self._write(head if no_body else head + body)
        self._done(keep_alive=self._head.keep_alive)

    def answer(self, lines: bytes, body: bytes) -> None:
        """Answer 200 whole, with header lines that are ready. Only to what isn't HEAD."""
        assert self._head is not None
        framing = b"content-length: %d\r\n" % len(body)
        self._write(b"HTTP/1.1 200 OK\r\n%b%b%b\r\n%b" % (lines, framing, self._fate(framing), body))
        self._done(keep_alive=self._head.keep_alive)

    def begin(self, status: int, headers: Headers) -> None:
        """Begin an answer of unknown length."""
        assert self._head is not None
        self._begun = True
        self._chunked = self._head.version == "1.1"
        framing = b"transfer-encoding: chunked\r\n" if self._chunked else b""
        self._beginning = response_head(status, headers, framing, self._fate(framing))
        self._runtime.loop.call_soon(self._write, b"")

    def write(self, data: bytes, as_chunk: bytes = b"") -> None:
        """Send a piece of it, `as_chunk` if that is what it is as a chunk."""
        if data:
            self._write((as_chunk or chunk(data)) if self._chunked else data)

    def finish(self, last: bytes = b"") -> None:
        """End it properly, with a last piece if there is one."""
        assert self._head is not None
        self._write(last_chunks(last) if self._chunked else last)
        self._done(keep_alive=self._chunked and self._head.keep_alive)

    def abort(self) -> None:
        """End it so that the client sees that it is not whole: no last chunk, and the connection closed."""
        self._write(b"")
        self._detach()
        self._forget_rest()
        self.close()

    # The intake calls these.

    def _on_head(self) -> None:
        if not self._answering and not len(self._intake):
            self._let_continue()

    def _on_request(self) -> None:
        self._timed = False
        if self._transport is None or self._transport.is_closing():
            self._intake.drop()  # what was asked after the last answer
        elif not self._answering:
            self._serve_next()

    # Inside.

    def _serve_next(self) -> None:
        """Begin the next request, if there is one and its turn has come."""
        if self._answering or self._slow or self._transport is None or not len(self._intake):
            return
        head, body = self._intake.take()
        self._head = head
        self._answering = True
        self._begun = False
        self._request_id = self._runtime.surroundings.new_id()
        self.wake_at = NEVER
        try:
            self._handler.handle(head, body, self)
        except Exception:  # noqa: BLE001 - the edge: whatever it is, this request ends here
            _LOG.exception("request %s failed by a defect in the gateway", self._request_id)
            self._fail_by_defect()

    def _fail_by_defect(self) -> None:
        """Answer for a handler that has raised."""
        if not self._answering:
            return
        self._requester = None
        try:
            if self._begun:
                self.abort()
            else:
                assert self._head is not None
                self._handler.fail_by_defect(self._head, self)
        except Exception:  # noqa: BLE001 - not even the error can be said
            _LOG.exception("request %s failed twice by a defect in the gateway", self._request_id)
            self.abort_now()

    def _done(self, *, keep_alive: bool) -> None:
        self._detach()
        if self._transport is None or self._ending:
            return
        if not keep_alive or (self._runtime.draining and not self._has_more):
            self._end_connection()
        elif len(self._intake):
            # Not now: a long row of short answers would go deep into the stack.
            self._runtime.loop.call_soon(self._serve_next)
        elif self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            self._refuse(*refusal)
        else:
            self._let_continue()
            self._timed = self._intake.is_partial
            self._wake_in(self._request_s if self._timed else self._idle_s)

    def _refuse(self, status: int, message: str) -> None:
        """Answer what can't be read, after what was asked before it, and close."""
        if self._transport is None or self._transport.is_closing():
            return
        self._intake.drop_partial()
        self._lingering = 0
        if self._answering or len(self._intake):
            self._refusal = (status, message)
            return
        self._request_id = self._runtime.surroundings.new_id()
        self._head = RequestHead(method="GET", target=b"", version="1.1", headers=[], keep_alive=False)
        self._answering = self._ending = True
        self._handler.refuse(status, message, self)
        self._end_connection()

    def _end_connection(self) -> None:
        """Close; while the client may still be sending, not before it could read the answer."""
        self._forget_rest()
        if self._transport is None or self._transport.is_closing():
            return
        if self._lingering is None:
            self.close()
        else:
            self._ending = True
            self._transport.write_eof()
            self._wake_in(_LINGER_S)

    @property
    def _has_more(self) -> bool:
        """Whether something is left to answer after the answer under way."""
        return bool(len(self._intake)) or self._refusal is not None

    def _let_continue(self) -> None:
        if self._intake.take_expectation():
            self._write(_CONTINUE)

    def _fate(self, framing: bytes) -> bytes:
        """The header line that says what becomes of the connection; mostly none."""
        head, last = self._head, self._runtime.draining and not self._has_more
        assert head is not None
        if self._ending or last or not head.keep_alive or not framing:
            return b"connection: close\r\n"
        return b"" if head.version == "1.1" else b"connection: keep-alive\r\n"

    def _detach(self) -> None:
        self._requester, self._answering = None, False

    def _forget_rest(self) -> None:
        self._intake.drop()
        self._refusal = None

    def _leave(self) -> None:
        requester = self._requester
        self._detach()
        self._forget_rest()
        if requester is not None:
            requester.on_client_gone()

    def _write(self, data: bytes) -> None:
        if self._beginning:
            data, self._beginning = self._beginning + data, b""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def abort_now(self) -> None:
        """Close without another word."""
        if self._transport is not None:
            self._transport.abort()

    def _watch_unsent(self, transport: asyncio.Transport) -> None:
        self._unsent = transport.get_write_buffer_size()
        self._wake_in(self._idle_s)

    def _wake_in(self, seconds: float) -> None:
        self.wake_at = self._runtime.loop.time() + seconds
        self._runtime.wheel.set(self)
