"""Bugs to plant into a world, each of which an oracle must find."""

import random
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from schedule_world import Watched, World

from halfopen.model import Demand, Fault, Usage, Verdict
from halfopen.policy import Journey
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.breaker import Breaker, Ticket
from halfopen.policy.bucket import RetryBucket
from halfopen.policy.credential import Credential
from halfopen.policy.limiter import Limiter
from halfopen.policy.selection import NEVER, Selection
from halfopen.policy.target import Permit, Refused

# 1: the retry budget.


class _Bottomless(RetryBucket):
    __slots__ = ()

    def take(self, *_args: Any, **_names: Any) -> bool:
        return True


class _Unheeding(Watched):
    __slots__ = ()

    def _admit(
        self, now: float, *, only_choice: bool, demand: Demand, own: bool, but: Container[int]
    ) -> Permit | Refused:
        fresh = Demand(input_tokens=demand.input_tokens, output_tokens=demand.output_tokens)
        return super()._admit(now, only_choice=only_choice, demand=fresh, own=own, but=but)


def bottomless(world: World) -> None:
    """A bucket that never charges."""
    for state in world.states:
        state.bucket.__class__ = _Bottomless


def unheeding(world: World) -> None:
    """A target for which a request that its caller repeats is like any other."""
    for state in world.states:
        state.__class__ = _Unheeding


# 2: attempts and deadlines.


class _Late(Journey):
    __slots__ = ()

    def __init__(self, *args: Any, **names: Any) -> None:
        names["options"] = replace(names["options"], deadline_s=names["options"].deadline_s + 1.0)
        super().__init__(*args, **names)


class _Stubborn(Journey):
    __slots__ = ()

    def __init__(self, *args: Any, **names: Any) -> None:
        names["options"] = replace(names["options"], attempts=names["options"].attempts + 1)
        super().__init__(*args, **names)


def late(world: World) -> None:
    """A journey whose deadline is a second late."""
    world.journey_class = _Late


def stubborn(world: World) -> None:
    """A journey that makes one attempt too many."""
    world.journey_class = _Stubborn


# 3: what the client has.


class _Forgetful(Journey):
    __slots__ = ()

    def step(self, event: ev.Event, now: float) -> list[act.Action]:
        if isinstance(event, ev.Failed):
            self.committed = False
        return super().step(event, now)


class _Willful(Journey):
    __slots__ = ()

    def __init__(self, *args: Any, **names: Any) -> None:
        names["resumable"] = lambda: None
        super().__init__(*args, **names)


def forgetful(world: World) -> None:
    """A journey that forgets that its client has a part of the answer, when an attempt fails."""
    world.journey_class = _Forgetful


def willful(world: World) -> None:
    """A journey that goes on with what can't be gone on with."""
    world.journey_class = _Willful


# 4: permits.


class _Leaky(Watched):
    __slots__ = ()

    def _settle_cancelled(self, permit: Permit, now: float) -> None:
        permit.open = False


class _Wide(Limiter):
    __slots__ = ()

    def has_room_for(self, now: float, *, own: bool) -> bool:
        return self.in_flight <= self.limit


def leaky(world: World) -> None:
    """A target that forgets to release a cancelled call's permit."""
    for state in world.states:
        state.__class__ = _Leaky


def wide(world: World) -> None:
    """A limiter that lets in one too many."""
    for state in world.states:
        state.limiter.__class__ = _Wide


# 5: probes, request faults and cancellation.


class _Blaming(Watched):
    __slots__ = ()

    def _settle_cancelled(self, permit: Permit, now: float) -> None:
        self.breaker.failed(permit.ticket, now)
        super()._settle_cancelled(permit, now)


class _Trusting(Watched):
    __slots__ = ()

    def _settle_cancelled(self, permit: Permit, now: float) -> None:
        self.breaker.succeeded(permit.ticket, now)
        super()._settle_cancelled(permit, now)


class _Overloaded(Watched):
    __slots__ = ()

    def _settle_fault(self, permit: Permit, fault: Fault, now: float, usage: Usage | None) -> None:
        super()._settle_fault(permit, fault, now, usage)
        if fault.verdict is Verdict.FIX_REQUEST:
            self.limiter.overloaded(now)


class _Lender(Breaker):
    __slots__ = ()

    def abandoned(self, ticket: Ticket) -> None:
        pass


def blaming(world: World) -> None:
    """A target for which a cancelled call is a failure."""
    for state in world.states:
        state.__class__ = _Blaming


def trusting(world: World) -> None:
    """A target for which a cancelled call is a success."""
    for state in world.states:
        state.__class__ = _Trusting


def overloaded(world: World) -> None:
    """A target whose limit falls for the faults of requests."""
    for state in world.states:
        state.__class__ = _Overloaded


def lender(world: World) -> None:
    """A breaker that keeps a cancelled probe's lease."""
    for state in world.states:
        state.breaker.__class__ = _Lender


# 6: delays.


class _Deaf(Watched):
    __slots__ = ()

    def _settle_fault(self, permit: Permit, fault: Fault, now: float, usage: Usage | None) -> None:
        super()._settle_fault(permit, fault, now, usage)
        self._quiet_until = float("-inf")
        for account in self.accounts:
            account.throttled_until = float("-inf")


class _Patient(Selection):
    __slots__ = ()

    def plan_retry(self, now: float, deadline: float) -> tuple[int, float] | None:
        return super().plan_retry(now, NEVER)


class _Waits(Journey):
    __slots__ = ()

    def __init__(self, *args: Any, **names: Any) -> None:
        super().__init__(*args, **names)
        self._selection.__class__ = _Patient


def deaf(world: World) -> None:
    """A target that forgets what the server has asked for."""
    for state in world.states:
        state.__class__ = _Deaf


def waits(world: World) -> None:
    """A journey that waits for a delay that it can't outlive."""
    world.journey_class = _Waits


# 7: parked credentials.


class _Unparked(Credential):
    __slots__ = ()

    def admit(self, now: float) -> bool:
        return now >= self.parked_until


class _Clumsy(Watched):
    __slots__ = ()

    def _settle_fault(self, permit: Permit, fault: Fault, now: float, usage: Usage | None) -> None:
        super()._settle_fault(permit, fault, now, usage)
        if fault.verdict in (Verdict.KEY, Verdict.QUOTA):
            for state in self.world.states:
                for account in state.accounts:
                    account.credential.refused(fault, now)


def unparked(world: World) -> None:
    """A credential that everybody may try as soon as its parking is over."""
    for state in world.states:
        for account in state.accounts:
            account.credential.__class__ = _Unparked


def clumsy(world: World) -> None:
    """A refused credential that takes all others with it."""
    for state in world.states:
        state.__class__ = _Clumsy


# 11: the reserve.


class _Greedy(Limiter):
    __slots__ = ()

    def reserved(self, now: float) -> int:
        return 0


class _Pretending(Watched):
    __slots__ = ()

    def _admit(
        self, now: float, *, only_choice: bool, demand: Demand, own: bool, but: Container[int]
    ) -> Permit | Refused:
        return super()._admit(now, only_choice=only_choice, demand=demand, own=True, but=but)


def greedy(world: World) -> None:
    """A limiter that keeps nothing for its own traffic."""
    for state in world.states:
        state.limiter.__class__ = _Greedy


def pretending(world: World) -> None:
    """A target that takes failovers for its own traffic."""
    for state in world.states:
        state.__class__ = _Pretending


# 13: the same seed.


def unseeded(world: World) -> None:
    """Policies that draw from where no seed reaches."""
    world.entropy = random.SystemRandom().random
    for state in world.states:
        state.breaker._entropy = world.entropy


PLANTED: Final[Mapping[int, tuple[Callable[[World], None], ...]]] = MappingProxyType(
    {
        1: (bottomless, unheeding),
        2: (late, stubborn),
        3: (forgetful, willful),
        4: (leaky, wide),
        5: (blaming, trusting, overloaded, lender),
        6: (deaf, waits),
        7: (unparked, clumsy),
        11: (greedy, pretending),
    }
)
"""By the invariant whose oracle must find them."""
