"""Writes the blocks of a streamed message: each is begun, filled and closed, one after the other."""

from typing import Any

import msgspec

_encode = msgspec.json.encode
TEXT = "text"
THINKING = "thinking"
TOOL_USE = "tool_use"


def event(name: str, fields: dict[str, Any]) -> bytes:
    """One event as Anthropic writes it: its name stands before it and in it."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encode({"type": name, **fields}))


class Blocks:
    """Knows which block is open, also among blocks that an upstream wrote itself."""

    __slots__ = ("_index", "_open")

    def __init__(self) -> None:
        """No block is open."""
        self._open: str | None = None
        self._index = -1

    @property
    def open(self) -> str | None:
        """The type of the open block; None: none is open."""
        return self._open

    def seen_start(self, index: int, kind: str) -> None:
        """An upstream began a block itself."""
        self._open, self._index = kind, max(index, self._index)

    def seen_stop(self) -> None:
        """An upstream closed the open block itself."""
        self._open = None

    def text(self, text: str) -> bytes:
        """A piece of text."""
        return self._into(TEXT, {"text": ""}) + self._delta(b"text_delta", b"text", text)

    def thinking(self, thinking: str) -> bytes:
        """A piece of the model's thoughts."""
        begun = self._into(THINKING, {"thinking": "", "signature": ""})
        return begun + self._delta(b"thinking_delta", b"thinking", thinking)

    def call(self, call_id: str, name: str, arguments: bytes) -> bytes:
        """A whole tool call; `arguments` is a JSON object."""
        closed = self.close()
        begun = self.begin(TOOL_USE, {"id": call_id, "name": name, "input": {}})
        given = self._delta(b"input_json_delta", b"partial_json", arguments.decode())
        return closed + begun + given + self.close()

    def begin(self, kind: str, fields: dict[str, Any]) -> bytes:
        """Begin the next block. Only when none is open."""
        self._index += 1
        self._open = kind
        return event("content_block_start", {"index": self._index, "content_block": {"type": kind, **fields}})

    def close(self) -> bytes:
        """Close the open block, if there is one."""
        if self._open is None:
            return b""
        self._open = None
        return event("content_block_stop", {"index": self._index})

    def _into(self, kind: str, fields: dict[str, Any]) -> bytes:
        if self._open == kind:
            return b""
        return self.close() + self.begin(kind, fields)

    def _delta(self, kind: bytes, name: bytes, value: str) -> bytes:
        return (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
            b'"delta":{"type":"%s","%s":%s}}\n\n' % (self._index, kind, name, _encode(value))
        )
