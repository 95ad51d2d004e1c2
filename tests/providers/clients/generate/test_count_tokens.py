"""Counting tokens for Google's clients: Gemini counts, nobody else."""

import json
from typing import Any

import pytest

from halfopen.model import Fault, Reply, Target
from halfopen.providers import DIALECTS, Answer, Ask, ClientRequest
from halfopen.providers.clients.generate import GENERATE_COUNT

BODY = b'{ "contents": [{"parts": [{"text": "Hi"}]}] }'
FLASH = Target("google", "gemini-2.5-flash", "gemini")
COUNTING = GENERATE_COUNT.translation(DIALECTS["gemini"], FLASH)


def parse(body: bytes, path: str = "/v1beta/models/fast:countTokens") -> Any:
    return GENERATE_COUNT.parse(ClientRequest(path, {"key": "client"}, {}, body))


def test_the_request_passes() -> None:
    """Byte for byte, on a path with the target's model, with our key."""
    ask = parse(BODY)
    assert isinstance(ask, Ask)
    assert ask.model == "fast"
    call = COUNTING.call(ask, FLASH, "ours")
    assert (call.path, call.body) == ("/v1beta/models/gemini-2.5-flash:countTokens", BODY)
    assert dict(call.headers)["x-goog-api-key"] == "ours"


@pytest.mark.parametrize("name", ["generateContentRequest", "generate_content_request"])
def test_the_model_inside_is_the_targets(name: str) -> None:
    """A whole request inside must name the model that counts."""
    ask = parse(json.dumps({name: {"model": "models/fast", "contents": []}}).encode())
    inner = json.loads(COUNTING.call(ask, FLASH, None).body)[name]
    assert inner == {"model": "models/gemini-2.5-flash", "contents": []}


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_others_can_not_count(dialect: str) -> None:
    """A guess would be taken for the truth."""
    target = Target("p", "m", dialect)
    reason = GENERATE_COUNT.translation(DIALECTS[dialect], target).unfit(parse(BODY), target)
    assert reason == "can't count Gemini's tokens"
    assert COUNTING.unfit(parse(BODY), FLASH) is None


def test_a_count_passes_as_it_is() -> None:
    """Byte for byte."""
    body = b'{ "totalTokens": 14, "promptTokensDetails": [] }'
    answer = COUNTING.answer(parse(BODY), FLASH, Reply(200, (), body, dialect="gemini"))
    assert isinstance(answer, Answer)
    assert answer.body == body


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"totalTokens": "14"}', b"\xff"])
def test_what_is_no_count_is_a_fault(body: bytes) -> None:
    """A 200 proves nothing."""
    answer = COUNTING.answer(parse(BODY), FLASH, Reply(200, (), body, dialect="gemini"))
    assert isinstance(answer, Fault)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_bad_request_is_the_clients(body: bytes) -> None:
    """It says what is wrong, and nobody is asked."""
    assert isinstance(parse(body), Fault)
    assert isinstance(parse(BODY, "/v1beta/models/fast:embedContent"), Fault)
