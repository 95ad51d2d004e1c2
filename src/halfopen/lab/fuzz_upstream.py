"""An upstream that answers fuzzing with spoiled bytes.

It asks a simulated provider for the good answer, keeps it, and sends something made of it. Which answer
a request gets is told by the mark in it and by how often that mark has come: so a seed and a number give
the same answers always.
"""

import asyncio
import random
from collections import Counter
from typing import cast

import httptools

from halfopen.lab.fuzz_answer import KEEPS, RESETS, STALLS, GoodAnswer, SpoiledAnswer, make_answer
from halfopen.lab.fuzz_mark import MARK

_STALL_S = 30.0
"""Longer than any gateway here waits."""


class FuzzUpstream:
    """One upstream in front of one simulated provider."""

    def __init__(self, provider_port: int, seed: int) -> None:
        """Asks the provider at this port of this machine."""
        self._provider_port = provider_port
        self._seed = seed
        self._good: dict[bytes, asyncio.Task[GoodAnswer]] = {}
        self._come: Counter[tuple[int, int]] = Counter()
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self.kinds: Counter[str] = Counter()
        """What was sent, by what was done to it."""
        self.port = 0

    async def start(self, port: int) -> None:
        """Listen. Raises OSError when the port is taken."""
        self.port = port
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", port)

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.shut()
        for task in self._good.values():
            task.cancel()
        await asyncio.gather(*self._good.values(), return_exceptions=True)

    def opened(self, connection: "_Connection") -> None:
        """A connection was made."""
        self._connections.add(connection)

    def closed(self, connection: "_Connection") -> None:
        """A connection is gone."""
        self._connections.discard(connection)

    async def answer_to(self, head: bytes, body: bytes) -> SpoiledAnswer:
        """What a request gets."""
        found = MARK.search(body)
        number = int(found[1]) if found else -1
        key = head.partition(b"\r\n")[0] + MARK.sub(b"", body)
        task = self._good.get(key)
        if task is None:
            task = self._good[key] = asyncio.create_task(_ask(self._provider_port, head, MARK.sub(b"", body)))
        good = await asyncio.shield(task)
        self._come[number, self.port] += 1
        attempt = self._come[number, self.port]
        dialect = head.partition(b" HTTP/")[0].partition(b" ")[2].decode("latin-1")
        rng = random.Random(f"{self._seed}:{number}:{attempt}:{dialect}")  # noqa: S311 - no secret
        spoiled = make_answer(rng, good)
        self.kinds[spoiled.kind] += 1
        return spoiled


class _Connection(asyncio.Protocol):
    """One connection of the gateway: requests come one after the other."""

    def __init__(self, upstream: FuzzUpstream) -> None:
        self._upstream = upstream
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._head: list[bytes] = []
        self._target = b""
        self._body = bytearray()
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The gateway has connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._upstream.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The gateway has left."""
        del exc
        self._upstream.closed(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Part of a request. The gateway's own requests are good ones."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """The target."""
        self._target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if name.lower() not in (b"host", b"content-length", b"connection", b"accept-encoding"):
            self._head.append(name + b": " + value)

    def on_body(self, body: bytes) -> None:
        """Part of a body."""
        self._body += body

    def on_message_complete(self) -> None:
        """A request is whole."""
        line = b"%b %b HTTP/1.1" % (self._parser.get_method(), self._target)
        head, body = b"\r\n".join((line, *self._head)), bytes(self._body)
        self._head, self._body = [], bytearray()
        self._task = asyncio.get_running_loop().create_task(self._answer(head, body))

    async def _answer(self, head: bytes, body: bytes) -> None:
        answer = await self._upstream.answer_to(head, body)
        transport = self._transport
        assert transport is not None
        for piece in answer.pieces:
            if transport.is_closing():
                return
            transport.write(piece)
            await asyncio.sleep(0)
        if answer.ending == STALLS:
            await asyncio.sleep(_STALL_S)
        if answer.ending == RESETS:
            transport.abort()
        elif answer.ending != KEEPS:
            transport.close()

    def shut(self) -> None:
        """End at once."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()


class _Reply:
    """Collects one response."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True


async def _ask(port: int, head: bytes, body: bytes) -> GoodAnswer:
    """What the simulated provider answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + b"\r\nhost: lab\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    reply = _Reply()
    while not reply.whole:
        data = await reader.read(65536)
        if not data:
            break
        reply.parser.feed_data(data)
    writer.close()
    return GoodAnswer(reply.parser.get_status_code(), tuple(reply.headers), bytes(reply.body))
