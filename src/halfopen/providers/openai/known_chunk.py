"""Chunks that differ from one before them in nothing but their text.

The chunks of one stream mostly do. Once one of them has been decoded, the next are known by what stands
before their text and behind it, which takes a fraction of the time.

Rules
1. What may differ is the inside of one JSON string: the first choice's content. A trial shows that it is
   that string, from its first character to its last: with another text in its place, the decoder finds it.
2. A text is taken only when it stands for itself: printable, without quotation mark and backslash. So the
   string ends where the known one did, and the whole is the JSON that the decoder has seen.
"""

from typing import Final

from halfopen.providers.openai.chunk import read_chunk

_FIELD: Final = b"data: "
_TRIAL: Final = "a trial, which no model says"
_KEY: Final = b'"content":'


class KnownChunk:
    """One chunk of a stream, as a server-sent event."""

    __slots__ = ("_after", "_before", "_least")

    def __init__(self, before: bytes, after: bytes) -> None:
        """What stands before the text and behind it, up to the event's end."""
        self._before = before
        self._after = after
        self._least = len(before) + len(after)

    def text_of(self, raw: bytes) -> str | None:
        """The text of an event that differs in nothing else. None: it does, or has none."""
        end = len(raw) - len(self._after)
        if len(raw) <= self._least or not raw.startswith(self._before) or not raw.endswith(self._after):
            return None
        try:
            text = raw[len(self._before) : end].decode()
        except UnicodeDecodeError:
            return None
        return text if text.isprintable() and '"' not in text and "\\" not in text else None


def learn_chunk(raw: bytes, text: str) -> KnownChunk | None:
    """What an event that adds `text` to the first choice, and nothing else, tells of those behind it.

    None: nothing. Only events of one data line tell anything.
    """
    start = raw.find(_KEY) + len(_KEY)
    if start < len(_KEY) or not raw.startswith(_FIELD) or not raw.endswith(b"}\n\n"):
        return None
    start = raw.find(b'"', start) + 1
    said = text.encode("utf-8", "replace")
    end = start + len(said)
    if raw[start:end] != said or raw[end : end + 1] != b'"':
        return None
    before, after = raw[:start], raw[end:]
    if raw.count(b"\n") != 2 or b"\r" in raw:
        return None
    trial = read_chunk((before + _TRIAL.encode() + after)[len(_FIELD) :])
    if trial is None or not trial.choices or trial.choices[0].delta is None:
        return None
    return KnownChunk(before, after) if trial.choices[0].delta.content == _TRIAL else None
