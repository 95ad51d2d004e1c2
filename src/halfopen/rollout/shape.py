"""Checks plain data against the structs of the settings, and reports everything that doesn't fit.

msgspec stops at the first problem; a person who edits a file wants them all.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from halfopen.rollout.place import Path, quoted
from halfopen.rollout.problem import Findings, did_you_mean

_BROKEN = object()
"""Stands for a value that was refused and reported."""


def shape(data: Mapping[str, Any], table: type[msgspec.Struct], findings: Findings) -> Mapping[str, Any]:
    """Check `data` against the struct `table`.

    Args:
        data: What the TOML file says.
        table: The struct of the whole file.
        findings: Where problems are noted.

    Returns:
        The part of `data` that fits, which `msgspec.convert` accepts.
    """
    fitting = _struct(data, _struct_type(table), (), findings)
    return fitting if isinstance(fitting, dict) else {}


def _struct_type(table: type[msgspec.Struct]) -> inspect.StructType:
    found = inspect.type_info(table)
    assert isinstance(found, inspect.StructType)
    return found


def _value(value: Any, kind: inspect.Type, path: Path, findings: Findings) -> Any:
    """The value when it fits, else `_BROKEN`."""
    match kind:
        case inspect.Metadata():
            return _value(value, kind.type, path, findings)
        case inspect.StructType():
            return _struct(value, kind, path, findings)
        case inspect.DictType():
            return _dict(value, kind, path, findings)
        case inspect.VarTupleType():
            return _array(value, kind, path, findings)
        case inspect.LiteralType():
            return _choice(value, kind, path, findings)
        case inspect.StrType():
            return _text(value, kind, path, findings)
        case inspect.BoolType():
            return value if isinstance(value, bool) else _wrong(value, "true or false", path, findings)
        case inspect.IntType() | inspect.FloatType():
            return _number(value, kind, path, findings)
        case _:
            raise TypeError(f"no check for a setting of type {kind!r}")


def _struct(value: Any, kind: inspect.StructType, path: Path, findings: Findings) -> Any:
    if not isinstance(value, dict):
        return _wrong(value, "a table", path, findings)
    fields = {field.encode_name: field for field in kind.fields}
    fitting: dict[str, Any] = {}
    for name, item in value.items():
        field = fields.get(name)
        if field is None:
            known = "table" if isinstance(item, dict) else "setting"
            findings.add((*path, name), f"unknown {known}", did_you_mean(name, fields))
            continue
        checked = _value(item, field.type, (*path, name), findings)
        if checked is not _BROKEN:
            fitting[name] = checked
    for name, field in fields.items():
        if field.required and name not in value:
            findings.add(path, f'"{name}" is missing')
    complete = all(name in fitting for name, field in fields.items() if field.required)
    return fitting if complete else _BROKEN


def _dict(value: Any, kind: inspect.DictType, path: Path, findings: Findings) -> Any:
    if not isinstance(value, dict):
        return _wrong(value, "a table", path, findings)
    if kind.max_length is not None and len(value) > kind.max_length:
        findings.add(path, f"must have at most {kind.max_length} entries, but has {len(value)}")
        return _BROKEN
    fitting: dict[str, Any] = {}
    for name, item in value.items():
        below = (*path, name)
        if _text(name, kind.key_type, below, findings) is _BROKEN:
            continue
        checked = _value(item, kind.value_type, below, findings)
        if checked is not _BROKEN:
            fitting[name] = checked
    return fitting


def _array(value: Any, kind: inspect.VarTupleType, path: Path, findings: Findings) -> Any:
    if not isinstance(value, list):
        hint = f"write it in brackets: [{quoted(value)}]" if isinstance(value, str) else ""
        return _wrong(value, "an array", path, findings, hint=hint)
    if kind.min_length is not None and len(value) < kind.min_length:
        findings.add(path, "is empty" if not value else f"must have at least {kind.min_length} items")
        return _BROKEN
    if kind.max_length is not None and len(value) > kind.max_length:
        findings.add(path, f"must have at most {kind.max_length} items, but has {len(value)}")
        return _BROKEN
    items = [_value(item, kind.item_type, (*path, index), findings) for index, item in enumerate(value)]
    return _BROKEN if _BROKEN in items else items


def _choice(value: Any, kind: inspect.LiteralType, path: Path, findings: Findings) -> Any:
    choices = [str(choice) for choice in kind.values]
    if not isinstance(value, str):
        return _wrong(value, "one of " + ", ".join(map(quoted, choices)), path, findings)
    if value not in choices:
        findings.add(path, f"{quoted(value)} is not one of {', '.join(choices)}", _nearest(value, choices))
        return _BROKEN
    return value


def _nearest(word: str, choices: list[str]) -> str:
    """Only a real likeness: the message has named all choices already."""
    hint = did_you_mean(word.lower(), choices)
    return hint if hint.startswith("did") else ""


def _text(value: Any, kind: inspect.Type, path: Path, findings: Findings) -> Any:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    assert isinstance(kind, inspect.StrType)
    if not isinstance(value, str):
        return _wrong(value, "text in quotes", path, findings)
    if kind.min_length and len(value) < kind.min_length:
        findings.add(path, "is empty")
        return _BROKEN
    if kind.max_length is not None and len(value) > kind.max_length:
        findings.add(path, f"must have at most {kind.max_length} characters, but has {len(value)}")
        return _BROKEN
    if kind.pattern is not None and not re.search(kind.pattern, value):
        findings.add(
            path,
            "a name here is made of letters, digits, '-', '_' and '.', and begins with a letter or digit",
        )
        return _BROKEN
    return value


def _number(value: Any, kind: inspect.IntType | inspect.FloatType, path: Path, findings: Findings) -> Any:
    whole = isinstance(kind, inspect.IntType)
    expected = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return _wrong(value, expected, path, findings)
    if isinstance(value, float) and not math.isfinite(value):
        findings.add(path, f"must be a finite number, but is {value}")
        return _BROKEN
    if kind.ge is not None and value < kind.ge:
        findings.add(path, f"must be at least {_plain(kind.ge)}, but is {_shown(value)}")
        return _BROKEN
    if kind.le is not None and value > kind.le:
        findings.add(path, f"must be at most {_plain(kind.le)}, but is {_shown(value)}")
        return _BROKEN
    return value if whole else float(value)


def _wrong(value: Any, expected: str, path: Path, findings: Findings, *, hint: str = "") -> object:
    """Report a wrong type. The value itself is not shown: it may be a secret."""
    if isinstance(value, str) and not hint and "number" in expected and re.fullmatch(r"[0-9._+-]+", value):
        hint = "write it without quotes"
    if isinstance(value, str) and not hint and value in {"true", "false"}:
        hint = "write it without quotes"
    findings.add(path, f"must be {expected}, but is {_type_name(value)}", hint)
    return _BROKEN


def _type_name(value: Any) -> str:
    """What TOML calls a value of this type."""
    match value:
        case bool():
            return "true or false"
        case str():
            return "text"
        case int():
            return "a whole number"
        case float():
            return "a number with a fraction"
        case list():
            return "an array"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def _shown(number: float) -> str:
    """A value of the file, which may have thousands of digits."""
    text = _plain(number)
    return text if len(text) <= 40 else f"a number of {len(text)} digits"


def _plain(number: float) -> str:
    """A bound or a value without a needless fraction."""
    return str(int(number)) if number == int(number) else str(number)
