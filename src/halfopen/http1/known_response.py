"""Responses whose heads look like the one before, as those of one upstream do.

Most lines of a head stay the same from response to response (server, content type, limits), a few
change (date, length, request id). What stays was parsed before; only what changes is read.

Rules
1. The first head is parsed by llhttp. A later one is read here only when it has the same status line and
   the same names in the same order; every line that changed must be plain printable ASCII.
2. A change in what says how the body is framed or coded is not read here, but parsed anew.
3. Only a response that came whole, head and body and nothing behind it, is read here.
4. A line that has changed once is looked at each time; those between two such lines are compared at once.
"""

from typing import Final

from halfopen.http1.response import ResponseHead

_HEAD_MAX_BYTES: Final = 16 * 1024
_DIGITS_MAX: Final = 12
_FRAMING: Final = frozenset(
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
_NO_BODY: Final = (204, 304)
_LENGTH: Final = "content-length"


class KnownResponse:
    """The head of the latest response of a connection: what stays, and the lines that change."""

    __slots__ = (
        "_before",
        "_changing",
        "_end",
        "_head",
        "_is_length",
        "_length",
        "_lines",
        "_names",
        "_values",
    )

    def __init__(self, head: ResponseHead, lines: list[bytes], names: list[bytes], length: int) -> None:
        """`names` has each line up to its value; that of the status line is all of it."""
        self._head = head
        self._lines = lines
        """Each line of the head, without its end; those that change may be out of date."""
        self._names = names
        self._length = length
        self._changing: list[int] = []
        """The numbers of the lines that have changed once."""
        self._before: list[bytes] = []
        """What stands before the value of each of them, from the value of the one before it."""
        self._values: list[bytes] = []
        """Their latest values."""
        self._is_length: list[bool] = []
        self._end = b""
        """What stands behind the last of them, up to the body."""
        self._divide()

    def read(self, data: bytes) -> tuple[ResponseHead, bytes] | None:
        """The head and the body of a whole response. None: parse it."""
        changed: list[tuple[int, bytes]] = []
        at = 0
        values = self._values
        for number, before in enumerate(self._before):
            if not data.startswith(before, at):
                return self._learn(data)
            start = at + len(before)
            at = data.find(b"\r", start, _HEAD_MAX_BYTES)
            if at < 0:
                return None
            value = data[start:at]
            if value != values[number]:
                changed.append((number, value))
        if not data.startswith(self._end, at):
            return self._learn(data)
        if changed and not self._take(changed):
            return None
        begin = at + len(self._end)
        return (self._head, data[begin:]) if len(data) - begin == self._length else None

    def _take(self, changed: list[tuple[int, bytes]]) -> bool:
        """Take the values that changed. Whether all could be read; if not, nothing is taken."""
        headers = list(self._head.headers)
        length = self._length
        for number, raw in changed:
            value = raw.decode("latin-1")
            if not value.isascii() or not value.isprintable() or value.startswith(" ") or value.endswith(" "):
                return False
            if self._is_length[number]:
                if not value.isdigit() or len(value) > _DIGITS_MAX:
                    return False
                length = int(value)
            place = self._changing[number] - 1
            headers[place] = (headers[place][0], value)
        for number, raw in changed:
            self._values[number] = raw
        self._length = length
        was = self._head
        self._head = ResponseHead(
            status=was.status, headers=tuple(headers), keep_alive=was.keep_alive, close_delimited=False
        )
        return True

    def _learn(self, data: bytes) -> tuple[ResponseHead, bytes] | None:
        """Something else than before has changed: look at each line, and remember which."""
        end = data.find(b"\r\n\r\n", 0, _HEAD_MAX_BYTES)
        if end < 0:
            return None
        lines = data[:end].split(b"\r\n")
        if len(lines) != len(self._lines):
            return None
        found = []
        for number, line in enumerate(lines):
            if line == self._lines[number] or number in self._changing:
                continue
            if not number or self._head.headers[number - 1][0] in _FRAMING:
                return None
            found.append(number)
        if not found:
            return None  # another name, where a value was looked for
        self._changing = sorted((*self._changing, *found))
        self._divide()
        return self.read(data)

    def _divide(self) -> None:
        """Cut the head at the values that change."""
        self._before, self._values, self._is_length = [], [], []
        kept: list[bytes] = []
        headers = self._head.headers
        for number, line in enumerate(self._lines):
            lead = b"\r\n" if number else b""
            if number not in self._changing:
                kept.append(lead + line)
                continue
            name, value = headers[number - 1]
            self._before.append(b"".join((*kept, lead, self._names[number])))
            self._values.append(value.encode("latin-1"))
            self._is_length.append(name == _LENGTH)
            kept = []
        self._end = b"".join((*kept, b"\r\n\r\n"))


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
