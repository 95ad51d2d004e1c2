"""Transcripts cut to a bound in bytes.

Rules
1. A prompt keeps its last messages, since those say what was wanted; an answer its first ones.
2. A text that doesn't fit keeps its beginning. So every cut has something whole before it, and a secret
   can only be cut at its end: a margin is kept beyond the bound until secrets are masked.
"""

from collections.abc import Iterable
from typing import Final

from halfopen.model.content import Message, Part, Transcript

MARGIN_BYTES: Final = 1024
"""Kept of a text beyond its bound, and taken away when it is masked."""
NAME_MAX_CHARS: Final = 128
_PART_BYTES: Final = 16
"""What a message, and each part, costs beside its text: empty ones are bounded as well."""


def bounded(
    messages: Iterable[Message], max_bytes: int, *, margin_bytes: int = MARGIN_BYTES, left_out: int = 0
) -> Transcript:
    """The first messages that fit, the last of them cut.

    Args:
        messages: Some.
        max_bytes: Of their texts, in UTF-8.
        margin_bytes: Kept beyond it of a text that is cut.
        left_out: How many are known to be left out already.
    """
    room = max_bytes
    kept: list[Message] = []
    for message in messages:
        parts: list[Part] = []
        for part in message.parts if room > 0 else ():
            room -= _PART_BYTES + len(part.name)
            fitted, size_bytes = _fitted(part, max(room, 0), margin_bytes)
            parts.append(fitted)
            room -= size_bytes
            if room <= 0:
                break
        if parts:
            kept.append(_with_rest(message, parts))
        elif message.parts:
            left_out += 1
    return Transcript(tuple(kept), left_out)


def latest(messages: Iterable[Message], max_bytes: int) -> Transcript:
    """The last messages that fit, the first of them cut."""
    transcript = bounded(reversed(tuple(messages)), max_bytes)
    return Transcript(transcript.messages[::-1], transcript.left_out)


def _with_rest(message: Message, parts: list[Part]) -> Message:
    """The message with these of its parts, and a word on the size of others."""
    others = message.parts[len(parts) :]
    rest_bytes = sum(_size_bytes(part.content) + part.left_out_bytes for part in others)
    if rest_bytes:
        parts.append(Part(others[0].type, left_out_bytes=rest_bytes))
    return Message(message.role[:NAME_MAX_CHARS], tuple(parts))


def _fitted(part: Part, room: int, margin_bytes: int) -> tuple[Part, int]:
    """The part within so many bytes, and how many it takes."""
    size_bytes = _size_bytes(part.content)
    name = part.name[:NAME_MAX_CHARS]
    if size_bytes <= room and not part.left_out_bytes:
        return Part(part.type, part.content, name), size_bytes
    kept = cut(part.content, room + margin_bytes)
    left_out = max(size_bytes - room, 0) + part.left_out_bytes
    return Part(part.type, kept, name, left_out), min(size_bytes, room)


def cut(text: str, max_bytes: int) -> str:
    """The beginning of a text, in whole characters."""
    # No character takes less than a byte: what follows need not be encoded.
    return text[:max_bytes].encode("utf-8", "replace")[:max_bytes].decode("utf-8", "ignore")


def _size_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
