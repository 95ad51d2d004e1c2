"""A streamed answer on its way to the client.

Rules
1. Nothing of an answer goes out before the journey commits: what comes earlier is held, and dropped
   when the attempt fails, so that the client never sees it.
2. A tool call goes out whole or not at all: from its first piece on everything is held until the
   stream is known to be whole, so that a failure in the middle of a call can be retried unseen. Some
   dialects close a call only with the answer, and half of two parallel calls is no answer either.
3. From the finish evidence on everything is held again until the stream is known to be whole. A route
   can have everything held until then.
4. There is exactly one end: the dialect's own after a whole answer, or an error event and then an
   abrupt end of the connection. A truncated answer never looks finished.
"""

from collections.abc import Callable
from typing import Final

from halfopen.gateway.responder import Headers, Responder
from halfopen.policy import AfterCommit, JourneyOptions, JsonAnswers
from halfopen.providers import Ask, Chat, Failure, Form, StreamEvent, StreamKind, Writer
from halfopen.providers.chat import asks_for_json
from halfopen.providers.clients.chat.writer import ChatWriter

_HEADERS = (("cache-control", "no-cache"), ("x-accel-buffering", "no"))
# Looking a member up in its class takes as long as a method does.
_PING: Final = StreamKind.PING
_FINISH: Final = StreamKind.FINISH
_CALL: Final = Form.CALL
_EVENT_BYTES = 200
"""About what an event takes beside its bytes."""
HELD_MAX_BYTES = 1024 * 1024
"""Bound on what is held before the first content and after the finish; both are small."""


def must_be_whole(ask: Ask, options: JourneyOptions) -> bool:
    """Whether the client of a stream gets nothing before all of it is there."""
    if options.after_commit is AfterCommit.HOLD:
        return True
    return options.json_answers is JsonAnswers.HOLD and isinstance(ask, Chat) and asks_for_json(ask)


def size_of(event: StreamEvent) -> int:
    """About what it costs to hold a piece of a stream. Bytes; 0: there is nothing in it to hold."""
    if event.kind is _PING or not (event.data or event.native):
        return 0
    return len(event.data) + len(event.native) + _EVENT_BYTES


class Delivery:
    """One streamed answer."""

    __slots__ = (
        "_committed",
        "_held",
        "_held_bytes",
        "_holding",
        "_holds_all",
        "_make_writer",
        "_max_bytes",
        "_note",
        "_responder",
        "_writer",
        "begun",
        "sent_bytes",
        "writes",
    )

    def __init__(
        self,
        responder: Responder,
        make_writer: Callable[[], Writer],
        note: Callable[[StreamEvent], None],
        *,
        holds_all: bool,
        answer_max_bytes: int,
    ) -> None:
        """Begins nothing yet.

        Args:
            responder: The way to the client.
            make_writer: Makes the writer of the client's dialect.
            note: Told of each event that goes out.
            holds_all: Whether the client gets nothing before all is there.
            answer_max_bytes: Bound on an answer that is held.
        """
        self._responder = responder
        self._make_writer = make_writer
        self._note = note
        self._holds_all = holds_all
        self._max_bytes = answer_max_bytes
        self._writer: Writer | None = None
        self._held: list[StreamEvent] = []
        self._held_bytes = 0
        self._holding = False
        """Whether a tool call or the finish has begun."""
        self._committed = False
        self.begun = False
        """Whether the client has been sent anything, if only the head."""
        self.sent_bytes = 0
        """Of the answer's body, so far."""
        self.writes = 0
        """How often something was sent."""

    def drop(self) -> None:
        """The attempt failed: forget what the client hasn't got."""
        self._held.clear()
        self._held_bytes = 0
        self._holding = False

    def holds(self, event: StreamEvent) -> bool:
        """Whether this piece would be held, so that the client doesn't have it yet."""
        held = self._holding or self._holds_all
        return held or event.kind is _FINISH or event.form is _CALL

    def begin(self, headers: Headers) -> None:
        """Send the head of the response: the status is final from now on."""
        self.begun = True
        writer = self._writing()
        self._responder.begin(200, (("content-type", writer.content_type), *_HEADERS, *headers))

    def commit(self, headers: Headers) -> None:
        """The journey has committed: send what is held, and from now on what comes."""
        if not self.begun:
            self.begin(headers)
        self._committed = True
        self._send(self._take_held())

    @property
    def flows(self) -> bool:
        """Whether text goes out as it comes."""
        return self._committed and not (self._holding or self._holds_all or self._held_bytes)

    def pass_on(self, event: StreamEvent) -> None:
        """A piece of text. Only while it flows."""
        self._write(event)

    @property
    def takes_bytes(self) -> bool:
        """Whether the client gets chunks as they are."""
        return isinstance(self._writer, ChatWriter)

    def pass_bytes(self, data: bytes, as_chunk: bytes) -> None:
        """A piece of text as the client gets it, which is noted already. Only while it flows.

        `as_chunk`: what it is as a chunk, if that is known.
        """
        self.writes += 1
        self.sent_bytes += len(data)
        self._responder.write(data, as_chunk)

    def take(self, event: StreamEvent) -> None:
        """One piece of the stream, in order. Raises BufferError when too much would be held."""
        if event.kind is _PING:
            if self._committed:
                self._write(event)
            return
        if event.kind is _FINISH or event.form is _CALL:
            self._holding = True
        size_bytes = size_of(event)
        if not size_bytes:
            return
        if self._committed and not (self._holding or self._holds_all):
            self._write(event)
            return
        self._held.append(event)
        self._held_bytes += size_bytes
        content = self._holding or self._holds_all
        bound = max(HELD_MAX_BYTES, self._max_bytes) if content else HELD_MAX_BYTES
        if self._held_bytes > bound:
            raise BufferError(f"more than {bound} bytes that can't be passed on yet")

    def ping(self, headers: Headers) -> None:
        """Keep a silent connection alive. The first time this fixes the status."""
        if not self.begun:
            self.begin(headers)
        self._send(self._writing().ping())

    def comment(self, text: str) -> None:
        """Remark something, if the client's dialect has a way to. What is no printable ASCII is replaced."""
        line = "".join(each if each.isascii() and each.isprintable() else "?" for each in text)
        self._send(self._writing().comment(line))

    def complete(self, headers: Headers) -> None:
        """The answer is whole."""
        if not self.begun:
            self.begin(headers)
        last = self._take_held() + self._writing().finish()
        self.writes += 1
        self.sent_bytes += len(last)
        self._responder.finish(last)

    def break_off(self, failure: Failure) -> None:
        """The answer will not be whole: say so, and don't end properly."""
        self.drop()
        self._send(self._writing().error(failure))
        self._responder.abort()

    def _writing(self) -> Writer:
        if self._writer is None:
            self._writer = self._make_writer()
        return self._writer

    def _write(self, event: StreamEvent) -> None:
        self._note(event)
        self._send(self._writing().write(event))

    def _send(self, data: bytes) -> None:
        if data:
            self.writes += 1
            self.sent_bytes += len(data)
            self._responder.write(data)

    def _take_held(self) -> bytes:
        """What the client gets of the events that are held, which are held no more."""
        if not self._held:
            return b""
        writer = self._writing()
        for event in self._held:
            self._note(event)
        data = b"".join([writer.write(event) for event in self._held])
        self._held.clear()
        self._held_bytes = 0
        return data
