"""The listening sockets of all workers, which the supervisor owns.

Each worker has a socket of its own for each address, so that the system spreads connections over them
(SO_REUSEPORT). The supervisor keeps them open: what has connected to a worker that is dead waits for
the one that takes its place, instead of being reset.
"""

import resource
import socket
from collections.abc import Sequence

from halfopen.gateway.listener import BACKLOG, bound

_DESCRIPTORS_MAX = 1_000_000


class AddressError(Exception):
    """The gateway's address can't be had. Its text names it and says why, for a person."""


def listening(host: str, port: int, queues: int) -> list[list[socket.socket]]:
    """Sockets that listen on every address of `host`, in `queues` groups of one for each address.

    Raises:
        OSError: An address can't be had, be it because another Halfopen has it.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = [
        (family, kind, protocol, address) for family, kind, protocol, _, address in dict.fromkeys(found)
    ]
    for family, kind, protocol, address in addresses:
        # Not shared: else a second gateway would get a part of the first one's connections.
        bound(socket.socket(family, kind, protocol), address).close()
    groups: list[list[socket.socket]] = []
    try:
        for _ in range(queues):
            groups.append([])
            for family, kind, protocol, address in addresses:
                groups[-1].append(bound(socket.socket(family, kind, protocol), address, shared=True))
        for each in (each for group in groups for each in group):
            each.listen(BACKLOG)
    except OSError:
        close(groups)
        raise
    return groups


def close(groups: Sequence[Sequence[socket.socket]]) -> None:
    """Close all of them in this process."""
    for group in groups:
        for each in group:
            each.close()


def raise_descriptor_limit() -> None:
    """Let this process, and those that it starts, open as many files and sockets as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS_MAX if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS_MAX)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
