"""The client's request: what is accepted, and what a refusal says."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.model import Fault, Kind, Verdict
from halfopen.providers import Chat, parse_chat

MESSAGES = b'"messages":[{"role":"user","content":"Hi"}]'


def refused(body: bytes) -> Fault:
    fault = parse_chat(body)
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.INVALID_REQUEST
    assert fault.verdict is Verdict.FIX_REQUEST
    return fault


@pytest.mark.parametrize(
    ("extra", "stream", "usage"),
    [
        (b"", False, False),
        (b',"stream":null', False, False),
        (b',"stream":true', True, False),
        (b',"stream":true,"stream_options":null', True, False),
        (b',"stream":true,"stream_options":{"include_usage":true}', True, True),
        (b',"stream":true,"stream_options":{"include_usage":"yes"}', True, False),
    ],
    ids=["plain", "null", "stream", "null-options", "usage", "odd-usage"],
)
def test_accepts(extra: bytes, stream: bool, usage: bool) -> None:
    """A good request keeps its bytes and says what routing needs to know."""
    body = b'{"model":"gpt-4o-mini",' + MESSAGES + extra + b"}"
    assert parse_chat(body) == Chat(body, "gpt-4o-mini", stream, usage)


@pytest.mark.parametrize(
    ("body", "says", "param"),
    [
        (b"", "body is empty", None),
        (b" \n", "body is empty", None),
        (b"{", "cut, or a bracket or quote is missing", None),
        (b"{'model':1}", "not valid JSON: object keys must be strings (byte 1)", None),
        (b"\xef\xbb\xbf{}", "byte order mark", None),
        (b"[]", "must be a JSON object with model and messages, not an array", None),
        (b"null", "not null", None),
        (b"{}", "model is missing", "model"),
        (b'{"model":"m"}', "messages is missing", "messages"),
        (b'{"model":7,' + MESSAGES + b"}", "model must be a string, not an integer", "model"),
        (b'{"model":"",' + MESSAGES + b"}", "model is empty", "model"),
        (b'{"model":"m","messages":[]}', "messages is empty: send at least one", "messages"),
        (b'{"model":"m","messages":"Hi"}', "messages must be an array, not a string", "messages"),
        (b'{"model":"m","messages":[{"role":"user"},"Hi"]}', "messages[1] must be an object", "messages[1]"),
        (
            b'{"model":"m","messages":[{"role":"user"},{"content":"Hi"}]}',
            "messages[1].role is missing",
            "messages[1].role",
        ),
        (
            b'{"model":"m","messages":[{"role":"user"},{"role":"user"},{"role":3}]}',
            "messages[2].role must be a string, not an integer",
            "messages[2].role",
        ),
        (b'{"model":"m",' + MESSAGES + b',"stream":"yes"}', "stream must be true or false, not a string", "stream"),
        (b'{"model":"m",' + MESSAGES + b',"stream":1}', "stream must be true or false, not an integer", "stream"),
        (b'{"model":"m",' + MESSAGES + b',"stream_options":[]}', "stream_options must be an object", "stream_options"),
        (b'{"model":"m",' + MESSAGES + b"} x", "Something follows the JSON object at byte 59", None),
        (b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}', "not valid UTF-8 at byte 51", None),
        (b'{"model":"\xff",' + MESSAGES + b"}", "not valid UTF-8 at byte 10", None),
        (b"[" * 100_000, "must be a JSON object", None),
        (b'{"model":"m","messages":[{"role":"u","x":' + b"[" * 300 + b"]" * 300 + b"}]}", "nested too deeply", None),
        (b'{"model":"m","messages":' + b"[" * 5000 + b"]" * 5000 + b"}", "messages[0] must be an object", "messages[0]"),
        (b'{"model":"m","x":' + b"[" * 5000 + b"]" * 5000 + b"," + MESSAGES + b"}", "nested too deeply", None),
    ],
    ids=lambda value: value.decode("latin-1")[:40] if isinstance(value, bytes) else None,
)  # fmt: skip
def test_refusal_says_what_and_where(body: bytes, says: str, param: str | None) -> None:
    """A bad request is refused in words that a user of an SDK can act on, with the field's name."""
    fault = refused(body)
    assert says in fault.message
    assert fault.param == param
    assert "`" not in fault.message


def test_nesting_is_counted_outside_of_strings() -> None:
    """Brackets in a text are no nesting, and many shallow messages are not deep."""
    text = json.dumps({"model": "m", "messages": [{"role": "user", "content": "[{" * 500}] * 300})
    assert isinstance(parse_chat(text.encode()), Chat)


def test_duplicate_keys_are_tolerated() -> None:
    """The last of two equal keys counts, as it does at the providers."""
    chat = parse_chat(b'{"model":"a","model":"b",' + MESSAGES + b"}")
    assert isinstance(chat, Chat)
    assert chat.model == "b"


@pytest.mark.parametrize(
    "number", ["1e999", "9" * 5000, "123456789012345678901234567890"], ids=["inf", "huge", "big"]
)
def test_any_number_decodes(number: str) -> None:
    """A number that no float or int of ours can hold never raises later."""
    chat = parse_chat(b'{"model":"m","max_tokens":5,"x":' + number.encode() + b"," + MESSAGES + b"}")
    assert isinstance(chat, Chat)
    assert chat.deep["max_tokens"] == 5
    assert isinstance(chat.deep["max_tokens"], int)
    msgspec.json.encode(chat.deep)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=60).map(str.encode))
def test_never_raises(noise: bytes) -> None:
    """Any bytes give a request or a fault; a request decodes in full without an error."""
    for body in (noise, b'{"model":"m","messages":[{"role":"u","content":"' + noise + b'"}]}'):
        parsed = parse_chat(body)
        if isinstance(parsed, Chat):
            assert parsed.deep["model"] == parsed.model
            assert "messages" in parsed.fields
