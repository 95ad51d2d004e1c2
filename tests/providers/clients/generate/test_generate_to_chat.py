"""What a request of generateContent means as a chat completion request."""

import base64
import time
from typing import Any

import msgspec
import pytest
from google.genai import types

PNG = base64.urlsafe_b64encode(b"\xfb\xff\xfe\xff" * 4 + b"x").decode()


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def call(name: str, args: Any = None, **fields: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, "args": args or {}, **fields}}


def result(name: str, response: Any, **fields: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response, **fields}}


def test_long_conversations(desk: Any) -> None:
    """A conversation of many pieces is read in a time that grows with its length."""
    count = 20_000
    calls = [model(call("f", id=f"c{place}")) for place in range(count)]
    results = [user(result("f", {"output": place}, id=f"c{place}")) for place in reversed(range(count))]
    texts = [model({"text": "word " * 20}) for _ in range(count)]
    contents = [user({"text": "Hi"}), *calls, *results, *texts, user({"text": "So?"})]
    started = time.process_time()
    messages = desk.chat(contents=contents)["messages"]
    assert time.process_time() - started < 6
    assert len(messages[1]["tool_calls"]) == count
    assert [each["tool_call_id"] for each in messages[2:5]] == [f"c{count - n}" for n in (1, 2, 3)]
    assert messages[-2]["content"] == "word " * 20 * count


@pytest.mark.parametrize(
    "instruction",
    ["Be brief", {"parts": {"text": "Be brief"}}, {"role": "user", "parts": [{"text": "Be brief"}]}],
    ids=["text", "one part", "content"],
)
@pytest.mark.parametrize("name", ["systemInstruction", "system_instruction"])
def test_system(desk: Any, name: str, instruction: Any) -> None:
    """The system instruction comes first, whatever form and case it has."""
    messages = desk.chat(**{name: instruction})["messages"]
    assert messages == [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}]


def test_history(desk: Any) -> None:
    """Pieces of the model's turn are one message; thoughts and signatures of earlier turns are left out."""
    contents = [
        user({"text": "Hi"}),
        model({"text": "hmm", "thought": True}),
        model({"text": "Hel"}),
        model({"text": "lo", "thoughtSignature": "c2ln"}, {"text": "", "thought_signature": "c2ln"}),
        user({"text": "a"}, {"text": "b"}),
    ]
    assert desk.chat(contents=contents)["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]


@pytest.mark.parametrize("ids", [True, False], ids=["with ids", "without ids"])
def test_calls(desk: Any, ids: bool) -> None:
    """Results find their calls by id, else by name in order."""
    first, second = ({"id": "a"}, {"id": "b"}) if ids else ({}, {})
    contents = [
        user({"text": "Weather?"}),
        model(
            {"text": "Let me see."},
            call("look", {"at": "Rome"}, **first),
            call("look", {"at": "Oslo"}, **second),
        ),
        user(
            result("look", {"output": "sun"}, **first), result("look", {"deg": 3}, **second), {"text": "So?"}
        ),
    ]
    messages = desk.chat(contents=contents)["messages"]
    names = ["a", "b"] if ids else ["call_1", "call_2"]
    assert [each["id"] for each in messages[1]["tool_calls"]] == names
    assert msgspec.json.decode(messages[1]["tool_calls"][1]["function"]["arguments"]) == {"at": "Oslo"}
    assert messages[1]["content"] == "Let me see."
    assert messages[2:] == [
        {"role": "tool", "tool_call_id": names[0], "content": "sun"},
        {"role": "tool", "tool_call_id": names[1], "content": '{"deg":3}'},
        {"role": "user", "content": "So?"},
    ]


@pytest.mark.parametrize(
    ("part", "made"),
    [
        pytest.param(
            {"inlineData": {"mimeType": "image/png", "data": PNG}},
            {
                "type": "image_url",
                "image_url": {
                    "url": "data:image/png;base64,"
                    + base64.b64encode(b"\xfb\xff\xfe\xff" * 4 + b"x").decode()
                },
            },
            id="image in the URL-safe alphabet",
        ),
        pytest.param(
            {
                "inline_data": {"mime_type": "image/png", "data": "AAAA"},
                "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
            },
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            id="image of low detail",
        ),
        pytest.param(
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://a.test/b.jpg"}},
            {"type": "image_url", "image_url": {"url": "https://a.test/b.jpg"}},
            id="image by its address",
        ),
        pytest.param(
            {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            id="audio",
        ),
        pytest.param(
            {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
            {
                "type": "file",
                "file": {"filename": "file.pdf", "file_data": "data:application/pdf;base64,AAAA"},
            },
            id="pdf",
        ),
    ],
)
def test_media(desk: Any, part: Any, made: Any) -> None:
    """Media become parts of the user's message."""
    assert desk.chat(contents=[user(part)])["messages"] == [{"role": "user", "content": [made]}]


def test_parameters(desk: Any) -> None:
    """Google's schemas become JSON Schema."""
    schema = {
        "type": "OBJECT",
        "properties": {
            "b": {"type": "STRING", "nullable": True, "format": "enum", "enum": ["x", "y"]},
            "a": {"type": "ARRAY", "items": {"type": "INTEGER", "format": "int32"}, "min_items": "1"},
            "c": {"anyOf": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "nullable": True},
        },
        "propertyOrdering": ["a", "b", "c"],
        "required": ["a"],
    }
    tools = [{"function_declarations": [{"name": "f", "description": "F", "parameters": schema}]}]
    (tool,) = desk.chat(tools=tools)["tools"]
    parameters = tool["function"]["parameters"]
    assert list(parameters["properties"]) == ["a", "b", "c"]
    assert parameters == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "b": {"type": ["string", "null"], "enum": ["x", "y", None]},
            "c": {"anyOf": [{"anyOf": [{"type": "number"}, {"type": "boolean"}]}, {"type": "null"}]},
        },
        "required": ["a"],
    }


OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}
FULL = {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "required": ["a"]}
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("config", "choice", "offered"),
    [
        pytest.param(None, None, ["f", "g", "h"], id="none"),
        pytest.param({"mode": "AUTO"}, None, ["f", "g", "h"], id="auto"),
        pytest.param({"mode": "NONE"}, "none", ["f", "g", "h"], id="never"),
        pytest.param({"mode": "ANY"}, "required", ["f", "g", "h"], id="any"),
        pytest.param(
            {"mode": "any", "allowed_function_names": ["g"]},
            {"type": "function", "function": {"name": "g"}},
            ["f", "g", "h"],
            id="one of them",
        ),
        pytest.param(
            {"mode": "ANY", "allowedFunctionNames": ["g", "h"]}, "required", ["g", "h"], id="two of them"
        ),
        pytest.param({"mode": "VALIDATED", "allowedFunctionNames": ["f"]}, None, ["f"], id="validated"),
    ],
)
def test_modes(desk: Any, config: Any, choice: Any, offered: list[str]) -> None:
    """Every mode has its tool_choice; several allowed functions are the only ones offered."""
    tools = {"functionDeclarations": [{"name": name, "parametersJsonSchema": OPEN} for name in "fgh"]}
    chat = desk.chat(tools=tools, toolConfig={"functionCallingConfig": config} if config else None)
    assert chat.get("tool_choice") == choice
    assert [tool["function"]["name"] for tool in chat["tools"]] == offered
    assert chat["tools"][0]["function"]["parameters"] == OPEN


@pytest.mark.parametrize(("schema", "strict"), [(FULL, True), (OPEN, None)], ids=["guaranteed", "not"])
def test_validated(desk: Any, schema: Any, strict: bool | None) -> None:
    """VALIDATED is strict where a schema can be guaranteed, else a wish that is told of."""
    tools = {"functionDeclarations": [{"name": "f", "parameters": schema}]}
    ask = desk.ask(tools=tools, toolConfig={"functionCallingConfig": {"mode": "VALIDATED"}})
    assert ask.deep["tools"][0]["function"].get("strict") is strict
    assert ask.dropped == (() if strict else ("function calls are not validated",))


def test_config(desk: Any) -> None:
    """Limits, sampling and log-probabilities have their own fields."""
    config = types.GenerateContentConfig(
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        max_output_tokens=99,
        stop_sequences=["X"],
        candidate_count=2,
        seed=7,
        presence_penalty=0.25,
        frequency_penalty=-0.5,
        response_logprobs=True,
        logprobs=3,
    )
    chat = desk.chat(generationConfig=config.model_dump(mode="json", by_alias=True))
    del chat["model"], chat["messages"]
    assert chat == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "max_completion_tokens": 99,
        "stop": ["X"],
        "n": 2,
        "seed": 7,
        "presence_penalty": 0.25,
        "frequency_penalty": -0.5,
        "logprobs": True,
        "top_logprobs": 3,
    }


@pytest.mark.parametrize(
    ("config", "made"),
    [
        pytest.param({"responseMimeType": "text/plain"}, None, id="text"),
        pytest.param({"responseMimeType": "application/json"}, {"type": "json_object"}, id="json"),
        pytest.param(
            {"responseMimeType": "application/json", "responseSchema": FULL},
            {"type": "json_schema", "json_schema": {"name": "response", "schema": CLOSED, "strict": True}},
            id="schema",
        ),
        pytest.param(
            {"response_mime_type": "application/json", "response_json_schema": OPEN},
            {"type": "json_schema", "json_schema": {"name": "response", "schema": OPEN}},
            id="open JSON schema",
        ),
    ],
)
def test_formats(desk: Any, config: Any, made: Any) -> None:
    """A format of the answer is kept, and a schema guaranteed where it can be."""
    assert desk.chat(generationConfig=config).get("response_format") == made


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ({"thinkingBudget": 0}, "none"),
        ({"thinkingBudget": -1}, None),
        ({"thinkingBudget": 512}, "low"),
        ({"thinking_budget": 8192}, "medium"),
        ({"thinkingBudget": 30000}, "high"),
        ({"thinkingLevel": "MINIMAL"}, "minimal"),
        ({"thinkingLevel": "high"}, "high"),
        ({"includeThoughts": True}, None),
    ],
    ids=str,
)
def test_thinking(desk: Any, thinking: Any, effort: str | None) -> None:
    """A thinking budget or level is a reasoning effort."""
    assert desk.chat(generationConfig={"thinkingConfig": thinking}).get("reasoning_effort") == effort


def test_dropped(desk: Any) -> None:
    """Wishes that are lost are told of; books and queues are not."""
    ask = desk.ask(
        safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        generationConfig={"mediaResolution": "MEDIA_RESOLUTION_LOW"},
        labels={"team": "a"},
        model="models/fast",
    )
    assert ask.native_only is None
    assert ask.dropped == ("no safety settings", "no media resolution")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"cachedContent": "cachedContents/1"}, "cached content", id="cache"),
        pytest.param({"tools": [{"googleSearch": {}}]}, "the tool googleSearch", id="search"),
        pytest.param({"tools": [{"code_execution": {}}]}, "the tool codeExecution", id="code"),
        pytest.param({"tools": {"urlContext": {}}}, "the tool urlContext", id="urls"),
        pytest.param({"tools": [{"fileSearch": {}}]}, "the tool fileSearch", id="files"),
        pytest.param(
            {"toolConfig": {"retrievalConfig": {"languageCode": "de"}}},
            "toolConfig.retrievalConfig",
            id="retrieval",
        ),
        pytest.param(
            {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}}, "answers as image", id="image"
        ),
        pytest.param(
            {"generationConfig": {"speechConfig": {}}}, "generationConfig.speechConfig", id="speech"
        ),
        pytest.param(
            {"generationConfig": {"responseMimeType": "text/x.enum"}},
            "answers of type text/x.enum",
            id="enum",
        ),
        pytest.param({"somethingNew": 1}, "the field somethingNew", id="unknown"),
        pytest.param(
            {"contents": [user({"inlineData": {"mimeType": "video/mp4", "data": "AA"}})]},
            "media of type video/mp4",
            id="video",
        ),
        pytest.param(
            {
                "contents": [
                    user(
                        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}}
                    )
                ]
            },
            "files stored at Google",
            id="stored file",
        ),
        pytest.param(
            {"contents": [user({"text": "a"}), model({"executableCode": {}}), user({"text": "b"})]},
            "the part executableCode",
            id="code in history",
        ),
        pytest.param(
            {"contents": [model(call("f")), user({"text": "b"})]},
            "a function call without its result",
            id="open call",
        ),
        pytest.param(
            {"contents": [user(result("f", {}))]}, "a function result without its call", id="lone result"
        ),
    ],
)
def test_native_only(desk: Any, fields: dict[str, Any], reason: str) -> None:
    """What only Gemini can do is a reason to ask no other provider, and no error."""
    ask = desk.ask(**fields)
    assert ask.native_only == f"only Gemini has {reason}"
    assert ask.deep["messages"]
    for dialect in ("openai", "anthropic"):
        assert desk.pair(dialect).unfit(ask, desk.target(dialect)) == ask.native_only
    assert desk.pair("gemini").unfit(ask, desk.target("gemini")) is None
