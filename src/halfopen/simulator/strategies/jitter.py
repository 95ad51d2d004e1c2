"""Exponential backoff with full jitter, and nothing else.

Rules
1. Three calls at the same target.
2. The n-th retry (n from 0) waits U(0, min(8, 0.5 · 2ⁿ)) s.
3. Each call gets a third of the client's time, so that one that times out is retried while the client
   still waits.
4. Retried is what is transient by status or connection. No budget, no breaker, no failover.

Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from collections.abc import Sequence
from typing import Final

from halfopen.model import Fault, Target
from halfopen.policy.backoff import full_jitter
from halfopen.policy.options import RetryOptions
from halfopen.seams import Entropy
from halfopen.simulator.strategies.lineless import Lineless
from halfopen.simulator.strategies.retry_plan import Again, RetryPlan
from halfopen.simulator.strategies.transient import is_transient
from halfopen.simulator.strategy import Request

CALLS_MAX: Final = 3
_BACKOFF: Final = RetryOptions(base_s=0.5, cap_s=8.0)


class JitterPlan(RetryPlan):
    """One request with jittered retries."""

    __slots__ = ("_entropy",)

    def __init__(self, request: Request, entropy: Entropy) -> None:
        """Nothing happens before `Arrived`."""
        super().__init__(request, request.deadline_s / CALLS_MAX)
        self._entropy = entropy

    def again(self, fault: Fault, now: float) -> Again | None:
        """The next call, at the same target."""
        if len(self.attempts) >= CALLS_MAX or not is_transient(fault):
            return None
        return Again(now + full_jitter(_BACKOFF, self.retries, self._entropy))


class Jitter(Lineless):
    """The strategy `jitter`."""

    __slots__ = ("_entropy", "name")

    def __init__(self, entropy: Entropy) -> None:
        """Requests share nothing but the source of randomness."""
        self.name = "jitter"
        self._entropy = entropy

    def plan(self, request: Request, now: float) -> JitterPlan:  # noqa: ARG002 - the protocol's signature
        """The plan of one request."""
        return JitterPlan(request, self._entropy)


def make_jitter(targets: Sequence[Target], entropy: Entropy, now: float) -> Jitter:  # noqa: ARG001 - as above
    """A fresh strategy for a run."""
    return Jitter(entropy)
