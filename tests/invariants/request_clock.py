"""One request's time, as a bystander reckons it from the route's options and what happened."""

from collections.abc import Sequence

from schedule_exchange import Exchange

from halfopen.policy import actions as act
from halfopen.policy import events as ev

_FOR_EVER = float("inf")


class RequestClock:
    """When the request, or the search for another target, is over.

    That is `deadline_s` after the arrival, or the caller's patience; `deadline_s` after a break for an
    answer whose content had begun to come; and `stream_s` after the arrival for all of a stream.
    """

    __slots__ = ("bound", "content_of", "over_at", "sent", "span_s")

    def __init__(self, exchange: Exchange, now: float) -> None:
        """The request arrives."""
        options, patience_s = exchange.route.options, exchange.demand.patience_s
        patient_s = _FOR_EVER if patience_s is None else patience_s
        self.span_s = min(options.deadline_s, patient_s)
        self.over_at = now + (min(options.stream_s, patient_s) if exchange.stream else _FOR_EVER)
        """When all of it is over."""
        self.bound = min(now + self.span_s, self.over_at)
        """When there must be content, or an end."""
        self.content_of: int | None = None
        """The attempt whose content has begun to come, if it is under way."""
        self.sent = 0
        """Calls so far; the oracle counts them."""

    def follow(self, event: ev.Event, actions: Sequence[act.Action], now: float) -> None:
        """Content that began puts the end off to the stream's; a break after it renews the deadline."""
        if isinstance(event, ev.Content):
            self.content_of = event.attempt
        content_of = self.content_of
        if content_of is None or isinstance(event, ev.ClientGone):
            return
        failed = isinstance(event, ev.Failed) and event.attempt == content_of
        given_up = any(isinstance(action, act.Cancel) and action.attempt == content_of for action in actions)
        if failed or given_up:
            self.content_of = None
            self.bound = min(now + self.span_s, self.over_at)
