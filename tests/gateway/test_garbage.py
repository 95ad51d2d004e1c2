"""What requests leave to Python's collector of cycles.

A request whose objects refer to each other in a circle is freed only when the collector runs, which costs
everybody's time and keeps buffers until then.
"""

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from halfopen.lab.ports import free_port
from halfopen.policy.options import BreakerOptions, PolicyOptions, RetryOptions

REQUESTS = 60
WARM = 20


class Client(asyncio.Protocol):
    """Asks again and again over one connection. Makes no circles of its own."""

    def __init__(self) -> None:
        self.came = b""
        self.whole: asyncio.Future[None] | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.came += data
        head, found, body = self.came.partition(b"\r\n\r\n")
        if found and (
            body.endswith(b"0\r\n\r\n")
            if b"chunked" in head
            else b"content-length: %d\r\n" % len(body) in head + b"\r\n"
        ):
            assert self.whole is not None
            self.whole.set_result(None)

    async def ask(self, request: bytes) -> bytes:
        """The answer."""
        self.came = b""
        self.whole = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        await self.whole
        self.whole = None
        return self.came


class Vendor(asyncio.Protocol):
    """Answers each request with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._came = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, found, body = self._came.partition(b"\r\n\r\n")
        if found and b"content-length: %d\r\n" % len(body) in head.lower() + b"\r\n":
            self._came = b""
            self._transport.write(self._answer)


@dataclass
class Served:
    """A started vendor, as the stage sees an upstream."""

    answer: bytes
    port: int = 0
    server: Any = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        loop, self.port = asyncio.get_running_loop(), free_port()
        self.server = await loop.create_server(lambda: Vendor(self.answer), "127.0.0.1", self.port)

    async def stop(self) -> None:
        self.server.close()


async def left_by(ask: Callable[[], Coroutine[Any, Any, None]]) -> tuple[float, Counter[str]]:
    """Objects that each call leaves in circles, and what they are."""
    for _ in range(WARM):
        await ask()
    gc.collect()
    gc.disable()
    try:
        for _ in range(REQUESTS):
            await ask()
        found = gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        await ask()
        gc.collect()
        kinds = Counter(type(each).__qualname__ for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.collect()
    return found / REQUESTS, kinds


def stream(kit: Any) -> bytes:
    events = [kit.chunk("word") for _ in range(10)]
    body = b"".join(map(kit.framed, [*events, kit.chunk(None, "stop"), b"data: [DONE]\n\n"]))
    return kit.stream_head + body + b"0\r\n\r\n"


FAILURE = b'{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}'
REFUSAL = b'{"error":{"message":"Bad","type":"invalid_request_error","param":"messages","code":null}}'


def cases(kit: Any) -> dict[str, tuple[bytes, list[bytes], int, float]]:
    """Request, the vendors' answers, the status to come, and how many objects may be left.

    Those that leave some leave no more than they did when this was written: lower a figure that has fallen.
    """
    whole, streamed = kit.ok(), stream(kit)
    failed = kit.ok(FAILURE, status="500 Internal Server Error")
    refused = kit.ok(REFUSAL, status="400 Bad Request")
    return {
        "plain": (kit.post(kit.chat()), [whole], 200, 0.05),
        "unknown model": (kit.post(kit.chat(model="none")), [whole], 404, 0.05),
        "failed over": (kit.post(kit.chat()), [failed, whole], 200, 25),
        "refused": (kit.post(kit.chat()), [refused], 400, 0),
        "streamed": (kit.post(kit.chat(stream=True)), [streamed], 200, 0),
    }


@pytest.mark.parametrize("name", ["plain", "unknown model", "failed over", "refused", "streamed"])
def test_requests_leave_no_circles(play: Any, kit: Any, name: str) -> None:
    """No more than so many objects each."""
    request, answers, status, most = cases(kit)[name]

    async def scene(stage: Any) -> None:
        vendors = [Served(answer) for answer in answers]
        for vendor in vendors:
            await vendor.start()
            stage._started.append(vendor)
        # A target that fails all the time is to be asked all the time.
        policy = PolicyOptions(
            breaker=BreakerOptions(min_samples=10_000, consecutive=1000),
            retry=RetryOptions(bucket_max=1000.0),
        )
        gateway = await stage.gateway(*vendors, policy=policy)
        loop = asyncio.get_running_loop()
        transport, client = await loop.create_connection(Client, "127.0.0.1", gateway.port)

        async def ask() -> None:
            answer = await client.ask(request)
            assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]

        left, kinds = await left_by(ask)
        transport.abort()
        assert left <= most, f"{left:.2f} objects a request: {dict(kinds.most_common(20))}"

    play(scene)
