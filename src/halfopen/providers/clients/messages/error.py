"""Errors in Anthropic's shape.

The official clients read `error.type` and `error.message`; everything of ours is in `halfopen`.

Source: platform.claude.com/docs/en/api/errors.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.model import Kind, Verdict
from halfopen.providers.client import Failure

_OF_STATUS: Mapping[int, str] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    524: "timeout_error",
    529: "overloaded_error",
}
_OF_KIND: Mapping[Kind, str] = {
    Kind.REQUEST_TOO_LARGE: "request_too_large",
    Kind.OVERLOADED: "overloaded_error",
    Kind.MODEL_LOADING: "overloaded_error",
    Kind.NO_CAPACITY: "overloaded_error",
}
_OF_VERDICT: Mapping[Verdict, str] = {
    Verdict.QUOTA: "billing_error",
    Verdict.KEY: "authentication_error",
    Verdict.THROTTLE: "rate_limit_error",
}


def error_type(failure: Failure) -> str:
    """Anthropic's name for a failure: by what it is, then by what to do about it, then by its status."""
    fault, status = failure.fault, failure.status
    named = _OF_KIND.get(fault.kind)
    if named is None and status not in (403, 404, 413):
        named = _OF_VERDICT.get(fault.verdict)
    if named is None:
        named = _OF_STATUS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return named


def messages_error(failure: Failure) -> dict[str, Any]:
    """The whole error object."""
    return {
        "type": "error",
        "error": {
            "type": error_type(failure),
            "message": failure.fault.message,
            "halfopen": dict(failure.details),
        },
        "request_id": failure.request_id,
    }


def messages_error_json(failure: Failure) -> bytes:
    """The whole error object as JSON."""
    return msgspec.json.encode(messages_error(failure))
