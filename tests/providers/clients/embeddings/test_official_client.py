"""OpenAI's own client reads embeddings of every provider: its typed objects, base64 and all."""

import base64
import json
import struct

import httpx2
import openai
import pytest
from openai.types import CreateEmbeddingResponse

from halfopen.model import Fault, Reply
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.embeddings import EMBEDDINGS
from halfopen.providers.contract import Answer
from halfopen.providers.gemini import GEMINI
from halfopen.providers.openai import OPENAI

VECTORS = ([0.5, -0.25, 1.0], [0.0, 2.0, -3.5])


def openai_says(request):
    packed = json.loads(request).get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": base64.b64encode(struct.pack("<3f", *vector)).decode() if packed else vector}
        for index, vector in enumerate(VECTORS)
    ]  # fmt: skip
    return {
        "object": "list",
        "data": data,
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    }


def gemini_says(request):
    assert [each["content"]["parts"][0]["text"] for each in json.loads(request)["requests"]] == ["a", "b"]
    return {
        "embeddings": [{"values": vector} for vector in VECTORS],
        "usageMetadata": {"promptTokenCount": 4},
    }


@pytest.mark.parametrize("encoding", [None, "float", "base64"], ids=["default", "float", "base64"])
@pytest.mark.parametrize(
    ("dialect", "model", "says"),
    [
        pytest.param(OPENAI, "text-embedding-3-small", openai_says, id="openai"),
        pytest.param(GEMINI, "gemini-embedding-001", gemini_says, id="gemini"),
    ],
)
def test_embeddings(make_target, dialect, model, says, encoding) -> None:
    """The vectors are the provider's, number for number, in whatever form the client asks for them."""
    target = make_target(model, dialect.name)

    def handle(request: httpx2.Request) -> httpx2.Response:
        ask = EMBEDDINGS.parse(ClientRequest(request.url.path, {}, {}, request.content))
        assert not isinstance(ask, Fault), ask
        translation = EMBEDDINGS.translation(dialect, target)
        assert translation.unfit(ask, target) is None
        said = json.dumps(says(translation.call(ask, target, "k").body)).encode()
        answer = translation.answer(ask, target, Reply(200, (), said, dialect=dialect.name))
        assert isinstance(answer, Answer), answer
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=answer.body)

    more = {} if encoding is None else {"encoding_format": encoding}
    with httpx2.Client(transport=httpx2.MockTransport(handle)) as http:
        api = openai.OpenAI(api_key="k", base_url="http://test/v1", http_client=http, max_retries=0)
        got = api.embeddings.create(model="route", input=["a", "b"], dimensions=3, **more)
    assert isinstance(got, CreateEmbeddingResponse)
    assert (got.object, got.model) == ("list", model)
    assert [each.index for each in got.data] == [0, 1]
    assert (got.usage.prompt_tokens, got.usage.total_tokens) == (4, 4)
    vectors = [
        list(struct.unpack("<3f", base64.b64decode(each.embedding))) if isinstance(each.embedding, str) else list(each.embedding)
        for each in got.data
    ]  # fmt: skip
    assert vectors == list(VECTORS)
    assert all(isinstance(each.embedding, str) for each in got.data) is (encoding == "base64")
