"""What is no request of the Responses API is refused in OpenAI's words, with the field to blame."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import Fault, Kind, Verdict
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.responses import RESPONSES

Parse = Callable[..., Chat | Fault]

BAD = {
    "no model": ({"model": ...}, "model", "missing_required_parameter"),
    "a model that is a number": ({"model": 4}, "model", "invalid_type"),
    "an empty model": ({"model": ""}, "model", "empty_string"),
    "no input": ({"input": ...}, "input", "missing_required_parameter"),
    "an input that is an object": ({"input": {}}, "input", "invalid_type"),
    "an empty input": ({"input": []}, "input", "empty_array"),
    "an item that is a string": ({"input": ["a"]}, "input[0]", "invalid_type"),
    "a stream that is a word": ({"stream": "yes"}, "stream", "invalid_type"),
    "a role that nobody has": (
        {"input": [{"role": "god", "content": "x"}]},
        "input[0].role",
        "invalid_value",
    ),
    "a message without content": ({"input": [{"role": "user"}]}, "input[0].content", "invalid_type"),
    "a part that is a string": (
        {"input": [{"role": "user", "content": ["x"]}]},
        "input[0].content[0]",
        "invalid_type",
    ),
    "a part without a type": (
        {"input": [{"role": "user", "content": [{"text": "x"}]}]},
        "input[0].content[0].type",
        "missing_required_parameter",
    ),
    "text that is a number": (
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": 1}]}]},
        "input[0].content[0].text",
        "invalid_type",
    ),
    "an item without a type": ({"input": [{"name": "x"}]}, "input[0].type", "missing_required_parameter"),
    "a call without an id": (
        {"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]},
        "input[0].call_id",
        "missing_required_parameter",
    ),
    "tools that are an object": ({"tools": {}}, "tools", "invalid_type"),
    "a tool without a type": ({"tools": [{"name": "f"}]}, "tools[0].type", "missing_required_parameter"),
    "a function without a name": (
        {"tools": [{"type": "function"}]},
        "tools[0].name",
        "missing_required_parameter",
    ),
    "a choice that nobody knows": (
        {"tools": [{"type": "function", "name": "f"}], "tool_choice": "maybe"},
        "tool_choice",
        "invalid_value",
    ),
    "a schema without a name": (
        {"text": {"format": {"type": "json_schema", "schema": {}}}},
        "text.format.name",
        "missing_required_parameter",
    ),
    "a format that nobody knows": (
        {"text": {"format": {"type": "xml"}}},
        "text.format.type",
        "invalid_value",
    ),
    "instructions that are a number": ({"instructions": 4}, "instructions", "invalid_type"),
    "reasoning that is a word": ({"reasoning": "high"}, "reasoning", "invalid_type"),
    "a response of ours that nobody stored": (
        {"previous_response_id": "resp_halfopen_abc"},
        "previous_response_id",
        "previous_response_not_found",
    ),
    "a message of ours by its id": (
        {"input": [{"role": "user", "content": "x"}, {"type": "item_reference", "id": "msg_halfopen_a_1"}]},
        "input[1].id",
        "item_not_found",
    ),
    "a call of ours by its bare id": (
        {"input": [{"id": "fc_halfopen_a_1"}]},
        "input[0].id",
        "item_not_found",
    ),
}


@pytest.mark.parametrize(("fields", "param", "code"), BAD.values(), ids=BAD.keys())
def test_refused(parse: Parse, fields: dict[str, Any], param: str, code: str) -> None:
    """A bad request is a fault of the client's that names the field and OpenAI's code."""
    fault = parse(**fields)
    assert isinstance(fault, Fault), fault
    assert (fault.kind, fault.verdict) == (Kind.INVALID_REQUEST, Verdict.FIX_REQUEST)
    assert (fault.param, fault.code, fault.type) == (param, code, "invalid_request_error")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"model":"m","input":"\xff"}',
        b'{"model":"m","input":' + b"[" * 500 + b"]" * 500 + b"}",
    ],
    ids=["empty", "cut", "an array", "no UTF-8", "nested too deeply"],
)
def test_unreadable(body: bytes) -> None:
    """A body that can't be read is a fault, never an exception."""
    fault = RESPONSES.parse(ClientRequest("/v1/responses", {}, {}, body))
    assert isinstance(fault, Fault)
    assert fault.verdict is Verdict.FIX_REQUEST


def test_state_stands_in_for_input(parse: Parse) -> None:
    """A request that goes on from a stored response needs no input."""
    chat = parse(input=..., previous_response_id="resp_1")
    assert isinstance(chat, Chat)
    assert chat.native_only == "state is stored at OpenAI"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [
        "input",
        "tools",
        "tool_choice",
        "text",
        "reasoning",
        "include",
        "instructions",
        "store",
        "temperature",
        "x",
    ]
)
ITEM = st.fixed_dictionaries(
    {
        "type": st.sampled_from(
            ["message", "function_call", "function_call_output", "reasoning", "web_search_call"]
        ),
    },
    optional={
        "role": JSON,
        "content": JSON,
        "call_id": JSON,
        "name": JSON,
        "arguments": JSON,
        "output": JSON,
    },
)


@given(st.dictionaries(NAMES, JSON, max_size=5), st.none() | st.lists(ITEM | JSON, max_size=4))
def test_never_raises(fields: dict[str, Any], items: list[Any] | None) -> None:
    """Whatever JSON a client sends, it is read or refused."""
    request = {"model": "m", "input": "Hi"} | fields | ({} if items is None else {"input": items})
    body = json.dumps(request).encode()
    read = RESPONSES.parse(ClientRequest("/v1/responses", {}, {}, body))
    assert isinstance(read, Chat | Fault)
    if isinstance(read, Chat):
        assert read.deep["model"] == "m"
        assert isinstance(read.deep["messages"], list)
