"""Checks of a decoded JSON body against what an API accepts.

A shape is a function that raises `Mismatch` with the place and the reason; each vendor puts that
into its own words. Small on purpose: only what the three APIs need.
"""

from collections.abc import Callable, Collection, Mapping
from enum import Enum, auto
from typing import Any

Path = tuple[str | int, ...]
Shape = Callable[[Any, Path], None]

_NAMES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "decimal",
    list: "array",
    dict: "object",
    type(None): "null",
}


class Reason(Enum):
    """What is wrong with a value."""

    MISSING = auto()
    UNKNOWN = auto()
    TYPE = auto()
    CHOICE = auto()
    ABOVE = auto()
    BELOW = auto()
    TOO_LONG = auto()
    EMPTY = auto()


class Mismatch(Exception):  # noqa: N818 - a finding; it never leaves the lab
    """A body that the API refuses: where, why, and what it wanted."""

    def __init__(self, path: Path, reason: Reason, expected: Any = None, got: Any = None) -> None:
        """`expected` is a type's name, the choices or the bound, by reason."""
        super().__init__(path, reason)
        self.path = path
        self.reason = reason
        self.expected = expected
        self.got = got


def type_name(value: Any) -> str:
    """The JSON name of a value's type."""
    return _NAMES.get(type(value), "object")


def anything(value: Any, path: Path) -> None:
    """Accepts every value."""


def string(value: Any, path: Path) -> None:
    """Accepts a string."""
    if not isinstance(value, str):
        raise Mismatch(path, Reason.TYPE, "string", value)


def boolean(value: Any, path: Path) -> None:
    """Accepts true and false."""
    if not isinstance(value, bool):
        raise Mismatch(path, Reason.TYPE, "boolean", value)


def mapping(value: Any, path: Path) -> None:
    """Accepts any object."""
    if not isinstance(value, dict):
        raise Mismatch(path, Reason.TYPE, "object", value)


def integer(low: int | None = None, high: int | None = None) -> Shape:
    """Accepts an integer in [low, high]."""

    def check(value: Any, path: Path) -> None:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Mismatch(path, Reason.TYPE, "integer", value)
        _bounds(value, path, low, high)

    return check


def number(low: float | None = None, high: float | None = None) -> Shape:
    """Accepts a number in [low, high]."""

    def check(value: Any, path: Path) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Mismatch(path, Reason.TYPE, "decimal", value)
        _bounds(value, path, None if low is None else float(low), None if high is None else float(high))

    return check


def _bounds(value: float, path: Path, low: float | None, high: float | None) -> None:
    if low is not None and value < low:
        raise Mismatch(path, Reason.BELOW, low, value)
    if high is not None and value > high:
        raise Mismatch(path, Reason.ABOVE, high, value)


def choice(*allowed: str) -> Shape:
    """Accepts one of some strings."""

    def check(value: Any, path: Path) -> None:
        if value not in allowed:
            raise Mismatch(path, Reason.CHOICE, allowed, value)

    return check


def array(item: Shape, *, least: int = 0, most: int | None = None) -> Shape:
    """Accepts an array of items."""

    def check(value: Any, path: Path) -> None:
        if not isinstance(value, list):
            raise Mismatch(path, Reason.TYPE, "array", value)
        if len(value) < least:
            raise Mismatch(path, Reason.EMPTY, least, value)
        if most is not None and len(value) > most:
            raise Mismatch(path, Reason.TOO_LONG, most, value)
        for place, each in enumerate(value):
            item(each, (*path, place))

    return check


def optional(shape: Shape) -> Shape:
    """Accepts null as well."""

    def check(value: Any, path: Path) -> None:
        if value is not None:
            shape(value, path)

    return check


def either(**shapes: Shape) -> Shape:
    """Accepts by JSON type: `either(string=..., array=...)`."""

    def check(value: Any, path: Path) -> None:
        shape = shapes.get(type_name(value))
        if shape is None:
            raise Mismatch(path, Reason.TYPE, " or ".join(shapes), value)
        shape(value, path)

    return check


def record(fields: Mapping[str, Shape], required: Collection[str] = (), *, closed: bool = True) -> Shape:
    """Accepts an object with these fields; a closed one with no others."""

    def check(value: Any, path: Path) -> None:
        if not isinstance(value, dict):
            raise Mismatch(path, Reason.TYPE, "object", value)
        for name in required:
            if name not in value:
                raise Mismatch((*path, name), Reason.MISSING)
        for name, each in value.items():
            shape = fields.get(name)
            if shape is not None:
                shape(each, (*path, name))
            elif closed:
                raise Mismatch((*path, name), Reason.UNKNOWN, got=each)

    return check


def tagged(tag: str, shapes: Mapping[str, Shape]) -> Shape:
    """Accepts an object whose field `tag` names its shape."""

    def check(value: Any, path: Path) -> None:
        if not isinstance(value, dict):
            raise Mismatch(path, Reason.TYPE, "object", value)
        if tag not in value:
            raise Mismatch((*path, tag), Reason.MISSING)
        shape = shapes.get(value[tag]) if isinstance(value[tag], str) else None
        if shape is None:
            raise Mismatch((*path, tag), Reason.CHOICE, tuple(shapes), value[tag])
        shape(value, path)

    return check
