"""Attributes as OTLP writes them."""

from collections.abc import Iterable, Mapping

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

Value = str | int | float | bool | tuple[str, ...]


def pairs(attributes: Mapping[str, Value | None]) -> list[KeyValue]:
    """The attributes that are known."""
    return [KeyValue(key=key, value=_any(value)) for key, value in attributes.items() if value is not None]


def _any(value: Value) -> AnyValue:
    # A bool is an int as well, so it comes first.
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=_encodable(value))
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=_array(value))


def _array(values: Iterable[str]) -> ArrayValue:
    return ArrayValue(values=[AnyValue(string_value=_encodable(value)) for value in values])


def _encodable(text: str) -> str:
    """A lone surrogate, which a provider's JSON may hold, is no UTF-8."""
    return text.encode("utf-8", "replace").decode()
