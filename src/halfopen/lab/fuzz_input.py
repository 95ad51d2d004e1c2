"""HTTP inputs for the gateway, each made from its own random source: good, spoiled and senseless."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from halfopen.lab.fuzz_json import spoiled_json
from halfopen.lab.fuzz_mark import marked
from halfopen.lab.fuzz_requests import Sample, good_sample, streamable_sample

CHAT = "/v1/chat/completions"
HEADER_MAX_BYTES = 16 * 1024
BODY_MAX_BYTES = 256 * 1024
_TARGETS = (
    *(CHAT, "/v1/models", "/v1/models/openai", "/v1/models/x", "/healthz", "/readyz", "/", "*"),
    *("/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/v1/completions", "/v1/embeddings"),
    *("/v1/files", "/v1/moderations", "/v1beta/models", "/v1beta/models/openai:generateContent"),
    *("/v1/models/x:streamGenerateContent?alt=sse", "/v1beta/models/a%2fb:generateContent"),
    *("/v1beta/models/:generateContent", "/v1/models/openai:countTokens", "/v1/responses/resp_1"),
    *("/v1/files/../x", "/v1/files/%00", "/v1/organization/users", "/v1/chat/completions?a=%zz"),
)
_METHODS = ("GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE", "PRI", "get", "X" * 40, "")
_VERSIONS = ("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/11", "http/1.1", "ICE/1.0", "")
_FRAMINGS = (
    ("content-length: {n}", "content-length: {n}"),
    ("content-length: {n}", "content-length: 0"),
    ("content-length: {n}", "transfer-encoding: chunked"),
    ("transfer-encoding: chunked", "content-length: 3"),
    ("transfer-encoding: chunked", "transfer-encoding: chunked"),
    ("transfer-encoding: chunked, identity",),
    ("transfer-encoding: identity",),
    ("transfer-encoding: gzip, chunked",),
    ("transfer-encoding:\x0bchunked",),
    ("transfer-encoding : chunked",),
    ("Transfer-Encoding: Chunked ",),
    ("content-length: +{n}",),
    ("content-length: -1",),
    ("content-length: 0x10",),
    ("content-length: {n}, {n}",),
    ("content-length: 99999999999999999999999",),
    ("content-length: 000000000000000000000000{n}",),
    ("content-length: 1000000",),
    ("content-length: {n}\r\n ",),
    ("content-length:",),
    (),
)
_HEADERS = (
    "expect: 100-continue",
    "expect: 200-ok",
    "connection: close",
    "connection: keep-alive",
    "connection: upgrade\r\nupgrade: h2c",
    "connection: upgrade\r\nupgrade: websocket",
    "content-encoding: gzip",
    "content-type: text/plain",
    "accept-encoding: *;q=0",
    "authorization: Bearer \xff",
    "host: second",
    "x: \x00",
    "x: a\r\n b",
    "x: a\rb",
    "x: a\nb",
    ": nameless",
    "x y: z",
    "x",
    "cookie: " + "a=b; " * 200,
)


@dataclass(frozen=True, slots=True)
class FuzzInput:
    """What one client sends."""

    kind: str
    """Which generator made it."""
    pieces: tuple[bytes, ...]
    """Sent one after the other, each when the loop gets round to it."""
    leaves: bool = False
    """Whether the client leaves after the last piece, without waiting for an answer."""
    dialect: str | None = None
    """Whose error shape a refusal must have, where the head is good: openai, messages or generate."""

    @property
    def data(self) -> bytes:
        """All that is sent."""
        return b"".join(self.pieces)


def make_input(seed: int, number: int, models: tuple[str, ...]) -> FuzzInput:
    """Input `number` of a seed; the same one every time."""
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - no secret
    kind, make = rng.choices(_KINDS, _WEIGHTS)[0]
    sample = good_sample(rng, models)
    data = make(rng, models, sample)
    dialect = sample.dialect if kind in ("good", "bad json") else None
    return FuzzInput(kind, _cut(rng, data), leaves=kind == "leaves", dialect=dialect)


def make_ask(seed: int, number: int, model: str) -> tuple[str, FuzzInput]:
    """The client and the good request `number` of a seed, with its mark, whose answer is spoiled."""
    rng = random.Random(f"{seed}:ask:{number}")  # noqa: S311 - no secret
    sample = streamable_sample(rng, model, marked(number))
    return sample.client, FuzzInput("ask", (_sent(sample, sample.data),), dialect=sample.dialect)


def request(method: str, target: str, body: bytes, *headers: str, version: str = "HTTP/1.1") -> bytes:
    """A request with a good length."""
    lines = (f"{method} {target} {version}", "host: fuzz", f"content-length: {len(body)}", *headers)
    return "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n\r\n" + body


def _sent(sample: Sample, body: bytes) -> bytes:
    return request(sample.method, sample.target, body, *sample.headers)


def _good(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    del models
    body = sample.data
    return _chunked(rng, sample, body) if body and rng.random() < 0.3 else _sent(sample, body)


def _bad_json(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    del models
    if isinstance(sample.body, bytes):
        return _sent(sample, sample.body + rng.choice((b"", b"{}", b"\xff", b"--b\r\n")))
    return _sent(sample, spoiled_json(rng, sample.body))


def _bad_head(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    del models
    body = sample.data if rng.random() < 0.5 else b""
    target = rng.choice(
        (
            *_TARGETS,
            sample.target,
            "/" + "a" * 9000,
            "http://x/healthz",
            "/%ff%00",
            "/v1/\xff",
            "/a b",
            "//",
            "",
        )
    )
    headers = rng.sample(_HEADERS, rng.choice((0, 1, 2, 3)))
    method = rng.choice((*_METHODS, sample.method, sample.method, sample.method))
    version = rng.choice((*_VERSIONS, *_VERSIONS[:1] * 9))
    return request(method, target, body, *headers, version=version)


def _bad_framing(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    del models
    body = sample.data
    framing = rng.choice(_FRAMINGS)
    lines = [f"POST {sample.target} HTTP/1.1", "host: fuzz", *(each.format(n=len(body)) for each in framing)]
    sent = _chunks(rng, body) if any("hunked" in each for each in framing) and rng.random() < 0.7 else body
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + sent


def _bad_chunks(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    del models
    data = _chunked(rng, sample, sample.data)
    end = data.index(b"\r\n\r\n") + 4
    rest = bytearray(data[end:])
    for _ in range(rng.choice((1, 2, 5))):
        place = rng.randrange(len(rest))
        rest[place : place + rng.choice((0, 1, 2))] = rng.choice(
            (
                b"\r\n",
                b"\n",
                b"0\r\n",
                b"zz",
                b";" + b"e" * 300,
                b"-1",
                b"ffffffffffffffff\r\n",
                b"\x00",
                b"x: y\r\n",
            )
        )
    return data[:end] + bytes(rest)


def _huge(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    del models
    size = rng.choice((HEADER_MAX_BYTES - 100, HEADER_MAX_BYTES + 1, HEADER_MAX_BYTES * 4))
    action = rng.randrange(5)
    if action == 0:
        return request("POST", CHAT, b"{}", "x: " + "a" * size)
    if action == 1:
        return request(
            "POST", CHAT, b"{}", *(f"x{number}: y" for number in range(rng.choice((50, 101, 3000))))
        )
    if action == 2:
        return request("GET", "/" + "a" * size, b"")
    if action == 3:
        return request("POST", sample.target, b"[" * (BODY_MAX_BYTES + rng.choice((-1, 0, 1, 1000))))
    return b"GET / HTTP/1.1\r\nx: " + b"a" * size


def _flipped(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    data = bytearray(_good(rng, models, sample))
    for _ in range(rng.choice((1, 2, 4, 16))):
        place = rng.randrange(len(data))
        action = rng.randrange(4)
        if action == 0:
            data[place] = rng.randrange(256)
        elif action == 1:
            del data[place : place + rng.randrange(1, 20)]
        elif action == 2:
            data[place:place] = rng.randbytes(rng.randrange(1, 8))
        else:
            data[place:place] = data[place : place + rng.randrange(1, 60)]
        if not data:
            break
    return bytes(data)


def _truncated(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    data = _good(rng, models, sample)
    return data[: rng.randrange(len(data))]


def _noise(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    del models, sample
    action = rng.randrange(4)
    if action == 0:
        return rng.randbytes(rng.randrange(0, 400))
    if action == 1:
        return b"\r\n" * rng.randrange(1, 2000)
    if action == 2:
        return bytes(rng.choices(b"GET /HTP1.\r\n: \x00", k=rng.randrange(1, 300)))
    return b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(200)


def _pipelined(rng: random.Random, models: tuple[str, ...], sample: Sample) -> bytes:
    samples = [good_sample(rng, models) for _ in range(rng.choice((1, 2, 4, 11)))]
    parts = [_good(rng, models, each) for each in (sample, *samples)]
    if rng.random() < 0.3:
        parts[rng.randrange(len(parts))] = rng.choice((_flipped, _bad_json, _noise))(rng, models, sample)
    return b"".join(parts)


def _chunked(rng: random.Random, sample: Sample, body: bytes) -> bytes:
    lines = (
        f"{sample.method} {sample.target} HTTP/1.1",
        "host: fuzz",
        "transfer-encoding: chunked",
        *sample.headers,
    )
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return head + _chunks(rng, body)


def _chunks(rng: random.Random, body: bytes) -> bytes:
    parts: list[bytes] = []
    start = 0
    while start < len(body):
        piece = body[start : start + rng.choice((1, 7, 100, 1000))]
        parts.append(b"%x%b\r\n%b\r\n" % (len(piece), rng.choice((b"", b"", b";a=b")), piece))
        start += len(piece)
    return b"".join(parts) + rng.choice((b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nx-trailer: y\r\n\r\n"))


def _cut(rng: random.Random, data: bytes) -> tuple[bytes, ...]:
    """Mostly whole; sometimes in a few pieces, seldom in many."""
    chance = rng.random()
    if chance < 0.7 or len(data) < 2:
        return (data,)
    count = rng.choice((1, 2, 3)) if chance < 0.97 else 25
    places = sorted({0, len(data), *(rng.randrange(1, len(data)) for _ in range(count))})
    return tuple(data[start:end] for start, end in itertools.pairwise(places))


_Make = Callable[[random.Random, tuple[str, ...], Sample], bytes]
_WEIGHTED: tuple[tuple[str, _Make, int], ...] = (
    ("good", _good, 8),
    ("bad json", _bad_json, 30),
    ("bad head", _bad_head, 12),
    ("bad framing", _bad_framing, 10),
    ("bad chunks", _bad_chunks, 8),
    ("huge", _huge, 3),
    ("flipped", _flipped, 12),
    ("truncated", _truncated, 2),
    ("noise", _noise, 4),
    ("pipelined", _pipelined, 5),
    ("leaves", _flipped, 3),
    ("leaves", _good, 3),
)
_KINDS = tuple((kind, make) for kind, make, _ in _WEIGHTED)
_WEIGHTS = tuple(weight for _, _, weight in _WEIGHTED)
