"""A client that reads slowly slows down the upstream, not the memory."""

import asyncio
import socket
from typing import Any

from halfopen.policy import JourneyOptions

PIECE_CHARS = 16_000
TOTAL_BYTES = 400 * 1024 * 1024


class Flood:
    """An upstream that streams as fast as it is read, and counts what it got rid of."""

    def __init__(self, kit: Any, total_bytes: int = TOTAL_BYTES) -> None:
        self.kit = kit
        self.total_bytes = total_bytes
        self.sent = 0

    async def __call__(self, peer: Any) -> None:
        await peer.request()
        peer.writer.transport.set_write_buffer_limits(high=64 * 1024)
        peer.send(self.kit.stream_head)
        piece = self.kit.framed(self.kit.chunk("x" * PIECE_CHARS))
        while self.sent < self.total_bytes:
            peer.send(piece)
            await peer.writer.drain()
            self.sent += len(piece)
        peer.send(self.kit.framed(self.kit.chunk(None, "stop")) + b"0\r\n\r\n")
        await peer.gone()


async def slow_client(stage: Any, gateway: Any) -> Any:
    """A client with small socket buffers."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", gateway.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
    return reader, writer


def unsent(gateway: Any) -> int:
    return sum(
        each._transport.get_write_buffer_size()
        for each in gateway._connections
        if each._transport is not None
    )


def test_a_client_that_reads_nothing_pauses_the_upstream(play: Any, kit: Any) -> None:
    """Of a huge fast stream the gateway holds less than 2 MiB, and nobody is blamed."""

    async def scene(stage: Any) -> None:
        flood = Flood(kit)
        upstream = await stage.upstream(flood)
        options = JourneyOptions(deadline_s=5, stall_s=0.15, stream_s=60, floor_window_s=1, min_tokens_s=0)
        gateway = await stage.gateway(upstream, options=options)
        reader, writer = await slow_client(stage, gateway)
        writer.write(kit.post(kit.chat(stream=True)))
        await stage.until(lambda: flood.sent > 0, lambda: flood.sent)
        before = -1
        while before != flood.sent:
            before = flood.sent
            for _ in range(5):
                await asyncio.sleep(0.02)
        assert flood.sent < 32 * 1024 * 1024, "the upstream was not paused"
        assert unsent(gateway) < 2 * 1024 * 1024
        # Three times the stall time: a slow client is not blamed on the upstream.
        await stage.hold(
            lambda: flood.sent == before and stage.outcomes == [], lambda: (flood.sent, stage.outcomes), 0.5
        )
        for _ in range(200):  # it reads on, and the upstream sends on
            await reader.read(64 * 1024)
        await stage.until(lambda: flood.sent > before, lambda: flood.sent)
        writer.transport.abort()
        await stage.until(lambda: upstream.open == 0, lambda: kit.pool_of(gateway), 1.0)
        (outcome,) = stage.outcomes
        assert (outcome.client_gone, outcome.fault) == (True, None)

    play(scene)


def test_a_slow_client_gets_all_of_it(play: Any, kit: Any) -> None:
    """Pausing and resuming loses and doubles nothing, and the connection is used again."""

    async def scene(stage: Any) -> None:
        flood = Flood(kit, 12 * 1024 * 1024)
        upstream = await stage.upstream(flood)
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        await asyncio.sleep(0.05)
        response = await client.response(end_s=20)
        assert response.whole
        assert response.body.count(b'"x') + response.body.count(b"finish_reason") > 0
        assert response.body.count(b"x" * PIECE_CHARS) == -(
            -flood.total_bytes // len(kit.framed(kit.chunk("x" * PIECE_CHARS)))
        )
        assert response.body.endswith(b"data: [DONE]\n\n")

    play(scene)


def test_a_connection_paused_at_the_end_of_its_call_reads_again(play: Any, kit: Any) -> None:
    """The pause was for one call's client; the next call on the connection has another."""
    size = 3 * 1024 * 1024

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head)
        peer.send(kit.framed(kit.chunk("x" * size)))
        peer.send(kit.framed(kit.chunk(None, "stop") + b"data: [DONE]\n\n") + b"0\r\n\r\n")
        await kit.answering(kit.ok())(peer)

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream)
        _, writer = await slow_client(stage, gateway)
        writer.write(kit.post(kit.chat(stream=True)))
        await stage.until(lambda: len(stage.outcomes) == 1, lambda: kit.pool_of(gateway))
        assert "1 idle" in repr(kit.pool_of(gateway))
        other = await stage.client(gateway)
        response = await other.ask(kit.post(kit.chat()))
        assert (response.status, upstream.connections) == (200, 1)
        writer.transport.abort()

    play(scene)


def test_a_client_that_asks_and_never_reads_gets_no_more_work_done(play: Any, kit: Any) -> None:
    """While its answers are not read, its further requests are not begun."""
    large = kit.ok(kit.ok_body.replace(b"fine", b"x" * 4_000_000))

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(large))
        gateway = await stage.gateway(upstream)
        _, writer = await slow_client(stage, gateway)
        for _ in range(6):
            writer.write(kit.post(kit.chat()))
        await stage.until(lambda: len(stage.outcomes) >= 1, lambda: stage.outcomes)
        await stage.hold(lambda: len(stage.outcomes) <= 2, lambda: stage.outcomes, 0.2)
        assert unsent(gateway) < 10_000_000
        writer.transport.abort()

    play(scene)


def test_a_client_that_takes_nothing_has_left(play: Any, kit: Any) -> None:
    """After `idle_timeout_s` without a byte taken: the call, the permit and the connection are given up."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(Flood(kit))
        gateway = await stage.gateway(upstream, idle_timeout_s=1)
        _, writer = await slow_client(stage, gateway)
        writer.write(kit.post(kit.chat(stream=True)))
        await stage.until(lambda: gateway.connections == 1, lambda: gateway.connections)
        await stage.until(lambda: gateway.connections == 0, lambda: gateway.connections, 4.0)
        assert kit.limiter_of(gateway).in_flight == 0
        (outcome,) = stage.outcomes
        assert outcome.client_gone
        writer.transport.abort()

    play(scene)


def test_a_last_answer_that_nobody_reads_is_given_up(play: Any, kit: Any) -> None:
    """A connection that waits to be closed does not wait for ever."""
    large = kit.ok(kit.ok_body.replace(b"fine", b"x" * 20_000_000))

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(large))
        gateway = await stage.gateway(upstream, idle_timeout_s=1)
        _, writer = await slow_client(stage, gateway)
        writer.write(kit.post(kit.chat(), "connection: close"))
        await stage.until(lambda: len(stage.outcomes) == 1, lambda: stage.outcomes)
        await stage.until(lambda: gateway.connections == 0, lambda: gateway.connections, 4.0)
        writer.transport.abort()

    play(scene)
