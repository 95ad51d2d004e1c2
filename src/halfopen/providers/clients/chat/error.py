"""Errors in OpenAI's shape, for every part of its API.

The official clients read `message`, `type`, `param` and `code`; everything of ours is in
`halfopen`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.model import Verdict
from halfopen.providers.client import Failure

_TYPES: Mapping[Verdict, str] = {
    Verdict.FIX_REQUEST: "invalid_request_error",
    Verdict.KEY: "authentication_error",
    Verdict.QUOTA: "insufficient_quota",
    Verdict.THROTTLE: "rate_limit_error",
}
_OWN = frozenset(
    (
        "authentication_error", "insufficient_quota", "invalid_request_error", "permission_error",
        "rate_limit_error", "requests", "server_error", "service_unavailable_error", "slow_down", "tokens",
    )
)  # fmt: skip
"""OpenAI's own words. Its clients know none of other vendors' (`INVALID_ARGUMENT`, `overloaded_error`)."""


def openai_error(failure: Failure) -> dict[str, Any]:
    """The error object."""
    fault = failure.fault
    return {
        "error": {
            "message": fault.message,
            "type": fault.type if fault.type in _OWN else _TYPES.get(fault.verdict, "server_error"),
            "param": fault.param,
            "code": fault.code or fault.kind.value,
            "halfopen": dict(failure.details),
        }
    }


def openai_error_json(failure: Failure) -> bytes:
    """The error object as JSON."""
    return msgspec.json.encode(openai_error(failure))
