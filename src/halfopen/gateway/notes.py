"""What the head of a request tells, whatever its body. Noted once: the same head may come again and again."""

from collections.abc import Mapping

import msgspec

from halfopen.gateway.keyring import Entry, Keyring
from halfopen.model import Priority
from halfopen.providers import ClientDialect


class Sender(msgspec.Struct, frozen=True, gc=False):
    """What the head of a request tells of who sends it. The same head tells the same."""

    caller: str = ""
    """A hash that tells it apart."""
    priority: Priority | None = None
    """What it says itself; None: nothing."""
    repeats: int = 0
    patience_s: float | None = None
    stream_patience_s: float | None = None
    """Its patience if it asks for a stream."""
    name: str = ""
    """What a person calls it. Empty: unknown."""
    trace: str = ""
    """The `traceparent` that it sent, if it is one."""
    trace_state: str = ""
    """The `tracestate` beside it."""


class Notes(msgspec.Struct, frozen=True, gc=False):
    """All of it."""

    client: ClientDialect
    sender: Sender
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    method: str
    raw_query: str
    keyring: Keyring | None = None
    """The keys by which it was looked at; other ones may say otherwise. None: nobody needs any."""
    entry: Entry | None = None
    """What they say of it."""
