"""A request of any client, decoded only as deep as needed."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import msgspec

_DIGITS_MAX: Final = 4000
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Ask:
    """A request as the client sent it, in the client's own dialect."""

    body: bytes
    """The request's body, byte for byte. A JSON object, valid UTF-8, of bounded nesting."""
    model: str
    """The model name that the client sent: the route's name."""
    stream: bool
    headers: tuple[tuple[str, str], ...] = field(default=(), kw_only=True)
    """The client's headers that a provider of the same dialect must see, such as anthropic-beta."""

    @cached_property
    def fields(self) -> dict[str, msgspec.Raw]:
        """The top-level fields, each as its raw JSON."""
        return _FIELDS.decode(self.body)

    @cached_property
    def deep(self) -> dict[str, Any]:
        """The whole request as plain Python values."""
        deep: dict[str, Any] = plain_value(self.body)
        return deep

    def value(self, name: str) -> Any:
        """One top-level field as a plain Python value; None when it is null or not there."""
        raw = self.fields.get(name)
        return None if raw is None else plain_value(raw)


def plain_value(raw: bytes | msgspec.Raw) -> Any:
    """A part of an accepted request as a plain Python value. Never raises on such a part."""
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError:  # a number beyond a double, such as 1e999: valid JSON still
        return json.loads(bytes(raw), parse_int=_integer)


def _integer(digits: str) -> int | float:
    """An integer of thousands of digits as a float (infinite): Python refuses to make it an int."""
    return int(digits) if len(digits) <= _DIGITS_MAX else float(digits)
