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
    restarts: bool = False
    """Whether a model that is told to go on with an answer begins it anew: a manner of the provider."""

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
    call: int | None = None
    """The tool call of whose arguments this is a part, counted from 0."""
    bare: bytes | None = None
    """The same event of an answer without any content; None: no different."""


@dataclass(frozen=True, slots=True)
class LabAnswer:
    """What the simulated provider answers when no fault is in the way."""

    status: int
    headers: Headers
    """Without framing headers, date and connection."""
    body: bytes = b""
    pieces: tuple[Piece, ...] | None = None
    """The events of a stream; None: a plain answer."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment in a stream at which an error event comes."""

    request: LabRequest
    request_id: str
    sent: tuple[Piece, ...] = ()
    """What was sent before."""
    failed: bool = False
    """Whether OpenAI's Responses send `response.failed` instead of `error`."""


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

    def error_event(self, message: str, moment: Moment) -> bytes:
        """An error as an event in the middle of a stream, in the shape of the endpoint that was asked."""
        ...

    def ping(self, request: LabRequest) -> bytes:
        """What keeps a silent stream alive."""
        ...
