"""Reads a stream of `text_completion` chunks as chunks of a chat completion.

Every chunk is put into the words of a chat and judged by the reader of chats, so that a stream is
whole by the same evidence in both. What is no chunk passes to it as it came.
"""

from dataclasses import replace
from typing import Any

import msgspec

from halfopen.http1.sse_event import SseEvent
from halfopen.providers.chat import Chat
from halfopen.providers.clients.completions.completions_answer import may_be_empty
from halfopen.providers.clients.completions.request import Completion
from halfopen.providers.contract import StreamEvent, StreamKind
from halfopen.providers.event_reader import EventReader
from halfopen.providers.openai.stream import OpenAIReader

_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
_ENDS = (StreamKind.DONE, StreamKind.FAULT)


class CompletionsReader(EventReader):
    """Reads one stream. Implements `StreamReader`."""

    __slots__ = ("_inner",)

    def __init__(self, chat: Chat, request: Completion) -> None:
        """Begin a stream that answers a completion request; `chat` is the same as a chat."""
        super().__init__()
        asked = chat.fields | {"n": msgspec.Raw(str(request.choices).encode())}
        judged = replace(chat, body=msgspec.json.encode(asked), continues=may_be_empty(request))
        self._inner = OpenAIReader(judged)

    def close(self) -> list[StreamEvent]:
        """The body ended cleanly. Ends with DONE or FAULT unless either was returned before."""
        if self._ended:
            return []
        events = self._read_all(self._parser.flush())
        if events and events[-1].kind in _ENDS:
            return events
        tail = self._parser.tail
        self._ended = True
        return [*events, *(self._inner.feed(tail) if tail else []), *self._inner.close()]

    def _read_all(self, parsed: list[SseEvent]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        for event in parsed:
            # An event that ends in CR might go on with LF: here it does not.
            raw = event.raw + b"\n" if event.raw.endswith(b"\r") else event.raw
            events += self._inner.feed(_as_chat(event) or raw)
            if events and events[-1].kind in _ENDS:
                self._ended = True
                break
        return events


def _as_chat(event: SseEvent) -> bytes | None:
    """A chunk in the words of a chat; None: it is no chunk of a completion."""
    if not event.data or event.stray or event.event == "error":
        return None
    try:
        chunk = msgspec.json.decode(event.data)
    except _UNREADABLE:
        return None
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        return None
    if any("delta" in choice for choice in choices):  # a server that answers as if it were asked for a chat
        return None
    made = chunk | {"object": "chat.completion.chunk", "choices": [_choice(choice) for choice in choices]}
    return b"data: " + msgspec.json.encode(made) + b"\n\n"


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    return {
        "index": choice.get("index", 0),
        "delta": {"content": choice.get("text")},
        "finish_reason": choice.get("finish_reason"),
    }
