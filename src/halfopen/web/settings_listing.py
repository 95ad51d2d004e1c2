"""A configuration as a list that people read: tables, and in each its settings with their values."""

import json
from typing import Any, Final

import msgspec

_FIRST: Final = ("routes", "providers", "objectives", "policy")
"""What people look for comes first."""


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One table."""

    name: str
    rows: tuple[tuple[str, str], ...]
    """The name of each setting below the table, with dots, and its value."""
    is_open: bool = True
    """Whether it is folded out at first."""


def sections(content: dict[str, Any]) -> list[Section]:
    """A snapshot's content: what has parts with names of their own has a section for each."""
    found: list[Section] = []
    last = len(_FIRST)
    for name in sorted(content, key=lambda name: _FIRST.index(name) if name in _FIRST else last):
        value = content[name]
        if isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
            for part, inner in value.items():
                found += _table(f"{name}.{part}", inner)
        elif isinstance(value, dict):
            found += _table(name, value)
        else:
            found.append(Section(name=name, rows=(("", _told(value)),)))
    return found


def _table(name: str, table: dict[str, Any]) -> list[Section]:
    """A table, and after it each of the tables that are listed in it."""
    listed = {key: value for key, value in table.items() if _lists_tables(value)}
    rows = [
        row
        for key, value in table.items()
        for row in ([(key, str(len(value)))] if key in listed else _rows(key, value))
    ]
    found = [Section(name=name, rows=tuple(rows or [("", "none")]))]
    for key, tables in listed.items():
        for number, inner in enumerate(tables, 1):
            named = "/".join(str(inner[each]) for each in ("provider", "model") if inner.get(each))
            title = f"{name}, {key} {number}" + (f": {named}" if named else "")
            found.append(Section(name=title, rows=tuple(_rows("", inner)), is_open=False))
    return found


def _lists_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _rows(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [
            row
            for name, inner in value.items()
            for row in _rows(f"{prefix}.{name}" if prefix else name, inner)
        ]
    return [(prefix, _told(value))]


def _told(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list):
        return ", ".join(_told(each) for each in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(inner)}" for name, inner in value.items()) or "none"
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value)
