"""Free ports on loopback, below the range that the system hands out by itself."""

import os
import random
import socket
from collections import deque
from collections.abc import Iterator

FIRST = 20_000
LAST = 31_999
CLAIMS_MAX = 40
"""Fewer than a slot has ports, so that the next one is found soon, and not in the slot of another process."""
_SLOT = 60
_LOOPBACK = "127.0.0.1"
DEFAULT = {"openai": 8511, "anthropic": 8512, "gemini": 8513}
"""Where `halfopen lab serve` listens."""
_claims: deque[int] = deque()
"""File descriptors, oldest first. A claim is one of the process, so nothing smaller can hold it."""


def candidates() -> Iterator[int]:
    """Ports to try: first those that belong to this process by its id, then all others.

    Processes that start together, such as test workers, have neighbouring ids, so that each
    begins in a slot of its own.
    """
    slots = (LAST - FIRST + 1) // _SLOT
    start = FIRST + os.getpid() % slots * _SLOT + random.randrange(_SLOT)  # noqa: S311 - no secret
    for step in range(LAST - FIRST + 1):
        yield FIRST + (start - FIRST + step) % (LAST - FIRST + 1)


def claim(port: int) -> bool:
    """Keep a port from all others who ask here, in this process or another, before a server listens on it.

    The sign is a datagram socket of the same number. It is in no server's way, and the system takes it
    back when the process ends.

    Returns:
        Whether nobody else had claimed it. The claim lasts until this process has made `CLAIMS_MAX` others.
    """
    sign = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sign.bind((_LOOPBACK, port))
    except OSError:
        sign.close()
        return False
    _claims.append(sign.detach())
    if len(_claims) > CLAIMS_MAX:
        socket.close(_claims.popleft())
    return True


def free_port(host: str = _LOOPBACK) -> int:
    """A port that nobody has bound or been given before. Raises OSError when there is none."""
    for port in candidates():
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        if claim(port):
            return port
    raise OSError(f"no free port between {FIRST} and {LAST}")
