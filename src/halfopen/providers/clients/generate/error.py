"""Errors in Google's shape.

The official client reads `code`, `message` and `status`, in the body of an error as in an error that
comes inside a stream; `details` follow google.rpc. Everything of ours is in `halfopen`.

Source: google.aip.dev/193 (errors), google.rpc.Code for the statuses.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.providers.client import Failure

_STATUSES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    524: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_TYPE = "type.googleapis.com/google.rpc."
_DOMAIN = "halfopen"


def status_name(status: int) -> str:
    """Google's name for an HTTP status of 400 and above."""
    return _STATUSES.get(status) or ("INTERNAL" if status >= 500 else "INVALID_ARGUMENT")


def generate_error(failure: Failure) -> dict[str, Any]:
    """The error object. Its only key is `error`, by which the official client tells it in a stream."""
    fault = failure.fault
    return {
        "error": {
            "code": failure.status,
            "message": fault.message,
            "status": status_name(failure.status),
            "details": _details(failure),
            "halfopen": dict(failure.details),
        }
    }


def generate_error_json(failure: Failure) -> bytes:
    """The error object as JSON."""
    return msgspec.json.encode(generate_error(failure))


def _details(failure: Failure) -> list[dict[str, Any]]:
    fault = failure.fault
    info: dict[str, Any] = {
        "@type": f"{_TYPE}ErrorInfo",
        "reason": fault.kind.value.upper(),
        "domain": _DOMAIN,
        "metadata": {"requestId": failure.request_id},
    }
    details = [info]
    if fault.delay_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": _duration(fault.delay_s)})
    if fault.param:
        violation = {"field": fault.param, "description": fault.message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    return details


def _duration(seconds: float) -> str:
    """A duration as JSON has it: at most nine digits after the point, and an `s`."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"
