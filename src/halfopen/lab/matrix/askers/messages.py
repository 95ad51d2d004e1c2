"""The anthropic client's messages."""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Self

import anthropic
import msgspec

from halfopen.lab.matrix.askers.typed import wrong_type
from halfopen.lab.matrix.seen import (
    CLIENT_TIMEOUT_S,
    TOOL_SCHEMA,
    Asker,
    Seen,
    SeenCall,
    Told,
    Wish,
    note_request,
)

TOKENS_MAX = 1000
FINISH: Mapping[str, str] = MappingProxyType(
    {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
)
"""This dialect's reasons under their neutral names."""
ERROR_TYPES = frozenset(
    {
        "invalid_request_error",
        "authentication_error",
        "billing_error",
        "permission_error",
        "not_found_error",
        "conflict_error",
        "request_too_large",
        "rate_limit_error",
        "api_error",
        "timeout_error",
        "overloaded_error",
    }
)


class MessagesAsker(Asker):
    """Asks with `messages.create`."""

    def __init__(self, client: anthropic.AsyncAnthropic) -> None:
        """Made by `open`."""
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, base_url: str) -> AsyncIterator[Self]:
        """An asker with a client of its own, closed at the end. `base_url` ends in /v1."""
        http_client = anthropic.DefaultAsyncHttpxClient(
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            event_hooks={"request": [note_request]},
            trust_env=False,
        )
        async with anthropic.AsyncAnthropic(
            base_url=base_url.removesuffix("/v1"),
            api_key="lab",
            timeout=CLIENT_TIMEOUT_S,
            http_client=http_client,
        ) as client:
            yield cls(client)

    def told(self, error: Exception) -> Told:
        """An error of this client in a neutral form."""
        explicit = isinstance(error, anthropic.APIError) and not isinstance(
            error, anthropic.APIResponseValidationError
        )
        status = error.status_code if isinstance(error, anthropic.APIStatusError) else None
        body: Any = getattr(error, "body", None)
        body = body if isinstance(body, dict) else {}
        inner: Any = body.get("error")
        inner = inner if isinstance(inner, dict) else {}
        native = None
        if isinstance(error, anthropic.APIStatusError):
            if body.get("type") != "error":
                native = f"its body has the type {body.get('type')!r}, not 'error'"
            elif inner.get("type") not in ERROR_TYPES:
                native = f"its error has the type {inner.get('type')!r}, which Anthropic has not"
        # An error event inside a stream has the status of the stream.
        status = None if status == 200 else status
        return Told(explicit, status, inner.get("message"), inner.get("type"), native=native)

    async def fetch(
        self, model: str, prompt: str, wish: Wish, seen: Seen, on_content: Callable[[], object]
    ) -> None:
        """Ask, and note what comes. Raises what the client raises."""
        asked: dict[str, Any] = {
            "model": model,
            "max_tokens": TOKENS_MAX,
            "messages": [{"role": "user", "content": prompt}],
        }
        if wish.tools:
            asked["tools"] = [_tool(name) for name in wish.tools]
        create: Any = self._client.messages.with_raw_response.create
        if not wish.stream:
            raw = await create(**asked)
            seen.status, seen.headers = raw.status_code, dict(raw.headers)
            _note_whole(await raw.parse(), seen)
            return
        raw = await create(**asked, stream=True)
        seen.status, seen.headers = raw.status_code, dict(raw.headers)
        notes = _Notes(seen)
        stream: Any = await raw.parse()
        async with stream:
            async for event in stream:
                notes.event(event)
                if seen.text or seen.calls:
                    on_content()
        notes.end()


def _note_whole(answer: Any, seen: Seen) -> None:
    if answer.type != "message" or not answer.id or not answer.model or answer.role != "assistant":
        seen.odd("no message with id and model of an assistant")
    for block in answer.content or ():
        if block.type == "text":
            seen.text += block.text
        elif block.type == "tool_use":
            seen.calls.append(SeenCall(block.name, _json(block.input), block.id))
        else:
            seen.odd(f"a block of the type {block.type}")
    if answer.stop_reason:
        seen.finish.append(FINISH.get(answer.stop_reason, answer.stop_reason))
    if answer.usage is not None:
        given, made = answer.usage.input_tokens, answer.usage.output_tokens
        seen.usage = (given, made, given + made)
    if (wrong := wrong_type(answer)) is not None:
        seen.odd(wrong)


class _Notes:
    """What the events of a stream add up to, and whether they keep to their order."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._begun = False
        self._blocks = 0
        self._open: Any = None
        """The block that has begun and not ended."""
        self._input = ""
        self._given = 0
        self._stopped = False

    def event(self, event: Any) -> None:
        """Note one event."""
        seen = self._seen
        if self._stopped:
            seen.odd(f"{event.type} after message_stop")
            return
        if not self._begun and event.type not in ("message_start", "ping"):
            seen.odd(f"{event.type} before message_start")
        step = getattr(self, f"_on_{event.type}", None)
        if step is None:
            seen.odd(f"an event of the type {event.type}")
        else:
            step(event)
        if (wrong := wrong_type(event)) is not None:
            seen.odd(wrong)

    def end(self) -> None:
        """The stream ended without an error."""
        if not self._stopped:
            self._seen.odd("the end without message_stop")

    def _on_ping(self, _: Any) -> None:
        pass

    def _on_message_start(self, event: Any) -> None:
        message = event.message
        if self._begun:
            self._seen.odd("a second message_start")
        if not message.id or not message.model or message.role != "assistant" or message.content:
            self._seen.odd("no empty message with id and model of an assistant")
        self._begun = True
        self._given = message.usage.input_tokens

    def _on_content_block_start(self, event: Any) -> None:
        if self._open is not None:
            self._seen.odd("a block begins inside another")
        if event.index != self._blocks:
            self._seen.odd(f"block {self._blocks} has the number {event.index}")
        if self._seen.finish:
            self._seen.odd("a block after the finish")
        self._blocks += 1
        self._open, self._input = event.content_block, ""
        if self._open.type == "text":
            self._seen.text += self._open.text or ""
        elif self._open.type != "tool_use":
            self._seen.odd(f"a block of the type {self._open.type}")

    def _on_content_block_delta(self, event: Any) -> None:
        if self._open is None or event.index != self._blocks - 1:
            self._seen.odd(f"a delta for block {event.index}, which is not open")
            return
        kind = (self._open.type, event.delta.type)
        if kind == ("text", "text_delta"):
            self._seen.text += event.delta.text
        elif kind == ("tool_use", "input_json_delta"):
            self._input += event.delta.partial_json
        else:
            self._seen.odd(f"a {kind[1]} in a block of the type {kind[0]}")

    def _on_content_block_stop(self, event: Any) -> None:
        if self._open is None or event.index != self._blocks - 1:
            self._seen.odd(f"the end of block {event.index}, which is not open")
            return
        if self._open.type == "tool_use":
            arguments = self._input or _json(self._open.input)
            self._seen.calls.append(SeenCall(self._open.name, arguments, self._open.id))
        self._open = None

    def _on_message_delta(self, event: Any) -> None:
        if self._open is not None:
            self._seen.odd("the finish inside a block")
        if event.delta.stop_reason:
            self._seen.finish.append(FINISH.get(event.delta.stop_reason, event.delta.stop_reason))
        usage = event.usage
        given = self._given if usage.input_tokens is None else usage.input_tokens
        self._seen.usage = (given, usage.output_tokens, given + usage.output_tokens)

    def _on_message_stop(self, _: Any) -> None:
        if not self._seen.finish:
            self._seen.odd("message_stop without a stop_reason")
        self._stopped = True


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _tool(name: str) -> dict[str, Any]:
    return {"name": name, "description": f"Tool {name}.", "input_schema": dict(TOOL_SCHEMA)}


ASKER = MessagesAsker
