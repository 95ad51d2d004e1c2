"""Connections beyond `connections_max`: whoever asks how the gateway is gets an answer, all others a 503."""

import asyncio
from typing import Any

import pytest

from halfopen.gateway import reserve
from halfopen.gateway.reserve import RESERVED


async def full(stage: Any, **settings: Any) -> Any:
    """A gateway with one place, and the client that has it."""
    gateway = await stage.gateway(await stage.lab(), connections_max=1, **settings)
    holder = await stage.client(gateway)
    await stage.until(lambda: gateway.connections == 1, lambda: gateway.connections)
    return gateway, holder


async def beyond(stage: Any, gateway: Any, count: int) -> list[Any]:
    """Clients for whom there is no place."""
    clients = [await stage.client(gateway) for _ in range(count)]
    most = 1 + min(count, RESERVED)
    await stage.until(lambda: gateway.connections == most, lambda: gateway.connections)
    return clients


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_are_answered(play: Any, kit: Any, path: str, method: str) -> None:
    """As ever, but that the connection ends with the answer."""

    async def scene(stage: Any) -> None:
        gateway, _ = await full(stage)
        for _ in range(RESERVED + 3):
            client = await stage.client(gateway)
            response = await client.ask(kit.get(path, method=method), method=method)
            assert (response.status, response.headers["connection"]) == (200, "close")
            assert await client.ended() == b""
        await stage.until(lambda: gateway.connections == 1, lambda: gateway.connections)

    play(scene)


def test_readyz_says_that_it_drains(play: Any, kit: Any) -> None:
    """A probe beyond the bound is told no other thing than one within."""

    async def scene(stage: Any) -> None:
        gateway, holder = await full(stage)
        holder.send(kit.post(kit.chat())[:-1])
        (client,) = await beyond(stage, gateway, 1)
        client.send(b"GET /readyz HTTP/1.1\r\n")
        await asyncio.sleep(0.02)
        stopping = asyncio.ensure_future(gateway.stop(drain_s=0.2))
        await asyncio.sleep(0.02)
        response = await client.ask(b"host: g\r\n\r\n")
        assert (response.status, response.json["status"]) == (503, "draining")
        await stopping
        assert gateway.connections == 0

    play(scene)


PATHS = {
    "chat": ("/v1/chat/completions", lambda error: error["error"]["halfopen"]["kind"] == "no_capacity"),
    "messages": ("/v1/messages", lambda error: error["type"] == "error"),
    "generate": (
        "/v1beta/models/m:generateContent",
        lambda error: error["error"]["status"] == "UNAVAILABLE",
    ),
}


@pytest.mark.parametrize("name", PATHS)
def test_others_are_told_that_there_is_no_room(play: Any, kit: Any, name: str) -> None:
    """At once, in the shape of their dialect, with the time to come again; nothing is asked upstream."""
    path, in_shape = PATHS[name]

    async def scene(stage: Any) -> None:
        gateway, _ = await full(stage)
        client = await stage.client(gateway)
        response = await client.ask(kit.post(kit.chat(), path=path))
        assert (response.status, response.headers["connection"]) == (503, "close")
        assert int(response.headers["retry-after"]) >= 1
        assert "x-should-retry" not in response.headers
        assert in_shape(response.json)
        assert b"connections_max" in response.body
        assert await client.ended() == b""
        (outcome,) = stage.outcomes
        assert (outcome.fault.kind.value, outcome.attempts) == ("no_capacity", ())

    play(scene)


def test_a_body_is_not_waited_for(play: Any, kit: Any) -> None:
    """The answer comes with the head. What is sent after it is thrown away, so that it can be read."""

    async def scene(stage: Any) -> None:
        gateway, _ = await full(stage)
        client = await stage.client(gateway)
        client.send(kit.post(b"x" * 4_000_000)[:500])
        assert (await client.response()).status == 503
        client.send(b"x" * 3_900_000)
        async with asyncio.timeout(2):
            await client.writer.drain()
        client.leave()

    play(scene)


def test_what_can_not_be_read_is_refused(play: Any, kit: Any) -> None:
    """As on any connection."""

    async def scene(stage: Any) -> None:
        gateway, _ = await full(stage)
        client = await stage.client(gateway)
        assert (await client.ask(b"nonsense\r\n\r\n")).status == 400
        wrong = await stage.client(gateway)
        assert (await wrong.ask(kit.post(b"", path="/healthz"))).status == 405

    play(scene)


def test_none_can_be_held(play: Any, kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that asks nothing, half of something, or doesn't end after its answer, is closed."""
    monkeypatch.setattr(reserve, "_HEAD_S", 0.1)
    monkeypatch.setattr(reserve, "_LINGER_S", 0.1)

    async def scene(stage: Any) -> None:
        gateway, _ = await full(stage)
        silent, half, endless = await beyond(stage, gateway, 3)
        half.send(b"GET /healthz HTTP/1.1\r\nhost")
        endless.send(kit.post(b"x" * 1000)[:-1])
        assert (await endless.response()).status == 503
        for client in (silent, half, endless):
            assert await client.ended() == b""
        await stage.until(lambda: gateway.connections == 1, lambda: gateway.connections)

    play(scene)


def test_they_are_bounded(play: Any, kit: Any) -> None:
    """Past them a client waits in the listening socket, until one of them has gone."""

    async def scene(stage: Any) -> None:
        gateway, _ = await full(stage)
        first, *_ = await beyond(stage, gateway, RESERVED)
        late = await stage.client(gateway)
        late.send(kit.get("/healthz"))
        with pytest.raises(TimeoutError):
            await late.response(end_s=0.1)
        assert gateway.connections == 1 + RESERVED
        first.leave()
        assert (await late.response()).status == 200

    play(scene)


def test_one_that_waits_gets_the_place_of_one_that_leaves(play: Any, kit: Any) -> None:
    """The first of those who have not asked, with what it has sent so far; then it stays as long as it likes."""

    async def scene(stage: Any) -> None:
        gateway, holder = await full(stage)
        first, second = await beyond(stage, gateway, 2)
        request = kit.post(kit.chat())
        first.send(request[:60])
        await asyncio.sleep(0.02)
        holder.leave()
        await stage.until(lambda: gateway.connections == 2, lambda: gateway.connections)
        assert (await first.ask(request[60:])).status == 200
        assert (await first.ask(request)).status == 200
        assert (await second.ask(request)).status == 503
        await stage.until(lambda: gateway.connections == 1, lambda: gateway.connections)

    play(scene)


def test_they_end_with_the_gateway(play: Any, kit: Any) -> None:
    """A stop closes those that have asked nothing, and those that still send after their answer."""

    async def scene(stage: Any) -> None:
        gateway, _ = await full(stage)
        clients = await beyond(stage, gateway, 2)
        clients[0].send(kit.post(b"x" * 1000)[:-1])
        assert (await clients[0].response()).status == 503
        await gateway.stop()
        assert gateway.connections == 0
        for client in clients:
            assert await client.ended() == b""

    play(scene)
