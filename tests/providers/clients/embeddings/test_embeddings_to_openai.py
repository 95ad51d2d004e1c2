"""Embeddings between equals."""

import base64
import json
import struct
from dataclasses import replace

import pytest

from halfopen.model import Capabilities, Fault, Kind, Reply, Target, Usage
from halfopen.providers.clients.embeddings import EMBEDDINGS
from halfopen.providers.compatible import FLAVOURS, Compatible
from halfopen.providers.contract import Answer
from halfopen.providers.openai import OPENAI

ANY = Target("local", "bge-m3", "openai")
USAGE = {"prompt_tokens": 4, "total_tokens": 4}
NATIVE = EMBEDDINGS.translation(OPENAI, ANY)


def listed(*vectors, **fields):
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
    return {"object": "list", "data": data, "model": "bge-m3", "usage": USAGE} | fields


def packed(*numbers):
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def test_the_request_passes_unchanged(make) -> None:
    """The client's bytes go to /embeddings; only a model of another name is put in."""
    ask = make(model="bge-m3", encoding_format="base64", user="me")
    call = NATIVE.call(ask, ANY, "k")
    assert (call.path, call.body) == ("/embeddings", ask.body)
    assert call.body is ask.body
    assert ("authorization", "Bearer k") in call.headers
    renamed = json.loads(NATIVE.call(ask, replace(ANY, model="x"), None).body)
    assert renamed == {"model": "x", "input": "Hi", "encoding_format": "base64", "user": "me"}


def test_servers_get_their_key_and_their_fields(make) -> None:
    """Azure takes the key in a header of its own; Mistral refuses `user`."""
    azure = EMBEDDINGS.translation(Compatible(FLAVOURS["azure"]), ANY)
    assert ("api-key", "k") in azure.call(make(), ANY, "k").headers
    mistral = EMBEDDINGS.translation(Compatible(FLAVOURS["mistral"]), ANY)
    assert "user" not in json.loads(mistral.call(make(user="me"), ANY, "k").body)


@pytest.mark.parametrize(
    ("model", "fields", "reason"),
    [
        pytest.param("text-embedding-3-small", {}, None, id="plain"),
        pytest.param("text-embedding-3-small", {"dimensions": 256}, None, id="shorter"),
        pytest.param("text-embedding-3-small", {"dimensions": 2000}, "at most 1536 dimensions (2000 asked)", id="longer"),
        pytest.param("text-embedding-ada-002", {"dimensions": 1536}, "dimensions can't be chosen", id="ada"),
        pytest.param("text-embedding-3-small", {"input": ["a", "x " * 40_000]}, "an input has at least 13333 tokens, the context 8192", id="long"),
        pytest.param("text-embedding-3-small", {"input": [[1] * 9000]}, None, id="tokens are not measured"),
        pytest.param("gpt-4o-mini", {}, "no embeddings", id="a chat model"),
        pytest.param("bge-m3", {"dimensions": 99_999, "input": [{"image": "x"}]}, None, id="unknown model"),
    ],
)  # fmt: skip
def test_unfit(make, make_target, model, fields, reason) -> None:
    """What a model can't do is known before the call."""
    assert NATIVE.unfit(make(**fields), make_target(model)) == reason


def test_a_server_without_embeddings_is_skipped(make) -> None:
    """A flavour says what it serves."""
    flavour = replace(FLAVOURS["groq"], speaks=frozenset())
    assert EMBEDDINGS.translation(Compatible(flavour), ANY).unfit(make(), ANY) == "no embeddings"


@pytest.mark.parametrize(
    "vectors",
    [([0.5, -1e-05], [1, 2]), (packed(0.5, -1.0), packed(1, 2))],
    ids=["numbers", "base64"],
)
def test_a_good_answer_passes_byte_for_byte(make, reply, vectors) -> None:
    """It is judged and relayed."""
    came = reply(listed(*vectors))
    answer = NATIVE.answer(make(input=["a", "b"]), ANY, came)
    assert answer == Answer(came.body, "stop", Usage(4))
    assert answer.body is came.body


@pytest.mark.parametrize(
    ("asked", "value", "words"),
    [
        pytest.param({"input": ["a", "b"]}, listed([1.0]), "1 embeddings for 2 inputs", id="too few"),
        pytest.param({}, listed([1.0], [2.0]), "2 embeddings for 1 inputs", id="too many"),
        pytest.param({}, listed([]), "empty embedding", id="no numbers"),
        pytest.param({}, listed(""), "empty embedding", id="no base64"),
        pytest.param({}, listed(None), "empty embedding", id="null"),
        pytest.param({}, listed([0.5, None]), "has null", id="null in it"),
        pytest.param({}, {"data": [{"index": 0}]}, "empty embedding", id="no vector"),
        pytest.param({"input": ["a", "b"]}, listed([1.0, 2.0], [1.0]), "1 dimensions instead of 2", id="uneven"),
        pytest.param({"dimensions": 3}, listed([1.0, 2.0]), "2 dimensions instead of 3", id="wrong size"),
        pytest.param({"dimensions": 3}, listed(packed(1, 2)), "2 dimensions instead of 3", id="wrong packed size"),
        pytest.param(
            {"input": ["a", "b"]},
            {"data": [{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [2.0]}]},
            "not in the order",
            id="out of order",
        ),
        pytest.param({}, {"object": "list"}, "no embeddings", id="no data"),
    ],
)  # fmt: skip
def test_vectors_that_would_spoil_an_index(make, reply, asked, value, words) -> None:
    """A wrong vector in a store is worse than an error."""
    fault = NATIVE.answer(make(**asked), ANY, reply(value))
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.MALFORMED_ANSWER
    assert words in fault.message


def test_the_models_own_size_is_expected(make, make_target, reply) -> None:
    """A known model's vectors have a known size."""
    ada = make_target("text-embedding-ada-002")
    assert isinstance(NATIVE.answer(make(), ada, reply(listed([0.5] * 1536))), Answer)
    assert isinstance(NATIVE.answer(make(), ada, reply(listed([0.5] * 768))), Fault)
    assert isinstance(NATIVE.answer(make(), ada, reply(listed(packed(*[0.5] * 1536)))), Answer)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"", Kind.EMPTY_ANSWER, id="empty"),
        pytest.param(b"<html>", Kind.NOT_JSON, id="html"),
        pytest.param(b'{"data":[{"embedding":[0.1,', Kind.CUT_BODY, id="cut"),
        pytest.param(b'{"data":7}', Kind.MALFORMED_ANSWER, id="number"),
        pytest.param(b'{"error":{"message":"The engine is overloaded","code":"server_is_overloaded"}}', Kind.OVERLOADED, id="error"),
        pytest.param(b"[" * 100_000, None, id="bottomless"),
    ],
)  # fmt: skip
def test_rubbish_is_a_fault(make, reply, body, kind) -> None:
    """Nothing that a server sends raises."""
    fault = NATIVE.answer(make(), ANY, reply(body))
    assert isinstance(fault, Fault)
    assert kind is None or fault.kind is kind


def test_a_refusal_is_decoded(make) -> None:
    """A reply with a bad status is a fault, too."""
    fault = NATIVE.answer(make(), ANY, Reply(429, (), b"{}", dialect="openai"))
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.RATE_LIMITED


def test_a_stream_of_embeddings_fails_once(make) -> None:
    """There is none."""
    reader = NATIVE.reader(make(), ANY)
    (event,) = reader.feed(b"data: {}\n\n")
    assert event.fault is not None
    assert (reader.feed(b"x"), reader.close()) == ([], [])


def test_a_declared_size_is_the_limit(make) -> None:
    """What the configuration says of a model counts like the catalogue."""
    own = replace(
        ANY, capabilities=Capabilities(vector_space="bge", vector_dimensions=1024, shorter_vectors=False)
    )
    assert NATIVE.unfit(make(dimensions=512), own) == "dimensions can't be chosen"
    assert NATIVE.unfit(make(), own) is None
