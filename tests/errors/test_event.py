"""Errors in one event of a stream."""

import json
import timeit

import pytest

from halfopen import errors
from halfopen.model import Kind, Verdict

CHUNK = b'{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}'
NOT_ERRORS = [
    pytest.param(CHUNK, "", id="chunk"),
    pytest.param(b'{"choices":[{"delta":{"content":"error"}}]}', "", id="content-is-the-word"),
    pytest.param(
        json.dumps({"choices": [{"delta": {"content": '{"error": {"code": 1}}'}}]}).encode(),
        "",
        id="content-is-json",
    ),
    pytest.param(
        b'{"choices":[{"delta":{"tool_calls":[{"function":{"name":"error"}}]}}]}', "", id="a-tool-named-error"
    ),
    pytest.param(
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"error":{"code":500}}}}]}}]}',
        "",
        id="gemini-args",
    ),
    pytest.param(
        b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"error"}}',
        "content_block_delta",
        id="anthropic-text",
    ),
    pytest.param(
        b'{"type":"response.created","response":{"id":"r","error":null}}', "", id="responses-api-null-error"
    ),
    pytest.param(b'{"choices":[],"error":null}', "", id="null-error"),
    pytest.param(b'{"promptFeedback":{"blockReason":null}}', "", id="null-block-reason"),
    pytest.param(b"[DONE]", "", id="done"),
    pytest.param(b"", "", id="empty"),
    pytest.param(b'{"error"', "", id="broken-json-is-the-readers-business"),
    pytest.param(b'{"type":"ping"}', "ping", id="ping"),
]
ERRORS = [
    pytest.param(
        b'{"error":{"message":"m","type":"server_error","code":null}}', "", Kind.SERVER_ERROR, id="openai"
    ),
    pytest.param(
        b'{"error":{"message":"m","code":"rate_limit_exceeded"}}',
        "",
        Kind.RATE_LIMITED,
        id="openai-rate-limit",
    ),
    pytest.param(b'{"error":"out of memory"}', "", Kind.ERROR_EVENT, id="string"),
    pytest.param(
        b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
        "error",
        Kind.OVERLOADED,
        id="anthropic",
    ),
    pytest.param(
        b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
        "",
        Kind.OVERLOADED,
        id="anthropic-unnamed",
    ),
    pytest.param(
        b'{"object":"error","message":"bad","type":"BadRequestError","code":400}',
        "",
        Kind.INVALID_REQUEST,
        id="vllm-flat",
    ),
    pytest.param(
        b'{"error":{"message":"EngineCore encountered an issue.","type":"InternalServerError","code":500}}',
        "",
        Kind.ENGINE_DEAD,
        id="vllm-dead",
    ),
    pytest.param(
        b'{"error":{"code":503,"message":"The model is overloaded","status":"UNAVAILABLE"}}',
        "",
        Kind.OVERLOADED,
        id="gemini",
    ),
    pytest.param(
        b'[{"error":{"code":500,"message":"m","status":"INTERNAL"}}]',
        "",
        Kind.SERVER_ERROR,
        id="gemini-array",
    ),
    pytest.param(
        b'{"promptFeedback":{"blockReason":"SAFETY"}}', "", Kind.CONTENT_FILTERED, id="gemini-blocked"
    ),
    pytest.param(
        b'{"type":"error","code":"server_error","message":"m"}',
        "error",
        Kind.SERVER_ERROR,
        id="responses-api",
    ),
    pytest.param(
        b'{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"m"}}}',
        "",
        Kind.RATE_LIMITED,
        id="responses-api-failed",
    ),
    pytest.param(
        b'{"choices":[{"delta":{},"finish_reason":"error","error":{"code":502,"message":"m"}}]}',
        "",
        Kind.BAD_GATEWAY,
        id="openrouter",
    ),
    pytest.param(b"boom", "error", Kind.ERROR_EVENT, id="named-with-text"),
    pytest.param(b"", "error", Kind.ERROR_EVENT, id="named-and-empty"),
    pytest.param(b"{}", "error", Kind.ERROR_EVENT, id="named-with-an-empty-object"),
    pytest.param(b"\xff\xfe", "error", Kind.ERROR_EVENT, id="named-with-rubbish"),
]


@pytest.mark.parametrize(("data", "event"), NOT_ERRORS)
def test_a_normal_event_is_none(data: bytes, event: str) -> None:
    """An event that carries no error is None, also when its text speaks of errors."""
    assert errors.decode_event(data, event) is None


@pytest.mark.parametrize(("data", "event", "kind"), ERRORS)
def test_an_error_event(data: bytes, event: str, kind: Kind) -> None:
    """An error object in any dialect's form is a fault that a 200 hid."""
    fault = errors.decode_event(data, event)
    assert fault is not None
    assert (fault.kind, fault.status, fault.masked) == (kind, 200, True)


def test_an_events_own_delay_and_verdict() -> None:
    """RetryInfo in an event is heeded, and Anthropic's overload fails over."""
    data = (
        b'{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"m","details":[{"retryDelay":"4s"}]}}'
    )
    fault = errors.decode_event(data)
    assert fault is not None
    assert fault.delay_s == 4
    fault = errors.decode_event(b'{"type":"error","error":{"type":"overloaded_error"}}', "error")
    assert fault is not None
    assert fault.verdict is Verdict.FAILOVER


def test_a_normal_chunk_costs_next_to_nothing() -> None:
    """The common case is decided without decoding: well under 20 microseconds even on a busy machine."""
    best = min(timeit.repeat(lambda: errors.decode_event(CHUNK), number=1000, repeat=5)) / 1000
    assert best < 20e-6
