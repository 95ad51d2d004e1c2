"""JSON values and faults."""

from dataclasses import fields
from typing import Any

import pytest

from halfopen import redact
from halfopen.model import Fault, Kind, Place, Verdict

KEY = "sk-" + "proj-aB3dE5fG7hJ9kL1mN2pQ4rS6"


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        pytest.param({"api_key": "x"}, {"api_key": "[key]"}, id="by name"),
        pytest.param({"note": f"with {KEY}"}, {"note": "with [key]"}, id="by value"),
        pytest.param(
            {"a": [{"b": {"password": "x"}}]}, {"a": [{"b": {"password": "[password]"}}]}, id="nested"
        ),
        pytest.param(
            {"passwords": 1, "password": 12345}, {"passwords": 1, "password": "[password]"}, id="number"
        ),
        pytest.param({"secret": None, "password": True}, {"secret": None, "password": True}, id="no value"),
        pytest.param({"secrets": ["a", "b"]}, {"secrets": ["[secret]", "[secret]"]}, id="list under a name"),
        pytest.param(
            {"credentials": {"a": "b"}}, {"credentials": {"a": "[secret]"}}, id="object under a name"
        ),
        pytest.param(
            {"properties": {"password": {"type": "string", "description": "at least 8"}}}, None, id="schema"
        ),
        pytest.param(
            {"name": "authorization", "value": "Bearer x"},
            {"name": "authorization", "value": "Bearer [key]"},
            id="name and value",
        ),
        pytest.param(
            {"headers": [["x-api-key", "Zx81 q"]]}, {"headers": [["x-api-key", "[key]"]]}, id="pair"
        ),
        pytest.param({"required": ["password", "username"]}, None, id="list of names"),
        pytest.param({"cookie": "a=b"}, {"cookie": "a=[cookie]"}, id="cookie"),
        pytest.param({KEY: 1, KEY + "x": 2}, {"[key]": 1, "[key] #2": 2}, id="secret as a name"),
        pytest.param(4111111111111111, "[card]", id="card number"),
        pytest.param({"usage": {"prompt_tokens": 12, "total_tokens": 4111}}, None, id="usage"),
        pytest.param({"logprobs": [{"token": "Hello", "logprob": -0.5}]}, None, id="log probabilities"),
        pytest.param({"key": "${OPENAI_API_KEY}"}, None, id="reference"),
        pytest.param({"model": "gpt-4o", "n": 1.5, "ok": True, "x": None}, None, id="plain"),
        pytest.param(10**5000, None, id="huge number"),
        pytest.param({"a": object}, {"a": "[unreadable]"}, id="not JSON"),
        pytest.param({"a": b"password=x"}, {"a": b"password=[password]"}, id="bytes"),
        pytest.param({1: "a", None: "b"}, None, id="names that are no strings"),
    ],
)
def test_json_value(value: Any, masked: Any) -> None:
    """A value is masked by name and by form; the given one is not changed; a second pass does nothing."""
    before = repr(value) if not isinstance(value, int) else ""
    once = redact.json_value(value)
    assert once == (value if masked is None else masked)
    assert redact.json_value(once) == once
    assert not before or repr(value) == before


def test_depth_is_bounded() -> None:
    """A value nested beyond all bounds is cut, not recursed into."""
    value: Any = "x"
    for _ in range(5000):
        value = [value]
    once = redact.json_value(value)
    assert "[too deep]" in repr(once)
    assert redact.json_value(once) == once


def test_cycle_ends() -> None:
    """A value that contains itself is cut."""
    value: dict[str, Any] = {}
    value["self"] = value
    assert "[too deep]" in repr(redact.json_value(value))


def test_fault_is_masked_in_every_field() -> None:
    """No field that an upstream wrote keeps a secret; what we decided stays."""
    fault = Fault(
        kind=Kind.BAD_KEY,
        verdict=Verdict.KEY,
        place=Place.CONFIGURATION,
        message=f"Incorrect API key provided: {KEY}.",
        remedy=f"Replace {KEY}.",
        status=500,
        effective_status=401,
        type=KEY,
        code=KEY,
        param=KEY,
        delay_s=1.5,
        evidence=(f"body says {KEY}", "status 500"),
        request_id=KEY,
        body=f'{{"error": "{KEY}"}}'.encode(),
    )
    masked = redact.fault(fault)
    for field in fields(masked):
        assert KEY not in str(getattr(masked, field.name)), field.name
    assert (masked.kind, masked.status, masked.delay_s, masked.masked) == (Kind.BAD_KEY, 500, 1.5, True)
    assert masked.evidence[1] == "status 500"
    assert redact.fault(masked) == masked
