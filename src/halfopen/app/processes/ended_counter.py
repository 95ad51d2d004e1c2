"""How many requests a worker has ended, in memory that outlives it: what it never told of is known as lost.

Rules
1. The supervisor makes the memory, without a name or a disk; the worker inherits it and alone writes there.
2. Two whole numbers of eight bytes: requests ended, and who ended them. Each is written by one store.
3. It is read once the worker is no more.
"""

import mmap
import os
import struct
from typing import Final, NamedTuple

from halfopen.app.processes.handed_snapshot import NONE, unnamed

_FORM: Final = struct.Struct("=QQ")
_NUMBER: Final = "Q"


class Count(NamedTuple):
    """What a worker has noted."""

    source: str
    """Of its outcomes."""
    made: int
    """Requests that it has ended."""


class EndedCounter:
    """The worker's end."""

    __slots__ = ("cells",)

    def __init__(self, source: str, descriptor: int = NONE) -> None:
        """Says who counts. Without a descriptor, or where it can't be used, nobody else can read it.

        Args:
            source: 16 hexadecimal digits.
            descriptor: File descriptor of the memory. It is closed.
        """
        memory: mmap.mmap | bytearray = bytearray(_FORM.size)
        if descriptor != NONE:
            try:
                memory = mmap.mmap(descriptor, _FORM.size)
                os.close(descriptor)
            except (OSError, ValueError):
                pass  # requests are served all the same
        self.cells: memoryview[int] = memoryview(memory).cast(_NUMBER)
        """The number of requests ended comes first. Write it there: a call would cost more than that."""
        self.cells[1] = int(source, 16)


def new_counter() -> int:
    """A descriptor of such memory, for one worker; `NONE`: the system has none to give."""
    try:
        return unnamed(bytes(_FORM.size))
    except OSError:
        return NONE


def counted(descriptor: int) -> Count | None:
    """What the worker has noted; None: it never began, or it can't be read."""
    try:
        made, source = _FORM.unpack(os.pread(descriptor, _FORM.size, 0))
    except (OSError, struct.error):
        return None
    return Count(f"{source:016x}", made) if source else None
