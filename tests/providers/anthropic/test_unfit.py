"""What Anthropic can't do is a reason to skip the target."""

import pytest

from halfopen.providers.chat_request import parse_chat

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


OPEN = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}


NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["next"]}


def form(schema, **fields):
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, **fields}}


def _nest(depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


def _wide(count):
    return {"type": "object", "properties": {f"p{index}": {"type": "string"} for index in range(count)}}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(
            {"response_format": {"type": "json_object"}, "tools": [TOOL]},
            "together with tools",
            id="json-tools",
        ),
        pytest.param(
            {"response_format": {"type": "json_object"}, "stop": "}"}, "stop sequences", id="json-stop"
        ),
        pytest.param(
            {
                "response_format": {"type": "json_object"},
                "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}],
            },
            "at the end",
            id="json-prefill",
        ),
        pytest.param({"response_format": {"type": "grammar"}}, "no response format", id="unknown-format"),
        pytest.param(
            {
                "response_format": form(
                    {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}, strict=True
                )
            },
            "minimum",
            id="strict-constraint",
        ),
        pytest.param(
            {"response_format": form({"type": "object", "additionalProperties": {"type": "string"}})},
            "free keys",
            id="map",
        ),
        pytest.param({"response_format": form({"type": "object"})}, "free keys", id="free-object"),
        pytest.param(
            {"response_format": form({"$ref": "#/$defs/node", "$defs": {"node": NODE}})},
            "recursive",
            id="recursive",
        ),
        pytest.param(
            {"response_format": form({"type": "object", "properties": {"a": {"$ref": "#"}}})},
            "refers to",
            id="refers-to-itself",
        ),
        pytest.param(
            {"response_format": form({"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}})},
            "lacks",
            id="missing-definition",
        ),
        pytest.param(
            {"response_format": form({"type": "object", "properties": {"a": {}}})},
            "without a type",
            id="untyped",
        ),
        pytest.param(
            {"response_format": form({"type": "object", "properties": {"a": True}})},
            "no object",
            id="boolean-schema",
        ),
        pytest.param({"response_format": form(_nest(70))}, "too deep", id="deep-schema"),
        pytest.param({"response_format": form(_wide(25))}, "optional", id="too-many-optional"),
        pytest.param(
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": f"f{index}",
                            "strict": True,
                            "parameters": {
                                "type": "object",
                                "properties": {"a": {"type": "string"}},
                                "required": ["a"],
                            },
                        },
                    }
                    for index in range(21)
                ]
            },
            "strict tools",
            id="too-many-strict-tools",
        ),
        pytest.param(
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": f"f{index}", "strict": True, "parameters": OPEN},
                    }
                    for index in range(17)
                ]
            },
            "union",
            id="too-many-unions",
        ),
        pytest.param(
            {"tools": [{"type": "custom", "custom": {"name": "x"}}]},
            "no tools but functions",
            id="custom-tool",
        ),
        pytest.param(
            {"tools": [{"type": "function", "function": {"name": "a.b"}}]}, "tool name", id="tool-name"
        ),
        pytest.param({"tools": [TOOL, TOOL]}, "two tools", id="same-name"),
        pytest.param(
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "f", "parameters": {"anyOf": [{"type": "object"}]}},
                    }
                ]
            },
            "plain object",
            id="open-top",
        ),
        pytest.param(
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": _nest(90)}}]},
            "too deep",
            id="deep-tool",
        ),
        pytest.param({"tools": [TOOL], "functions": [TOOL["function"]]}, "both", id="tools-and-functions"),
        pytest.param(
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "z"}}},
            "names no defined",
            id="choice-of-nothing",
        ),
        pytest.param({"tool_choice": "required"}, "without tools", id="choice-without-tools"),
        pytest.param({"stop": ["END", "\n"]}, "whitespace", id="stop-at-newline"),
        pytest.param({"stop": 3}, "stop", id="stop-number"),
        pytest.param({"temperature": -1}, "temperature", id="temperature-below-0"),
        pytest.param({"temperature": "hot"}, "temperature", id="temperature-text"),
        pytest.param({"max_tokens": 0}, "positive", id="no-tokens"),
        pytest.param({"n": 2}, "no n", id="choices"),
        pytest.param({"logprobs": True}, "logprobs", id="logprobs"),
        pytest.param({"top_logprobs": 3}, "logprobs", id="top-logprobs"),
        pytest.param({"frequency_penalty": 0.5}, "frequency_penalty", id="frequency-penalty"),
        pytest.param({"presence_penalty": -0.5}, "presence_penalty", id="presence-penalty"),
        pytest.param({"logit_bias": {"50256": -100}}, "logit_bias", id="logit-bias"),
        pytest.param({"modalities": ["text", "audio"]}, "modalities", id="modalities"),
        pytest.param({"audio": {"voice": "alloy", "format": "mp3"}}, "audio", id="audio"),
        pytest.param({"web_search_options": {}}, "web_search_options", id="web-search"),
        pytest.param({"moderation": {"model": "omni-moderation-latest"}}, "moderation", id="moderation"),
        pytest.param({"top_k": 0.5}, "top_k", id="top-k"),
        pytest.param({"max_tokens": 9.5}, "positive whole", id="half-a-token"),
        pytest.param({"min_p": 0.5}, "not known", id="unknown-field"),
        pytest.param({"reasoning_effort": "absurd"}, "reasoning effort", id="effort"),
    ],
)
def test_what_cannot_be_done_is_a_reason(lab, fields, reason):
    """What Anthropic can't do is a reason to skip the target, in a few words."""
    told = lab.unfit(lab.chat(**fields))
    assert told is not None
    assert reason in told
    assert len(told) < 200


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"temperature": 0.5}, "sampling", id="sampling"),
        pytest.param({"top_k": 5}, "sampling", id="top-k"),
        pytest.param({"tools": [TOOL], "tool_choice": "required"}, "forced", id="forced-tool"),
        pytest.param({"response_format": {"type": "json_object"}}, "forced", id="json-object"),
    ],
)
def test_what_thinking_excludes_is_a_reason(lab, fields, reason):
    """What Anthropic refuses together with thinking is a reason."""
    assert reason in (
        lab.unfit(lab.chat(reasoning_effort="low", **fields), lab.target("claude-opus-5", reasoning=True))
        or ""
    )


@pytest.mark.parametrize(
    "model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-2", "claude-opus-6"]
)
@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"tools": [TOOL], "tool_choice": "required"}, id="tool"),
        pytest.param({"response_format": {"type": "json_object"}}, id="json-object"),
    ],
)
def test_a_model_that_always_thinks_cannot_be_forced(lab, model, fields):
    """Anthropic answers 400 to a forced tool call on models that can't stop thinking."""
    assert "always thinks" in (lab.unfit(lab.chat(**fields), lab.target(model)) or "")


@pytest.mark.parametrize("number", [b"1e999", b"9" * 5000], ids=["float", "integer"])
@pytest.mark.parametrize("strict", [b"true", b"false"], ids=["strict", "not-strict"])
def test_a_number_that_cannot_be_written_again_is_a_reason(lab, number, strict):
    """A number that would change on its way is refused, not sent as null."""
    body = b'{"model":"m","messages":[{"role":"user","content":"a"}],"temperature":1,"tools":[{"type":"function","function":{"name":"f","strict":%s,"parameters":{"type":"object","properties":{},"additionalProperties":false,"default":%s}}}]}'
    assert "too large" in (lab.unfit(parse_chat(body % (strict, number))) or "")
    sampling = parse_chat(
        b'{"model":"m","messages":[{"role":"user","content":"a"}],"temperature":%s}' % number
    )
    assert "temperature" in (lab.unfit(sampling) or "")
