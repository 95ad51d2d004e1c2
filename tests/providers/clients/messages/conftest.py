"""Requests, targets, chunks, and the official client fed with bytes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import msgspec
import pytest
from anthropic.types import Message

from halfopen.model import Capabilities, Fault, Reply, Target
from halfopen.providers import DIALECTS
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.contract import Answer, StreamEvent, StreamKind

STREAMS = Path(__file__).parents[3] / "contracts" / "streams"
HELLO = [{"role": "user", "content": "Hello"}]
MODELS = {"anthropic": "claude-haiku-4-5", "openai": "gpt-4o-mini", "gemini": "gemini-2.5-flash"}
ENDS = (StreamKind.DONE, StreamKind.FAULT)


class Canned(httpx2.BaseTransport):
    """Answers every request with the same bytes."""

    def __init__(self, body: bytes, content_type: str, status: int = 200) -> None:
        self._body, self._type, self._status = body, content_type, status

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": self._type, "request-id": "req_1"}
        return httpx2.Response(self._status, headers=headers, content=self._body)


@dataclass(frozen=True)
class Lab:
    """What a test of the client dialect needs."""

    def request(self, messages: Any = None, **fields: Any) -> bytes:
        body = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": messages or HELLO, **fields}
        return msgspec.json.encode({name: value for name, value in body.items() if value is not ...})

    def parse(self, messages: Any = None, headers: dict[str, str] | None = None, **fields: Any) -> Chat:
        request = ClientRequest("/v1/messages", {}, headers or {}, self.request(messages, **fields))
        chat = MESSAGES.parse(request)
        assert isinstance(chat, Chat), chat
        return chat

    def refused(self, body: bytes) -> Fault:
        fault = MESSAGES.parse(ClientRequest("/v1/messages", {}, {}, body))
        assert isinstance(fault, Fault), fault
        return fault

    def target(self, dialect: str = "anthropic", model: str | None = None, **able: Any) -> Target:
        return Target("p", model or MODELS[dialect], dialect, replace(Capabilities(reasoning=True), **able))

    def answered(self, dialect: str, body: Any, chat: Chat | None = None) -> Message:
        """A provider's whole answer as the official client reads it."""
        chat, target = chat or self.parse(), self.target(dialect)
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        answer = MESSAGES.translation(DIALECTS[dialect], target).answer(chat, target, Reply(200, body=raw))
        assert isinstance(answer, Answer), answer
        return self.typed(answer.body)

    def typed(self, body: bytes) -> Message:
        with self.client(body, "application/json") as client:
            return client.messages.create(model="m", max_tokens=9, messages=[])

    def streamed(self, body: bytes) -> Message:
        """A whole stream as the official client puts it together."""
        with (
            self.client(body, "text/event-stream") as client,
            client.messages.stream(model="m", max_tokens=9, messages=[]) as stream,
        ):
            final = stream.get_final_message().model_dump()
        for block in final["content"]:
            block.pop("parsed_output", None)  # for those who ask the client to parse JSON
        return Message.model_validate(final)

    def client(self, body: bytes, content_type: str, status: int = 200) -> anthropic.Anthropic:
        http = httpx2.Client(transport=Canned(body, content_type, status))
        return anthropic.Anthropic(api_key="x", base_url="http://gateway", http_client=http, max_retries=0)

    def events(self, dialect: str, body: bytes, chat: Chat | None = None) -> list[StreamEvent]:
        """What a provider's stream means, without its end."""
        chat, target = chat or self.parse(stream=True), self.target(dialect)
        reader = MESSAGES.translation(DIALECTS[dialect], target).reader(chat, target)
        events = [*reader.feed(body), *reader.close()]
        assert events[-1].kind is StreamKind.DONE, events[-1].fault
        return [event for event in events if event.kind not in ENDS]

    def written(self, events: Iterable[StreamEvent], chat: Chat | None = None) -> bytes:
        writer = MESSAGES.writer(chat or self.parse(stream=True), request_id="req_7", created_s=0)
        return b"".join(map(writer.write, events)) + writer.finish()

    def stream(self, name: str) -> bytes:
        return (STREAMS / f"{name}.txt").read_bytes()

    def chunk(self, delta: Any = None, **fields: Any) -> StreamEvent:
        """One chunk as an event; `finish`, `usage` and `stop_reason` may be given."""
        finish = fields.pop("finish", None)
        choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
        if "stop_reason" in fields:
            choice["stop_reason"] = fields.pop("stop_reason")
        choices = [] if "usage" in fields and delta is None and finish is None else [choice]
        body = {"id": "chatcmpl-1", "model": "gpt-4o", "choices": choices, **fields}
        kind = StreamKind.FINISH if finish else StreamKind.CONTENT
        return StreamEvent(kind, b"data: " + msgspec.json.encode(body) + b"\n\n", finish_reason=finish)


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def parsed_events() -> Callable[[bytes], list[dict[str, Any]]]:
    """Takes a stream apart; fails when it isn't one well-formed message."""

    def take_apart(stream: bytes) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        for each in stream.split(b"\n\n")[:-1]:
            name, data = each.split(b"\n")
            events.append(msgspec.json.decode(data.removeprefix(b"data: ")))
            assert name == b"event: " + events[-1]["type"].encode()
        kinds = [event["type"] for event in events if event["type"] != "ping"]
        assert kinds[0] == "message_start"
        assert kinds[-2:] == ["message_delta", "message_stop"]
        assert (
            kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop") == 1
        )
        is_open, latest = False, -1
        for event in events:
            if event["type"] == "content_block_start":
                assert not is_open
                assert event["index"] == latest + 1
                is_open, latest = True, latest + 1
            elif event["type"].startswith("content_block"):
                assert is_open
                assert event["index"] == latest
                is_open = event["type"] == "content_block_delta"
        assert not is_open
        return events

    return take_apart
