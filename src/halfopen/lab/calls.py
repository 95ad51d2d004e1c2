"""A record of the requests that a simulated provider received."""

from dataclasses import asdict, dataclass

from halfopen.lab.exchange import Headers, LabRequest
from halfopen.lab.steps import Place

_SECRET = frozenset(
    {"authorization", "x-api-key", "x-goog-api-key", "api-key", "cookie", "proxy-authorization"}
)


@dataclass(slots=True)
class LabCall:
    """One request as it came, and what became of it."""

    number: int
    request: LabRequest
    at: float
    """Monotonic seconds at which the whole request was there."""
    wall: float
    """Unix time of the same moment."""
    fault: str | None = None
    """The fault that struck it."""
    met: bool = False
    """Whether that fault really happened."""
    place: Place | None = None
    """Where in the stream it happened."""
    kinds: tuple[str, ...] = ()
    """What the events of the good stream are, in order; empty for a plain answer."""
    body_bytes: int = 0
    """The size of the good answer's body."""
    status: int | None = None
    """The status that was sent, if any."""
    client_left: bool = False
    """Whether the client closed the connection before the answer was complete."""
    ended: float | None = None
    """Monotonic seconds at which it was over."""

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.request.path

    @property
    def headers(self) -> Headers:
        """The headers with names in lower case."""
        return self.request.headers

    @property
    def body(self) -> bytes:
        """The body."""
        return self.request.body

    def shown(self) -> dict[str, object]:
        """What the control API shows: keys and cookies masked."""
        request = self.request
        return {
            "number": self.number,
            "method": request.method,
            "path": request.path,
            "headers": {name: "***" if name in _SECRET else value for name, value in request.headers},
            "body": request.body.decode("utf-8", "replace"),
            "time": self.wall,
            "seconds": None if self.ended is None else self.ended - self.at,
            "fault": self.fault,
            "met": self.met,
            "place": None if self.place is None else asdict(self.place),
            "status": self.status,
            "client_left": self.client_left,
        }
