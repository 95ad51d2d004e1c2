"""Makes the events of a continuation the events of the answer that it goes on with.

Rules
1. One answer has one beginning: the continuation's opening is dropped, and so is a role.
2. Every chunk carries the id, time and model of the first answer, where they are known.
3. Text of the first choice passes through the splice. What is left of nothing becomes a ping, with
   no characters, so that no stall is hidden.
4. What the splice holds goes out before a tool call or the finish.
5. Thoughts that come after delivered text are not shown: they would part the text, and a client
   expects them before it. They still count as progress.
6. Token counts are those of all attempts together; a client that asked for none sees none.
7. A continuation that begins anew with other words fails.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from halfopen import errors
from halfopen.http1.sse import SseParser
from halfopen.http1.sse_event import SseEvent
from halfopen.model import Kind, Usage
from halfopen.providers.ask import plain_value
from halfopen.providers.continuation.identity import Identity
from halfopen.providers.continuation.overlap import Splice
from halfopen.providers.continuation.spent import summed, summed_json
from halfopen.providers.contract import Form, StreamEvent, StreamKind

_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANEW: Final = "The continuation began anew with other words, so it can't be joined to the delivered text."
_UNSHOWN: Final = ("role", "reasoning_content", "reasoning", "reasoning_details")
"""Members of a delta that have no place behind text."""
_NULL: Final = msgspec.Raw(b"null")
_FLUSHING: Final = (Form.CALL, Form.OTHER)
"""What comes behind all text that came before it."""
_PING: Final = StreamEvent(StreamKind.PING)


class Joint:
    """Takes the events of one continuation."""

    __slots__ = ("_identity", "_include_usage", "_over", "_spent", "_splice")

    def __init__(
        self, identity: Identity, splice: Splice, *, spent: Usage | None, include_usage: bool
    ) -> None:
        """Begin a continuation.

        Args:
            identity: That of the first answer.
            splice: Joins its text to the delivered text.
            spent: What the attempts before spent.
            include_usage: Whether the client wants a usage chunk.
        """
        self._identity = {
            name: msgspec.Raw(msgspec.json.encode(value))
            for name in ("id", "created", "model")
            if (value := getattr(identity, name)) is not None
        }
        self._splice = splice
        self._spent = spent
        self._include_usage = include_usage
        self._over = False

    def take(self, event: StreamEvent) -> list[StreamEvent]:
        """The client's events for one of the continuation. After DONE or FAULT: nothing."""
        if self._over:
            return []
        kind = event.kind
        if kind in (StreamKind.DONE, StreamKind.FAULT):
            self._over = True
            return [event]
        if kind is StreamKind.OPENING:
            return []
        if kind is StreamKind.PING:
            return [StreamEvent(kind, event.data)]
        pieces: list[StreamEvent] = []
        rest = b"".join(self._chunk(each, event, pieces) for each in _events_of(event.data))
        if self._splice.diverged:
            self._over = True
            return [StreamEvent(StreamKind.FAULT, fault=errors.make(Kind.MALFORMED_ANSWER, _ANEW))]
        usage = None if event.usage is None else summed(self._spent, event.usage)
        if (last := _rest_of(event, rest, usage)) is not None:
            pieces.append(last)
        return pieces or [_PING]

    def _chunk(self, sse: SseEvent, event: StreamEvent, pieces: list[StreamEvent]) -> bytes:
        """Append a chunk's text to the pieces, as an event; return what else the chunk says."""
        try:
            fields: dict[str, Any] = _FIELDS.decode(sse.data)
            counts = plain_value(fields.pop("usage", _NULL))
            choices = plain_value(fields.pop("choices", _NULL))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # no chunk: a comment
            return sse.raw
        fields |= self._identity
        first = _first(choices)
        delta = first.get("delta") if first is not None else None
        delta = delta if isinstance(delta, dict) else {}
        for name in _UNSHOWN if self._splice.joins else ("role",):
            delta.pop(name, None)
        if self._splice.joins and event.form is Form.REASONING and isinstance(delta.get("content"), list):
            del delta["content"]  # Mistral's thoughts: parts of the content
        told = delta.pop("content") if isinstance(delta.get("content"), str) else ""
        ends = event.form in _FLUSHING or (first is not None and bool(first.get("finish_reason")))
        text = self._splice.feed(told) + (self._splice.finish() if ends else "")
        if text:
            choice = {} if ends or first is None else dict(first)
            pieces.append(_piece(fields, choice, text, changed=text != told))
            if not ends:
                delta.clear()  # it went with the text
        if counts is not None and self._include_usage:
            fields["usage"] = summed_json(self._spent, counts)
        says = ends or any(each is not None for each in delta.values()) or "usage" in fields
        return _written(fields | {"choices": choices or []}) if says else b""


def _rest_of(event: StreamEvent, data: bytes, usage: Usage | None) -> StreamEvent | None:
    """An event without the text that went before it; None: nothing is left."""
    chars = max(0, event.chars - len(event.text))
    kind, form = event.kind, event.form
    if form is Form.TEXT:
        form = Form.REASONING if chars else Form.NONE
    if kind is StreamKind.CONTENT and not (chars or data):
        if usage is None:
            return None
        kind = StreamKind.USAGE
    return StreamEvent(kind, data, chars, usage=usage, finish_reason=event.finish_reason, form=form)


def _piece(fields: Mapping[str, Any], choice: dict[str, Any], text: str, *, changed: bool) -> StreamEvent:
    """An event with text and what came beside it. Log-probabilities of other text don't go with it."""
    beside = choice.get("delta")
    choice |= {"index": 0, "delta": {**(beside or {}), "content": text}, "finish_reason": None}
    if changed and "logprobs" in choice:
        choice["logprobs"] = None
    data = _written({**fields, "choices": [choice]})
    return StreamEvent(StreamKind.CONTENT, data, len(text), form=Form.TEXT, text=text)


def _first(choices: Any) -> dict[str, Any] | None:
    """The choice with the index 0, which is what a choice without one has."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and not choice.get("index"):
            return choice
    return None


def _events_of(data: bytes) -> list[SseEvent]:
    parser = SseParser(len(data) + 1)
    return parser.feed(data) + parser.flush()


def _written(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"
