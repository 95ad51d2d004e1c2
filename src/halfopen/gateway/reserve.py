"""A few connections beyond the bound, so that whoever asks how the gateway is gets an answer.

Rules
1. With `connections_max` clients connected `RESERVED` more may come. What they ask is answered at once,
   as soon as its head has come: /healthz and /readyz as always, anything else with 503.
2. Each is closed after its answer, and none can be held: one whose request doesn't come within a second
   is closed, and so is one that still sends 2 s after its answer.
3. When a client leaves, the one that has waited longest without asking takes its place and is a
   connection like any other.

Why: a provider that hangs fills the connections of every replica at the same time. If probes waited with
the rest, all of them would fail, and an orchestrator would end every replica.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from halfopen.gateway.handler import Handler
from halfopen.gateway.head import response_head
from halfopen.gateway.responder import Headers
from halfopen.gateway.runtime import Runtime
from halfopen.http1 import RefusedError, RequestHead, RequestLimits, RequestParser

RESERVED = 16
"""Connections beyond the bound, in each worker."""
_HEAD_S = 1.0
_LINGER_S = 2.0


class Reserve:
    """The connections beyond the bound."""

    def __init__(
        self, handler: Handler, admit: Callable[[], asyncio.Protocol | None], on_room: Callable[[], None]
    ) -> None:
        """Make it inside the running loop.

        Args:
            handler: Answers.
            admit: Makes a connection like any other; None: there is no place for one.
            on_room: Told when one more may come.
        """
        self._handler = handler
        self._admit = admit
        self._on_room = on_room
        self._standing: dict[_Standing, None] = {}

    def __len__(self) -> int:
        """Connections that are open beyond the bound."""
        return len(self._standing)

    @property
    def has_room(self) -> bool:
        """Whether one more may come."""
        return len(self._standing) < RESERVED

    def accept(self, runtime: Runtime) -> asyncio.Protocol:
        """One more, which counts from now on."""
        standing = _Standing(runtime, self._handler, self._left)
        self._standing[standing] = None
        return standing

    def refill(self) -> None:
        """Places may have become free: those who have waited longest without asking take them."""
        for standing in list(self._standing):
            if standing.is_waiting:
                protocol = self._admit()
                if protocol is None:
                    return
                standing.give_way_to(protocol)

    def close_idle(self) -> None:
        """Close those that have not asked anything."""
        for standing in list(self._standing):
            if standing.is_waiting:
                standing.close()

    def close(self) -> None:
        """Close all."""
        for standing in list(self._standing):
            standing.close()

    def _left(self, standing: "_Standing") -> None:
        if standing in self._standing:
            del self._standing[standing]
            self._on_room()


class _Standing(asyncio.Protocol):
    """One of them, for one request. Also the `Answerer` of that request, and the sink of its parser."""

    def __init__(self, runtime: Runtime, handler: Handler, on_left: Callable[["_Standing"], None]) -> None:
        gateway = runtime.snapshot.gateway
        self._handler = handler
        self._on_left = on_left
        self._loop = runtime.loop
        self._parser = RequestParser(self, RequestLimits(gateway.header_max_bytes, gateway.request_max_bytes))
        self._came = bytearray()
        """What has come of the head."""
        self._method = ""
        self._answered = False
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.request_id = runtime.surroundings.new_id()

    @property
    def is_waiting(self) -> bool:
        """Whether it is connected and has not asked yet."""
        return self._transport is not None and not self._transport.is_closing() and not self._answered

    def give_way_to(self, protocol: asyncio.Protocol) -> None:
        """From now on the connection is that one's, with all that has come. Only while it waits."""
        transport = self._transport
        assert transport is not None
        self._leave()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._came:
            protocol.data_received(bytes(self._came))

    def close(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has connected."""
        # uvloop's transports implement asyncio.Transport without being one.
        self._transport = cast("asyncio.Transport", transport)
        self._end_in(_HEAD_S)

    def data_received(self, data: bytes) -> None:
        """Bytes came. After the answer they are thrown away, so that the client gets to read it."""
        if self._answered:
            return
        self._came += data
        try:
            self._parser.feed(data)
        except RefusedError as refusal:
            if not self._answered:
                self._handler.refuse(refusal.status, refusal.message, self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The socket is gone."""
        self._leave()

    # The parser calls these.

    def on_request_head(self, head: RequestHead) -> None:
        """The request has come; its body is of no account."""
        if not self._answered:
            self._method = head.method
            self._handler.answer_beyond_bound(head, self)

    def on_request_body(self, data: bytes) -> None:
        """Nobody wants it."""

    def on_request_end(self) -> None:
        """Nothing is left that could keep the client from reading the answer."""
        if self._transport is not None:
            self._transport.close()

    # Answerer.

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer whole. It is closed when the request has come whole, or a moment later."""
        self._answered = True
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        head = response_head(status, headers, b"content-length: %d\r\n" % len(body), b"connection: close\r\n")
        transport.write(head if self._method == "HEAD" else head + body)
        transport.write_eof()
        self._end_in(_LINGER_S)

    # Inside.

    def _end_in(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, self.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave(self) -> None:
        self._transport = None
        self._stop_timer()
        self._on_left(self)
