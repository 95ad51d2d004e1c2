"""One call, and nothing else: what the upstream's failures come to when nobody does anything.

Rules
1. One call to the first target.
2. No retry, no failover, no time limit but the client's own.
"""

from collections.abc import Sequence

from halfopen.model import Fault, Target
from halfopen.seams import Entropy
from halfopen.simulator.strategies.lineless import Lineless
from halfopen.simulator.strategies.retry_plan import Again, RetryPlan
from halfopen.simulator.strategy import Request


class OneCall(RetryPlan):
    """One request, sent once."""

    __slots__ = ()

    def again(self, fault: Fault, now: float) -> Again | None:  # noqa: ARG002 - the protocol's signature
        """Never."""
        return None


class NoRetries(Lineless):
    """The strategy `none`."""

    __slots__ = ("name",)

    def __init__(self) -> None:
        """Keeps nothing."""
        self.name = "none"

    def plan(self, request: Request, now: float) -> OneCall:  # noqa: ARG002 - the protocol's signature
        """The plan of one request."""
        return OneCall(request)


def make_none(targets: Sequence[Target], entropy: Entropy, now: float) -> NoRetries:  # noqa: ARG001 - as above
    """A fresh strategy for a run."""
    return NoRetries()
