"""A request of the Responses API means the same as a chat completion."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.responses import RESPONSES

Ask = Callable[..., Chat]
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}
OTHER = {"type": "function", "name": "g", "strict": False}


def test_plain(ask: Ask) -> None:
    """Text becomes the user's message, and the chat remembers the request word for word."""
    chat = ask(input="Hello", store=False)
    assert chat.deep == {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
    assert (chat.include_usage, chat.native_only, chat.dropped) == (True, None, ())
    assert chat.origin is not None
    assert chat.origin.deep["input"] == "Hello"


def test_stream(ask: Ask) -> None:
    """A stream asks for the token counts."""
    chat = ask(stream=True)
    assert chat.stream
    assert chat.deep["stream_options"] == {"include_usage": True}


def test_accepted_as_a_chat(ask: Ask) -> None:
    """What is made is a request that a chat client could have sent."""
    made = ask(instructions="Be brief.", stream=True, tools=[FUNCTION])
    assert isinstance(parse_chat(made.body), Chat)


FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "max_output_tokens": ({"max_output_tokens": 9}, {"max_completion_tokens": 9}),
    "sampling": ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
    "safety_identifier": ({"safety_identifier": "s"}, {"user": "s"}),
    "user": ({"safety_identifier": "s", "user": "u"}, {"user": "u"}),
    "effort": ({"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning_effort": "low"}),
    "verbosity": ({"text": {"verbosity": "low"}}, {"verbosity": "low"}),
    "plain text": ({"text": {"format": {"type": "text"}}}, {}),
    "JSON object": (
        {"text": {"format": {"type": "json_object"}}},
        {"response_format": {"type": "json_object"}},
    ),
    "JSON schema": (
        {
            "text": {
                "format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
            }
        },
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
            }
        },
    ),
    "logprobs by include": ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}),
    "logprobs by number": ({"top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
    "tools": (
        {"tools": [FUNCTION], "tool_choice": "required", "parallel_tool_calls": False},
        {
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "f", "parameters": {"type": "object"}, "strict": True},
                }
            ],
            "tool_choice": "required",
            "parallel_tool_calls": False,
        },
    ),
    "a forced tool": (
        {"tools": [OTHER], "tool_choice": {"type": "function", "name": "g"}},
        {
            "tools": [{"type": "function", "function": {"name": "g", "strict": False}}],
            "tool_choice": {"type": "function", "function": {"name": "g"}},
        },
    ),
    "allowed tools": (
        {
            "tools": [FUNCTION, OTHER],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "g"}],
            },
        },
        {"tools": [{"type": "function", "function": {"name": "g", "strict": False}}], "tool_choice": "auto"},
    ),
    "without effect": (
        {
            "metadata": {"a": "b"},
            "prompt_cache_key": "k",
            "max_tool_calls": 3,
            "stream_options": {},
            "truncation": "disabled",
        },
        {},
    ),
}


@pytest.mark.parametrize(("sent", "made"), FIELDS.values(), ids=FIELDS.keys())
def test_fields(ask: Ask, sent: dict[str, Any], made: dict[str, Any]) -> None:
    """Each field is carried by the name that it has in a chat, and nothing else is added."""
    chat = ask(store=False, **sent)
    deep = {name: value for name, value in chat.deep.items() if name not in ("model", "messages")}
    assert (deep, chat.native_only, chat.dropped) == (made, None, ())


CONTENT: dict[str, tuple[list[Any], list[Any]]] = {
    "roles": (
        [
            {"role": "developer", "content": "d"},
            {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "s"}]},
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": "a"},
        ],
        [
            {"role": "system", "content": "d"},
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": "a"},
        ],
    ),
    "an image and a file": (
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "See"},
                    {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="},
                    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                ],
            }
        ],
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See"},
                    {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}},
                    {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                ],
            }
        ],
    ),
    "an answer of an earlier turn": (
        [
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "Yes", "annotations": []},
                    {"type": "refusal", "refusal": "No"},
                ],
            }
        ],
        [{"role": "assistant", "content": "Yes", "refusal": "No"}],
    ),
    "calls and their results": (
        [
            {"role": "assistant", "content": "Look"},
            {"type": "function_call", "id": "fc_1", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call", "call_id": "b", "name": "g", "arguments": '{"x":1}'},
            {"type": "function_call_output", "call_id": "b", "output": "B"},
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "A"}]},
        ],
        [
            {
                "role": "assistant",
                "content": "Look",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "b", "type": "function", "function": {"name": "g", "arguments": '{"x":1}'}},
                ],
            },
            {"role": "tool", "tool_call_id": "b", "content": "B"},
            {"role": "tool", "tool_call_id": "a", "content": "A"},
        ],
    ),
    "a result that comes late": (
        [
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"role": "user", "content": "Well?"},
            {"type": "function_call_output", "call_id": "a", "output": "A"},
        ],
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "a", "content": "A"},
            {"role": "user", "content": "Well?"},
        ],
    ),
    "text behind a call": (
        [
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"role": "assistant", "content": "Wait"},
            {"type": "function_call_output", "call_id": "a", "output": ""},
        ],
        [
            {
                "role": "assistant",
                "content": "Wait",
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "a", "content": ""},
        ],
    ),
    "a result that is an image": (
        [
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]},
            {"role": "user", "content": "And?"},
        ],
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "a", "content": "See below."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "From the output of a:"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
                ],
            },
            {"role": "user", "content": "And?"},
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("items", "messages"), CONTENT.values(), ids=CONTENT.keys())
def test_input(ask: Ask, items: list[Any], messages: list[Any]) -> None:
    """Items become the messages that mean the same, in an order that every server takes."""
    chat = ask(input=items)
    assert chat.deep["messages"] == messages
    assert chat.native_only is None


def test_instructions(ask: Ask) -> None:
    """Instructions are the first word of the system."""
    chat = ask(instructions="Be brief.")
    assert chat.deep["messages"][0] == {"role": "system", "content": "Be brief."}


STORED = "state is stored at OpenAI"
HOSTED = (
    "web_search", "file_search", "code_interpreter", "computer_use_preview", "image_generation", "mcp", "local_shell", "custom",
)  # fmt: skip
NATIVE: dict[str, tuple[dict[str, Any], str]] = {
    "previous_response_id": ({"previous_response_id": "resp_1"}, STORED),
    "conversation": ({"conversation": {"id": "conv_1"}}, STORED),
    "background": ({"background": True}, "responses in the background run at OpenAI"),
    "prompt": ({"prompt": {"id": "pmpt_1"}}, "prompt templates are stored at OpenAI"),
    "item reference": ({"input": [{"type": "item_reference", "id": "msg_1"}]}, STORED),
    "bare reference": ({"input": [{"id": "msg_1"}]}, STORED),
    "image by id": (
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
        STORED,
    ),
    "file by id": (
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]},
        STORED,
    ),
    "file by URL": (
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x"}]}]},
        "files by URL only at OpenAI",
    ),
    "own item": (
        {"input": [{"type": "computer_call_output", "call_id": "c"}]},
        "input of type computer_call_output is OpenAI's own",
    ),
    "namespaced call": (
        {
            "input": [
                {"type": "function_call", "call_id": "a", "name": "f", "arguments": "", "namespace": "n"}
            ]
        },
        "tools in namespaces are OpenAI's own",
    ),
    "deferred function": (
        {"tools": [FUNCTION | {"defer_loading": True}]},
        "functions that OpenAI's own tools find or call",
    ),
    "forced hosted tool": (
        {"tools": [FUNCTION], "tool_choice": {"type": "web_search"}},
        "tools of type web_search are OpenAI's own",
    ),
    "a field of the future": ({"höhe": 3}, "the field h_he"),
    **{kind: ({"tools": [{"type": kind}]}, f"tools of type {kind} are OpenAI's own") for kind in HOSTED},
}


@pytest.mark.parametrize(("fields", "reason"), NATIVE.values(), ids=NATIVE.keys())
def test_native_only(ask: Ask, fields: dict[str, Any], reason: str) -> None:
    """What only OpenAI can do is a reason to pass every other target over."""
    assert ask(**fields).native_only == reason


DROPPED: dict[str, tuple[dict[str, Any], str]] = {
    "stored by default": ({}, "not stored"),
    "stored by wish": ({"store": True}, "not stored"),
    "truncation": ({"store": False, "truncation": "auto"}, "no truncation"),
    "service tier": ({"store": False, "service_tier": "flex"}, "no service tier"),
    "encrypted reasoning": (
        {"store": False, "include": ["reasoning.encrypted_content"]},
        "no encrypted reasoning",
    ),
    "earlier reasoning": (
        {
            "store": False,
            "input": [
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}]},
                {"role": "user", "content": "x"},
            ],
        },
        "no earlier reasoning",
    ),
    "functions not strict": (
        {"store": False, "tools": [{"type": "function", "name": "f"}]},
        "functions not strict by default",
    ),
    "reasoning mode": ({"store": False, "reasoning": {"mode": "pro"}}, "no reasoning mode"),
    "context management": (
        {"store": False, "context_management": [{"type": "compaction"}]},
        "context is not compacted",
    ),
    "reasoning of ours by its id": (
        {
            "store": False,
            "input": [
                {"type": "item_reference", "id": "rs_halfopen_a_0"},
                {"role": "user", "content": "x"},
            ],
        },
        "no earlier reasoning",
    ),
}


@pytest.mark.parametrize(("fields", "phrase"), DROPPED.values(), ids=DROPPED.keys())
def test_dropped(ask: Ask, fields: dict[str, Any], phrase: str) -> None:
    """A wish that is lost elsewhere is said, in plain ASCII, and is no reason to refuse."""
    chat = ask(**fields)
    assert (chat.dropped, chat.native_only) == ((phrase,), None)


@pytest.mark.parametrize("value", [None, False, "", [], {}], ids=str)
def test_an_unknown_field_that_asks_for_nothing(ask: Ask, value: Any) -> None:
    """A field that nobody here has heard of may stay empty without a word."""
    chat = ask(store=False, future=value)
    assert (chat.native_only, chat.dropped) == (None, ())


def test_odd_allowed_tools(ask: Ask) -> None:
    """A name that is no text allows no function, and raises nothing."""
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": ["f"]}]}
    assert ask(tools=[FUNCTION], tool_choice=choice).deep["tool_choice"] == "none"


MANY = 20_000
LONG: dict[str, list[dict[str, Any]]] = {
    "results of one call": [
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        *({"type": "function_call_output", "call_id": "a", "output": "x"} for _ in range(MANY)),
    ],
    "results far behind their calls": [
        *({"type": "function_call", "call_id": f"{n}", "name": "f", "arguments": ""} for n in range(MANY)),
        *({"type": "function_call_output", "call_id": f"{n}", "output": "x"} for n in range(MANY)),
    ],
    "texts behind a call": [
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        *({"role": "assistant", "content": "text " * 20} for _ in range(MANY)),
    ],
    "refusals": [
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        *(
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no " * 20}]}
            for _ in range(MANY)
        ),
    ],
}


@pytest.mark.parametrize("items", LONG.values(), ids=LONG.keys())
def test_long_input(ask: Ask, items: list[dict[str, Any]]) -> None:
    """The time that a request takes grows with its length, not with its square."""
    began = time.process_time()
    ask(input=items)
    assert time.process_time() - began < 3


TEXT = st.text(min_size=1, max_size=8)
USER = TEXT.map(lambda text: [{"role": "user", "content": [{"type": "input_text", "text": text}]}])
ASSISTANT = TEXT.map(lambda text: [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}])  # fmt: skip
SYSTEM = TEXT.map(lambda text: [{"role": "developer", "content": text}])
THOUGHT = st.just([{"type": "reasoning", "id": "rs_1", "summary": []}])
ROUND = st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=3)


def _independent(items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What the items say, read without the code under test: facts of the conversation in order."""
    facts: list[tuple[Any, ...]] = []
    for item in items:
        match item.get("type", "message"):
            case "message":
                content = item["content"]
                text = content if isinstance(content, str) else "".join(part["text"] for part in content)
                role = "system" if item["role"] == "developer" else item["role"]
                facts.append((role, text))
            case "function_call":
                facts.append(("call", item["call_id"], item["name"], item["arguments"]))
            case "function_call_output":
                facts.append(("result", item["call_id"], item["output"]))
    return facts


def _chat_facts(messages: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    facts: list[tuple[Any, ...]] = []
    for message in messages:
        if message["role"] == "tool":
            facts.append(("result", message["tool_call_id"], message["content"]))
            continue
        if message["content"]:
            content = message["content"]
            text = content if isinstance(content, str) else "".join(part["text"] for part in content)
            facts.append((message["role"], text))
        facts += [
            ("call", call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in message.get("tool_calls", ())
        ]
    return facts


@given(st.lists(USER | ASSISTANT | SYSTEM | THOUGHT | ROUND, min_size=1, max_size=8))
def test_meaning_is_kept(turns: list[list[Any]]) -> None:
    """A generated conversation says the same in the same order when its chat is read back independently."""
    items: list[dict[str, Any]] = []
    for number, turn in enumerate(turns):
        if isinstance(turn[0], tuple):
            named = [(f"c{number}_{at}", *each) for at, each in enumerate(turn)]
            items += [
                {"type": "function_call", "call_id": i, "name": n, "arguments": a} for i, n, a, _ in named
            ]
            items += [{"type": "function_call_output", "call_id": i, "output": o} for i, _, _, o in named]
        else:
            items += turn
    body = json.dumps({"model": "m", "input": items}).encode()
    chat = RESPONSES.parse(ClientRequest("/v1/responses", {}, {}, body))
    assert isinstance(chat, Chat), chat
    assert _chat_facts(chat.deep["messages"]) == _independent(items)
    waiting: set[str] = set()
    for message in chat.deep["messages"]:
        if message["role"] == "tool":
            assert message["tool_call_id"] in waiting
            waiting.discard(message["tool_call_id"])
        else:
            assert not waiting, "a result is not behind its call"
            waiting |= {call["id"] for call in message.get("tool_calls", ())}
