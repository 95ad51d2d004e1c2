"""Answers prove themselves whole, and instances satisfy their schemas."""

import re

import pytest

from halfopen.lab import expected_text, is_whole
from halfopen.lab.answer import tokens
from halfopen.lab.instance import instance
from halfopen.lab.pattern import matching_text
from halfopen.lab.question import Question, compose


def test_an_answer_is_whole_and_no_part_of_it_is():
    """Every proper prefix, and any changed character, is recognised."""
    text = expected_text("openai", "gpt-4o-mini", "What is\nthe weather?")
    assert text.startswith("Lab answer from openai/gpt-4o-mini to: What is the weather?. one two three")
    assert is_whole(text)
    assert not any(is_whole(text[:end]) for end in range(len(text)))
    assert not any(is_whole(text[:place] + "~" + text[place + 1 :]) for place in range(len(text)))
    assert "".join(tokens(text)) == text


def test_the_same_question_gets_the_same_answer():
    """Answers depend on the question and on nothing else."""
    question = Question("openai", "m", "hello", choices=2)
    assert compose(question) == compose(question)
    assert compose(question)[0].text == expected_text("openai", "m", "hello")
    assert compose(question)[1].text == expected_text("openai", "m", "hello", choice=1)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "minLength": 12}, "lab textxxxx"),
        ({"type": "string", "maxLength": 3}, "lab"),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "integer", "minimum": 10, "maximum": 12}, 10),
        ({"type": "integer", "exclusiveMinimum": 3, "multipleOf": 5}, 10),
        ({"type": "number", "maximum": 0.5}, 0.5),
        ({"type": ["null", "boolean"]}, True),
        ({"const": 5}, 5),
        ({"enum": ["a", "b"]}, "a"),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, [7, 8, 9]),
        (
            {
                "allOf": [
                    {"type": "object", "properties": {"a": {"const": 1}}},
                    {"properties": {"b": {"const": 2}}},
                ]
            },
            {"a": 1, "b": 2},
        ),
        ({"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}, {"a": "lab text"}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "boolean"}}}, True),
    ],
)
def test_an_instance_satisfies_its_schema(schema, value):
    """Bounds, unions, references and Gemini's spelling are kept."""
    assert instance(schema) == value


def test_recursive_schemas_end():
    """A tree that refers to itself gives a finite instance."""
    node = {
        "type": "object",
        "properties": {
            "child": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            "name": {"type": "string"},
        },
        "required": ["child", "name"],
    }
    value = instance({"$ref": "#/$defs/node", "$defs": {"node": node}})
    depth = 0
    while value is not None:
        assert value["name"] == "lab text"
        value = value["child"]
        depth += 1
    assert depth < 10


@pytest.mark.parametrize(
    "pattern", [r"^\d{3}-\d{4}$", r"^[A-Z]{2}\w+$", r"a|b", r"^(x)\1$", r"[^a]", r"^v?\d+\.\d+$"]
)
def test_a_text_matches_its_pattern(pattern):
    """Common patterns get a text that matches."""
    assert re.search(pattern, matching_text(pattern))


@pytest.mark.parametrize("pattern", ["(", r"(?<!x)y"])
def test_a_pattern_beyond_us_gets_a_plain_text(pattern):
    """What can't be generated is not an error."""
    assert matching_text(pattern)
