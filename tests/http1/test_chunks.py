"""Chunks that come one at a time are read without the parser, and mean what it would say."""

import itertools
import types
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.http1 import BadResponseError, ResponseHead, ResponseParser, chunks
from halfopen.http1 import response as response_module
from halfopen.http1.chunks import chunk, last_chunks, whole_chunk

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
SIZES = (1, 2, 9, 10, 15, 16, 17, 255, 256, 257, 2047, 2048, 4095, 4096, 70_000)
PIECES = {
    "a chunk": b"5\r\nhello\r\n",
    "a long one": b"1f\r\n" + b"x" * 31 + b"\r\n",
    "two": b"2\r\nhe\r\n3\r\nllo\r\n",
    "capitals": b"1F\r\n" + b"x" * 31 + b"\r\n",
    "a zero before": b"05\r\nhello\r\n",
    "an extension": b"5;a=b\r\nhello\r\n",
    "an extension of nothing": b"5;\r\nhello\r\n",
    "half a size": b"1",
    "the other half": b"f\r\n" + b"x" * 31 + b"\r\n",
    "a size": b"5\r\n",
    "its data": b"hello\r\n",
    "data without an end": b"5\r\nhello",
    "an end": b"\r\n",
    "another end": b"5\r\nhello..",
    "too little": b"6\r\nhello\r\n",
    "too much": b"4\r\nhello\r\n",
    "a chunk that looks like one": b"5\r\n1\r\nx\r\n\r\n",
    "line ends": b"2\r\n\r\n\r\n",
    "no size": b"\r\n\r\n",
    "no number": b"g\r\nhello\r\n",
    "a sign": b"+5\r\nhello\r\n",
    "only LF": b"5\nhello\n",
    "the last one": b"0\r\n\r\n",
    "the last one with a trailer": b"0\r\na: b\r\n\r\n",
    "the last size": b"0\r\n",
    "the last one begun": b"0\r\n\r",
}


class Sink:
    """Writes down what the parser finds."""

    def __init__(self) -> None:
        self.found: list[object] = []

    def on_response_head(self, head: ResponseHead) -> None:
        self.found.append(head.status)

    def on_response_body(self, data: bytes) -> None:
        if self.found and isinstance(self.found[-1], bytes):
            data = self.found.pop() + data  # type: ignore[operator] # it was bytes a line ago
        self.found.append(data)

    def on_response_end(self) -> None:
        self.found.append("end")


def read(pieces: list[bytes], kind: Any = ResponseParser, *, shortly: bool) -> list[object]:
    """What is found, and whether it was refused."""
    sink = Sink()
    parser = kind(sink)
    try:
        for piece in pieces:
            body = parser.chunk_of(piece) if shortly else None
            if body is None:
                parser.feed(piece)
            else:
                sink.on_response_body(body)
    except BadResponseError:
        sink.found.append("refused")
    return sink.found


@pytest.mark.parametrize("size", SIZES)
def test_a_chunk_is_read_as_it_is_written(size: int) -> None:
    """Whatever its size: by the parser, and without it where that is tried."""
    data = b"x" * size
    assert read([HEAD, chunk(data), last_chunks(b"")], shortly=False) == [200, data, "end"]
    assert read([HEAD, last_chunks(data)], shortly=False) == [200, data, "end"]
    assert whole_chunk(chunk(data)) == (data if size < 2048 else None)


@pytest.mark.parametrize("size", SIZES[:-2])
def test_one_byte_more_or_less_is_no_chunk(size: int) -> None:
    """A size that isn't that of the data is left to the parser, which knows what it is."""
    good = chunk(b"x" * size)
    for wrong in (good[:-3] + good[-2:], good[:-2] + b"x\r\n", good[:-1], good + b"\n", b"0" + good):
        assert whole_chunk(wrong) is None


@pytest.mark.parametrize("then", PIECES)
@pytest.mark.parametrize("first", PIECES)
def test_two_pieces(first: str, then: str) -> None:
    """After a head, and a chunk of its own behind it: what the parser would find."""
    pieces = [PIECES[first], PIECES[then], PIECES["a chunk"], PIECES["the last one"]]
    for start in ([HEAD], [HEAD[:-1], HEAD[-1:]], [HEAD + PIECES["a chunk"]], [HEAD + b"5\r\nhello"]):
        assert read([*start, *pieces], shortly=True) == read([*start, *pieces], shortly=False)


@given(
    pieces=st.lists(st.sampled_from(list(PIECES.values())), max_size=8),
    cuts=st.lists(st.integers(0, 200), max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_whatever_comes(pieces: list[bytes], cuts: list[int]) -> None:
    """Pieces of all kinds in any order, and cut anywhere."""
    assert read([HEAD, *pieces], shortly=True) == read([HEAD, *pieces], shortly=False)
    whole = HEAD + b"".join(pieces)
    edges = sorted({0, *(cut for cut in cuts if cut < len(whole)), len(whole)})
    cut_up = [whole[start:end] for start, end in itertools.pairwise(edges)]
    assert read(cut_up, shortly=True) == read(cut_up, shortly=False)


def test_bodies_that_are_not_chunked_are_parsed() -> None:
    """What looks like a chunk in a body of known length, or before the head, is none."""
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n"
    assert read([whole, b"5\r\nhello\r\n", b"5\r\nhello\r\n"], shortly=True) == [
        200,
        b"5\r\nhello\r\n" * 2,
        "end",
    ]
    assert ResponseParser(Sink()).chunk_of(b"5\r\nhello\r\n") is None


PLANTED = {
    "it is always between chunks": ("if self._between_chunks else None", "if self._head else None"),
    "half a size is no size": (' and data.endswith(b"\\r\\n")', ""),
    "a size is overlooked": (
        '"""A chunk begins, or the last one of size 0."""\n        self._between_chunks = False',
        '"""Begins."""',
    ),
    "chunks have no end": ("        self._between_chunks = False\n        if not", "        if not"),
    "all bodies are chunked": ("self._between_chunks = chunked", "self._between_chunks = True"),
}
CHUNKS = {
    "the size is overlooked": (" or not data.startswith(line)", ""),
    "the end is overlooked": (" or not data.endswith(_END)", ""),
    "digits are overlooked": ("len(line) != start or ", ""),
}


def _all_pairs() -> list[list[bytes]]:
    return [[HEAD, one, other, b"5\r\nhello\r\n"] for one in PIECES.values() for other in PIECES.values()]


@pytest.mark.parametrize("name", PLANTED)
def test_a_wrong_parser_is_seen(name: str, plant: Callable[..., types.ModuleType]) -> None:
    """These pieces would not pass if it were wrong about where it stands."""
    wrong = plant(response_module, PLANTED[name])
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"
    scenes = [*_all_pairs(), [whole, b"5\r\nhello\r\n"]]
    assert any(_read_planted(pieces, wrong) != read(pieces, shortly=False) for pieces in scenes)


def _read_planted(pieces: list[bytes], wrong: types.ModuleType) -> list[object]:
    try:
        return read(pieces, wrong.ResponseParser, shortly=True)
    except wrong.BadResponseError:
        return ["refused by another"]


@pytest.mark.parametrize("name", CHUNKS)
def test_a_wrong_look_at_chunks_is_seen(
    name: str, plant: Callable[..., types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for what is one whole chunk."""
    monkeypatch.setattr(response_module, "whole_chunk", plant(chunks, CHUNKS[name]).whole_chunk)
    odd = [[HEAD, b"0f\r\n" + b"x" * 15 + b"\r\n"], [HEAD, b"10\r\n" + b"x" * 15 + b"\r\n"]]
    scenes = [*_all_pairs(), *odd]
    assert any(read(pieces, shortly=True) != read(pieces, shortly=False) for pieces in scenes)
