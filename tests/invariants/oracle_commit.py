"""Invariant 3: after the first content reached the client nothing is re-sent in silence.

The request ends with exactly one terminal action, or none when the client has left. What was delivered is
what one attempt brought, in order and without a gap; another attempt's follows only when it was declared.
"""

from collections.abc import Sequence
from typing import ClassVar

from oracle import Oracle
from schedule_exchange import Exchange
from schedule_world import World

from halfopen.policy import AfterCommit
from halfopen.policy import actions as act
from halfopen.policy import events as ev


class _Story:
    """What one client has been told."""

    __slots__ = ("declared", "refused", "relayed", "terminals", "under_way")

    def __init__(self) -> None:
        self.relayed = False
        self.declared: list[int] = []
        """Attempts whose content may reach the client, in order."""
        self.terminals = 0
        self.under_way: list[int] = []
        self.refused = False
        """Whether the driver has said that it may not be sent again."""


class Committed(Oracle):
    """Reads what the client reads."""

    number: ClassVar[int] = 3
    claims: ClassVar[tuple[str, ...]] = ("an answer broke after its first content", "another went on with it")

    def __init__(self, world: World) -> None:
        """Nothing was told."""
        super().__init__(world)
        self._stories: dict[int, _Story] = {}

    def on_step(self, exchange: Exchange, event: ev.Event, actions: Sequence[act.Action]) -> None:
        """One step of what the client is told."""
        story = self._stories.setdefault(exchange.number, _Story())
        if story.terminals:
            self.wrong(f"{exchange} is told {type(event).__name__} after its end")
        if isinstance(event, ev.Failed):
            story.under_way.remove(event.attempt)
            if not exchange.repeatable:
                story.refused = True
        if not actions:
            return
        broke = story.relayed and not story.under_way
        for action in actions:
            self._told(exchange, story, action, event)
            gave_up = isinstance(action, act.Cancel) and not isinstance(event, ev.ClientGone)
            broke = broke or (gave_up and story.relayed)
        if exchange.journey.committed is not story.relayed:
            self.wrong(f"{exchange}: committed is {exchange.journey.committed}, relayed is {story.relayed}")
        if broke:
            self.meet("an answer broke after its first content")
        if story.terminals and isinstance(event, ev.ClientGone):
            self.wrong(f"{exchange} is answered although its client has left")

    def _told(self, exchange: Exchange, story: _Story, action: act.Action, event: ev.Event) -> None:
        if isinstance(action, act.Cancel):
            self._cancelled(exchange, story, action, event)
        elif isinstance(action, act.Send | act.ContinueOn):
            self._sent(exchange, story, action)
        elif isinstance(action, act.Relay):
            self._relayed(exchange, story, action.attempt)
        elif isinstance(action, act.Complete):
            self._completed(exchange, story, action.attempt, event)
        elif isinstance(action, act.Fail):
            self._failed(exchange, story, action)

    def _cancelled(self, exchange: Exchange, story: _Story, cancel: act.Cancel, event: ev.Event) -> None:
        if cancel.attempt not in story.under_way:
            self.wrong(f"{exchange} cancels attempt {cancel.attempt}, which is not under way")
            return
        story.under_way.remove(cancel.attempt)
        if isinstance(event, ev.Timer) and not exchange.repeatable:
            story.refused = True

    def _sent(self, exchange: Exchange, story: _Story, send: act.Send | act.ContinueOn) -> None:
        hedge = isinstance(send, act.Send) and send.hedge
        if len(story.under_way) != hedge:
            self.wrong(f"{exchange} calls {send.target.name} with {len(story.under_way)} calls under way")
        story.under_way.append(send.attempt)
        if story.refused and not hedge:
            self.wrong(f"{exchange} is sent again although it may not be")
        if isinstance(send, act.Send):
            if story.relayed:
                self.wrong(f"{exchange} is re-sent in silence to {send.target.name}")
            if hedge:
                self.meet("two raced")
            return
        if not story.relayed:
            self.wrong(f"{exchange} is gone on with, and its client has nothing")
        if exchange.route.options.after_commit is not AfterCommit.CONTINUE:
            self.wrong(
                f"{exchange} is gone on with, and its route wants {exchange.route.options.after_commit}"
            )
        if exchange.obstacle is not None:
            self.wrong(f"{exchange} is gone on with in spite of {exchange.obstacle!r}")
        self.meet("another went on with it")
        story.declared.append(send.attempt)

    def _relayed(self, exchange: Exchange, story: _Story, attempt: int) -> None:
        if story.relayed:
            self.wrong(f"{exchange} begins its answer twice")
        if story.under_way != [attempt]:
            self.wrong(f"{exchange} relays attempt {attempt}, under way: {story.under_way}")
        story.relayed = True
        story.declared.append(attempt)

    def _completed(self, exchange: Exchange, story: _Story, attempt: int, event: ev.Event) -> None:
        story.terminals += 1
        if not (isinstance(event, ev.Finished) and event.attempt == attempt):
            self.wrong(f"{exchange} completes attempt {attempt} on {type(event).__name__}")
        if story.under_way != [attempt]:
            self.wrong(f"{exchange} completes attempt {attempt}, under way: {story.under_way}")
        if not story.relayed:
            story.declared.append(attempt)

    def _failed(self, exchange: Exchange, story: _Story, fail: act.Fail) -> None:
        story.terminals += 1
        if fail.committed is not story.relayed:
            self.wrong(f"{exchange} fails as committed={fail.committed}, its client has {exchange.delivered}")
        if story.under_way:
            self.wrong(f"{exchange} fails with attempts {story.under_way} under way")

    def on_over(self, exchange: Exchange) -> None:
        """Everything has been told: read it once more."""
        story = self._stories.pop(exchange.number, None) or _Story()
        expected = 0 if exchange.gone or exchange.crashed else 1
        if story.terminals != expected:
            self.wrong(f"{exchange} ends with {story.terminals} terminal actions, {expected} are right")
        pieces: dict[int, int] = {}
        order: list[int] = []
        for attempt, piece in exchange.delivered:
            if not order or order[-1] != attempt:
                order.append(attempt)
            if piece != pieces.get(attempt, 0):
                self.wrong(f"{exchange} delivers piece {piece} of attempt {attempt} out of order")
            pieces[attempt] = piece + 1
        if [attempt for attempt in story.declared if attempt in order] != order:
            self.wrong(f"{exchange} delivers attempts {order}, declared: {story.declared}")
