"""Invariant 11: failover never exceeds a target's limit, and its reserved share stays intact.

Reserved for the target's own traffic is what that lately had in flight and half as much again, one call at
least, up to the share `reserve`; but one failover may always be under way. "Lately" is the most that was in
flight, halved every 10 s. Calls that are given up for lost (invariant 4 sees to it that they are) count neither
as failovers nor as own traffic, and their places are beside the limit.
"""

import math
from typing import ClassVar

from oracle import Asked, Oracle
from schedule_world import Watched, World

from halfopen.model import Fault
from halfopen.policy.choice import Choice
from halfopen.policy.target import Permit, Refusal

_HALVED_EVERY_S = 10.0
_GROWTH = 1.5
_ROUNDING = 1e-9


class _Traffic:
    """Calls at one target, its own and others', and the most of its own."""

    __slots__ = ("at", "foreign", "most", "own")

    def __init__(self) -> None:
        self.own = 0
        self.foreign = 0
        self.most = 0.0
        self.at = 0.0

    def most_at(self, now: float, lost: int) -> float:
        """The most of its own that lately was in flight, without the lost. Call it around every change."""
        faded = self.most * 2.0 ** ((self.at - now) / _HALVED_EVERY_S)
        self.most, self.at = max(faded, float(self.own - lost)), now
        return self.most


class Reserved(Oracle):
    """Counts own calls and failovers at each target."""

    number: ClassVar[int] = 11
    claims: ClassVar[tuple[str, ...]] = ("a failover was let in", "a failover met the reserve")

    def __init__(self, world: World) -> None:
        """Nothing is in flight."""
        super().__init__(world)
        self._traffic = {state.target.name: _Traffic() for state in world.states}

    def on_asked(self, asked: Asked) -> None:
        """A call is let in, or not."""
        name, now = asked.state.target.name, self.world.now
        traffic, lost = self._traffic[name], asked.state.limiter.own_lost
        self._check_whose(asked)
        if not isinstance(asked.answer, Permit):
            room = traffic.own + traffic.foreign < asked.limit
            if asked.answer.reason is Refusal.NO_ROOM and room:
                if asked.own:
                    self.wrong(f"{name} refuses its own traffic, {traffic.own} + {traffic.foreign} in flight")
                elif _live_foreign(asked, traffic) + 1 > _live_limit(asked) - self._kept(asked, traffic, now):
                    self.meet("a failover met the reserve")
            return
        if asked.own:
            traffic.most_at(now, lost)
            traffic.own += 1
            traffic.most_at(now, lost)
        else:
            self.meet("a failover was let in")
            self._check_reserve(asked, traffic, now)
            traffic.foreign += 1
        if traffic.own + traffic.foreign > asked.limit:
            self.wrong(f"{name} has {traffic.own} + {traffic.foreign} in flight, its limit is {asked.limit}")

    def _kept(self, asked: Asked, traffic: _Traffic, now: float) -> int:
        limit = _live_limit(asked)
        share = math.ceil(self.world.policy.limit.reserve * limit)
        most = traffic.most_at(now, asked.state.limiter.own_lost)
        needed = math.floor(_GROWTH * most - _ROUNDING) + 1
        return max(0, min(share, needed, limit - 1))

    def _check_reserve(self, asked: Asked, traffic: _Traffic, now: float) -> None:
        kept, foreign, limit = (
            self._kept(asked, traffic, now),
            _live_foreign(asked, traffic),
            _live_limit(asked),
        )
        if foreign + 1 > limit - kept:
            self.wrong(
                f"{asked.state.target.name} lets in failover {foreign + 1}, its limit is {limit}, "
                f"{kept} are reserved: its own had {traffic.most:.2f} lately"
            )

    def _check_whose(self, asked: Asked) -> None:
        """The first target of a route in order is its requests' own; one behind a fit one is not."""
        exchange = self.world.asking
        if exchange is None or exchange.route.options.choice is not Choice.ORDER:
            return
        names = [state.target.name for state in exchange.route.states]
        index = names.index(asked.state.target.name)
        unfit = (*exchange.unfit, *exchange.unfit_to_go_on)
        if index == 0 and not asked.own:
            self.wrong(f"{exchange} is not reckoned to {names[0]}, its first choice")
        if asked.own and any(name not in unfit for name in names[:index]):
            self.wrong(f"{exchange} is reckoned to {names[index]}, its first choice is {names[0]}")

    def before_settle(self, state: Watched, permit: Permit, how: str, fault: Fault | None) -> None:
        """A call is over."""
        traffic = self._traffic[state.target.name]
        if permit.own:
            traffic.most_at(self.world.now, state.limiter.own_lost)
            traffic.own -= 1
        else:
            traffic.foreign -= 1


def _live_limit(asked: Asked) -> int:
    return asked.limit - asked.state.limiter.lost


def _live_foreign(asked: Asked, traffic: _Traffic) -> int:
    return traffic.foreign - (asked.state.limiter.lost - asked.state.limiter.own_lost)
