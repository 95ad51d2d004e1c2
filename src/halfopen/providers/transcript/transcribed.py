"""A streamed answer as its client got it, noted while it goes out."""

from typing import Any, Final

import msgspec

from halfopen.model.content import Message, Part, Transcript
from halfopen.providers.continuation import Delivered
from halfopen.providers.contract import Form, StreamEvent
from halfopen.providers.transcript.bound import MARGIN_BYTES, bounded
from halfopen.providers.transcript.parts import parts_of

_PIECES_MAX: Final = 256
"""Pieces that are held apart: each takes many times its few characters."""
_PARTS_MAX: Final = 64
"""Parts of one answer; what comes beyond is counted only."""
_TEXT: Final = Form.TEXT
_FORMS: Final = frozenset((Form.REASONING, Form.CALL, Form.OTHER))
_DATA: Final = b"data:"
_Key = tuple[int, str, int]
"""Choice, type, and which of those it is."""


class _Growing:
    """A part to which pieces are added. Holds a bounded number of characters."""

    __slots__ = ("_chars", "_max_chars", "_pieces", "left_out_bytes", "name")

    def __init__(self, max_chars: int) -> None:
        self.name = ""
        self._max_chars = max_chars
        self._pieces: list[str] = []
        self._chars = 0
        self.left_out_bytes = 0

    def add(self, text: str) -> None:
        """What goes beyond the bound is counted only."""
        room = self._max_chars - self._chars
        if room <= 0:
            self.left_out_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
            return
        if len(text) > room:
            kept, rest = text[:room], text[room:]
            self.left_out_bytes += len(rest.encode("utf-8", "replace"))
            text = kept
        self._chars += len(text)
        self._pieces.append(text)
        if len(self._pieces) >= _PIECES_MAX:
            self._pieces = ["".join(self._pieces)]

    @property
    def text(self) -> str:
        """What is held."""
        return "".join(self._pieces)


class Transcribed(Delivered):
    """Notes what is delivered, and keeps its words up to a bound."""

    __slots__ = ("_kept", "_max_bytes", "_text")

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes`: of the texts of the answer. Each of its parts is bounded by it as well."""
        super().__init__()
        self._max_bytes = max_bytes
        self._kept: dict[_Key, _Growing] = {}
        self._text: _Growing | None = None
        """That of the first choice, once it has begun."""

    def note(self, event: StreamEvent) -> None:
        """As `Delivered`."""
        super().note(event)
        if event.form in _FORMS:
            self._read(event.data)

    def note_text(self, text: str) -> None:
        """As `Delivered`."""
        super().note_text(text)
        if self._text is None:
            self._text = self._part((0, "text", 0))
        self._text.add(text)

    def transcript(self) -> Transcript:
        """What the client has got, a message for each choice."""
        choices: dict[int, list[Part]] = {}
        for (choice, kind, _), part in self._kept.items():
            made = Part(kind, part.text, part.name, part.left_out_bytes)
            choices.setdefault(choice, []).append(made)
        return bounded(
            [Message("assistant", tuple(parts)) for _, parts in sorted(choices.items())], self._max_bytes
        )

    def _part(self, key: _Key) -> _Growing:
        part = self._kept.get(key)
        if part is None:
            if len(self._kept) >= _PARTS_MAX:
                return next(reversed(self._kept.values()))
            # The least of a character is a byte, so this is more than the bound and its margin need.
            part = self._kept[key] = _Growing(self._max_bytes + MARGIN_BYTES)
        return part

    def _read(self, events: bytes) -> None:
        """Take what is no plain text out of chunks."""
        for line in events.splitlines():
            if not line.startswith(_DATA):
                continue
            try:
                chunk = msgspec.json.decode(line[len(_DATA) :])
            except (ValueError, RecursionError):
                continue
            choices = chunk.get("choices") if isinstance(chunk, dict) else None
            for choice in choices if isinstance(choices, list) else ():
                if isinstance(choice, dict) and isinstance(choice.get("delta"), dict):
                    index = choice.get("index")
                    self._take(index if isinstance(index, int) else 0, choice["delta"])

    def _take(self, choice: int, delta: dict[str, Any]) -> None:
        for name, kind in (
            ("reasoning_content", "reasoning"),
            ("reasoning", "reasoning"),
            ("refusal", "refusal"),
        ):
            text = delta.get(name)
            if isinstance(text, str) and text:
                self._part((choice, kind, 0)).add(text)
                if kind == "reasoning":
                    break
        for part in parts_of(delta.get("content")):
            self._part((choice, part.type, 0)).add(part.content)
        audio = delta.get("audio")
        if isinstance(audio, dict) and isinstance(audio.get("transcript"), str):
            self._part((choice, "text", 0)).add(audio["transcript"])
        for part in parts_of(delta.get("images")):
            self._part((choice, "blob", len(self._kept))).add(part.content)
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                index = call.get("index")
                self._call(
                    (choice, "tool_call", index if isinstance(index, int) else 0), call.get("function")
                )
        if isinstance(delta.get("function_call"), dict):
            self._call((choice, "tool_call", -1), delta["function_call"])

    def _call(self, key: _Key, function: Any) -> None:
        part = self._part(key)
        if isinstance(function, dict):
            if isinstance(function.get("name"), str) and not part.name:
                part.name = function["name"]
            if isinstance(function.get("arguments"), str):
                part.add(function["arguments"])
