"""What the readers of server-sent events share: cutting the bytes, and the bound of an event."""

from abc import ABC, abstractmethod

from halfopen import errors
from halfopen.http1.sse import EventTooLargeError, SseParser
from halfopen.http1.sse_event import SseEvent
from halfopen.model import Fault, Kind
from halfopen.providers.contract import StreamEvent, StreamKind


class EventReader(ABC):
    """Reads one stream of events. With `close` it implements `StreamReader`."""

    __slots__ = ("_ended", "_parser")

    def __init__(self) -> None:
        """Begin a stream."""
        self._parser = SseParser()
        self._ended = False
        """Whether DONE or FAULT was returned."""

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Return what `data` completes. After DONE or FAULT: nothing."""
        if self._ended:
            return []
        try:
            parsed = self._parser.feed(data)
        except EventTooLargeError as problem:
            made = self._read_all(list(problem.events))
            if not self._ended:
                fault = errors.make(Kind.ANSWER_TOO_LARGE, f"The stream has {problem}.")
                made.append(self._fail(fault))
            return made
        return self._read_all(parsed)

    @abstractmethod
    def _read_all(self, parsed: list[SseEvent]) -> list[StreamEvent]:
        """What whole events mean, up to the end of the stream, which sets `_ended`."""

    def _fail(self, fault: Fault) -> StreamEvent:
        self._ended = True
        return StreamEvent(StreamKind.FAULT, fault=fault)
