"""The gateway's own keys in memory, for workers that start: the state directory may be gone then."""

import os
from contextlib import suppress

import msgspec

from halfopen.app.processes.handed_snapshot import NONE, unnamed
from halfopen.app.processes.key_words import keys_of
from halfopen.app.processes.messages import Keys


class HandedKeys:
    """The supervisor's."""

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._descriptor = NONE
        self._content = b""

    def keep(self, keys: Keys) -> None:
        """Keep these instead."""
        self._content = msgspec.msgpack.encode(keys)
        self._close()

    def opened(self) -> int:
        """A descriptor for one child, to be closed once that is started.

        Raises:
            OSError: The system has no room for it.
        """
        if self._descriptor == NONE:
            self._descriptor = unnamed(self._content)
        return os.dup(self._descriptor)

    def _close(self) -> None:
        if self._descriptor != NONE:
            os.close(self._descriptor)
        self._descriptor = NONE

    def close(self) -> None:
        """Keep none."""
        self._close()


def received(descriptor: int) -> Keys:
    """The keys that were handed to this process. Closes the descriptor. What can't be read lets nobody in."""
    if descriptor == NONE:
        return keys_of([])
    try:
        content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        return msgspec.msgpack.decode(content, type=Keys)
    except (OSError, msgspec.DecodeError):
        return keys_of([], closed=True)
    finally:
        with suppress(OSError):
            os.close(descriptor)
