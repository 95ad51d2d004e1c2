"""Anthropic's stream of events as OpenAI's stream of chunks.

Rules
1. `message_stop` is the only proof that the answer is whole; before it the end of the body is a fault.
2. Events and blocks of unknown types are left out, as Anthropic asks of its clients.
3. An event that breaks the order of a message (a delta of a block that never began) is a fault.
4. A tool call that got no arguments is sent with `{}`, since arguments must be JSON.
5. In JSON mode the input of the one call is the content, and text is left out.

Source: Anthropic's documentation of streaming messages.
"""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from halfopen import errors
from halfopen.http1.sse import EventTooLargeError, SseParser
from halfopen.http1.sse_event import SseEvent
from halfopen.model import Fault, Kind, Usage
from halfopen.providers.anthropic.anthropic_to_openai import Block, Refusal
from halfopen.providers.anthropic.chunk import ChunkWriter
from halfopen.providers.anthropic.finish import finish_reason_of, json_finish_of
from halfopen.providers.anthropic.usage import Counts, openai_usage, usage_of
from halfopen.providers.anthropic.wants import Wants
from halfopen.providers.contract import Form, StreamEvent, StreamKind


class _Kind(msgspec.Struct, frozen=True):
    type: str = ""


class _Start(msgspec.Struct, frozen=True):
    id: str = ""
    model: str = ""
    usage: Counts = Counts()


class _MessageStart(msgspec.Struct, frozen=True):
    message: _Start


class _BlockStart(msgspec.Struct, frozen=True):
    index: int
    content_block: Block


class _Delta(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _BlockDelta(msgspec.Struct, frozen=True):
    index: int
    delta: _Delta


class _BlockStop(msgspec.Struct, frozen=True):
    index: int


class _End(msgspec.Struct, frozen=True):
    stop_reason: str | None = None
    stop_details: Refusal | None = None


class _MessageDelta(msgspec.Struct, frozen=True):
    delta: _End = _End()
    usage: Counts = Counts()


_KIND = msgspec.json.Decoder(_Kind)
_MESSAGE_START = msgspec.json.Decoder(_MessageStart)
_BLOCK_START = msgspec.json.Decoder(_BlockStart)
_BLOCK_DELTA = msgspec.json.Decoder(_BlockDelta)
_BLOCK_STOP = msgspec.json.Decoder(_BlockStop)
_MESSAGE_DELTA = msgspec.json.Decoder(_MessageDelta)
_T = TypeVar("_T")


@dataclass(slots=True)
class _OpenBlock:
    type: str
    call: int = -1
    """The number of the tool call; -1: no tool call."""
    input: bytes = b"{}"
    """What the call's arguments are unless pieces of them follow."""
    has_arguments: bool = False


class _BrokenError(Exception):
    """The stream breaks the protocol; its text says how. Caught in `feed` and `close`."""


class AnthropicReader:
    """Reads one stream."""

    def __init__(self, wants: Wants, *, model: str, created_s: int) -> None:
        """Begin a stream.

        Args:
            wants: What the client asked for.
            model: The model that was asked, named where the stream names none.
            created_s: When the answer was made, in Unix seconds.
        """
        self._parser = SseParser()
        self._wants = wants
        self._model = model
        self._created_s = created_s
        self._writer: ChunkWriter | None = None
        self._blocks: dict[int, _OpenBlock] = {}
        self._calls = 0
        self._has_text = False
        self._counts = Counts()
        self._finish_reason: str | None = None
        self._over = False

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Return what `data` completes. After DONE or FAULT: nothing."""
        if self._over:
            return []
        try:
            events = self._parser.feed(data)
        except EventTooLargeError as problem:
            made = self._read(list(problem.events))
            if not self._over:
                fault = errors.make(Kind.ANSWER_TOO_LARGE, f"The stream has {problem}.")
                made.append(self._fault(fault))
            return made
        return self._read(events)

    def close(self) -> list[StreamEvent]:
        """The body ended cleanly. Ends with DONE or FAULT unless either was returned before."""
        if self._over:
            return []
        made = self._read(self._parser.flush())
        if made and made[-1].kind in (StreamKind.DONE, StreamKind.FAULT):
            return made
        if self._parser.tail:
            kind, message = Kind.CUT_BODY, "The stream ended inside an event."
        else:
            kind, message = Kind.NO_FINISH, "The stream ended before message_stop."
        return [*made, self._fault(errors.make(kind, message))]

    def _read(self, events: list[SseEvent]) -> list[StreamEvent]:
        made: list[StreamEvent] = []
        for event in events:
            try:
                made += self._event(event)
            except msgspec.MsgspecError as problem:
                made.append(self._malformed(f"The stream has an event that is malformed: {problem}", event))
            except (UnicodeDecodeError, RecursionError):
                made.append(self._malformed("The stream has an event that is malformed.", event))
            except _BrokenError as problem:
                made.append(self._malformed(f"The stream {problem}.", event))
            if self._over:
                break
        return made

    def _event(self, event: SseEvent) -> list[StreamEvent]:
        if event.stray:
            return [self._error(event.stray, event) or self._malformed("The stream has stray text.", event)]
        if event.is_comment or (event.event == "ping" and not event.data):
            return [StreamEvent(StreamKind.PING)]
        if not event.data and event.event != "error":
            return []
        kind = "error" if event.event == "error" else _decoded(_KIND, event.data).type
        if kind == "error" or not kind:
            fault = self._error(event.data, event)
            if fault is None and kind:
                fault = self._fault(errors.make(Kind.ERROR_EVENT, body=event.data))
            return [fault or self._malformed("The stream has an event without a type.", event)]
        return self._typed(kind, event.data)

    def _typed(self, kind: str, data: bytes) -> list[StreamEvent]:
        match kind:
            case "content_block_delta":
                return self._block_delta(data)
            case "content_block_start":
                return self._block_start(data)
            case "content_block_stop":
                return self._block_stop(data)
            case "message_start":
                return self._message_start(data)
            case "message_delta":
                return self._message_delta(data)
            case "message_stop":
                return self._message_stop()
            case "ping":
                return [StreamEvent(StreamKind.PING)]
            case _:
                return []

    def _message_start(self, data: bytes) -> list[StreamEvent]:
        start = _decoded(_MESSAGE_START, data).message
        if self._writer is not None:
            raise _BrokenError("begins a second message")
        self._writer = ChunkWriter(
            start.id,
            start.model or self._model,
            include_usage=self._wants.include_usage,
            created_s=self._created_s,
        )
        self._counts = start.usage
        chunk = self._writer.delta({"role": "assistant", "content": "", "refusal": None})
        return [StreamEvent(StreamKind.OPENING, chunk, usage=self._usage())]

    def _block_start(self, data: bytes) -> list[StreamEvent]:
        start = _decoded(_BLOCK_START, data)
        if self._finish_reason is not None or start.index in self._blocks:
            raise _BrokenError("begins a block out of order")
        block, content = _OpenBlock(start.content_block.type), start.content_block
        self._blocks[start.index] = block
        if block.type == "tool_use":
            if not content.id or not content.name:
                raise _BrokenError("has a tool call without an id or a name")
            if not isinstance(msgspec.json.decode(content.input), dict):
                raise _BrokenError("has a tool call whose input is no object")
            block.call, block.input = self._calls, bytes(content.input)
            self._calls += 1
            return self._call_begun(block.call, content)
        if block.type == "text" and content.text:
            return self._text(content.text)
        if block.type == "thinking" and content.thinking:
            return self._thinking(content.thinking)
        return []

    def _block_delta(self, data: bytes) -> list[StreamEvent]:
        part = _decoded(_BLOCK_DELTA, data)
        delta = part.delta
        if delta.type == "text_delta" and part.index not in self._blocks and self._writer is not None:
            # Some servers of this shape leave out the start of a text block; it carries nothing.
            self._blocks[part.index] = _OpenBlock("text")
        block = self._block(part.index)
        if delta.type == "text_delta" and block.type == "text" and delta.text:
            return self._text(delta.text)
        if delta.type == "thinking_delta" and block.type == "thinking" and delta.thinking:
            return self._thinking(delta.thinking)
        if delta.type == "input_json_delta" and block.type == "tool_use" and delta.partial_json:
            block.has_arguments = True
            return [self._arguments(block.call, delta.partial_json)]
        return []

    def _block_stop(self, data: bytes) -> list[StreamEvent]:
        index = _decoded(_BLOCK_STOP, data).index
        return self._completed(self._block(index))

    def _message_delta(self, data: bytes) -> list[StreamEvent]:
        end = _decoded(_MESSAGE_DELTA, data)
        writer = self._started()
        self._counts = self._counts.updated(end.usage)
        stop_reason = end.delta.stop_reason
        if not stop_reason or self._finish_reason is not None:
            return []
        made = [event for block in self._blocks.values() for event in self._completed(block)]
        reason = self._judged(stop_reason)
        if isinstance(reason, Fault):
            return [*made, self._fault(reason)]
        self._finish_reason = reason
        refusal = end.delta.stop_details.explanation if end.delta.stop_details else None
        if reason == "content_filter" and refusal:
            made.append(_content(writer.delta({"refusal": refusal}), len(refusal), Form.OTHER))
        finish = writer.finish(reason)
        return [*made, StreamEvent(StreamKind.FINISH, finish, usage=self._usage(), finish_reason=reason)]

    def _judged(self, stop_reason: str) -> str | Fault:
        wants = self._wants
        if wants.json_mode:
            return json_finish_of(stop_reason, calls=self._calls)
        return finish_reason_of(
            stop_reason,
            calls=self._calls,
            has_text=self._has_text,
            legacy=wants.legacy,
            may_be_empty=wants.may_be_empty,
        )

    def _message_stop(self) -> list[StreamEvent]:
        writer = self._started()
        if self._finish_reason is None:
            return [self._fault(errors.make(Kind.NO_FINISH, "The stream ended without a stop reason."))]
        self._over = True
        usage = self._usage()
        made: list[StreamEvent] = []
        if self._wants.include_usage:
            made.append(StreamEvent(StreamKind.USAGE, writer.usage(openai_usage(self._counts)), usage=usage))
        return [
            *made,
            StreamEvent(StreamKind.DONE, usage=usage, finish_reason=self._finish_reason),
        ]

    def _text(self, text: str) -> list[StreamEvent]:
        if self._wants.json_mode:
            return []
        self._has_text = True
        return [_content(self._started().delta({"content": text}), len(text), Form.TEXT, text)]

    def _thinking(self, thinking: str) -> list[StreamEvent]:
        return [
            _content(self._started().delta({"reasoning_content": thinking}), len(thinking), Form.REASONING)
        ]

    def _call_begun(self, call: int, block: Block) -> list[StreamEvent]:
        if self._wants.json_mode:
            if call:
                raise _BrokenError("has more than one JSON object")
            return []
        function = {"name": block.name, "arguments": ""}
        begun: dict[str, object] = {"function_call": function}
        if not self._wants.legacy:
            begun = {
                "tool_calls": [{"index": call, "id": block.id, "type": "function", "function": function}]
            }
        return [_content(self._started().delta(begun), len(block.name), Form.CALL)]

    def _arguments(self, call: int, arguments: str) -> StreamEvent:
        function = {"arguments": arguments}
        piece: dict[str, object]
        if self._wants.json_mode:
            piece = {"content": arguments}
            return _content(self._started().delta(piece), len(arguments), Form.TEXT, arguments)
        if self._wants.legacy:
            piece = {"function_call": function}
        else:
            piece = {"tool_calls": [{"index": call, "function": function}]}
        return _content(self._started().delta(piece), len(arguments), Form.CALL)

    def _completed(self, block: _OpenBlock) -> list[StreamEvent]:
        """Send the arguments of a call that came without pieces of them."""
        if block.type != "tool_use" or block.has_arguments:
            return []
        block.has_arguments = True
        return [self._arguments(block.call, block.input.decode("utf-8"))]

    def _block(self, index: int) -> _OpenBlock:
        block = self._blocks.get(index)
        if block is None or self._finish_reason is not None:
            raise _BrokenError("continues a block that is not open")
        return block

    def _started(self) -> ChunkWriter:
        if self._writer is None:
            raise _BrokenError("doesn't begin with message_start")
        return self._writer

    def _usage(self) -> Usage:
        return usage_of(self._counts)

    def _error(self, data: bytes, event: SseEvent) -> StreamEvent | None:
        fault = errors.decode_event(data, event.event, "anthropic")
        return None if fault is None else self._fault(fault)

    def _malformed(self, message: str, event: SseEvent) -> StreamEvent:
        return self._fault(errors.make(Kind.MALFORMED_ANSWER, message, body=event.raw))

    def _fault(self, fault: Fault) -> StreamEvent:
        self._over = True
        return StreamEvent(StreamKind.FAULT, fault=fault)


def _content(data: bytes, chars: int, form: Form, text: str = "") -> StreamEvent:
    return StreamEvent(StreamKind.CONTENT, data, chars, form=form, text=text)


def _decoded(decoder: msgspec.json.Decoder[_T], data: bytes) -> _T:
    return decoder.decode(data)
