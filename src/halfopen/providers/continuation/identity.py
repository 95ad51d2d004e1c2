"""What all chunks of one answer have in common."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from halfopen.http1.sse import EventTooLargeError, SseParser


@dataclass(frozen=True, slots=True)
class Identity:
    """What all chunks of one answer have in common; None: not known."""

    id: str | None = None
    created: int | None = None
    model: str | None = None


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
