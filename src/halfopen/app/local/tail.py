"""The last lines of a stream, within bounds."""

from collections import deque

LINES_MAX = 20
LINE_MAX_BYTES = 500


class Tail:
    """Keeps the last lines of what it is fed, each cut to a bound."""

    __slots__ = ("_lines", "_open")

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self._open = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes, wherever they were cut."""
        *whole, rest = (self._open + data).split(b"\n")
        for line in whole:
            self._keep(line)
        # What is past the bound would be cut in any case.
        self._open = rest[:LINE_MAX_BYTES]

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines, oldest first; empty ones are left out."""
        last = self._open.decode("utf-8", "replace").strip()
        return (*self._lines, last) if last else tuple(self._lines)

    def _keep(self, line: bytes) -> None:
        text = line[:LINE_MAX_BYTES].decode("utf-8", "replace").strip()
        if text:
            self._lines.append(text)
