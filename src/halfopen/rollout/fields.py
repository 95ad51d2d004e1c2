"""What the settings say about themselves: the one source of the example file and the reference page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from msgspec import NODEFAULT, inspect

from halfopen.rollout.place import quoted
from halfopen.rollout.settings import Defaults, Route, Settings


@dataclass(frozen=True, slots=True)
class Field:
    """One setting."""

    name: str
    type: str
    """text, number, whole number, true or false, array of text or numbers, table of text, or one of some
    words."""
    text: str
    """What it is for."""
    required: bool
    default: Any = None
    """None: there is none."""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    example: Any = None
    inherited: bool = False
    """Whether `[defaults]` gives the value that the table leaves out."""

    @property
    def range(self) -> str:
        """Bounds and unit in words; empty when there are none."""
        if self.low is None or self.high is None:
            return ""
        if self.unit == "bytes":
            return f"{in_bytes(self.low)} to {in_bytes(self.high)}"
        return f"{plain(self.low)} to {plain(self.high)} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class TableFields:
    """One table of the file."""

    name: str
    """As a header, with NAME and "MODEL" for what a person chooses."""
    text: str
    fields: tuple[Field, ...]


def tables() -> Iterator[TableFields]:
    """Every table of the file with its settings, in the order of the example file."""
    yield from _tables(_struct(inspect.type_info(Settings)), "")


_NAMED: Mapping[str, str] = {
    "providers": "NAME",
    "routes": '"MODEL"',
    "models": '"MODEL"',
    "objectives": "NAME",
}
"""What stands for the name in the header of a table that a person names."""


def _tables(kind: inspect.StructType, name: str) -> Iterator[TableFields]:
    own: list[Field] = []
    below: list[tuple[str, inspect.StructType]] = []
    for field in kind.fields:
        bare, _ = _unwrap(field.type)
        path = f"{name}.{field.encode_name}" if name else field.encode_name
        if isinstance(bare, inspect.StructType):
            below.append((path, bare))
        elif isinstance(bare, inspect.DictType) and isinstance(
            _unwrap(bare.value_type)[0], inspect.StructType
        ):
            below.append((f"{path}.{_NAMED[field.encode_name]}", _struct(bare.value_type)))
        else:
            own.append(_inherited(_field(field)) if kind.cls is Route else _field(field))
    if own:
        yield TableFields(name, _first_paragraph(kind.cls.__doc__ or ""), tuple(own))
    for path, struct in below:
        yield from _tables(struct, path)


def _inherited(field: Field) -> Field:
    """A setting of a route: its example is the default of `[defaults]`."""
    if field.required or field.name not in Defaults.__struct_fields__:
        return field
    return replace(field, inherited=True, example=getattr(Defaults(), field.name))


def _field(field: inspect.Field) -> Field:
    bare, about = _unwrap(field.type)
    default = field.default
    if field.default_factory is not NODEFAULT:
        default = field.default_factory()
    if default is NODEFAULT or default == {}:
        default = None
    examples = about.get("examples") or [None]
    # The range of an array is that of each of its items.
    bounded = _unwrap(bare.item_type)[0] if isinstance(bare, inspect.VarTupleType) else bare
    return Field(
        name=field.encode_name,
        type=_type_name(bare),
        text=about.get("description", ""),
        required=field.required,
        default=default,
        low=getattr(bounded, "ge", None),
        high=getattr(bounded, "le", None),
        unit=about.get("unit", ""),
        example=examples[0],
    )


def _unwrap(kind: inspect.Type) -> tuple[inspect.Type, dict[str, Any]]:
    """The type itself, and what its metadata says."""
    about: dict[str, Any] = {}
    while isinstance(kind, inspect.Metadata):
        about = {**(kind.extra_json_schema or {}), **(kind.extra or {}), **about}
        kind = kind.type
    return kind, about


def _struct(kind: inspect.Type) -> inspect.StructType:
    bare, _ = _unwrap(kind)
    assert isinstance(bare, inspect.StructType)
    return bare


def _type_name(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "whole number"
        case inspect.FloatType():
            return "number"
        case inspect.LiteralType():
            return " or ".join(quoted(str(value)) for value in kind.values)
        case inspect.VarTupleType():
            numbers = isinstance(_unwrap(kind.item_type)[0], inspect.FloatType)
            return "array of numbers" if numbers else "array of text"
        case inspect.DictType():
            return "table of text"
        case _:
            return "text"


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().split("\n\n")[0].split())


def in_bytes(size_bytes: float) -> str:
    """A size in the largest unit that keeps it whole: 32 MiB."""
    for exponent, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size_bytes and size_bytes % (1 << exponent) == 0:
            return f"{int(size_bytes) >> exponent} {unit}"
    return f"{int(size_bytes)} bytes"


def plain(value: Any) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int() | float():
            return str(int(value)) if value == int(value) else str(value)
        case dict():
            return "{ " + ", ".join(f"{quoted(key)} = {plain(item)}" for key, item in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(plain, value)) + "]"
        case _:
            raise TypeError(f"TOML has no {type(value).__name__}")
