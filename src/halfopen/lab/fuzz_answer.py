"""Answers of an upstream as fuzzing sends them: good ones, and good ones with something wrong.

What is spoiled is the JSON, the events, the head or the framing, and how the connection ends.
"""

import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from halfopen.lab.fuzz_json import spoiled_json
from halfopen.lab.fuzz_stream import LINE_ENDS, SPOILERS, cut_places

CLOSES, RESETS, STALLS, KEEPS = "closes", "resets", "stalls", "keeps"
"""How a connection goes on after the last piece: an end, a reset, silence, or the next request."""
_PIECES_MAX = 200


@dataclass(frozen=True, slots=True)
class GoodAnswer:
    """What a provider answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def is_stream(self) -> bool:
        """Whether it is server-sent events."""
        return ("content-type", "text/event-stream") in [
            (name, value.partition(";")[0]) for name, value in self.headers
        ]


@dataclass(frozen=True, slots=True)
class SpoiledAnswer:
    """What is sent instead."""

    kind: str
    """What was done to it."""
    pieces: tuple[bytes, ...]
    ending: str


def make_answer(rng: random.Random, good: GoodAnswer) -> SpoiledAnswer:
    """One answer: one in ten is good, the others have something wrong, few several things."""
    kind, make = rng.choices(_KINDS, _WEIGHTS)[0]
    ending = KEEPS if kind == "good" else rng.choices((KEEPS, CLOSES, RESETS, STALLS), (50, 30, 15, 2))[0]
    data = make(rng, good)
    if not data and ending == KEEPS:
        ending = CLOSES
    return SpoiledAnswer(kind, _pieces(rng, data), ending)


def _pieces(rng: random.Random, data: bytes) -> tuple[bytes, ...]:
    places = cut_places(rng, data) if rng.random() < 0.5 else ()
    if len(places) > _PIECES_MAX:
        places = tuple(sorted(rng.sample(places, _PIECES_MAX)))
    return tuple(data[start:end] for start, end in itertools.pairwise((0, *places, len(data))))


def _head(status: int | str, headers: tuple[tuple[str, str], ...], *framing: str) -> bytes:
    kept = [
        f"{name}: {value}" for name, value in headers if name not in ("content-length", "transfer-encoding")
    ]
    return "\r\n".join((f"HTTP/1.1 {status} X", *kept, *framing)).encode("latin-1") + b"\r\n\r\n"


def _framed(rng: random.Random, good: GoodAnswer, body: bytes) -> bytes:
    if good.is_stream or rng.random() < 0.3:
        head = _head(good.status, good.headers, "transfer-encoding: chunked")
        return head + _chunks(rng, body) + b"0\r\n\r\n"
    return _head(good.status, good.headers, f"content-length: {len(body)}") + body


def _chunks(rng: random.Random, body: bytes) -> bytes:
    made: list[bytes] = []
    start = 0
    while start < len(body):
        piece = body[start : start + rng.choice((7, 100, 1000, 100_000))]
        made.append(b"%x\r\n%b\r\n" % (len(piece), piece))
        start += len(piece)
    return b"".join(made)


def _good(rng: random.Random, good: GoodAnswer) -> bytes:
    return _framed(rng, good, good.body)


def _body(rng: random.Random, good: GoodAnswer) -> bytes:
    """The body has something wrong: events of a stream, the JSON of anything else."""
    body = good.body
    if good.is_stream:
        for _ in range(rng.choice((1, 1, 2, 4))):
            body = rng.choice(tuple(SPOILERS.values()))(rng, body)
        body = rng.choice(tuple(LINE_ENDS.values()))(rng, body)
    else:
        body = _spoiled(rng, body)
    return _framed(rng, good, body)


def _spoiled(rng: random.Random, body: bytes) -> bytes:
    try:
        return spoiled_json(rng, json.loads(body))
    except ValueError:
        return body[: rng.randrange(len(body) + 1)]


def _event_json(rng: random.Random, good: GoodAnswer) -> bytes:
    """One event of a stream says something strange."""
    lines = good.body.split(b"\n")
    places = [at for at, line in enumerate(lines) if line.startswith(b"data: {")]
    if not places:
        return _body(rng, good)
    at = rng.choice(places)
    told = _spoiled(rng, lines[at][6:].rstrip(b"\r")).replace(b"\r", b" ").replace(b"\n", b" ")
    lines[at] = b"data: " + told
    return _framed(rng, good, b"\n".join(lines))


_STATUSES: Final = (
    *(100, 101, 103, 199, 201, 204, 206, 301, 304, 400, 401, 404),
    *(413, 429, 500, 503, 529, 600, 999),
)


def _status(rng: random.Random, good: GoodAnswer) -> bytes:
    """Another status over the same body."""
    status = rng.choice(_STATUSES)
    framing = rng.choice((f"content-length: {len(good.body)}", "content-length: 0", "connection: close"))
    return _head(status, good.headers, framing) + good.body


_HEADS: Final = (
    "content-type: text/html", "content-type: application/json", "content-type: text/event-stream",
    "content-type: \xff", "content-encoding: gzip", "content-encoding: br", "content-encoding: identity",
    "content-length: 3", "content-length: -1", "content-length: 99999999999", "content-length: 1, 2",
    "transfer-encoding: chunked", "transfer-encoding: gzip, chunked", "transfer-encoding: x",
    "connection: close", "connection: upgrade\r\nupgrade: h2c", "retry-after: -1", "retry-after: nan",
    "retry-after: 99999999999999999999", "date: never", "x: " + "a" * 20_000, "x: \x00", "x y: z",
    ": nameless", "x-ratelimit-reset-tokens: 6m0s\r\nx-ratelimit-remaining-tokens: \xff", "location: /",
    "set-cookie: a=b",
)  # fmt: skip


def _header(rng: random.Random, good: GoodAnswer) -> bytes:
    """A head with something in it that doesn't fit."""
    chosen = rng.sample(_HEADS, rng.choice((1, 1, 2)))
    drops = rng.random() < 0.3
    headers = tuple(each for each in good.headers if each[0] != "content-type") if drops else good.headers
    framing = [] if rng.random() < 0.2 else [f"content-length: {len(good.body)}"]
    body = good.body if rng.random() < 0.8 else _chunks(rng, good.body) + b"0\r\n\r\n"
    return _head(rng.choice((good.status, 200)), headers, *framing, *chosen) + body


def _framing(rng: random.Random, good: GoodAnswer) -> bytes:
    """Broken chunks."""
    head = _head(good.status, good.headers, "transfer-encoding: chunked")
    chunks = bytearray(_chunks(rng, good.body) + b"0\r\n\r\n")
    for _ in range(rng.choice((1, 2, 4))):
        place = rng.randrange(len(chunks))
        chunks[place : place + rng.choice((0, 1, 2))] = rng.choice(
            (b"\r\n", b"\n", b"0\r\n\r\n", b"zz", b";" + b"e" * 300, b"-1", b"ffffffffffffffff\r\n", b"\x00")
        )
    return head + bytes(chunks)


def _flipped(rng: random.Random, good: GoodAnswer) -> bytes:
    data = bytearray(_framed(rng, good, good.body))
    for _ in range(rng.choice((1, 2, 8))):
        place = rng.randrange(len(data))
        data[place] ^= 1 << rng.randrange(8)
    return bytes(data)


def _truncated(rng: random.Random, good: GoodAnswer) -> bytes:
    data = _framed(rng, good, good.body)
    return data[: rng.randrange(len(data))]


def _unframed(rng: random.Random, good: GoodAnswer) -> bytes:
    """No length at all: the end of the connection is the end of the body."""
    del rng
    return _head(good.status, good.headers, "connection: close") + good.body


def _twice(rng: random.Random, good: GoodAnswer) -> bytes:
    """Two answers, or an answer and noise."""
    data = _framed(rng, good, good.body)
    return data + rng.choice((data, b"HTTP/1.1 408 X\r\n\r\n", b"\r\n\r\n", b"junk", rng.randbytes(40)))


def _noise(rng: random.Random, good: GoodAnswer) -> bytes:
    del good
    return rng.choice(
        (b"", b"SSH-2.0-x\r\n", b"\x15\x03\x01\x00\x02\x02\x28", rng.randbytes(rng.randrange(300)))
    )


def _page(rng: random.Random, good: GoodAnswer) -> bytes:
    """A page, or an error, as proxies send them, with a 200 or not."""
    body = rng.choice(
        (
            b"<html><title>502 Bad Gateway</title></html>",
            b'{"error": {"message": "no", "type": "server_error", "code": 500}}',
            b'{"error": "no"}',
            b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
            b'[{"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}}]',
            b'{"error": {"message": {"a": 1}, "code": [1]}}',
            b"null",
            b"",
        )
    )
    status = rng.choice((200, 200, 400, 403, 429, 500, 502, 503))
    return _head(status, good.headers, f"content-length: {len(body)}") + body


_Make = Callable[[random.Random, GoodAnswer], bytes]
_WEIGHTED: tuple[tuple[str, _Make, int], ...] = (
    ("good", _good, 10),
    ("body", _body, 30),
    ("event", _event_json, 25),
    ("status", _status, 5),
    ("header", _header, 8),
    ("chunks", _framing, 8),
    ("flipped", _flipped, 12),
    ("truncated", _truncated, 10),
    ("unframed", _unframed, 3),
    ("twice", _twice, 3),
    ("noise", _noise, 2),
    ("page", _page, 5),
)
_KINDS = tuple((kind, make) for kind, make, _ in _WEIGHTED)
_WEIGHTS = tuple(weight for _, _, weight in _WEIGHTED)
