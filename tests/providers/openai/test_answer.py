"""Whole answers: a 200 proves nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import Fault, Kind, Reply, TransportError, Usage
from halfopen.providers import Answer
from halfopen.providers.openai.answer import judge

HEADERS = (("content-type", "application/json"),)


def reply(body: Any, status: int = 200, **more: Any) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, HEADERS, raw, dialect="openai", **more)


def completion(message: Any, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": finish}]} | more  # fmt: skip


TEXT = {"role": "assistant", "content": "Hi"}
EMPTY = {"role": "assistant", "content": ""}


@pytest.mark.parametrize(
    "body",
    [
        completion(TEXT),
        completion({"role": "assistant", "content": None, "refusal": "No."}),
        completion({"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}, "tool_calls"),
        completion({"role": "assistant", "content": None, "function_call": {"name": "f"}}, "function_call"),
        completion({"role": "assistant", "content": None, "audio": {"id": "a", "data": "x"}}),
        completion({"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}),
        completion(EMPTY, "length"),
        completion(EMPTY, "content_filter"),
        completion(TEXT, error=None),
        completion(TEXT, error=False),
        completion(TEXT, usage={"prompt_tokens": "odd"}),
    ],
    ids=[
        "text",
        "refusal",
        "tools",
        "function",
        "audio",
        "parts",
        "length",
        "filter",
        "error-null",
        "error-false",
        "odd-usage",
    ],
)
def test_valid(body: dict[str, Any]) -> None:
    """A valid answer passes byte for byte."""
    raw = json.dumps(body, indent=1).encode()
    answer = judge(reply(raw))
    assert isinstance(answer, Answer), answer
    assert answer.body == raw
    assert answer.finish_reason == body["choices"][0]["finish_reason"]


def test_usage() -> None:
    """Token counts are read with their details, and nonsense counts as nothing."""
    counts = {
        "prompt_tokens": 19,
        "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    answer = judge(reply(completion(TEXT, usage=counts)))
    assert isinstance(answer, Answer)
    assert answer.usage == Usage(19, 10, 4, 2)
    answer = judge(reply(completion(TEXT, usage={"prompt_tokens": -3, "completion_tokens": None})))
    assert isinstance(answer, Answer)
    assert answer.usage == Usage()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (completion(EMPTY), Kind.EMPTY_ANSWER),
        (completion({"role": "assistant", "content": None}, "tool_calls"), Kind.EMPTY_ANSWER),
        (completion(EMPTY | {"reasoning_content": "Hm."}), Kind.EMPTY_ANSWER),
        (completion(TEXT, None), Kind.NO_FINISH),
        (completion(TEXT, ""), Kind.NO_FINISH),
        (completion(TEXT, "error"), Kind.ERROR_EVENT),
        (completion(TEXT, "insufficient_system_resource"), Kind.OVERLOADED),
        (json.dumps(completion(TEXT)).encode()[:-9], Kind.CUT_BODY),
        (completion(None), Kind.MALFORMED_ANSWER),
    ],
    ids=[
        "empty",
        "no-calls",
        "thoughts-only",
        "no-finish",
        "blank-finish",
        "error",
        "resource",
        "cut",
        "no-message",
    ],
)
def test_faults(body: Any, kind: Kind) -> None:
    """What is no answer is told apart by its kind."""
    fault = judge(reply(body))
    assert isinstance(fault, Fault)
    assert fault.kind is kind, fault
    assert fault.status == 200
    assert fault.body


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "The server had an error", "type": "server_error", "code": None}},
        completion(TEXT, error={"message": "upstream failed", "code": 502}),
        {"object": "chat.completion", "choices": []},
        b"<html><body>Bad gateway</body></html>",
        b"",
        b"null",
        b'"text"',
        b'{"choices":[{"message":{"role":"assistant","content":"\xff"},"finish_reason":"stop"}]}',
        b'{"choices":[{"message":{"role":"\xff","content":"Hi"},"finish_reason":"stop"}]}',
    ],
    ids=[
        "error",
        "both",
        "no-choices",
        "html",
        "nothing",
        "null",
        "string",
        "not-utf8",
        "not-utf8-elsewhere",
    ],
)
def test_no_answer_in_a_200(body: Any) -> None:
    """An error object, a page or rubbish in a 200 is a fault."""
    assert isinstance(judge(reply(body)), Fault)


def test_a_cut_body_is_no_answer() -> None:
    """Whatever the bytes look like, a connection that broke inside the body is a fault."""
    assert isinstance(judge(reply(completion(TEXT), transport=TransportError.CUT)), Fault)
    assert isinstance(judge(reply(completion(TEXT), status=500)), Fault)


@given(st.integers(0, 400))
def test_truncation_is_never_an_answer(length: int) -> None:
    """An answer cut at any byte is a fault."""
    raw = json.dumps(completion(TEXT, usage={"prompt_tokens": 1})).encode()
    if length < len(raw):
        assert isinstance(judge(reply(raw[:length])), Fault)
