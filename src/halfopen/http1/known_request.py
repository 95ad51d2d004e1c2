"""The head of a request that was parsed before, known again by its bytes.

A client sends the same head with each request of a connection; only the length of the body differs.

Rules
1. Only a head that the parser took is learnt, with the bytes that it came in.
2. Bytes that differ from it in anything but the digits of Content-Length are not known, and are parsed
   as if nothing were. So what the parser refuses stays refused.
3. Known is only what came whole: the head and all of the body, and nothing behind it.
"""

from typing import Final

from halfopen.http1.request import RequestHead

_HEAD_MAX_BYTES: Final = 8 * 1024
_DIGITS_MAX: Final = 12
_CHANGES_HOW: Final = frozenset((b"expect", b"upgrade", b"transfer-encoding"))


class KnownHead:
    """A head that was parsed, and how its bytes look."""

    __slots__ = ("_digits", "_end", "_length", "_start", "head")

    def __init__(self, head: RequestHead, start: bytes, end: bytes) -> None:
        """`start` is what stands before the digits of Content-Length, `end` what follows up to the body."""
        self.head = head
        self._start = start
        self._end = end
        self._digits = b""
        """Those of the latest body's length; many have the same."""
        self._length = 0

    def body_of(self, data: bytes, max_bytes: int) -> bytes | None:
        """The body of a request that came whole with this head. None: parse it.

        Args:
            data: All that came.
            max_bytes: A longer body is not known, so that the parser refuses it.
        """
        start = self._start
        if not data.startswith(start):
            return None
        first = len(start)
        last = data.find(b"\r", first, first + _DIGITS_MAX + 1)
        if last < 0 or not data.startswith(self._end, last):
            return None
        digits = data[first:last]
        if digits != self._digits:
            if not digits.isdigit():
                return None
            self._digits, self._length = digits, int(digits)
        begin, length = last + len(self._end), self._length
        return data[begin:] if len(data) - begin == length and length <= max_bytes else None


def learn_request(data: bytes, head: RequestHead, head_max_bytes: int) -> KnownHead | None:
    """How the bytes of a request look, to know its head again.

    Args:
        data: The whole request, as it came.
        head: What the parser made of it.
        head_max_bytes: A longer head is refused by the parser.

    Returns:
        None when the next one with the same bytes might have to be read in another way.
    """
    if head.version != "1.1" or not head.keep_alive:
        return None
    if any(name in _CHANGES_HOW for name, _ in head.headers):
        return None
    end = data.find(b"\r\n\r\n", 0, min(_HEAD_MAX_BYTES, head_max_bytes - _DIGITS_MAX))
    length = head.header(b"content-length")
    if end < 0 or length is None or len(data) - end - 4 != int(length):
        return None
    at = data[:end].lower().find(b"\r\ncontent-length:")
    first = data.find(length, at + len(b"\r\ncontent-length:"), end)
    after = first + len(length)
    if at < 0 or first < 0 or data[after : after + 2] != b"\r\n":
        return None
    return KnownHead(head, data[:first], data[after : end + 4])
