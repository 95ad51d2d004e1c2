"""What a handler may do to answer one request. It knows nothing of sockets.

The connection implements it; so could another server, or a test.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Protocol

Headers = Iterable[tuple[str, str]]


class Requester(Protocol):
    """Whoever works on the request, as the connection sees it."""

    def on_client_gone(self) -> None:
        """The client has left; nothing that is sent will be read."""

    def on_shutdown(self) -> None:
        """The gateway stops now: end the answer, and say so."""

    def on_timer(self, now: float) -> None:
        """The time has come that was asked for with `wake_at_latest`, or a little more."""

    def on_client_slow(self) -> None:
        """The client reads slower than it is written to: write no more for now."""

    def on_client_ready(self) -> None:
        """The client has caught up."""


class Answerer(Protocol):
    """The way back to a client who is answered on the spot."""

    @property
    def request_id(self) -> str:
        """The id of the request."""
        ...

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer whole."""


class Responder(ABC):
    """One request's way back to its client. A class, so that compiled code calls it directly."""

    __slots__ = ("received_bytes",)

    received_bytes: int
    """The body of the request. Set before anybody works on it."""

    @property
    @abstractmethod
    def request_id(self) -> str:
        """The id of the request."""

    @abstractmethod
    def attach(self, requester: Requester) -> None:
        """From now on tell `requester` what becomes of the client."""

    @abstractmethod
    def wake_at_latest(self, at: float) -> None:
        """Call `on_timer` of the requester then. Monotonic seconds; asked for once at a time."""

    @abstractmethod
    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer whole."""

    @abstractmethod
    def answer(self, lines: bytes, body: bytes) -> None:
        """Answer 200 whole, with header lines that are ready."""

    @abstractmethod
    def begin(self, status: int, headers: Headers) -> None:
        """Begin an answer of unknown length. What is written at once behind it goes out with it."""

    @abstractmethod
    def write(self, data: bytes, as_chunk: bytes = b"") -> None:
        """Send a piece of it. `as_chunk`: what it is as a chunk (HTTP/1.1), if whoever writes has that."""

    @abstractmethod
    def finish(self, last: bytes = b"") -> None:
        """End it properly, with a last piece if there is one."""

    @abstractmethod
    def abort(self) -> None:
        """End it so that the client sees that it is not whole."""
