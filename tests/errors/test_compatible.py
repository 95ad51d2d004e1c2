"""The reference's lines on Azure, Ollama, llama.cpp and vLLM."""

from collections.abc import Callable

import pytest

from halfopen import errors
from halfopen.model import Fault, Kind, Verdict

AZURE_FILTER = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "medium"}},
        },
    }
}
AZURE_RATE = {
    "error": {
        "code": "429",
        "message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-05-01-preview have "
        "exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 86400 seconds.",
    }
}
AZURE_KEY = {
    "error": {
        "code": "401",
        "message": "Access denied due to invalid subscription key or wrong API endpoint.",
    }
}
AZURE_DEPLOYMENT = {
    "error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}
}
OLLAMA_BUSY = {"error": "server busy, please try again.  maximum pending requests exceeded"}
OLLAMA_MISSING = {
    "error": {
        "message": 'model "llama9" not found, try pulling it first',
        "type": "api_error",
        "param": None,
        "code": None,
    }
}
LLAMA_LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
LLAMA_CONTEXT = {
    "error": {
        "code": 400,
        "message": "request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 4390,
        "n_ctx": 4096,
    }
}
LLAMA_CONTEXT_500 = {
    "error": {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}
}
LLAMA_501 = {
    "error": {
        "code": 501,
        "message": "This server does not support embeddings. Start it with `--embeddings`",
        "type": "not_supported_error",
    }
}
DEAD = "EngineCore encountered an issue. See stack trace (above) for the root cause."
VLLM_DEAD = {"error": {"message": DEAD, "type": "InternalServerError", "param": None, "code": 500}}
VLLM_OLD = {
    "object": "error",
    "message": "The model `x` does not exist.",
    "type": "NotFoundError",
    "param": None,
    "code": 404,
}

CASES = [
    pytest.param(
        400, AZURE_FILTER, Kind.CONTENT_FILTERED, Verdict.FIX_REQUEST, id="azure-400-content-filter"
    ),
    pytest.param(429, AZURE_RATE, Kind.RATE_LIMITED, Verdict.THROTTLE, id="azure-429"),
    pytest.param(401, AZURE_KEY, Kind.BAD_KEY, Verdict.KEY, id="azure-401"),
    pytest.param(404, AZURE_DEPLOYMENT, Kind.MODEL_NOT_FOUND, Verdict.FAILOVER, id="azure-404-deployment"),
    pytest.param(
        429,
        {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 30 seconds."},
        Kind.RATE_LIMITED,
        Verdict.THROTTLE,
        id="azure-429-api-management",
    ),
    pytest.param(503, OLLAMA_BUSY, Kind.OVERLOADED, Verdict.RETRY, id="ollama-503-queue-full"),
    pytest.param(404, OLLAMA_MISSING, Kind.MODEL_NOT_FOUND, Verdict.FAILOVER, id="ollama-404-no-such-model"),
    pytest.param(
        404,
        {"error": "model 'llama9' not found"},
        Kind.MODEL_NOT_FOUND,
        Verdict.FAILOVER,
        id="ollama-404-native",
    ),
    pytest.param(499, {"error": "context canceled"}, Kind.CANCELLED, Verdict.RETRY, id="ollama-499"),
    pytest.param(
        500,
        {"error": "llama runner process has terminated"},
        Kind.SERVER_ERROR,
        Verdict.RETRY,
        id="ollama-500",
    ),
    pytest.param(503, LLAMA_LOADING, Kind.MODEL_LOADING, Verdict.RETRY, id="llama.cpp-503-loading"),
    pytest.param(
        503,
        {"error": {"code": 503, "message": "no slot", "type": "unavailable_error"}},
        Kind.UNAVAILABLE,
        Verdict.RETRY,
        id="llama.cpp-503-unavailable",
    ),
    pytest.param(400, LLAMA_CONTEXT, Kind.CONTEXT_TOO_LONG, Verdict.FIX_REQUEST, id="llama.cpp-400-context"),
    pytest.param(
        500, LLAMA_CONTEXT_500, Kind.CONTEXT_TOO_LONG, Verdict.FIX_REQUEST, id="llama.cpp-500-context"
    ),
    pytest.param(501, LLAMA_501, Kind.NOT_IMPLEMENTED, Verdict.FAILOVER, id="llama.cpp-501"),
    pytest.param(500, VLLM_DEAD, Kind.ENGINE_DEAD, Verdict.FAILOVER, id="vllm-500-engine-dead"),
    pytest.param(404, VLLM_OLD, Kind.MODEL_NOT_FOUND, Verdict.FAILOVER, id="vllm-404-flat-shape"),
    pytest.param(
        400,
        {
            "object": "error",
            "message": "max_tokens must be at least 1",
            "type": "BadRequestError",
            "code": 400,
        },
        Kind.INVALID_REQUEST,
        Verdict.FIX_REQUEST,
        id="vllm-400",
    ),
    pytest.param(
        422,
        {"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "value_error.missing"}]},
        Kind.INVALID_REQUEST,
        Verdict.FIX_REQUEST,
        id="fastapi-422",
    ),
]


@pytest.mark.parametrize(("status", "body", "kind", "verdict"), CASES)
def test_every_documented_error(
    fault_of: Callable[..., Fault], status: int, body: object, kind: Kind, verdict: Verdict
) -> None:
    """Each error of an OpenAI-shaped server gets its kind and verdict."""
    fault = fault_of(status, body)
    assert (fault.kind, fault.verdict) == (kind, verdict)


def test_azure_waits_of_a_day(fault_of: Callable[..., Fault]) -> None:
    """Azure's 86400 s is a finite delay, from the header or from the sentence."""
    assert fault_of(429, AZURE_RATE, (("Retry-After", "86400"),)).delay_s == 86400
    assert fault_of(429, AZURE_RATE).delay_s == 86400


@pytest.mark.parametrize("value", ["-1", "0"])
def test_azure_reset_headers_of_minus_one_and_zero(fault_of: Callable[..., Fault], value: str) -> None:
    """Resets of -1 or 0 are no hint and no error."""
    headers = (("x-ratelimit-reset-requests", value), ("x-ratelimit-remaining-requests", value))
    fault = fault_of(429, {"error": {"code": "429", "message": "m"}}, headers)
    assert (fault.kind, fault.delay_s) == (Kind.RATE_LIMITED, None)


def test_azure_milliseconds(fault_of: Callable[..., Fault]) -> None:
    """retry-after-ms beats retry-after."""
    headers = (("retry-after-ms", "1500"), ("retry-after", "2"))
    assert fault_of(429, AZURE_KEY, headers).delay_s == 1.5


def test_vllm_stream_error_before_done() -> None:
    """vLLM's error event is a fault although [DONE] follows it, and [DONE] itself is none."""
    for data in (
        b'{"error": {"message": "EngineCore encountered an issue.", "type": "InternalServerError", "param": null, "code": 500}}',
        b'{"object": "error", "message": "EngineCore encountered an issue.", "type": "InternalServerError", "code": 500}',
    ):
        fault = errors.decode_event(data)
        assert fault is not None
        assert (fault.kind, fault.verdict) == (Kind.ENGINE_DEAD, Verdict.FAILOVER)
    assert errors.decode_event(b"[DONE]") is None


@pytest.mark.parametrize("code", ["tool_use_failed", "json_validate_failed"])
def test_groq_blames_the_request_for_the_model(fault_of: Callable[..., Fault], code: str) -> None:
    """Groq's 400 for a call or JSON that its model got wrong is the model's fault: another may do better."""
    body = {"error": {"message": "Failed.", "type": "invalid_request_error", "code": code}}
    fault = fault_of(400, body)
    assert (fault.kind, fault.verdict, fault.retries_max) == (Kind.MALFORMED_ANSWER, Verdict.RETRY, 1)


def test_openrouter_moderation_parks_no_key(fault_of: Callable[..., Fault]) -> None:
    """OpenRouter's 403 for flagged input is about one request; its plain 403 is about the key."""
    flagged = {"reasons": ["violence"], "flagged_input": "…", "provider_name": "x", "model_slug": "x/y"}
    error = {"code": 403, "message": "Your input was flagged"}
    fault = fault_of(403, {"error": {**error, "metadata": flagged}})
    assert (fault.kind, fault.verdict) == (Kind.CONTENT_FILTERED, Verdict.FIX_REQUEST)
    assert fault_of(403, {"error": error}).verdict is Verdict.KEY
