"""Listening sockets that accept no more than there is room for.

The loop's own servers can't stop accepting for a while, so this accepts by itself. What is not accepted
waits in the socket, whose line the system bounds, and another process that shares it may take it.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import Final

BACKLOG = 4096
"""Connections that the system keeps until they are accepted."""
_ACCEPTS_MAX: Final = 64
"""Connections accepted in one go, before others get their turn."""
_WAITING_MAX: Final = 65_536
"""More than wait in a socket. At the end all of them are accepted, for closing it resets them."""
_PAUSE_S = 0.2
"""After an error of the system, such as no free file descriptor."""
_LOG = logging.getLogger("halfopen.gateway")


class Listener:
    """Accepts connections while `has_room` says so, and makes a protocol for each."""

    def __init__(self, make: Callable[[], asyncio.Protocol], has_room: Callable[[], bool]) -> None:
        """`make` is called once for each connection, which counts from then on."""
        self._loop = asyncio.get_running_loop()
        self._make = make
        self._has_room = has_room
        self._sockets: list[socket.socket] = []
        self._accepting = False
        self._adopting: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None

    @property
    def port(self) -> int:
        """The port of the first socket. Only while it listens."""
        return int(self._sockets[0].getsockname()[1])

    async def listen(self, host: str, port: int) -> None:
        """Listen on every address of `host`. Raises OSError when one can't be had."""
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                self._sockets.append(bound(socket.socket(family, kind, protocol), address))
                self._sockets[-1].listen(BACKLOG)
        except OSError:
            self.close()
            raise
        self.resume()

    def listen_on(self, sockets: Sequence[socket.socket]) -> None:
        """Listen on sockets that somebody else has bound, as well."""
        self._pause()
        self._sockets.extend(sockets)
        self.resume()

    def leave(self, sockets: Sequence[socket.socket]) -> None:
        """Listen no more on these. They stay open."""
        self._pause()
        self._sockets = [each for each in self._sockets if each not in sockets]
        self.resume()

    def drain(self) -> None:
        """Accept what waits in the sockets, room or not, and listen no more."""
        for each in self._sockets:
            self._accept(each, _WAITING_MAX, at_the_end=True)
        self._shut()

    def resume(self) -> None:
        """Accept, if there is room."""
        if self._accepting or not self._has_room():
            return
        for each in self._sockets:
            self._loop.add_reader(each.fileno(), self._accept, each)
        self._accepting = bool(self._sockets)

    def close(self) -> None:
        """Listen no more. Connections that were made stay."""
        self._shut()
        for task in self._adopting:
            task.cancel()

    def _shut(self) -> None:
        self._pause()
        if self._retry is not None:
            self._retry.cancel()
        for each in self._sockets:
            each.close()
        self._sockets.clear()

    def _pause(self) -> None:
        if self._accepting:
            for each in self._sockets:
                self._loop.remove_reader(each.fileno())
            self._accepting = False

    def _accept(
        self, listening: socket.socket, most: int = _ACCEPTS_MAX, *, at_the_end: bool = False
    ) -> None:
        for _ in range(most):
            if not at_the_end and not self._has_room():
                self._pause()
                return
            try:
                accepted, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as problem:
                _LOG.warning("no connection can be accepted now: %s", problem)
                self._pause()
                self._retry = self._loop.call_later(_PAUSE_S, self.resume)
                return
            accepted.setblocking(False)  # noqa: FBT003 - the standard library's signature
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._adopt(accepted, self._make()))
            self._adopting.add(task)
            task.add_done_callback(self._adopting.discard)

    async def _adopt(self, accepted: socket.socket, protocol: asyncio.Protocol) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, accepted)
        except (OSError, asyncio.CancelledError):  # it has gone meanwhile, or we have
            accepted.close()
            protocol.connection_lost(None)


def bound(sock: socket.socket, address: tuple[object, ...], *, shared: bool = False) -> socket.socket:
    """The socket, bound and ready to listen.

    Args:
        sock: A fresh one. It is closed when it can't be bound.
        address: Where.
        shared: Whether others of the same user may listen there as well, each with a queue of its own.

    Raises:
        OSError: The address can't be had.
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock
