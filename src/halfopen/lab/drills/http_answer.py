"""One HTTP/1.1 response from its bytes, strictly: what isn't framed exactly is no whole answer.

Written anew rather than taken from the gateway, so that a judge doesn't share the defects of whom it judges.
"""

from typing import Final

_HEAD_MAX_BYTES: Final = 64 * 1024
_BODY_MAX_BYTES: Final = 4 * 1024 * 1024


class AnswerError(Exception):
    """What came is no HTTP answer, or more than one."""


class HttpAnswer:
    """Takes bytes until it is whole."""

    __slots__ = ("_buffer", "_chunked", "_left", "body", "headers", "received", "status")

    def __init__(self) -> None:
        """Empty."""
        self._buffer = bytearray()
        self._chunked = False
        self._left: int | None = None
        """Bytes of the body, or of the chunk. None: a head, or the size of a chunk, comes next."""
        self.status = 0
        """0: the head isn't there yet."""
        self.headers: dict[bytes, bytes] = {}
        """By lower-case name."""
        self.body = b""
        self.received = 0
        """Bytes so far."""

    def feed(self, data: bytes) -> bool:
        """Take bytes; whether the answer is whole.

        Raises:
            AnswerError: It can't become one.
        """
        self.received += len(data)
        self._buffer += data
        if self.received > _BODY_MAX_BYTES:
            raise AnswerError(f"more than {_BODY_MAX_BYTES} bytes")
        if not self.status and not self._head():
            return False
        whole = self._chunks() if self._chunked else self._sized()
        if whole and self._buffer:
            raise AnswerError(f"{len(self._buffer)} bytes after the end of the answer")
        return whole

    def _head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _HEAD_MAX_BYTES:
                raise AnswerError("no end of the head")
            return False
        first, *lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        version, _, rest = first.partition(b" ")
        if version != b"HTTP/1.1" or not rest[:3].isdigit():
            raise AnswerError(f"no status line: {first[:60]!r}")
        self.status = int(rest[:3])
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon:
                raise AnswerError(f"no header: {line[:60]!r}")
            self.headers[name.lower()] = value.strip()
        self._chunked = self.headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        if not self._chunked:
            length = self.headers.get(b"content-length", b"")
            if not length.isdigit():
                raise AnswerError("neither a length nor chunks")
            self._left = int(length)
        return True

    def _sized(self) -> bool:
        assert self._left is not None
        if len(self._buffer) < self._left:
            return False
        self.body = bytes(self._buffer[: self._left])
        del self._buffer[: self._left]
        return True

    def _chunks(self) -> bool:
        while True:
            if self._left is None:
                end = self._buffer.find(b"\r\n")
                if end < 0:
                    return False
                size = bytes(self._buffer[:end])
                try:
                    self._left = int(size, 16)
                except ValueError:
                    raise AnswerError(f"no size of a chunk: {size[:20]!r}") from None
                del self._buffer[: end + 2]
            if len(self._buffer) < self._left + 2:
                return False
            if self._buffer[self._left : self._left + 2] != b"\r\n":
                raise AnswerError("a chunk is longer than its size")
            self.body += bytes(self._buffer[: self._left])
            last = self._left == 0
            del self._buffer[: self._left + 2]
            self._left = None
            if last:
                return True
