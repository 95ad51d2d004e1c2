"""Whole answers: a 200 proves nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import Fault, Kind, Reply, TransportError, Usage
from halfopen.providers import Answer, Chat, parse_chat
from halfopen.providers.openai.answer import judge

HEADERS = (("content-type", "application/json"),)


def reply(body: Any, status: int = 200, **more: Any) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, HEADERS, raw, dialect="openai", **more)


def completion(message: Any, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": finish}]} | more  # fmt: skip


def asked(**fields: Any) -> Chat:
    request = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | fields
    chat = parse_chat(json.dumps(request).encode())
    assert isinstance(chat, Chat)
    return chat


CHAT = asked()
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
    answer = judge(CHAT, reply(raw))
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
    answer = judge(CHAT, reply(completion(TEXT, usage=counts)))
    assert isinstance(answer, Answer)
    assert answer.usage == Usage(19, 10, 4, 2)
    answer = judge(CHAT, reply(completion(TEXT, usage={"prompt_tokens": -3, "completion_tokens": None})))
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
    fault = judge(CHAT, reply(body))
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
    assert isinstance(judge(CHAT, reply(body)), Fault)


def test_a_cut_body_is_no_answer() -> None:
    """Whatever the bytes look like, a connection that broke inside the body is a fault."""
    assert isinstance(judge(CHAT, reply(completion(TEXT), transport=TransportError.CUT)), Fault)
    assert isinstance(judge(CHAT, reply(completion(TEXT), status=500)), Fault)


@given(st.integers(0, 400))
def test_truncation_is_never_an_answer(length: int) -> None:
    """An answer cut at any byte is a fault."""
    raw = json.dumps(completion(TEXT, usage={"prompt_tokens": 1})).encode()
    if length < len(raw):
        assert isinstance(judge(CHAT, reply(raw[:length])), Fault)


@pytest.mark.parametrize(
    ("fields", "may"),
    [
        pytest.param({}, False, id="plain"),
        pytest.param({"stop": []}, False, id="no stop sequence"),
        pytest.param({"stop": "END"}, True, id="stop"),
        pytest.param({"stop": ["a", "b"]}, True, id="stops"),
        pytest.param({"messages": [{"role": "tool", "content": "4", "tool_call_id": "c"}]}, True, id="tool"),
        pytest.param({"messages": [{"role": "function", "content": "4", "name": "f"}]}, True, id="function"),
        pytest.param(
            {"messages": [{"role": "tool", "content": "4"}, {"role": "user", "content": "?"}]},
            False,
            id="user",
        ),
    ],
)
def test_an_empty_answer_that_has_a_reason(fields: dict[str, Any], may: bool) -> None:
    """Before a stop sequence and after a tool's result a model may say nothing; otherwise it failed."""
    for content in ("", None):
        judged = judge(asked(**fields), reply(completion({"role": "assistant", "content": content})))
        if may:
            assert isinstance(judged, Answer), judged
        else:
            assert isinstance(judged, Fault)
            assert judged.kind is Kind.EMPTY_ANSWER
    failed = judge(asked(**fields), reply(completion(EMPTY, "tool_calls")))
    assert isinstance(failed, Fault)


@pytest.mark.parametrize(("n", "came", "whole"), [(1, 1, True), (2, 1, False), (2, 2, True), (None, 2, True)])
def test_fewer_choices_than_asked_for(n: int | None, came: int, whole: bool) -> None:
    """An answer that lacks choices is none: the client would read past its end."""
    choices = [{"index": index, "message": TEXT, "finish_reason": "stop"} for index in range(came)]
    judged = judge(asked(n=n), reply(completion(TEXT) | {"choices": choices}))
    assert isinstance(judged, Answer if whole else Fault)
    assert whole or (isinstance(judged, Fault) and judged.kind is Kind.MALFORMED_ANSWER)
