"""A streamed answer as Anthropic's events: chunks translated, Anthropic's own events as they are.

Rules
1. There is one `message_start`, and after it blocks that are begun, filled and closed in turn.
2. Anthropic's own events pass byte for byte; they are watched, so that chunks of another provider
   can go on in the block that is open. A block that was never begun or closed is mended.
3. Once a chunk was written, whatever follows is written from chunks.
4. Tool calls are written whole, after the text: pieces of several may come mixed.
5. `message_delta` and `message_stop` wait for `finish`, when the counts are known, unless Anthropic's
   own were passed on.

Source: platform.claude.com/docs/en/build-with-claude/streaming.
"""

from typing import Any

import msgspec

from halfopen.http1.sse import EventTooLargeError, SseParser, parse_event
from halfopen.model import Usage
from halfopen.providers.ask import Ask
from halfopen.providers.chat import Chat
from halfopen.providers.client import Failure
from halfopen.providers.clients.gathered_calls import GatheredCalls
from halfopen.providers.clients.messages.answer_ids import CallIds, message_id
from halfopen.providers.clients.messages.blocks import TEXT, Blocks, event
from halfopen.providers.clients.messages.error import messages_error_json
from halfopen.providers.clients.messages.said import Said, arguments_text, input_json, text_in
from halfopen.providers.clients.messages.stop import stop_fields
from halfopen.providers.clients.messages.thinking import hides_thinking
from halfopen.providers.clients.messages.usage import messages_usage, read_usage
from halfopen.providers.contract import StreamEvent, StreamKind


class _Choice(msgspec.Struct, frozen=True):
    index: int = 0
    delta: Said | None = None
    finish_reason: str | None = None
    stop_reason: msgspec.Raw = msgspec.Raw()


class _Chunk(msgspec.Struct, frozen=True):
    """A chunk. Whatever a reader takes for one must be one here, or what it says would be lost."""

    id: msgspec.Raw = msgspec.Raw()
    model: msgspec.Raw = msgspec.Raw()
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _Kind(msgspec.Struct, frozen=True):
    type: str = ""
    stop_reason: str | None = None


class _Native(msgspec.Struct, frozen=True):
    type: str = ""
    index: int = 0
    content_block: _Kind = _Kind()
    delta: _Kind = _Kind()


_CHUNK = msgspec.json.Decoder(_Chunk)
_NATIVE = msgspec.json.Decoder(_Native)
_HEAD_BYTES = 64
"""Within so many bytes stands the name of one of Anthropic's events."""


class MessagesWriter:
    """Writes one answer. Implements `Writer`."""

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, ask: Ask, request_id: str) -> None:
        """`ask` is the request, a chat that came as a Messages request; `request_id` is ours."""
        self._ask = ask
        origin = ask.origin if isinstance(ask, Chat) else None
        self._model = ask.model
        self._stops = ask.value("stop") or ()
        self._hides_thinking = origin is not None and hides_thinking(origin.value("thinking"))
        self._request_id = request_id
        self._id = ""
        self._begun = False
        self._chunked = False
        self._ended = False
        """Whether the message_delta with the stop reason has been written."""
        self._stopped = False
        self._blocks = Blocks()
        self._calls = GatheredCalls()
        self._refusal = ""
        self._finish: _Choice = _Choice()
        self._counts: dict[str, Any] | None = None
        self._usage: Usage | None = None

    def write(self, event: StreamEvent) -> bytes:
        """The client's bytes for one event."""
        self._usage = event.usage or self._usage
        if event.native and not self._chunked:
            return event.native if event.kind is StreamKind.PING else self._passed(event.native)
        if not event.data or event.kind is StreamKind.PING or self._ended:
            return b""
        self._chunked = True
        return b"".join(map(self._chunk, _chunks_of(event.data)))

    def finish(self) -> bytes:
        """The last events, as far as Anthropic's own have not been passed on."""
        if self._stopped:
            return b""
        self._stopped = True
        stop = event("message_stop", {})
        if self._ended:
            return stop
        self._ended = True
        begun, called = self._begin("", ""), self._called()
        fields = stop_fields(
            self._finish.finish_reason or "stop",
            calls=len(self._calls.calls),
            refusal=self._refusal,
            matched=text_in(self._finish.stop_reason),
            stops=self._stops,
        )
        usage = self._counts or messages_usage(self._usage)
        end = event("message_delta", {"delta": fields, "usage": usage})
        return begun + called + self._blocks.close() + end + stop

    def error(self, failure: Failure) -> bytes:
        """An error event, after which nothing comes."""
        self._stopped = True
        return b"event: error\ndata: " + messages_error_json(failure) + b"\n\n"

    def ping(self) -> bytes:
        """Anthropic's own event for a connection that is silent."""
        return b'event: ping\ndata: {"type": "ping"}\n\n'

    def comment(self, text: str) -> bytes:
        """A remark that clients pass over."""
        return b": " + text.encode("ascii", "replace") + b"\n\n"

    def _passed(self, raw: bytes) -> bytes:
        """One of Anthropic's own events, after what it lacks."""
        if self._blocks.open is not None and b"content_block_delta" in raw[:_HEAD_BYTES]:
            return raw
        try:
            seen = _NATIVE.decode(parse_event(raw).data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return raw
        return self._watched(seen) + raw

    def _watched(self, seen: _Native) -> bytes:
        """Take note of an event that is passed on, and return what must stand before it."""
        match seen.type:
            case "message_start":
                self._begun = True
            case "content_block_start":
                closed = self._blocks.close()
                self._blocks.seen_start(seen.index, seen.content_block.type)
                return closed
            case "content_block_delta" if self._blocks.open is None and seen.delta.type == "text_delta":
                return self._blocks.begin(TEXT, {"text": ""})
            case "content_block_stop":
                self._blocks.seen_stop()
            case "message_delta" if seen.delta.stop_reason:
                self._ended = True
                return self._blocks.close()
            case "message_stop":
                self._stopped = True
        return b""

    def _chunk(self, chunk: _Chunk) -> bytes:
        made = [self._begin(text_in(chunk.id), text_in(chunk.model))]
        self._counts = read_usage(chunk.usage) or self._counts
        for choice in chunk.choices or ():
            if choice.index:
                continue
            if choice.delta is not None:
                made.append(self._said(choice.delta))
            if choice.finish_reason:
                self._finish = choice
        return b"".join(made)

    def _begin(self, answer_id: str, model: str) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        self._id = message_id(answer_id, self._request_id)
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": model or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": messages_usage(None),
        }
        return event("message_start", {"message": message})

    def _said(self, said: Said) -> bytes:
        thinking, text = said.thinking_and_text()
        for piece in said.tool_calls or ():
            function = piece.function
            name, arguments = (function.name, function.arguments) if function else (None, None)
            self._calls.add(piece.place, text_in(piece.id), name, arguments_text(arguments))
        if said.refusal:
            self._refusal += said.refusal
            text += said.refusal
        shown = self._blocks.thinking(thinking) if thinking and not self._hides_thinking else b""
        return shown + self._blocks.text(text) if text else shown

    def _called(self) -> bytes:
        ids = CallIds(self._id or self._request_id, self._ask)
        return b"".join(
            self._blocks.call(ids.of(call.id), call.name, input_json(call.arguments))
            for call in self._calls.calls
        )


def _chunks_of(data: bytes) -> list[_Chunk]:
    """The chunks in whole server-sent events. What is none is left out: a reader has judged them."""
    single = data.startswith(b"data: ") and data.find(b"\n") == len(data) - 2 and b"\r" not in data
    if single:
        return _chunk_of(data[6:-2])
    try:
        parser = SseParser()
        events = parser.feed(data) + parser.flush()
    except EventTooLargeError as problem:
        events = list(problem.events)
    return [chunk for event in events if event.data for chunk in _chunk_of(event.data)]


def _chunk_of(data: bytes) -> list[_Chunk]:
    """The chunk of one event, if it is one."""
    try:
        return [_CHUNK.decode(data)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
