"""Bodies of upstreams: recognised, decoded and bounded on the real wire."""

import gzip
import json
import time
from typing import Any

import brotli
import pytest
import zstandard

from halfopen.gateway.reception import Reception
from halfopen.http1 import ResponseHead
from halfopen.model import Target
from halfopen.providers import Chat, parse_chat
from halfopen.providers.openai import OPENAI

ENCODERS = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstandard.ZstdCompressor().compress}


def whole_stream(kit: Any) -> bytes:
    return bytes(kit.chunk("one ") + kit.chunk("two") + kit.chunk(None, "stop") + b"data: [DONE]\n\n")


def by_itself(kit: Any, head: str, body: bytes, *, size: int | None = None) -> Any:
    """An upstream that sends a body in chunks of a size."""

    async def script(peer: Any) -> None:
        while True:
            await peer.request()
            peer.send(f"HTTP/1.1 200 OK\r\n{head}transfer-encoding: chunked\r\n\r\n".encode())
            step = size or len(body)
            for start in range(0, len(body), step):
                peer.send(kit.framed(body[start : start + step]))
                if size:
                    await peer.writer.drain()
            peer.send(b"0\r\n\r\n")

    return script


@pytest.mark.parametrize("size", [None, 1, 3], ids=["whole", "bytes", "pieces"])
@pytest.mark.parametrize(
    "kind", ["text/event-stream", "Text/Event-Stream; charset=utf-8", "text/plain", "application/json", ""]
)
def test_a_stream_is_recognised_under_any_content_type(
    play: Any, kit: Any, kind: str, size: int | None
) -> None:
    """By its first bytes, however they are cut."""

    async def scene(stage: Any) -> None:
        head = f"content-type: {kind}\r\n" if kind else ""
        gateway = await stage.gateway(
            await stage.upstream(by_itself(kit, head, whole_stream(kit), size=size))
        )
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert (response.status, response.whole) == (200, True)
        assert response.body == whole_stream(kit)
        assert response.headers["x-halfopen-attempts"] == "1"

    play(scene)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("coding", ENCODERS)
def test_a_compressed_answer_is_decoded(play: Any, kit: Any, coding: str, stream: bool) -> None:
    """Although identity was asked for."""

    async def scene(stage: Any) -> None:
        body = ENCODERS[coding](whole_stream(kit) if stream else kit.ok_body)
        kind = "text/event-stream" if stream else "application/json"
        head = f"content-type: {kind}\r\ncontent-encoding: {coding}\r\n"
        gateway = await stage.gateway(await stage.upstream(by_itself(kit, head, body, size=7)))
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=stream)))
        assert response.status == 200
        assert response.body == (whole_stream(kit) if stream else kit.ok_body)
        assert "content-encoding" not in response.headers

    play(scene)


@pytest.mark.parametrize("coding", ENCODERS)
def test_a_cut_compressed_answer_is_a_fault(play: Any, kit: Any, coding: str) -> None:
    """Even when what could be decoded is a whole answer: the body was not."""

    async def scene(stage: Any) -> None:
        body = ENCODERS[coding](kit.ok_body + b" " * 3000)[:-3]
        head = f"content-type: application/json\r\ncontent-encoding: {coding}\r\n"
        backup = await stage.lab()
        gateway = await stage.gateway(await stage.upstream(by_itself(kit, head, body)), backup)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert (response.status, response.headers["x-halfopen-upstream"]) == (200, "p1/gpt-4o-mini")
        assert stage.outcomes[0].attempts[0].fault.kind == "cut_body"

    play(scene)


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_bomb_is_a_fault(play: Any, kit: Any, coding: str) -> None:
    """An answer that unpacks beyond the bound is given up, and another target answers."""

    async def scene(stage: Any) -> None:
        body = (
            gzip.compress(bytes(30_000_000))
            if coding == "gzip"
            else brotli.compress(bytes(30_000_000), quality=2)
        )
        head = f"content-type: application/json\r\ncontent-encoding: {coding}\r\n"
        gateway = await stage.gateway(
            await stage.upstream(by_itself(kit, head, body)), await stage.lab(), answer_max_bytes=1024 * 1024
        )
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert (response.status, response.headers["x-halfopen-upstream"]) == (200, "p1/gpt-4o-mini")

    play(scene)


def test_an_endless_answer_is_a_fault(play: Any, kit: Any) -> None:
    """A plain answer beyond the bound is given up while it is still coming."""

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            peer.send(kit.framed(b"x" * 65536))
            await peer.writer.drain()

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream, await stage.lab(), answer_max_bytes=1024 * 1024)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert response.headers["x-halfopen-upstream"] == "p1/gpt-4o-mini"
        await stage.until(lambda: upstream.open == 0, lambda: kit.pool_of(gateway))

    play(scene)


def test_a_long_error_body_is_cut_and_judged(play: Any, kit: Any) -> None:
    """What it begins with says enough."""

    async def scene(stage: Any) -> None:
        error = json.dumps({"error": {"message": "bad request", "type": "invalid_request_error"}}).encode()
        body = error + b" " * 200_000
        upstream = await stage.upstream(kit.answering(kit.ok(body, status="400 Bad Request")))
        gateway = await stage.gateway(upstream, await stage.lab())
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert "bad request" in response.assert_openai_error(400)["message"]

    play(scene)


def test_a_first_content_of_megabytes_is_delivered(play: Any, kit: Any) -> None:
    """Content is never held, so its size is of no account."""

    async def scene(stage: Any) -> None:
        body = kit.chunk("x" * 3_000_000) + kit.chunk(None, "stop") + b"data: [DONE]\n\n"
        script = by_itself(kit, "content-type: text/event-stream\r\n", body)
        gateway = await stage.gateway(await stage.upstream(script))
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert (response.whole, len(response.body)) == (True, len(body))

    play(scene)


class Nobody:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.faults: list[Any] = []

    def on_attempt_connected(self) -> None: ...
    def on_attempt_head(self, head: Any) -> None: ...
    def on_attempt_events(self, events: Any) -> None: ...
    def on_attempt_answer(self, answer: Any) -> None: ...

    def on_attempt_fault(self, fault: Any) -> None:
        self.faults.append(fault)


def test_a_body_in_tiny_pieces_costs_what_it_weighs() -> None:
    """A stranger's body must not hold up the loop: 200,000 blanks one by one, and each looked at once."""
    listener = Nobody()
    chat = parse_chat(b'{"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": true}')
    assert isinstance(chat, Chat)
    reception = Reception(
        listener,
        chat,
        Target("p", "m", "openai"),
        OPENAI,
        dialect="openai",
        answer_max_bytes=2**20,
        wall_s=0.0,
    )
    headers = (("content-type", "application/json"),)
    reception.on_head(ResponseHead(status=200, headers=headers, keep_alive=True, close_delimited=False))
    began = time.process_time()
    for _ in range(200_000):
        reception.on_data(b"\n")
    assert time.process_time() - began < 2.0  # looking at all of it each time takes minutes
    reception.on_end()
    assert len(listener.faults) == 1
