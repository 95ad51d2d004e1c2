"""Schemas that keep their meaning."""

import pytest

from halfopen.providers.gemini.schema import to_gemini_schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param(
            {"type": "object", "pattern": "^a$"}, {"type": "object", "pattern": "^a$"}, id="as it is"
        ),
        pytest.param({"$schema": "x", "type": "string"}, {"type": "string"}, id="no dialect"),
        pytest.param({"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}, id="lone ref"),
        pytest.param(
            {
                "properties": {"a": {"$ref": "#/$defs/A", "description": "d"}},
                "$defs": {"A": {"type": "string"}},
            },
            {
                "properties": {"a": {"description": "d", "anyOf": [{"$ref": "#/$defs/A"}]}},
                "$defs": {"A": {"type": "string"}},
            },
            id="ref with company",
        ),
        pytest.param(
            {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A", "title": "t"}}, "title": "T"},
            {
                "title": "T",
                "anyOf": [{"$ref": "#/$defs/A"}],
                "$defs": {"A": {"title": "t", "anyOf": [{"$ref": "#/$defs/A"}]}},
            },
            id="definitions stay",
        ),
        pytest.param(
            {"$ref": "#/$defs/A", "anyOf": [{"type": "string"}], "allOf": 5},
            {"anyOf": [{"type": "string"}], "allOf": [{"$ref": "#/$defs/A"}]},
            id="ref beside anyOf",
        ),
        pytest.param(
            {"properties": {"$ref": {"type": "string"}, "$schema": {"type": "string"}}},
            {"properties": {"$ref": {"type": "string"}, "$schema": {"type": "string"}}},
            id="properties named like keywords",
        ),
        pytest.param(
            {"enum": [{"$ref": "x", "y": 1}]}, {"enum": [{"$ref": "x", "y": 1}]}, id="values are no schemas"
        ),
        pytest.param({"items": [True, {"$schema": 1}]}, {"items": [True, {}]}, id="lists"),
    ],
)
def test_schema(schema, expected):
    """A schema means the same to Gemini as to OpenAI."""
    assert to_gemini_schema(schema) == expected
