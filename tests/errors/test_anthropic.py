"""Anthropic's line of the reference."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen import errors
from halfopen.model import Fault, Kind, Verdict


def error(type_: str, message: str, **more: object) -> dict[str, Any]:
    return {"type": "error", "error": {"type": type_, "message": message, **more}, "request_id": "req_011C"}


CASES = [
    pytest.param(
        400,
        error("invalid_request_error", "messages: at least one message is required"),
        Kind.INVALID_REQUEST,
        Verdict.FIX_REQUEST,
        id="400",
    ),
    pytest.param(
        400,
        error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        Kind.CONTEXT_TOO_LONG,
        Verdict.FIX_REQUEST,
        id="400-prompt-too-long",
    ),
    pytest.param(
        400,
        error("invalid_request_error", "Output blocked by content filtering policy"),
        Kind.CONTENT_FILTERED,
        Verdict.FIX_REQUEST,
        id="400-content-filter",
    ),
    pytest.param(
        400,
        error(
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing.",
        ),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="400-credit-balance",
    ),
    pytest.param(
        400,
        error(
            "invalid_request_error",
            "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
        ),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="400-spend-limit",
    ),
    pytest.param(
        400,
        error("invalid_request_error", "You have reached your specified workspace API usage limits."),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="400-workspace-spend-limit",
    ),
    pytest.param(
        401, error("authentication_error", "invalid x-api-key"), Kind.BAD_KEY, Verdict.KEY, id="401"
    ),
    pytest.param(402, error("billing_error", "payment"), Kind.QUOTA_EXHAUSTED, Verdict.QUOTA, id="402"),
    pytest.param(
        403,
        error("permission_error", "Your API key does not have permission to use the specified resource."),
        Kind.FORBIDDEN,
        Verdict.KEY,
        id="403",
    ),
    pytest.param(
        403,
        {"error": {"type": "forbidden", "message": "Request not allowed"}},
        Kind.REGION_BLOCKED,
        Verdict.FAILOVER,
        id="403-region",
    ),
    pytest.param(
        404, error("not_found_error", "model: claude-9"), Kind.MODEL_NOT_FOUND, Verdict.FAILOVER, id="404"
    ),
    pytest.param(409, error("conflict_error", "modified"), Kind.CONFLICT, Verdict.RETRY, id="409"),
    pytest.param(
        413,
        error("request_too_large", "Request exceeds the maximum size"),
        Kind.REQUEST_TOO_LARGE,
        Verdict.FIX_REQUEST,
        id="413",
    ),
    pytest.param(
        429, error("rate_limit_error", "per-minute rate limit"), Kind.RATE_LIMITED, Verdict.THROTTLE, id="429"
    ),
    pytest.param(
        429,
        error("rate_limit_error", "Spend limit", details={"error_code": "enforced_spend_limit_reached"}),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="429-enforced-spend-limit",
    ),
    pytest.param(
        500, error("api_error", "Internal server error"), Kind.SERVER_ERROR, Verdict.RETRY, id="500"
    ),
    pytest.param(
        504, error("timeout_error", "Request timed out"), Kind.GATEWAY_TIMEOUT, Verdict.RETRY, id="504"
    ),
    pytest.param(529, error("overloaded_error", "Overloaded"), Kind.OVERLOADED, Verdict.FAILOVER, id="529"),
]


@pytest.mark.parametrize(("status", "body", "kind", "verdict"), CASES)
@pytest.mark.parametrize("dialect", ["anthropic", "openai", None])
def test_every_documented_error(
    fault_of: Callable[..., Fault],
    status: int,
    body: object,
    kind: Kind,
    verdict: Verdict,
    dialect: str | None,
) -> None:
    """Each error of Anthropic gets its kind and verdict, whatever dialect was configured."""
    fault = fault_of(status, body, dialect=dialect)
    assert (fault.kind, fault.verdict) == (kind, verdict)


def test_request_id_from_header_or_body(fault_of: Callable[..., Fault]) -> None:
    """The request-id header is kept, and without it the body's request_id."""
    body = error("api_error", "Internal server error")
    assert fault_of(500, body, (("request-id", "req_header"),)).request_id == "req_header"
    assert fault_of(500, body).request_id == "req_011C"


def test_a_spend_limit_as_400_is_masked(fault_of: Callable[..., Fault]) -> None:
    """A 400 that is a spend limit deserves a 429."""
    fault = fault_of(400, error("invalid_request_error", "Your credit balance is too low to access the API"))
    assert (fault.masked, fault.effective_status) == (True, 429)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        pytest.param("overloaded_error", Kind.OVERLOADED, id="overloaded"),
        pytest.param("rate_limit_error", Kind.RATE_LIMITED, id="rate-limit"),
        pytest.param("api_error", Kind.SERVER_ERROR, id="api-error"),
        pytest.param("authentication_error", Kind.BAD_KEY, id="authentication"),
        pytest.param("invalid_request_error", Kind.INVALID_REQUEST, id="invalid-request"),
        pytest.param("something_new", Kind.ERROR_EVENT, id="unheard-of"),
    ],
)
def test_an_error_event_after_a_200_is_classified_by_its_type(type_: str, kind: Kind) -> None:
    """An SSE error event names its kind by error.type, since the status was 200."""
    data = b'{"type":"error","error":{"type":"%s","message":"m"}}' % type_.encode()
    fault = errors.decode_event(data, "error", "anthropic")
    assert fault is not None
    assert (fault.kind, fault.status, fault.masked) == (kind, 200, True)
