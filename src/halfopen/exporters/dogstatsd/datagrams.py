"""Lines put together into datagrams."""

from collections.abc import Iterable
from typing import Final

DATAGRAM_MAX_BYTES: Final = 1432
"""What an Ethernet frame takes after the headers of IP and UDP, with room for a tunnel's."""


def datagrams(lines: Iterable[str], most_bytes: int = DATAGRAM_MAX_BYTES) -> tuple[list[bytes], int]:
    """As few datagrams as the lines fit into in their order, and how many lines fit into none."""
    made: list[bytes] = []
    current: list[bytes] = []
    size = left_out = 0
    for line in lines:
        data = line.encode()
        if len(data) > most_bytes:
            left_out += 1
            continue
        if current and size + 1 + len(data) > most_bytes:
            made.append(b"\n".join(current))
            current, size = [], 0
        size += len(data) + (1 if current else 0)
        current.append(data)
    if current:
        made.append(b"\n".join(current))
    return made, left_out
