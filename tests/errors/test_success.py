"""Replies with a good status: which are answers, and which failed."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Fault, Kind


def chat(**choice: object) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion", "choices": [{"index": 0, **choice}]}


GOOD = [
    pytest.param(chat(message={"role": "assistant", "content": "Hi"}, finish_reason="stop"), id="openai"),
    pytest.param(
        {**chat(message={"content": "Hi"}, finish_reason="stop"), "error": None}, id="error-is-null"
    ),
    pytest.param(
        chat(message={"content": None, "tool_calls": [{"id": "t"}]}, finish_reason="tool_calls"),
        id="tool-calls",
    ),
    pytest.param(chat(message={"content": None, "refusal": "No."}, finish_reason="stop"), id="refusal"),
    pytest.param(chat(message={"content": ""}, finish_reason="length"), id="empty-by-length"),
    pytest.param(
        chat(message={"content": '{"error": {"code": "invalid_api_key"}}'}, finish_reason="stop"),
        id="an-answer-about-errors",
    ),
    pytest.param(
        {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi"}]}, id="anthropic"
    ),
    pytest.param(
        {"candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}]}, id="gemini"
    ),
    pytest.param(
        {
            "candidates": [
                {
                    "content": {"parts": [{"functionCall": {"name": "f", "args": {"error": "x"}}}]},
                    "finishReason": "STOP",
                }
            ]
        },
        id="tool-call-with-an-argument-named-error",
    ),
    pytest.param({"candidates": [{"finishReason": "SAFETY"}]}, id="gemini-safety-is-the-dialects-business"),
    pytest.param({"object": "list", "data": []}, id="a-list-of-models"),
    pytest.param({"status": "ok"}, id="anything-else"),
    pytest.param({"response": {"error": None, "output": []}}, id="response-without-error"),
]
BAD = [
    pytest.param(b"", Kind.EMPTY_ANSWER, id="empty"),
    pytest.param(b" \r\n ", Kind.EMPTY_ANSWER, id="blank"),
    pytest.param({}, Kind.EMPTY_ANSWER, id="empty-object"),
    pytest.param([], Kind.EMPTY_ANSWER, id="empty-list"),
    pytest.param({"object": "chat.completion", "choices": []}, Kind.EMPTY_ANSWER, id="no-choices"),
    pytest.param({"object": "chat.completion", "choices": None}, Kind.EMPTY_ANSWER, id="choices-null"),
    pytest.param({"object": "chat.completion"}, Kind.EMPTY_ANSWER, id="choices-missing"),
    pytest.param({"candidates": [], "usageMetadata": {}}, Kind.EMPTY_ANSWER, id="no-candidates"),
    pytest.param({"usageMetadata": {}, "modelVersion": "g"}, Kind.EMPTY_ANSWER, id="candidates-missing"),
    pytest.param(
        {"type": "message", "role": "assistant", "content": []}, Kind.EMPTY_ANSWER, id="anthropic-no-content"
    ),
    pytest.param(
        chat(message={"role": "assistant", "content": None}, finish_reason="stop"),
        Kind.EMPTY_ANSWER,
        id="finish-before-content",
    ),
    pytest.param(chat(message=None, finish_reason="stop"), Kind.EMPTY_ANSWER, id="finish-without-message"),
    pytest.param(
        {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]},
        Kind.EMPTY_ANSWER,
        id="gemini-finish-before-content",
    ),
    pytest.param(
        {"promptFeedback": {"blockReason": "SAFETY"}}, Kind.CONTENT_FILTERED, id="gemini-blocked-prompt"
    ),
    pytest.param("<!DOCTYPE html><title>Sign in</title>", Kind.NOT_JSON, id="html"),
    pytest.param("\ufeff  <html>", Kind.NOT_JSON, id="html-after-bom"),
    pytest.param("OK", Kind.NOT_JSON, id="text"),
    pytest.param('{"choices": [{"mess', Kind.CUT_BODY, id="truncated"),
    pytest.param('"hello"', Kind.MALFORMED_ANSWER, id="bare-string"),
    pytest.param("null", Kind.MALFORMED_ANSWER, id="null"),
    pytest.param(b"[" * 100_000, Kind.NOT_JSON, id="nested-too-deeply"),
    pytest.param(b'{"a": "\xff"}', Kind.NOT_JSON, id="not-utf-8"),
    pytest.param({"error": {}}, Kind.SERVER_ERROR, id="empty-error-object"),
    pytest.param({"error": True}, Kind.SERVER_ERROR, id="error-true"),
]


@pytest.mark.parametrize("body", GOOD)
@pytest.mark.parametrize("status", [200, 201, 299])
def test_an_answer_is_no_fault(decoded: Callable[..., Fault | None], status: int, body: object) -> None:
    """A 2xx whose body shows no error is None."""
    assert decoded(status, body) is None


@pytest.mark.parametrize(("body", "kind"), BAD)
def test_a_200_that_failed(decoded: Callable[..., Fault | None], body: object, kind: Kind) -> None:
    """A 2xx without an answer is a fault, and its status is said to mislead."""
    fault = decoded(200, body)
    assert fault is not None
    assert (fault.kind, fault.masked) == (kind, True)


STREAM = (("Content-Type", "text/event-stream; charset=utf-8"),)
CHUNK = b'data: {"choices":[{"delta":{"content":"the \\"error\\" is"}}]}\n\n'
ERROR = b'{"error":{"message":"boom","type":"server_error","code":null}}'


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(CHUNK + b"data: [DONE]\n\n", None, id="good"),
        pytest.param(CHUNK + b"data: " + ERROR + b"\n\n", Kind.SERVER_ERROR, id="error-event"),
        pytest.param(
            CHUNK + b"data: " + ERROR + b"\n\ndata: [DONE]\n\n", Kind.SERVER_ERROR, id="error-then-done"
        ),
        pytest.param(CHUNK + ERROR, Kind.SERVER_ERROR, id="raw-json-after-the-events"),
        pytest.param(CHUNK + b"event: error\r\ndata: gone\r\n\r\n", Kind.ERROR_EVENT, id="named-error-event"),
        pytest.param(b"event: error\n\ndata: {}\n\n", None, id="a-name-ends-with-its-event"),
        pytest.param(b"", Kind.EMPTY_ANSWER, id="empty"),
    ],
)
def test_a_whole_saved_stream(decoded: Callable[..., Fault | None], body: bytes, kind: Kind | None) -> None:
    """A saved stream is a fault when one of its events carries an error."""
    fault = decoded(200, body, STREAM)
    assert (None if fault is None else fault.kind) == kind
