"""The gateway as a whole: listens, keeps count of its connections, takes new snapshots, drains.

Rules
1. With `connections_max` clients connected a few more are accepted, to be told how the gateway is or
   that there is no room: see `reserve`. Further ones wait in the listening socket. So no body is kept of
   a request that can't be served.
2. One snapshot governs one request. A new one is for those that begin after it was adopted, on
   connections that are open as well; the old runtime goes when its last request is over.
3. Draining: connections that wait are accepted and the listener closes; connections that stay idle for
   a moment close, running answers end, and each closes its connection. So a client that is just about
   to send gets its answer. What runs at the end of the drain time is cut.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import cast

from msgspec import UNSET

from halfopen.gateway.connection import Connection
from halfopen.gateway.handler import Handler
from halfopen.gateway.keyring import Keyring
from halfopen.gateway.listener import Listener
from halfopen.gateway.reserve import Reserve
from halfopen.gateway.runtime import Runtime, Surroundings
from halfopen.gateway.shares import part
from halfopen.model.gateway_key import GatewayKey
from halfopen.rollout.snapshot import Snapshot

_DRAIN_POLL_S = 0.05
_LAST_WORDS_POLLS = 10
_IDLE_GRACE_S = 0.25
"""A client that is sending when the draining begins is told with its answer that the connection ends."""


class GatewayServer:
    """Serves one snapshot at a time on one address. Make it inside the running loop."""

    def __init__(
        self,
        snapshot: Snapshot,
        secrets: Mapping[str, str],
        surroundings: Surroundings,
        *,
        share: float = 1.0,
        pacing_share: float | None = None,
    ) -> None:
        """Serve this snapshot.

        Args:
            snapshot: What to serve.
            secrets: The values that its references name.
            surroundings: What the gateway is handed from outside.
            share: The part of each limit that this process may use. Above 0, up to 1.
            pacing_share: The same of rate limits, as long as `pace` says nothing else. None: `share`.

        Raises:
            KeyError: A secret is not there.
        """
        self._loop = asyncio.get_running_loop()
        self._share = share
        self.runtime = Runtime(
            snapshot, secrets, surroundings, self._loop, share=share, pacing_share=pacing_share
        )
        """Serves the requests that come now."""
        self._earlier: list[Runtime] = []
        """Those that still have requests, the earliest first."""
        self._handler = Handler(self.runtime, is_ready=lambda: not self.runtime.draining)
        self._workers = max(round(1.0 / share), 1)
        self.hold(())
        self._connections: set[Connection] = set()
        self._connections_max = self._connections_allowed()
        self._listener = Listener(self._accept, lambda: self._has_place or self._reserve.has_room)
        self._reserve = Reserve(self._handler, self._admit, self._listener.resume)

    @property
    def connections(self) -> int:
        """Clients' connections open now, those beyond the bound as well."""
        return len(self._connections) + len(self._reserve)

    @property
    def in_flight(self) -> int:
        """Requests that have begun and are not over."""
        return sum(runtime.in_flight for runtime in self._runtimes)

    @property
    def port(self) -> int:
        """The port that it listens on. Only while it listens."""
        return self._listener.port

    async def start(self, *, port: int | None = None) -> None:
        """Listen. Raises OSError when the address can't be had."""
        gateway = self.runtime.snapshot.gateway
        await self._listener.listen(gateway.host, gateway.port if port is None else port)

    def start_on(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on sockets that listen already, as well. They are closed when the gateway stops."""
        self._listener.listen_on(sockets)

    def leave(self, sockets: Sequence[socket.socket]) -> None:
        """Listen no more on these. They stay open."""
        self._listener.leave(sockets)

    def adopt(self, snapshot: Snapshot, secrets: Mapping[str, str]) -> None:
        """Serve this snapshot from the next request on. The address stays what it is.

        Raises:
            KeyError: A secret is not there. Nothing has changed then.
        """
        old = self.runtime
        new = Runtime(snapshot, secrets, old.surroundings, self._loop, share=self._share, before=old)
        self._earlier.append(old)
        self.runtime = new
        self._handler.serve(new)
        keyring = self._handler.keyring
        self.hold(() if keyring is None else keyring.keys, closed=keyring is not None and keyring.closed)
        for connection in self._connections:
            connection.keep_to(new)
        new.lead(self._earlier)
        self._connections_max = self._connections_allowed()
        self._refill()
        old.on_idle = lambda: self._leave(old)
        if not old.in_flight:
            self._leave(old)

    def hold(self, keys: Sequence[GatewayKey], *, closed: bool = False) -> None:
        """Know these keys of the gateway from the next request on. `closed`: they can't be read."""
        setting = self.runtime.snapshot.gateway.require_key
        required = bool(keys) if setting is UNSET else setting
        handler, keyring = self._handler, None
        if keys or required or closed:
            keyring = Keyring(
                keys, required=required, workers=self._workers, closed=closed, before=handler.keyring
            )
        handler.keyring = keyring

    @property
    def keyring(self) -> Keyring | None:
        """The keys that let requests in; None: nobody needs any."""
        return self._handler.keyring

    def pace(self, shares: Mapping[str, float]) -> None:
        """Keep to these parts of the providers' rate limits. Above 0, up to 1; by provider."""
        for runtime in self._runtimes:
            runtime.pace(shares)

    async def stop(self, drain_s: float = 0.0) -> None:
        """Take no new connections, let running requests end for at most `drain_s`, then close all."""
        self.runtime.phase.draining = True
        if drain_s:
            self._listener.drain()
        else:
            self._listener.close()
        began = self._loop.time()
        idle_until = began + min(_IDLE_GRACE_S, drain_s)
        while self.connections and self._loop.time() < began + drain_s:
            if self._loop.time() >= idle_until:
                self._close_idle()
            await asyncio.sleep(_DRAIN_POLL_S)
        self._close_idle()
        for connection in list(self._connections):
            connection.shut()
        self._reserve.close()
        for runtime in self._runtimes:
            runtime.close()
        await self._let_close()

    @property
    def _runtimes(self) -> tuple[Runtime, ...]:
        return (*self._earlier, self.runtime)

    def _connections_allowed(self) -> int:
        return part(self.runtime.snapshot.gateway.connections_max, self._share)

    def _leave(self, runtime: Runtime) -> None:
        """An earlier runtime has served its last request."""
        if runtime.in_flight or runtime not in self._earlier:
            return
        self._earlier.remove(runtime)
        used = {provider.pool for each in self._runtimes for provider in each.providers.values()}
        runtime.close(keep=used)
        self.runtime.lead(self._earlier)

    async def _let_close(self) -> None:
        """Last words are sent by the loop; a client that doesn't take them is left behind."""
        await asyncio.sleep(0)
        for _ in range(_LAST_WORDS_POLLS):
            if not self.connections:
                return
            await asyncio.sleep(_DRAIN_POLL_S)
        for connection in list(self._connections):
            connection.abort_now()
        await asyncio.sleep(0)

    def _close_idle(self) -> None:
        for connection in list(self._connections):
            if not connection.is_busy:
                connection.close()
        self._reserve.close_idle()

    @property
    def _has_place(self) -> bool:
        return len(self._connections) < self._connections_max

    def _accept(self) -> asyncio.Protocol:
        return self._admit() or self._reserve.accept(self.runtime)

    def _admit(self) -> asyncio.Protocol | None:
        """A client's connection; None: there are as many as there may be."""
        if not self._has_place:
            return None
        connection = Connection(self.runtime, self._handler, self._closed)
        self._connections.add(connection)
        # asyncio asks for its methods, not for its class.
        return cast("asyncio.Protocol", connection)

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._refill()

    def _refill(self) -> None:
        self._reserve.refill()
        self._listener.resume()
