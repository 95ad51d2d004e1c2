"""Counting tokens: Anthropic counts, nobody else."""

import json
from typing import Any

import pytest

from halfopen.model import Fault, Kind, Reply, Target
from halfopen.providers import DIALECTS, Answer, Ask, ClientRequest
from halfopen.providers.clients.messages import COUNT_TOKENS

BODY = b'{"model": "opus",  "messages": [{"role": "user", "content": "Hi"}]}'
CLAUDE = Target("claude", "claude-opus-5", "anthropic")


def parse(body: bytes, **headers: str) -> Any:
    return COUNT_TOKENS.parse(ClientRequest("/v1/messages/count_tokens", {}, headers, body))


def test_the_request_passes_with_the_targets_model() -> None:
    """With the client's version and betas, and our key."""
    ask = parse(BODY, **{"anthropic-beta": "b1", "x-api-key": "client"})
    assert isinstance(ask, Ask)
    call = COUNT_TOKENS.translation(DIALECTS["anthropic"], CLAUDE).call(ask, CLAUDE, "ours")
    assert call.path == "/v1/messages/count_tokens"
    assert json.loads(call.body)["model"] == "claude-opus-5"
    assert dict(call.headers)["anthropic-beta"] == "b1"
    assert dict(call.headers)["x-api-key"] == "ours"


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
def test_others_can_not_count(dialect: str) -> None:
    """A guess would be taken for the truth."""
    target = Target("p", "m", dialect)
    reason = COUNT_TOKENS.translation(DIALECTS[dialect], target).unfit(parse(BODY), target)
    assert reason == "can't count Anthropic's tokens"


def test_a_count_passes_as_it_is() -> None:
    """Byte for byte."""
    translation = COUNT_TOKENS.translation(DIALECTS["anthropic"], CLAUDE)
    body = b'{ "input_tokens": 14 }'
    answer = translation.answer(parse(BODY), CLAUDE, Reply(200, (), body, dialect="anthropic"))
    assert isinstance(answer, Answer)
    assert answer.body == body


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"input_tokens": "14"}', b"\xff"])
def test_what_is_no_count_is_a_fault(body: bytes) -> None:
    """A 200 proves nothing."""
    translation = COUNT_TOKENS.translation(DIALECTS["anthropic"], CLAUDE)
    answer = translation.answer(parse(BODY), CLAUDE, Reply(200, (), body, dialect="anthropic"))
    assert isinstance(answer, Fault)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"model": 1}', b"{", b"\xff"])
def test_a_bad_request_is_the_clients(body: bytes) -> None:
    """It says what is wrong, and nobody is asked."""
    fault = parse(body)
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.INVALID_REQUEST
