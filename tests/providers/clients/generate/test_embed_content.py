"""Google's own embeddings: they pass to Gemini, and to no model of another vector space."""

import json
from typing import Any

import pytest

from halfopen.gateway.standing_in import bound_elsewhere
from halfopen.model import Capabilities, Fault, Kind, Reply, Target
from halfopen.providers import DIALECTS, Answer, ClientRequest
from halfopen.providers.clients.generate import GENERATE_EMBEDDINGS

SPACE = Capabilities(vector_space="gemini-embedding-001", vector_dimensions=2, shorter_vectors=True)
FIRST = Target("google", "gemini-embedding-001", "gemini", SPACE)
EMBEDDING = GENERATE_EMBEDDINGS.translation(DIALECTS["gemini"], FIRST)
CONTENT = {"parts": [{"text": "Hi"}]}
ONE = {"model": "models/fast", "content": CONTENT, "taskType": "RETRIEVAL_QUERY"}
BATCH = {"requests": [ONE, {"content": CONTENT}]}


def parse(body: Any) -> Any:
    method = "batchEmbedContents" if isinstance(body, dict) and "requests" in body else "embedContent"
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return GENERATE_EMBEDDINGS.parse(ClientRequest(f"/v1beta/models/fast:{method}", {}, {}, raw))


def answered(asked: Any, body: Any) -> Answer | Fault:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return EMBEDDING.answer(parse(asked), FIRST, Reply(200, (), raw, dialect="gemini"))


def test_one_request() -> None:
    """A request for one vector passes with the target's model."""
    ask = parse(ONE)
    assert EMBEDDING.unfit(ask, FIRST) is None
    call = EMBEDDING.call(ask, FIRST, "ours")
    assert call.path == "/v1beta/models/gemini-embedding-001:embedContent"
    assert json.loads(call.body) == ONE | {"model": "models/gemini-embedding-001"}
    assert dict(call.headers)["x-goog-api-key"] == "ours"
    bare = {"content": CONTENT}
    assert json.loads(EMBEDDING.call(parse(bare), FIRST, None).body) == bare


def test_a_batch() -> None:
    """Each request of a batch names the target's model, as Google insists."""
    call = EMBEDDING.call(parse(BATCH), FIRST, None)
    assert call.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    requests = json.loads(call.body)["requests"]
    assert [each["model"] for each in requests] == ["models/gemini-embedding-001"] * 2
    assert requests[0]["taskType"] == "RETRIEVAL_QUERY"


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        pytest.param(ONE, b'{ "embedding": {"values": [0.10, 2e-3]} }', id="one"),
        pytest.param(BATCH, b'{ "embeddings": [{"values": [1, 2]}, {"values": [3, 4]}] }', id="batch"),
    ],
)
def test_vectors_pass_as_they_are(asked: Any, body: bytes) -> None:
    """Byte for byte."""
    answer = answered(asked, body)
    assert isinstance(answer, Answer)
    assert answer.body == body


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        pytest.param(ONE, b"", id="empty"),
        pytest.param(ONE, {}, id="nothing"),
        pytest.param(ONE, {"embedding": {}}, id="no values"),
        pytest.param(ONE, {"embedding": {"values": [1, 2, 3]}}, id="too long"),
        pytest.param(ONE | {"outputDimensionality": 1}, {"embedding": {"values": [1, 2]}}, id="not as asked"),
        pytest.param(BATCH, {"embeddings": [{"values": [1, 2]}]}, id="too few"),
        pytest.param(BATCH, {"embeddings": [{"values": [1, 2]}, None]}, id="null"),
        pytest.param(ONE, b"\xff", id="no text"),
    ],
)
def test_what_is_no_vector_is_a_fault(asked: Any, body: Any) -> None:
    """A 200 proves nothing."""
    found = answered(asked, body)
    assert isinstance(found, Fault)


@pytest.mark.parametrize("asked", [ONE, BATCH], ids=["one", "batch"])
def test_only_the_same_space(asked: Any) -> None:
    """Another model's vectors can't stand in, nor can another provider's."""
    ask = parse(asked)
    other = Target("google", "text-embedding-004", "gemini", Capabilities(vector_space="text-embedding-004"))
    twin = Target("google-2", "gemini-embedding-001", "gemini", SPACE)
    assert "another space" in (bound_elsewhere(ask, FIRST, other) or "")
    assert bound_elsewhere(ask, FIRST, twin) is None
    openai = Target("openai", "text-embedding-3-small", "openai")
    reason = GENERATE_EMBEDDINGS.translation(DIALECTS["openai"], openai).unfit(ask, openai)
    assert reason == "only Gemini makes its vectors"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", {"requests": []}, {"requests": [1]}, {"requests": None}], ids=str
)
def test_a_bad_request_is_the_clients(body: Any) -> None:
    """It says what is wrong, and nobody is asked."""
    fault = parse(body)
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize(
    "content",
    [None, 1, {}, {"parts": {"text": "x"}}, {"parts": [1]}, {"parts": [{"inlineData": {}}]}],
    ids=str,
)
def test_odd_contents_are_googles_business(content: Any) -> None:
    """What is to be embedded is looked at only to see whether it fits."""
    ask = parse({"content": content})
    assert json.loads(EMBEDDING.call(ask, FIRST, None).body) == {"content": content}
