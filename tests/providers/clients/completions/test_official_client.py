"""OpenAI's own client reads the completions of every provider: its typed objects, not just a status."""

import json

import httpx2
import openai
import pytest
from openai.types import Completion

from halfopen import errors
from halfopen.model import Fault, Kind, Reply
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.client import ClientRequest, Failure
from halfopen.providers.clients.completions import COMPLETIONS
from halfopen.providers.contract import Answer, StreamKind
from halfopen.providers.gemini import GEMINI
from halfopen.providers.openai import OPENAI

USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


def events(*values, named=False):
    lines = []
    for value in values:
        name = f"event: {value['type']}\n" if named else ""
        lines.append(f"{name}data: {json.dumps(value)}\n\n")
    return "".join(lines).encode()


def text_chunk(text, reason=None, **fields):
    choices = [{"text": text, "index": 0, "logprobs": None, "finish_reason": reason}]
    head = {"id": "cmpl-1", "object": "text_completion", "created": 9, "model": "gpt-3.5-turbo-instruct"}
    return head | {"choices": choices} | fields


def chat_chunk(delta, reason=None, **fields):
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 9,
        "model": "gpt-4o-mini",
        "choices": choices,
    } | fields


NATIVE = (
    text_chunk(" a time", "stop", usage=USAGE),
    events(text_chunk(" a"), text_chunk(" time"), text_chunk("", "stop"), text_chunk("", choices=[], usage=USAGE)) + b"data: [DONE]\n\n",
)  # fmt: skip
CHAT = (
    {"id": "chatcmpl-1", "object": "chat.completion", "created": 9, "model": "gpt-4o-mini", "usage": USAGE,
     "choices": [{"index": 0, "message": {"role": "assistant", "content": " a time"}, "finish_reason": "stop"}]},
    events(chat_chunk({"role": "assistant", "content": ""}), chat_chunk({"content": " a"}), chat_chunk({"content": " time"}), chat_chunk({}, "stop"), chat_chunk({}, choices=[], usage=USAGE)) + b"data: [DONE]\n\n",
)  # fmt: skip
CLAUDE = (
    {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
     "content": [{"type": "text", "text": " a time"}], "usage": {"input_tokens": 2, "output_tokens": 3}},
    events(
        {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "content": [], "stop_reason": None, "usage": {"input_tokens": 2, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " a"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " time"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
        named=True,
    ),
)  # fmt: skip
GOOGLE_WHOLE = {
    "candidates": [{"content": {"parts": [{"text": " a time"}], "role": "model"}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 3}, "modelVersion": "gemini-2.5-flash", "responseId": "r",
}  # fmt: skip
GOOGLE = (GOOGLE_WHOLE, events(GOOGLE_WHOLE))

PROVIDERS = [
    pytest.param(OPENAI, "gpt-3.5-turbo-instruct", NATIVE, id="native"),
    pytest.param(OPENAI, "gpt-4o-mini", CHAT, id="openai chat"),
    pytest.param(ANTHROPIC, "claude-haiku-4-5", CLAUDE, id="anthropic"),
    pytest.param(GEMINI, "gemini-2.5-flash", GOOGLE, id="gemini"),
]


@pytest.fixture
def client(make_target):
    """The official client, whose requests are translated and answered by what a provider said."""
    made = []

    def serve(dialect, model, said):
        target = make_target(model, dialect.name)

        def handle(request: httpx2.Request) -> httpx2.Response:
            ask = COMPLETIONS.parse(ClientRequest(request.url.path, {}, {}, request.content))
            assert not isinstance(ask, Fault), ask
            translation = COMPLETIONS.translation(dialect, target)
            assert translation.unfit(ask, target) is None
            translation.call(ask, target, "k")
            if not ask.stream:
                reply = Reply(200, (), json.dumps(said[0]).encode(), dialect=dialect.name)
                answer = translation.answer(ask, target, reply, created_s=9)
                assert isinstance(answer, Answer), answer
                return httpx2.Response(200, headers={"content-type": "application/json"}, content=answer.body)
            reader = translation.reader(ask, target, created_s=9)
            writer = COMPLETIONS.writer(ask, request_id="r1", created_s=9)
            read = reader.feed(said[1]) + reader.close()
            body = writer.ping() + writer.comment("x")
            if read[-1].kind is StreamKind.DONE:
                body += b"".join(map(writer.write, read[:-1])) + writer.finish()
            else:
                body += b"".join(map(writer.write, read[:-1]))
                body += writer.error(Failure(read[-1].fault, 502, "r1", {"kind": read[-1].fault.kind.value}))
            return httpx2.Response(200, headers={"content-type": writer.content_type}, content=body)

        http = httpx2.Client(transport=httpx2.MockTransport(handle))
        made.append(http)
        return openai.OpenAI(api_key="k", base_url="http://test/v1", http_client=http, max_retries=0)

    yield serve
    for http in made:
        http.close()


@pytest.mark.parametrize(("dialect", "model", "said"), PROVIDERS)
def test_a_plain_completion(client, dialect, model, said) -> None:
    """One typed object with text, reason and counts."""
    got = client(dialect, model, said).completions.create(model="route", prompt="Once upon", max_tokens=9)
    assert isinstance(got, Completion)
    (choice,) = got.choices
    assert (got.object, choice.text, choice.finish_reason, choice.index) == (
        "text_completion",
        " a time",
        "stop",
        0,
    )
    assert (got.usage.prompt_tokens, got.usage.completion_tokens, got.usage.total_tokens) == (2, 3, 5)
    assert got.id.startswith("cmpl-")
    assert got.model == model


@pytest.mark.parametrize("usage", [True, False], ids=["usage asked", "usage not asked"])
@pytest.mark.parametrize(("dialect", "model", "said"), PROVIDERS)
def test_a_streamed_completion(client, dialect, model, said, usage) -> None:
    """Typed chunks with one identity; counts only for who asks."""
    more = {"stream_options": {"include_usage": True}} if usage else {}
    api = client(dialect, model, said)
    chunks = list(api.completions.create(model="route", prompt="Once upon", stream=True, **more))
    assert {(type(each), each.object, each.model) for each in chunks} == {
        (Completion, "text_completion", model)
    }
    assert len({each.id for each in chunks}) == 1
    choices = [choice for each in chunks for choice in each.choices]
    assert "".join(choice.text for choice in choices) == " a time"
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    counts = [each.usage for each in chunks if each.usage]
    assert [each.total_tokens for each in counts] == ([5] if usage else [])
    assert all(each.choices for each in chunks) is not usage


def test_a_cut_stream_raises(client) -> None:
    """The official client tells its application."""
    cut = (None, events(text_chunk(" a")))
    stream = client(OPENAI, "gpt-3.5-turbo-instruct", cut).completions.create(
        model="r", prompt="x", stream=True
    )
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.code == Kind.NO_FINISH.value
    assert errors.TAXONOMY[Kind.NO_FINISH].meaning
