"""Invariant 2: at most 3 attempts a request, none starts after the deadline, and the end comes in time.

The driver looks at timers as late as it does: so much after the deadline the end may come, and no later,
even when no upstream says anything.
"""

from collections.abc import Sequence
from typing import ClassVar

from oracle import Oracle
from request_clock import RequestClock
from schedule_exchange import Exchange
from schedule_world import World

from halfopen.policy import actions as act
from halfopen.policy import events as ev

_ATTEMPTS_MAX = 3
_EPSILON_S = 1e-9


class InTime(Oracle):
    """Counts attempts and looks at the clock."""

    number: ClassVar[int] = 2
    claims: ClassVar[tuple[str, ...]] = ("all attempts were made, in vain", "the time ran out")

    def __init__(self, world: World) -> None:
        """No request has come."""
        super().__init__(world)
        self._clocks: dict[int, RequestClock] = {}

    def on_step(self, exchange: Exchange, event: ev.Event, actions: Sequence[act.Action]) -> None:
        """One step of a request's time."""
        now = self.world.now
        if isinstance(event, ev.Arrived):
            self._clocks[exchange.number] = RequestClock(exchange, now)
        clock = self._clocks[exchange.number]
        answered = isinstance(event, ev.Finished) and clock.content_of is not None
        clock.follow(event, actions, now)
        for action in actions:
            if isinstance(action, act.Send | act.ContinueOn):
                self._sent(exchange, clock, action)
            elif isinstance(action, act.Wait) and action.until > clock.bound + _EPSILON_S:
                self.wrong(f"{exchange} waits until {action.until}, its deadline is {clock.bound}")
        ended = any(isinstance(action, act.Complete | act.Fail) for action in actions)
        if ended:
            bound = clock.over_at if answered else clock.bound
            if now > bound + self.world.late_s + _EPSILON_S:
                self.wrong(f"{exchange} ends at {now}, its deadline was {bound}")
            self._meet(exchange, clock, event, actions)
        elif not isinstance(event, ev.ClientGone):
            bound = clock.bound if clock.content_of is None else clock.over_at
            wake_at = exchange.journey.wake_at
            if not wake_at <= bound + _EPSILON_S:
                self.wrong(f"{exchange} is to be woken at {wake_at}, its deadline is {bound}")

    def _sent(self, exchange: Exchange, clock: RequestClock, send: act.Send | act.ContinueOn) -> None:
        clock.sent += 1
        most = min(_ATTEMPTS_MAX, exchange.route.options.attempts)
        if clock.sent > most:
            self.wrong(f"{exchange} makes its attempt {clock.sent}, {most} are allowed")
        if self.world.now >= clock.bound:
            self.wrong(f"{exchange} calls {send.target.name} at or after its deadline {clock.bound}")
        if send.deadline > clock.bound + _EPSILON_S:
            self.wrong(f"{exchange} gives attempt {send.attempt} until {send.deadline}, due {clock.bound}")

    def _meet(
        self, exchange: Exchange, clock: RequestClock, event: ev.Event, actions: Sequence[act.Action]
    ) -> None:
        if not any(isinstance(action, act.Fail) for action in actions):
            return
        if clock.sent >= exchange.route.options.attempts:
            self.meet("all attempts were made, in vain")
        if isinstance(event, ev.Timer):
            self.meet("the time ran out")
            if clock.sent == _ATTEMPTS_MAX:
                self.meet("three attempts, and the last met a dead upstream")

    def on_end(self) -> None:
        """Nobody is left."""
        for exchange in self.world.exchanges:
            if not exchange.over:
                self.wrong(f"{exchange} never ended")
