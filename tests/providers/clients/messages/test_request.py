"""Reading a Messages request."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import Fault, Verdict
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.messages import MESSAGES


def test_a_good_request_is_a_chat_with_its_origin(lab) -> None:
    """The chat carries the client's own bytes and the headers that Anthropic must see."""
    headers = {"anthropic-version": "2023-06-01", "anthropic-beta": "a,b", "x-api-key": "secret"}
    chat = lab.parse(headers=headers, stream=True)
    assert chat.origin is not None
    assert chat.origin.body == lab.request(stream=True)
    assert chat.origin.headers == (("anthropic-version", "2023-06-01"), ("anthropic-beta", "a,b"))
    assert (chat.model, chat.stream, chat.include_usage) == ("claude-haiku-4-5", True, True)
    assert chat.native_only is None
    assert chat.dropped == ()


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        pytest.param({"model": ...}, "model", "Field required", id="no model"),
        pytest.param({"model": 1}, "model", "valid string", id="model is no text"),
        pytest.param({"model": ""}, "model", "at least 1 character", id="empty model"),
        pytest.param({"max_tokens": ...}, "max_tokens", "Field required", id="no max_tokens"),
        pytest.param({"max_tokens": "9"}, "max_tokens", "valid integer", id="max_tokens is text"),
        pytest.param({"max_tokens": True}, "max_tokens", "valid integer", id="max_tokens is a boolean"),
        pytest.param({"max_tokens": -1}, "max_tokens", "greater than", id="negative max_tokens"),
        pytest.param({"messages": []}, "messages", "at least one", id="no messages"),
        pytest.param({"messages": "hi"}, "messages", "valid list", id="messages are text"),
        pytest.param({"messages": [1]}, "messages.0", "object", id="a message is a number"),
        pytest.param({"messages": [{"content": "a"}]}, "messages.0.role", "Field required", id="no role"),
        pytest.param({"messages": [{"role": "x"}]}, "messages.0.role", "'user'", id="unknown role"),
        pytest.param({"messages": [{"role": "user"}]}, "messages.0.content", "required", id="no content"),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages.0.content.0.text",
            "Field required",
            id="text without text",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{}]}]},
            "messages.0.content.0.type",
            "Field required",
            id="block without a type",
        ),
        pytest.param({"stream": "yes"}, "stream", "boolean", id="stream is text"),
        pytest.param({"tools": {}}, "tools", "list", id="tools are no list"),
        pytest.param({"tools": [{"name": "f"}]}, "tools.0.input_schema", "required", id="no schema"),
        pytest.param({"tool_choice": {"type": "x"}}, "tool_choice.type", "'auto'", id="unknown choice"),
        pytest.param({"temperature": "hot"}, "temperature", "number", id="temperature is text"),
        pytest.param({"stop_sequences": "x"}, "stop_sequences", "list", id="stop sequences are text"),
        pytest.param(
            {"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens", "required", id="no budget"
        ),
        pytest.param(
            {"output_config": {"effort": "x"}}, "output_config.effort", "'low'", id="unknown effort"
        ),
    ],
)
def test_a_bad_request_is_refused_in_anthropics_words(lab, changes, where, what) -> None:
    """A fault names the place as Anthropic does, and what was expected there."""
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}], **changes}
    fault = lab.refused(msgspec.json.encode({k: v for k, v in body.items() if v is not ...}))
    assert fault.param == where
    assert fault.message.startswith(f"{where}: ")
    assert what in fault.message
    assert fault.verdict is Verdict.FIX_REQUEST


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"model":"\xff"}', id="no UTF-8"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(
            b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"x":'
            + b"[" * 300
            + b"]" * 300
            + b"}",
            id="nested beyond the bound",
        ),
        pytest.param(
            b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"\\ud800 a"}]}',
            id="half a surrogate pair",
        ),
    ],
)
def test_what_is_no_request_is_a_fault(lab, body) -> None:
    """Whatever bytes come, the answer is a fault and not an exception."""
    assert lab.refused(body).verdict is Verdict.FIX_REQUEST


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["system", "messages", "tools", "tool_choice", "thinking", "output_config", "metadata", "stop_sequences"]
)


@given(FIELDS, JSON)
def test_any_value_of_any_field_is_read_without_an_exception(field, value) -> None:
    """A request with anything at all in a field is a chat or a fault."""
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}], field: value}
    made = MESSAGES.parse(ClientRequest("/v1/messages", {}, {}, json.dumps(body).encode()))
    assert isinstance(made, Chat | Fault)


BLOCKS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image", "document", "tool_use", "tool_result", "thinking", "x"])},
    optional={
        name: JSON | st.sampled_from([{"type": "base64"}, {"type": "text", "data": "a"}])
        for name in ("text", "source", "content", "id", "input", "name", "tool_use_id", "title", "citations")
    },
)


@given(st.sampled_from(["user", "assistant", "system"]), st.lists(BLOCKS, max_size=3))
def test_any_block_is_read_without_an_exception(role, blocks) -> None:
    """A block with anything at all in its fields is a chat or a fault."""
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": role, "content": blocks}]}
    made = MESSAGES.parse(ClientRequest("/v1/messages", {}, {}, json.dumps(body).encode()))
    assert isinstance(made, Chat | Fault)
