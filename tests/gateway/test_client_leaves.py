"""A client that leaves cancels the upstream call, and nothing of it is left."""

import asyncio
from typing import Any

import pytest


def nothing_left(gateway: Any, kit: Any) -> bool:
    return (
        "0 active, 0 idle, 0 connecting, 0 queued" in repr(kit.pool_of(gateway))
        and kit.limiter_of(gateway).in_flight == 0
        and len(gateway.runtime.wheel) == 0
        and gateway.connections == 0
        and gateway.runtime.waiting == 0
    )


def state(gateway: Any, kit: Any) -> str:
    limiter = kit.limiter_of(gateway)
    return (
        f"{kit.pool_of(gateway)}, {limiter.in_flight} in flight, {len(gateway.runtime.wheel)} timers, "
        f"{gateway.connections} clients, {gateway.runtime.waiting} waiting"
    )


def holding(kit: Any, when: str) -> Any:
    """An upstream that stops at some point of its answer."""

    async def script(peer: Any) -> None:
        await peer.request()
        if when in ("opening", "content", "finish"):
            peer.send(kit.stream_head)
            peer.send(kit.framed(kit.chunk("hello") if when != "opening" else kit.chunk("")))
        if when == "finish":
            peer.send(kit.framed(kit.chunk(None, "stop")))
        await peer.gone()

    return script


WHEN = ["headers", "opening", "content", "finish"]


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("when", WHEN)
def test_the_upstream_call_ends_within_a_second(play: Any, kit: Any, when: str, how: str) -> None:
    """Wherever the answer stands: connection, permit and timers are given back."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(holding(kit, when))
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        if when in ("content", "finish"):
            await client.reader.readuntil(b"hello")
        else:
            await stage.until(lambda: upstream.open == 1, lambda: kit.pool_of(gateway))
            await asyncio.sleep(0.02)
        if how == "reset":
            client.leave()
        else:
            await client.close()
        await stage.until(lambda: upstream.open == 0, lambda: state(gateway, kit), 1.0)
        await stage.until(lambda: nothing_left(gateway, kit), lambda: state(gateway, kit), 1.0)
        (outcome,) = stage.outcomes
        assert (outcome.client_gone, outcome.fault) == (True, None)

    play(scene)


def test_a_client_that_leaves_after_a_stream_takes_nothing_with_it(play: Any, kit: Any) -> None:
    """The upstream's connection stays in the pool for others."""

    async def scene(stage: Any) -> None:
        upstream = await stage.lab()
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        assert (await client.ask(kit.post(kit.chat(stream=True)))).whole
        client.leave()
        await stage.until(lambda: gateway.connections == 0, lambda: state(gateway, kit))
        assert "0 active, 1 idle" in repr(kit.pool_of(gateway))
        await stage.until(lambda: len(gateway.runtime.wheel) == 0, lambda: state(gateway, kit))

    play(scene)


@pytest.mark.parametrize("sent", [0, 30, -1], ids=["nothing", "half a head", "half a body"])
def test_a_client_that_leaves_before_its_request_is_whole_is_forgotten(
    play: Any, kit: Any, sent: int
) -> None:
    """No upstream hears of it."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(kit.answering(kit.ok()))
        gateway = await stage.gateway(upstream)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat())[:sent])
        await asyncio.sleep(0.02)
        client.leave()
        await stage.until(lambda: nothing_left(gateway, kit), lambda: state(gateway, kit))
        assert upstream.connections == 0
        assert stage.outcomes == []

    play(scene)


def test_a_client_that_leaves_while_connecting_ends_the_connecting(play: Any, kit: Any) -> None:
    """No connection is made for nobody."""

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(holding(kit, "headers"))
        gateway = await stage.gateway(upstream)
        for _ in range(30):
            client = await stage.client(gateway)
            client.send(kit.post(kit.chat()))
            await asyncio.sleep(0)
            client.leave()
        await stage.until(lambda: nothing_left(gateway, kit), lambda: state(gateway, kit))

    play(scene)


def test_a_client_that_leaves_the_waiting_line_is_gone_from_it(play: Any, kit: Any) -> None:
    """Its place is free for another."""
    from halfopen.policy.options import LimitOptions, PolicyOptions

    async def scene(stage: Any) -> None:
        upstream = await stage.upstream(holding(kit, "headers"))
        policy = PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))
        gateway = await stage.gateway(upstream, policy=policy)
        clients = [await stage.client(gateway) for _ in range(3)]
        for client in clients:
            client.send(kit.post(kit.chat()))
        await stage.until(lambda: gateway.runtime.waiting == 2, lambda: state(gateway, kit))
        for client in reversed(clients):
            client.leave()
        await stage.until(lambda: nothing_left(gateway, kit), lambda: state(gateway, kit))

    play(scene)


def test_two_hundred_that_leave_leak_nothing(play: Any, kit: Any) -> None:
    """At every point of an answer, one after the other and at the same time."""

    async def scene(stage: Any) -> None:
        upstreams = [await stage.upstream(holding(kit, when)) for when in WHEN]
        gateways = [await stage.gateway(upstream) for upstream in upstreams]
        for round_ in range(10):
            clients = []
            for gateway in gateways:
                for number in range(5):
                    client = await stage.client(gateway)
                    client.send(kit.post(kit.chat(stream=number % 2 == 0)))
                    clients.append(client)
            await asyncio.sleep(0.002 * round_)
            for client in clients:
                client.leave()
        for gateway, upstream in zip(gateways, upstreams, strict=True):
            await stage.until(lambda g=gateway: nothing_left(g, kit), lambda g=gateway: state(g, kit))
            await stage.until(lambda u=upstream: u.open == 0, lambda u=upstream: u.open)

    play(scene)
