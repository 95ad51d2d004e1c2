"""What of an answer the client has, and whether another model can go on from there."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

from halfopen.http1.sse import EventTooLargeError, SseParser
from halfopen.providers.chat import Chat
from halfopen.providers.contract import Form, StreamEvent, StreamKind
from halfopen.providers.fitness import given
from halfopen.providers.openai.choices import choices_asked

TEXT_MAX_CHARS: Final = 1024 * 1024
"""Characters of text that are kept, to be sent to the next target; an answer beyond is not gone on with."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What all chunks of one answer have in common; None: not known."""

    id: str | None = None
    created: int | None = None
    model: str | None = None


_FORCED_FORMS: Mapping[str, str] = MappingProxyType(
    {
        "format": "a JSON value",
        "grammar": "a grammar",
        "guided_choice": "a choice",
        "guided_grammar": "a grammar",
        "guided_json": "a JSON value",
        "guided_regex": "a pattern",
        "json_schema": "a JSON value",
        "structured_outputs": "a form",
    }
)
"""Fields of compatible servers (vLLM, llama.cpp, Ollama) by which a whole answer must have a form."""


_PIECES_MAX: Final = 512
"""Pieces that are kept apart: each takes many times its few characters."""


class Delivered:
    """Notes every event that is released to the client."""

    __slots__ = ("_chars", "_identified", "_others", "_pieces", "calls", "identity", "reasoning")

    def __init__(self) -> None:
        """Nothing has been delivered."""
        self._pieces: list[str] = []
        self._chars = 0
        self._others = False
        self.calls = False
        """Whether any piece of a tool call went out."""
        self.reasoning = False
        """Whether any thoughts went out."""
        self._identified = False
        self.identity = Identity()
        """The answer's identity, as the first chunk tells it."""

    @property
    def text(self) -> str:
        """The text that the client has of the first choice; no more than the bound of it."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def only_text(self) -> bool:
        """Whether nothing but text and thoughts went out."""
        return not (self.calls or self._others)

    def note(self, event: StreamEvent) -> None:
        """Note an event that goes to the client."""
        if not self._identified and event.data and event.kind is not StreamKind.PING:
            self.identity = identity_of(event.data)
            self._identified = True
        if event.form is Form.TEXT:
            self._chars += len(event.text)
            if self._chars > TEXT_MAX_CHARS:
                self._pieces.clear()  # nobody goes on with so much
                return
            self._pieces.append(event.text)
            if len(self._pieces) >= _PIECES_MAX:
                self._pieces = ["".join(self._pieces)]
        elif event.form is Form.REASONING:
            self.reasoning = True
        elif event.form is Form.CALL:
            self.calls = True
        elif event.form is Form.OTHER:
            self._others = True

    def obstacle(self, chat: Chat) -> str | None:
        """Why no other model can go on with the answer to a request, in a few words; None: one can."""
        if self.calls:
            return "a tool call was delivered"
        if self._others:
            return "more than text was delivered"
        if self._chars > TEXT_MAX_CHARS:
            return f"more than {TEXT_MAX_CHARS} characters were delivered"
        if chat.native_only is not None:
            return chat.native_only
        if choices_asked(chat) > 1:
            return "several choices were asked for"
        return _forced_form(chat)


def _forced_form(chat: Chat) -> str | None:
    """A value of a given form is whole or nothing: no model can be trusted to go on inside it."""
    if given(chat.fields.get("response_format")):
        form = chat.value("response_format")
        kind = form.get("type") if isinstance(form, dict) else form
        if kind != "text":
            return "the answer must be a JSON value"
    for name, what in _FORCED_FORMS.items():
        if given(chat.fields.get(name)):
            return f"the answer must have the form of {what}"
    return None


class _Head(msgspec.Struct):
    id: Any = None
    created: Any = None
    model: Any = None


_HEAD: Final = msgspec.json.Decoder(_Head)


def identity_of(data: bytes) -> Identity:
    """The identity that the first chunk of some server-sent events tells. Never raises."""
    parser = SseParser()
    try:
        events = parser.feed(data) + parser.flush()
    except EventTooLargeError as problem:
        events = list(problem.events)
    for event in events:
        try:
            head = _HEAD.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        return Identity(
            id=head.id if isinstance(head.id, str) and head.id else None,
            created=head.created if type(head.created) is int and head.created > 0 else None,
            model=head.model if isinstance(head.model, str) and head.model else None,
        )
    return Identity()
