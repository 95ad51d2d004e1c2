"""The real model, through the official client."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from halfopen.app.local import LocalModel
from halfopen.app.local.engine import PLAIN_TURNS

MESSAGES: Any = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": [{"type": "text", "text": "What is the capital of France?"}]},
]


@pytest.fixture(scope="module")
def client(model: LocalModel) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=model.base_url, api_key=model.key, max_retries=0, timeout=30) as client:
        yield client


def fetch(url: str, key: str | None, body: Any = None) -> tuple[int, bytes]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_a_plain_chat_is_answered(client: openai.OpenAI) -> None:
    """A real model answers the official client, with content, a finish reason and token counts."""
    answer = client.chat.completions.create(model="anything", messages=MESSAGES, max_tokens=16)
    assert (answer.choices[0].message.content or "").strip()
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 16
    assert answer.model == "gemma-3-270m-q4_k_m"


def test_a_streamed_chat_is_answered(client: openai.OpenAI) -> None:
    """The same, piece by piece, with one finish reason and the counts at the end."""
    stream = client.chat.completions.create(
        model="anything",
        messages=MESSAGES,
        max_tokens=16,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices).strip()
    assert [choice.finish_reason for choice in choices if choice.finish_reason] in (["stop"], ["length"])
    assert chunks[-1].usage is not None


def test_a_stream_ends_with_done(model: LocalModel) -> None:
    """The raw stream is server-sent events that end with [DONE]."""
    body = {"messages": MESSAGES, "max_tokens": 3, "stream": True}
    status, data = fetch(f"{model.base_url}/chat/completions", model.key, body)
    assert status == 200
    assert data.endswith(b"data: [DONE]\n\n")


def test_an_answer_without_a_limit_ends(client: openai.OpenAI) -> None:
    """A request that sets no limit gets `answer_tokens` at most, so that a rambling model comes to an end."""
    answer = client.chat.completions.create(model="anything", messages=MESSAGES, seed=1)
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 32


def test_a_json_shape_is_kept(client: openai.OpenAI) -> None:
    """A forced JSON shape is kept even by a small base model: the server constrains the tokens.

    Without an example it may put blanks, where JSON allows them, until its limit; so it gets one, and the
    likeliest token each time.
    """
    shape: Any = {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    question = 'Which city? Answer {"city": "Paris"} or {"city": "Rome"}'
    answer = client.chat.completions.create(
        model="anything",
        messages=[{"role": "user", "content": question}],
        temperature=0,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "city", "strict": True, "schema": shape},
        },
    )
    assert answer.choices[0].finish_reason == "stop"
    assert json.loads(answer.choices[0].message.content or "")["city"] in ("Paris", "Rome")


def test_the_model_is_listed_without_its_path(client: openai.OpenAI) -> None:
    """`/v1/models` names the model, and no path of this machine."""
    assert [model.id for model in client.models.list()] == ["gemma-3-270m-q4_k_m"]


def test_a_prompt_that_is_too_long_is_told_so(client: openai.OpenAI) -> None:
    """The context is per request, and passing it is the caller's error, not a crash."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="anything", messages=[{"role": "user", "content": "word " * 300}]
        )
    assert caught.value.type == "exceed_context_size_error"
    almost = client.chat.completions.create(
        model="anything", messages=[{"role": "user", "content": "word " * 140}], max_tokens=1
    )
    assert almost.usage is not None
    assert almost.usage.prompt_tokens > 128


def test_others_are_kept_out(model: LocalModel) -> None:
    """Without the key that Halfopen made, nobody else on this machine uses the model."""
    status, _ = fetch(f"{model.base_url}/chat/completions", None, {"messages": MESSAGES, "max_tokens": 1})
    assert status == 401


def test_prompts_of_others_are_not_shown(model: LocalModel) -> None:
    """The page that lists running prompts is off."""
    status, _ = fetch(model.base_url.removesuffix("/v1") + "/slots", model.key)
    assert status == 501


def test_a_client_that_leaves_stops_its_generation(model: LocalModel, runner: asyncio.Runner) -> None:
    """An abandoned stream frees its place: with all places abandoned, the next request is not kept waiting."""

    async def leave_and_ask() -> float:
        async with openai.AsyncOpenAI(base_url=model.base_url, api_key=model.key, max_retries=0) as client:
            # Left alone, each would fill its context: more than 200 tokens.
            for _ in range(model.options.parallel):
                stream = await client.chat.completions.create(
                    model="x",
                    messages=MESSAGES,
                    max_tokens=250,
                    stream=True,
                    extra_body={"ignore_eos": True, "stop": ["\x00never"]},
                )
                await anext(aiter(stream))
                await stream.close()
            began = time.monotonic()
            await client.chat.completions.create(model="x", messages=MESSAGES, max_tokens=1)
            return time.monotonic() - began

    waited_s = runner.run(leave_and_ask())
    whole = time.monotonic()
    body = {"messages": MESSAGES, "max_tokens": 32, "ignore_eos": True, "stop": ["\x00never"]}
    assert fetch(f"{model.base_url}/chat/completions", model.key, body)[0] == 200
    # Six times as many tokens were abandoned, so waiting for them would take several times as long.
    assert waited_s < (time.monotonic() - whole) * 3


def test_plain_turns_read_like_a_dialogue() -> None:
    """The template of a base model uses words, not special tokens that it has never seen."""
    assert "User: " in PLAIN_TURNS
    assert "<|" not in PLAIN_TURNS
