"""The pieces of a stream on their way from an attempt to the client.

Text in the middle of an answer, as most pieces are, has a short way; every other is looked at closely.
"""

import asyncio
from typing import Protocol

from halfopen import errors
from halfopen.gateway.attempt import Attempt
from halfopen.gateway.delivery import Delivery
from halfopen.gateway.flights import Flights
from halfopen.gateway.resumption import Resumption
from halfopen.model import Fault, Kind
from halfopen.policy import Journey, State
from halfopen.policy import events as ev
from halfopen.providers import Form, StreamEvent, StreamKind

_COMMITTED, _ATTEMPTING, _HELD = State.COMMITTED, State.ATTEMPTING, State.HELD
_TEXT, _CONTENT = Form.TEXT, StreamKind.CONTENT


class StreamOwner(Protocol):
    """The request whose answer it is."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        ...

    def step(self, event: ev.Event) -> None:
        """Tell the journey, and carry out what it decides."""

    def on_attempt_fault(self, attempt: Attempt, fault: Fault) -> None:
        """The attempt failed."""


class Streaming:
    """Takes the events of one request's attempts, in order."""

    __slots__ = ("_delivery", "_flights", "_journey", "_loop", "_owner", "_resumption", "_stall_s")

    def __init__(
        self,
        owner: StreamOwner,
        journey: Journey,
        parts: tuple[Delivery, Flights, Resumption],
        loop: asyncio.AbstractEventLoop,
        *,
        stall_s: float,
    ) -> None:
        """`stall_s` is how long a stream may be silent. Seconds."""
        self._owner = owner
        self._journey = journey
        self._delivery, self._flights, self._resumption = parts
        self._loop = loop
        self._stall_s = stall_s

    def take(self, attempt: Attempt, events: list[StreamEvent]) -> None:
        """What came in one piece."""
        joint = self._resumption.joint
        if joint is None and len(events) == 1 and self._pass_on(attempt, events[0]):
            return
        for event in events:
            if event.chars:
                # What the joint takes away is progress all the same.
                self._note_content(attempt, event)
            for piece in (event,) if joint is None else joint.take(event):
                if not self._take(attempt, piece):
                    return

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

    def _take(self, attempt: Attempt, event: StreamEvent) -> bool:
        """One event for the client. Whether the attempt goes on."""
        kind = event.kind
        if event.usage is not None:
            attempt.usage = event.usage
        if kind is StreamKind.FAULT:
            assert event.fault is not None
            self._owner.on_attempt_fault(attempt, event.fault)
            return False
        if kind is StreamKind.DONE:
            attempt.let_end()
            self._resumption.went_on(self._delivery.comment)
            self._owner.step(ev.Finished(attempt.number, attempt.usage))
            return False
        if event.chars:
            self._resumption.went_on(self._delivery.comment)
        if kind is StreamKind.FINISH:
            attempt.finish_seen(self._stall_s)
        try:
            self._flights.take(attempt, event)
        except BufferError as problem:
            self._owner.on_attempt_fault(attempt, errors.make(Kind.ANSWER_TOO_LARGE, str(problem)))
            return False
        return not self._owner.is_over

    def _note_content(self, attempt: Attempt, event: StreamEvent) -> None:
        """Tell the journey, before the event is taken: what it commits to goes out and is not held."""
        journey, held = self._journey, self._delivery.holds(event)
        attempt.chars += event.chars
        if journey.state is _ATTEMPTING or (journey.state is _HELD and not held):
            self._owner.step(ev.Content(attempt.number, held=held))
        journey.progress(event.chars, self._loop.time())
