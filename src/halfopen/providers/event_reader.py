"""What the readers of server-sent events share: cutting the bytes, and the bound of an event."""

from abc import ABC, abstractmethod

from halfopen import errors
from halfopen.http1.sse import EventTooLargeError, SseParser
from halfopen.http1.sse_event import SseEvent
from halfopen.model import Fault, Kind
from halfopen.providers.contract import StreamEvent, StreamKind


class EventReader(ABC):
    """Reads one stream of events. Implements `StreamReader`."""

    __slots__ = ("_ended", "_parser", "_quiet")

    def __init__(self) -> None:
        """Begin a stream."""
        self._parser = SseParser()
        self._ended = False
        """Whether DONE or FAULT was returned."""
        self._quiet = False
        """Whether all that was fed so far was whole events."""

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Return what `data` completes. After DONE or FAULT: nothing."""
        if self._ended:
            return []
        parser = self._parser
        try:
            parsed = parser.feed(data)
        except EventTooLargeError as problem:
            made = self._read_all(list(problem.events))
            if not self._ended:
                fault = errors.make(Kind.ANSWER_TOO_LARGE, f"The stream has {problem}.")
                made.append(self._fail(fault))
            return made
        self._quiet = parser.is_between_events
        return self._read_all(parsed)

    @abstractmethod
    def close(self) -> list[StreamEvent]:
        """The body ended cleanly. Ends with DONE or FAULT unless either was returned before."""

    def text_of(self, piece: bytes) -> tuple[str, bytes]:  # noqa: ARG002 - whoever has a short way reads it
        """The text of a whole event that is nothing else, and the event as the client gets it.

        Then it is read. No text: feed it. Also where a dialect has no quicker way to tell.
        """
        return "", b""

    @abstractmethod
    def _read_all(self, parsed: list[SseEvent]) -> list[StreamEvent]:
        """What whole events mean, up to the end of the stream, which sets `_ended`."""

    def _fail(self, fault: Fault) -> StreamEvent:
        self._ended = True
        return StreamEvent(StreamKind.FAULT, fault=fault)
