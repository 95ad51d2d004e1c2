"""Serves an application in a loop that does other things as well."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from contextlib import suppress
from typing import Final

import uvicorn

from halfopen.web.application import Application

CONNECTIONS_MAX: Final = 256
_BACKLOG: Final = 128
_END_S: Final = 0.5
"""Connections are given so long to end."""


class _Server(uvicorn.Server):
    """Whoever runs the loop listens to signals, not this."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Server:
    """One listening address."""

    def __init__(self, application: Application, listening: socket.socket) -> None:
        """Takes the socket; `start` begins."""
        self._application = application
        self._listening = listening
        self._server = _Server(
            uvicorn.Config(
                application,
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=CONNECTIONS_MAX,
                timeout_graceful_shutdown=1,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    def start(self) -> None:
        """Serve from now on. Call it in the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._server.serve([self._listening]))

    async def stop(self) -> None:
        """End all streams and connections, in half a second at most."""
        self._application.live.close()
        self._server.should_exit = True
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.wait((self._task,), timeout=_END_S)
                self._task.cancel()
        self._listening.close()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        OSError: The address can't be had.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(_BACKLOG)
        made.setblocking(False)  # noqa: FBT003 - the standard library's signature
    except OSError:
        made.close()
        raise
    return made
