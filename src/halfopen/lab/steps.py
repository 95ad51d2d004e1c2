"""What a connection does, one thing after another, when it answers.

A fault is a generator of steps, so it does no I/O and needs no task; the connection carries them
out. When the generator ends, the connection is ready for the next request.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Send:
    """Write bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Say nothing for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Say nothing until the client leaves, at most some seconds; then close."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection in order (FIN)."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection (RST)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a stream a fault struck."""

    event: int
    """The first event (piece) of the good stream that was not sent whole, counted from 0."""
    kind: str
    """What that event is: opening, content, ping, closing, finish, usage or done; `end`: all were sent."""
    byte: int
    """How many bytes of the good body came before the strike, framing not counted."""
    contents: int
    """How many content events were sent whole."""


@dataclass(frozen=True, slots=True)
class Met:
    """The fault has happened; what follows is its tail."""

    place: Place | None = None
    """Where, if it struck inside a stream."""


Step = Send | Wait | Hang | Close | Reset | Met
