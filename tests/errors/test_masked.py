"""Errors that hide behind another status or in another error."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from halfopen import errors
from halfopen.model import Fault, Kind, Reply, Verdict

BAD_KEY = {
    "error": {
        "message": "Incorrect API key provided: sk-abcd****wxyz.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    }
}
EXHAUSTED = {
    "error": {
        "code": 429,
        "message": "Resource has been exhausted (e.g. check quota).",
        "status": "RESOURCE_EXHAUSTED",
    }
}


def litellm(text: str, code: str = "500") -> dict[str, Any]:
    return {"error": {"message": text, "type": None, "param": None, "code": code}}


def openrouter(code: int, raw: object) -> dict[str, Any]:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    return {
        "error": {
            "message": "Provider returned error",
            "code": code,
            "metadata": {"raw": text, "provider_name": "OpenAI", "is_byok": False},
        },
        "user_id": "user_1",
    }


CASES = [
    pytest.param(500, BAD_KEY, Kind.BAD_KEY, Verdict.KEY, 401, id="401-sent-as-500"),
    pytest.param(
        500,
        {"error": {"message": json.dumps(BAD_KEY), "code": 500}},
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="json-in-the-message",
    ),
    pytest.param(
        500,
        {"error": {"message": "upstream said: " + json.dumps(BAD_KEY), "code": 500}},
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="json-after-prose",
    ),
    pytest.param(
        500, "upstream said: " + json.dumps(BAD_KEY), Kind.BAD_KEY, Verdict.KEY, 401, id="json-in-a-text-body"
    ),
    pytest.param(
        500,
        {"error": {"error": {"error": BAD_KEY["error"]}}},
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="error-in-error-in-error",
    ),
    pytest.param(
        500,
        {"error": {"message": json.dumps({"error": {"message": json.dumps(BAD_KEY)}})}},
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="json-in-json-in-json",
    ),
    pytest.param(
        500, json.dumps(json.dumps(BAD_KEY)), Kind.BAD_KEY, Verdict.KEY, 401, id="body-is-a-json-string"
    ),
    pytest.param(
        500,
        litellm(
            "litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key provided: x"
        ),
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="litellm-authentication-error",
    ),
    pytest.param(
        500,
        litellm(f"litellm.APIError: OpenAIException - Error code: 401 - {BAD_KEY!r}"),
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="litellm-python-dict",
    ),
    pytest.param(
        500,
        litellm("litellm.AuthenticationError: no further words"),
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="litellm-class-alone",
    ),
    pytest.param(
        500,
        {"detail": "Error code: 401 - unauthorised"},
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="status-in-the-detail",
    ),
    pytest.param(
        500,
        {"error": {"message": "x", "type": "proxy_error", "upstreamStatus": 401}},
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="status-in-a-field",
    ),
    pytest.param(
        500,
        json.dumps(litellm(f"Error code: 401 - {BAD_KEY!r}"))[:-30],
        Kind.BAD_KEY,
        Verdict.KEY,
        401,
        id="truncated-json",
    ),
    pytest.param(
        502,
        {
            "error": {
                "message": "Provider returned error",
                "code": 403,
                "metadata": {"raw": "Forbidden", "provider_name": "X"},
            }
        },
        Kind.FORBIDDEN,
        Verdict.KEY,
        403,
        id="openrouter-own-403-as-502",
    ),
    pytest.param(
        502,
        openrouter(502, {"error": {"message": "no access", "type": "permission_error"}}),
        Kind.FORBIDDEN,
        Verdict.FAILOVER,
        403,
        id="openrouter-upstream-403-in-metadata",
    ),
    pytest.param(
        400,
        openrouter(
            400, {"error": {"message": "at most 1 image", "type": "invalid_request_error", "code": None}}
        ),
        Kind.INVALID_REQUEST,
        Verdict.FIX_REQUEST,
        400,
        id="openrouter-upstream-400",
    ),
    pytest.param(
        429,
        openrouter(429, "glm is temporarily rate-limited upstream"),
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        429,
        id="openrouter-429",
    ),
    pytest.param(
        500,
        {"error": {"message": json.dumps(EXHAUSTED), "code": 429, "status": "Too Many Requests"}},
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        429,
        id="gemini-proxy-429-as-500",
    ),
    pytest.param(
        500,
        litellm(
            "litellm.ContextWindowExceededError: litellm.BadRequestError: This model's maximum context length is 8"
        ),
        Kind.CONTEXT_TOO_LONG,
        Verdict.FIX_REQUEST,
        400,
        id="litellm-context-as-500",
    ),
    pytest.param(
        500,
        litellm("litellm.BadRequestError: OpenAIException - bad"),
        Kind.INVALID_REQUEST,
        Verdict.FIX_REQUEST,
        400,
        id="litellm-bad-request-as-500",
    ),
    pytest.param(
        500,
        litellm("litellm.RateLimitError: AzureException - slow"),
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        429,
        id="litellm-rate-limit-as-500",
    ),
    pytest.param(
        503,
        {"error": {"message": "x", "type": "insufficient_quota"}},
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        429,
        id="quota-as-503",
    ),
    pytest.param(
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access"},
        },
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        429,
        id="quota-as-400",
    ),
    pytest.param(
        429,
        {"error": {"message": "x", "type": "insufficient_quota"}},
        Kind.QUOTA_EXHAUSTED,
        Verdict.QUOTA,
        429,
        id="429-that-is-really-insufficient-quota",
    ),
    pytest.param(200, BAD_KEY, Kind.BAD_KEY, Verdict.KEY, 401, id="401-in-a-200"),
    pytest.param(
        200,
        {"error": {"code": 502, "message": "bad"}},
        Kind.BAD_GATEWAY,
        Verdict.RETRY,
        502,
        id="502-in-a-200",
    ),
    pytest.param(
        200,
        {"type": "error", "error": {"type": "overloaded_error", "message": "m"}},
        Kind.OVERLOADED,
        Verdict.FAILOVER,
        503,
        id="529-in-a-200",
    ),
    pytest.param(200, [EXHAUSTED], Kind.RATE_LIMITED, Verdict.THROTTLE, 429, id="gemini-array-in-a-200"),
    pytest.param(
        200,
        {"choices": [], "error": {"message": "x"}},
        Kind.SERVER_ERROR,
        Verdict.RETRY,
        500,
        id="unknown-error-in-a-200",
    ),
    pytest.param(
        200,
        {"choices": [{"error": {"code": 429, "message": "m"}, "finish_reason": "error"}]},
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        429,
        id="error-in-a-choice",
    ),
    pytest.param(
        200,
        {"error": "model 'x' not found, try pulling it first"},
        Kind.MODEL_NOT_FOUND,
        Verdict.FAILOVER,
        404,
        id="error-string-in-a-200",
    ),
]


@pytest.mark.parametrize(("status", "body", "kind", "verdict", "effective"), CASES)
def test_the_error_behind_the_status(
    fault_of: Callable[..., Fault], status: int, body: object, kind: Kind, verdict: Verdict, effective: int
) -> None:
    """Whatever wraps an error, its own kind, verdict and status come out, and the fault says so."""
    fault = fault_of(status, body)
    assert (fault.kind, fault.verdict, fault.effective_status) == (kind, verdict, effective)
    assert fault.masked == (status != effective)
    assert fault.status == status


def test_a_decoder_that_trusts_the_status_fails_these_cases() -> None:
    """The cases have teeth: judging by the status alone gets most of them wrong."""
    wrong = sum(
        errors.make(errors.kind_of_status(int(str(case.values[0])))).verdict is not case.values[3]
        for case in CASES
    )
    assert wrong >= len(CASES) * 3 // 4


def test_the_innermost_words_are_shown(fault_of: Callable[..., Fault]) -> None:
    """Message, type and code are those of the error that led to the kind."""
    fault = fault_of(502, openrouter(502, BAD_KEY))
    assert fault.message == "Incorrect API key provided: sk-abcd****wxyz."
    assert (fault.type, fault.code) == ("invalid_request_error", "invalid_api_key")
    assert "status 502" in fault.evidence
    assert any("invalid_api_key" in fact and "metadata.raw" in fact for fact in fault.evidence)


@pytest.mark.parametrize("depth", [1, 3, 6, 50])
def test_unwrapping_is_bounded(depth: int) -> None:
    """Beyond the bound the layers are not read, and the status decides."""
    body: dict[str, Any] = BAD_KEY
    for _ in range(depth):
        body = {"error": body}
    fault = errors.decode(Reply(500, (), json.dumps(body).encode()))
    assert fault is not None
    assert fault.kind is (Kind.BAD_KEY if depth <= 6 else Kind.SERVER_ERROR)


QUOTED = [
    pytest.param("Invalid value: 'Incorrect API key provided: x'. Supported values are: 'a'.", id="sentence"),
    pytest.param(f"Invalid value: '{json.dumps(BAD_KEY)}'.", id="json"),
    pytest.param("Invalid value: 'Error code: 401 - invalid_api_key'.", id="status"),
    pytest.param("'x' is too long: 'litellm.AuthenticationError: no'", id="exception"),
    pytest.param("Unknown name 'Your credit balance is too low'", id="credit"),
    pytest.param("512 is less than the minimum of 1024", id="number"),
]


@pytest.mark.parametrize("message", QUOTED)
@pytest.mark.parametrize("status", [400, 422])
def test_a_quoted_user_can_not_park_a_credential(
    fault_of: Callable[..., Fault], status: int, message: str
) -> None:
    """A refusal that quotes the caller's own words stays the caller's fault."""
    fault = fault_of(status, {"error": {"message": message, "type": "invalid_request_error", "code": None}})
    assert (fault.kind, fault.verdict) == (Kind.INVALID_REQUEST, Verdict.FIX_REQUEST)
