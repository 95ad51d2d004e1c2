"""What people write first: on any failure, at once the next in the list.

Rules
1. Three calls, each to the target after the last one, from the end of the list back to its beginning.
2. No delay, no budget, no memory of what failed a moment ago.
3. Whatever is not the answer is tried again, a refused key and a bad request as well, unless a stream's
   content has begun.
4. Each call gets a third of the client's time, so that a silent target is left at all.

Source: a loop around a list of base URLs with `except Exception: continue`, as it stands in many
applications; our own wording of it.
"""

from collections.abc import Sequence
from typing import Final

from halfopen.model import Fault, Target
from halfopen.seams import Entropy
from halfopen.simulator.strategies.lineless import Lineless
from halfopen.simulator.strategies.retry_plan import Again, RetryPlan
from halfopen.simulator.strategy import Request

CALLS_MAX: Final = 3


class NaivePlan(RetryPlan):
    """One request that goes round the list."""

    __slots__ = ()

    def __init__(self, request: Request) -> None:
        """Nothing happens before `Arrived`."""
        super().__init__(request, request.deadline_s / CALLS_MAX)

    def again(self, fault: Fault, now: float) -> Again | None:  # noqa: ARG002 - any failure is the same to it
        """The next call, at once."""
        if len(self.attempts) >= CALLS_MAX:
            return None
        return Again(now, (self.index + 1) % len(self.request.targets))


class Naive(Lineless):
    """The strategy `naive`."""

    __slots__ = ("name",)

    def __init__(self) -> None:
        """Keeps nothing."""
        self.name = "naive"

    def plan(self, request: Request, now: float) -> NaivePlan:  # noqa: ARG002 - the protocol's signature
        """The plan of one request."""
        return NaivePlan(request)


def make_naive(targets: Sequence[Target], entropy: Entropy, now: float) -> Naive:  # noqa: ARG001 - as above
    """A fresh strategy for a run."""
    return Naive()
