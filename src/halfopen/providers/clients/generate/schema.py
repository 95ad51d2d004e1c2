"""Google's schemas as JSON Schema.

`parameters` and `responseSchema` are a selection of OpenAPI 3.0: types in upper case, `nullable`,
bounds as text, `propertyOrdering`. `parametersJsonSchema` and `responseJsonSchema` are JSON Schema
already.

Rules
1. `nullable` becomes a second type `null`, and a null among the values of an enum.
2. `propertyOrdering` orders the properties: models write them in the order of the schema.
3. A `format` of enum or of a protocol buffer's number is left out; it says what the type says.
4. Google's models write the listed properties only, so an object with properties can be closed.

Source: ai.google.dev/api/caching, Schema; openai.com's guide to structured outputs for `binds`.
"""

from collections.abc import Mapping
from typing import Any

from halfopen.providers.clients.generate.proto_json import (
    BadRequestError,
    integer_at,
    list_at,
    message_at,
    number_at,
)

DEPTH_MAX = 64
_COUNTS = frozenset(("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"))
_BOUNDS = frozenset(("minimum", "maximum"))
_AS_THEY_ARE = frozenset(("title", "description", "default", "pattern", "required", "enum"))
_NO_FORMATS = frozenset(("enum", "float", "double", "int32", "int64"))
_BINDING = frozenset(
    (
        "$defs",
        "$ref",
        "additionalProperties",
        "anyOf",
        "const",
        "description",
        "enum",
        "items",
        "properties",
        "required",
        "title",
        "type",
    )
)
"""Keywords that every vendor with guaranteed schemas takes."""


def json_schema(schema: Any, where: str, depth: int = 0) -> dict[str, Any]:
    """Translate one of Google's schemas. Raises BadRequestError."""
    if depth > DEPTH_MAX:
        raise BadRequestError(f"{where} is nested too deeply.", where)
    node: dict[str, Any] = {}
    fields = message_at(schema, where)
    for name, value in fields.items():
        if name in _COUNTS:
            node[name] = integer_at(value, f"{where}.{name}")
        elif name in _BOUNDS:
            node[name] = number_at(value, f"{where}.{name}")
        elif name in _AS_THEY_ARE:
            node[name] = value
        else:
            node |= _structure(name, value, where, depth)
    _order(node, fields.get("propertyOrdering"))
    return _nullable(node) if fields.get("nullable") is True else node


def _structure(name: str, value: Any, where: str, depth: int) -> dict[str, Any]:
    place = f"{where}.{name}"
    match name:
        case "type":
            return _type(value, place)
        case "format":
            return {} if value in _NO_FORMATS else {"format": value}
        case "items":
            return {"items": json_schema(value, place, depth + 1)}
        case "anyOf":
            return {"anyOf": [json_schema(each, place, depth + 1) for each in list_at(value)]}
        case "properties" | "defs" | "$defs":
            if not isinstance(value, dict):
                raise BadRequestError(f"{place} must be an object.", place)
            made = {key: json_schema(each, f"{place}.{key}", depth + 1) for key, each in value.items()}
            return {"properties" if name == "properties" else "$defs": made}
        case "ref" | "$ref":
            return {"$ref": value}
        case "additionalProperties":
            extra = value if isinstance(value, bool) else json_schema(value, place, depth + 1)
            return {"additionalProperties": extra}
        case "example":
            return {"examples": [value]}
        case "const" | "oneOf" | "allOf" | "prefixItems":  # not documented for schemas, but accepted
            return {name: value}
        case _:
            return {}


def _type(value: Any, where: str) -> dict[str, Any]:
    """Google's servers take the types in lower case, too."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return {"type": [each.lower() for each in value]}
    if not isinstance(value, str):
        raise BadRequestError(f"{where} must be text.", where)
    return {} if value == "TYPE_UNSPECIFIED" else {"type": value.lower()}


def _order(node: dict[str, Any], ordering: Any) -> None:
    properties = node.get("properties")
    if properties and isinstance(ordering, list):
        first = {name: properties[name] for name in ordering if isinstance(name, str) and name in properties}
        node["properties"] = first | properties


def _nullable(node: dict[str, Any]) -> dict[str, Any]:
    if "type" not in node:
        return {"anyOf": [node, {"type": "null"}]}
    kinds = list_at(node["type"])
    node["type"] = kinds if "null" in kinds else [*kinds, "null"]
    if isinstance(node.get("enum"), list) and None not in node["enum"]:
        node["enum"] = [*node["enum"], None]
    return node


def closed(schema: Any) -> Any:
    """The schema with every object that lists its properties closed against others."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    node: dict[str, Any] = {}
    for name, value in schema.items():
        if name in ("properties", "$defs") and isinstance(value, dict):
            node[name] = {key: closed(each) for key, each in value.items()}
        else:
            node[name] = closed(value) if name in ("items", "anyOf", "additionalProperties") else value
    if node.get("properties") and "additionalProperties" not in node:
        node["additionalProperties"] = False
    return node


def binds(schema: Any) -> bool:
    """Whether a vendor with guaranteed schemas can guarantee this one: closed, and all required."""
    if not isinstance(schema, Mapping) or not _BINDING.issuperset(schema):
        return False
    properties = schema.get("properties")
    if properties is not None or "object" in list_at(schema.get("type")):
        if not isinstance(properties, dict) or schema.get("additionalProperties") is not False:
            return False
        required = schema.get("required")
        if not isinstance(required, list):
            return False
        if not {name for name in required if isinstance(name, str)}.issuperset(properties):
            return False
        if not all(binds(each) for each in properties.values()):
            return False
    if "array" in list_at(schema.get("type")) and "items" not in schema:
        return False
    below = [*list_at(schema.get("items")), *list_at(schema.get("anyOf"))]
    defs = schema.get("$defs")
    return all(binds(each) for each in [*below, *(defs.values() if isinstance(defs, dict) else ())])
