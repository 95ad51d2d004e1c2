"""Hosts with several addresses."""

import asyncio
import socket
from typing import Any

import pytest

from halfopen.gateway import dial as module
from halfopen.gateway.dial import LastAddresses, dial
from halfopen.lab.ports import free_port


class Resolver:
    """A loop's `getaddrinfo` that answers as told."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def __call__(self, _host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in self.addresses]


async def connected(monkeypatch: Any, *addresses: str, listening: bool = True) -> str:
    """Listen on 127.0.0.1 and connect to a host of these addresses; which one was it?"""
    loop = asyncio.get_running_loop()
    port = free_port()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", port) if listening else None
    monkeypatch.setattr(loop, "getaddrinfo", Resolver(*addresses), raising=False)

    class Peer(asyncio.Protocol):
        address = ""

        def connection_made(self, transport: Any) -> None:
            self.address = transport.get_extra_info("peername")[0]
            transport.abort()

    try:
        return (await dial(Peer, "several.example", port, tls=None, connect_s=2.0)).address
    finally:
        if server is not None:
            server.close()


@pytest.mark.parametrize(
    "addresses",
    [("127.0.0.1",), ("127.0.0.2", "127.0.0.1"), ("127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.1")],
    ids=["one", "the second", "after doubles"],
)
def test_a_dead_address_does_not_cost_the_others_their_chance(monkeypatch: Any, addresses: Any) -> None:
    """The host is reached by whichever address answers."""
    assert asyncio.run(connected(monkeypatch, *addresses)) == "127.0.0.1"


def test_when_all_fail_the_reason_is_told(monkeypatch: Any) -> None:
    """The operator reads why, not just that."""
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(connected(monkeypatch, "127.0.0.2", "127.0.0.1", listening=False))


class FailingResolver(Resolver):
    """A loop's `getaddrinfo` that works at first, then fails, or never answers."""

    def __init__(self, *addresses: str, hangs: bool = False) -> None:
        super().__init__(*addresses)
        self.works = True
        self.asked = 0
        self._hangs = hangs

    async def __call__(self, _host: str, port: int, **more: Any) -> list[Any]:
        self.asked += 1
        if self.works:
            return await super().__call__(_host, port, **more)
        if self._hangs:
            await asyncio.Event().wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


async def connected_twice(monkeypatch: Any, resolver: FailingResolver) -> int:
    """Connect while names can be looked up, and again when they can't. How many connections were made?"""
    loop = asyncio.get_running_loop()
    port = free_port()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", port)
    monkeypatch.setattr(loop, "getaddrinfo", resolver, raising=False)
    made, last = 0, LastAddresses()
    try:
        for resolver.works in (True, False):
            protocol = await dial(asyncio.Protocol, "gone.example", port, tls=None, connect_s=2.0, last=last)
            made += isinstance(protocol, asyncio.Protocol)
    finally:
        server.close()
    return made


@pytest.mark.parametrize("hangs", [False, True], ids=["fails", "hangs"])
def test_a_host_that_can_not_be_looked_up_is_where_it_was(monkeypatch: Any, hangs: Any) -> None:
    """A resolver that is gone, or hangs, takes no provider with it that has been reached before."""
    monkeypatch.setattr(module, "LOOK_UP_S", 0.05)
    resolver = FailingResolver("127.0.0.2", "127.0.0.1", hangs=hangs)
    assert asyncio.run(connected_twice(monkeypatch, resolver)) == 2
    assert resolver.asked == 2


def test_addresses_of_long_ago_are_not_used() -> None:
    """Somebody else may be there by now."""
    last = LastAddresses()
    last.remember(["127.0.0.1"], 1000.0)
    assert last.recall(1000.0 + module.STALE_MAX_S) == ["127.0.0.1"]
    assert last.recall(1000.1 + module.STALE_MAX_S) == []


def test_addresses_that_never_answered_are_not_remembered(monkeypatch: Any) -> None:
    """A resolver that lied once is asked again."""
    last = LastAddresses()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", Resolver("127.0.0.1"), raising=False)
        await dial(asyncio.Protocol, "wrong.example", free_port(), tls=None, connect_s=2.0, last=last)

    with pytest.raises(ConnectionRefusedError):
        asyncio.run(main())
    assert last.recall(0.0) == []


def test_a_host_that_was_never_found_can_not_be_reached(monkeypatch: Any) -> None:
    """The resolver's reason is told."""
    resolver = FailingResolver("127.0.0.1")
    resolver.works = False

    async def main() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "getaddrinfo", resolver, raising=False)
        await dial(
            asyncio.Protocol, "never.example", free_port(), tls=None, connect_s=2.0, last=LastAddresses()
        )

    with pytest.raises(socket.gaierror, match="Temporary failure"):
        asyncio.run(main())
