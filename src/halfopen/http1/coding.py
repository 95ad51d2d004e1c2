"""Decoding of compressed bodies, bounded.

Identity is asked for, but some servers and edges compress all the same.

Rules
1. Whatever comes out is counted: a small body that unpacks into a huge one raises instead of filling
   the memory. No step makes more than the room that is left plus a few megabytes.
2. A body is whole only when its coding says so: the end of a connection is not the end of a gzip
   member. `whole` tells.
3. Several gzip members or zstd frames in a row are one body; anything else after the end is refused.
"""

import zlib
from typing import Protocol

import brotli
import zstandard

_SLICE_BYTES = 256
"""Of zstd, whose decoder knows no bound of its own: four bytes may unpack into 128 KiB."""
_ZSTD_WINDOW_MAX_BYTES = 8 * 1024 * 1024
_STARTS_MAX = 1000
"""Members or frames in one body; each costs a decoder."""


class CodingError(ValueError):
    """The body can't be decoded, or is too large when it is."""


class _Decoder(Protocol):
    """One member's or frame's decoder."""

    def decode(self, data: bytes, room: int) -> bytes:
        """At most `room` + 1 bytes, or a few more: the excess shows that there is too much."""
        ...

    @property
    def ended(self) -> bool:
        """Whether the member or frame is whole."""
        ...

    @property
    def rest(self) -> bytes:
        """What followed its end."""
        ...


class BodyDecoder:
    """Decodes one body. `max_bytes` may come out of it at most."""

    __slots__ = ("_coding", "_decoder", "_left", "_starts")

    def __init__(self, coding: str, max_bytes: int) -> None:
        """Raises CodingError for a coding that is not known."""
        self._coding = coding.strip().lower()
        if self._coding not in ("gzip", "x-gzip", "deflate", "br", "zstd"):
            raise CodingError(f"unknown content coding {coding[:40]!r}")
        self._decoder: _Decoder | None = None
        self._left = max_bytes
        self._starts = 0

    @property
    def whole(self) -> bool:
        """Whether the body may end here: it is empty, or its last member or frame is complete."""
        return self._decoder is None or self._decoder.ended

    def decode(self, data: bytes) -> bytes:
        """What `data` decodes to. Raises CodingError."""
        parts: list[bytes] = []
        try:
            while data:
                decoder = self._current(data)
                decoded = decoder.decode(data, self._left)
                self._left -= len(decoded)
                if self._left < 0:
                    raise CodingError("the decompressed body is too large")
                parts.append(decoded)
                data = decoder.rest if decoder.ended else b""
        except (zlib.error, brotli.error, zstandard.ZstdError) as problem:
            raise CodingError(f"the compressed body is damaged: {problem}") from None
        return b"".join(parts)

    def _current(self, data: bytes) -> _Decoder:
        """The decoder that takes what comes next; after the end of a member a new one."""
        if self._decoder is None or self._decoder.ended:
            if self._starts and self._coding in ("deflate", "br"):
                raise CodingError("bytes after the end of the compressed body")
            self._starts += 1
            if self._starts > _STARTS_MAX:
                raise CodingError(f"a compressed body of more than {_STARTS_MAX} parts")
            self._decoder = _make(self._coding, data)
        return self._decoder


def is_coded(coding: str | None) -> bool:
    """Whether a Content-Encoding value means that there is something to decode."""
    return bool(coding) and str(coding).strip().lower() not in ("", "identity")


def _make(coding: str, data: bytes) -> _Decoder:
    if coding == "br":
        return _Brotli()
    if coding == "zstd":
        return _Zstd()
    if coding == "deflate":
        # Some servers leave out the zlib header, whose first byte always ends in 8.
        return _Zlib(15 if data[0] & 0x0F == 8 else -15)
    return _Zlib(31)


class _Zlib:
    __slots__ = ("_decompressor",)

    def __init__(self, window_bits: int) -> None:
        self._decompressor = zlib.decompressobj(window_bits)

    def decode(self, data: bytes, room: int) -> bytes:
        return self._decompressor.decompress(data, room + 1)

    @property
    def ended(self) -> bool:
        return self._decompressor.eof

    @property
    def rest(self) -> bytes:
        return self._decompressor.unused_data


class _Brotli:
    __slots__ = ("_decompressor",)

    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    def decode(self, data: bytes, room: int) -> bytes:
        decoded: bytes = self._decompressor.process(data, output_buffer_limit=room + 1)
        parts = [decoded]
        size = len(decoded)
        while size <= room and not self._decompressor.can_accept_more_data():
            decoded = self._decompressor.process(b"", output_buffer_limit=room + 1 - size)
            parts.append(decoded)
            size += len(decoded)
        return b"".join(parts)

    @property
    def ended(self) -> bool:
        return bool(self._decompressor.is_finished())

    @property
    def rest(self) -> bytes:
        return b""  # bytes after the end raise brotli.error by themselves


class _Zstd:
    __slots__ = ("_decompressor", "_rest")

    def __init__(self) -> None:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_MAX_BYTES)
        self._decompressor = decompressor.decompressobj()
        self._rest = b""

    def decode(self, data: bytes, room: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        for start in range(0, len(data), _SLICE_BYTES):
            part = self._decompressor.decompress(data[start : start + _SLICE_BYTES])
            parts.append(part)
            size += len(part)
            if self._decompressor.eof:
                self._rest = self._decompressor.unused_data + data[start + _SLICE_BYTES :]
                break
            if size > room:
                break
        return b"".join(parts)

    @property
    def ended(self) -> bool:
        return bool(self._decompressor.eof)

    @property
    def rest(self) -> bytes:
        return self._rest
