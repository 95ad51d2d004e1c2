"""Compressed bodies: decoded within bounds, and whole only when their coding says so."""

import functools
import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from halfopen.http1 import BodyDecoder, CodingError, is_coded

MIB = 1024 * 1024
TEXT = b"".join(b"line %d of the answer\n" % number for number in range(2000))


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP ", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd),
}
CODINGS = pytest.mark.parametrize(("coding", "encode"), ENCODERS.values(), ids=ENCODERS)


def decode(coding: str, *pieces: bytes, max_bytes: int = MIB) -> tuple[bytes, bool]:
    decoder = BodyDecoder(coding, max_bytes)
    return b"".join([decoder.decode(piece) for piece in pieces]), decoder.whole


@CODINGS
@pytest.mark.parametrize("size", [1, 7, 10**6], ids=["bytes", "pieces", "whole"])
def test_a_body_is_decoded(coding: str, encode: Callable[[bytes], bytes], size: int) -> None:
    """However it is cut."""
    data = encode(TEXT)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert decode(coding, *pieces) == (TEXT, True)


@CODINGS
def test_a_cut_body_is_not_whole(coding: str, encode: Callable[[bytes], bytes]) -> None:
    """Cut at any byte: what came is decoded, and known to be a part."""
    data = encode(TEXT[:500])
    for place in range(1, len(data)):
        decoded, whole = decode(coding, data[:place])
        assert not whole, place
        assert TEXT.startswith(decoded)


@CODINGS
def test_garbage_is_an_error(coding: str, encode: Callable[[bytes], bytes]) -> None:
    """As a value error that says so, never another exception."""
    chance = random.Random(7)
    data = encode(TEXT)
    outcomes = set()
    for _ in range(300):
        spoiled = bytearray(data)
        for _ in range(3):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        try:
            decoded, whole = decode(coding, bytes(spoiled))
            outcomes.add("whole" if whole and decoded == TEXT else "other")
        except CodingError as problem:
            outcomes.add("error" if str(problem) else "no words")
    assert "error" in outcomes
    assert "no words" not in outcomes


@pytest.mark.parametrize("name", ["gzip", "zstd"])
@pytest.mark.parametrize("size", [1, 10**6], ids=["bytes", "whole"])
def test_parts_in_a_row_are_one_body(name: str, size: int) -> None:
    """Several gzip members or zstd frames are decoded one after the other."""
    coding, encode = ENCODERS[name]
    data = encode(TEXT) + encode(b"") + encode(b"end")
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    assert decode(coding, *pieces) == (TEXT + b"end", True)
    assert decode(coding, data + encode(TEXT)[:20])[1] is False


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_bytes_after_the_end_are_an_error(name: str) -> None:
    """What follows is no part of the body."""
    coding, encode = ENCODERS[name]
    with pytest.raises(CodingError):
        decode(coding, encode(TEXT) + b"rubbish after the end")
    with pytest.raises(CodingError):
        decode(coding, encode(TEXT), b"rubbish after the end")


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("size", [100, 64 * 1024, 10**7], ids=["small pieces", "pieces", "whole"])
def test_a_bomb_does_not_fill_the_memory(name: str, size: int) -> None:
    """128 MiB behind a bound of 4 MiB: refused, with less than 40 MiB used at the worst moment."""
    coding = ENCODERS[name][0]
    data = bomb(name)
    decoder = BodyDecoder(coding, 4 * MIB)

    def decode_all() -> None:
        for start in range(0, len(data), size):
            decoder.decode(data[start : start + size])

    tracemalloc.start()
    try:
        with pytest.raises(CodingError, match="too large"):
            decode_all()
        assert tracemalloc.get_traced_memory()[1] < 40 * MIB
    finally:
        tracemalloc.stop()


@functools.cache
def bomb(name: str) -> bytes:
    """128 MiB of nothing."""
    if name == "br":
        return brotli.compress(bytes(128 * MIB), quality=2)
    if name == "zstd":  # frames of a window that is allowed
        return zstd(bytes(4 * MIB)) * 32
    return ENCODERS[name][1](bytes(128 * MIB))


def test_a_window_beyond_reason_is_refused() -> None:
    """A zstd frame that asks for a window of 128 MiB is not decoded."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = compressor.compress(bytes(MIB)) + compressor.flush()
    with pytest.raises(CodingError):
        decode("zstd", data, max_bytes=64 * MIB)


def test_a_row_of_empty_parts_is_bounded() -> None:
    """Each member costs a decoder, so there may not be any number of them."""
    with pytest.raises(CodingError, match="parts"):
        decode("gzip", gzip.compress(b"") * 5000)


def test_the_bound_is_exact() -> None:
    """As many bytes as allowed are fine, one more is not."""
    for coding, encode in ENCODERS.values():
        assert decode(coding, encode(TEXT), max_bytes=len(TEXT))[1]
        with pytest.raises(CodingError):
            decode(coding, encode(TEXT), max_bytes=len(TEXT) - 1)


@pytest.mark.parametrize("coding", ["compress", "gzip, br", "rot13"])
def test_an_unknown_coding_is_an_error(coding: str) -> None:
    """At once, before any of the body."""
    with pytest.raises(CodingError, match="unknown"):
        BodyDecoder(coding, 1)


@pytest.mark.parametrize(
    ("coding", "coded"), [(None, False), ("", False), (" Identity", False), ("gzip", True), ("x", True)]
)
def test_identity_is_no_coding(coding: str | None, coded: bool) -> None:
    """Nor is a header without a value."""
    assert is_coded(coding) is coded
