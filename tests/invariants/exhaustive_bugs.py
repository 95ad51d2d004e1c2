"""Planted bugs: each is put into a fresh world, and the search must find it.

A bug is a class that stands in for a real one; `plant` changes the classes of the objects that are there.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from exhaustive_model import Variant, World

from halfopen.model import Fault, Verdict
from halfopen.policy import Journey, TargetState
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.breaker import Breaker, Ticket
from halfopen.policy.bucket import RetryBucket
from halfopen.policy.credential import Credential
from halfopen.policy.deadline import Deadline
from halfopen.policy.limiter import Limiter
from halfopen.policy.target import Permit


class Leaky(TargetState):
    """Keeps the permit of a cancelled call."""

    __slots__ = ()

    def settle_cancelled(self, permit: Permit, now: float) -> None:
        permit.open = False


class Deaf(TargetState):
    """Does not heed what servers ask."""

    __slots__ = ()

    def settle_fault(self, permit: Permit, fault: Fault, now: float, usage: Any = None) -> None:
        super().settle_fault(permit, fault, now, usage)
        self._quiet_until = 0.0
        for account in self.accounts:
            account.throttled_until = 0.0


class Blaming(TargetState):
    """Holds a bad request against the target."""

    __slots__ = ()

    def settle_fault(self, permit: Permit, fault: Fault, now: float, usage: Any = None) -> None:
        super().settle_fault(permit, fault, now, usage)
        if fault.verdict is Verdict.FIX_REQUEST:
            self.breaker.failed(permit.ticket, now)


class Twice(TargetState):
    """Gives the permit of a failed call back twice."""

    __slots__ = ()

    def settle_fault(self, permit: Permit, fault: Fault, now: float, usage: Any = None) -> None:
        super().settle_fault(permit, fault, now, usage)
        self.limiter.release(now, own=permit.own)


class Bottomless(RetryBucket):
    """Always has a token."""

    __slots__ = ()

    def take(self, cost: float, now: float, *_: Any) -> bool:
        return True


class Wide(Limiter):
    """Lets one too many through."""

    __slots__ = ()

    def has_room_for(self, now: float, *, own: bool) -> bool:
        return self.in_flight <= self.limit


class Unreserved(Limiter):
    """Keeps nothing for the target's own traffic."""

    __slots__ = ()

    def has_room_for(self, now: float, *, own: bool) -> bool:
        return self.in_flight < self.limit


class Wedged(Breaker):
    """A probe that is cancelled keeps its lease, for good."""

    __slots__ = ()

    def abandoned(self, ticket: Ticket) -> None:
        if ticket.lease:
            self._lease_until = self._lone_lease_until = math.inf


class Sealed(Breaker):
    """Once open, it stays so."""

    __slots__ = ()

    def _open(self, now: float) -> None:
        super()._open(now)
        self._open_until = self._lone_open_until = math.inf


class Unparked(Credential):
    """A refused key is used on."""

    __slots__ = ()

    def refused(self, fault: Fault, now: float) -> None:
        super().refused(fault, now)
        self.parked_until = now


class Tireless(Deadline):
    """Begins calls after the deadline, and lets them go on."""

    __slots__ = ()

    def begin(self, now: float) -> None:
        super().begin(now)
        self.last_start = math.inf
        self.at += 2.0


class Resending(Journey):
    """Sends a stream anew after its client has got a part of it."""

    __slots__ = ()

    def step(self, event: ev.Event, now: float) -> list[act.Action]:
        return [
            act.Send(each.attempt, each.target, each.deadline, each.credential)
            if isinstance(each, act.ContinueOn)
            else each
            for each in super().step(event, now)
        ]


class Hasty(Journey):
    """Takes the first content of a stream for its end."""

    __slots__ = ()

    def step(self, event: ev.Event, now: float) -> list[act.Action]:
        actions = super().step(event, now)
        if isinstance(event, ev.Content):
            actions.append(act.Complete(event.attempt))
        return actions


class Clinging(Journey):
    """Does not cancel the call that lost against its hedge, or hedge."""

    __slots__ = ()

    def step(self, event: ev.Event, now: float) -> list[act.Action]:
        actions = super().step(event, now)
        if isinstance(event, ev.Content | ev.Finished):
            return [each for each in actions if not isinstance(each, act.Cancel)]
        return actions


def _of_targets(kind: type, part: str = "") -> Callable[[World], None]:
    def plant(world: World) -> None:
        for state in world.states:
            (getattr(state, part) if part else state).__class__ = kind

    return plant


def _of_journeys(kind: type) -> Callable[[World], None]:
    def plant(world: World) -> None:
        for request in world.requests:
            request.journey.__class__ = kind

    return plant


def _unparked(world: World) -> None:
    for state in world.states:
        for account in state.accounts:
            account.credential.__class__ = Unparked


def _tireless(world: World) -> None:
    for request in world.requests:
        request.journey._deadline.__class__ = Tireless


@dataclass(frozen=True, slots=True)
class Bug:
    """What is planted, where it shows, and which rule it breaks."""

    plant: Callable[[World], None]
    variant: Variant
    rules: tuple[int, ...]
    """0: something raises."""


_ONE = Variant("bug", ("500",), targets=1, arrives_until_s=0.0)
_TWO = Variant("bug", ("500", "request"), leaves=0, arrives_until_s=0.0)
_STREAM = Variant("bug", ("cut",), stream=True, leaves=0, arrives_until_s=0.0)
_HEDGE = Variant("bug", (), stream=True, hedges=True, limit=3, bucket=6.0, leaves=0, arrives_until_s=0.0)
_ROOMY = Variant("bug", ("500",), limit=2, leaves=0, arrives_until_s=0.0)
_PATIENT = Variant("bug", ("500",), targets=1, attempt_s=20.0, leaves=0, arrives_until_s=0.0)

BUGS: Final[Mapping[str, Bug]] = {
    "leaky": Bug(_of_targets(Leaky), _ONE, (4,)),
    "deaf": Bug(_of_targets(Deaf), Variant("bug", ("503",), targets=1, leaves=0), (6,)),
    "blaming": Bug(_of_targets(Blaming), _TWO, (5,)),
    "twice": Bug(_of_targets(Twice), _TWO, (0, 4)),
    "bottomless": Bug(_of_targets(Bottomless, "bucket"), Variant("bug", ("500",), targets=1, leaves=0), (1,)),
    "wide": Bug(_of_targets(Wide, "limiter"), _ONE, (4,)),
    "unreserved": Bug(_of_targets(Unreserved, "limiter"), _ROOMY, (11,)),
    "wedged": Bug(
        _of_targets(Wedged, "breaker"),
        Variant("bug", ("500",), targets=1, failing=2, arrives_until_s=0.0),
        (5, 10),
    ),
    "sealed": Bug(
        _of_targets(Sealed, "breaker"), Variant("bug", ("500",), targets=1, failing=1, leaves=0), (10,)
    ),
    "unparked": Bug(_unparked, Variant("bug", ("key",), shared_key=True, leaves=0), (7,)),
    "tireless": Bug(_tireless, _PATIENT, (2,)),
    "resending": Bug(_of_journeys(Resending), _STREAM, (3,)),
    "hasty": Bug(_of_journeys(Hasty), _STREAM, (8,)),
    "clinging": Bug(_of_journeys(Clinging), _HEDGE, (4,)),
}
"""By name."""
