"""The official OpenAI client, through a dialect, to a simulated provider and back."""

import asyncio
import json
from collections.abc import Iterator
from threading import Thread
from urllib.parse import urlsplit

import httpx2
import openai
import pytest

from halfopen.lab import Lab
from halfopen.model import Reply, Target
from halfopen.providers import DIALECTS, Answer, Chat, StreamKind, parse_chat
from halfopen.providers.catalogue import lookup

MODELS = {"anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
QUESTION = [{"role": "user", "content": "Give me a city as JSON."}]
JSON_MODE = {"type": "json_object"}


class Translating(httpx2.BaseTransport):
    """Stands where the gateway does: one call to one target, translated both ways."""

    def __init__(self, dialect: str, base_url: str) -> None:
        self._dialect = DIALECTS[dialect]
        self._target = Target(dialect, MODELS[dialect], dialect, *lookup(dialect, MODELS[dialect]))
        parts = urlsplit(base_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._client = httpx2.Client()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        chat = parse_chat(request.read())
        assert isinstance(chat, Chat)
        assert self._dialect.unfit(chat, self._target) is None
        call = self._dialect.call(chat, self._target, "lab")
        got = self._client.post(self._origin + call.path, headers=dict(call.headers), content=call.body)
        assert got.status_code == 200, got.text
        return self._streamed(chat, got) if chat.stream else self._whole(chat, got)

    def close(self) -> None:
        self._client.close()

    def _whole(self, chat: Chat, got: httpx2.Response) -> httpx2.Response:
        reply = Reply(200, tuple(got.headers.items()), got.content, dialect=self._dialect.name)
        answer = self._dialect.answer(chat, self._target, reply)
        assert isinstance(answer, Answer), answer
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=answer.body)

    def _streamed(self, chat: Chat, got: httpx2.Response) -> httpx2.Response:
        reader = self._dialect.reader(chat, self._target, created_s=1700000000)
        events = [*reader.feed(got.content), *reader.close()]
        assert events[-1].kind is StreamKind.DONE, events[-1].fault
        body = b"".join(event.data for event in events) + b"data: [DONE]\n\n"
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab in a thread of its own."""
    loop = asyncio.new_event_loop()
    lab = Lab()
    loop.run_until_complete(lab.start())
    thread = Thread(target=loop.run_forever)
    thread.start()
    yield lab
    asyncio.run_coroutine_threadsafe(lab.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(params=sorted(MODELS))
def client(request: pytest.FixtureRequest, lab: Lab) -> Iterator[openai.OpenAI]:
    """The official client, whose requests a dialect translates."""
    transport = Translating(request.param, lab[request.param].base_url)
    with (
        httpx2.Client(transport=transport) as http,
        openai.OpenAI(api_key="x", base_url="http://gateway/v1", http_client=http, max_retries=0) as client,
    ):
        yield client


def test_json_mode_gives_a_json_object(client: openai.OpenAI) -> None:
    """JSON mode gives a JSON object as the message, whoever answers."""
    answer = client.chat.completions.create(model="m", messages=QUESTION, response_format=JSON_MODE)
    (choice,) = answer.choices
    assert choice.message.content is not None
    assert isinstance(json.loads(choice.message.content), dict)
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"


def test_json_mode_streams_a_json_object(client: openai.OpenAI) -> None:
    """The pieces of a stream in JSON mode join to a JSON object, and carry the driver's time."""
    chunks = list(
        client.chat.completions.create(model="m", messages=QUESTION, response_format=JSON_MODE, stream=True)
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert isinstance(json.loads(text), dict)
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "stop"
    assert {chunk.created for chunk in chunks} == {1700000000}


def test_a_common_request_is_served(client: openai.OpenAI) -> None:
    """What many applications send by habit costs them no backup."""
    answer = client.chat.completions.create(
        model="m",
        messages=QUESTION,
        temperature=1.3,
        top_p=0.9,
        seed=7,
        max_tokens=4096,
        verbosity="low",
        reasoning_effort="low",
        parallel_tool_calls=True,
        presence_penalty=0,
        user="u",
    )
    assert answer.choices[0].message.content
    assert answer.created > 1700000000
