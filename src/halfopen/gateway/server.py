"""The gateway as a whole: listens, keeps count of its connections, drains."""

import asyncio
from collections.abc import Mapping
from typing import Any

from halfopen.gateway.connection import Connection
from halfopen.gateway.handler import Handler
from halfopen.gateway.runtime import Runtime, Surroundings
from halfopen.rollout.snapshot import Snapshot

_BACKLOG = 4096
_DRAIN_POLL_S = 0.05


class GatewayServer:
    """Serves one snapshot on one address. Make it inside the running loop."""

    def __init__(self, snapshot: Snapshot, secrets: Mapping[str, str], surroundings: Surroundings) -> None:
        """Raises KeyError for a secret that is not there."""
        self._loop = asyncio.get_running_loop()
        self.runtime = Runtime(snapshot, secrets, surroundings, self._loop)
        self._handler = Handler(self.runtime, is_ready=lambda: not self._draining)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._draining = False

    @property
    def connections(self) -> int:
        """Clients' connections open now."""
        return len(self._connections)

    async def start(self, *, port: int | None = None) -> None:
        """Listen. Raises OSError when the address can't be had."""
        gateway = self.runtime.snapshot.gateway
        self._server = await self._loop.create_server(
            self._accept, gateway.host, gateway.port if port is None else port, backlog=_BACKLOG
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._server is not None
        name: tuple[Any, ...] = self._server.sockets[0].getsockname()
        return int(name[1])

    async def stop(self, drain_s: float = 0.0) -> None:
        """Take no new connections, let running requests end for at most `drain_s`, then close all."""
        self._draining = True
        if self._server is not None:
            self._server.close()
        until = self._loop.time() + drain_s
        for connection in list(self._connections):
            if not connection.is_busy:
                connection.close()
        while self._connections and self._loop.time() < until:
            await asyncio.sleep(_DRAIN_POLL_S)
            for connection in list(self._connections):
                if not connection.is_busy:
                    connection.close()
        for connection in list(self._connections):
            connection.shut()
        self.runtime.close()
        await asyncio.sleep(0)  # the sockets tell of their end in the loop's next round

    def _accept(self) -> asyncio.Protocol:
        connection = Connection(self.runtime, self._handler, self._closed)
        self._connections.add(connection)
        return connection

    def _closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
