"""Invariant 4: in flight <= limit at every admission, and every permit is given back exactly once.

A call that has said nothing for ten seconds may be given up for lost: then the limit is one higher, for it.
Whenever nobody is acting, as many permits are out as calls are under way; when all requests are over,
nothing is in flight, leased or waiting, wherever a client left or a driver failed.
"""

from collections.abc import Sequence
from typing import ClassVar

from oracle import Asked, Oracle
from schedule_exchange import Exchange
from schedule_world import Watched, World

from halfopen.model import Fault
from halfopen.policy import State
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.target import Permit, Refusal

_LOST_S = 10.0


class Permits(Oracle):
    """Keeps a list of all permits that are out."""

    number: ClassVar[int] = 4
    claims: ClassVar[tuple[str, ...]] = ("a limit was full", "a request was given up with a call under way")

    def __init__(self, world: World) -> None:
        """None is out."""
        super().__init__(world)
        self._out: dict[str, list[Permit]] = {state.target.name: [] for state in world.states}
        self._silent: dict[str, dict[int, float]] = {state.target.name: {} for state in world.states}
        """Since when, by the identity of those permits that are out and whose calls have brought nothing."""

    def on_asked(self, asked: Asked) -> None:
        """A permit goes out, or not."""
        name = asked.state.target.name
        out, answer = self._out[name], asked.answer
        late = sum(self.world.now - since >= _LOST_S for since in self._silent[name].values())
        if asked.state.limiter.lost > late:
            self.wrong(f"{name} has given up {asked.state.limiter.lost} calls for lost, {late} are silent")
        if asked.state.limiter.lost:
            self.meet("a call was lost")
        if isinstance(answer, Permit):
            if len(out) + 1 > asked.limit:
                self.wrong(f"{name} lets a call in with {len(out)} in flight, its limit is {asked.limit}")
            if any(answer is other for other in out):
                self.wrong(f"{name} gives out the same permit twice")
            out.append(answer)
            self._silent[name][id(answer)] = self.world.now
            if len(out) == asked.limit:
                self.meet("a limit was full")
        elif answer.reason is Refusal.NO_ROOM and asked.own and len(out) < asked.limit:
            self.wrong(f"{name} has no room with {len(out)} in flight, its limit is {asked.limit}")

    def on_answering(self, state: Watched, permit: Permit) -> None:
        """A call has brought content."""
        if not permit.lost:
            self._silent[state.target.name].pop(id(permit), None)

    def before_settle(self, state: Watched, permit: Permit, how: str, fault: Fault | None) -> None:
        """A permit comes back."""
        out = self._out[state.target.name]
        found = [number for number, other in enumerate(out) if other is permit]
        if not found:
            self.wrong(f"{state.target.name} is given back a permit that is not out ({how})")
            return
        del out[found[0]]
        self._silent[state.target.name].pop(id(permit), None)

    def before_step(self, exchange: Exchange, event: ev.Event) -> None:
        """See who is given up in the midst of a call."""
        if isinstance(event, ev.ClientGone) and exchange.calls:
            self.meet("a request was given up with a call under way")
            if exchange.journey.state is State.ATTEMPTING and len(exchange.calls) > 1:
                self.meet("a hedged request was given up")

    def on_step(self, exchange: Exchange, event: ev.Event, actions: Sequence[act.Action]) -> None:
        """After its end a journey holds nothing; else as much as it has under way."""
        holds = sum(permit.open for out in self._out.values() for permit in out)
        flies = sum(other.journey.attempts_made - len(other.journey.attempts) for other in self.world.live)
        if holds != flies:
            self.wrong(f"{holds} permits are out and {flies} attempts under way after {type(event).__name__}")

    def on_over(self, exchange: Exchange) -> None:
        """Nothing of it is under way, nor waiting."""
        journey = exchange.journey
        if journey.state is not State.ENDED:
            self.wrong(f"{exchange} is over, its journey is {journey.state.value}")
        if journey.attempts_made != len(journey.attempts):
            self.wrong(f"{exchange} is over with an attempt under way")

    def on_end(self) -> None:
        """Nothing is left anywhere."""
        for state in self.world.states:
            name, limiter = state.target.name, state.limiter
            if self._out[name]:
                self.wrong(f"{name}: {len(self._out[name])} permits were never given back")
            if limiter.in_flight or limiter.own_in_flight:
                self.wrong(f"{name}: {limiter.in_flight} in flight, {limiter.own_in_flight} of them its own")
            for number, account in enumerate(state.accounts):
                if account.in_flight:
                    self.wrong(f"{name}: {account.in_flight} in flight with key {number}")
        for route in self.world.routes:
            if len(route.line):
                self.wrong(f"{route.line} still waits")
