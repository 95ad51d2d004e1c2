"""Opens a connection to a host that may have several addresses.

Rules
1. The addresses are tried in the resolver's order, the two families in turn. Each gets its share of
   the connect time, so that one that swallows everything does not cost the others their chance.
2. When all fail, the last one's reason is told.

Source: the order follows RFC 8305, section 4, without its parallel attempts.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from itertools import zip_longest
from ssl import SSLContext
from typing import Any, TypeVar

_ADDRESSES_MAX = 4
_Made = TypeVar("_Made", bound=asyncio.BaseProtocol)


async def dial(
    make: Callable[[], _Made], host: str, port: int, *, tls: SSLContext | None, connect_s: float
) -> _Made:
    """Connect within `connect_s`. Raises OSError, TimeoutError, or ValueError for a bad host name."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(connect_s):
        addresses = _ordered(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        for left in range(len(addresses), 1, -1):
            address = addresses[-left]
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
