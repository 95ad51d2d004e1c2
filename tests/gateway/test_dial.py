"""Hosts with several addresses."""

import asyncio
import socket
from typing import Any

import pytest

from halfopen.gateway.dial import dial
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
