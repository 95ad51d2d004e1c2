"""What all tables of the configuration have in common."""

from msgspec import Meta, Struct

SECONDS_MAX = 86_400.0
"""No duration is longer than a day."""


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file. Unknown settings are refused."""


def seconds(low: float, high: float, text: str) -> Meta:
    """A duration in seconds between `low` and `high`, both included."""
    return Meta(ge=low, le=high, description=text, extra={"unit": "seconds"})


def size(low: int, high: int, text: str) -> Meta:
    """A size in bytes between `low` and `high`, both included."""
    return Meta(ge=low, le=high, description=text, extra={"unit": "bytes"})


def number(low: float, high: float, text: str, unit: str = "") -> Meta:
    """A number between `low` and `high`, both included."""
    return Meta(ge=low, le=high, description=text, extra={"unit": unit})
