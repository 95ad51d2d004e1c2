"""Gemini's embeddings in OpenAI's shape."""

import base64
import json
import struct

import pytest

from halfopen.model import Fault, Kind, Usage
from halfopen.providers.clients.embeddings import EMBEDDINGS
from halfopen.providers.contract import Answer
from halfopen.providers.gemini import GEMINI


@pytest.fixture
def target(make_target):
    return make_target("gemini-embedding-001", "gemini")


@pytest.fixture
def gemini(target):
    return EMBEDDINGS.translation(GEMINI, target)


def test_the_request(make, gemini, target) -> None:
    """All inputs are one batch; the size goes with each."""
    ask = make(input=["a", "b"], dimensions=2, user="me", task_type="RETRIEVAL_QUERY")
    call = gemini.call(ask, target, "k")
    assert call.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert ("x-goog-api-key", "k") in call.headers
    more = {"outputDimensionality": 2, "taskType": "RETRIEVAL_QUERY"}
    assert json.loads(call.body) == {
        "requests": [
            {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]}, **more} for text in "ab"
        ]
    }  # fmt: skip
    assert gemini.adapted(ask, target) == ()


def test_a_plain_request_has_no_options(make, gemini, target) -> None:
    """What the client leaves to the model stays with it."""
    call = gemini.call(make(), target, None)
    assert json.loads(call.body) == {
        "requests": [{"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "Hi"}]}}]
    }
    assert "x-goog-api-key" not in dict(call.headers)


def test_numbers_pass_exactly(make, gemini, target, reply) -> None:
    """Every digit of a vector is the model's own."""
    numbers = "[0.013168523,-8.7115e-05,1]"
    body = (
        b'{"embeddings":[{"values":%s},{"values":[2,3,4]}],"usageMetadata":{"promptTokenCount":6}}'
        % numbers.encode()
    )
    answer = gemini.answer(make(input=["a", "b"], dimensions=3), target, reply(body, "gemini"))
    assert isinstance(answer, Answer), answer
    assert f'"embedding":{numbers}'.encode() in answer.body
    assert json.loads(answer.body) == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.013168523, -8.7115e-05, 1]},
            {"object": "embedding", "index": 1, "embedding": [2, 3, 4]},
        ],
        "model": "gemini-embedding-001",
        "usage": {"prompt_tokens": 6, "total_tokens": 6},
    }
    assert answer.usage == Usage(6)


def test_base64_is_packed_floats(make, gemini, target, reply) -> None:
    """32-bit floats, little-endian, as OpenAI packs them."""
    ask = make(encoding_format="base64", dimensions=3)
    answer = gemini.answer(ask, target, reply({"embeddings": [{"values": [0.5, -2, 1e-3]}]}, "gemini"))
    body = json.loads(answer.body)
    assert struct.unpack("<3f", base64.b64decode(body["data"][0]["embedding"])) == pytest.approx(
        (0.5, -2, 1e-3)
    )
    assert body["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert answer.usage is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"input": [1, 2]}, "no inputs of tokens", id="tokens"),
        pytest.param({"input": [{"image": "x"}]}, "no inputs but text", id="image"),
        pytest.param({"input": ["x"] * 101}, "at most 100 inputs (101 asked)", id="many"),
        pytest.param({"input": ["x"] * 100}, None, id="as many as fit"),
        pytest.param({"dimensions": 4000}, "at most 3072 dimensions (4000 asked)", id="dimensions"),
        pytest.param({"dimensions": 768}, None, id="fewer dimensions"),
    ],
)
def test_unfit(make, gemini, target, fields, reason) -> None:
    """What can't be carried is a reason to skip."""
    assert gemini.unfit(make(**fields), target) == reason


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param({"embeddings": []}, Kind.MALFORMED_ANSWER, id="none"),
        pytest.param({"embeddings": [{}]}, Kind.MALFORMED_ANSWER, id="no values"),
        pytest.param({"embeddings": [{"values": []}]}, Kind.MALFORMED_ANSWER, id="empty"),
        pytest.param({"embeddings": [{"values": "AAAA"}]}, Kind.MALFORMED_ANSWER, id="text"),
        pytest.param({"embeddings": [{"values": [0.5, "x", 1]}]}, Kind.MALFORMED_ANSWER, id="text in it"),
        pytest.param({"embeddings": [{"values": [0.5, 1e300, 1]}]}, Kind.MALFORMED_ANSWER, id="beyond 32 bits"),
        pytest.param({"embeddings": [{"values": [0.5, 1]}]}, Kind.MALFORMED_ANSWER, id="wrong size"),
        pytest.param({"embeddings": [{"values": [1, 2, 3]}] * 2}, Kind.MALFORMED_ANSWER, id="too many"),
        pytest.param({}, Kind.EMPTY_ANSWER, id="empty object"),
        pytest.param(b"", Kind.EMPTY_ANSWER, id="nothing"),
        pytest.param(b'{"embeddings":[{"va', Kind.CUT_BODY, id="cut"),
        pytest.param(b"\xff", None, id="not utf-8"),
        pytest.param(b"[" * 100_000, None, id="bottomless"),
        pytest.param({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}, None, id="error"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none(make, gemini, target, reply, value, kind) -> None:
    """Nothing that comes raises, and no wrong vector passes."""
    fault = gemini.answer(make(dimensions=3), target, reply(value, "gemini"))
    assert isinstance(fault, Fault)
    assert kind is None or fault.kind is kind
