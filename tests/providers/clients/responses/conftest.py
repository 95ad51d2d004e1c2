"""Requests, upstream streams and the official client for the tests of the Responses API."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import httpx2
import openai
import pytest

from halfopen.http1.sse import SseParser
from halfopen.model import Fault, Target
from halfopen.providers.catalogue import lookup
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest, Writer
from halfopen.providers.clients.responses import RESPONSES
from halfopen.providers.contract import StreamEvent, StreamKind, StreamReader

ENDS = (StreamKind.DONE, StreamKind.FAULT)


@pytest.fixture
def parse() -> Callable[..., Chat | Fault]:
    """Reads a request of the given fields; `model` and `input` are there unless they are None."""

    def parse_fields(**fields: Any) -> Chat | Fault:
        request = {"model": "gpt-4o", "input": "Hi"} | fields
        body = json.dumps({name: value for name, value in request.items() if value is not ...}).encode()
        return RESPONSES.parse(ClientRequest("/v1/responses", {}, {}, body))

    return parse_fields


@pytest.fixture
def ask(parse: Callable[..., Chat | Fault]) -> Callable[..., Chat]:
    """Reads a request that is good."""

    def accepted(**fields: Any) -> Chat:
        chat = parse(**fields)
        assert isinstance(chat, Chat), chat
        return chat

    return accepted


@pytest.fixture
def make_target() -> Callable[..., Target]:
    """A target with what the catalogue knows of its model."""

    def make(model: str = "gpt-4o", dialect: str = "openai") -> Target:
        return Target(dialect, model, dialect, *lookup(dialect, model))

    return make


@pytest.fixture
def client() -> Callable[..., openai.OpenAI]:
    """The official client, whose every request is answered with these bytes."""

    def make(body: bytes, *, status: int = 200) -> openai.OpenAI:
        is_json = body.startswith(b"{")
        kind = "application/json" if is_json else "text/event-stream"

        def answer(request: httpx2.Request) -> httpx2.Response:
            return httpx2.Response(status, headers={"content-type": kind}, content=body)

        http = httpx2.Client(transport=httpx2.MockTransport(answer))
        return openai.OpenAI(api_key="k", base_url="http://127.0.0.1:1/v1", http_client=http, max_retries=0)

    return make


@pytest.fixture
def read_all() -> Callable[..., list[StreamEvent]]:
    """All events that a reader makes of these bytes."""

    def read(reader: StreamReader, *pieces: bytes) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for piece in pieces:
            events += reader.feed(piece)
        return events + reader.close()

    return read


@pytest.fixture
def written() -> Callable[..., bytes]:
    """What a writer makes of events, with its proper end."""

    def write(writer: Writer, events: Iterable[StreamEvent]) -> bytes:
        said = b"".join([writer.write(event) for event in events if event.kind not in ENDS])
        return said + writer.finish()

    return write


@pytest.fixture
def values() -> Callable[[bytes], list[dict[str, Any]]]:
    """The decoded events of a stream, each checked for a name that is its type."""

    def decode(stream: bytes) -> list[dict[str, Any]]:
        found = []
        for event in SseParser().feed(stream):
            if not event.is_comment:
                value = json.loads(event.data)
                assert event.event == value["type"]
                found.append(value)
        return found

    return decode


@pytest.fixture
def chunk() -> Callable[..., bytes]:
    """A chat completion chunk as a server-sent event."""

    def make(
        delta: dict[str, Any] | None = None,
        finish: str | None = None,
        *,
        usage: dict[str, Any] | None = None,
        **choice: Any,
    ) -> bytes:
        choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish, **choice}]
        value = {
            "id": "chatcmpl-7",
            "object": "chat.completion.chunk",
            "created": 5,
            "model": "claude-x",
            "choices": [] if usage is not None else choices,
            "usage": usage,
        }
        return b"data: " + json.dumps(value).encode() + b"\n\n"

    return make


@pytest.fixture
def native() -> Callable[..., list[bytes]]:
    """OpenAI's own events of an answer: reasoning, text in pieces, and calls with arguments in pieces."""
    return native_events


def native_events(
    text: Iterable[str] = (),
    *,
    thoughts: Iterable[str] = (),
    calls: Iterable[tuple[str, list[str]]] = (),
    end: str | None = "completed",
) -> list[bytes]:
    """See the fixture `native`."""
    said = _Native()
    base = {
        "id": "resp_1", "object": "response", "created_at": 9, "status": "in_progress", "model": "gpt-4o-2024",
        "output": [], "usage": None, "error": None, "incomplete_details": None, "instructions": None,
        "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}, "temperature": 1.0,
        "top_p": 1.0, "text": {"format": {"type": "text"}},
    }  # fmt: skip
    said.add("response.created", response=base)
    said.add("response.in_progress", response=base)
    if pieces := list(thoughts):
        said.reasoning(pieces)
    if pieces := list(text):
        said.message(pieces)
    for name, arguments in calls:
        said.call(name, arguments)
    if end is not None:
        usage = {
            "input_tokens": 3, "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
            "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 7,
        }  # fmt: skip
        details = {"reason": "max_output_tokens"} if end == "incomplete" else None
        whole = base | {"status": end, "output": said.output, "usage": usage, "incomplete_details": details}
        said.add(f"response.{end}", response=whole)
    return said.events


class _Native:
    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.output: list[dict[str, Any]] = []

    def add(self, kind: str, **fields: Any) -> None:
        value = {"type": kind, "sequence_number": len(self.events), **fields}
        self.events.append(b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps(value).encode()))

    def _item(
        self, added: dict[str, Any], done: dict[str, Any], fill: Callable[[dict[str, Any]], None]
    ) -> None:
        index = len(self.output)
        self.add("response.output_item.added", output_index=index, item=added)
        fill({"item_id": added["id"], "output_index": index})
        self.output.append(added | done)
        self.add("response.output_item.done", output_index=index, item=added | done)

    def reasoning(self, pieces: list[str]) -> None:
        part = {"type": "summary_text", "text": "".join(pieces)}

        def fill(at: dict[str, Any]) -> None:
            at = at | {"summary_index": 0}
            kind = "response.reasoning_summary"
            self.add(f"{kind}_part.added", **at, part={"type": "summary_text", "text": ""})
            for piece in pieces:
                self.add(f"{kind}_text.delta", **at, delta=piece)
            self.add(f"{kind}_text.done", **at, text=part["text"])
            self.add(f"{kind}_part.done", **at, part=part)

        self._item({"id": "rs_1", "type": "reasoning", "summary": []}, {"summary": [part]}, fill)

    def message(self, pieces: list[str]) -> None:
        empty = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        part = empty | {"text": "".join(pieces)}

        def fill(at: dict[str, Any]) -> None:
            at = at | {"content_index": 0}
            self.add("response.content_part.added", **at, part=empty)
            for piece in pieces:
                self.add("response.output_text.delta", **at, delta=piece, logprobs=[], obfuscation="xx")
            self.add("response.output_text.done", **at, text=part["text"], logprobs=[])
            self.add("response.content_part.done", **at, part=part)

        added = {
            "id": "msg_1",
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        self._item(added, {"status": "completed", "content": [part]}, fill)

    def call(self, name: str, pieces: list[str]) -> None:
        number = len(self.output)

        def fill(at: dict[str, Any]) -> None:
            for piece in pieces:
                self.add("response.function_call_arguments.delta", **at, delta=piece)
            self.add("response.function_call_arguments.done", **at, arguments="".join(pieces))

        added = {
            "id": f"fc_{number}", "type": "function_call", "status": "in_progress", "call_id": f"call_{number}",
            "name": name, "arguments": "",
        }  # fmt: skip
        self._item(added, {"status": "completed", "arguments": "".join(pieces)}, fill)
