"""Standard error for a process that must not wait for whoever reads it."""

import os
import select
from contextlib import suppress

_LINE_MAX_BYTES = 4096
"""As much as a pipe that is ready takes at once (PIPE_BUF, POSIX)."""
_STANDARD_ERROR = 2


def have_descriptors() -> None:
    """Open the null device in place of standard input, output and error that are closed.

    Else the next sockets would get their numbers, and a child would take them for these three.
    """
    with suppress(OSError):
        while (opened := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
            os.set_inheritable(opened, True)  # noqa: FBT003 - the standard library's signature
        os.close(opened)


def write_if_taken(text: str) -> None:
    """Write a line, cut to what a pipe takes at once; nothing, if the reader is behind or gone."""
    data = text.encode("utf-8", "replace")
    if len(data) > _LINE_MAX_BYTES:
        data = data[: _LINE_MAX_BYTES - 1] + b"\n"
    poll = select.poll()
    poll.register(_STANDARD_ERROR, select.POLLOUT)
    try:
        ready = poll.poll(0)
        if ready and ready[0][1] == select.POLLOUT:
            os.write(_STANDARD_ERROR, data)
    except OSError:
        return


class StandardError:
    """The same as a stream, for logging."""

    def write(self, text: str) -> None:
        """As `write_if_taken`."""
        write_if_taken(text)

    def flush(self) -> None:
        """Nothing is kept."""
