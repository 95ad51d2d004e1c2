"""Generated requests: accepted by the SDK's own types, complete, and never an exception."""

import itertools
import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


OPEN = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}


def user(text):
    return {"role": "user", "content": text}


def called(*calls, **fields):
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for call_id, name, arguments in calls
        ],
        **fields,
    }


def result(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def block(text):
    return {"type": "text", "text": text}


def form(schema, **fields):
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, **fields}}


WORDS = st.text(max_size=20)
TEXT_PARTS = st.lists(WORDS.map(block), max_size=3)
USER_PARTS = st.lists(
    WORDS.map(block)
    | st.just({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}})
    | st.just({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}})
    | st.just({"type": "file", "file": {"filename": "a.pdf", "file_data": "JVBERi0="}}),
    max_size=3,
)
SYSTEM = st.builds(
    lambda role, content: [{"role": role, "content": content}],
    st.sampled_from(["system", "developer"]),
    WORDS | TEXT_PARTS,
)
USER = st.builds(lambda content: [user(content)], WORDS | USER_PARTS)
ASSISTANT = st.builds(
    lambda content: [{"role": "assistant", "content": content}], WORDS | TEXT_PARTS | st.none()
)
JSON_OBJECTS = st.dictionaries(
    WORDS, st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | st.none(), max_size=3
)


@st.composite
def tool_exchanges(draw):
    ids = draw(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=3, unique=True))
    calls = [
        (call_id, draw(st.sampled_from(["f", "get_weather"])), json.dumps(draw(JSON_OBJECTS)))
        for call_id in ids
    ]
    return [
        called(*calls, content=draw(WORDS | st.none())),
        *(result(call_id, draw(WORDS | TEXT_PARTS)) for call_id in draw(st.permutations(ids))),
    ]


CONVERSATIONS = st.lists(SYSTEM | USER | ASSISTANT | tool_exchanges(), max_size=6).map(
    lambda groups: [*itertools.chain.from_iterable(groups), user("last words")]
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "stream": st.booleans(),
        "tools": st.just([TOOL]),
        "parallel_tool_calls": st.booleans(),
        "stop": st.sampled_from(["END", ["A", "B"]]),
        "max_tokens": st.integers(1, 10**6),
        "temperature": st.floats(0, 2),
        "user": WORDS,
        "seed": st.integers(),
        "response_format": st.sampled_from([form(OPEN), {"type": "text"}]),
        "n": st.just(1),
    },
)


@settings(max_examples=200, deadline=None)
@given(CONVERSATIONS, OPTIONS)
def test_generated_requests_are_accepted_by_the_sdks_types(lab, messages, fields):
    """Any valid request translates to a body that Anthropic's types accept and its rules allow."""
    body = lab.body(lab.chat(messages, **fields))
    lab.accepted(body)
    roles = [turn["role"] for turn in body["messages"]]
    assert roles[0] == "user"
    assert all(before != after for before, after in itertools.pairwise(roles))
    open_ids: set[str] = set()
    seen: set[str] = set()
    for turn in body["messages"]:
        results = [each["tool_use_id"] for each in turn["content"] if each["type"] == "tool_result"]
        assert [each["type"] for each in turn["content"]][: len(results)] == ["tool_result"] * len(results)
        assert set(results) == open_ids
        open_ids = {each["id"] for each in turn["content"] if each["type"] == "tool_use"}
        assert not open_ids & seen
        seen |= open_ids
        assert all(each["text"].strip() for each in turn["content"] if each["type"] == "text")


@settings(max_examples=200, deadline=None)
@given(CONVERSATIONS)
def test_generated_words_all_arrive(lab, messages):
    """Every piece of text that a client wrote is in the body, but for whitespace alone."""
    body = json.dumps(lab.body(lab.chat(messages)))
    for message in messages:
        content = message["content"]
        texts = [content] if isinstance(content, str) else [part.get("text", "") for part in content or []]
        for text in texts:
            assert json.dumps(text.strip())[1:-1] in body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "text", "role", "content", "function", "name", "url", "file", "tools", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
FIELD = st.sampled_from(
    [
        "tools",
        "functions",
        "tool_choice",
        "function_call",
        "response_format",
        "stop",
        "temperature",
        "top_p",
        "max_tokens",
        "user",
        "reasoning_effort",
        "n",
        "logit_bias",
        "parallel_tool_calls",
        "modalities",
    ]
)


@settings(max_examples=300, deadline=None)
@given(JSON, st.dictionaries(FIELD, JSON, max_size=3), st.booleans())
def test_no_request_raises(lab, messages, fields, as_message):
    """Whatever a client sends, the answer is a reason or a body, never an exception."""
    body = {
        "model": "m",
        "messages": [user("a"), {"role": "user", "content": messages}] if as_message else messages,
        **fields,
    }
    chat = parse_chat(msgspec.json.encode(body))
    if isinstance(chat, Chat) and ANTHROPIC.unfit(chat, lab.target("claude-opus-5", reasoning=True)) is None:
        lab.accepted(json.loads(ANTHROPIC.call(chat, lab.target("claude-opus-5", reasoning=True), None).body))
