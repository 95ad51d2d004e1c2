"""Google's JSON form of protocol buffers, read as leniently as Google's own servers read it.

Rules
1. A field's name may be in camel case or in snake case.
2. null is the same as no value.
3. One value may stand where a list of one is meant, as in `"parts": {"text": "Hi"}`.
4. A number may come as text (`"minItems": "1"`), and a whole number with a fraction of zero.
5. Text that stands where a message is meant is an error, but for the system instruction.

Source: protobuf.dev/programming-guides/json, and the examples in Google's documentation of the API.
"""

import math
import re
from typing import Any

_UNDERSCORED = re.compile(r"_([a-zA-Z0-9])")


class BadRequestError(ValueError):
    """What Google would answer INVALID_ARGUMENT to. Never leaves this package: `parse` catches it."""

    def __init__(self, message: str, param: str) -> None:
        """`param` is the place in the request."""
        super().__init__(message)
        self.param = param


def message_at(value: Any, where: str) -> dict[str, Any]:
    """The fields of a message by their camel-case names, without nulls. Raises BadRequestError."""
    if not isinstance(value, dict):
        raise BadRequestError(f"{where} must be an object.", where)
    return {camel(name): each for name, each in value.items() if each is not None}


def camel(name: str) -> str:
    """A field's name in camel case."""
    return _UNDERSCORED.sub(lambda found: found[1].upper(), name) if "_" in name else name


def list_at(value: Any) -> list[Any]:
    """A repeated field: a list, one value, or nothing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text_at(value: Any, where: str) -> str:
    """A text. Raises BadRequestError."""
    if not isinstance(value, str):
        raise BadRequestError(f"{where} must be text.", where)
    return value


def flag_at(value: Any, where: str) -> bool:
    """True or false. Raises BadRequestError."""
    if not isinstance(value, bool):
        raise BadRequestError(f"{where} must be true or false.", where)
    return value


def number_at(value: Any, where: str) -> int | float:
    """A finite number. Raises BadRequestError."""
    number = _number(value)
    if number is None:
        raise BadRequestError(f"{where} must be a number.", where)
    return number


def integer_at(value: Any, where: str) -> int:
    """A whole number of at most 64 bits. Raises BadRequestError."""
    number = _number(value)
    if number is None or number != int(number) or abs(number) >= 2**63:
        raise BadRequestError(f"{where} must be a whole number.", where)
    return int(number)


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        try:
            value = float(value) if re.search(r"[.eE]", value) else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None
