"""A process's connection to control: made and made again by itself, and never waited for.

Control may be frozen, dead or not there yet. What can't be sent at once into a bounded buffer is
refused, and the caller decides what to drop.
"""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from halfopen.app.processes.frames import FrameError, FrameReader, frame
from halfopen.app.processes.messages import Hello, Message

UNSENT_MAX_BYTES = 1024 * 1024
"""More than this is not kept for a far side that doesn't read."""
AGAIN_MIN_S = 0.1
AGAIN_MAX_S = 1.0
"""Between two tries to connect: doubled each time, from the least to the most."""
_CONNECT_S = 2.0


class ControlLink:
    """One connection to control's Unix socket at a time."""

    def __init__(
        self,
        path: Path,
        hello: Callable[[], Hello],
        on_message: Callable[[Message], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Prepare it; `start` begins.

        Args:
            path: Control's socket.
            hello: Makes the first message of each connection.
            on_message: Told every message that nobody has asked for by `listen`.
            loop: Where it runs.
        """
        self._path = path
        self._hello = hello
        self._on_message = on_message
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._running: asyncio.Task[None] | None = None
        self._listeners: dict[type, Callable[[Any], None]] = {}
        self.connections = 0
        """Made so far: another number means that what was sent before may be lost."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection now. The far side may be frozen all the same."""
        return self._transport is not None

    def listen(self, kind: type, callback: Callable[[Any], None]) -> None:
        """Hand messages of one type to `callback` instead of `on_message`."""
        self._listeners[kind] = callback

    def start(self) -> None:
        """Begin to connect, in the background and for as long as it takes."""
        if self._running is None:
            self._running = self._loop.create_task(self._run(), name="link to control")

    def send(self, message: Message) -> bool:
        """Send a message; false: there is no connection, or the far side doesn't read. Never waits."""
        return self.send_frame(frame(message))

    def send_frame(self, data: bytes) -> bool:
        """As `send`, for a message that is bytes already."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > UNSENT_MAX_BYTES:
            return False
        transport.write(data)
        return True

    @property
    def unsent_bytes(self) -> int:
        """What the far side hasn't taken yet."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def close(self) -> None:
        """Close for good. What has been sent so far still goes out if control reads it."""
        if self._running is not None:
            self._running.cancel()
        if self._transport is not None:
            self._transport.close()

    async def _run(self) -> None:
        delay_s = AGAIN_MIN_S
        while True:
            gone: asyncio.Future[None] = self._loop.create_future()
            try:
                async with asyncio.timeout(_CONNECT_S):
                    await self._loop.create_unix_connection(partial(_Protocol, self, gone), str(self._path))
            except (OSError, TimeoutError):
                pass
            else:
                delay_s = AGAIN_MIN_S
                await gone
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, AGAIN_MAX_S)

    def opened(self, transport: asyncio.Transport) -> None:
        """There is a connection."""
        self._transport = transport
        self.connections += 1
        self.send(self._hello())

    def closed(self, transport: asyncio.Transport) -> None:
        """The connection is gone."""
        if self._transport is transport:
            self._transport = None

    def received(self, message: Message) -> None:
        """Control said something."""
        self._listeners.get(type(message), self._on_message)(message)


class _Protocol(asyncio.Protocol):
    """One connection."""

    def __init__(self, link: ControlLink, gone: asyncio.Future[None]) -> None:
        self._link = link
        self._gone = gone
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        # uvloop's transports are none by inheritance.
        self._transport = cast("asyncio.Transport", transport)
        self._link.opened(self._transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what is whole; who sends nonsense is left."""
        try:
            messages = self._reader.feed(data)
        except FrameError:
            assert self._transport is not None
            self._transport.abort()
            return
        for message in messages:
            self._link.received(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Begin anew."""
        if self._transport is not None:
            self._link.closed(self._transport)
        with contextlib.suppress(asyncio.InvalidStateError):
            self._gone.set_result(None)
