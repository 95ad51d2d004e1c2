"""The gateway as a whole: listens, keeps count of its connections, drains.

Rules
1. With `connections_max` clients connected no more are accepted: further ones wait in the listening
   socket until one of the others has left. So no request is read that can't be served.
2. Draining: the listener closes, idle connections close, running answers end, and each closes its
   connection. What runs at the end of the drain time is cut.
"""

import asyncio
from collections.abc import Mapping

from halfopen.gateway.connection import Connection
from halfopen.gateway.handler import Handler
from halfopen.gateway.listener import Listener
from halfopen.gateway.runtime import Runtime, Surroundings
from halfopen.rollout.snapshot import Snapshot

_DRAIN_POLL_S = 0.05
_LAST_WORDS_POLLS = 10


class GatewayServer:
    """Serves one snapshot on one address. Make it inside the running loop."""

    def __init__(self, snapshot: Snapshot, secrets: Mapping[str, str], surroundings: Surroundings) -> None:
        """Raises KeyError for a secret that is not there."""
        self._loop = asyncio.get_running_loop()
        self.runtime = Runtime(snapshot, secrets, surroundings, self._loop)
        self._handler = Handler(self.runtime, is_ready=lambda: not self.runtime.draining)
        self._connections: set[Connection] = set()
        connections_max = snapshot.gateway.connections_max
        self._listener = Listener(self._accept, lambda: len(self._connections) < connections_max)

    @property
    def connections(self) -> int:
        """Clients' connections open now."""
        return len(self._connections)

    async def start(self, *, port: int | None = None) -> None:
        """Listen. Raises OSError when the address can't be had."""
        gateway = self.runtime.snapshot.gateway
        await self._listener.listen(gateway.host, gateway.port if port is None else port)

    @property
    def port(self) -> int:
        """The port that it listens on. Only while it listens."""
        return self._listener.port

    async def stop(self, drain_s: float = 0.0) -> None:
        """Take no new connections, let running requests end for at most `drain_s`, then close all."""
        self.runtime.draining = True
        self._listener.close()
        until = self._loop.time() + drain_s
        self._close_idle()
        while self._connections and self._loop.time() < until:
            await asyncio.sleep(_DRAIN_POLL_S)
            self._close_idle()
        for connection in list(self._connections):
            connection.shut()
        self.runtime.close()
        await self._let_close()

    async def _let_close(self) -> None:
        """Last words are sent by the loop; a client that doesn't take them is left behind."""
        await asyncio.sleep(0)
        for _ in range(_LAST_WORDS_POLLS):
            if not self._connections:
                return
            await asyncio.sleep(_DRAIN_POLL_S)
        for connection in list(self._connections):
            connection.abort_now()
        await asyncio.sleep(0)

    def _close_idle(self) -> None:
        for connection in list(self._connections):
            if not connection.is_busy:
                connection.close()

    def _accept(self) -> asyncio.Protocol:
        connection = Connection(self.runtime, self._handler, self._closed)
        self._connections.add(connection)
        return connection

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._listener.resume()
