"""JSON schemas that Anthropic must guarantee: structured outputs and strict tools.

Anthropic compiles such a schema and refuses (400) what it can't enforce: numeric bounds, lengths,
patterns, open objects, recursion. What is done about it depends on what the client was promised:

1. `strict: true` is a guarantee. A constraint that Anthropic can't enforce makes the target unfit.
2. Without `strict`, OpenAI itself only tries. Such a constraint goes into the description, where
   the model reads it, as Anthropic's own SDKs do.
3. Objects are closed (`additionalProperties: false`), as Anthropic wants. What fits the closed
   object fits the open one, so the answer stays valid. An object that is all open can't be closed.

Source: Anthropic's documentation of structured outputs (JSON schema limitations).
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from halfopen.providers.anthropic.translation_error import TranslationError

STRICT_TOOLS_MAX = 20
OPTIONAL_MAX = 24
UNIONS_MAX = 16
DEPTH_MAX = 64
"""Levels of schemas, each two levels of JSON."""

_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
_KEPT = frozenset(("type", "required", "title", "description", "default"))
_NOTES = frozenset(("$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly"))
_REFERENCE = re.compile(r"#/(?:\$defs|definitions)/([^/]+)")
_SHAPES = frozenset(("type", "anyOf", "allOf", "enum", "const"))


class Schemas:
    """Translates the guaranteed schemas of one request, and counts what Anthropic bounds over all."""

    def __init__(self) -> None:
        self._optional = 0
        self._unions = 0
        self._tools = 0

    def output(self, schema: object, *, strict: bool) -> dict[str, Any]:
        """The schema of the answer."""
        return self._whole(schema, "the schema of the answer", strict=strict)

    def tool(self, schema: object, name: str) -> dict[str, Any]:
        """The schema of a strict tool's arguments."""
        self._tools += 1
        if self._tools > STRICT_TOOLS_MAX:
            raise TranslationError(f"at most {STRICT_TOOLS_MAX} strict tools")
        return self._whole(schema, f"the schema of tool {name}", strict=True)

    def _whole(self, schema: object, where: str, *, strict: bool) -> dict[str, Any]:
        refuse_unsendable(schema, where)
        translated = _Walk(where, strict=strict)
        node = translated.node(schema)
        _refuse_recursion(node, where)
        self._optional += translated.optional
        self._unions += translated.unions
        if self._optional > OPTIONAL_MAX:
            raise TranslationError(f"at most {OPTIONAL_MAX} optional properties in guaranteed schemas")
        if self._unions > UNIONS_MAX:
            raise TranslationError(f"at most {UNIONS_MAX} union types in guaranteed schemas")
        return node


def refuse_unsendable(value: object, where: str) -> None:
    """Refuse JSON that is nested too deep, or has a number too large to be written again."""
    level: list[object] = [value]
    for _ in range(2 * DEPTH_MAX):
        level = [child for each in level for child in _children(each)]
        if any(isinstance(each, float) and not math.isfinite(each) for each in level):
            raise TranslationError(f"{where} has a number that is too large")
        if not level:
            return
    raise TranslationError(f"{where} is nested too deep")


def _children(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


class _Walk:
    """One pass over one schema."""

    def __init__(self, where: str, *, strict: bool) -> None:
        self.optional = 0
        self.unions = 0
        self._where = where
        self._strict = strict

    def node(self, schema: object) -> dict[str, Any]:
        """Translate a schema or a part of one."""
        if not isinstance(schema, dict):
            raise self._error("has a part that is no object")
        made: dict[str, Any] = {}
        for name in ("$defs", "definitions"):
            if name in schema:
                made[name] = self._nodes(schema[name])
        if "$ref" in schema:
            if _REFERENCE.fullmatch(str(schema["$ref"])) is None:
                raise self._error(f"refers to {str(schema['$ref'])[:80]!r}")
            return made | self._reference(schema)
        schema = _typed(schema)
        if not _SHAPES & schema.keys():
            raise self._error("has a part without a type")
        left: dict[str, Any] = {}
        for name, value in schema.items():
            self._keyword(name, value, made, left)
        if _has_type(schema, "object"):
            self._close(schema, made)
        if "anyOf" in schema or isinstance(schema.get("type"), list):
            self.unions += 1
        self._describe(made, left)
        return made

    def _reference(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Nothing may stand beside a `$ref`, so one with a description goes into an anyOf of its own."""
        reference, description = {"$ref": schema["$ref"]}, schema.get("description")
        if not isinstance(description, str) or not description:
            return reference
        self.unions += 1
        return {"anyOf": [reference], "description": description}

    def _keyword(self, name: str, value: Any, made: dict[str, Any], left: dict[str, Any]) -> None:
        if name in ("anyOf", "allOf"):
            if not isinstance(value, list) or not value:
                raise self._error(f"has an empty {name}")
            made[name] = [self.node(each) for each in value]
        elif name == "properties":
            made[name] = self._nodes(value)
        elif name == "items":
            made[name] = self.node(value)
        elif name in _KEPT or _is_enforced(name, value):
            made[name] = value
        elif name not in _NOTES and name not in made and name != "additionalProperties":
            left[name] = value

    def _nodes(self, schemas: object) -> dict[str, Any]:
        if not isinstance(schemas, dict):
            raise self._error("has properties or definitions that are no object")
        return {name: self.node(each) for name, each in schemas.items()}

    def _close(self, schema: Mapping[str, Any], made: dict[str, Any]) -> None:
        extra = schema.get("additionalProperties")
        properties = made.setdefault("properties", {})
        if isinstance(extra, dict) or (extra is not False and not properties):
            raise self._error("has an object with free keys")
        made["additionalProperties"] = False
        required = schema.get("required")
        names = required if isinstance(required, list) else []
        self.optional += sum(name not in names for name in properties)

    def _describe(self, made: dict[str, Any], left: Mapping[str, Any]) -> None:
        if not left:
            return
        if self._strict:
            raise self._error(f"uses {', '.join(sorted(left))}, which Anthropic doesn't enforce")
        note = "{" + ", ".join(f"{name}: {value}" for name, value in left.items()) + "}"
        before = made.get("description")
        made["description"] = f"{before}\n\n{note}" if isinstance(before, str) and before else note

    def _error(self, what: str) -> TranslationError:
        return TranslationError(f"{self._where} {what}")


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with properties but no type means an object."""
    if "properties" in schema and not _SHAPES & schema.keys():
        return {"type": "object", **schema}
    return dict(schema)


def _has_type(schema: Mapping[str, Any], name: str) -> bool:
    kind = schema.get("type")
    return kind == name or (isinstance(kind, list) and name in kind)


def _is_enforced(name: str, value: object) -> bool:
    """Whether Anthropic enforces this keyword with this value."""
    if name == "const":
        return _is_primitive(value)
    if name == "enum":
        return isinstance(value, list) and bool(value) and all(map(_is_primitive, value))
    if name == "format":
        return isinstance(value, str) and value in _FORMATS
    return name == "minItems" and value in (0, 1)


def _is_primitive(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _refuse_recursion(root: Mapping[str, Any], where: str) -> None:
    definitions = {**root.get("definitions", {}), **root.get("$defs", {})}
    uses = {name: set(_references(node)) for name, node in definitions.items()}
    free: set[str] = set()
    while ready := {name for name, used in uses.items() if name not in free and used <= free}:
        free |= ready
    missing = {name for used in uses.values() for name in used} | set(_references(root))
    if missing - definitions.keys():
        raise TranslationError(f"{where} refers to a definition that it lacks")
    if len(free) < len(uses):
        raise TranslationError(f"{where} is recursive")


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        match = _REFERENCE.fullmatch(str(node.get("$ref", "")))
        if match:
            yield match[1]
    for child in _children(node):
        yield from _references(child)
