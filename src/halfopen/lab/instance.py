"""An instance that satisfies a JSON Schema, as a model with structured output would give."""

import math
from collections.abc import Mapping
from typing import Any

from halfopen.lab.pattern import matching_text

_DEPTH_MAX = 24
_DEPTH_OPTIONAL = 3
"""Below this depth only what is required is given, so that recursive schemas end."""
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "lab@example.com",
    "hostname": "lab.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://lab.example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

Schema = Mapping[str, Any]


def instance(schema: Schema) -> Any:
    """A value that satisfies `schema`, the same each time.

    Knows type, enum, const, anyOf, oneOf, allOf, $ref into the document, properties, required,
    items, prefixItems and the bounds on lengths, numbers and patterns; Gemini's upper-case types
    and `nullable` as well. What it doesn't know it ignores.
    """
    return _value(schema, schema, 0)


def _value(schema: Any, root: Schema, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > _DEPTH_MAX:
        return None
    schema = _resolved(schema, root, depth)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for union in ("anyOf", "oneOf", "any_of"):
        if schema.get(union):
            return _value(_simplest(schema[union], depth), root, depth + 1)
    kind = _kind(schema, depth)
    if kind == "object":
        return _object(schema, root, depth)
    if kind == "array":
        return _array(schema, root, depth)
    if kind == "string":
        return _string(schema)
    if kind in {"integer", "number"}:
        return _number(schema, whole=kind == "integer")
    return True if kind == "boolean" else None


def _resolved(schema: Schema, root: Schema, depth: int) -> Schema:
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        found: Any = root
        for step in reference.lstrip("#/").split("/"):
            if step:
                found = found.get(step, {}) if isinstance(found, Mapping) else {}
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        target = found if isinstance(found, Mapping) else {}
        return _resolved({**target, **rest}, root, depth + 1) if depth < _DEPTH_MAX else {}
    if isinstance(schema.get("allOf"), list):
        merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            for key, value in _resolved(part, root, depth + 1).items():
                merged[key] = _merged(merged.get(key), value)
        return merged
    return schema


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **new}
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *new]
    return new


def _simplest(options: Any, depth: int) -> Any:
    if depth > _DEPTH_OPTIONAL:
        for option in options:
            if isinstance(option, Mapping) and option.get("type") == "null":
                return option
    return options[0]


def _kind(schema: Schema, depth: int) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        names = [str(name).lower() for name in kind]
        solid = [name for name in names if name != "null"]
        return "null" if not solid or (depth > _DEPTH_OPTIONAL and "null" in names) else solid[0]
    if isinstance(kind, str):
        return kind.lower()
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if {"minimum", "maximum", "multipleOf"} & set(schema):
        return "number"
    return "string"


def _object(schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    required = schema.get("required") or []
    names = [name for name in properties if depth <= _DEPTH_OPTIONAL or name in required]
    names += [name for name in required if name not in properties]
    if not names and depth == 0 and schema.get("additionalProperties") is not False:
        return {"answer": "lab text"}  # an open object of any shape: a model would put something into it
    return {name: _value(properties.get(name, {}), root, depth + 1) for name in names}


def _array(schema: Schema, root: Schema, depth: int) -> list[Any]:
    fixed = [_value(item, root, depth + 1) for item in schema.get("prefixItems") or ()]
    least = int(schema.get("minItems") or 0)
    most = schema.get("maxItems")
    wanted = max(least, 1 if depth <= _DEPTH_OPTIONAL and not fixed else 0)
    if most is not None:
        wanted = min(wanted, int(most))
    items = schema.get("items", {})
    values = [*fixed, *(_value(items, root, depth + 1) for _ in range(wanted - len(fixed)))]
    if schema.get("uniqueItems"):
        values = _made_unique(values, items)
    return values


def _made_unique(values: list[Any], items: Any) -> list[Any]:
    choices = items.get("enum") if isinstance(items, Mapping) else None
    unique: list[Any] = []
    for place, value in enumerate(values):
        if choices:
            unique.append(choices[place % len(choices)])
        elif isinstance(value, str):
            unique.append(f"{value}{place}" if place else value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            unique.append(value + place)
        else:
            unique.append(value)
    return unique


def _string(schema: Schema) -> str:
    if isinstance(schema.get("pattern"), str):
        return matching_text(schema["pattern"])
    text = _FORMATS.get(str(schema.get("format")), "lab text")
    least = int(schema.get("minLength") or 0)
    text += "x" * (least - len(text))
    most = schema.get("maxLength")
    return text if most is None else text[: int(most)]


def _number(schema: Schema, *, whole: bool) -> int | float:
    step = schema.get("multipleOf") or (1 if whole else 0.5)
    low = schema.get("minimum")
    high = schema.get("maximum")
    if isinstance(schema.get("exclusiveMinimum"), int | float):
        low = schema["exclusiveMinimum"] + step
    if isinstance(schema.get("exclusiveMaximum"), int | float):
        high = schema["exclusiveMaximum"] - step
    value = math.ceil((low if low is not None else min(7, high if high is not None else 7)) / step) * step
    if high is not None and value > high:
        value = math.floor(high / step) * step
    return int(value) if whole else value
