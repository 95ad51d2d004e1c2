"""The attempts of one exchange that are under way: one in the lead, and while it is hedged a rival.

Rules
1. Only the lead's events reach the client. What comes of the rival before its first content is kept with
   it, and bounded; the lead's end makes the rival the lead, and what was kept takes its place.
2. What an attempt has spent counts, as far as it has told, when it loses, fails or is given up.
3. The lead stays when it is over, until another is begun: then it counts.
"""

from collections.abc import Iterator

from halfopen.gateway.answering import Answering
from halfopen.gateway.attempt import Attempt
from halfopen.gateway.delivery import Delivery
from halfopen.gateway.resumption import Resumption
from halfopen.model import Fault, Usage
from halfopen.providers import StreamEvent


class Flights:
    """At most two attempts."""

    __slots__ = ("_answering", "_delivery", "_lead", "_resumption", "_rival")

    def __init__(self, answering: Answering, delivery: Delivery, resumption: Resumption) -> None:
        """None yet."""
        self._answering = answering
        self._delivery = delivery
        self._resumption = resumption
        self._lead: Attempt | None = None
        """The one whose answer the client gets, if it brings one. It may be over."""
        self._rival: Attempt | None = None

    def __iter__(self) -> Iterator[Attempt]:
        if self._lead is not None:
            yield self._lead
        if self._rival is not None:
            yield self._rival

    def begin(self, attempt: Attempt, *, hedge: bool) -> None:
        """One goes beside the lead, or takes the place of one that has failed and counts already."""
        if hedge:
            self._rival = attempt
            return
        self._lead = attempt
        self._delivery.drop()
        self._answering.upstream_id = None

    def told_id(self, attempt: Attempt, upstream_id: str | None) -> None:
        """An attempt's upstream has given its answer an id."""
        attempt.upstream_id = upstream_id
        if attempt is self._lead:
            self._answering.upstream_id = upstream_id

    def is_alone(self, attempt: Attempt) -> bool:
        """Whether the attempt leads and has no rival."""
        return attempt is self._lead and self._rival is None

    def take(self, attempt: Attempt, event: StreamEvent) -> None:
        """One piece of an attempt's stream, in order. Raises BufferError when too much would be held."""
        if attempt is self._lead:
            self._delivery.take(event)
        else:
            attempt.hold(event)

    def cancel(self, number: int) -> None:
        """Give up the attempt of that number."""
        for attempt in self:
            if attempt.number == number:
                attempt.cancel()
                self.lose(attempt)
                return

    def lose(self, attempt: Attempt) -> None:
        """An attempt is over. If it was one of two, the other leads."""
        rival = self._rival
        if rival is None:
            return
        self._rival = None
        self._count(attempt, None)
        if attempt is not self._lead:
            return
        self._lead = rival
        self._delivery.drop()
        self._answering.upstream_id = rival.upstream_id
        for event in rival.take_early():
            self._delivery.take(event)

    def count(self, fault: Fault | None) -> None:
        """The lead has failed by `fault`: what it has spent is spent."""
        if self._lead is not None:
            self._count(self._lead, fault)

    def pause(self) -> None:
        """Read no more for now: the client is slow."""
        for attempt in self:
            attempt.pause()

    def resume(self) -> bool:
        """Read on. Whether there is anything to read."""
        resumed = [attempt.resume() for attempt in self]
        return any(resumed)

    def cancel_all(self) -> None:
        """Give up what is under way."""
        for attempt in self:
            attempt.cancel()

    def release(self) -> None:
        """The request is over: attempts and whoever owns them would hold each other in memory."""
        for attempt in self:
            attempt.reception.release()
        self._lead = self._rival = None

    def usage(self, *, whole: bool) -> Usage | None:
        """What all attempts have spent, as far as it is known, now that none is under way.

        `whole`: the last one was; else what it has not told of is estimated, as with one that failed.
        """
        rival, last = self._rival, self._lead
        if rival is not None:
            self._count(rival, None)
        if last is not None and not whole:
            self._count(last, None)
        if last is None or last.counted:
            return self._resumption.total(None, 0)
        return self._resumption.total(last.usage, last.all_chars)

    def _count(self, attempt: Attempt, fault: Fault | None) -> None:
        if not attempt.counted:
            attempt.counted = True
            self._resumption.failed(fault, attempt.usage, attempt.all_chars)
