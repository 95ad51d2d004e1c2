"""Decodes JSON that nobody vouches for."""

from enum import Enum, auto

import msgspec

JSON_MAX_BYTES = 1024 * 1024
"""An error body longer than this is not decoded as JSON."""


class NoJson(Enum):
    """Why there is no value."""

    TRUNCATED = auto()
    """It begins as JSON and breaks off."""
    OTHER = auto()
    """It is not JSON, or nested too deeply."""


def decode_json(data: bytes | str) -> object | NoJson:
    """Return the JSON value, or why there is none. Never raises."""
    try:
        value: object = msgspec.json.decode(data)
    except msgspec.DecodeError as problem:
        return NoJson.TRUNCATED if "truncated" in str(problem) else NoJson.OTHER
    except (UnicodeError, RecursionError):
        return NoJson.OTHER
    return value
