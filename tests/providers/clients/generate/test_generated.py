"""Generated requests: through a chat completion request and back they mean the same."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.model import Fault
from halfopen.providers import DIALECTS, Chat, ClientRequest
from halfopen.providers.clients.generate import GENERATE

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
NAME = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
ARGS = st.dictionaries(NAME, VALUE, max_size=2)
SCHEMA = st.fixed_dictionaries(
    {
        "type": st.just("object"),
        "properties": st.dictionaries(
            NAME, st.sampled_from([{"type": "string"}, {"type": "number"}]), max_size=2
        ),
    }
)


@st.composite
def _turns(draw: Any) -> list[dict[str, Any]]:
    """Turns of user and model; every call has its result, and the user has the last word."""
    contents = []
    for number in range(draw(st.integers(0, 2))):
        contents.append({"role": "user", "parts": [{"text": draw(TEXT)}]})
        names = draw(st.lists(NAME, max_size=2))
        parts: list[Any] = [{"text": text} for text in draw(st.lists(TEXT, max_size=1))]
        with_ids = draw(st.booleans())
        ids = [{"id": f"c{number}{at}"} if with_ids else {} for at in range(len(names))]
        parts += [
            {"functionCall": {"name": name, "args": draw(ARGS), **ids[at]}} for at, name in enumerate(names)
        ]
        if parts:
            contents.append({"role": "model", "parts": parts})
        if names:
            results = [
                {"functionResponse": {"name": name, "response": {"output": draw(TEXT)}, **ids[at]}}
                for at, name in enumerate(names)
            ]
            contents.append({"role": "user", "parts": results})
    return [*contents, {"role": "user", "parts": [{"text": draw(TEXT)}]}]


CONFIG = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "topP": st.floats(0, 1),
        "topK": st.integers(1, 100),
        "maxOutputTokens": st.integers(1, 9999),
        "stopSequences": st.lists(TEXT, min_size=1, max_size=5),
        "candidateCount": st.integers(2, 8),
        "seed": st.integers(-(2**31), 2**31 - 1),
        "thinkingConfig": st.sampled_from(
            [{"thinkingBudget": 0}]
            + [{"thinkingBudget": each, "includeThoughts": True} for each in (1024, 8192, 24576)]
        ),
    },
)


@st.composite
def _requests(draw: Any) -> dict[str, Any]:
    request: dict[str, Any] = {"contents": draw(_turns())}
    if draw(st.booleans()):
        request["systemInstruction"] = {"parts": [{"text": draw(TEXT)}]}
    names = draw(st.lists(NAME, max_size=3, unique=True))
    config = draw(CONFIG)
    if names:
        declared = [
            {"name": name, "description": draw(TEXT), "parametersJsonSchema": draw(SCHEMA)} for name in names
        ]
        request["tools"] = [{"functionDeclarations": declared}]
        calling = draw(
            st.sampled_from(
                [{}, {"mode": "NONE"}, {"mode": "ANY"}, {"mode": "ANY", "allowedFunctionNames": names[:1]}]
            )
        )
        if calling:
            request["toolConfig"] = {"functionCallingConfig": calling}
    elif draw(st.booleans()):
        config |= {
            "responseMimeType": "application/json",
            "responseJsonSchema": {"title": "response", **draw(SCHEMA)},
        }
    if config:
        request["generationConfig"] = config
    return request


def _plain(request: dict[str, Any]) -> dict[str, Any]:
    """The request with what no meaning depends on made equal: ids, and where a turn is cut into contents."""
    turns: list[tuple[str, list[Any]]] = []
    ids: dict[str, str] = {}
    for content in request["contents"]:
        parts = msgspec.json.decode(msgspec.json.encode(content["parts"]))
        for part in parts:
            for each in (part.get("functionCall"), part.get("functionResponse")):
                if each is not None:
                    each["id"] = ids.setdefault(each.get("id", "none"), "id")
        if turns and turns[-1][0] == content["role"]:
            turns[-1][1].extend(parts)
        else:
            turns.append((content["role"], parts))
    return {**request, "contents": turns}


@settings(max_examples=300, deadline=None)
@given(request=_requests())
def test_there_and_back(desk: Any, request: dict[str, Any]) -> None:
    """Gemini's own translation of the chat asks for what the client's request asked for."""
    ask = desk.ask(**request)
    assert (ask.native_only, ask.dropped) == (None, ())
    target = desk.target("gemini")
    assert DIALECTS["gemini"].unfit(ask, target) is None
    back = msgspec.json.decode(DIALECTS["gemini"].call(ask, target, None).body)
    assert _plain(back) == _plain(msgspec.json.decode(msgspec.json.encode(request)))


_NAMES = [
    "contents",
    "parts",
    "text",
    "role",
    "functionCall",
    "functionResponse",
    "inlineData",
    "mimeType",
    "data",
    "name",
    "args",
    "response",
    "tools",
    "functionDeclarations",
    "parameters",
    "type",
    "properties",
    "items",
    "generationConfig",
    "thinkingConfig",
    "responseSchema",
    "toolConfig",
    "functionCallingConfig",
    "mode",
    "systemInstruction",
    "stop_sequences",
    "nullable",
    "anyOf",
    "minItems",
    "fileData",
    "file_uri",
    "id",
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=500, deadline=None)
@given(value=_JSON)
def test_any_json(value: Any) -> None:
    """Whatever JSON comes, it is a request or a fault, and every pair has an opinion on it."""
    for body in (value, {"contents": value}, {"contents": "Hi", "generationConfig": value, "tools": value}):
        request = ClientRequest("/v1beta/models/m:generateContent", {}, {}, msgspec.json.encode(body))
        parsed = GENERATE.parse(request)
        assert isinstance(parsed, Chat | Fault)


@settings(max_examples=500, deadline=None)
@given(parts=_JSON, schema=_JSON)
def test_any_parts(desk: Any, parts: Any, schema: Any) -> None:
    """A request that is accepted is either unfit for a provider, or has a call, with a good body."""
    fields = {"contents": [{"parts": parts}, {"role": "model", "parts": parts}, {"parts": [{"text": "Hi"}]}]}
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    for whole in (fields, {"generationConfig": config}):
        parsed = GENERATE.parse(desk.request(**whole))
        if isinstance(parsed, Fault):
            continue
        for dialect in ("openai", "anthropic", "gemini"):
            target, pair = desk.target(dialect), desk.pair(dialect)
            if pair.unfit(parsed, target) is None:
                assert all(wish.isascii() for wish in pair.adapted(parsed, target))
                assert isinstance(msgspec.json.decode(pair.call(parsed, target, "key").body), dict)
