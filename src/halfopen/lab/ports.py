"""Free ports on loopback, below the range that the system hands out by itself."""

import os
import random
import socket
from collections.abc import Iterator

FIRST = 20_000
LAST = 31_999
_SLOT = 60
DEFAULT = {"openai": 8511, "anthropic": 8512, "gemini": 8513}
"""Where `halfopen lab serve` listens."""


def candidates() -> Iterator[int]:
    """Ports to try: first those that belong to this process by its id, then all others.

    Processes that start together, such as test workers, have neighbouring ids, so that each
    begins in a slot of its own.
    """
    slots = (LAST - FIRST + 1) // _SLOT
    start = FIRST + os.getpid() % slots * _SLOT + random.randrange(_SLOT)  # noqa: S311 - no secret
    for step in range(LAST - FIRST + 1):
        yield FIRST + (start - FIRST + step) % (LAST - FIRST + 1)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody has bound. Raises OSError when there is none."""
    for port in candidates():
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port between {FIRST} and {LAST}")
