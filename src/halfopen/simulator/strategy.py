"""What the simulator needs of a policy: a plan for each request, driven like a journey.

`halfopen.policy.Journey` is a plan. The other policies are written in the same terms, so that all of
them are carried out by the same driver.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from halfopen.model import Attempt, Demand, Target
from halfopen.policy import State
from halfopen.policy.actions import Action
from halfopen.policy.events import Event
from halfopen.policy.queue import Line
from halfopen.seams import Entropy


class Plan(Protocol):
    """One request's plan. See `halfopen.policy.Journey`, whose rules hold here, too."""

    wake_at: float
    attempts: list[Attempt]
    """Every attempt that has ended."""

    @property
    def state(self) -> State:
        """Where it stands."""
        ...

    def step(self, event: Event, now: float) -> list[Action]:
        """Take one event and return what to do."""
        ...

    def progress(self, chars: int, now: float) -> None:
        """More content of a stream came."""
        ...


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a strategy is told of a request."""

    number: int
    targets: tuple[Target, ...]
    """In the client's order of preference."""
    demand: Demand
    stream: bool
    deadline_s: float
    """The client leaves then."""


class Strategy(Protocol):
    """One policy over one run: makes plans, and keeps what they share."""

    name: str
    cancels: bool
    """Whether calls that nobody waits for are cancelled. Else the upstream works on."""

    def plan(self, request: Request, now: float) -> Plan:
        """The plan of one request."""
        ...

    def line(self, request: Request) -> Line | None:
        """Where the request waits for room; None: this policy has no line."""
        ...

    def lines_to(self, target: str) -> Sequence[Line]:
        """The lines that lead to a target (its `name`), those of its own requests first."""
        ...


class MakeStrategy(Protocol):
    """Makes a fresh strategy for a run."""

    def __call__(self, targets: Sequence[Target], entropy: Entropy, now: float) -> Strategy:
        """`entropy` is the run's own stream for the policy."""
        ...
