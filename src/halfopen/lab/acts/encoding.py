"""Content encodings: answers that are compressed though nobody asked for it."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import brotli
import zstandard

from halfopen.lab import wire
from halfopen.lab.exchange import Headers
from halfopen.lab.fault import Act, Scene
from halfopen.lab.steps import Met, Send, Step

_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_BLOCK_BYTES = 1024 * 1024


class Encoder(Protocol):
    """Compresses piece by piece, so that a stream still flows."""

    def piece(self, data: bytes) -> bytes:
        """Compress and flush."""
        ...

    def end(self) -> bytes:
        """What ends the encoding."""
        ...


class Gzip:
    """RFC 1952."""

    def __init__(self) -> None:
        self._encoder = zlib.compressobj(6, zlib.DEFLATED, 31)

    def piece(self, data: bytes) -> bytes:
        """Compress and flush."""
        return self._encoder.compress(data) + self._encoder.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """The trailer."""
        return self._encoder.flush()


class Brotli:
    """RFC 7932."""

    def __init__(self) -> None:
        self._encoder = brotli.Compressor(quality=4)

    def piece(self, data: bytes) -> bytes:
        """Compress and flush."""
        return bytes(self._encoder.process(data) + self._encoder.flush())

    def end(self) -> bytes:
        """The last block."""
        return bytes(self._encoder.finish())


class Zstd:
    """RFC 8878."""

    def __init__(self) -> None:
        self._encoder = zstandard.ZstdCompressor().compressobj()

    def piece(self, data: bytes) -> bytes:
        """Compress and flush."""
        return self._encoder.compress(data) + self._encoder.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def end(self) -> bytes:
        """The end of the frame."""
        return self._encoder.flush()


def encoded(name: str, make: Callable[[], Encoder]) -> Act:
    """The good answer in a content encoding."""

    def act(scene: Scene) -> Iterator[Step]:
        encoder = make()
        extra: Headers = (("content-encoding", name),)
        if scene.answer.pieces is None:
            body = encoder.piece(scene.answer.body) + encoder.end()
            yield Send(wire.sized_head(scene.answer, scene.now, len(body), extra) + body)
        else:
            yield Send(wire.chunked_head(scene.answer, scene.now, extra))
            for piece in scene.answer.pieces:
                yield Send(wire.chunk(encoder.piece(piece.data)))
            yield Send(wire.chunk(encoder.end()) + wire.LAST_CHUNK)
        yield Met()

    return act


def broken_gzip(scene: Scene) -> Iterator[Step]:
    """Content-Encoding gzip, a right beginning, and then bytes that are no gzip."""
    good = gzip.compress(wire.body_of(scene.answer), mtime=0)
    body = good[:12] + b"\xff" * 64
    yield Send(wire.sized_head(scene.answer, scene.now, len(body), (("content-encoding", "gzip"),)) + body)
    yield Met()


def cut_gzip(scene: Scene) -> Iterator[Step]:
    """Whole by its framing, but the gzip inside lacks its end."""
    good = gzip.compress(wire.body_of(scene.answer), mtime=0)
    # Of a stream no more than the first bytes, so that the cut comes before any content.
    body = good[: 16 if scene.answer.pieces is not None else len(good) * 2 // 3]
    yield Send(wire.sized_head(scene.answer, scene.now, len(body), (("content-encoding", "gzip"),)) + body)
    yield Met()


def bomb(scene: Scene) -> Iterator[Step]:
    """A good body behind very much white space: small on the wire, huge when decoded."""
    extra: Headers = (("content-encoding", "gzip"),)
    yield Send(wire.chunked_head(scene.answer, scene.now, extra) + wire.chunk(_GZIP_HEAD))
    blank = b"\n" * _BLOCK_BYTES
    encoder = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = wire.chunk(encoder.compress(blank) + encoder.flush(zlib.Z_FULL_FLUSH))
    size, checksum = 0, 0
    while size < scene.count("size_bytes"):
        yield Send(block)  # after a full flush a block stands for itself, so one serves for all
        checksum = zlib.crc32(blank, checksum)
        size += _BLOCK_BYTES
        if size == _BLOCK_BYTES:
            yield Met()
    body = wire.body_of(scene.answer)
    tail = encoder.compress(body) + encoder.flush(zlib.Z_FINISH)
    checksum = zlib.crc32(body, checksum)
    trailer = checksum.to_bytes(4, "little") + ((size + len(body)) & 0xFFFFFFFF).to_bytes(4, "little")
    yield Send(wire.chunk(tail + trailer) + wire.LAST_CHUNK)
