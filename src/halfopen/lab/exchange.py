"""A request as it came to the lab, and an answer before it is framed for the wire."""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LabRequest:
    """One HTTP request."""

    method: str
    path: str
    """Without the query."""
    query: str = ""
    headers: Headers = field(default=(), repr=False)
    """Names in lower case."""
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header; `name` in lower case."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class PieceKind(Enum):
    """What a piece of a good stream is, so that a fault knows where to strike."""

    OPENING = auto()
    """Begins the answer and carries none of it."""
    CONTENT = auto()
    """Carries a part of the answer."""
    PING = auto()
    """Keeps the connection alive."""
    CLOSING = auto()
    """Ends a block, not the answer."""
    FINISH = auto()
    """The finish evidence."""
    USAGE = auto()
    """Token counts."""
    DONE = auto()
    """The very end, after the finish."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One event of a good stream, as the bytes of the vendor's own format."""

    kind: PieceKind
    data: bytes


@dataclass(frozen=True, slots=True)
class LabAnswer:
    """What the simulated provider answers when no fault is in the way."""

    status: int
    headers: Headers
    """Without framing headers, date and connection."""
    body: bytes = b""
    pieces: tuple[Piece, ...] | None = None
    """The events of a stream; None: a plain answer."""


class Vendor(Protocol):
    """A simulated provider: answers requests, and words errors as its model does."""

    @property
    def name(self) -> str:
        """Its dialect: openai, anthropic or gemini."""
        ...

    def answer(self, request: LabRequest, request_id: str, now: float) -> LabAnswer:
        """Answer one request; errors are answers too. `now` is the Unix time in seconds."""
        ...

    def error(self, status: int, message: str, request_id: str) -> LabAnswer:
        """An error of this vendor's own shape with the type that goes with the status."""
        ...

    def error_event(self, message: str, request_id: str) -> bytes:
        """An error as an event in the middle of a stream."""
        ...

    def ping(self) -> bytes:
        """What keeps a silent stream alive."""
        ...
