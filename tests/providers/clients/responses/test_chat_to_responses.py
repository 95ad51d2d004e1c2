"""A whole chat completion is a Response that the official client understands."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import openai
import pytest

from halfopen.model import Fault, Reply, Target
from halfopen.providers.anthropic import AnthropicDialect
from halfopen.providers.chat import Chat
from halfopen.providers.clients.responses import RESPONSES
from halfopen.providers.clients.responses.chat_to_responses import chat_to_responses
from halfopen.providers.contract import Answer
from halfopen.providers.gemini import GEMINI

Ask = Callable[..., Chat]
Client = Callable[..., openai.OpenAI]


def _answer(message: dict[str, Any], finish: str = "stop", **choice: Any) -> Answer:
    completion = {
        "id": "chatcmpl-A1",
        "object": "chat.completion",
        "created": 7,
        "model": "claude-x",
        "choices": [
            {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, **choice},
            {"index": 1, "message": {"role": "assistant", "content": "second"}, "finish_reason": "stop"},
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 4,
            "total_tokens": 7,
            "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }
    return Answer(json.dumps(completion).encode(), finish)


def test_text(ask: Ask, client: Client) -> None:
    """Text is a completed message; the request is echoed and the tokens are counted."""
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    chat = ask(
        instructions="Be brief.", tools=[tool], temperature=0.5, metadata={"a": "b"}, max_output_tokens=9
    )
    body = chat_to_responses(chat, _answer({"content": "Hello"}))
    response = client(body).responses.create(model="m", input="x")
    assert response.output_text == "Hello"
    assert (response.id, response.status, response.model) == ("resp_halfopen_A1", "completed", "claude-x")
    assert (response.created_at, response.error, response.incomplete_details) == (7, None, None)
    assert (response.instructions, response.temperature, response.metadata) == ("Be brief.", 0.5, {"a": "b"})
    assert (response.max_output_tokens, response.tool_choice, response.parallel_tool_calls) == (
        9,
        "auto",
        True,
    )
    assert response.tools[0].to_dict() == tool | {"description": None, "strict": None}
    assert response.usage is not None
    assert response.usage.to_dict() == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 7,
    }
    [item] = response.output
    assert item.to_dict() == {
        "id": "msg_halfopen_A1_0",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}],
    }


def test_is_strictly_typed(ask: Ask) -> None:
    """The official type takes every member of a whole answer, checked and not merely constructed."""
    message = {
        "content": "Hi",
        "reasoning_content": "Hm",
        "refusal": "No",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    body = chat_to_responses(ask(), _answer(message, "tool_calls"))
    openai.types.responses.Response.model_validate(json.loads(body), strict=False)


def test_rules(ask: Ask, client: Client) -> None:
    """Reasoning, citations, refusals, log-probabilities and parallel calls follow the table of rules."""
    url = {"url": "https://x", "title": "X", "start_index": 0, "end_index": 2}
    message = {
        "reasoning_content": "Hm",
        "content": "Hi",
        "refusal": "But no",
        "annotations": [{"type": "url_citation", "url_citation": url}, {"type": "other"}],
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": {"b": 2}}},
        ],
    }
    token = {
        "token": "Hi",
        "logprob": -0.5,
        "bytes": None,
        "top_logprobs": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}],
    }
    body = chat_to_responses(ask(), _answer(message, "tool_calls", logprobs={"content": [token]}))
    response = client(body).responses.create(model="m", input="x")
    items: list[dict[str, Any]] = [item.to_dict() for item in response.output]
    thought, said, first, second = items
    assert thought == {
        "id": "rs_halfopen_A1_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm"}],
    }
    text, refusal = said["content"]
    assert text["annotations"] == [{"type": "url_citation", **url}]
    assert text["logprobs"][0]["bytes"] == [72, 105]
    assert text["logprobs"][0]["top_logprobs"] == [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105]}]
    assert refusal == {"type": "refusal", "refusal": "But no"}
    assert [(c["call_id"], c["name"], c["arguments"], c["status"]) for c in (first, second)] == [
        ("c1", "f", '{"a":1}', "completed"),
        ("c2", "g", '{"b":2}', "completed"),
    ]
    assert "second" not in response.output_text, "of several choices the first counts"


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("strange", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_finish(ask: Ask, client: Client, finish: str, status: str, reason: str | None) -> None:
    """The finish reason is the status, and the reason when the answer is not complete."""
    response = client(chat_to_responses(ask(), _answer({"content": "x"}, finish))).responses.create(model="m")
    details = response.incomplete_details
    assert (response.status, details.reason if details else None) == (status, reason)
    assert response.output[0].status == status  # type: ignore[union-attr]  # a message has one


def test_parts(ask: Ask, client: Client) -> None:
    """Content that is a list of parts, thoughts among them, is told apart."""
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
        {"type": "text", "text": "Hi"},
    ]
    response = client(chat_to_responses(ask(), _answer({"content": content}))).responses.create(model="m")
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert response.output_text == "Hi"


def test_parsed_schema(ask: Ask, client: Client) -> None:
    """The official client parses an answer in JSON into the caller's own type."""

    class Point(openai.BaseModel):
        x: int

    body = chat_to_responses(ask(), _answer({"content": '{"x":3}'}))
    parsed = client(body).responses.parse(model="m", input="x", text_format=Point)
    assert parsed.output_parsed == Point(x=3)


MESSAGE = {
    "id": "msg_9",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
    ],
    "stop_reason": "tool_use",
    "usage": {"input_tokens": 3, "output_tokens": 4},
}
CANDIDATE = {
    "responseId": "g9",
    "modelVersion": "gemini-2.5-flash",
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "Hm", "thought": True},
                    {"text": "Hi"},
                    {"functionCall": {"name": "f", "args": {"a": 1}}},
                ],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4},
}


@pytest.mark.parametrize(
    ("dialect", "model", "reply"),
    [
        (AnthropicDialect(), "claude-sonnet-4-5", MESSAGE),
        (GEMINI, "gemini-2.5-flash", CANDIDATE),
    ],
    ids=["anthropic", "gemini"],
)
def test_composed(
    ask: Ask,
    client: Client,
    make_target: Callable[..., Target],
    dialect: Any,
    model: str,
    reply: dict[str, Any],
) -> None:
    """Another vendor's answer is a Response with reasoning, text and calls."""
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    chat, target = ask(model="m", tools=[tool]), make_target(model, dialect.name)
    translation = RESPONSES.translation(dialect, target)
    assert translation.unfit(chat, target) is None
    assert "not stored" in translation.adapted(chat, target)
    assert msgspec.json.decode(translation.call(chat, target, "k").body)["tools"]
    answer = translation.answer(chat, target, Reply(200, (), json.dumps(reply).encode()), created_s=5)
    assert not isinstance(answer, Fault), answer
    response = client(answer.body).responses.create(model="m", input="x")
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]
    assert response.output_text == "Hi"
    call: Any = response.output[2]
    assert json.loads(call.arguments) == {"a": 1}
    assert response.usage is not None
    assert response.usage.total_tokens == 7


def test_native_only(ask: Ask, make_target: Callable[..., Target]) -> None:
    """A request for OpenAI's own tools passes other vendors over, with the reason."""
    target = make_target("claude-sonnet-4-5", "anthropic")
    translation = RESPONSES.translation(AnthropicDialect(), target)
    reason = translation.unfit(ask(tools=[{"type": "web_search"}]), target)
    assert reason == "tools of type web_search are OpenAI's own"
