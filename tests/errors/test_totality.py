"""The decoder is total: nothing that an upstream can send makes it raise."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen import errors
from halfopen.model import Fault, Reply, TransportError

STATUSES = (
    st.none()
    | st.integers(-1000, 1000)
    | st.sampled_from([0, 200, 204, 400, 401, 429, 500, 502, 503, 529, 999, 10**30])
)
NAMES = st.sampled_from(
    [
        "retry-after",
        "Retry-After-Ms",
        "date",
        "content-type",
        "server",
        "cf-ray",
        "x-ratelimit-reset-tokens",
        "x-should-retry",
    ]
) | st.text(max_size=20)
VALUES = st.text(max_size=40) | st.sampled_from(
    ["nan", "inf", "-1", "0", "1e309", "text/event-stream", "cloudflare", "false"]
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(tuple)
KEYS = st.sampled_from(
    [
        "error",
        "errors",
        "type",
        "code",
        "message",
        "details",
        "metadata",
        "raw",
        "status",
        "retryDelay",
        "violations",
        "quotaId",
        "reason",
        "innererror",
        "choices",
        "candidates",
        "content",
        "object",
        "promptFeedback",
        "blockReason",
        "response",
        "detail",
        "finish_reason",
        "finishReason",
        "request_id",
        "param",
        "statusCode",
        "seconds",
        "nanos",
    ]
)
WORDS = st.sampled_from(
    [
        "error",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "invalid_api_key",
        "overloaded_error",
        "stop",
        "STOP",
        "33s",
        "401",
        "litellm.RateLimitError: x",
        "Error code: 401 - {'a': 1}",
        '{"error": {"code": 1}}',
        "try again in 5s",
        "chat.completion",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=20,
)
BODIES = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.tuples(JSON.map(lambda value: json.dumps(value).encode()), st.integers(0, 200)).map(
        lambda pair: pair[0][: pair[1]]
    )
    | st.sampled_from(
        [b"<html><title>x", b"[" * 50_000, b'{"error":' * 5_000, b"error code: 1015", b"data: {\n\n"]
    )
)


def check(fault: Fault) -> None:
    """What holds for every fault."""
    assert fault.delay_s is None or (math.isfinite(fault.delay_s) and fault.delay_s >= 0)
    assert fault.message
    assert fault.remedy
    assert fault.effective_status is not None
    assert 400 <= fault.effective_status <= 599
    assert len(fault.body) <= errors.BODY_MAX_BYTES
    assert len(fault.evidence) <= 8
    assert fault.evidence


@settings(max_examples=600, deadline=None)
@given(
    STATUSES,
    HEADERS,
    BODIES,
    st.none() | st.sampled_from(TransportError),
    st.text(max_size=20),
    st.sampled_from([None, "openai", "anthropic", "gemini", "other"]),
    st.none() | st.floats(),
)
def test_any_reply_is_decoded(
    status: int | None,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    transport: TransportError | None,
    detail: str,
    dialect: str | None,
    wall_s: float | None,
) -> None:
    """Any reply gives a whole fault, the same each time, or None and then only for a 2xx."""
    reply = Reply(status, headers, body, transport, detail, dialect)
    fault = errors.decode(reply, wall_s)
    if fault is None:
        assert status is not None
        assert 200 <= status <= 299
        assert transport is None
    else:
        check(fault)
        assert fault.status == status
    assert errors.decode(reply, wall_s) == fault


@settings(max_examples=400, deadline=None)
@given(BODIES, st.sampled_from(["", "error", "message"]) | st.text(max_size=10))
def test_any_event_is_decoded(data: bytes, event: str) -> None:
    """Any event gives a whole fault or None."""
    fault = errors.decode_event(data, event)
    if fault is not None:
        check(fault)
    assert event != "error" or fault is not None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"a" * 3_000_000, id="text"),
        pytest.param(b'{"error": "' + b"{" * 1_500_000 + b'"}', id="braces"),
        pytest.param(b'{"error": {"message": "' + b"Error: " * 200_000 + b'"}}', id="prefixes"),
        pytest.param(b"<html>" + b"ray id " * 300_000, id="html"),
        pytest.param(b'{"error": [' + b'{"error": "x"},' * 100_000 + b"{}]}", id="many-errors"),
        pytest.param(b"'code': " * 300_000, id="tokens"),
        pytest.param(b'"message": "' + b"\\" * 500_000, id="backslashes"),
        pytest.param(b"try again in " + b"1s " * 300_000, id="delays"),
    ],
)
@pytest.mark.parametrize("status", [200, 429, 500])
@pytest.mark.timeout(5)
def test_huge_bodies_are_bounded(status: int, body: bytes) -> None:
    """A hostile body of megabytes costs a bounded time and leaves a small fault."""
    fault = errors.decode(Reply(status, (), body))
    assert fault is not None
    check(fault)
    assert len(fault.message) <= 2000
