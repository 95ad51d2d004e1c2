"""The request by which another target goes on."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import Capabilities, Target
from halfopen.providers import Ask, Chat, parse_chat
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.continuation import MARK, continued, is_prefilled
from halfopen.providers.gemini import GEMINI
from halfopen.providers.openai import OPENAI

Make = Callable[..., Any]
PLAIN = Target("p", "gpt-4o", "openai")
PREFILL = Target("a", "claude-sonnet-4-5", "anthropic", Capabilities(reasoning=True, prefill=True))
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
USER = {"role": "user", "content": "Hi"}


def messages(made: Chat) -> Any:
    return made.deep["messages"]


def test_by_instruction(chat: Make) -> None:
    """A model without prefill gets the text exactly, and is told to go on."""
    made = continued(chat(temperature=0.5), "The quick ", PLAIN)
    assert messages(made)[:2] == [USER, {"role": "assistant", "content": "The quick "}]
    assert messages(made)[2]["role"] == "user"
    assert messages(made)[2]["content"].startswith(MARK)
    assert "tool" not in messages(made)[2]["content"]
    assert len(messages(made)) == 3
    assert made.value("temperature") == 0.5
    assert not is_prefilled(made)


def test_by_prefill(chat: Make) -> None:
    """A model with prefill gets the text as its own beginning, without white space at its end."""
    made = continued(chat(), " The quick \r\n", PREFILL)
    assert messages(made) == [USER, {"role": "assistant", "content": " The quick"}]
    assert is_prefilled(made)


def test_what_the_request_is(chat: Make) -> None:
    """A stream with token counts, no one's translation, that may well be answered with nothing."""
    asked = replace(chat(stream=False, stream_options={"include_usage": False}), origin=Ask(b"{}", "x", True))
    made = continued(asked, "The quick", PLAIN)
    assert (made.model, made.stream, made.include_usage, made.origin, made.continues) == (
        "m",
        True,
        True,
        None,
        True,
    )
    assert made.value("stream") is True
    call = json.loads(OPENAI.call(made, PLAIN, None).body)
    assert call["stream_options"] == {"include_usage": True}
    assert isinstance(parse_chat(made.body), Chat)


@pytest.mark.parametrize("text", ["", " \n"], ids=["nothing", "white space"])
@pytest.mark.parametrize("target", [PLAIN, PREFILL], ids=["instruction", "prefill"])
def test_without_text_it_is_asked_afresh(text: str, target: Target, chat: Make) -> None:
    """Where only thoughts went out, the request is the client's own, and must be answered."""
    made = continued(chat(max_tokens=9), text, target)
    assert messages(made) == [USER]
    assert made.value("max_tokens") == 9
    assert (made.continues, made.stream, made.include_usage, is_prefilled(made)) == (False, True, True, False)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param("{", {"role": "assistant", "content": "{ab"}, id="text"),
        pytest.param(None, {"role": "assistant", "content": "ab"}, id="null"),
        pytest.param(
            [{"type": "text", "text": "{"}],
            {"role": "assistant", "content": [{"type": "text", "text": "{ab"}]},
            id="a part",
        ),
        pytest.param([], {"role": "assistant", "content": [{"type": "text", "text": "ab"}]}, id="no parts"),
        pytest.param(
            [{"type": "refusal", "refusal": "No"}],
            {
                "role": "assistant",
                "content": [{"type": "refusal", "refusal": "No"}, {"type": "text", "text": "ab"}],
            },
            id="another part",
        ),
    ],
)
def test_the_clients_own_beginning_is_kept(last: Any, expected: Any, chat: Make) -> None:
    """What the client had begun and what was delivered are one message."""
    asked = chat(messages=[USER, {"role": "assistant", "content": last}])
    assert messages(continued(asked, "ab", PREFILL)) == [USER, expected]
    assert messages(continued(asked, "ab", PLAIN))[:2] == [USER, expected]


def test_a_message_with_calls_is_not_added_to(chat: Make) -> None:
    """Text does not go on behind a tool call."""
    before = {"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]}
    made = continued(chat(messages=[USER, before]), "ab", PREFILL)
    assert messages(made) == [USER, before, {"role": "assistant", "content": "ab"}]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"reasoning_effort": "high"}, id="effort"),
        pytest.param({"thinking": {"type": "enabled", "budget_tokens": 1024}}, id="thinking"),
        pytest.param({"tools": [TOOL], "tool_choice": "required"}, id="forced call"),
        pytest.param(
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}}, id="named call"
        ),
        pytest.param({"functions": [TOOL["function"]], "function_call": {"name": "f"}}, id="legacy call"),
    ],
)
def test_what_excludes_a_prefill_gets_the_instruction(fields: dict[str, Any], chat: Make) -> None:
    """Thinking and forced calls are refused together with a beginning, so they keep, by instruction."""
    made = continued(chat(**fields), "The quick", PREFILL)
    assert MARK in messages(made)[-1]["content"]
    assert {name: made.value(name) for name in fields} == fields
    assert not is_prefilled(made)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"reasoning_effort": "none"}, id="no effort"),
        pytest.param({"thinking": {"type": "disabled"}}, id="no thinking"),
        pytest.param({"tools": [TOOL], "tool_choice": "auto"}, id="free choice"),
    ],
)
def test_what_asks_for_nothing_keeps_the_prefill(fields: dict[str, Any], chat: Make) -> None:
    """Neutral values don't stand against a prefill."""
    assert is_prefilled(continued(chat(**fields), "The quick", PREFILL))


def test_tools_are_spoken_of(chat: Make) -> None:
    """With tools, a text that announces a call is not taken for the whole answer."""
    made = continued(chat(tools=[TOOL]), "Let me look that up.", PLAIN)
    assert "tool call" in messages(made)[-1]["content"]
    assert made.value("tools") == [TOOL]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"max_tokens": 100}, {"max_tokens": 90}, id="lowered"),
        pytest.param(
            {"max_tokens": 100.0, "max_completion_tokens": 50},
            {"max_tokens": 90, "max_completion_tokens": 40},
            id="both",
        ),
        pytest.param({"max_tokens": 5}, {"max_tokens": 1}, id="one is left"),
        pytest.param({"max_tokens": None}, {"max_tokens": None}, id="null"),
        pytest.param({"max_tokens": "9"}, {"max_tokens": "9"}, id="no number"),
        pytest.param({"max_tokens": True}, {"max_tokens": True}, id="a boolean"),
        pytest.param(
            {"max_tokens": 1030, "thinking": {"type": "enabled", "budget_tokens": 1024}},
            {"max_tokens": 1025},
            id="above the thinking budget",
        ),
    ],
)
def test_limits_are_lowered(fields: dict[str, Any], expected: dict[str, Any], chat: Make) -> None:
    """The limit of the answer shrinks by about what was delivered, here 40 characters."""
    made = continued(chat(**fields), "abcdefghi " * 4, PLAIN)
    assert {name: made.value(name) for name in expected} == expected


def test_the_rest_keeps_its_bytes() -> None:
    """Fields that are not touched go out as they came, but for a predicted output, which is the whole answer's."""
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true,"seed":1e400,"x":{"a" :12345678901234567890123},"prediction":{"content":"a"},"store":true,"metadata":{"k":"v"}}'
    asked = parse_chat(body)
    assert isinstance(asked, Chat)
    made = continued(asked, "ab", PLAIN)
    for piece in (
        b'"seed":1e400',
        b'"x":{"a" :12345678901234567890123}',
        b'"store":true',
        b'"metadata":{"k":"v"}',
    ):
        assert piece in made.body
    assert b"prediction" not in made.body


@pytest.mark.parametrize("dialect", [OPENAI, ANTHROPIC, GEMINI], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-5"])
@pytest.mark.parametrize(
    "fields",
    [{}, {"reasoning_effort": "high"}, {"tools": [TOOL], "tool_choice": "required"}, {"max_tokens": 3}],
    ids=["plain", "effort", "forced", "limit"],
)
def test_every_dialect_takes_it(dialect: Any, model: str, fields: dict[str, Any], chat: Make) -> None:
    """A target that takes the client's request takes its continuation, by prefill and by instruction."""
    for prefill in (False, True):
        target = Target("p", model, dialect.name, Capabilities(reasoning=True, prefill=prefill))
        asked = chat(**fields)
        if dialect.unfit(asked, target) is None:
            made = continued(asked, "The quick \n", target)
            assert dialect.unfit(made, target) is None
            assert dialect.call(made, target, None).body


@given(st.text(), st.booleans())
def test_any_text_makes_a_request(text: str, prefill: bool) -> None:
    """Whatever was delivered, the request can be read and holds it."""
    asked = parse_chat(b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true}')
    assert isinstance(asked, Chat)
    made = continued(asked, text, PREFILL if prefill else PLAIN)
    assert isinstance(parse_chat(made.body), Chat)
    if text.strip():
        assert messages(made)[1]["content"] == (text.rstrip() if prefill else text)
