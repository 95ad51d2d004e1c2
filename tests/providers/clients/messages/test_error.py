"""Errors as the official client raises them."""

from typing import get_args

import anthropic
import msgspec
import pytest
from anthropic.types import ErrorResponse
from anthropic.types.shared import ErrorType

from halfopen import errors
from halfopen.model import Kind
from halfopen.providers.client import Failure
from halfopen.providers.clients.messages import MESSAGES


def failure(kind, status=None):
    fault = errors.make(kind, "It broke.")
    return Failure(fault, status or fault.effective_status or 502, "req_7", {"kind": kind.value})


@pytest.mark.parametrize(
    ("kind", "status", "name", "raised"),
    [
        pytest.param(Kind.INVALID_REQUEST, 400, "invalid_request_error", anthropic.BadRequestError, id="400"),
        pytest.param(Kind.INVALID_REQUEST, 422, "invalid_request_error", anthropic.APIStatusError, id="422"),
        pytest.param(Kind.BAD_KEY, 401, "authentication_error", anthropic.AuthenticationError, id="401"),
        pytest.param(Kind.QUOTA_EXHAUSTED, 402, "billing_error", anthropic.APIStatusError, id="402"),
        pytest.param(Kind.QUOTA_EXHAUSTED, 429, "billing_error", anthropic.RateLimitError, id="quota as 429"),
        pytest.param(Kind.FORBIDDEN, 403, "permission_error", anthropic.PermissionDeniedError, id="403"),
        pytest.param(Kind.UNKNOWN_MODEL, 404, "not_found_error", anthropic.NotFoundError, id="404"),
        pytest.param(Kind.REQUEST_TOO_LARGE, 413, "request_too_large", anthropic.APIStatusError, id="413"),
        pytest.param(Kind.RATE_LIMITED, 429, "rate_limit_error", anthropic.RateLimitError, id="429"),
        pytest.param(Kind.SERVER_ERROR, 500, "api_error", anthropic.InternalServerError, id="500"),
        pytest.param(Kind.BAD_GATEWAY, 502, "api_error", anthropic.InternalServerError, id="502"),
        pytest.param(Kind.UNAVAILABLE, 503, "overloaded_error", anthropic.InternalServerError, id="503"),
        pytest.param(Kind.GATEWAY_TIMEOUT, 504, "timeout_error", anthropic.APIStatusError, id="504"),
        pytest.param(Kind.OVERLOADED, 529, "overloaded_error", anthropic.APIStatusError, id="529"),
    ],
)
def test_each_status_has_anthropics_type(lab, kind, status, name, raised) -> None:
    """The official client raises its own class, and finds our details in the body."""
    body = MESSAGES.error(failure(kind, status))
    if name in get_args(ErrorType):
        ErrorResponse.model_validate_json(body)
    with (
        lab.client(body, "application/json", status) as client,
        pytest.raises(raised) as caught,
    ):
        client.messages.create(model="m", max_tokens=9, messages=[])
    assert caught.value.status_code == status
    assert caught.value.body == {
        "type": "error",
        "error": {"type": name, "message": "It broke.", "halfopen": {"kind": kind.value}},
        "request_id": "req_7",
    }


@pytest.mark.parametrize("kind", Kind)
def test_every_fault_has_a_type_that_the_api_has(kind) -> None:
    """No failure leaves with a type that no client of Anthropic's knows."""
    error = msgspec.json.decode(MESSAGES.error(failure(kind)))["error"]
    assert error["type"] in {
        "invalid_request_error", "authentication_error", "billing_error", "permission_error",
        "not_found_error", "conflict_error", "request_too_large", "rate_limit_error", "timeout_error",
        "overloaded_error", "api_error",
    }  # fmt: skip


def test_an_error_in_a_stream_is_raised(lab) -> None:
    """After delivered text the official client raises, with our details, and never sees an end."""
    writer = MESSAGES.writer(lab.parse(stream=True), request_id="req_7", created_s=0)
    stream = writer.write(lab.chunk({"content": "Hel"})) + writer.error(failure(Kind.CUT_BODY))
    assert b"message_stop" not in stream
    assert writer.finish() == b""
    with pytest.raises(anthropic.APIStatusError) as caught:
        lab.streamed(stream)
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["halfopen"] == {"kind": "cut_body"}
