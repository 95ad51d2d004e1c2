"""Errors as Google's clients read them."""

from typing import Any

import pytest
from google.genai import errors as google

from halfopen.model import Kind
from halfopen.providers.clients.generate import GENERATE


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (413, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
        (599, "INTERNAL"),
    ],
    ids=str,
)
def test_statuses(desk: Any, status: int, name: str) -> None:
    """Every HTTP status comes out as the typed error with Google's name for it."""
    body = GENERATE.error(desk.failure(Kind.UNKNOWN, status))
    client = desk.client(body, status=status)
    with pytest.raises(google.APIError) as caught:
        client.models.generate_content(model="fast", contents="Hi")
    assert isinstance(caught.value, google.ClientError if status < 500 else google.ServerError)
    assert (caught.value.code, caught.value.status, caught.value.message) == (status, name, "Too busy.")


def test_details(desk: Any) -> None:
    """The kind, the wait, the field and Halfopen's own details have their places."""
    failure = desk.failure(Kind.RATE_LIMITED, 429, delay_s=1.5, param="contents")
    with pytest.raises(google.ClientError) as caught:
        desk.client(GENERATE.error(failure), status=429).models.generate_content(model="fast", contents="Hi")
    error = caught.value.details["error"]
    info, retry, request = error["details"]
    assert info == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMITED",
        "domain": "halfopen",
        "metadata": {"requestId": "req-1"},
    }
    assert retry == {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}
    assert request["fieldViolations"] == [{"field": "contents", "description": "Too busy."}]
    assert error["halfopen"] == {"kind": "rate_limited", "attempts": 2}


@pytest.mark.parametrize(
    ("delay_s", "text"), [(0, "0s"), (12, "12s"), (0.25, "0.25s"), (100, "100s")], ids=str
)
def test_delays(desk: Any, delay_s: float, text: str) -> None:
    """A wait is a duration in Google's form."""
    body = GENERATE.error(desk.failure(Kind.RATE_LIMITED, 429, delay_s=delay_s))
    assert f'"retryDelay":"{text}"'.encode() in body
