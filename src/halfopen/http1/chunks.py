"""Chunks of a body (RFC 9112, section 7.1), written and read when there is but one.

The sizes of the chunks that streams are made of are few: their lines are made once.
"""

from typing import Final

_LINES: Final = tuple(b"%x\r\n" % size for size in range(2048))
_END: Final = b"\r\n"
_LAST: Final = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """The chunk that holds `data`. Not for no bytes: that would be the last chunk."""
    size = len(data)
    return b"".join([_LINES[size] if size < len(_LINES) else b"%x\r\n" % size, data, _END])


def last_chunks(data: bytes) -> bytes:
    """The end of a body: a chunk that holds `data`, if that is anything, and the last one."""
    return chunk(data) + _LAST if data else _LAST


def whole_chunk(data: bytes) -> bytes | None:
    """What a chunk holds, when `data` is one whole chunk as `chunk` writes it. None: it isn't, or is long."""
    total = len(data)
    # A line of the size has its digits and two bytes; one more digit takes sixteen times the size.
    start = 3 if total < 22 else 4 if total < 263 else 5
    size = total - start - len(_END)
    if not 0 < size < len(_LINES):
        return None
    line = _LINES[size]
    if len(line) != start or not data.startswith(line) or not data.endswith(_END):
        return None
    return data[start:-2]
