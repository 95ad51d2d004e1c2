"""Reads one attempt's response: collects a plain answer, or reads a stream as it comes.

Rules
1. A 2xx reply to a streamed request is read as events when its content type says so, or when its
   first bytes look like events; anything else is collected and judged whole.
2. Bodies are bounded: an answer by the route's bound, an error's body by 64 KiB.
3. A connection that ends after the finish evidence has delivered everything: how it ended is then
   of no account.
"""

from typing import Final, Protocol

from halfopen import errors
from halfopen.gateway.upstream import CallSink
from halfopen.http1 import BodyDecoder, CodingError, ResponseHead, is_coded
from halfopen.model import Fault, Kind, Reply, Target, TransportError
from halfopen.providers import Answer, Ask, StreamEvent, StreamKind, StreamReader, Translation
from halfopen.providers.event_reader import EventReader

ERROR_BODY_MAX_BYTES = 64 * 1024
_EVENT_STREAM = "text/event-stream"
_SNIFFED_BYTES = 64
_EVENT_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")
# Looking a member up in its class takes as long as a method does.
_DONE: Final = StreamKind.DONE
_FAULT: Final = StreamKind.FAULT
_FINISH: Final = StreamKind.FINISH


class Listener(Protocol):
    """Takes what a reception finds. After an answer or a fault nothing comes."""

    def on_attempt_connected(self) -> None:
        """The request is being sent."""

    def on_attempt_head(self, head: ResponseHead) -> None:
        """Status and headers came."""

    def on_attempt_events(self, events: list[StreamEvent]) -> None:
        """Pieces of a stream came. DONE and FAULT are among them."""

    def on_attempt_answer(self, answer: Answer) -> None:
        """A whole, valid answer came."""

    def on_attempt_fault(self, fault: Fault) -> None:
        """The attempt failed, and its call is over or must be cancelled."""


class _Nobody:
    """Listens no more."""

    __slots__ = ()

    def on_attempt_connected(self) -> None:
        """Too late."""

    def on_attempt_head(self, head: ResponseHead) -> None:
        """Too late."""

    def on_attempt_events(self, events: list[StreamEvent]) -> None:
        """Too late."""

    def on_attempt_answer(self, answer: Answer) -> None:
        """Too late."""

    def on_attempt_fault(self, fault: Fault) -> None:
        """Too late."""


_NOBODY: Final = _Nobody()


class Reception(CallSink):
    """One attempt's response on its way in. The sink of its call."""

    __slots__ = (
        "_answer_max_bytes",
        "_ask",
        "_body",
        "_decoder",
        "_dialect",
        "_finish_seen",
        "_head",
        "_listener",
        "_reader",
        "_sniffing",
        "_target",
        "_translation",
        "_wall",
        "over",
    )

    def __init__(  # the reception is the meeting point of the request, the target and the response
        self,
        listener: Listener,
        ask: Ask,
        target: Target,
        translation: Translation,
        *,
        dialect: str,
        answer_max_bytes: int,
        wall_s: float,
    ) -> None:
        """`dialect` is the upstream's, for its errors; `wall_s` the time of day, for dates in headers."""
        self._listener: Listener = listener
        self._ask = ask
        self._translation = translation
        self._target = target
        self._dialect = dialect
        self._answer_max_bytes = answer_max_bytes
        self._wall = wall_s
        self._head: ResponseHead | None = None
        self._reader: StreamReader | None = None
        self._decoder: BodyDecoder | None = None
        # One growing buffer: a list of a body's tiny pieces would take many times its size.
        self._body = bytearray()
        self._finish_seen = False
        self._sniffing = False
        """Whether the first bytes must still show if this is a stream under a wrong content type."""
        self.over = False
        """Whether an answer or a fault was told, or nobody wants one."""

    def take_over(self, head: ResponseHead, body: bytes) -> None:
        """What came so far of a plain response, which the listener knows of."""
        self._head = head
        self._body += body

    def release(self) -> None:
        """Nobody listens any more: whoever did holds this reception, and would stay in memory with it."""
        self.over = True
        self._listener = _NOBODY

    def on_connected(self) -> None:
        """The request is being sent."""
        if not self.over:
            self._listener.on_attempt_connected()

    def on_head(self, head: ResponseHead) -> None:
        """Status and headers."""
        if self.over:
            return
        self._head = head
        coding = head.header("content-encoding")
        if is_coded(coding):
            try:
                self._decoder = BodyDecoder(str(coding), self._answer_max_bytes)
            except CodingError as problem:
                self._fail(TransportError.PROTOCOL, str(problem))
                return
        self._listener.on_attempt_head(head)
        if self._wants_stream():
            if (head.header("content-type") or "").lower().startswith(_EVENT_STREAM):
                self._reader = self._new_reader()
            else:
                self._sniffing = True

    def on_data(self, data: bytes) -> None:
        """A piece of the body."""
        if self.over:
            return
        if self._decoder is not None:
            try:
                data = self._decoder.decode(data)
            except CodingError as problem:
                self._fail(TransportError.PROTOCOL, str(problem))
                return
        if self._reader is not None:
            self._tell(self._reader.feed(data))
        else:
            self._collect(data)

    def on_end(self) -> None:
        """The body ended properly, as far as HTTP can tell."""
        if self.over:
            return
        if self._decoder is not None and not self._decoder.whole and self._head_is_good:
            self.on_failed(TransportError.CUT, "the compressed body ended before its end")
            return
        if self._reader is not None:
            self._tell(self._reader.close())
            return
        self._judge(bytes(self._body))

    def on_failed(self, error: TransportError, detail: str) -> None:
        """The connection failed."""
        if self.over:
            return
        if self._reader is not None and self._finish_seen:
            self._tell(self._reader.close())
            return
        self._fail(error, detail)

    @property
    def _head_is_good(self) -> bool:
        return self._head is not None and 200 <= self._head.status < 300

    @property
    def event_reader(self) -> EventReader | None:
        """Who reads the stream, if that is of events and no coding lies over it."""
        reader = self._reader
        return reader if self._decoder is None and isinstance(reader, EventReader) else None

    def take_as_ended(self) -> None:
        """The finish evidence came a while ago and nothing has ended the stream: its end is now."""
        if not self.over and self._reader is not None:
            self._tell(self._reader.close())

    def _new_reader(self) -> StreamReader:
        return self._translation.reader(self._ask, self._target, created_s=int(self._wall))

    def _wants_stream(self) -> bool:
        return self._ask.stream and self._head_is_good

    def _collect(self, data: bytes) -> None:
        head = self._head
        assert head is not None
        self._body += data
        if self._sniffing and self._begins_stream():
            self._reader = self._new_reader()
            self._tell(self._reader.feed(bytes(self._body)))
            self._body = bytearray()
            return
        if head.status >= 300 and len(self._body) > ERROR_BODY_MAX_BYTES:
            self._judge(bytes(self._body[:ERROR_BODY_MAX_BYTES]))
        elif len(self._body) > self._answer_max_bytes:
            self._fail(TransportError.TOO_LARGE, f"an answer of more than {self._answer_max_bytes} bytes")

    def _begins_stream(self) -> bool:
        """Whether the first bytes look like events, however they were cut."""
        start = bytes(self._body[:_SNIFFED_BYTES]).lstrip()
        undecided = len(self._body) < _SNIFFED_BYTES and any(each.startswith(start) for each in _EVENT_STARTS)
        self._sniffing = undecided
        return start.startswith(_EVENT_STARTS)

    def _judge(self, body: bytes) -> None:
        head = self._head
        assert head is not None
        reply = Reply(head.status, head.headers, body, dialect=self._dialect)
        if 200 <= head.status < 300 and not self._ask.stream:
            result = self._translation.answer(self._ask, self._target, reply, created_s=int(self._wall))
        else:
            result = errors.decode(reply, self._wall) or errors.make(
                Kind.MALFORMED_ANSWER, "A stream was asked for and something else came.", status=head.status
            )
        self.over = True
        if isinstance(result, Answer):
            self._listener.on_attempt_answer(result)
        else:
            self._listener.on_attempt_fault(result)

    def _tell(self, events: list[StreamEvent]) -> None:
        if not events:
            return
        last = events[-1].kind
        if last is _DONE or last is _FAULT:
            self.over = True
        elif not self._finish_seen:
            self._finish_seen = any(event.kind is _FINISH for event in events)
        self._listener.on_attempt_events(events)

    def _fail(self, error: TransportError, detail: str) -> None:
        self.over = True
        head = self._head
        reply = Reply(
            status=head.status if head else None,
            headers=head.headers if head else (),
            body=bytes(self._body[:ERROR_BODY_MAX_BYTES]),
            transport=error,
            detail=detail,
            dialect=self._dialect,
        )
        fault = errors.decode(reply, self._wall)
        assert fault is not None, "a transport error is always a fault"
        self._listener.on_attempt_fault(fault)
