"""Errors in OpenAI's shape, for every part of its API.

The official clients read `message`, `type`, `param` and `code`; everything of ours is in
`halfopen`.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.model import Fault, Verdict
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
"""OpenAI's own words."""
_ANTHROPICS = frozenset(
    (
        "api_error", "billing_error", "not_found_error", "overloaded_error", "request_too_large",
        "timeout_error",
    )
)  # fmt: skip
"""Anthropic's, as far as OpenAI doesn't have them; Google's are in capitals. OpenAI's clients know none."""


def openai_error(failure: Failure) -> dict[str, Any]:
    """The error object."""
    fault = failure.fault
    return {
        "error": {
            "message": fault.message,
            "type": _type_of(fault),
            "param": fault.param,
            "code": fault.code or fault.kind.value,
            "halfopen": dict(failure.details),
        }
    }


def _type_of(fault: Fault) -> str:
    """The error's type: OpenAI's own, or where the request is at fault that of a server with its API."""
    said = fault.type or ""
    foreign = said.isupper() or said in _ANTHROPICS
    if said in _OWN or (said and not foreign and fault.verdict is Verdict.FIX_REQUEST):
        return said
    return _TYPES.get(fault.verdict, "server_error")


def openai_error_json(failure: Failure) -> bytes:
    """The error object as JSON."""
    return msgspec.json.encode(openai_error(failure))
