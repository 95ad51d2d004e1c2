"""Shared makers: chats, targets, streams, and readers that judge with the official client's types."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import pytest
from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)
from openai.types.chat import ChatCompletionChunk

from halfopen.model import Capabilities, Target
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.contract import StreamEvent, StreamKind

STREAMS = Path(__file__).parents[2] / "contracts" / "streams"
PLAIN = pydantic.TypeAdapter(MessageCreateParamsNonStreaming)
STREAMED = pydantic.TypeAdapter(MessageCreateParamsStreaming)
HELLO = [{"role": "user", "content": "Hello"}]


def spent(value: Any) -> Any:
    """The value with every lazily validated part of it read, so that it is validated."""
    if isinstance(value, dict):
        return {name: spent(each) for name, each in value.items()}
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(exclude_unset=True)
    if value is None or isinstance(value, str | int | float):
        return value
    return [spent(each) for each in value]


@dataclass(frozen=True)
class Lab:
    """What a test of the dialect needs."""

    def chat(self, messages: Any = None, **fields: Any) -> Chat:
        body = {"model": "gpt-4o-mini", "messages": HELLO if messages is None else messages, **fields}
        chat = parse_chat(msgspec.json.encode(body))
        assert isinstance(chat, Chat), chat
        return chat

    def target(self, model: str = "claude-haiku-4-5", **capabilities: Any) -> Target:
        return Target("claude", model, "anthropic", replace(Capabilities(), **capabilities))

    def body(self, chat: Chat, target: Target | None = None) -> dict[str, Any]:
        target = target or self.target()
        assert ANTHROPIC.unfit(chat, target) is None
        body: dict[str, Any] = msgspec.json.decode(ANTHROPIC.call(chat, target, "sk-ant-test").body)
        return body

    def unfit(self, chat: Chat, target: Target | None = None) -> str | None:
        return ANTHROPIC.unfit(chat, target or self.target())

    def accepted(self, body: dict[str, Any]) -> None:
        """Fail unless Anthropic's own SDK types accept the body and know every field of it.

        The SDK's current types have no temperature and top_p any more; the API takes them from older models.
        """
        body = {name: value for name, value in body.items() if name not in ("temperature", "top_p")}
        assert spent((STREAMED if body.get("stream") else PLAIN).validate_python(body)) == body

    def stream(self, name: str) -> bytes:
        return (STREAMS / f"anthropic_{name}.txt").read_bytes()

    def read(self, chunks: Iterable[bytes], chat: Chat | None = None) -> list[StreamEvent]:
        reader = ANTHROPIC.reader(chat or self.chat(stream=True), self.target())
        events = [event for chunk in chunks for event in reader.feed(chunk)]
        return [*events, *reader.close()]

    def joined(self, events: list[StreamEvent]) -> "Joined":
        done = bool(events) and events[-1].kind is StreamKind.DONE
        return joined(b"".join(event.data for event in events), done=done)


@dataclass(frozen=True)
class Joined:
    """A stream put together as a client would."""

    chunks: list[ChatCompletionChunk]
    text: str
    reasoning: str
    refusal: str
    calls: list[dict[str, str]]
    function_call: dict[str, str]
    finish_reasons: list[str]
    done: bool


def joined(data: bytes, *, done: bool) -> Joined:
    lines = data.split(b"\n\n")
    assert lines.pop() == b""
    assert all(line.startswith(b"data: ") and b"\n" not in line for line in lines), lines
    payloads = [line.removeprefix(b"data: ") for line in lines]
    chunks = [ChatCompletionChunk.model_validate_json(each, strict=True) for each in payloads]
    assert len({chunk.id for chunk in chunks}) <= 1
    text = reasoning = refusal = ""
    calls: list[dict[str, str]] = []
    function_call = {"name": "", "arguments": ""}
    finish_reasons = []
    for chunk in chunks:
        for choice in chunk.choices:
            delta = choice.delta
            text += delta.content or ""
            refusal += delta.refusal or ""
            reasoning += getattr(delta, "reasoning_content", None) or ""
            for call in delta.tool_calls or []:
                assert call.function is not None
                if call.index == len(calls):
                    assert call.id
                    assert call.function.name
                    calls.append({"id": call.id, "name": call.function.name, "arguments": ""})
                calls[call.index]["arguments"] += call.function.arguments or ""
            if delta.function_call is not None:
                function_call["name"] += delta.function_call.name or ""
                function_call["arguments"] += delta.function_call.arguments or ""
            if choice.finish_reason:
                finish_reasons.append(choice.finish_reason)
    return Joined(chunks, text, reasoning, refusal, calls, function_call, finish_reasons, done)


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def kinds() -> Callable[[list[StreamEvent]], list[StreamKind]]:
    return lambda events: [event.kind for event in events]
