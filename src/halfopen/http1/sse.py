"""Server-sent events, without I/O.

Rules
1. A line ends with LF, CRLF or CR; a blank line ends an event. Chunk boundaries change nothing.
2. An event keeps its raw bytes, so that it can be relayed as it came. Spare blank lines belong to the
   event that follows them; a byte order mark at the start of the stream is dropped.
3. A line that is no field (`{"error": …}` after the events) is kept apart as `stray`, not thrown away.
4. An event is bounded: a longer one raises `EventTooLargeError`, which holds the events before it.
5. A CR at the very end of what came waits for the next byte, since LF may follow.

Source: WHATWG HTML Living Standard, section 9.2 (server-sent events).
"""

import re
from typing import Final

from msgspec import structs

from halfopen.http1.sse_event import SseEvent

_BLANK_LINE: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_CONTENT: Final = re.compile(rb"[^\r\n]")
_BOM: Final = b"\xef\xbb\xbf"
_OVERLAP: Final = 3
"""A blank line is at most four bytes long: this many of those seen may be part of one."""
EVENT_MAX_BYTES = 4 * 1024 * 1024


class EventTooLargeError(ValueError):
    """An event passed the bound; the stream can't be trusted any more."""

    def __init__(self, max_bytes: int, events: "tuple[SseEvent, ...]" = ()) -> None:
        """The bound, and the events that came whole in the same bytes before the one that passed it."""
        super().__init__(f"an event of more than {max_bytes} bytes")
        self.events = events


class SseParser:
    """Cuts a byte stream into events."""

    __slots__ = ("_begun", "_content", "_has_cr", "_max_bytes", "_pending", "_scanned", "_too_large")

    def __init__(self, max_bytes: int = EVENT_MAX_BYTES) -> None:
        """Bounds one event at `max_bytes`."""
        self._max_bytes = max_bytes
        # Grows in place: an event in a thousand pieces costs no thousand copies.
        self._pending = bytearray()
        self._scanned = 0
        self._content = -1
        """Where the first byte that is no line end stands in `_pending`; -1: there is none."""
        self._has_cr = False
        self._begun = False
        self._too_large = False

    @property
    def tail(self) -> bytes:
        """Bytes of an event that has not ended. Not empty at the end of a stream: it was cut."""
        return bytes(self._pending)

    @property
    def is_between_events(self) -> bool:
        """Whether a stream has begun and all that came of it was whole events."""
        return self._begun and not (self._pending or self._has_cr or self._too_large)

    def feed(self, data: bytes) -> list[SseEvent]:
        """Return the events that `data` completes. Raises EventTooLargeError."""
        if self.is_between_events and _is_one_line(data) and len(data) <= self._max_bytes:
            return [SseEvent(data, data[6:-2])]  # as most of what comes
        self._check_bound([])
        if not self._begun:
            data = self._without_bom(data)
            if not self._begun:
                return []
        buffer: bytes | bytearray = data
        if self._pending:
            self._pending += data
            buffer = self._pending
        self._has_cr = self._has_cr or b"\r" in data
        events: list[SseEvent] = []
        start = self._cut(buffer, events)
        self._keep(buffer, start)
        self._check_bound(events)
        return events

    def flush(self) -> list[SseEvent]:
        """At the end of the stream, return what lacks only its blank line, if it is whole.

        A last event whose line ended but whose blank line is missing is common in the wild
        (`data: [DONE]` and then the end), so it is returned; half a line stays in `tail`.
        """
        raw = bytes(self._pending)
        if self._too_large or not raw.endswith((b"\n", b"\r")):
            return []
        self._pending = bytearray()
        self._forget()
        return [parse_event(raw)] if raw.strip(b"\r\n") else []

    def last(self) -> list[SseEvent]:
        """As `flush`, for events that are passed on: with the blank line, and none that is a mere name.

        Without its blank line an event would take in what is sent behind it. A name whose data never
        came is half an event, at which the official clients choke.
        """
        return [_ended(each) for each in self.flush() if each.data or each.stray or not each.event]

    def _check_bound(self, events: list[SseEvent]) -> None:
        if self._too_large:
            raise EventTooLargeError(self._max_bytes, tuple(events))

    def _without_bom(self, data: bytes) -> bytes:
        """The first bytes of the stream without a byte order mark, which may come in pieces."""
        data = bytes(self._pending) + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._pending = bytearray(data)
            return b""
        self._pending = bytearray()
        self._begun = True
        return data.removeprefix(_BOM)

    def _cut(self, buffer: bytes | bytearray, events: list[SseEvent]) -> int:
        """Append the whole events in `buffer`; return where the rest begins."""
        start = 0
        content = self._content
        search = self._scanned - _OVERLAP
        while True:
            if content < 0:
                found = _CONTENT.search(buffer, max(start, search))
                if found is None:
                    break
                content = found.start()
            end = self._end(buffer, max(content, search))
            if end < 0:
                break
            if end - start > self._max_bytes:
                self._too_large = True
                break
            events.append(parse_event(bytes(buffer[start:end])))
            start = search = end
            content = -1
        self._content = content - start if content >= 0 else -1
        return start

    def _end(self, buffer: bytes | bytearray, search: int) -> int:
        """Where the first blank line ends; -1: there is none yet."""
        if not self._has_cr:
            found = buffer.find(b"\n\n", search)
            return found + 2 if found >= 0 else -1
        match = _BLANK_LINE.search(buffer, search)
        if match is None or (match.end() == len(buffer) and buffer.endswith(b"\r")):
            return -1
        return match.end()

    def _keep(self, buffer: bytes | bytearray, start: int) -> None:
        """Keep what follows `start` for the next bytes."""
        size = len(buffer) - start
        if size > self._max_bytes:
            self._too_large = True
        if not size:
            if self._pending:
                self._pending = bytearray()
            self._forget()
            return
        if buffer is self._pending:
            del self._pending[:start]
        else:
            self._pending = bytearray(buffer[start:])
        if start and self._has_cr:
            self._has_cr = b"\r" in self._pending
        self._scanned = size

    def _forget(self) -> None:
        self._scanned = 0
        self._content = -1
        self._has_cr = False


def _ended(event: SseEvent) -> SseEvent:
    raw = event.raw + b"\n" if event.raw.endswith(b"\r") else event.raw
    if not raw.endswith((b"\n\n", b"\n\r\n")):
        raw += b"\r\n" if raw.endswith(b"\r\n") else b"\n"
    return structs.replace(event, raw=raw)


_FIELDS = (b"data", b"event", b"id", b"retry")


def one_line_of(raw: bytes) -> bytes | None:
    """The data of an event that is one data line and nothing else. None: it is more."""
    return raw[6:-2] if _is_one_line(raw) else None


def _is_one_line(raw: bytes) -> bool:
    """Whether it is an event of one data line and nothing else."""
    return (
        raw.startswith(b"data: ")
        and raw.endswith(b"\n\n")
        and raw.find(b"\n") == len(raw) - 2
        and b"\r" not in raw
    )


def parse_event(raw: bytes) -> SseEvent:
    """Parse one event's lines."""
    if _is_one_line(raw):
        return SseEvent(raw, raw[6:-2])
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
