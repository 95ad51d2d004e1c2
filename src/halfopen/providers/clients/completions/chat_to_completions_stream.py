"""Writes a streamed answer as `text_completion` chunks.

Rules
1. The upstream's own events pass as they came, but for token counts that the client didn't ask for:
   we ask for them always.
2. Chunks of chat completions become chunks of completions with the identity of the first event, so
   that an answer which another target goes on with is one answer to the client.
3. The upstream's `[DONE]` is held back: the answer's end is ours to say, once.
4. A chunk that adds no text and ends no choice is left out: a completion has no opening.
"""

import re
from typing import Any

import msgspec

from halfopen.http1.sse import EventTooLargeError, SseParser
from halfopen.model import Usage
from halfopen.providers.client import Failure
from halfopen.providers.clients.chat.error import openai_error_json
from halfopen.providers.clients.completions.chat_to_completions import completion_id, reason_of, text_of
from halfopen.providers.contract import StreamEvent, StreamKind
from halfopen.providers.openai.usage import without_usage

_DONE = re.compile(rb"\s*data:\s*\[DONE\]\s*")
_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)


class CompletionsWriter:
    """Writes one answer. Implements `Writer`."""

    __slots__ = ("_created_s", "_id", "_known", "_model", "_usage", "_usage_asked", "_usage_written")

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, *, usage_asked: bool, model: str, request_id: str, created_s: int) -> None:
        """Begin an answer; model, id and time are used where no upstream says them."""
        self._usage_asked = usage_asked
        self._model = model
        self._id = f"cmpl-{request_id}"
        self._created_s = created_s
        self._known = False
        """Whether the identity is an upstream's."""
        self._usage: Usage | None = None
        self._usage_written = False

    def write(self, event: StreamEvent) -> bytes:
        """The client's bytes for one event."""
        self._usage = event.usage or self._usage
        if event.native:
            return self._relayed(event)
        written = [self._chunk(chunk) for chunk in _objects(event.data)]
        return b"".join(written)

    def finish(self) -> bytes:
        """The token counts, if the client waits for them still, and the end."""
        counts = b""
        if self._usage_asked and not self._usage_written and self._usage is not None:
            counts = self._event([], _counts(self._usage))
        return counts + b"data: [DONE]\n\n"

    def error(self, failure: Failure) -> bytes:
        """An error event, and no `[DONE]`."""
        return b"data: " + openai_error_json(failure) + b"\n\n"

    def ping(self) -> bytes:
        """A comment; it carries nothing."""
        return b": keep-alive\n\n"

    def comment(self, text: str) -> bytes:
        """A remark that clients pass over."""
        return b": " + text.encode("ascii", "replace") + b"\n\n"

    def _relayed(self, event: StreamEvent) -> bytes:
        if event.kind is StreamKind.OPENING and _DONE.fullmatch(event.native):
            return b""
        if not self._known and event.kind is not StreamKind.PING:
            for chunk in _objects(event.native):
                self._note(chunk)
        if self._usage_asked:
            self._usage_written = self._usage_written or event.usage is not None
            return event.native
        if event.kind is StreamKind.USAGE:
            return b""
        return event.native if event.usage is not None else without_usage(event.native, b"", told=False)

    def _note(self, chunk: dict[str, Any]) -> None:
        """Take over the identity of the first upstream."""
        if self._known:
            return
        self._known = True
        identity, created, model = chunk.get("id"), chunk.get("created"), chunk.get("model")
        if isinstance(identity, str) and identity:
            self._id = completion_id(identity) if identity.startswith("chatcmpl-") else identity
        if isinstance(created, int) and created:
            self._created_s = created
        if isinstance(model, str) and model:
            self._model = model

    def _chunk(self, chunk: dict[str, Any]) -> bytes:
        self._note(chunk)
        choices = chunk.get("choices")
        made = [_choice(choice) for choice in choices if isinstance(choice, dict)] if choices else []
        made = [choice for choice in made if choice["text"] or choice["finish_reason"] is not None]
        usage = chunk.get("usage") if self._usage_asked else None
        if usage:
            self._usage_written = True
        return self._event(made, usage) if made or usage else b""

    def _event(self, choices: list[dict[str, Any]], usage: Any) -> bytes:
        chunk = {
            "id": self._id,
            "object": "text_completion",
            "created": self._created_s,
            "choices": choices,
            "model": self._model,
        }
        if self._usage_asked:
            chunk["usage"] = usage
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    return {
        "text": text_of(choice.get("delta")),
        "index": choice.get("index", 0),
        "logprobs": None,
        "finish_reason": reason_of(choice.get("finish_reason")),
    }


def _counts(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }


def _objects(data: bytes) -> list[dict[str, Any]]:
    """The JSON objects of whole server-sent events."""
    parser = SseParser()
    try:
        events = parser.feed(data) + parser.flush()
    except EventTooLargeError:
        return []
    found = []
    for event in events:
        try:
            value = msgspec.json.decode(event.data)
        except _UNREADABLE:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
