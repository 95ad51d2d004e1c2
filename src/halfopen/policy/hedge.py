"""A second call for a stream whose first content is late.

Rules
1. A call is hedged when its first content has not come after the time that all but the share
   `extra_load` of the target's streams take. So no more than that share of the calls is hedged.
2. A hedge is paid in tokens, from a budget that every call pays the same share of its own tokens
   into. It starts empty and never goes below zero, so hedged tokens never exceed that share of all
   tokens, at any time and on any schedule: long prompts cost what they weigh.
3. The budget is bounded by 20 mean requests: a quiet night doesn't save up a burst for the morning.
4. A request of unknown size counts as one token when it pays in, and as a mean request when it takes.
5. Off unless `extra_load` is set; off while any target of the route is in trouble: its breaker, its
   limit or its retry budget. Late answers mean load then, and a hedge would add to it.

Source: J. Dean and L. A. Barroso, "The Tail at Scale", Communications of the ACM 56(2), 2013.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from halfopen.policy.bucket import RETRY_COST
from halfopen.policy.options import HedgeOptions

if TYPE_CHECKING:
    from halfopen.policy.permit import Permit
    from halfopen.policy.selection import Selection
    from halfopen.policy.target import TargetState


_REQUESTS_MAX: Final = 20
_REMEMBERED: Final = 1000
"""The mean request is that of about so many."""
_RETRIES_LOW: Final = 0.5
"""A retry bucket that is less full than this: the target's calls have been failing."""


class HedgeBudget:
    """What one route may spend on hedges. Not thread-safe; one event loop owns it."""

    __slots__ = ("_mean", "_seen", "extra_load", "tokens")

    def __init__(self, options: HedgeOptions) -> None:
        """Starts empty: hedges are earned by calls."""
        self.extra_load = options.extra_load
        """Most tokens that hedges may add, as a share of all. 0: there are none."""
        self._mean = 0.0
        self._seen = 0
        self.tokens = 0.0
        """Tokens at hand."""

    def earn(self, tokens: int) -> None:
        """A request of so many tokens was sent. 0: of unknown size."""
        share = self.extra_load
        if share <= 0.0:
            return
        tokens = max(1, tokens)
        self._seen = min(self._seen + 1, _REMEMBERED)
        self._mean += (tokens - self._mean) / self._seen
        # What is at hand stays when requests become smaller; it is only not added to.
        most = max(self.tokens, _REQUESTS_MAX * self._mean)
        self.tokens = min(most, self.tokens + share * tokens)

    def take(self, tokens: int) -> bool:
        """Spend as much as a hedge of so many tokens costs; False, and nothing spent, if there is less.

        0 or 1: of unknown size; no request is that small.
        """
        cost = float(tokens) if tokens > 1 else max(1.0, self._mean)
        if self.extra_load <= 0.0 or self.tokens < cost:
            return False
        self.tokens -= cost
        return True

    def delay_s(self, state: "TargetState") -> float | None:
        """How long a first call may be silent before it is hedged; None: no hedge."""
        share = self.extra_load
        return state.first_content.percentile(1.0 - share) if share > 0.0 else None

    def is_stressed(self, states: "Sequence[TargetState]", now: float) -> bool:
        """Whether any target is in trouble, so that nobody adds load."""
        return any(
            state.breaker.is_stressed(now)
            or state.limiter.is_stressed(now)
            or state.bucket.fill(now) < _RETRIES_LOW
            for state in states
        )


def take_hedge(
    budget: HedgeBudget, selection: "Selection", tokens: int, now: float
) -> "tuple[int, Permit] | None":
    """A permit for a hedge of so many tokens at another target, all of it paid. None: there is to be none."""
    if budget.is_stressed(selection.states, now):
        return None
    if not selection.others_could_serve(now) or not budget.take(tokens):
        return None
    taken = selection.take_untried(now, [])
    if taken is None:
        return None
    index, permit = taken
    if not selection.state(index).bucket.take(RETRY_COST, now):
        selection.give_back(index, permit, now)
        return None
    return taken
