"""The last good snapshot in memory, for workers that start: the state directory may be gone or frozen then.

A worker inherits a file that has no name, reads it and checks it like any other.
"""

import os
import tempfile
from contextlib import suppress
from typing import Final

from halfopen.rollout import Snapshot
from halfopen.rollout.saved import SavedError, read_back
from halfopen.rollout.snapshot import canonical

NONE: Final = -1
"""There is no such file."""


class HandedSnapshot:
    """The supervisor's. It takes as much memory as one snapshot."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._descriptor = NONE
        self.id = ""
        """Of the snapshot that is kept; empty: none is."""

    def keep(self, snapshot: Snapshot) -> None:
        """Keep this one instead. If the system has no room for it none is kept."""
        self.close()
        try:
            self._descriptor = unnamed(canonical(snapshot))
        except OSError:
            return
        self.id = snapshot.id

    def opened(self) -> int:
        """A descriptor for one child, to be closed once that is started; `NONE`: none is kept."""
        return NONE if self._descriptor == NONE else os.dup(self._descriptor)

    def close(self) -> None:
        """Keep none."""
        close_if_any(self._descriptor)
        self._descriptor, self.id = NONE, ""


def received(descriptor: int, id: str) -> Snapshot:  # noqa: A002 - as everywhere, a snapshot's id
    """The snapshot that was handed to this process. Closes the descriptor.

    Raises:
        SavedError: It isn't there, or isn't the one with this id.
    """
    try:
        # Its place in the file is shared with other processes: it is not used.
        content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    except OSError as error:
        raise SavedError(f"it can't be read: {error.strerror or error}") from None
    with suppress(OSError):
        os.close(descriptor)
    return read_back(content, id)


def close_if_any(descriptor: int) -> None:
    """Close it, unless it is `NONE`."""
    if descriptor != NONE:
        os.close(descriptor)


def unnamed(content: bytes) -> int:
    """A file in memory, or, where the system has none, on a disk. Raises OSError."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("halfopen-snapshot")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        done = 0
        while done < len(content):
            done += os.pwrite(descriptor, content[done:], done)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
