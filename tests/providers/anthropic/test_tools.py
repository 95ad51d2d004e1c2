"""Tool choice, strict tools and schemas."""

import json

import pytest

TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


OPEN = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}


def form(schema, **fields):
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, **fields}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, None, id="default"),
        pytest.param({"tool_choice": "auto"}, None, id="auto"),
        pytest.param({"tool_choice": "none"}, {"type": "none"}, id="none"),
        pytest.param({"tool_choice": "required"}, {"type": "any"}, id="required"),
        pytest.param(
            {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}},
            {"type": "tool", "name": "get_weather"},
            id="named",
        ),
        pytest.param(
            {"parallel_tool_calls": False},
            {"type": "auto", "disable_parallel_tool_use": True},
            id="one-at-a-time",
        ),
        pytest.param(
            {"parallel_tool_calls": False, "tool_choice": "required"},
            {"type": "any", "disable_parallel_tool_use": True},
            id="exactly-one",
        ),
        pytest.param({"parallel_tool_calls": True}, None, id="parallel"),
        pytest.param(
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "required",
                        "tools": [{"type": "function", "function": {"name": "get_weather"}}],
                    },
                }
            },
            {"type": "any"},
            id="allowed-tools",
        ),
    ],
)
def test_tool_choice(lab, fields, expected):
    """Every form of tool choice has its translation."""
    other = {"type": "function", "function": {"name": "other"}}
    body = lab.body(lab.chat(tools=[TOOL, other], **fields))
    lab.accepted(body)
    assert body.get("tool_choice") == expected
    names = [tool["name"] for tool in body["tools"]]
    assert names == (["get_weather"] if "allowed_tools" in json.dumps(fields) else ["get_weather", "other"])


def test_json_schema(lab):
    """A schema becomes structured output with closed objects."""
    body = lab.body(lab.chat(response_format=form(OPEN, strict=True, description="A thing")))
    lab.accepted(body)
    assert body["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {**OPEN, "additionalProperties": False, "description": "A thing"},
        }
    }


def test_a_constraint_without_strict_is_a_description(lab):
    """Without `strict`, what Anthropic can't enforce is told to the model."""
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1, "description": "n"}}}
    body = lab.body(lab.chat(response_format=form(schema)))
    assert body["output_config"]["format"]["schema"]["properties"]["a"] == {
        "type": "integer",
        "description": "n\n\n{minimum: 1}",
    }


def test_strict_tools_are_strict(lab):
    """A strict tool stays strict."""
    tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": OPEN}}
    body = lab.body(lab.chat(tools=[tool]))
    lab.accepted(body)
    assert body["tools"] == [
        {"name": "f", "strict": True, "input_schema": {**OPEN, "additionalProperties": False}}
    ]


def test_a_description_beside_a_reference_is_kept(lab):
    """The model reads what the client says of a part, also where the part is a reference."""
    reference = {"$ref": "#/$defs/city"}
    schema = {
        "type": "object",
        "properties": {"home": {**reference, "description": "Where they live"}, "work": reference},
        "required": ["home", "work"],
        "additionalProperties": False,
        "$defs": {"city": OPEN},
    }
    for strict in (True, False):
        sent = lab.body(lab.chat(response_format=form(schema, strict=strict)))
        assert sent["output_config"]["format"]["schema"]["properties"] == {
            "home": {"anyOf": [reference], "description": "Where they live"},
            "work": reference,
        }


def test_the_descriptions_of_a_schema_that_is_a_reference_are_kept(lab):
    """The description beside the schema reaches the model, too."""
    schema = {"$ref": "#/$defs/thing", "$defs": {"thing": {**OPEN, "additionalProperties": False}}}
    sent = lab.body(lab.chat(response_format=form(schema, strict=True, description="A thing")))
    made = sent["output_config"]["format"]["schema"]
    assert (made["anyOf"], made["description"]) == ([{"$ref": "#/$defs/thing"}], "A thing")
