"""Requests of Google's clients: paths, queries, and what is wrong with bad ones."""

from typing import Any

import pytest

from halfopen.model import Fault, Kind, Verdict
from halfopen.providers import Chat, ClientRequest
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.generate.request import GenerateAsk


@pytest.mark.parametrize(
    ("path", "model", "stream", "sse"),
    [
        pytest.param("/v1beta/models/fast:generateContent", "fast", False, False, id="whole"),
        pytest.param("/v1/models/fast:generateContent?key=secret", "fast", False, False, id="v1"),
        pytest.param("/v1beta/models/fast:streamGenerateContent?alt=sse", "fast", True, True, id="events"),
        pytest.param("/v1/models/fast:streamGenerateContent?$alt=sse", "fast", True, True, id="dollar alt"),
        pytest.param("/v1beta/models/fast:streamGenerateContent", "fast", True, False, id="array"),
        pytest.param("/v1beta/models/fast:streamGenerateContent?alt=json", "fast", True, False, id="json"),
        pytest.param(
            "/v1beta/tunedModels/mine:generateContent", "tunedModels/mine", False, False, id="tuned"
        ),
        pytest.param("/v1beta/models/a/b:8b:generateContent", "a/b:8b", False, False, id="odd name"),
    ],
)
def test_paths(desk: Any, path: str, model: str, stream: bool, sse: bool) -> None:
    """The path and the query say the model and the kind of answer."""
    ask = desk.ask(path)
    assert isinstance(ask.origin, GenerateAsk)
    assert (ask.model, ask.stream, ask.include_usage, ask.origin.sse) == (model, stream, stream, sse)
    assert (ask.origin.model, ask.origin.stream) == (model, stream)


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/fast:countTokens",
        "/v1beta/models/:generateContent",
        "/v1beta/fast",
        "/v2/models/a:generateContent",
    ],
    ids=["method", "no model", "no collection", "version"],
)
def test_other_paths(desk: Any, path: str) -> None:
    """Another path is a fault that says what a right one looks like."""
    fault = GENERATE.parse(desk.request(path))
    assert isinstance(fault, Fault)
    assert fault.verdict is Verdict.FIX_REQUEST
    assert ":generateContent" in fault.message


def test_origin_keeps_bytes(desk: Any) -> None:
    """The client's own body is kept byte for byte, and the chat is a valid one."""
    body = b'{ "contents": {"parts": {"text": "Hi"}} , "generation_config": {"top_k": 3}}'
    ask = GENERATE.parse(ClientRequest("/v1beta/models/fast:generateContent", {}, {}, body))
    assert isinstance(ask, Chat)
    assert ask.origin is not None
    assert ask.origin.body == body
    parsed = parse_chat(ask.body)
    assert isinstance(parsed, Chat)
    assert parsed.deep == {"model": "fast", "messages": [{"role": "user", "content": "Hi"}], "top_k": 3}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b"{",
        b'{"contents": "\xff"}',
        b"[" * 500 + b"]" * 500,
        b'{"contents":' + b"[" * 300 + b"]" * 300 + b"}",
    ],
    ids=["empty", "list", "number", "cut", "not utf-8", "deep", "deep contents"],
)
def test_bad_json(body: bytes) -> None:
    """A body that is no JSON object is a fault, never an exception."""
    fault = GENERATE.parse(ClientRequest("/v1beta/models/fast:generateContent", {}, {}, body))
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        pytest.param({"contents": []}, "contents", id="no contents"),
        pytest.param({"contents": ["Hi"]}, "contents[0]", id="text for content"),
        pytest.param({"contents": [{"role": "system", "parts": []}]}, "contents[0].role", id="role"),
        pytest.param({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]", id="empty part"),
        pytest.param({"contents": [{"parts": [{"text": 1}]}]}, "contents[0].parts[0].text", id="text"),
        pytest.param(
            {"contents": [{"parts": [{"text": "a", "inlineData": {}}]}]},
            "contents[0].parts[0]",
            id="two kinds",
        ),
        pytest.param(
            {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png"}}]}]},
            "contents[0].parts[0].inlineData.data",
            id="no data",
        ),
        pytest.param({"generationConfig": {"topK": "x"}}, "generationConfig.topK", id="topK"),
        pytest.param(
            {"generationConfig": {"candidateCount": 0}}, "generationConfig.candidateCount", id="count"
        ),
        pytest.param(
            {"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name", id="name"
        ),
        pytest.param(
            {"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "toolConfig.functionCallingConfig.mode",
            id="mode",
        ),
    ],
)
def test_invalid(desk: Any, fields: dict[str, Any], param: str) -> None:
    """What Google refuses is refused with the place, in Google's shape."""
    fault = desk.fault(**fields)
    assert (fault.kind, fault.param) == (Kind.INVALID_REQUEST, param)
