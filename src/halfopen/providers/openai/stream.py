"""Read a streamed chat completion and tell a whole one from one that failed.

Rules
1. Bytes pass as they came; `data: [DONE]` is left out, because the driver writes it, and so are the
   token counts when the client didn't ask for them: we ask for them always.
2. A stream is whole when as many choices as were asked for have come, each has a finish reason, and
   nothing failed. `[DONE]` is neither needed nor enough.
3. An error is an error wherever it comes, also after the finish.
4. Chunk boundaries change nothing, and nothing that a server sends raises.
"""

from functools import partial
from typing import Final

from halfopen import errors
from halfopen.http1.sse import one_line_of
from halfopen.http1.sse_event import SseEvent
from halfopen.model import Fault, Kind
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Form, StreamEvent, StreamKind
from halfopen.providers.emptiness import may_be_empty
from halfopen.providers.event_reader import EventReader
from halfopen.providers.openai.choices import choices_asked
from halfopen.providers.openai.chunk import (
    Choice,
    Chunk,
    answer_chars,
    form_of,
    given,
    read_chunk,
    thought_chars,
)
from halfopen.providers.openai.finish import judge_finish
from halfopen.providers.openai.known_chunk import KnownChunk, learn_chunk
from halfopen.providers.openai.usage import read_usage, without_usage

_CONTENT: Final = StreamKind.CONTENT
_TEXT: Final = Form.TEXT
_DONE: Final = b"[DONE]"
_NO_USAGE: Final = (b"", b"null")
_SURPRISES_MAX: Final = 4
"""After so many chunks that did not look like the one before it isn't tried any more."""
_PINGS: Final = frozenset(("ping", "heartbeat", "keepalive", "keep-alive"))


class OpenAIReader(EventReader):
    """Reads one stream of chat completion chunks. Implements `StreamReader`."""

    __slots__ = (
        "_asked",
        "_empty_is_fine",
        "_filled",
        "_finished",
        "_hides_usage",
        "_known",
        "_seen",
        "_surprises",
    )

    def __init__(self, chat: Chat) -> None:
        """Begin a stream that answers a chat."""
        super().__init__()
        self._asked = choices_asked(chat)
        self._empty_is_fine = partial(may_be_empty, chat)
        self._hides_usage = not chat.include_usage
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        """The choices seen, and those of them that have a finish reason, by index."""
        self._filled = False
        """Whether any choice has content, a refusal or a tool call."""
        self._known: KnownChunk | None = None
        """A chunk of this stream that was text and nothing else."""
        self._surprises = 0

    def close(self) -> list[StreamEvent]:
        """The body ended cleanly. Ends with DONE or FAULT unless either was returned before."""
        if self._ended:
            return []
        events = self._read_all(self._parser.last())
        if not self._ended:
            events.append(self._end_at(self._parser.tail.strip()))
        return events

    def text_of(self, piece: bytes) -> tuple[str, bytes]:
        """The text of a chunk that is nothing else, and what of it the client gets. No text: feed it."""
        if self._ended or not self._quiet:
            return "", b""
        if self._known is not None:
            text, shown = self._known.text_of(piece)
            if text:
                return text, shown
        data = one_line_of(piece)
        plain = None if data is None else self._plain_text(data, piece)
        return (plain, self._shown(piece)) if plain else ("", b"")

    def _read_all(self, parsed: list[SseEvent]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if len(parsed) == 1:
            self._read(parsed[0], events)
            return events
        for event in parsed:
            self._read(event, events)
            if self._ended:
                break
        return events

    def _read(self, event: SseEvent, events: list[StreamEvent]) -> None:
        """Append what one event means."""
        text = None if event.event or event.stray else self._plain_text(event.data, event.raw)
        if text:
            events.append(StreamEvent(_CONTENT, self._shown(event.raw), len(text), form=_TEXT, text=text))
        elif event.stray or event.event == "error":
            events.append(self._fail(_judge_odd(event.stray or event.data, event.event)))
        elif not event.data or event.event in _PINGS:
            events.append(StreamEvent(StreamKind.PING, event.raw))
        elif event.data.strip() == _DONE:
            events.append(self._end())
        else:
            chunk = read_chunk(event.data)
            if chunk is None or given(chunk.error) or (chunk.choices is None and not given(chunk.usage)):
                events.append(self._fail(_judge_odd(event.data, event.event)))
            else:
                self._read_chunk(chunk, event, events)

    def _plain_text(self, data: bytes, raw: bytes) -> str | None:
        """The text of a chunk that has nothing but text of the first choice. None: look closely."""
        if not data.startswith(b"{"):
            return None
        chunk = read_chunk(data)
        if chunk is None or chunk.choices is None or len(chunk.choices) != 1:
            return None
        if chunk.error or bytes(chunk.usage) not in _NO_USAGE:
            return None
        choice = chunk.choices[0]
        delta = choice.delta
        if delta is None or choice.finish_reason or choice.index:
            return None
        text = delta.content
        if (
            not isinstance(text, str)
            or delta.refusal
            or delta.reasoning
            or delta.reasoning_content
            or delta.tool_calls
            or delta.function_call
            or delta.audio
            or delta.images
        ):
            return None
        if text:
            if self._filled and self._surprises < _SURPRISES_MAX:  # the first often has a role as well
                self._surprises += 1
                self._known = learn_chunk(raw, text, hides_usage=self._hides_usage)
            self._filled = True
            self._seen.add(0)
        return text

    def _shown(self, raw: bytes) -> bytes:
        """An event without token counts, as the client gets it."""
        return without_usage(raw, b"", told=False) if self._hides_usage else raw

    def _read_chunk(self, chunk: Chunk, event: SseEvent, events: list[StreamEvent]) -> None:
        """Append what one chunk means."""
        raw = event.raw
        answered = thought = 0
        reason: str | None = None
        for choice in chunk.choices or ():
            if choice.delta is not None:
                answered += answer_chars(choice.delta)
                thought += thought_chars(choice.delta)
            reason = self._note(choice) or reason
        if answered:
            self._filled = True
        whole = reason is not None and self._whole
        if reason is not None:
            fault = judge_finish(reason, filled=self._filled or not whole, may_be_empty=self._empty_is_fine)
            if fault is not None:
                events.append(self._fail(fault))
                return
        usage = read_usage(chunk.usage)
        if self._hides_usage:
            raw = (
                b""
                if not chunk.choices and usage
                else without_usage(raw, event.data, told=given(chunk.usage))
            )
        chars = answered + thought
        form, text = form_of(chunk.choices or []) if chars else (Form.NONE, "")
        # Of one choice the first finish is the finish, also when a second choice has come unasked.
        if whole or (reason is not None and self._asked == 1):
            events.append(
                StreamEvent(
                    StreamKind.FINISH, raw, chars, usage=usage, finish_reason=reason, form=form, text=text
                )
            )
        elif chars:
            events.append(StreamEvent(StreamKind.CONTENT, raw, chars, usage=usage, form=form, text=text))
        elif usage is not None:
            events.append(StreamEvent(StreamKind.USAGE, raw, usage=usage))
        else:
            events.append(StreamEvent(StreamKind.OPENING, raw))

    @property
    def _whole(self) -> bool:
        return len(self._seen) >= self._asked and self._finished == self._seen

    def _note(self, choice: Choice) -> str | None:
        """Note that a choice was seen, and return its finish reason, if it has one."""
        self._seen.add(choice.index)
        if not choice.finish_reason:
            return None
        self._finished.add(choice.index)
        return choice.finish_reason

    def _end_at(self, tail: bytes) -> StreamEvent:
        """The end of the body, with what is left of an event that has not ended."""
        if not tail or tail == b"data: [DONE]":
            return self._end()
        data = tail.removeprefix(b"data:").strip()
        fault = errors.decode_event(data, "", "openai") if data.endswith(b"}") else None
        return self._fail(fault or errors.make(Kind.CUT_BODY, "The stream ended in the middle of an event."))

    def _end(self) -> StreamEvent:
        """The end, said by the server or shown by the end of the body."""
        if self._whole:
            self._ended = True
            return StreamEvent(StreamKind.DONE)
        message = "The stream ended without a finish_reason, so the answer may be cut."
        return self._fail(errors.make(Kind.NO_FINISH, message))


def _judge_odd(data: bytes, event: str) -> Fault:
    """What is no chunk is an error, or rubbish."""
    fault = errors.decode_event(data, event, "openai")
    if fault is not None:
        return fault
    message = "The stream holds something that is no chat completion chunk."
    return errors.make(Kind.MALFORMED_ANSWER, message, body=data)
