"""Generated replies: real ones of every vendor, spoiled in every way, and plain rubbish."""

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from halfopen.model import Reply, TransportError

_STATUSES: Final = (
    None, 0, -1, 99, 100, 101, 199, 200, 201, 204, 206, 299, 300, 301, 304, 399, 400, 401, 402, 403, 404, 405,
    408, 409, 410, 413, 415, 418, 421, 422, 424, 425, 429, 431, 451, 498, 499, 500, 501, 502, 503, 504, 505, 507,
    508, 511, 520, 521, 522, 523, 524, 525, 526, 527, 529, 530, 598, 599, 600, 999, 1 << 31, -(10**12), 10**30,
)  # fmt: skip
_WORDS: Final = (
    "error", "", "invalid_api_key", "insufficient_quota", "rate_limit_exceeded", "server_error",
    "context_length_exceeded", "overloaded_error", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL", "stop",
    "STOP", "33s", "-5s", "1e400s", "NaN", "Infinity", "401", "0", "null", "Error code: 401 - {'a': {'b': 1}}",
    '{"error": {"code": 429}}', "litellm.RateLimitError: AnthropicException - {\"type\":\"error\"}",
    "Please try again in 1h2m3.4s.", "try again in 99999999999999999999s", "try again in -1s", "\ud800", "\x00",
    "\u202e", "x" * 5000, "b'{\"error\"", "<html><title>502 Bad Gateway</title>", "data: [DONE]",
)  # fmt: skip
_KEYS: Final = (
    "error", "errors", "type", "code", "message", "details", "metadata", "raw", "status", "retryDelay", "param",
    "@type", "violations", "quotaId", "reason", "innererror", "choices", "candidates", "content", "object",
    "promptFeedback", "blockReason", "response", "detail", "finish_reason", "finishReason", "request_id",
    "statusCode", "seconds", "nanos", "loc", "msg", "provider_name", "usage", "output", "data", "",
)  # fmt: skip
_NUMBERS: Final = (
    0, -1, 1, 429, 503, 2**63, -(2**63), 2**64, 10**30, 10**400, 0.5, -0.0, 1e-320, 1e308,
    float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"
_DELAYS: Final[tuple[Any, ...]] = (
    "0s", "7s", "3.5s", "-5s", "NaNs", "infs", "1e400s", "s", "", "99999999999999999999s", "5", 5, -5, 1e400, None,
    {"seconds": 5}, {"seconds": -5, "nanos": -1}, {"seconds": 10**400}, {"seconds": float("nan")},
    {"seconds": "5", "nanos": 10**12}, {"nanos": float("inf")}, [], True,
)  # fmt: skip
RETRY_AFTER: Final = (
    "NaN", "nan", "-nan", "inf", "Infinity", "-inf", "1e309", "-1e309", "1e999999", "9" * 400, "-" + "9" * 400,
    "-1", "-0", "-0.0", "0", "0.0", "+5", "5.", ".5", "5,5", "0x10", "1_000", "\u0665", "5 seconds", "5s", "1 2",
    "86400", "86401", "1e5", "", " ", "\t5\t", "1e-400", "5\x00", "\uff15",
    "Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2099 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Wednesday, 21-Oct-15 07:28:00 GMT",
    "Wed Oct 21 07:28:00 2015", "Wed, 99 Foo 2015 99:99:99 GMT", "Wed, 21 Oct 99999 07:28:00 GMT",
    "Wed, 21 Oct 2015 07:28:00 +9999", "Wed, 21 Oct 2015 07:28:00 -99999999", "2099-10-21T07:28:00Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999+00:00", "Wed, 21 Oct -2015 07:28:00 GMT",
    "Wed, 21 Oct 2015 1e9:28:00 GMT",
)  # fmt: skip
_DELAY_HEADERS: Final = (
    "retry-after", "Retry-After", "retry-after-ms", "Retry-After-Ms", "date", "x-ratelimit-reset-tokens",
    "x-ratelimit-reset-requests", "x-ratelimit-reset", "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-requests-reset", "x-ratelimit-remaining-tokens",
)  # fmt: skip
_HEADERS: Final = (
    ("content-type", "application/json"), ("content-type", "text/html"), ("content-type", "text/event-stream"),
    ("content-type", "\xff/\x00"), ("server", "cloudflare"), ("cf-ray", "8c1"), ("x-should-retry", "false"),
    ("x-should-retry", "true"), ("content-encoding", "gzip"), ("x-request-id", "r" * 5000), ("", ""),
    ("x-envoy-upstream-service-time", "1"), ("via", "1.1 vegur"), ("\u017fet-cookie", "\ud800"),
)  # fmt: skip


def _openai(rng: random.Random) -> Any:
    return {"error": {"message": _word(rng), "type": _word(rng), "param": None, "code": _word(rng)}}


def _anthropic(rng: random.Random) -> Any:
    return {"type": "error", "error": {"type": _word(rng), "message": _word(rng)}, "request_id": "req_1"}


def _gemini(rng: random.Random) -> Any:
    details = [
        {"@type": _RETRY_INFO, "retryDelay": rng.choice(_DELAYS)},
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": _word(rng)}]},
    ]
    code = rng.choice((400, 403, 429, 500, 503, "429", None))
    return {"error": {"code": code, "message": _word(rng), "status": _word(rng), "details": details}}


def _wrapped(rng: random.Random) -> Any:
    inner = json.dumps(rng.choice((_openai, _anthropic, _gemini))(rng))
    metadata = {"raw": inner, "provider_name": "x"}
    return {"error": {"message": f"Provider returned error: {inner}", "code": 502, "metadata": metadata}}


def _validation(rng: random.Random) -> Any:
    return {"detail": [{"loc": ["body", "messages"], "msg": _word(rng), "type": _word(rng)}]}


def _answer(rng: random.Random) -> Any:
    message = {"role": "assistant", "content": _word(rng)}
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


def _candidates(rng: random.Random) -> Any:
    return {
        "candidates": [{"content": {"parts": []}, "finishReason": _word(rng)}],
        "promptFeedback": _tree(rng, 2),
    }


def _word(rng: random.Random) -> str:
    return rng.choice(_WORDS)


def _tree(rng: random.Random, depth: int) -> Any:
    kind = rng.randrange(8)
    if depth == 0 or kind < 3:
        return rng.choice((_word(rng), rng.choice(_NUMBERS), None, True, False))
    if kind < 5:
        return [_tree(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {rng.choice(_KEYS): _tree(rng, depth - 1) for _ in range(rng.randrange(5))}


_BODIES: Final[tuple[Callable[[random.Random], Any], ...]] = (
    _openai, _anthropic, _gemini, _gemini, _wrapped, _validation, _answer, _candidates,
    lambda rng: _tree(rng, 5),
)  # fmt: skip


# Spoiling.


def _replaced(rng: random.Random, value: Any) -> Any:
    """One place of a tree with something else in it."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        return {**value, key: _replaced(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return [*value[:place], _replaced(rng, value[place]), *value[place + 1 :]]
    return _tree(rng, 3)


def _nested(rng: random.Random, body: bytes) -> bytes:
    depth = rng.choice((10, 900, 1100, 20_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"error":', b"}"), (b'{"error":[', b"]}")))
    return opening * depth + body + closing * (depth if rng.random() < 0.5 else 0)


def _in_a_string(rng: random.Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    for _ in range(rng.randrange(1, 6)):
        text = json.dumps({"error": {"message": text}}) if rng.random() < 0.5 else json.dumps(text)
    return text.encode("utf-8", "surrogatepass")


def _cut(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _flipped(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randrange(1, 6)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _zipped(rng: random.Random, body: bytes) -> bytes:
    return (
        _cut(rng, gzip.compress(body, mtime=0)) if rng.random() < 0.5 else b"\x1f\x8b\x08" + rng.randbytes(40)
    )


def _as_events(rng: random.Random, body: bytes) -> bytes:
    name = rng.choice((b"", b"event: error\n", b"event: \xff\n"))
    return name + b"data: " + body + rng.choice((b"\n\n", b"", b"\r\n\r\n", b"\r"))


def _encoded(rng: random.Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    return rng.choice(
        (b"\xef\xbb\xbf" + body, text.encode("utf-16"), text.encode("utf-32"), b"\xff\xfe" + body)
    )


def _padded(rng: random.Random, body: bytes) -> bytes:
    return rng.choice(
        (b" \n" * 500 + body, body + b"\x00" * 9, body * 3, b")]}'\n" + body, b"error: " + body)
    )


def _surrogate(rng: random.Random, body: bytes) -> bytes:
    return body.replace(
        b"error", rng.choice((b"\\ud800", b"\\udfff\\ud800", b"\xed\xa0\x80")), rng.randrange(1, 3)
    )


_SPOILERS: Final = (
    _nested, _in_a_string, _cut, _flipped, _zipped, _as_events, _encoded, _padded, _surrogate,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A reply, and the time of day at which it is read."""

    reply: Reply
    wall_s: float | None
    event: str

    def __str__(self) -> str:
        reply = self.reply
        return (
            f"status {reply.status}, transport {reply.transport}, dialect {reply.dialect}, wall {self.wall_s}, "
            f"event {self.event!r}, headers {reply.headers!r}, detail {reply.detail!r}, "
            f"{len(reply.body)} bytes {reply.body[:300]!r}"
        )


def body_of(rng: random.Random) -> bytes:
    """A body: a real one in most cases, spoiled in many."""
    if rng.random() < 0.1:
        return rng.randbytes(rng.choice((0, 1, 7, 300)))
    value = rng.choice(_BODIES)(rng)
    for _ in range(rng.choice((0, 0, 1, 3))):
        value = _replaced(rng, value)
    body = json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        body = rng.choice(_SPOILERS)(rng, body)
    return body[: 3 << 20]


def headers_of(rng: random.Random) -> tuple[tuple[str, str], ...]:
    """Headers, those about delays among them."""
    headers = [rng.choice(_HEADERS) for _ in range(rng.randrange(4))]
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        value = (
            rng.choice(RETRY_AFTER)
            if rng.random() < 0.8
            else str(rng.choice((*_NUMBERS, rng.random() * 1e6)))
        )
        headers.append((rng.choice(_DELAY_HEADERS), value))
    if rng.random() < 0.1:
        headers.append(
            ("x" * rng.choice((1, 5000)), "".join(chr(rng.randrange(0x110000)) for _ in range(20)))
        )
    return tuple(headers)


def case_of(rng: random.Random) -> Case:
    """A case."""
    status = rng.choice(_STATUSES) if rng.random() < 0.7 else rng.choice((200, 429, 500, 503, 529))
    transport = rng.choice(tuple(TransportError)) if rng.random() < 0.15 else None
    reply = Reply(
        status,
        headers_of(rng),
        body_of(rng),
        transport,
        _word(rng) if transport else "",
        rng.choice((None, "openai", "anthropic", "gemini", "other")),
    )
    wall_s = rng.choice((None, 1_700_000_000.0, 0.0, -1e300, float("nan"), float("inf"), 4e9))
    return Case(reply, wall_s, rng.choice(("", "error", "message", "\ud800")))
