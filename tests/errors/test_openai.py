"""OpenAI's line of the reference: each status and code with its verdict."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Fault, Kind, Place, Verdict


def error(
    message: str, type_: str | None, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": param, "code": code}}


QUOTA_MESSAGE = "You exceeded your current quota, please check your plan and billing details."
CASES = [
    pytest.param(
        401,
        error("Incorrect API key provided: sk-abcd****wxyz.", "invalid_request_error", "invalid_api_key"),
        Kind.BAD_KEY,
        Verdict.KEY,
        id="401-invalid-api-key",
    ),
    pytest.param(
        401,
        error("You didn't provide an API key.", "invalid_request_error"),
        Kind.BAD_KEY,
        Verdict.KEY,
        id="401-no-key",
    ),
    pytest.param(
        403,
        error(
            "Country, region, or territory not supported",
            "request_forbidden",
            "unsupported_country_region_territory",
        ),
        Kind.REGION_BLOCKED,
        Verdict.FAILOVER,
        id="403-region",
    ),
    pytest.param(
        404,
        error(
            "The model `gpt-9` does not exist or you do not have access to it.",
            "invalid_request_error",
            "model_not_found",
        ),
        Kind.MODEL_NOT_FOUND,
        Verdict.FAILOVER,
        id="404-model-not-found",
    ),
    pytest.param(
        403,
        error(
            "Project `proj_1` does not have access to model `gpt-4o`",
            "invalid_request_error",
            "model_not_found",
        ),
        Kind.MODEL_NOT_FOUND,
        Verdict.FAILOVER,
        id="403-model-not-found",
    ),
    pytest.param(
        400,
        error(
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
            "invalid_request_error",
            "context_length_exceeded",
            "messages",
        ),
        Kind.CONTEXT_TOO_LONG,
        Verdict.FIX_REQUEST,
        id="400-context-length-exceeded",
    ),
    pytest.param(
        400,
        error(
            "Unsupported value: 'temperature'", "invalid_request_error", "unsupported_value", "temperature"
        ),
        Kind.INVALID_REQUEST,
        Verdict.FIX_REQUEST,
        id="400-unsupported-value",
    ),
    pytest.param(
        400,
        error("We could not parse the JSON body of your request.", "invalid_request_error"),
        Kind.INVALID_REQUEST,
        Verdict.FIX_REQUEST,
        id="400-invalid-request-error",
    ),
    pytest.param(
        422, error("bad", "invalid_request_error"), Kind.INVALID_REQUEST, Verdict.FIX_REQUEST, id="422"
    ),
    pytest.param(408, error("timed out", "timeout"), Kind.REQUEST_TIMEOUT, Verdict.RETRY, id="408"),
    pytest.param(409, error("conflict", "invalid_request_error"), Kind.CONFLICT, Verdict.RETRY, id="409"),
    pytest.param(
        429,
        error(
            "Rate limit reached for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Used 29000, "
            "Requested 2000. Please try again in 2s.",
            "tokens",
            "rate_limit_exceeded",
        ),
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        id="429-rate-limit-exceeded",
    ),
    pytest.param(
        429,
        error(
            "Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Requested 45000.",
            "tokens",
            "rate_limit_exceeded",
        ),
        Kind.RATE_LIMITED,
        Verdict.FAILOVER,
        id="429-larger-than-the-limit",
    ),
    pytest.param(
        429,
        error("Slow down", "rate_limit_error", "slow_down"),
        Kind.SLOW_DOWN,
        Verdict.THROTTLE,
        id="429-slow-down",
    ),
    pytest.param(
        503,
        error("Slow down", "service_unavailable_error", "slow_down"),
        Kind.SLOW_DOWN,
        Verdict.THROTTLE,
        id="503-slow-down-as-formerly",
    ),
    *(
        pytest.param(
            429,
            error(QUOTA_MESSAGE, "insufficient_quota", code),
            Kind.QUOTA_EXHAUSTED,
            Verdict.QUOTA,
            id=f"429-{code}",
        )
        for code in (
            "insufficient_quota",
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
        )
    ),
    pytest.param(
        429,
        error("x", "insufficient_quota"),
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        id="429-type-insufficient-quota-alone",
    ),
    pytest.param(
        429, error(QUOTA_MESSAGE, None), Kind.QUOTA_EXHAUSTED, Verdict.QUOTA, id="429-quota-by-its-sentence"
    ),
    pytest.param(
        500,
        error("The server had an error while processing your request. Sorry about that!", "server_error"),
        Kind.SERVER_ERROR,
        Verdict.RETRY,
        id="500-server-error",
    ),
    pytest.param(
        500,
        error("Something went wrong", "invalid_request_error"),
        Kind.SERVER_ERROR,
        Verdict.RETRY,
        id="500-with-a-vague-type-stays-a-500",
    ),
    pytest.param(
        503,
        error("The model is overloaded", "service_unavailable_error", "server_is_overloaded"),
        Kind.OVERLOADED,
        Verdict.RETRY,
        id="503-server-is-overloaded",
    ),
    pytest.param(
        503,
        error("That model is currently overloaded with other requests.", "server_error"),
        Kind.OVERLOADED,
        Verdict.RETRY,
        id="503-overloaded-by-its-sentence",
    ),
]


@pytest.mark.parametrize(("status", "body", "kind", "verdict"), CASES)
@pytest.mark.parametrize("dialect", ["openai", "anthropic", None])
def test_every_documented_error(
    fault_of: Callable[..., Fault],
    status: int,
    body: object,
    kind: Kind,
    verdict: Verdict,
    dialect: str | None,
) -> None:
    """Each error of OpenAI gets its kind and verdict, whatever dialect was configured."""
    fault = fault_of(status, body, dialect=dialect)
    assert (fault.kind, fault.verdict) == (kind, verdict)


def test_the_providers_words_are_kept(fault_of: Callable[..., Fault]) -> None:
    """Message, type, code, param, request id and body come through verbatim."""
    body = error("Unsupported value", "invalid_request_error", "unsupported_value", "temperature")
    fault = fault_of(400, body, (("X-Request-Id", "req_7"),))
    assert (fault.message, fault.type, fault.code, fault.param, fault.request_id) == (
        "Unsupported value",
        "invalid_request_error",
        "unsupported_value",
        "temperature",
        "req_7",
    )
    assert b"temperature" in fault.body
    assert not fault.masked


def test_slow_down_keeps_either_status(fault_of: Callable[..., Fault]) -> None:
    """A slow_down is honest both as a 429 and as the former 503."""
    assert not fault_of(503, error("Slow down", None, "slow_down")).masked
    assert not fault_of(429, error("Slow down", None, "slow_down")).masked


def test_places(fault_of: Callable[..., Fault]) -> None:
    """A bad key lies in our configuration, a bad request with the client, a 500 with the provider."""
    assert fault_of(401, error("x", None, "invalid_api_key")).place is Place.CONFIGURATION
    assert fault_of(400, error("x", "invalid_request_error")).place is Place.CLIENT
    assert fault_of(500, error("x", "server_error")).place is Place.PROVIDER


def test_a_forbidden_retry_is_heeded(fault_of: Callable[..., Fault]) -> None:
    """With x-should-retry: false the same upstream is not asked again."""
    headers = (("x-should-retry", "false"),)
    fault = fault_of(500, error("x", "server_error"), headers)
    assert fault.verdict is Verdict.FAILOVER
    assert "x-should-retry: false" in fault.evidence
    assert fault_of(429, error("x", None, "rate_limit_exceeded"), headers).verdict is Verdict.THROTTLE
