"""Pieces of streams that scripted upstreams send, and what a client makes of them."""

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from halfopen.gateway import connection
from halfopen.providers import catalogue

CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
SMALL_BYTES = 4096


def _event(**members: Any) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", **members}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def delta(content: dict[str, Any], finish: str | None = None) -> bytes:
    """A chunk with one choice."""
    return _event(choices=[{"index": 0, "delta": content, "finish_reason": finish}])


def counts(prompt: int, completion: int) -> bytes:
    """The chunk with token counts."""
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return _event(choices=[], usage=usage)


def texts(*pieces: str) -> list[bytes]:
    """Chunks of text."""
    return [delta({"content": piece}) for piece in pieces]


def call(*arguments: str) -> list[bytes]:
    """Chunks of one tool call."""
    pieces = [{"tool_calls": [{"index": 0, "function": {"arguments": each}}]} for each in arguments]
    return [delta({"tool_calls": [CALL]}), *map(delta, pieces)]


def events_of(body: bytes) -> list[Any]:
    """The data of a stream's events; `[DONE]` as it is, comments left out."""
    found = []
    for event in body.decode().split("\n\n"):
        for line in event.split("\n"):
            if line.startswith("data: "):
                data = line.removeprefix("data: ")
                found.append(data if data == "[DONE]" else json.loads(data))
    return found


def text_of(body: bytes) -> str:
    """The text of a streamed chat or message."""
    found = []
    for event in events_of(body):
        if event == "[DONE]":
            continue
        if event.get("choices"):
            found.append(event["choices"][0]["delta"].get("content") or "")
        elif event.get("type") == "content_block_delta":
            found.append(event["delta"].get("text") or "")
    return "".join(found)


def comments_of(body: bytes) -> list[str]:
    """The comments of a stream."""
    return [line for line in body.decode().split("\n") if line.startswith(":")]


def able(gateway: Any, *models: str, **capabilities: Any) -> None:
    """Give the targets the capabilities that their models have, and other models where some are named."""
    for number, state in enumerate(gateway.runtime.routes["m"].states):
        target = state.target
        model = models[number] if number < len(models) else target.model
        known = catalogue.lookup(target.dialect, model)[0]
        state.target = replace(target, model=model, capabilities=replace(known, **capabilities))


async def slow_client(stage: Any, gateway: Any, request: bytes) -> socket.socket:
    """A client that has asked and reads nothing, with little room on the way to it."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BYTES)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", gateway.port))
    await asyncio.get_running_loop().sock_sendall(sock, request)
    await stage.until(
        lambda: any(each._requester is not None for each in gateway._connections),
        lambda: gateway.connections,
    )
    for each in gateway._connections:
        sender = each._transport.get_extra_info("socket")
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BYTES)
    return sock


async def read_until(sock: socket.socket, end: bytes) -> bytes:
    """What comes until `end`, which is included."""
    got = bytearray()
    async with asyncio.timeout(5):
        while end not in got:
            data = await asyncio.get_running_loop().sock_recv(sock, 1 << 20)
            if not data:
                break
            got += data
    return bytes(got)


def body_of(response: bytes) -> bytes:
    """The body of a response in chunks, as far as it came."""
    rest = response.partition(b"\r\n\r\n")[2]
    found = bytearray()
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if not size or not int(size, 16):
            break
        found += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return bytes(found)


@dataclass(frozen=True)
class Says:
    """The builders above, for tests that can't import them."""

    delta = staticmethod(delta)
    counts = staticmethod(counts)
    texts = staticmethod(texts)
    call = staticmethod(call)
    events_of = staticmethod(events_of)
    text_of = staticmethod(text_of)
    comments_of = staticmethod(comments_of)
    able = staticmethod(able)
    slow_client = staticmethod(slow_client)
    read_until = staticmethod(read_until)
    body_of = staticmethod(body_of)
    done = b"data: [DONE]\n\n"
    stop = delta({}, "stop")


@pytest.fixture
def says() -> Says:
    """Builders of streamed answers."""
    return Says()


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway takes a client for slow when 16 KiB wait for it."""
    monkeypatch.setattr(connection, "_WRITE_HIGH_BYTES", 16 * 1024)


@pytest.fixture
def speaking(kit: Any) -> Callable[..., Any]:
    """A script that streams these events; then it breaks off, or ends properly."""

    def speaking(*events: bytes, cut: bool = False, asked: list[Any] | None = None) -> Any:
        async def script(peer: Any) -> None:
            while True:
                request = json.loads(await peer.request())
                if asked is not None:
                    asked.append(request)
                peer.send(kit.stream_head + b"".join(kit.framed(event) for event in events))
                if cut:
                    await peer.writer.drain()
                    await asyncio.sleep(0.01)
                    peer.reset()
                    return
                peer.send(b"0\r\n\r\n")

        return script

    return speaking


@pytest.fixture
def refusing(kit: Any) -> Callable[..., Any]:
    """A script that refuses every request."""

    def refusing(status: str = "503 Service Unavailable") -> Any:
        return kit.answering(kit.ok(b'{"error": {"message": "overloaded"}}', status=status))

    return refusing
