"""The gateway as a whole: bounded connections and lines, and a clean end."""

import asyncio
from typing import Any

import pytest

from halfopen.policy import JourneyOptions
from halfopen.policy.options import LimitOptions, PolicyOptions


def test_connections_come_and_go_around_the_bound(play: Any, kit: Any) -> None:
    """Fifty clients share one place and the reserve, and each is answered."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(), connections_max=1)

        async def one() -> int:
            client = await stage.client(gateway)
            return int((await client.ask(kit.get("/healthz", "connection: close"))).status)

        assert await asyncio.gather(*(one() for _ in range(50))) == [200] * 50

    play(scene)


def test_a_full_line_is_said_at_once(play: Any, kit: Any) -> None:
    """503 with retry-after for what finds neither room nor a place; those in the line are served."""
    go = asyncio.Event()

    async def script(peer: Any) -> None:
        while True:
            await peer.request()
            await go.wait()
            peer.send(kit.ok())

    async def scene(stage: Any) -> None:
        policy = PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))
        gateway = await stage.gateway(await stage.upstream(script), policy=policy, queue_max=2)
        clients = [await stage.client(gateway) for _ in range(5)]
        for number, client in enumerate(clients):
            client.send(kit.post(kit.chat()))
            await stage.until(
                lambda n=number: gateway.runtime.waiting == min(n, 2), lambda: gateway.runtime.waiting
            )
        for client in clients[3:]:
            response = await client.response()
            error = response.assert_openai_error(503)
            assert error["halfopen"]["kind"] == "no_capacity"
            assert int(response.headers["retry-after"]) >= 1
        go.set()
        assert [(await client.response()).status for client in clients[:3]] == [200] * 3
        assert (kit.limiter_of(gateway).in_flight, gateway.runtime.waiting) == (0, 0)

    play(scene)


def test_a_request_that_waits_in_vain_is_told_by_its_deadline(play: Any, kit: Any) -> None:
    """Room never came."""

    async def scene(stage: Any) -> None:
        policy = PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))
        options = JourneyOptions(deadline_s=0.3, attempt_s=0.3)
        gateway = await stage.gateway(
            await stage.upstream(lambda peer: peer.gone()), policy=policy, options=options
        )
        first, second = await stage.client(gateway), await stage.client(gateway)
        first.send(kit.post(kit.chat()))
        await stage.until(lambda: kit.limiter_of(gateway).in_flight == 1, lambda: gateway.runtime.waiting)
        response = await second.ask(kit.post(kit.chat()))
        assert response.status in (503, 504)
        assert gateway.runtime.waiting == 0

    play(scene)


def test_draining_lets_running_answers_end(play: Any, kit: Any) -> None:
    """A stream runs to its end, an idle connection closes, new ones are refused, readyz says 503."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(pace_s=0.03))
        port = gateway.port
        idle, streaming = await stage.client(gateway), await stage.client(gateway)
        assert (await idle.ask(kit.get("/readyz"))).status == 200
        streaming.send(kit.post(kit.chat(stream=True)))
        await streaming.reader.readuntil(b"\r\n\r\n")
        streaming.send(kit.get("/readyz"))
        await asyncio.sleep(0.02)
        stopping = asyncio.ensure_future(gateway.stop(drain_s=5))
        assert await idle.ended() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        body, whole = await streaming._chunks()
        assert whole
        assert body.endswith(b"data: [DONE]\n\n")
        ready = await streaming.response()
        assert (ready.status, ready.headers["connection"]) == (503, "close")
        assert await streaming.ended() == b""
        await stopping
        assert gateway.connections == 0

    play(scene)


def test_whoever_waits_to_be_accepted_is_accepted_before_the_drain(play: Any, kit: Any) -> None:
    """However many: closing a socket resets those that wait in it."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab())
        gateway._listener._pause()  # as if the process had been busy
        waiting = [await stage.client(gateway) for _ in range(200)]
        for client in waiting:
            client.send(kit.get("/healthz"))
        stopping = asyncio.ensure_future(gateway.stop(drain_s=5))
        for client in waiting:
            assert (await client.response()).status == 200
        await stopping

    play(scene)


def test_a_stream_that_is_cut_by_the_end_of_the_drain_says_so(play: Any, kit: Any) -> None:
    """Decision 0008: one error event and an abrupt end, never a bare one."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(pace_s=0.2))
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        await client.reader.readuntil(b"\r\n\r\n")
        await gateway.stop(drain_s=0.05)
        rest = await client.ended()
        assert b'data: {"error":' in rest
        assert b"stopped before the answer was whole" in rest
        assert b"[DONE]" not in rest
        assert not rest.endswith(b"0\r\n\r\n")
        assert not stage.outcomes[0].client_gone

    play(scene)


def test_all_that_wait_are_taken_when_the_draining_begins(play: Any, kit: Any) -> None:
    """However many, and room or not: who is left in the listening socket would be reset."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(), connections_max=2)
        first, second = await stage.client(gateway), await stage.client(gateway)
        for client in (first, second):
            assert (await client.ask(kit.get("/healthz"))).status == 200
        waiting = [await stage.client(gateway) for _ in range(150)]
        for client in waiting:
            client.send(kit.get("/healthz"))
        stopping = asyncio.ensure_future(gateway.stop(drain_s=5))
        answers = await asyncio.gather(*(client.response() for client in waiting))
        assert [answer.status for answer in answers] == [200] * 150
        for client in (first, second):
            assert await client.ended() == b""
        await stopping

    play(scene)


@pytest.mark.alone
def test_draining_ends_at_its_bound(play: Any, kit: Any) -> None:
    """What still runs then is told so and ended, and its upstream call with it."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(lambda peer: peer.gone())
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat()))
        await stage.until(lambda: upstream.open == 1, lambda: kit.pool_of(gateway))
        started = asyncio.get_running_loop().time()
        await gateway.stop(drain_s=0.2)
        assert 0.15 < asyncio.get_running_loop().time() - started < 1.0
        await stage.until(lambda: upstream.open == 0, lambda: kit.pool_of(gateway))
        told = await client.ended()
        assert told.startswith(b"HTTP/1.1 503 ")
        assert b"stopped before the answer was whole" in told
        assert gateway.connections == 0
        assert not stage.outcomes[0].client_gone
        assert stage.outcomes[0].fault is not None

    play(scene)


def test_answers_while_draining_close_their_connection(play: Any, kit: Any) -> None:
    """So that the client opens its next one elsewhere."""
    draining = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        await draining.wait()
        peer.send(kit.ok())
        await peer.gone()

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(script)
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat()))
        await stage.until(lambda: upstream.open == 1, lambda: kit.pool_of(gateway))
        stopping = asyncio.ensure_future(gateway.stop(drain_s=5))
        await asyncio.sleep(0.01)
        draining.set()
        response = await client.response()
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert await client.ended() == b""
        await stopping

    play(scene)
