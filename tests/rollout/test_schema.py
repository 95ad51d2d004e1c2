"""The JSON Schema says what the check of shapes says."""

import re
import tomllib
from typing import Any

import pytest

from halfopen.rollout.example import example
from halfopen.rollout.schema import json_schema

TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool}


def errors(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "") -> list[str]:
    """A validator of the keywords that this schema uses; any other keyword fails the test."""
    known = {
        "$schema", "$defs", "$ref", "title", "description", "default", "examples", "type", "enum", "const", "required",
        "properties", "additionalProperties", "propertyNames", "items", "minItems", "maxItems", "minLength", "maxLength",
        "pattern", "minimum", "maximum", "maxProperties", "anyOf", "not", "uniqueItems",
    }  # fmt: skip
    assert set(schema) <= known, set(schema) - known
    found = []
    if "$ref" in schema:
        found += errors(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, at)
    kind = schema.get("type")
    if kind in TYPES and not isinstance(value, TYPES[kind]):
        return [f"{at}: not {kind}"]
    if kind in {"integer", "number"}:
        if isinstance(value, bool) or not isinstance(value, int if kind == "integer" else int | float):
            return [f"{at}: not {kind}"]
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            found.append(f"{at}: out of range")
    if ("enum" in schema and value not in schema["enum"]) or ("const" in schema and value != schema["const"]):
        found.append(f"{at}: not a choice")
    if isinstance(value, str) and (
        len(value) < schema.get("minLength", 0) or not re.search(schema.get("pattern", ""), value)
    ):
        found.append(f"{at}: bad text")
    if isinstance(value, list):
        found += array_errors(value, schema, root, at)
    if isinstance(value, dict):
        found += object_errors(value, schema, root, at)
    if "anyOf" in schema and all(errors(value, option, root, at) for option in schema["anyOf"]):
        found.append(f"{at}: none of anyOf")
    if "not" in schema and not errors(value, schema["not"], root, at):
        found.append(f"{at}: excluded")
    return found


def array_errors(value: list[Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    """The keywords of arrays."""
    found = [
        line
        for index, item in enumerate(value)
        for line in errors(item, schema.get("items", {}), root, f"{at}[{index}]")
    ]
    found += [f"{at}: too short"] if len(value) < schema.get("minItems", 0) else []
    found += [f"{at}: too long"] if len(value) > schema.get("maxItems", len(value)) else []
    if schema.get("uniqueItems") and any(item in value[:index] for index, item in enumerate(value)):
        found.append(f"{at}: twice")
    return found


def object_errors(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    """The keywords of objects."""
    found = [f"{at}: {name} missing" for name in schema.get("required", ()) if name not in value]
    for name, item in value.items():
        here = f"{at}.{name}"
        rest = schema.get("additionalProperties", True)
        if name in schema.get("properties", {}):
            found += errors(item, schema["properties"][name], root, here)
        elif rest is False:
            found.append(f"{here}: unknown")
        elif isinstance(rest, dict):
            found += errors(item, rest, root, here)
        found += errors(name, schema.get("propertyNames", {}), root, here)
    return found


def test_the_schema_accepts_the_example():
    """An editor shows no error in it, also with every line taken in."""
    schema = json_schema()
    for text in (example(), re.sub(r"(?m)^#(?=\w)", "", example())):
        assert errors(tomllib.loads(text), schema, schema) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[gateway]\nprot = 1", ".gateway.prot: unknown", id="unknown key"),
        pytest.param("[getaway]", ".getaway: unknown", id="unknown table"),
        pytest.param("[gateway]\nport = 0", ".gateway.port: out of range", id="range"),
        pytest.param("[gateway]\nport = '1'", ".gateway.port: not integer", id="type"),
        pytest.param("[routes.x]\ntargets = []", ".routes.x.targets: too short", id="no targets"),
        pytest.param("[routes.x]", ".routes.x: targets missing", id="targets missing"),
        pytest.param("[providers.x]\nconnect_s = 1", ".providers.x: none of anyOf", id="no dialect"),
        pytest.param("[providers.x]\ndialect = 'x'", ".providers.x.dialect: not a choice", id="dialect"),
        pytest.param(
            "[providers.x]\ndialect = 'openai'\nflavour = 'x'",
            ".providers.x.flavour: not a choice",
            id="flavour",
        ),
        pytest.param("[providers.'a b']\nlocal = true", ".providers.a b: bad text", id="name"),
        pytest.param(
            "[providers.x]\ndialect = 'openai'\nkey = 'a'\nkeys = ['b']",
            ".providers.x: excluded",
            id="key and keys",
        ),
        pytest.param(
            "[providers.x]\ndialect = 'openai'\nkeys = ['a', 'a']", ".providers.x.keys: twice", id="same key"
        ),
        pytest.param(
            f"[providers.x]\ndialect = 'openai'\nkeys = {[str(n) for n in range(101)]}",
            ".providers.x.keys: too long",
            id="keys",
        ),
        pytest.param("[defaults]\nchoose = 'best'", ".defaults.choose: not a choice", id="choose"),
        pytest.param("[defaults]\nhedge = 0.3", ".defaults.hedge: out of range", id="hedge"),
        pytest.param("[defaults]\nweights = [1]", ".defaults.weights: unknown", id="weights of all routes"),
        pytest.param(
            "[routes.x]\ntargets = ['a/b']\nweights = [-1]",
            ".routes.x.weights[0]: out of range",
            id="weight",
        ),
    ],
)
def test_the_schema_refuses_what_the_check_refuses(text, expected):
    """Editors show the mistake while it is made."""
    schema = json_schema()
    assert errors(tomllib.loads(text), schema, schema) == [expected]


def test_the_schema_names_its_version():
    """Editors need to know the draft."""
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
