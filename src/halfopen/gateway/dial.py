"""Opens a connection to a host that may have several addresses.

Rules
1. The addresses are tried in the resolver's order, the two families in turn. Each gets its share of
   the connect time, so that one that swallows everything does not cost the others their chance.
2. When all fail, the last one's reason is told.
3. A host that can't be looked up is sought where it was last: a resolver that is gone takes no
   provider with it that is well.

Sources: the order follows RFC 8305, section 4, without its parallel attempts; the last addresses RFC 8767,
whose times are taken over: an answer that was good is used for a day at most.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from itertools import zip_longest
from ssl import SSLContext
from typing import Any, TypeVar

LOOK_UP_S = 1.8
"""Where the last addresses are known, a look-up that takes longer has failed."""
STALE_MAX_S = 86_400.0
"""Addresses that were found longer ago are not used again."""
_ADDRESSES_MAX = 4
_Made = TypeVar("_Made", bound=asyncio.BaseProtocol)


class LastAddresses:
    """Where a host was when a connection to it was made last."""

    __slots__ = ("_addresses", "_found")

    def __init__(self) -> None:
        """Nowhere yet."""
        self._addresses: list[str] = []
        self._found = 0.0

    def remember(self, addresses: list[str], now: float) -> None:
        """One of these, just looked up, was connected to. `now`: monotonic seconds."""
        self._addresses, self._found = addresses, now

    def recall(self, now: float) -> list[str]:
        """Them; none when they are not known, or not any more."""
        return self._addresses if now - self._found <= STALE_MAX_S else []


async def dial(
    make: Callable[[], _Made],
    host: str,
    port: int,
    *,
    tls: SSLContext | None,
    connect_s: float,
    last: LastAddresses | None = None,
) -> _Made:
    """Connect within `connect_s`. `last`: where this host was; kept up to date.

    Raises OSError, TimeoutError, or ValueError for a bad host name.
    """
    loop = asyncio.get_running_loop()
    last = last or LastAddresses()
    async with asyncio.timeout(connect_s):
        known = last.recall(loop.time())
        addresses = await _look_up(loop, host, port, known, connect_s)
        made = await _connect(make, host, port, addresses, tls, connect_s)
    if addresses is not known:
        last.remember(addresses, loop.time())
    return made


async def _look_up(
    loop: asyncio.AbstractEventLoop, host: str, port: int, known: list[str], connect_s: float
) -> list[str]:
    """The host's addresses; `known` where they can't be looked up. Raises OSError."""
    try:
        async with asyncio.timeout(min(LOOK_UP_S, connect_s / 2) if known else None):
            return _ordered(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError:  # which a timeout is, too
        if known:
            return known
        raise


async def _connect(
    make: Callable[[], _Made],
    host: str,
    port: int,
    addresses: list[str],
    tls: SSLContext | None,
    connect_s: float,
) -> _Made:
    """To the first address that answers. Raises what the last one raised."""
    loop = asyncio.get_running_loop()
    for address in addresses[:-1]:
        try:
            async with asyncio.timeout(connect_s / len(addresses)):
                return await _open(loop, make, host, port, address, tls)
        except (OSError, TimeoutError):
            continue
    return await _open(loop, make, host, port, addresses[-1], tls)


async def _open(
    loop: asyncio.AbstractEventLoop,
    make: Callable[[], _Made],
    host: str,
    port: int,
    address: str,
    tls: SSLContext | None,
) -> _Made:
    name = host if tls is not None else None
    _, made = await loop.create_connection(make, address, port, ssl=tls, server_hostname=name)
    return made


def _ordered(found: Sequence[tuple[int, int, int, str, tuple[Any, ...]]]) -> list[str]:
    """Distinct addresses, families in turn, beginning with the resolver's first."""
    families: dict[int, list[str]] = {}
    for family, _, _, _, address in found:
        listed = families.setdefault(family, [])
        if str(address[0]) not in listed:
            listed.append(str(address[0]))
    turns = [each for turn in zip_longest(*families.values()) for each in turn if each is not None]
    return turns[:_ADDRESSES_MAX]
