"""A streamed chat completion is a stream of the Responses API that the official client understands."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from halfopen import errors
from halfopen.model import Kind, Target
from halfopen.providers.anthropic import AnthropicDialect
from halfopen.providers.chat import Chat
from halfopen.providers.client import Failure
from halfopen.providers.clients.responses import RESPONSES
from halfopen.providers.clients.responses.chat_to_responses_stream import ResponsesWriter
from halfopen.providers.contract import StreamEvent, StreamKind
from halfopen.providers.gemini import GEMINI
from halfopen.providers.openai import OPENAI

Ask = Callable[..., Chat]
Client = Callable[..., openai.OpenAI]
Chunk = Callable[..., bytes]
Values = Callable[[bytes], list[dict[str, Any]]]
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cache_write_tokens": 1}}


def _events(*chunks: bytes) -> list[StreamEvent]:
    """Chunks as the gateway releases them: only the kind matters, the writer reads the data."""
    return [
        StreamEvent(StreamKind.FINISH if b'"finish_reason": "' in chunk else StreamKind.CONTENT, chunk)
        for chunk in chunks
    ]


@pytest.fixture
def writer(ask: Ask) -> ResponsesWriter:
    return RESPONSES.writer(ask(stream=True, instructions="Be brief."), request_id="req-1", created_s=5)


@pytest.fixture
def stream(writer: ResponsesWriter, written: Callable[..., bytes]) -> Callable[..., bytes]:
    return lambda *chunks: written(writer, _events(*chunks))


def test_text(stream: Callable[..., bytes], chunk: Chunk, values: Values) -> None:
    """Text comes as OpenAI sends it: event by event, numbered, with the usage in the last one."""
    found = values(
        stream(
            chunk({"role": "assistant", "content": ""}),
            chunk({"content": "Hel"}),
            chunk({"content": "lo"}),
            chunk(finish="stop"),
            chunk(usage=USAGE),
        )
    )
    assert [event["type"] for event in found] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event["sequence_number"] for event in found] == list(range(10))
    assert found[0]["response"]["id"] == found[-1]["response"]["id"] == "resp_halfopen_req1"
    assert found[0]["response"]["instructions"] == "Be brief."
    assert (found[0]["response"]["status"], found[0]["response"]["output"]) == ("in_progress", [])
    assert found[4]["logprobs"] == []
    assert found[6]["text"] == "Hello"
    last = found[-1]["response"]
    assert last["output"] == [found[8]["item"]]
    assert (last["status"], last["model"], last["usage"]["total_tokens"]) == ("completed", "claude-x", 7)


def test_final_response(stream: Callable[..., bytes], chunk: Chunk, client: Client) -> None:
    """The official client's helper accumulates text, reasoning and calls into the final response."""
    calls = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a":'}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        {"index": 0, "function": {"arguments": "1}"}},
    ]
    body = stream(
        chunk({"role": "assistant", "reasoning_content": "Hm"}),
        chunk({"content": "Hi"}),
        *(chunk({"tool_calls": [call]}) for call in calls),
        chunk(finish="tool_calls"),
    )
    with client(body).responses.stream(model="m", input="x") as helper:
        kinds = [event.type for event in helper]
        final = helper.get_final_response()
    assert final.output_text == "Hi"
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call", "function_call"]
    assert final.output[0].summary[0].text == "Hm"  # type: ignore[union-attr]  # reasoning has one
    assert [item.arguments for item in final.output[2:]] == ['{"a":1}', "{}"]  # type: ignore[union-attr]  # calls
    assert [item.call_id for item in final.output[2:]] == ["c1", "c2"]  # type: ignore[union-attr]  # calls
    assert kinds.count("response.function_call_arguments.done") == 2
    assert kinds.count("response.reasoning_summary_text.delta") == 1


def test_typed_events(stream: Callable[..., bytes], chunk: Chunk, client: Client) -> None:
    """Each event is of the official client's own type, and holds every member that the type requires."""
    body = stream(
        chunk({"reasoning": "Hm"}),
        chunk(
            {"content": "Hi"}, logprobs={"content": [{"token": "Hi", "logprob": -1.0, "top_logprobs": []}]}
        ),
        chunk({"annotations": [{"type": "url_citation", "url_citation": {"url": "https://x"}}]}),
        chunk({"refusal": "No"}),
        chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}),
        chunk(finish="stop"),
        chunk(usage=USAGE),
    )
    events = list(client(body).responses.create(model="m", input="x", stream=True))
    for event in events:
        type(event).model_validate(json.loads(event.to_json()))
    assert len({type(event) for event in events}) == 18
    final = events[-1]
    assert final.type == "response.completed"
    said: Any = final.response.output[1]
    text, refusal = said.content
    assert text.annotations[0].url == "https://x"
    assert text.logprobs[0].bytes == [72, 105]
    assert refusal.refusal == "No"


def test_refusal(stream: Callable[..., bytes], chunk: Chunk, values: Values) -> None:
    """A refusal is a part of its own with its own events."""
    found = values(stream(chunk({"refusal": "N"}), chunk({"refusal": "o"}), chunk(finish="stop")))
    kinds = [event["type"] for event in found][3:-2]
    assert kinds == [
        "response.content_part.added",
        "response.refusal.delta",
        "response.refusal.delta",
        "response.refusal.done",
        "response.content_part.done",
    ]
    assert found[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "No"}]


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_incomplete(
    stream: Callable[..., bytes], chunk: Chunk, values: Values, finish: str, reason: str
) -> None:
    """An answer that was cut short ends with response.incomplete, which says why."""
    last = values(stream(chunk({"content": "x"}), chunk(finish=finish)))[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["status"] == "incomplete"
    assert last["response"]["incomplete_details"] == {"reason": reason}
    assert last["response"]["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize("index", [{}, {"index": 0}, {"index": None}], ids=["none", "all 0", "null"])
def test_calls_without_numbers(
    stream: Callable[..., bytes], chunk: Chunk, values: Values, index: dict[str, Any]
) -> None:
    """Parallel calls of a server that doesn't number them are told apart by their ids."""

    def piece(arguments: str, name: str | None = None, call_id: str | None = None) -> bytes:
        function = {"arguments": arguments} | ({} if name is None else {"name": name})
        return chunk(
            {"tool_calls": [index | ({} if call_id is None else {"id": call_id}) | {"function": function}]}
        )

    found = values(
        stream(
            piece('{"x":', "f", "a"),
            piece("1}"),
            piece('{"y":', "g", "b"),
            piece("2}", call_id="b"),
            chunk(finish="tool_calls"),
        )
    )
    calls = [(item["call_id"], item["name"], item["arguments"]) for item in found[-1]["response"]["output"]]
    assert calls == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]


def test_other_choices(stream: Callable[..., bytes], chunk: Chunk, values: Values) -> None:
    """Of several choices only the first is told."""
    last = values(stream(chunk({"content": "a"}), chunk({"content": "b"}, index=1), chunk(finish="stop")))[-1]
    assert last["response"]["output"][0]["content"][0]["text"] == "a"


def test_empty(stream: Callable[..., bytes], chunk: Chunk, client: Client) -> None:
    """An answer that may be empty is a completed response without output."""
    body = stream(chunk({"role": "assistant"}), chunk(finish="stop"))
    with client(body).responses.stream(model="m", input="x") as helper:
        assert helper.get_final_response().output == []


def test_silence(writer: ResponsesWriter, chunk: Chunk, client: Client) -> None:
    """Pings and remarks change nothing for the official client, and a comment holds one line."""
    body = writer.ping() + writer.write(StreamEvent(StreamKind.PING)) + writer.comment("continued")
    body += b"".join(writer.write(event) for event in _events(chunk({"content": "x"}), chunk(finish="stop")))
    body += writer.finish()
    assert b": continued\n\n" in body
    with client(body).responses.stream(model="m", input="x") as helper:
        assert helper.get_final_response().output_text == "x"


@pytest.mark.parametrize("before", [0, 1], ids=["at once", "after text"])
def test_error(writer: ResponsesWriter, chunk: Chunk, client: Client, values: Values, before: int) -> None:
    """A failed stream ends with one error event, for which the official client raises."""
    body = b"".join(writer.write(event) for event in _events(*[chunk({"content": "x"})] * before))
    fault = errors.make(Kind.STALLED, "The stream stalled.")
    body += writer.error(Failure(fault, 504, "req-1", {"kind": "stalled", "attempts": []}))
    assert writer.finish() == writer.error(Failure(fault, 504, "req-1", {})) == b""
    [error] = [event for event in values(body) if event["type"] == "error"]
    assert values(body)[-1] == error
    assert error["sequence_number"] == len(values(body)) - 1
    assert (error["message"], error["code"]) == ("The stream stalled.", "stalled")
    with pytest.raises(openai.APIError, match="The stream stalled") as caught:
        list(client(body).responses.create(model="m", input="x", stream=True))
    assert caught.value.body["halfopen"]["kind"] == "stalled"  # type: ignore[index]  # it is an object


def test_error_body(client: Client) -> None:
    """A whole failure has OpenAI's shape, so that the official client raises by its status."""
    fault = errors.make(Kind.BAD_KEY, "No such key.", code="invalid_api_key")
    body = RESPONSES.error(Failure(fault, 401, "r", {"kind": "bad_key"}))
    with pytest.raises(openai.AuthenticationError) as caught:
        client(body, status=401).responses.create(model="m", input="x")
    assert caught.value.code == "invalid_api_key"


ANTHROPIC = b"".join(
    b"event: %s\ndata: %s\n\n" % (value["type"].encode(), json.dumps(value).encode())  # type: ignore[attr-defined]  # a str
    for value in (
        {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "content": [], "usage": {"input_tokens": 3, "output_tokens": 0}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}},
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{\"a\":1}"}},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}},
        {"type": "message_stop"},
    )
)  # fmt: skip
GEMINI_BYTES = b"".join(
    b"data: %s\n\n" % json.dumps(value).encode()
    for value in (
        {"candidates": [{"content": {"parts": [{"text": "Hm", "thought": True}]}}], "modelVersion": "gemini-2.5-flash"},
        {"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]}, "finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}},
    )
)  # fmt: skip
CHUNKS = b"".join(
    b"data: %s\n\n" % json.dumps({"id": "chatcmpl-1", "model": "q", "created": 1, "object": "chat.completion.chunk", **value}).encode()
    for value in (
        {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm"}}]},
        {"choices": [{"index": 0, "delta": {"content": "Hi"}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{\"a\":1}"}}]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
    )
) + b"data: [DONE]\n\n"  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "model", "upstream"),
    [
        (AnthropicDialect(), "claude-sonnet-4-5", ANTHROPIC),
        (GEMINI, "gemini-2.5-flash", GEMINI_BYTES),
        (OPENAI, "gpt-4o", CHUNKS),
    ],
    ids=["anthropic", "gemini", "chat completions"],
)
def test_composed(
    ask: Ask,
    client: Client,
    make_target: Callable[..., Target],
    read_all: Callable[..., list[StreamEvent]],
    written: Callable[..., bytes],
    *,
    dialect: Any,
    model: str,
    upstream: bytes,
) -> None:
    """Every provider's stream is a stream of responses, with reasoning, text, a call and the usage."""
    chat, target = (
        ask(stream=True, tools=[{"type": "function", "name": "f"}]),
        make_target(model, dialect.name),
    )
    events = read_all(dialect.reader(chat, target, created_s=5), upstream)
    assert events[-1].kind is StreamKind.DONE
    body = written(RESPONSES.writer(chat, request_id="r", created_s=5), events)
    with client(body).responses.stream(model="m", input="x") as helper:
        final = helper.get_final_response()
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call"]
    assert (final.output_text, final.output[2].arguments) == ("Hi", '{"a":1}')  # type: ignore[union-attr]  # a call
    assert final.usage is not None
    assert final.usage.total_tokens == 7
