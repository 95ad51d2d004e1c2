"""What the head of a request tells, whatever its body. Noted once: the same head may come again and again."""

from collections.abc import Mapping

import msgspec

from halfopen.model import Priority
from halfopen.providers import ClientDialect


class Sender(msgspec.Struct, frozen=True, gc=False):
    """What the head of a request tells of who sends it. The same head tells the same."""

    caller: str = ""
    priority: Priority | None = None
    """What it says itself; None: nothing."""
    repeats: int = 0
    patience_s: float | None = None
    stream_patience_s: float | None = None
    """Its patience if it asks for a stream."""


class Notes(msgspec.Struct, frozen=True, gc=False):
    """All of it."""

    client: ClientDialect
    sender: Sender
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    method: str
    raw_query: str
