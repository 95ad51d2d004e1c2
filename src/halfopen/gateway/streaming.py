"""The pieces of a stream on their way from an attempt to the client.

Text in the middle of an answer, as most pieces are, has a short way, and after the first such piece, if it
can, a shorter one: see `text_way`. Every other is looked at closely.
"""

import asyncio
from typing import Final, Protocol

from halfopen import errors
from halfopen.gateway.attempt import Attempt
from halfopen.gateway.delivery import Delivery
from halfopen.gateway.flights import Flights
from halfopen.gateway.resumption import Resumption
from halfopen.gateway.text_way import TextWay
from halfopen.model import Fault, Kind
from halfopen.policy import Journey, State
from halfopen.policy import events as ev
from halfopen.providers import Form, StreamEvent, StreamKind

# Looking a member up in its class takes as long as a method does.
_COMMITTED: Final = State.COMMITTED
_ATTEMPTING: Final = State.ATTEMPTING
_HELD: Final = State.HELD
_TEXT: Final = Form.TEXT
_CONTENT: Final = StreamKind.CONTENT
_FAULT: Final = StreamKind.FAULT
_DONE: Final = StreamKind.DONE
_FINISH: Final = StreamKind.FINISH


class StreamOwner(Protocol):
    """The request whose answer it is."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        ...

    def step(self, event: ev.Event) -> None:
        """Tell the journey, and carry out what it decides."""

    def on_first_content(self, attempt: Attempt, *, held: bool) -> None:
        """The attempt's answer begins, or its first part that is not held."""

    def on_attempt_fault(self, attempt: Attempt, fault: Fault) -> None:
        """The attempt failed."""

    def crash(self) -> None:
        """Log the exception that is being handled, tell the client, end."""


class Streaming:
    """Takes the events of one request's attempts, in order."""

    __slots__ = (
        "_delivery",
        "_flights",
        "_journey",
        "_loop",
        "_resumption",
        "_shortened",
        "_stall_s",
    )

    def __init__(
        self,
        journey: Journey,
        parts: tuple[Delivery, Flights, Resumption],
        loop: asyncio.AbstractEventLoop,
        *,
        stall_s: float,
    ) -> None:
        """`stall_s` is how long a stream may be silent. Seconds."""
        self._journey = journey
        self._delivery, self._flights, self._resumption = parts
        self._loop = loop
        self._stall_s = stall_s
        self._shortened = 0
        """The attempt for which the shortest way was looked for; 0: none."""

    def take(self, owner: StreamOwner, attempt: Attempt, events: list[StreamEvent]) -> None:
        """What came in one piece for a request, which is told what it must know."""
        joint = self._resumption.joint
        if joint is None and len(events) == 1 and self._pass_on(attempt, events[0]):
            return
        for event in events:
            if event.chars:
                # What the joint takes away is progress all the same.
                self._note_content(owner, attempt, event)
            for piece in (event,) if joint is None else joint.take(event):
                if not self._take(owner, attempt, piece):
                    return
        if self._shortened != attempt.number and joint is None and self._journey.state is _COMMITTED:
            self._shortened = attempt.number
            self._shorten(owner, attempt)

    def _pass_on(self, attempt: Attempt, event: StreamEvent) -> bool:
        """Relay text in the middle of an answer. Whether it was that."""
        if (
            event.form is not _TEXT
            or event.kind is not _CONTENT
            or event.usage is not None
            or self._journey.state is not _COMMITTED
            or not self._flights.is_alone(attempt)
            or not self._delivery.flows
        ):
            return False
        attempt.chars += event.chars
        self._journey.progress(event.chars, self._loop.time())
        self._delivery.pass_on(event)
        return True

    def _shorten(self, owner: StreamOwner, attempt: Attempt) -> None:
        """Open the shortest way for the text that follows, if there is one."""
        reader, delivery = attempt.reader, self._delivery
        if reader is not None and delivery.takes_bytes and self._flights.is_alone(attempt):
            delivered = self._resumption.delivered
            attempt.shorten(TextWay(owner, reader, (self._journey, delivery, delivered), self._loop))

    def _take(self, owner: StreamOwner, attempt: Attempt, event: StreamEvent) -> bool:
        """One event for the client. Whether the attempt goes on."""
        kind = event.kind
        if event.usage is not None:
            attempt.usage = event.usage
        if kind is _FAULT:
            assert event.fault is not None
            owner.on_attempt_fault(attempt, event.fault)
            return False
        if kind is _DONE:
            attempt.let_end()
            self._resumption.went_on(self._delivery.comment)
            owner.step(ev.Finished(attempt.number, self._resumption.own(attempt.usage)))
            return False
        if event.chars:
            self._resumption.went_on(self._delivery.comment)
        if kind is _FINISH:
            attempt.finish_seen(self._stall_s)
        try:
            self._flights.take(attempt, event)
        except BufferError as problem:
            owner.on_attempt_fault(attempt, errors.make(Kind.ANSWER_TOO_LARGE, str(problem)))
            return False
        return not owner.is_over

    def _note_content(self, owner: StreamOwner, attempt: Attempt, event: StreamEvent) -> None:
        """Tell the journey, before the event is taken: what it commits to goes out and is not held."""
        journey, held = self._journey, self._delivery.holds(event)
        attempt.chars += event.chars
        if journey.state is _ATTEMPTING or (journey.state is _HELD and not held):
            owner.on_first_content(attempt, held=held)
        journey.progress(event.chars, self._loop.time())
