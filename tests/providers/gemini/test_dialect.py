"""Addresses, headers, and requests of every shape against Google's own types."""

import json
import re
import typing
from pathlib import Path

import msgspec
import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import completion_create_params

from halfopen.providers.contract import Dialect
from halfopen.providers.gemini import GEMINI
from halfopen.providers.gemini.generation import generation_of
from halfopen.providers.gemini.openai_to_gemini import LEFT_OUT, TRANSLATED

TABLE = Path(__file__).parents[3] / "docs" / "reference" / "translation-gemini.md"


def test_it_is_a_dialect():
    """GEMINI offers what the drivers need."""
    dialect: Dialect = GEMINI
    assert (dialect.name, dialect.default_base_url) == ("gemini", "https://generativelanguage.googleapis.com")


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        pytest.param(
            "gemini-2.5-flash", False, "/v1beta/models/gemini-2.5-flash:generateContent", id="plain"
        ),
        pytest.param(
            "gemini-2.5-flash",
            True,
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            id="stream",
        ),
        pytest.param(
            "models/gemini-x", False, "/v1beta/models/gemini-x:generateContent", id="with its collection"
        ),
        pytest.param("tunedModels/a b", False, "/v1beta/tunedModels/a%20b:generateContent", id="tuned"),
        pytest.param(
            "a/../b?c#d:é", False, "/v1beta/models/a%2F..%2Fb%3Fc%23d%3A%C3%A9:generateContent", id="hostile"
        ),
    ],
)
def test_address(chat, target, model, stream, path):
    """The model is one segment of the path, whatever its name holds."""
    assert GEMINI.call(chat(stream=stream), target(model), None).path == path


def test_headers(chat, target):
    """The key travels in its header only, and only when there is one."""
    call = GEMINI.call(chat(), target(), "secret")
    assert dict(call.headers) == {
        "content-type": "application/json",
        "accept": "application/json",
        "x-goog-api-key": "secret",
    }
    assert "secret" not in call.path
    assert b"secret" not in call.body
    keyless = dict(GEMINI.call(chat(stream=True), target(), None).headers)
    assert keyless == {"content-type": "application/json", "accept": "text/event-stream"}


def test_a_call_that_does_not_fit_is_refused(chat, target):
    """Calling what `unfit` refused is a mistake of ours, and says so."""
    with pytest.raises(ValueError, match="whatever"):
        GEMINI.call(chat(whatever=1), target(), None)


def test_the_models_own_limits_come_first(chat, target):
    """The shared check of capabilities has its say."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert GEMINI.unfit(chat(tools=tools), target(tools=False)) is not None


def test_prefill_where_the_model_continues(chat, target):
    """An assistant message at the end goes to a model that continues it."""
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert GEMINI.unfit(chat(messages=messages), target(prefill=True)) is None


@pytest.mark.parametrize(
    ("model", "version", "pro"),
    [
        pytest.param("gemini-2.5-flash-lite", (2, 5), False, id="2.5"),
        pytest.param("models/gemini-3-pro-preview", (3, 0), True, id="3 pro"),
        pytest.param("gemini-3.1-pro-preview", (3, 1), True, id="3.1 pro"),
        pytest.param("gemini-flash-latest", (999, 0), False, id="latest"),
        pytest.param("gemma-3-27b-it", (1, 0), False, id="gemma"),
        pytest.param("", (999, 0), False, id="nothing"),
    ],
)
def test_generation(model, version, pro):
    """The generation is read from the name; a name without one counts as the newest."""
    generation = generation_of(model)
    assert (generation.version, generation.pro) == (version, pro)


def test_every_field_of_openai_is_in_the_table():
    """The reference page says of every request field what becomes of it, and the code agrees."""
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (\w[^|]*) \|", TABLE.read_text(), re.MULTILINE))
    fields = set(typing.get_type_hints(completion_create_params.CompletionCreateParamsBase)) | {"stream"}
    assert fields - rows.keys() == set()
    assert {name for name, fate in rows.items() if fate.startswith("translated")} == TRANSLATED
    assert {name for name, fate in rows.items() if fate.startswith("left out")} == LEFT_OUT


_TEXT = st.text(max_size=12)
_NAME = st.sampled_from(["get_weather", "now", "a-b"])
_PARTS = st.lists(
    st.one_of(
        st.fixed_dictionaries({"type": st.just("text"), "text": _TEXT}),
        st.fixed_dictionaries(
            {
                "type": st.just("image_url"),
                "image_url": st.fixed_dictionaries(
                    {"url": st.sampled_from(["data:image/png;base64,AAAA", "https://e.com/a.png"])}
                ),
            }
        ),
    ),
    max_size=3,
)
_USER = st.fixed_dictionaries({"role": st.just("user"), "content": _TEXT | _PARTS}, optional={"name": _TEXT})
_SYSTEM = st.fixed_dictionaries({"role": st.sampled_from(["system", "developer"]), "content": _TEXT})


@st.composite
def _round(draw):
    """An assistant's calls with all their results."""
    ids = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
    arguments = st.sampled_from(["{}", '{"x": {"y": [1, null]}}', "not JSON", ""])
    calls = [
        {"id": each, "type": "function", "function": {"name": draw(_NAME), "arguments": draw(arguments)}}
        for each in ids
    ]
    results = [
        {"role": "tool", "tool_call_id": each, "content": draw(_TEXT)} for each in draw(st.permutations(ids))
    ]
    return [{"role": "assistant", "content": draw(st.none() | _TEXT), "tool_calls": calls}, *results]


_MESSAGES = st.tuples(
    st.lists(_SYSTEM, max_size=2),
    st.fixed_dictionaries({"role": st.just("user"), "content": st.text(min_size=1, max_size=9)}),
    st.lists(_round() | _USER.map(lambda each: [each]), max_size=3),
    _USER,
).map(lambda each: [*each[0], each[1], *(message for turn in each[2] for message in turn), each[3]])
_SCHEMA = st.sampled_from(
    [
        {
            "type": "object",
            "properties": {"x": {"type": "integer", "minimum": 0}},
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"x": {"$ref": "#/$defs/A", "title": "t"}},
            "$defs": {"A": {"enum": [1]}},
        },
    ]
)
_TOOLS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.just("function"),
            "function": st.fixed_dictionaries(
                {"name": _NAME},
                optional={"description": _TEXT, "parameters": _SCHEMA, "strict": st.booleans()},
            ),
        }
    ),
    min_size=1,
    max_size=3,
)
_FIELDS = st.fixed_dictionaries(
    {"messages": _MESSAGES},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "max_tokens": st.integers(1, 9999),
        "stop": _TEXT | st.lists(_TEXT, max_size=4),
        "n": st.integers(1, 8),
        "seed": st.integers(-(2**63), 2**63 - 1),
        "logprobs": st.booleans(),
        "top_logprobs": st.integers(0, 20),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh"]),
        "response_format": st.sampled_from([{"type": "text"}, {"type": "json_object"}])
        | _SCHEMA.map(lambda each: {"type": "json_schema", "json_schema": {"name": "S", "schema": each}}),
        "tools": _TOOLS,
        "stream": st.booleans(),
        "user": _TEXT,
    },
)


@settings(max_examples=200, deadline=None)
@given(
    fields=_FIELDS, model=st.sampled_from(["gemini-2.5-flash", "gemini-3-pro-preview", "gemini-2.0-flash"])
)
def test_google_accepts_every_translated_request(chat, target, fields, model):
    """Whatever fits becomes a body that Google's own types take, field for field."""
    asked, goal = chat(**fields), target(model)
    if GEMINI.unfit(asked, goal) is not None:
        return
    body = msgspec.json.decode(GEMINI.call(asked, goal, "key").body)
    assert set(body) <= {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig"}
    contents = [types.Content.model_validate(each) for each in body["contents"]]
    assert all(content.parts for content in contents)
    types.GenerationConfig.model_validate(body.get("generationConfig", {}))
    types.ToolConfig.model_validate(body.get("toolConfig", {}))
    for tool in body.get("tools", ()):
        types.Tool.model_validate(tool)
    if "systemInstruction" in body:
        types.Content.model_validate(body["systemInstruction"])
    _check_turns(body["contents"])
    said = json.dumps(fields["messages"])
    assert all(
        part["text"] in ("", " ") or json.dumps(part["text"].removesuffix(": "))[1:-1] in said
        for part in _texts(body)
    )


def _texts(body):
    return [part for content in body["contents"] for part in content["parts"] if "text" in part]


def _check_turns(contents):
    """Every call is answered in the very next content, in its order."""
    for place, content in enumerate(contents):
        calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
        if calls:
            answered = [part["functionResponse"] for part in contents[place + 1]["parts"]]
            assert [(each["id"], each["name"]) for each in calls] == [
                (each["id"], each["name"]) for each in answered
            ]


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "function", "name", "role", "content", "url", "id"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(
    fields=st.dictionaries(
        st.sampled_from(sorted((TRANSLATED | LEFT_OUT) - {"model", "stream", "messages"})), _ANY
    ),
    messages=st.lists(
        st.dictionaries(
            st.sampled_from(
                ["content", "tool_calls", "tool_call_id", "name", "function_call", "extra_content"]
            ),
            _ANY,
            max_size=4,
        ).flatmap(
            lambda rest: st.sampled_from(["user", "assistant", "tool", "system", "function"]).map(
                lambda role: rest | {"role": role}
            )
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_nonsense_gives_a_reason_or_a_body(target, fields, messages):
    """Fields of any shape give a reason or a body, and never raise."""
    from halfopen.providers.chat import Chat
    from halfopen.providers.chat_request import parse_chat

    asked = parse_chat(msgspec.json.encode({"model": "m", "messages": messages} | fields))
    if isinstance(asked, Chat) and GEMINI.unfit(asked, target("gemini-3-pro-preview")) is None:
        GEMINI.call(asked, target("gemini-3-pro-preview"), None)
