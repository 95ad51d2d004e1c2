"""A streamed answer on its way to the client.

Rules
1. Nothing goes out before the journey commits: what comes earlier is held, and dropped when the
   attempt fails, so that the client never sees it.
2. From the finish evidence on everything is held again until the stream is known to be whole.
3. There is exactly one end: `[DONE]` after a whole answer, or an error event and then an abrupt end
   of the connection. A truncated answer never looks finished.
"""

from halfopen.gateway.responder import Headers, Responder
from halfopen.providers import StreamEvent, StreamKind

_DONE = b"data: [DONE]\n\n"
_HEADERS = (
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("x-accel-buffering", "no"),
)
HELD_MAX_BYTES = 1024 * 1024
"""Bound on what is held before the first content and after the finish; both are small."""


class Delivery:
    """One streamed answer."""

    __slots__ = ("_finishing", "_held", "_held_bytes", "_responder", "begun")

    def __init__(self, responder: Responder) -> None:
        """Begins nothing yet."""
        self._responder = responder
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._finishing = False
        self.begun = False
        """Whether the client has been sent anything."""

    def drop(self) -> None:
        """The attempt failed before the commit: forget what it sent."""
        self._held.clear()
        self._held_bytes = 0
        self._finishing = False

    def begin(self, headers: Headers) -> None:
        """The journey has committed: send what is held, and from now on what comes."""
        self.begun = True
        self._responder.begin(200, (*_HEADERS, *headers))
        self._flush()

    def take(self, event: StreamEvent) -> None:
        """One piece of the stream, in order. Raises BufferError when too much would be held."""
        if not event.data:
            self._finishing = self._finishing or event.kind is StreamKind.FINISH
            return
        if event.kind is StreamKind.FINISH:
            self._finishing = True
        if self.begun and not self._finishing:
            self._responder.write(event.data)
            return
        self._held.append(event.data)
        self._held_bytes += len(event.data)
        if self._held_bytes > HELD_MAX_BYTES:
            raise BufferError(f"more than {HELD_MAX_BYTES} bytes that are no content")

    def complete(self) -> None:
        """The answer is whole."""
        self._held.append(_DONE)
        self._flush()
        self._responder.finish()

    def break_off(self, error: bytes) -> None:
        """The answer will not be whole: say so, and don't end properly. `error` is JSON."""
        self.drop()
        self._responder.write(b"data: " + error + b"\n\n")
        self._responder.abort()

    def _flush(self) -> None:
        if self._held:
            self._responder.write(b"".join(self._held))
            self._held.clear()
            self._held_bytes = 0
