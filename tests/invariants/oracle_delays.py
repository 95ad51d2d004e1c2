"""Invariant 6: never sooner than the server's delay; a delay past the deadline: failover or failure at once.

A rate limit's delay binds one credential at one target, a refused key's or quota's the credential
everywhere, and any other the target. None is believed for longer than 300 s, as the options' docstrings say.
"""

from collections.abc import Sequence
from typing import ClassVar

from oracle import Oracle
from request_clock import RequestClock
from schedule_exchange import Exchange
from schedule_world import Watched, World

from halfopen.model import Fault, Kind, Verdict
from halfopen.policy import AfterCommit
from halfopen.policy import actions as act
from halfopen.policy import events as ev

_BELIEVED_S = 300.0
_EPSILON_S = 1e-9
_LAST_START_S = 1.0
_Place = tuple[str, int | None]
"""A target or a provider, and the number of a credential, if it is one's."""


class Delays(Oracle):
    """Notes what servers ask for."""

    number: ClassVar[int] = 6
    claims: ClassVar[tuple[str, ...]] = ("asked again after its delay", "a delay past the deadline")

    def __init__(self, world: World) -> None:
        """Nobody has asked for anything."""
        super().__init__(world)
        self._quiet: dict[_Place, float] = {}
        self._clocks: dict[int, RequestClock] = {}
        self._calls: dict[tuple[int, int], _Place] = {}
        self._asked: dict[int, list[str]] = {}
        self._overflowed: list[int] = []
        self._failed: dict[str, int] = {}
        """Faults of each target, and of its provider."""

    def on_step(self, exchange: Exchange, event: ev.Event, actions: Sequence[act.Action]) -> None:
        """Note what is asked for, then judge what goes out."""
        if isinstance(event, ev.Arrived):
            self._clocks[exchange.number] = RequestClock(exchange, self.world.now)
        clock = self._clocks[exchange.number]
        clock.follow(event, actions, self.world.now)
        if isinstance(event, ev.Failed):
            self._failed_at(exchange, event.attempt, event.fault)
        for action in actions:
            if isinstance(action, act.Send | act.ContinueOn):
                clock.sent += 1
                self._sent(exchange, action)
        if isinstance(event, ev.Failed):
            self._judge_answer(exchange, clock, event, actions)

    def _failed_at(self, exchange: Exchange, attempt: int, fault: Fault) -> None:
        target, credential = self._calls[exchange.number, attempt]
        provider = target.partition("/")[0]
        for name in (target, provider):
            self._failed[name] = self._failed.get(name, 0) + 1
        if fault.kind is Kind.CONTEXT_TOO_LONG:
            self._overflowed.append(exchange.number)
        if fault.delay_s is None or fault.verdict is Verdict.FIX_REQUEST:
            return
        place: _Place = (target, None)
        if fault.verdict is Verdict.THROTTLE:
            place = (target, credential)
        elif fault.verdict in (Verdict.KEY, Verdict.QUOTA):
            place = (provider, credential)
        until = self.world.now + min(fault.delay_s, _BELIEVED_S)
        self._quiet[place] = max(self._quiet.get(place, until), until)

    def _sent(self, exchange: Exchange, send: act.Send | act.ContinueOn) -> None:
        name, now = send.target.name, self.world.now
        self._calls[exchange.number, send.attempt] = (name, send.credential)
        self._asked.setdefault(exchange.number, []).append(name)
        for place in ((name, None), (name, send.credential), (send.target.provider, send.credential)):
            until = self._quiet.get(place)
            if until is None:
                continue
            if now < until - _EPSILON_S:
                self.wrong(
                    f"{exchange} calls {name} (key {send.credential}), which asked for quiet until {until}"
                )
            elif until > self.world.began:
                self.meet("asked again after its delay")

    def _judge_answer(
        self, exchange: Exchange, clock: RequestClock, event: ev.Failed, actions: Sequence[act.Action]
    ) -> None:
        """What a delay past the deadline leads to."""
        fault, now = event.fault, self.world.now
        if fault.delay_s is None or now + min(fault.delay_s, _BELIEVED_S) < clock.bound:
            return
        if fault.verdict is Verdict.FIX_REQUEST or exchange.calls:
            return
        self.meet("a delay past the deadline")
        waits = any(isinstance(action, act.Wait) for action in actions)
        if waits and self._is_alone(exchange):
            self.wrong(f"{exchange} waits for the only target, which asked for {fault.delay_s} s")
        if not self._may_go_on(exchange, clock):
            return
        others = [state for state in exchange.route.states if self._is_surely_able(exchange, state)]
        if others:
            self.meet("a delay past the deadline, and another target was able")
            if not any(isinstance(action, act.Send | act.ContinueOn) for action in actions):
                able = ", ".join(state.target.name for state in others)
                self.wrong(
                    f"{exchange} does not fail over at once after {fault.delay_s} s, to {able}: {actions}"
                )

    def _may_go_on(self, exchange: Exchange, clock: RequestClock) -> bool:
        options = exchange.route.options
        if exchange.journey.committed and (
            options.after_commit is not AfterCommit.CONTINUE or exchange.obstacle is not None
        ):
            return False
        return (
            exchange.repeatable
            and not exchange.demand.repeats
            and exchange.number not in self._overflowed
            and clock.sent < options.attempts
            and self.world.now < clock.bound - _LAST_START_S
        )

    def _is_alone(self, exchange: Exchange) -> bool:
        states = exchange.route.states
        return len(states) == 1 and len(states[0].accounts) == 1

    def _is_surely_able(self, exchange: Exchange, state: Watched) -> bool:
        """Whether nothing that is known speaks against a target; doubtful ones don't count."""
        name, provider = state.target.name, state.target.provider
        # One that can't do the request can't go on with its answer, either: it is not asked again.
        unfit = (*exchange.unfit, *(exchange.unfit_to_go_on if exchange.journey.committed else ()))
        busy = any(call.target.name == name for each in self.world.live for call in each.calls.values())
        return (
            name not in unfit
            and name not in self._asked.get(exchange.number, ())
            and not self._failed.get(name)
            and not self._failed.get(provider)
            and not busy
            and not state.breaker.is_stressed(self.world.now)
            and not any(account.pacer.knows_limits for account in state.accounts)
        )
