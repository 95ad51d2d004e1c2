"""Responses whose heads look like the one before, as those of one upstream do.

Most lines of a head stay the same from response to response (server, content type, limits), a few
change (date, length, request id). What stays was parsed before; only what changes is read.

Rules
1. The first head is parsed by llhttp. A later one is read here only when it has the same status line and
   the same names in the same order; every line that changed must be plain printable ASCII.
2. A change in what says how the body is framed or coded is not read here, but parsed anew.
3. Only a response that came whole, head and body and nothing behind it, is read here.
"""

from halfopen.http1.response import ResponseHead

_HEAD_MAX_BYTES = 16 * 1024
_DIGITS_MAX = 12
_FRAMING = frozenset(
    (
        "connection",
        "content-encoding",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_NO_BODY = (204, 304)
_LENGTH = "content-length"


class KnownResponse:
    """The head of the latest response of a connection, line by line."""

    __slots__ = ("_head", "_length", "_lines", "_names")

    def __init__(self, head: ResponseHead, lines: list[bytes], names: list[bytes], length: int) -> None:
        """`names` has each line up to its value; that of the status line is all of it."""
        self._head = head
        self._lines = lines
        self._names = names
        self._length = length

    def read(self, data: bytes) -> tuple[ResponseHead, bytes] | None:
        """The head and the body of a whole response. None: parse it."""
        end = data.find(b"\r\n\r\n", 0, _HEAD_MAX_BYTES)
        if end < 0:
            return None
        lines = data[:end].split(b"\r\n")
        if lines != self._lines and not self._reread(lines):
            return None
        return (self._head, data[end + 4 :]) if len(data) - end - 4 == self._length else None

    def _reread(self, lines: list[bytes]) -> bool:
        """Take the lines that changed. Whether all could be read; if not, nothing is taken."""
        old, names = self._lines, self._names
        if len(lines) != len(old) or lines[0] != old[0]:
            return False
        headers = list(self._head.headers)
        length = self._length
        for number, line in enumerate(lines):
            if line == old[number]:
                continue
            start = names[number]
            name = headers[number - 1][0]
            value = line[len(start) :].decode("latin-1")
            if (
                not line.startswith(start)
                or name in _FRAMING
                or not value.isascii()
                or not value.isprintable()
                or value.strip(" ") != value
            ):
                return False
            if name == _LENGTH:
                if not value.isdigit() or len(value) > _DIGITS_MAX:
                    return False
                length = int(value)
            headers[number - 1] = (name, value)
        self._lines = lines
        self._length = length
        was = self._head
        self._head = ResponseHead(
            status=was.status, headers=tuple(headers), keep_alive=was.keep_alive, close_delimited=False
        )
        return True


def learn_response(data: bytes, head: ResponseHead) -> KnownResponse | None:
    """How the bytes of a response look, to read the next one by what differs.

    Args:
        data: The whole response, as it came.
        head: What the parser made of it.

    Returns:
        None when it is none that can be compared line by line.
    """
    length = head.header(_LENGTH)
    end = data.find(b"\r\n\r\n", 0, _HEAD_MAX_BYTES)
    if head.status in _NO_BODY or not head.keep_alive:
        return None
    if length is None or end < 0 or not length.isdigit() or len(length) > _DIGITS_MAX:
        return None
    if len(data) - end - 4 != int(length):
        return None
    lines = data[:end].split(b"\r\n")
    if len(lines) != len(head.headers) + 1:
        return None
    names = [lines[0]]
    for line, (name, value) in zip(lines[1:], head.headers, strict=True):
        start, colon, rest = line.partition(b":")
        blank = b" " if rest.startswith(b" ") else b""
        if start.decode("latin-1").lower() != name or rest[len(blank) :].decode("latin-1") != value:
            return None
        names.append(start + colon + blank)
    return KnownResponse(head, lines, names, int(length))
