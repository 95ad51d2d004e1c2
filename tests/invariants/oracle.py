"""A bystander: sees every call, event and decision of a world, keeps its own counts, and judges one invariant.

Rules
1. An oracle never asks a policy for its own counters: what the policies believe is what is on trial.
2. A schedule in which the invariant's situation never came up proves nothing: `met` says what came up.
"""

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, ClassVar

from halfopen.model import Demand, Fault
from halfopen.policy import events as ev
from halfopen.policy.actions import Action
from halfopen.policy.target import Permit, Refused

if TYPE_CHECKING:
    from schedule_exchange import Exchange
    from schedule_world import Watched, World


class Asked:
    """One admission at one target: what was asked, what was true before, and the answer."""

    __slots__ = ("answer", "but", "demand", "limit", "only_choice", "own", "state")

    def __init__(
        self,
        state: "Watched",
        answer: Permit | Refused,
        *,
        limit: int,
        own: bool,
        only_choice: bool,
        demand: Demand,
        but: Container[int],
    ) -> None:
        """`limit` is the target's before it was asked, and one more for each call that it gave up for lost."""
        self.state = state
        self.answer = answer
        self.limit = limit
        self.own = own
        self.only_choice = only_choice
        self.demand = demand
        self.but = but


class Oracle:
    """Sees everything and says nothing. Each oracle overrides what it needs."""

    number: ClassVar[int] = 0
    """The invariant's, in the list of fourteen."""
    claims: ClassVar[tuple[str, ...]] = ()
    """The situations of which each must have come up for the invariant to be tried."""

    def __init__(self, world: "World") -> None:
        """Before anything has happened."""
        self.world = world
        self.met: dict[str, int] = {}
        """How often each situation came up."""
        self.wrongs: list[str] = []
        """What broke the invariant, in words."""

    def meet(self, situation: str) -> None:
        """A situation came up."""
        self.met[situation] = self.met.get(situation, 0) + 1

    def wrong(self, what: str) -> None:
        """The invariant is broken."""
        self.wrongs.append(f"invariant {self.number}, at {self.world.now - self.world.began:.4f} s: {what}")

    def before_step(self, exchange: "Exchange", event: ev.Event) -> None:
        """A journey is about to be told of an event."""

    def on_step(self, exchange: "Exchange", event: ev.Event, actions: Sequence[Action]) -> None:
        """A journey was told of an event, and has decided."""

    def on_crash(self, exchange: "Exchange") -> None:
        """A driver has failed, and its journey has been abandoned."""

    def on_over(self, exchange: "Exchange") -> None:
        """A request is over for its driver."""

    def on_asked(self, asked: Asked) -> None:
        """A target was asked for a permit."""

    def before_settle(self, state: "Watched", permit: Permit, how: str, fault: Fault | None) -> None:
        """A permit is about to be given back."""

    def after_settle(self, state: "Watched", permit: Permit, how: str, fault: Fault | None) -> None:
        """A permit has been given back: as a success, a fault, or cancelled."""

    def on_answering(self, state: "Watched", permit: Permit) -> None:
        """A stream's first content has been noted."""

    def on_end(self) -> None:
        """All requests are over."""
