"""Finagle's retries under a retry budget.

Rules
1. At most two retries, at the same service, after decorrelated jitter: 5 ms first, then
   min(200 ms, U(5 ms, 3 · the last)).
2. Each request deposits one unit into the service's budget and each retry withdraws five, so that a
   fifth of the requests may be retried. Deposits and withdrawals are forgotten after 10 s, in steps of
   1 s, and 100 retries in each 10 s are free: the reserve of 10 a second.
3. Retried is what is transient by status or connection, while no response has begun.

Left out: failure accrual (Finagle's breaker), requeues of calls that were never written, nacks, the
choice among several addresses of a service, and its client-side admission filter for nacks.

Source: twitter/finagle, `service/RetryBudget.scala` and `service/RetryPolicy.scala` (`tries`);
twitter/util, `TokenBucket.newLeakyBucket`. Two retries are what its MethodBuilder allows by default.
"""

from collections.abc import Sequence
from typing import Final

from halfopen.model import Fault, Target
from halfopen.seams import Entropy
from halfopen.simulator.strategies.lineless import Lineless
from halfopen.simulator.strategies.retry_plan import Again, RetryPlan
from halfopen.simulator.strategies.transient import is_transient
from halfopen.simulator.strategy import Request

RETRIES_MAX: Final = 2
WINDOW_S: Final = 10
RETRY_COST: Final = 5
"""Deposits that pay for a retry: a fifth of the requests."""
RESERVE_PER_S: Final = 10
"""Retries."""
_FIRST_S: Final = 0.005
_LONGEST_S: Final = 0.2


class RetryBudget:
    """The budget of one service: a leaky bucket of ten slices of a second each."""

    __slots__ = ("_slices", "_turn", "_window")

    def __init__(self, now: float) -> None:
        """Starts with the reserve alone."""
        self._slices = [0] * WINDOW_S
        self._turn = int(now)
        self._window = 0
        """Sum of the slices."""

    def balance(self, now: float) -> int:
        """Retries that could be made now."""
        self._expire(now)
        return (self._window + RESERVE_PER_S * WINDOW_S * RETRY_COST) // RETRY_COST

    def deposit(self, now: float) -> None:
        """A request came."""
        self._add(1, now)

    def withdraw(self, now: float) -> bool:
        """Pay for a retry; False, and nothing paid, if there is too little."""
        if self.balance(now) < 1:
            return False
        self._add(-RETRY_COST, now)
        return True

    def _add(self, amount: int, now: float) -> None:
        self._expire(now)
        self._slices[self._turn % WINDOW_S] += amount
        self._window += amount

    def _expire(self, now: float) -> None:
        turn = int(now)
        if turn <= self._turn:
            return
        for passed in range(self._turn + 1, min(turn, self._turn + WINDOW_S) + 1):
            self._window -= self._slices[passed % WINDOW_S]
            self._slices[passed % WINDOW_S] = 0
        self._turn = turn


class FinaglePlan(RetryPlan):
    """One request as a Finagle client sends it."""

    __slots__ = ("_budget", "_delay_s", "_entropy")

    def __init__(self, request: Request, entropy: Entropy, budget: RetryBudget) -> None:
        """Nothing happens before `Arrived`."""
        super().__init__(request)
        self._entropy = entropy
        self._budget = budget
        self._delay_s = 0.0
        """The last wait; 0: there was none."""

    def again(self, fault: Fault, now: float) -> Again | None:
        """The next call, at the same service."""
        if self.retries >= RETRIES_MAX or self.has_head or not is_transient(fault):
            return None
        if not self._budget.withdraw(now):
            return None
        delay_s = _FIRST_S
        if self._delay_s:
            delay_s = min(_LONGEST_S, _FIRST_S + (3.0 * self._delay_s - _FIRST_S) * self._entropy())
        self._delay_s = delay_s
        return Again(now + delay_s)


class Finagle(Lineless):
    """The strategy `finagle`."""

    __slots__ = ("_budgets", "_entropy", "name")

    def __init__(self, targets: Sequence[Target], entropy: Entropy, now: float) -> None:
        """One budget for each service."""
        self.name = "finagle"
        self._entropy = entropy
        self._budgets = {target.name: RetryBudget(now) for target in targets}

    def plan(self, request: Request, now: float) -> FinaglePlan:
        """The plan of one request, which pays into the budget."""
        budget = self._budgets[request.targets[0].name]
        budget.deposit(now)
        return FinaglePlan(request, self._entropy, budget)


def make_finagle(targets: Sequence[Target], entropy: Entropy, now: float) -> Finagle:
    """A fresh strategy for a run."""
    return Finagle(targets, entropy, now)
