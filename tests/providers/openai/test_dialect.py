"""OpenAI's dialect: what is sent, and what is not sent."""

import json

import msgspec
import pytest

from halfopen.providers.openai import OPENAI


def test_the_body_passes_unchanged(make_chat, make_target) -> None:
    """When the route's name is the target's model, the client's bytes are sent as they came."""
    chat = make_chat(temperature=0.5, extra={"x": [1, 2]})
    call = OPENAI.call(chat, make_target("gpt-4o-mini"), "sk-1")
    assert call.body is chat.body
    assert call.path == "/chat/completions"
    assert dict(call.headers) == {
        "content-type": "application/json",
        "accept": "application/json",
        "authorization": "Bearer sk-1",
    }


def test_only_the_model_is_replaced(make_chat, make_target) -> None:
    """With another model in its place, every other field keeps its bytes and its order."""
    chat = make_chat(number=1.50, text="é\u2028", big=10**30)
    call = OPENAI.call(chat, make_target("gpt-4.1"), None)
    fields = chat.fields | {"model": msgspec.Raw(b'"gpt-4.1"')}
    assert call.body == msgspec.json.encode(fields)
    assert dict(call.headers) == {"content-type": "application/json", "accept": "application/json"}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        pytest.param({}, {"include_usage": True}, id="nothing said"),
        pytest.param({"stream_options": None}, {"include_usage": True}, id="null"),
        pytest.param(
            {"stream_options": {"include_usage": False, "include_obfuscation": False}},
            {"include_usage": True, "include_obfuscation": False},
            id="not wanted",
        ),
    ],
)
def test_a_stream_is_asked_for_its_counts(make_chat, make_target, options, sent) -> None:
    """What is spent must be known, whether or not the client wants to see it."""
    call = OPENAI.call(make_chat(stream=True, **options), make_target("gpt-4.1"), None)
    assert json.loads(call.body)["stream_options"] == sent


def test_a_stream_that_asks_for_its_counts_passes_as_it_is(make_chat, make_target) -> None:
    """Nothing is added, so the bytes stay the client's own."""
    chat = make_chat(stream=True, stream_options={"include_usage": True})
    assert OPENAI.call(chat, make_target(chat.model), None).body is chat.body


def test_an_older_limit_is_renamed_for_a_newer_model(make_chat, make_target) -> None:
    """A model that refuses max_tokens gets the same limit as max_completion_tokens."""
    body = json.loads(OPENAI.call(make_chat(max_tokens=9), make_target("gpt-6-luna"), None).body)
    assert body["max_completion_tokens"] == 9
    assert "max_tokens" not in body
    body = json.loads(OPENAI.call(make_chat(max_tokens=9), make_target("gpt-4.1"), None).body)
    assert body["max_tokens"] == 9


TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}


@pytest.mark.parametrize(
    ("model", "fields", "reason"),
    [
        (
            "gpt-6-luna",
            {"tools": [TOOL], "reasoning_effort": "low"},
            "no tools together with reasoning_effort",
        ),
        (
            "gpt-5.6-sol",
            {"tools": [TOOL], "reasoning_effort": "high"},
            "no tools together with reasoning_effort",
        ),
        ("gpt-6-luna", {"tools": [TOOL], "reasoning_effort": "none"}, None),
        ("gpt-6-luna", {"tools": [TOOL]}, None),
        ("gpt-5.4", {"tools": [TOOL], "reasoning_effort": "low"}, None),
        ("o3", {"temperature": 0.2}, "sampling can't be changed"),
        ("o3", {"temperature": 1, "top_p": 1.0, "presence_penalty": 0}, None),
        ("o3", {"parallel_tool_calls": True, "tools": [TOOL]}, None),
        ("o3", {"parallel_tool_calls": False, "tools": [TOOL]}, "parallel tool calls can't be turned off"),
        ("o3", {"parallel_tool_calls": False}, None),
        ("gpt-6-luna", {"parallel_tool_calls": False, "tools": [TOOL]}, None),
        ("o3", {"stop": "x"}, "at most 0 stop sequences (1 asked)"),
        ("gpt-4o-mini", {"stop": ["a"] * 5}, "at most 4 stop sequences (5 asked)"),
        ("gpt-4o-mini", {"max_tokens": 20_000}, "at most 16384 output tokens (20000 asked)"),
        ("gpt-4o-mini", {"reasoning_effort": "low"}, "no reasoning"),
        ("unknown-model", {"reasoning_effort": "low", "seed": 1, "n": 3, "logprobs": True}, None),
    ],
)
def test_unfit(make_chat, make_target, model, fields, reason) -> None:
    """What OpenAI's models refuse is known before the call."""
    assert OPENAI.unfit(make_chat(**fields), make_target(model)) == reason


NEUTRAL = {
    "temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {},
    "logprobs": False, "stop": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "left"),
    [
        ("o3", set()),
        ("gpt-6-luna", {"parallel_tool_calls"}),
        ("gpt-5.4", {"parallel_tool_calls", *NEUTRAL} - {"stop"}),
        ("gpt-4.1", {"parallel_tool_calls", *NEUTRAL}),
        ("some-model", {"parallel_tool_calls", *NEUTRAL}),
    ],
)
def test_a_stand_in_is_not_sent_what_it_refuses_by_name(make_chat, make_target, model, left) -> None:
    """What asks for nothing is left out for a model that would answer 400 to its name alone."""
    chat, target = make_chat(parallel_tool_calls=True, **NEUTRAL), make_target(model)
    assert OPENAI.unfit(chat, target) is None
    sent = json.loads(OPENAI.call(chat, target, None).body)
    assert sent.keys() - {"model", "messages"} == left
    assert OPENAI.adapted(chat, target) == ()


def test_a_model_under_its_own_name_gets_what_the_client_sent(make_chat, make_target) -> None:
    """The client's bytes stay as they are: the model's own vendor answers them."""
    chat = make_chat(model="o3", **NEUTRAL)
    assert OPENAI.call(chat, make_target("o3"), None).body is chat.body
