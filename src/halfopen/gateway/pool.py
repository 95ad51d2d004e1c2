"""Connections to one upstream: reused, bounded, replaced when stale.

Rules
1. The connection used last is used first, so that spare ones grow old and are closed.
2. A connection that the far side closed while it was idle costs no attempt: when a reused
   connection ends before a single byte of the response, the call goes out once more, on a new one.
3. At most `connections_max` are open; further calls wait in a line, first come, first served.
4. A call can be cancelled wherever it is: in the line, while connecting, or under way.

Why not an HTTP client library: measured as a proxy's client, the usual ones cost several times the
rest of the request.
"""

import asyncio
import logging
import socket
import ssl
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from halfopen.gateway.dial import LastAddresses, dial
from halfopen.gateway.text_way import TextWay
from halfopen.gateway.tls import ResumingContext, reason_of
from halfopen.gateway.upstream import CallSink, UpstreamConnection
from halfopen.http1 import ResponseHead
from halfopen.model import TransportError

UNREADABLE: Final = "the response could not be read: a defect in the gateway"
_LOG = logging.getLogger("halfopen.gateway")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a pool connects to."""

    host: str
    port: int
    tls: ResumingContext | None = None
    connect_s: float = 5.0
    connections_max: int = 256
    idle_s: float = 30.0


class UpstreamCall(CallSink):
    """One call's way through the pool. Forwards to its sink until it ends or is cancelled."""

    __slots__ = ("_connecting", "_connection", "_pool", "_request", "_sink", "fresh_only")

    def __init__(self, pool: "Pool", request: tuple[bytes, bytes], sink: CallSink) -> None:
        """Made by `Pool.call`."""
        self._pool = pool
        self._request = request
        self._sink: CallSink | None = sink
        self._connection: UpstreamConnection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self.fresh_only = False
        """Whether only a new connection will do: a reused one was stale."""

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self._sink is None

    def cancel(self) -> None:
        """Give the call up, wherever it is. The sink hears nothing more."""
        self._sink = None
        self._pool.forget(self)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()
        if self._connecting is not None:
            self._connecting.cancel()

    def pause(self) -> None:
        """Stop reading the response for now."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read on."""
        if self._connection is not None:
            self._connection.resume()

    def shorten(self, way: TextWay) -> None:
        """Text in the middle of the answer goes this way, past the sink."""
        if self._connection is not None:
            self._connection.text_way = way

    def connecting(self, task: asyncio.Task[None]) -> None:
        """A connection is being made for it."""
        self._connecting = task

    def start_on(self, connection: UpstreamConnection) -> None:
        """Go out on this connection."""
        self._connecting = None
        self._connection = connection
        connection.send(self._request, self)

    def carry_on(self, connection: UpstreamConnection) -> None:
        """What the connection carries is this call's."""
        self._connection = connection
        connection.sink = self

    # The connection calls these. A defect in the sink is a failed call, and must not reach the loop.

    def on_connected(self) -> None:
        """The request is being sent."""
        if self._sink is not None:
            self._sink.on_connected()

    def on_head(self, head: ResponseHead) -> None:
        """Status and headers."""
        sink = self._sink
        if self._connection is not None:
            self._pool.remember_session(self._connection)
        if sink is not None:
            try:
                sink.on_head(head)
            except Exception:  # noqa: BLE001 - see above
                self._fail_by_defect(sink)

    def on_data(self, data: bytes) -> None:
        """A piece of the body."""
        sink = self._sink
        if sink is not None:
            try:
                sink.on_data(data)
            except Exception:  # noqa: BLE001 - see above
                self._fail_by_defect(sink)

    def on_end(self) -> None:
        """The response is whole."""
        self._connection = None
        sink, self._sink = self._sink, None
        if sink is not None:
            try:
                sink.on_end()
            except Exception:  # noqa: BLE001 - see above
                self._fail_by_defect(sink)

    def on_failed(self, error: TransportError, detail: str) -> None:
        """The connection failed under it, or could not be made."""
        connection, self._connection = self._connection, None
        stale = connection is not None and connection.used > 1 and not connection.responded
        if stale and self._sink is not None:
            self.fresh_only = True
            self._pool.restart(self)
            return
        sink, self._sink = self._sink, None
        if sink is not None:
            _tell_failed(sink, error, detail)

    def _fail_by_defect(self, sink: CallSink) -> None:
        """What the upstream sent was too much for us: that target is of no use for this request."""
        _LOG.exception("reading a response failed by a defect in the gateway")
        self.cancel()
        _tell_failed(sink, TransportError.PROTOCOL, UNREADABLE)


class Pool:
    """The connections to one origin. One event loop owns it."""

    def __init__(self, origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        """Connects when the first call comes."""
        self.origin = origin
        self._loop = loop
        self._last_addresses = LastAddresses()
        self._idle: deque[UpstreamConnection] = deque()
        self._open: set[UpstreamConnection] = set()
        self._connecting = 0
        self._line: dict[UpstreamCall, None] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False

    def __repr__(self) -> str:
        """Readable state, for tests and logs."""
        origin = f"{self.origin.host}:{self.origin.port}"
        return (
            f"<Pool {origin}: {len(self._open) - len(self._idle)} active, {len(self._idle)} idle, "
            f"{self._connecting} connecting, {len(self._line)} queued>"
        )

    @property
    def active(self) -> int:
        """Connections that carry a call or are being made."""
        return len(self._open) - len(self._idle) + self._connecting

    def remember_session(self, connection: UpstreamConnection) -> None:
        """A connection serves its first call: what TLS agreed on is good for the next connection."""
        if self.origin.tls is not None and connection.used == 1 and connection.transport is not None:
            self.origin.tls.remember(connection.transport.get_extra_info("ssl_object"))

    def call(self, request: tuple[bytes, bytes], sink: CallSink, *, fresh_only: bool = False) -> UpstreamCall:
        """Send a request (head, body). What becomes of it is told to `sink`, never before this returns.

        (A reused connection tells `on_connected` at once.) With `fresh_only` no connection is reused, so
        that the request can't be sent twice.
        """
        call = UpstreamCall(self, request, sink)
        call.fresh_only = fresh_only
        self._start(call)
        return call

    def take_idle(self) -> UpstreamConnection | None:
        """A connection that can carry a call at once; None: there is none. Whoever takes it sends on it."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None

    def adopt(
        self, connection: UpstreamConnection, request: tuple[bytes, bytes], sink: CallSink
    ) -> UpstreamCall:
        """Make a call of what was sent on a connection that was taken. From now on `sink` is told."""
        call = UpstreamCall(self, request, sink)
        call.carry_on(connection)
        return call

    def restart(self, call: UpstreamCall) -> None:
        """Send a call once more after its connection proved stale."""
        self._start(call)

    def forget(self, call: UpstreamCall) -> None:
        """A call has been given up: it keeps no place in the line, and its request no memory."""
        self._line.pop(call, None)

    def close(self) -> None:
        """Close every connection and forget the line."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for call in list(self._line):
            call.cancel()
        self._line.clear()
        for connection in list(self._open):
            connection.close()

    def _start(self, call: UpstreamCall) -> None:
        if not call.fresh_only:
            connection = self.take_idle()
            if connection is not None:
                call.start_on(connection)
                return
        if len(self._open) + self._connecting >= self.origin.connections_max:
            spare = self._idle.popleft() if self._idle else None
            if spare is None:
                self._line[call] = None
                return
            spare.close()
            self._open.discard(spare)
        self._connecting += 1
        task = self._loop.create_task(self._connect(call))
        # Not in the task itself: one that is cancelled before its first step never runs.
        task.add_done_callback(self._connect_ended)
        call.connecting(task)

    def _connect_ended(self, task: asyncio.Task[None]) -> None:
        self._connecting -= 1
        if not task.cancelled() and (problem := task.exception()) is not None:
            _LOG.error("connecting failed by a defect in the gateway", exc_info=problem)
        self._serve_line()

    async def _connect(self, call: UpstreamCall) -> None:
        origin = self.origin
        connection: UpstreamConnection | None = None
        failure: tuple[TransportError, str] | None = None
        try:
            connection = await dial(
                self._make_connection,
                origin.host,
                origin.port,
                tls=origin.tls,
                connect_s=origin.connect_s,
                last=self._last_addresses,
            )
        except TimeoutError:
            failure = (TransportError.CONNECT_TIMEOUT, f"no connection within {origin.connect_s:g} s")
        except OSError as problem:
            failure = _explain(problem, origin)
        except ValueError as problem:  # a host name that can't be encoded
            failure = (TransportError.DNS, f"the name {origin.host} is not a host name: {problem}")
        if connection is None:
            assert failure is not None
            call.on_failed(*failure)
        elif call.over or self._closed:
            connection.close()
        elif connection.transport is None or connection.transport.is_closing():
            detail = f"{origin.host}:{origin.port} closed the connection as soon as it was made"
            call.on_failed(TransportError.RESET, detail)
        else:
            self._open.add(connection)
            call.start_on(connection)

    def _make_connection(self) -> UpstreamConnection:
        return UpstreamConnection(self._freed, self._lost)

    def _freed(self, connection: UpstreamConnection) -> None:
        call = next(iter(self._line), None)
        if call is not None:
            if call.fresh_only:
                connection.close()  # its place goes to a new one
            else:
                del self._line[call]
                # Not now: the connection is still telling its last call that it ended.
                self._loop.call_soon(self._hand_over, connection, call)
            return
        connection.idle_since = self._loop.time()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self.origin.idle_s, self._sweep)

    def _hand_over(self, connection: UpstreamConnection, call: UpstreamCall) -> None:
        if not connection.is_usable:
            if not call.over:
                self._start(call)
        elif call.over:
            self._freed(connection)
        else:
            call.start_on(connection)

    def _lost(self, connection: UpstreamConnection) -> None:
        self._open.discard(connection)
        with suppress(ValueError):
            self._idle.remove(connection)
        self._serve_line()

    def _serve_line(self) -> None:
        while self._line and len(self._open) + self._connecting < self.origin.connections_max:
            call = next(iter(self._line))
            del self._line[call]
            self._start(call)

    def _sweep(self) -> None:
        self._sweeper = None
        old = self._loop.time() - self.origin.idle_s
        while self._idle and self._idle[0].idle_since <= old:
            self._idle.popleft().close()
        if self._idle:
            wait_s = self._idle[0].idle_since + self.origin.idle_s - self._loop.time()
            self._sweeper = self._loop.call_later(max(wait_s, 0.01), self._sweep)


def _tell_failed(sink: CallSink, error: TransportError, detail: str) -> None:
    try:
        sink.on_failed(error, detail)
    except Exception:  # noqa: BLE001 - the request's own timer ends it
        _LOG.exception("the end of a call failed by a defect in the gateway")


def _explain(problem: OSError, origin: Origin) -> tuple[TransportError, str]:
    where = f"{origin.host}:{origin.port}"
    if isinstance(problem, socket.gaierror):
        return TransportError.DNS, f"the name {origin.host} could not be resolved: {problem.strerror}"
    if isinstance(problem, ssl.SSLError):
        return TransportError.TLS, f"TLS with {where} failed: {reason_of(problem)}"
    if isinstance(problem, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return TransportError.RESET, f"{where} reset the connection while it was made"
    return TransportError.REFUSED, f"no connection to {where}: {problem.strerror or problem}"
