"""Server-sent events, without I/O.

Rules
1. A line ends with LF, CRLF or CR; a blank line ends an event. Chunk boundaries change nothing.
2. An event keeps its raw bytes, so that it can be relayed as it came.
3. A line that is no field (`{"error": …}` after the events) is kept apart as `stray`, not thrown away.
4. An event is bounded: a longer one raises `EventTooLargeError`.

Source: WHATWG HTML Living Standard, section 9.2 (server-sent events).
"""

import re
from dataclasses import dataclass
from typing import Final

_BLANK_LINE: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
EVENT_MAX_BYTES = 4 * 1024 * 1024


class EventTooLargeError(ValueError):
    """An event passed the bound; the stream can't be trusted any more."""


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event as it came."""

    raw: bytes
    """All its bytes with the blank line that ends it."""
    data: bytes = b""
    """The data lines, joined by LF; empty for a comment or a ping."""
    event: str = ""
    """The event's name; empty when none was given."""
    stray: bytes = b""
    """Lines that are no SSE field, joined by LF."""

    @property
    def is_comment(self) -> bool:
        """Whether nothing but comments came, as in `: ping`."""
        return not self.data and not self.event and not self.stray


class SseParser:
    """Cuts a byte stream into events."""

    __slots__ = ("_buffer", "_max_bytes", "_scanned")

    def __init__(self, max_bytes: int = EVENT_MAX_BYTES) -> None:
        """Bounds one event at `max_bytes`."""
        self._buffer = b""
        self._scanned = 0
        self._max_bytes = max_bytes

    @property
    def tail(self) -> bytes:
        """Bytes of an event that has not ended. Not empty at the end of a stream: it was cut."""
        return self._buffer

    def feed(self, data: bytes) -> list[SseEvent]:
        """Return the events that `data` completes. Raises EventTooLargeError."""
        buffer = self._buffer + data if self._buffer else data
        events: list[SseEvent] = []
        start = 0
        search = max(0, self._scanned - 3)
        if b"\r" in buffer:
            for match in _BLANK_LINE.finditer(buffer, search):
                end = match.end()
                if end == len(buffer) and buffer.endswith(b"\r"):
                    break  # LF may follow
                events.append(parse_event(buffer[start:end]))
                start = end
        else:
            while (end := buffer.find(b"\n\n", search)) >= 0:
                end += 2
                events.append(parse_event(buffer[start:end]))
                start = search = end
        self._keep(buffer[start:])
        return events

    def flush(self) -> list[SseEvent]:
        """At the end of the stream, return what lacks only its blank line, if it is whole.

        A last event whose line ended but whose blank line is missing is common in the wild
        (`data: [DONE]` and then the end), so it is returned; half a line stays in `tail`.
        """
        buffer = self._buffer
        if not buffer.endswith((b"\n", b"\r")):
            return []
        self._keep(b"")
        return [parse_event(buffer)] if buffer.strip() else []

    def _keep(self, rest: bytes) -> None:
        if len(rest) > self._max_bytes:
            self._buffer = b""
            raise EventTooLargeError(f"an event of more than {self._max_bytes} bytes")
        self._buffer = rest
        self._scanned = len(rest)


_FIELDS = (b"data", b"event", b"id", b"retry")


def parse_event(raw: bytes) -> SseEvent:
    """Parse one event's lines."""
    if raw.startswith(b"data: ") and raw.find(b"\n") == len(raw) - 2:
        return SseEvent(raw, data=raw[6:-2])
    data: list[bytes] = []
    stray: list[bytes] = []
    event = ""
    for line in raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        if not line or line.startswith(b":"):
            continue
        name, colon, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if name == b"data":
            data.append(value)
        elif name == b"event":
            event = value.decode("utf-8", "replace")
        elif name not in _FIELDS or not colon:
            stray.append(line)
    return SseEvent(raw, b"\n".join(data), event, b"\n".join(stray))
