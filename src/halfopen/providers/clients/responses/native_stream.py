"""Read a stream of the Responses API, tell a whole one from one that failed, and let its events pass.

Rules
1. The finish evidence is `response.completed` or `response.incomplete`, which hold the whole
   response: with it the stream is over, whatever follows. The end of the body without it is a fault.
2. `response.failed` and `error` are faults. `[DONE]` proves nothing.
3. Each event passes byte for byte; what it means as chunks of a chat is in `data`, so that another
   provider's reader or writer can go on. A part that came without deltas is made up for when it is done.
4. Events that only open or close something carry no content. Events of OpenAI's own tools are content
   that no other model can go on with.
5. Chunk boundaries change nothing, and nothing that a server sends raises.

| event | form |
|---|---|
| output_text.delta | TEXT |
| function_call_arguments.*, items of calls, custom_tool_call_input.* | CALL |
| reasoning_text.delta, reasoning_summary_text.delta | REASONING |
| refusal.delta, everything of other items | OTHER |
"""

from typing import Any

from halfopen import errors
from halfopen.http1.sse_event import SseEvent
from halfopen.model import Fault, Kind
from halfopen.providers.chat import Chat
from halfopen.providers.clients.responses.event import ENDS, Event, read_event
from halfopen.providers.clients.responses.native_answer import (
    failed,
    finish_of,
    is_filled,
    read_response,
    usage_of,
)
from halfopen.providers.clients.responses.native_chunk import ChunkMaker
from halfopen.providers.contract import Form, StreamEvent, StreamKind
from halfopen.providers.event_reader import EventReader
from halfopen.providers.openai.chunk import given

_OPENINGS = frozenset(("response.created", "response.in_progress", "response.queued"))
_FAILED = frozenset(("response.failed", "response.cancelled", "error", "response.error"))
_THOUGHTS = frozenset(("response.reasoning_text.delta", "response.reasoning_summary_text.delta"))
_TEXT_FREE = (
    "response.content_part.",
    "response.output_text.",
    "response.refusal.",
    "response.reasoning_",
)
"""What begins like this and is not handled by itself opens or closes something."""
_CALL_KINDS = ("function_call", "custom_tool_call")
_PINGS = frozenset(("ping", "heartbeat", "keepalive", "keep-alive"))


class ResponsesReader(EventReader):
    """Reads one stream. Implements `StreamReader`."""

    __slots__ = ("_chat", "_chunks", "_filled", "_said")

    def __init__(self, chat: Chat, *, model: str, created_s: int) -> None:
        """Begin a stream.

        Args:
            chat: The translated request that it answers.
            model: Who answers, for chunks, until the stream says it.
            created_s: The time of the answer in Unix seconds, for chunks.
        """
        super().__init__()
        self._chat = chat
        self._chunks = ChunkMaker(model, created_s)
        self._filled = False
        """Whether any text, refusal, call or item of OpenAI's own came."""
        self._said: set[tuple[int, object]] = set()
        """Where text or arguments came as deltas: the place of the item, and of the part in it."""

    def close(self) -> list[StreamEvent]:
        """The body ended cleanly. Ends with DONE or FAULT unless either was returned before."""
        if self._ended:
            return []
        events = self._read_all(self._parser.last())
        if not self._ended:
            events.append(self._fail(_cut(self._parser.tail.strip())))
        return events

    def _read_all(self, parsed: list[SseEvent]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for event in parsed:
            events += self._read(event)
            if self._ended:
                break
        return events

    def _read(self, event: SseEvent) -> list[StreamEvent]:
        if event.stray:
            return [self._fail(_odd(event.stray, event.event))]
        if not event.data or event.event in _PINGS:
            return [StreamEvent(StreamKind.PING, native=event.raw)]
        if event.data.strip() == b"[DONE]":
            return [self._fail(_cut(b""))]
        meant = read_event(event.data)
        if meant is None:
            return [self._fail(_odd(event.data, event.event))]
        kind = meant.type = meant.type or event.event
        if kind in ENDS:
            return self._end(meant, event)
        if kind in _FAILED or given(meant.error):
            return [self._fail(_failure(meant, event))]
        if not kind:
            return [self._fail(_odd(event.data, event.event))]
        if kind in _PINGS:
            return [StreamEvent(StreamKind.PING, native=event.raw)]
        return [self._meaning(meant, event.raw)]

    def _meaning(self, event: Event, raw: bytes) -> StreamEvent:
        """What an event means that neither ends nor fails the stream."""
        kind = event.type
        if kind == "response.output_text.delta":
            return self._text(event, event.delta_text, raw)
        if kind == "response.output_text.done":
            return self._text(event, self._unsaid(event, event.text), raw)
        if kind in _OPENINGS:
            response = read_response(event.response)
            data = self._chunks.begun(response) if response is not None else b""
            return StreamEvent(StreamKind.OPENING, data, native=raw)
        if kind in _THOUGHTS:
            thought = event.delta_text
            data = self._chunks.delta({"reasoning_content": thought}) if thought else b""
            return _content(data, len(thought), Form.REASONING, raw)
        if kind == "response.refusal.delta":
            refusal = event.delta_text
            self._filled = self._filled or bool(refusal)
            data = self._chunks.delta({"refusal": refusal}) if refusal else b""
            return _content(data, len(refusal), Form.OTHER, raw)
        if kind in ("response.output_item.added", "response.output_item.done"):
            return self._item(event, raw)
        if kind.startswith("response.function_call_arguments."):
            return self._arguments(event, raw)
        if kind == "response.output_text.annotation.added":
            return StreamEvent(StreamKind.OPENING, self._chunks.citation(event.annotation), native=raw)
        return self._other(event, raw)

    def _other(self, event: Event, raw: bytes) -> StreamEvent:
        """An event of something that no chat completion has, or that only closes a part."""
        kind = event.type
        if kind.startswith("response.custom_tool_call_input."):
            self._filled = True
            return _content(b"", len(event.delta_text), Form.CALL, raw)
        if not kind.startswith("response.") or kind.startswith(_TEXT_FREE):
            return StreamEvent(StreamKind.OPENING, native=raw)
        return _content(b"", max(1, len(event.delta_text)), Form.OTHER, raw)

    def _text(self, event: Event, text: str, raw: bytes) -> StreamEvent:
        if not text:
            return StreamEvent(StreamKind.OPENING, native=raw)
        self._filled = True
        self._said.add(_spot(event))
        data = self._chunks.text(text, event.logprobs)
        return StreamEvent(StreamKind.CONTENT, data, len(text), form=Form.TEXT, text=text, native=raw)

    def _unsaid(self, event: Event, whole: Any) -> str:
        """The whole of what should have come as deltas, when none came."""
        return whole if isinstance(whole, str) and _spot(event) not in self._said else ""

    def _item(self, event: Event, raw: bytes) -> StreamEvent:
        item = event.item_value
        kind = item.get("type")
        is_done = event.type.endswith(".done")
        if kind in ("message", "reasoning"):
            return StreamEvent(StreamKind.OPENING, native=raw)
        self._filled = True
        if kind not in _CALL_KINDS:
            return _content(b"", 1, Form.OTHER, raw)
        name, chars, data = item.get("name"), 0, b""
        if kind == "function_call":
            if not self._chunks.has_call(event.place):
                chars = len(name) if isinstance(name, str) else 1
                data = self._chunks.call(event.place, item)
            if is_done:
                rest = self._unsaid(event, item.get("arguments"))
                data += self._pieces(event, rest)
                chars += len(rest)
        return _content(data, chars, Form.CALL, raw)

    def _arguments(self, event: Event, raw: bytes) -> StreamEvent:
        is_done = event.type.endswith(".done")
        piece = self._unsaid(event, event.arguments) if is_done else event.delta_text
        return _content(self._pieces(event, piece), len(piece), Form.CALL, raw)

    def _pieces(self, event: Event, arguments: str) -> bytes:
        if not arguments:
            return b""
        self._said.add(_spot(event))
        return self._chunks.arguments(event.place, arguments)

    def _end(self, event: Event, source: SseEvent) -> list[StreamEvent]:
        response = read_response(event.response)
        if response is None:
            return [self._fail(_odd(source.data, source.event))]
        response.status = response.status or event.type.removeprefix("response.")
        filled = self._filled or is_filled(response.output or [])
        finish = finish_of(self._chat, response, filled=filled)
        if isinstance(finish, Fault):
            return [self._fail(finish)]
        if finish == "stop" and self._chunks.has_calls:
            finish = "tool_calls"
        self._ended = True
        data = self._chunks.finish(finish, response.usage)
        usage = usage_of(response.usage)
        end = StreamEvent(StreamKind.FINISH, data, usage=usage, finish_reason=finish, native=source.raw)
        return [end, StreamEvent(StreamKind.DONE)]


def _spot(event: Event) -> tuple[int, object]:
    return event.place, event.content_index if isinstance(event.content_index, int) else None


def _content(data: bytes, chars: int, form: Form, raw: bytes) -> StreamEvent:
    return StreamEvent(StreamKind.CONTENT, data, chars, form=form, native=raw)


def _failure(event: Event, source: SseEvent) -> Fault:
    """The fault of an event that says that the response failed."""
    response = read_response(event.response)
    if response is not None:
        return failed(response)
    fault = errors.decode_event(source.data, "error", "openai")
    return fault or errors.make(Kind.ERROR_EVENT, body=source.data)


def _odd(data: bytes, name: str) -> Fault:
    """What is no event of this API is an error, or rubbish."""
    fault = errors.decode_event(data, name, "openai")
    message = "The stream holds something that is no event of the Responses API."
    return fault or errors.make(Kind.MALFORMED_ANSWER, message, body=data)


def _cut(tail: bytes) -> Fault:
    """The fault of a stream that ended too soon, with what is left of an event that has not ended."""
    if not tail or tail == b"data: [DONE]":
        message = "The stream ended without response.completed, so the answer may be cut."
        return errors.make(Kind.NO_FINISH, message)
    data = tail.rpartition(b"data:")[2].strip()
    fault = errors.decode_event(data, "", "openai") if data.endswith(b"}") else None
    return fault or errors.make(Kind.CUT_BODY, "The stream ended in the middle of an event.")
