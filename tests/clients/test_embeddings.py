"""The openai client's embeddings, with each provider that has them behind the gateway."""

import asyncio

import openai
import pytest
from openai.types import CreateEmbeddingResponse, Embedding

from halfopen.lab.matrix.case import EMBEDDING_BACKUPS, EMBEDDING_MODELS
from halfopen.lab.vector import vector

feature = pytest.mark.feature
TEXTS = ["What is the weather in Berlin?", "Und in Köln?"]
EMBEDDERS = {"openai": "text-embedding-3-small", "gemini": "gemini-embedding-001"}
DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "gemini-embedding-001": 3072}
NOTICED = (KeyError, ValueError, openai.OpenAIError)
"""How an application trips over a wrong answer, but for what every test does."""
embedders = pytest.mark.parametrize("provider", ["openai", "gemini"])


def check(answer, model, typed, texts=TEXTS, dimensions=None):
    """The vectors of the texts as a typed answer."""
    assert type(answer) is CreateEmbeddingResponse
    typed(answer)
    assert (answer.object, answer.model) == ("list", model)
    assert all(type(each) is Embedding for each in answer.data)
    assert [(each.object, each.index) for each in answer.data] == [
        ("embedding", place) for place in range(len(texts))
    ]
    for each, text in zip(answer.data, texts, strict=True):
        wanted = vector(model, text, dimensions or DIMENSIONS[model])
        assert all(type(number) is float for number in each.embedding)
        assert each.embedding == pytest.approx(wanted, abs=1e-7)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens


@feature("float")
@embedders
def test_float(gpt, provider, typed):
    """Vectors as numbers, one a text, in the order of the texts."""
    answer = gpt.embeddings.create(model=f"embed-{provider}", input=TEXTS, encoding_format="float")
    check(answer, EMBEDDERS[provider], typed)
    assert answer.usage.prompt_tokens > 0 or provider == "gemini"  # Google counts none for embeddings


@feature("base64")
@embedders
def test_base64(gpt, provider, typed):
    """What the client asks for by itself, packed numbers, is unpacked by it to the same vectors."""
    answer = gpt.embeddings.create(model=f"embed-{provider}", input=TEXTS)
    check(answer, EMBEDDERS[provider], typed)


@feature("base64")
@embedders
def test_packed_on_demand(gpt, provider):
    """A client that asks for base64 itself gets text."""
    answer = gpt.embeddings.create(model=f"embed-{provider}", input="Hello", encoding_format="base64")
    assert isinstance(answer.data[0].embedding, str)


@feature("dimensions")
@embedders
def test_dimensions(gpt, provider, typed):
    """Shorter vectors on demand; more than the model has is a bad request."""
    asked = {"model": f"embed-{provider}", "input": TEXTS[0]}
    answer = gpt.embeddings.create(**asked, dimensions=256)
    check(answer, EMBEDDERS[provider], typed, TEXTS[:1], 256)
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        gpt.embeddings.create(**asked, dimensions=4000)


@feature("async")
@embedders
def test_async(provider, typed, async_gpt):
    """The asynchronous client gets the same."""

    async def ask():
        async with async_gpt() as client:
            return await client.embeddings.create(model=f"embed-{provider}", input=TEXTS)

    check(asyncio.run(ask()), EMBEDDERS[provider], typed)


@feature("tokens")
def test_tokens(gpt, typed):
    """Lists of tokens go to OpenAI, and to nobody who would read them as something else."""
    answer = gpt.embeddings.create(model="embed-openai", input=[[1, 2, 3], [4, 5]])
    check(answer, EMBEDDERS["openai"], typed, ["1 2 3", "4 5"])
    with pytest.raises(openai.BadRequestError, match="tokens"):
        gpt.embeddings.create(model="embed-gemini", input=[[1, 2, 3], [4, 5]])


@feature("headers")
@embedders
def test_headers(gpt, provider):
    """The answer has a request id, and says who made it."""
    raw = gpt.embeddings.with_raw_response.create(model=f"embed-{provider}", input=TEXTS)
    assert raw.headers["x-halfopen-upstream"].endswith(EMBEDDERS[provider])
    assert raw.headers["x-halfopen-attempts"] == "1"
    assert raw.parse()._request_id


@feature("errors")
def test_no_embeddings(gpt, check_error, provider):
    """A chat model, of whatever provider, makes no vectors: BadRequestError."""
    with pytest.raises(openai.BadRequestError, match="embeddings") as caught:
        gpt.embeddings.create(model=f"app-{provider}", input=TEXTS)
    check_error(caught.value)


@feature("errors")
def test_unknown_model(gpt, check_error):
    """A model without a route: NotFoundError with OpenAI's code."""
    with pytest.raises(openai.NotFoundError, match="nobody") as caught:
        gpt.embeddings.create(model="nobody", input=TEXTS)
    check_error(caught.value)
    assert caught.value.code == "model_not_found"


@feature("errors")
@embedders
def test_bad_request(gpt, check_error, provider):
    """An empty input: BadRequestError that names it."""
    with pytest.raises(openai.BadRequestError, match="input") as caught:
        gpt.embeddings.create(model=f"embed-{provider}", input=[])
    check_error(caught.value)
    assert caught.value.param == "input"


@feature("errors")
@embedders
def test_all_dead(broken, openai_at, check_error, provider):
    """With every provider dead: InternalServerError with the attempts."""
    dead = broken(
        provider,
        "http_500_text",
        elsewhere="http_500_text",
        models=EMBEDDING_MODELS,
        backup=EMBEDDING_BACKUPS[provider],
    )
    with pytest.raises(openai.InternalServerError) as caught:
        openai_at(dead).embeddings.create(model="app", input=TEXTS)
    check_error(caught.value)
    attempts = caught.value.body["halfopen"]["attempts"]
    assert len({attempt["target"] for attempt in attempts}) == 2


@feature("failover")
@embedders
@pytest.mark.parametrize("encoding", ["float", None], ids=["float", "base64"])
def test_failover(broken, openai_at, provider, encoding, typed):
    """When the first provider answers 500, another one with the same model gives the same vectors."""
    stage = broken(provider, "http_500_text", models=EMBEDDING_MODELS, backup=EMBEDDING_BACKUPS[provider])
    more = {} if encoding is None else {"encoding_format": encoding}
    answer = openai_at(stage).embeddings.create(model="app", input=TEXTS, **more)
    check(answer, EMBEDDING_MODELS[provider], typed)
    assert stage.providers[provider].met > 0


@feature("failover")
@embedders
def test_no_failover_to_another_space(broken, openai_at, provider):
    """Vectors of another model never come in place of the right ones: the client gets the error."""
    stage = broken(provider, "http_500_text", models=EMBEDDERS, backup=EMBEDDING_BACKUPS[provider])
    with pytest.raises(openai.InternalServerError) as caught:
        openai_at(stage).embeddings.create(model="app", input=TEXTS)
    (skipped,) = caught.value.body["halfopen"]["skipped"]
    assert "vectors of another space" in skipped["reason"]
    assert stage.providers[EMBEDDING_BACKUPS[provider]].counts["requests"] == 0


BUGS = {
    "another object": (rb'"object": ?"embedding"', b'"object":"vector"'),
    "vectors under another name": (rb'"embedding": ?\[', b'"values":['),
    "the wrong order": (rb'"index": ?0', b'"index":1'),
    "a number is lost": (rb'"embedding": ?\[[^,]*,', b'"embedding":['),
    "another model": (rb'"model": ?"', b'"model":"x'),
    "no usage": (rb'"usage"', b'"usage_"'),
}


@feature("planted bug")
@embedders
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_noticed(gpt, provider, typed, noticed, bug):
    """What a broken gateway could write fails these tests."""
    with noticed("/v1/embeddings", BUGS[bug], NOTICED, openai.APIStatusError):
        answer = gpt.embeddings.create(model=f"embed-{provider}", input=TEXTS, encoding_format="float")
        check(answer, EMBEDDERS[provider], typed)
