"""A failure as clients of the Responses API read it: whole, and as the last event of a stream."""

from typing import Any

import msgspec

from halfopen.providers.client import Failure
from halfopen.providers.clients.chat.error import openai_error, openai_error_json


def error_json(failure: Failure) -> bytes:
    """The JSON body of an error answer: OpenAI's shape, the same in all of its API."""
    return openai_error_json(failure)


def error_event(failure: Failure, sequence_number: int) -> bytes:
    """The error event of a stream.

    The documented event has code, message and param at its top; OpenAI's servers also send them in
    an object `error`. Both are here: typed readers look at the top, while the official clients raise
    an `APIError` for the object alone. For `response.failed` they raise nothing, so it is not sent.
    """
    error: dict[str, Any] = openai_error(failure)["error"]
    event = {
        "type": "error",
        "sequence_number": sequence_number,
        "code": error["code"],
        "message": error["message"],
        "param": error["param"],
        "error": error,
    }
    return b"event: error\ndata: " + msgspec.json.encode(event) + b"\n\n"
