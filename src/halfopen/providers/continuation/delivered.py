"""What of an answer the client has, and whether another model can go on from there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from halfopen.providers.chat import Chat
from halfopen.providers.continuation.identity import Identity, identity_of
from halfopen.providers.contract import Form, StreamEvent, StreamKind
from halfopen.providers.fitness import given
from halfopen.providers.openai.choices import choices_asked

TEXT_MAX_CHARS: Final = 1024 * 1024
"""Characters of text that are kept, to be sent to the next target; an answer beyond is not gone on with."""


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
# Looking a member up in its class takes as long as a method does.
_PING: Final = StreamKind.PING
_TEXT: Final = Form.TEXT


class Delivered:
    """Notes every event that is released to the client."""

    __slots__ = ("_chars", "_first", "_others", "_pieces", "calls", "reasoning")

    def __init__(self) -> None:
        """Nothing has been delivered."""
        self._pieces: list[str] = []
        self._chars = 0
        self._others = False
        self.calls = False
        """Whether any piece of a tool call went out."""
        self.reasoning = False
        """Whether any thoughts went out."""
        self._first = b""
        """The first event; only whoever goes on with the answer reads it."""

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

    @property
    def identity(self) -> Identity:
        """The answer's identity, as the first chunk tells it."""
        return identity_of(self._first)

    def note(self, event: StreamEvent) -> None:
        """Note an event that goes to the client."""
        if not self._first and event.kind is not _PING:
            self._first = event.data
        if event.form is _TEXT:
            self.note_text(event.text)
        elif event.form is Form.REASONING:
            self.reasoning = True
        elif event.form is Form.CALL:
            self.calls = True
        elif event.form is Form.OTHER:
            self._others = True

    def note_text(self, text: str) -> None:
        """Note text of the first choice that goes to the client, behind an event that was noted."""
        self._chars += len(text)
        if self._chars > TEXT_MAX_CHARS:
            self._pieces.clear()  # nobody goes on with so much
            return
        self._pieces.append(text)
        if len(self._pieces) >= _PIECES_MAX:
            self._pieces = ["".join(self._pieces)]

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
