"""Decoding of compressed bodies, bounded.

Identity is asked for, but some servers and edges compress all the same. Whatever comes out is
counted: a small body that unpacks into a huge one raises instead of filling the memory.
"""

import zlib
from typing import Protocol

import brotli
import zstandard

_SLICE_BYTES = 256
_ZSTD_WINDOW_MAX_BYTES = 8 * 1024 * 1024


class CodingError(ValueError):
    """The body can't be decoded, or is too large when it is."""


class _Step(Protocol):
    def __call__(self, data: bytes, room: int) -> bytes: ...


class BodyDecoder:
    """Decodes one body. `room` bytes may come out of it at most."""

    __slots__ = ("_left", "_step")

    def __init__(self, coding: str, max_bytes: int) -> None:
        """Raises CodingError for a coding that is not known."""
        step = _step(coding.strip().lower())
        if step is None:
            raise CodingError(f"unknown content coding {coding[:40]!r}")
        self._step = step
        self._left = max_bytes

    def decode(self, data: bytes) -> bytes:
        """What `data` decodes to. Raises CodingError."""
        try:
            decoded = self._step(data, self._left)
        except (zlib.error, brotli.error, zstandard.ZstdError) as problem:
            raise CodingError(f"the compressed body is damaged: {problem}") from None
        self._left -= len(decoded)
        if self._left < 0:
            raise CodingError("the decompressed body is too large")
        return decoded


def is_coded(coding: str | None) -> bool:
    """Whether a Content-Encoding value means that there is something to decode."""
    return bool(coding) and str(coding).strip().lower() not in ("", "identity")


def _step(coding: str) -> _Step | None:
    if coding in ("gzip", "x-gzip"):
        return _zlib_step(31)
    if coding == "deflate":
        return _zlib_step(15)
    if coding == "br":
        return _brotli_step()
    if coding == "zstd":
        return _zstd_step()
    return None


def _zlib_step(window_bits: int) -> _Step:
    decompressor = zlib.decompressobj(window_bits)

    def step(data: bytes, room: int) -> bytes:
        return decompressor.decompress(data, room + 1)  # one more than allowed shows the excess

    return step


def _brotli_step() -> _Step:
    decompressor = brotli.Decompressor()

    def step(data: bytes, room: int) -> bytes:
        return _in_slices(decompressor.process, data, room)

    return step


def _zstd_step() -> _Step:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_MAX_BYTES).decompressobj(
        read_across_frames=True
    )

    def step(data: bytes, room: int) -> bytes:
        return _in_slices(decompressor.decompress, data, room)

    return step


def _in_slices(decompress: "_Decompress", data: bytes, room: int) -> bytes:
    """Feed small slices, so that one call can't unpack more than a few megabytes past the room."""
    parts: list[bytes] = []
    size = 0
    for start in range(0, len(data), _SLICE_BYTES):
        part = decompress(data[start : start + _SLICE_BYTES])
        parts.append(part)
        size += len(part)
        if size > room:
            break
    return b"".join(parts)


class _Decompress(Protocol):
    def __call__(self, data: bytes, /) -> bytes: ...
