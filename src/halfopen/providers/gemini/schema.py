"""JSON Schema as Gemini takes it.

`parametersJsonSchema` and `responseJsonSchema` take JSON Schema itself, so a schema goes out as it
came, with one change: a node with `$ref` may have no constraint beside it (the API answers 400), so
`{"$ref": R, "description": D}` becomes `{"anyOf": [{"$ref": R}], "description": D}`, which means the
same. Keywords that Gemini doesn't enforce (`pattern`, `minLength`, `not`, ...) are sent, too; the
reference page of this translation names them.

Source: ai.google.dev/api/generate-content, GenerationConfig.responseJsonSchema.
"""

from typing import Any

_SCHEMAS_BY_NAME = frozenset(("properties", "patternProperties", "$defs", "definitions", "dependentSchemas"))
_VERBATIM = frozenset(("enum", "const", "default", "examples", "example", "required", "type"))


def to_gemini_schema(schema: Any) -> Any:
    """Return the schema in Gemini's form; the argument stays as it is. Values that are no schema pass."""
    if isinstance(schema, list):
        return [to_gemini_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    node = {name: _keyword(name, value) for name, value in schema.items() if name != "$schema"}
    if isinstance(node.get("$ref"), str):
        beside = {name: value for name, value in node.items() if not name.startswith("$")}
        if beside:
            kept = {name: value for name, value in node.items() if name.startswith("$") and name != "$ref"}
            return _with_ref(node["$ref"], beside) | kept
    return node


def _keyword(name: str, value: Any) -> Any:
    if name in _VERBATIM:
        return value
    if name in _SCHEMAS_BY_NAME and isinstance(value, dict):
        return {each: to_gemini_schema(sub) for each, sub in value.items()}
    return to_gemini_schema(value)


def _with_ref(ref: str, beside: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" not in beside:
        return {**beside, "anyOf": [{"$ref": ref}]}
    all_of = beside.get("allOf")
    return {**beside, "allOf": [*(all_of if isinstance(all_of, list) else ()), {"$ref": ref}]}
