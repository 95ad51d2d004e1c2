"""Gemini's line of the reference."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Fault, Kind, Verdict

RPC = "type.googleapis.com/google.rpc."


def error(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        body["details"] = list(details)
    return {"error": body}


def quota(*ids: str) -> dict[str, Any]:
    return {
        "@type": RPC + "QuotaFailure",
        "violations": [{"quotaMetric": "m", "quotaId": name} for name in ids],
    }


def info(reason: str) -> dict[str, Any]:
    return {
        "@type": RPC + "ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "s"},
    }


RETRY_33 = {"@type": RPC + "RetryInfo", "retryDelay": "33s"}
HELP = {"@type": RPC + "Help", "links": [{"description": "d", "url": "https://ai.google.dev"}]}
DAILY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
PROSE = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this "
    "error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
)
CREDITS = "Your prepayment credits are depleted. Please go to AI Studio to manage your billing."
CASES = [
    pytest.param(
        400,
        error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        Kind.REGION_BLOCKED,
        Verdict.FAILOVER,
        id="400-failed-precondition-region",
    ),
    pytest.param(
        400,
        error(
            400,
            "FAILED_PRECONDITION",
            "User location is not supported for the API use without a billing account linked.",
        ),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="400-failed-precondition-billing",
    ),
    pytest.param(
        400,
        error(400, "FAILED_PRECONDITION", "The file is not active."),
        Kind.INVALID_REQUEST,
        Verdict.FIX_REQUEST,
        id="400-failed-precondition-other",
    ),
    pytest.param(
        400,
        error(
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            info("API_KEY_INVALID"),
        ),
        Kind.BAD_KEY,
        Verdict.KEY,
        id="400-api-key-invalid",
    ),
    pytest.param(
        400,
        error(400, "INVALID_ARGUMENT", "Something else.", info("API_KEY_INVALID")),
        Kind.BAD_KEY,
        Verdict.KEY,
        id="400-api-key-invalid-by-its-reason-alone",
    ),
    pytest.param(
        400,
        error(400, "INVALID_ARGUMENT", "Invalid value at 'generation_config.temperature'"),
        Kind.INVALID_REQUEST,
        Verdict.FIX_REQUEST,
        id="400-invalid-argument",
    ),
    pytest.param(
        400,
        error(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        Kind.CONTEXT_TOO_LONG,
        Verdict.FIX_REQUEST,
        id="400-token-count",
    ),
    pytest.param(
        401,
        error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
        Kind.BAD_KEY,
        Verdict.KEY,
        id="401",
    ),
    pytest.param(
        403, error(403, "PERMISSION_DENIED", "Permission denied."), Kind.FORBIDDEN, Verdict.KEY, id="403"
    ),
    pytest.param(
        403,
        error(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
        Kind.BAD_KEY,
        Verdict.KEY,
        id="403-leaked-key",
    ),
    pytest.param(
        404,
        error(404, "NOT_FOUND", "models/gemini-9 is not found"),
        Kind.MODEL_NOT_FOUND,
        Verdict.FAILOVER,
        id="404",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", PROSE, quota(DAILY, MINUTE), HELP, RETRY_33),
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        id="429-retry-info-beats-quota-id-and-prose",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", CREDITS, RETRY_33),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="429-credit-signal-beats-retry-info",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", "x", info("BILLING_DISABLED"), RETRY_33),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="429-billing-disabled-beats-retry-info",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", PROSE, quota(DAILY)),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="429-daily-quota-id-without-retry-info",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", PROSE, quota(DAILY), info("RATE_LIMIT_EXCEEDED")),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="429-daily-quota-id-beats-its-reason",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", PROSE, quota(MINUTE)),
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        id="429-minute-quota-id",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", PROSE),
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        id="429-prose-alone",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        id="429-bare",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for requests per day"),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="429-daily-by-prose",
    ),
    pytest.param(
        429,
        error(429, "RESOURCE_EXHAUSTED", "No capacity available", info("MODEL_CAPACITY_EXHAUSTED")),
        Kind.OVERLOADED,
        Verdict.RETRY,
        id="429-model-capacity",
    ),
    pytest.param(
        499, error(499, "CANCELLED", "The operation was cancelled."), Kind.CANCELLED, Verdict.RETRY, id="499"
    ),
    pytest.param(
        500,
        error(500, "INTERNAL", "An internal error has occurred."),
        Kind.SERVER_ERROR,
        Verdict.RETRY,
        id="500-internal",
    ),
    pytest.param(
        503,
        error(503, "UNAVAILABLE", "The service is currently unavailable."),
        Kind.UNAVAILABLE,
        Verdict.RETRY,
        id="503",
    ),
    pytest.param(
        503,
        error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        Kind.OVERLOADED,
        Verdict.RETRY,
        id="503-overloaded",
    ),
    pytest.param(
        504,
        error(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
        Kind.GATEWAY_TIMEOUT,
        Verdict.RETRY,
        id="504",
    ),
]


@pytest.mark.parametrize(("status", "body", "kind", "verdict"), CASES)
@pytest.mark.parametrize("wrap", [dict, lambda body: [body]], ids=["object", "array"])
@pytest.mark.parametrize("dialect", ["gemini", "openai", None])
def test_every_documented_error(
    fault_of: Callable[..., Fault],
    status: int,
    body: dict[str, Any],
    kind: Kind,
    verdict: Verdict,
    wrap: Callable[[dict[str, Any]], object],
    dialect: str | None,
) -> None:
    """Each error of Gemini gets its kind and verdict, bare or in an array, whatever the dialect."""
    fault = fault_of(status, wrap(body), dialect=dialect)
    assert (fault.kind, fault.verdict) == (kind, verdict)


def test_retry_info_is_the_delay(fault_of: Callable[..., Fault]) -> None:
    """RetryInfo's delay is heeded, also with a fraction."""
    assert fault_of(429, error(429, "RESOURCE_EXHAUSTED", PROSE, RETRY_33)).delay_s == 33
    exact = {"@type": RPC + "RetryInfo", "retryDelay": "21599.960323804s"}
    assert fault_of(429, error(429, "RESOURCE_EXHAUSTED", PROSE, exact)).delay_s == pytest.approx(
        21599.960323804
    )


@pytest.mark.parametrize(
    ("value", "delay_s"),
    [
        pytest.param({"seconds": "7", "nanos": 500_000_000}, 7.5, id="seconds-and-nanos"),
        pytest.param({"nanos": 250_000_000}, 0.25, id="nanos-alone"),
        pytest.param("0s", 0.0, id="zero"),
        pytest.param("-3s", None, id="negative"),
        pytest.param("soon", None, id="garbage"),
        pytest.param({"seconds": "NaN"}, 0.0, id="nan-seconds"),
        pytest.param(33, None, id="bare-number"),
        pytest.param("999999999999s", 86400.0, id="absurd-is-cut-to-a-day"),
    ],
)
def test_forms_of_retry_info(fault_of: Callable[..., Fault], value: object, delay_s: float | None) -> None:
    """RetryInfo in any form gives a finite delay or none."""
    body = error(429, "RESOURCE_EXHAUSTED", "x", {"@type": RPC + "RetryInfo", "retryDelay": value})
    assert fault_of(429, body).delay_s == delay_s


def test_an_internal_error_hints_at_length(fault_of: Callable[..., Fault]) -> None:
    """Gemini's 500 may mean a context that is too long, and the remedy says what to do about it."""
    assert "shorten" in fault_of(500, error(500, "INTERNAL", "An internal error has occurred.")).remedy
