"""Output items and their parts, as they are filled.

An item may have been begun by OpenAI itself and be gone on with by another provider, so it keeps
whatever it came with and only adds to it.
"""

from collections.abc import Mapping
from typing import Any

TEXT_OF: Mapping[str, str] = {
    "output_text": "text",
    "refusal": "refusal",
    "reasoning_text": "text",
    "summary_text": "text",
}


class Part:
    """One content part of a message, or one part of reasoning."""

    __slots__ = ("is_said", "logprobs", "open", "pieces", "value")

    def __init__(self, value: dict[str, Any]) -> None:
        """`value` is the part as it was added."""
        self.value = value
        self.pieces: list[str] = []
        self.logprobs: list[Any] = []
        self.open = True
        self.is_said = False
        """Whether its text was announced as done, though the part was not."""

    @property
    def kind(self) -> str:
        """output_text, refusal, reasoning_text or summary_text."""
        return str(self.value.get("type"))

    @property
    def text(self) -> str:
        """All of its text."""
        begun = self.value.get(TEXT_OF.get(self.kind, "text"))
        return (begun if isinstance(begun, str) else "") + "".join(self.pieces)

    def whole(self) -> dict[str, Any]:
        """The part with all of its text."""
        value = self.value | {TEXT_OF.get(self.kind, "text"): self.text}
        if self.logprobs:
            value["logprobs"] = [*(value.get("logprobs") or ()), *self.logprobs]
        return value


class Item:
    """One output item."""

    __slots__ = ("content", "index", "is_said", "open", "pieces", "summary", "value")

    def __init__(self, index: int, value: dict[str, Any]) -> None:
        """`value` is the item as it was added, in place `index` of the output."""
        self.index = index
        self.value = value
        self.content: list[Part] = _parts(value, "content")
        self.summary: list[Part] = _parts(value, "summary")
        self.pieces: list[str] = []
        """Of a call's arguments."""
        self.open = True
        self.is_said = False
        """Whether a call's arguments were announced as done, though the item was not."""

    @property
    def kind(self) -> str:
        """message, reasoning, function_call, or one of OpenAI's own."""
        return str(self.value.get("type"))

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.value.get("id") or "")

    @property
    def arguments(self) -> str:
        """A call's arguments."""
        begun = self.value.get("arguments")
        return (begun if isinstance(begun, str) else "") + "".join(self.pieces)

    @property
    def parts(self) -> list[Part]:
        """What it consists of, where that is text."""
        return [*self.summary, *self.content]

    def end(self, status: str) -> None:
        """Keep it as it is now, as done."""
        self.value = self.whole(status)
        self.content, self.summary, self.pieces = [], [], []
        self.open = False

    def replace(self, value: dict[str, Any]) -> None:
        """Keep it as the upstream says that it is, as done."""
        self.value = value
        self.content, self.summary, self.pieces = [], [], []
        self.open = False

    def whole(self, status: str) -> dict[str, Any]:
        """The item with all that it consists of."""
        if not self.open:
            return self.value
        value = self.value
        if self.kind == "message":
            return value | {"content": [part.whole() for part in self.content], "status": status}
        if self.kind == "reasoning":
            value = value | {"summary": [part.whole() for part in self.summary]}
            return value | {"content": [part.whole() for part in self.content]} if self.content else value
        if self.kind == "function_call":
            return value | {"arguments": self.arguments, "status": status}
        return value


def _parts(value: dict[str, Any], name: str) -> list[Part]:
    """The parts with which an item was added: mostly none."""
    given = value.get(name)
    parts = [Part(part) for part in given if isinstance(part, dict)] if isinstance(given, list) else []
    for part in parts:
        part.open = False
    return parts


def message_item(identity: str) -> dict[str, Any]:
    """A message of the assistant without content."""
    return {"id": identity, "type": "message", "status": "in_progress", "role": "assistant", "content": []}


def text_part() -> dict[str, Any]:
    """A part of a message for text."""
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}


def refusal_part() -> dict[str, Any]:
    """A part of a message for a refusal."""
    return {"type": "refusal", "refusal": ""}


def reasoning_item(identity: str) -> dict[str, Any]:
    """Reasoning without any text."""
    return {"id": identity, "type": "reasoning", "summary": []}


def summary_part() -> dict[str, Any]:
    """A part of reasoning: what the model lets be read of its thoughts."""
    return {"type": "summary_text", "text": ""}


def call_item(identity: str, call_id: str, name: str) -> dict[str, Any]:
    """A call of a function without arguments."""
    return {
        "id": identity,
        "type": "function_call",
        "status": "in_progress",
        "call_id": call_id,
        "name": name,
        "arguments": "",
    }


def annotation_of(citation: Any) -> dict[str, Any] | None:
    """A chat's citation (`{"type": "url_citation", "url_citation": {…}}`) as an annotation of text."""
    inner = citation.get("url_citation") if isinstance(citation, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("url"), str):
        return None
    title = inner.get("title")
    return {
        "type": "url_citation",
        "start_index": _place(inner.get("start_index")),
        "end_index": _place(inner.get("end_index")),
        "title": title if isinstance(title, str) else "",
        "url": inner["url"],
    }


def _place(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def logprobs_of(logprobs: Any) -> list[dict[str, Any]]:
    """A choice's log-probabilities as those of a text part. Entries that make no sense are left out."""
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    made = []
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("token"), str):
            tops = entry.get("top_logprobs")
            top = (
                [_logprob(each) for each in tops if isinstance(each, dict)] if isinstance(tops, list) else []
            )
            made.append(_logprob(entry) | {"top_logprobs": top})
    return made


def _logprob(entry: dict[str, Any]) -> dict[str, Any]:
    token = str(entry.get("token") or "")
    given = entry.get("bytes")
    return {
        "token": token,
        "bytes": given if isinstance(given, list) else list(token.encode("utf-8", "replace")),
        "logprob": entry.get("logprob") or 0.0,
    }
