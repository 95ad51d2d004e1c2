"""Connections to upstreams: reused, replaced when stale, given up when nobody wants the answer."""

import asyncio
from typing import Any

import pytest

from halfopen.policy import JourneyOptions


def test_a_connection_is_reused(play: Any, kit: Any) -> None:
    """Requests one after the other go over one connection, on both sides."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        for _ in range(5):
            assert (await client.ask(kit.post(kit.chat()))).status == 200
        assert upstream.connections == 1
        assert gateway.connections == 1
        assert repr(kit.pool_of(gateway)).endswith("0 active, 1 idle, 0 connecting, 0 queued>")

    play(scene)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_stale_connection_costs_no_attempt(play: Any, kit: Any, how: str) -> None:
    """A reused connection that ends before the first byte of its response is replaced unseen."""

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(kit.ok())
        if peer.number == 1:
            await peer.request()
            if how == "reset":
                peer.reset()
            return
        await peer.gone()

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        for _ in range(2):
            response = await client.ask(kit.post(kit.chat()))
            assert (response.status, response.headers["x-halfopen-attempts"]) == (200, "1")
        assert upstream.connections == 2

    play(scene)


def test_a_connection_closed_while_idle_costs_no_attempt(play: Any, kit: Any) -> None:
    """What the upstream closed between two requests is not used again."""

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(kit.ok())
        await peer.writer.drain()

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        for _ in range(3):
            response = await client.ask(kit.post(kit.chat()))
            assert (response.status, response.headers["x-halfopen-attempts"]) == (200, "1")
            await stage.until(lambda: upstream.open == 0, lambda: upstream.open)
        assert upstream.connections == 3

    play(scene)


def test_a_reset_of_a_fresh_connection_costs_an_attempt(play: Any, kit: Any) -> None:
    """Only reused connections are replaced for free."""

    async def script(peer: Any) -> None:
        await peer.request()
        if peer.number == 1:
            peer.reset()
        else:
            peer.send(kit.ok())
            await peer.gone()

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat()))
        assert (response.status, response.headers["x-halfopen-attempts"]) == (200, "2")

    play(scene)


def test_a_stale_connection_that_has_responded_costs_an_attempt(play: Any, kit: Any) -> None:
    """A reused connection that breaks after a byte of its response is a fault."""

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(kit.ok())
        if peer.number == 1:
            await peer.request()
            peer.send(b"HTTP/1.1 200")
            await asyncio.sleep(0.05)
        else:
            await peer.gone()

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        attempts = [(await client.ask(kit.post(kit.chat()))).headers["x-halfopen-attempts"] for _ in range(2)]
        assert attempts == ["1", "2"]

    play(scene)


def test_a_500_leaves_the_connection_in_the_pool(play: Any, kit: Any) -> None:
    """An error that is whole costs no connection."""

    async def scene(stage: Any) -> None:
        error = b'{"error":{"message":"The server had an error","type":"server_error"}}'
        primary = await stage.upstream(kit.answering(kit.ok(error, status="500 Internal Server Error")))
        backup = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(primary, backup)
        client = await stage.client(gateway)
        for _ in range(4):
            response = await client.ask(kit.post(kit.chat()))
            assert (response.status, response.headers["x-halfopen-upstream"]) == (200, "p1/gpt-4o-mini")
        assert (primary.connections, backup.connections) == (1, 1)

    play(scene)


def test_the_pool_is_bounded(play: Any, kit: Any) -> None:
    """At most `connections_max` connections are open; further calls wait their turn and are answered."""

    async def script(peer: Any) -> None:
        while True:
            await peer.request()
            await asyncio.sleep(0.02)
            peer.send(kit.ok())

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream, pool_max=2)
        clients = [await stage.client(gateway) for _ in range(10)]
        for client in clients:
            client.send(kit.post(kit.chat()))
        await stage.until(lambda: "8 queued" in repr(kit.pool_of(gateway)), lambda: kit.pool_of(gateway))
        assert {(await client.response()).status for client in clients} == {200}
        assert upstream.connections == 2

    play(scene)


def test_a_call_that_is_given_up_leaves_the_pools_line(play: Any, kit: Any) -> None:
    """A call whose client has left while it waited for a connection keeps no place in the line."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(lambda peer: peer.gone())
        gateway = await stage.gateway(upstream, pool_max=1)
        clients = [await stage.client(gateway) for _ in range(3)]
        for client in clients:
            client.send(kit.post(kit.chat()))
        await stage.until(lambda: "2 queued" in repr(kit.pool_of(gateway)), lambda: kit.pool_of(gateway))
        for client in clients:
            client.leave()
        await stage.until(
            lambda: "0 active, 0 idle, 0 connecting, 0 queued" in repr(kit.pool_of(gateway)),
            lambda: kit.pool_of(gateway),
        )

    play(scene)


def test_idle_connections_are_closed(play: Any, kit: Any) -> None:
    """A connection without a call is closed after its idle time."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(upstream, idle_s=0.05)
        assert (await (await stage.client(gateway)).ask(kit.post(kit.chat()))).status == 200
        await stage.until(lambda: upstream.open == 0, lambda: kit.pool_of(gateway))

    play(scene)


def test_an_upstream_that_never_ends_its_response_is_left(play: Any, kit: Any) -> None:
    """After the stream's last event the connection is given half a second to end, then closed."""

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head)
        peer.send(kit.framed(kit.chunk("hi") + kit.chunk(None, "stop") + b"data: [DONE]\n\n"))
        await peer.gone()

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole
        assert response.body.endswith(b"data: [DONE]\n\n")
        await stage.until(lambda: upstream.open == 0, lambda: kit.pool_of(gateway), 1.0)

    play(scene)


def test_a_connection_that_is_closed_as_it_is_made_fails_at_once(play: Any, kit: Any) -> None:
    """An upstream that resets as soon as it has accepted is a fault, not a hang."""

    async def scene(stage: Any) -> None:
        primary = await stage.lab()
        primary.set_fault("reset_on_accept")
        backup = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(primary, backup)
        client = await stage.client(gateway)
        for _ in range(20):
            response = await client.ask(kit.post(kit.chat()))
            assert (response.status, response.headers["x-halfopen-upstream"]) == (200, "p1/gpt-4o-mini")
        assert kit.pool_of(gateway).active == 0

    play(scene)


def test_a_response_before_the_whole_request_is_taken_does_not_poison_the_pool(play: Any, kit: Any) -> None:
    """A connection on which the request was not fully sent is not used again."""

    async def script(peer: Any) -> None:
        if peer.number == 1:
            await peer.reader.readuntil(b"\r\n\r\n")
            peer.send(kit.ok(b'{"error":{"message":"too large"}}', status="413 Payload Too Large"))
            await asyncio.sleep(END)
        else:
            await kit.answering(kit.ok())(peer)

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        large = kit.chat(user="x" * 12_000_000)
        assert (await client.ask(kit.post(large))).status == 413
        assert (await client.ask(kit.post(kit.chat()))).status == 200
        assert upstream.connections == 2

    play(scene)


END = 1.0


@pytest.mark.parametrize(
    "extra",
    [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"rubbish", b"\r\n"],
    ids=["second response", "rubbish", "line end"],
)
def test_bytes_after_the_response_cost_the_connection_but_not_the_answer(
    play: Any, kit: Any, extra: bytes
) -> None:
    """What an upstream sends unasked is never taken for the next answer."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok() + extra))
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        for _ in range(3):
            response = await client.ask(kit.post(kit.chat()))
            assert (response.status, response.body) == (200, kit.ok_body)
            await asyncio.sleep(0.01)

    play(scene)


def test_the_attempts_time_covers_the_wait_for_a_connection(play: Any, kit: Any) -> None:
    """A call that stays in the pool's line is given up at the attempt's end."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(lambda peer: peer.gone())
        options = JourneyOptions(deadline_s=0.3, attempt_s=0.2, attempts=1)
        gateway = await stage.gateway(upstream, pool_max=1, options=options)
        clients = [await stage.client(gateway) for _ in range(2)]
        for client in clients:
            client.send(kit.post(kit.chat()))
        assert {(await client.response()).status for client in clients} == {504}
        await stage.until(lambda: upstream.open == 0, lambda: kit.pool_of(gateway))
        assert kit.limiter_of(gateway).in_flight == 0

    play(scene)


class _Nobody:
    """A sink that hears nothing."""

    def on_connected(self) -> None: ...

    def on_head(self, head: Any) -> None: ...

    def on_data(self, data: bytes) -> None: ...

    def on_end(self) -> None: ...

    def on_failed(self, error: Any, detail: str) -> None: ...


@pytest.mark.parametrize("rounds", [0, 1, 2, 3])
def test_a_call_given_up_while_connecting_gives_its_place_back(play: Any, kit: Any, rounds: int) -> None:
    """At whatever step of the connecting: the pool never loses count of its connections."""
    from halfopen.gateway.pool import Origin, Pool

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok()))
        origin = Origin("127.0.0.1", upstream.port, connections_max=2)
        pool = Pool(origin, asyncio.get_running_loop())
        for _ in range(20):
            calls = [pool.call((b"", b""), _Nobody()) for _ in range(5)]
            for _ in range(rounds):
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
        empty = "0 active, 0 idle, 0 connecting, 0 queued"
        await stage.until(lambda: empty in repr(pool), lambda: pool)
        pool.close()

    play(scene)
