"""How long one attempt may take.

Rules
1. A plain attempt's own time is `attempt_s`. A streamed one's, to its first content, is twice the 99th
   percentile of the target's times, between `first_token_min_s` and `first_token_s`. While fewer than
   20 times are known it is `first_token_s`; but twice `first_token_min_s`, if that is less, at a target
   that doesn't reason when there is another: nobody should wait long for a server that may hang.
2. While another target could still be tried, half of what is left is kept back for it. A stream's
   target that is known to take longer, or to reason before it speaks, would only be cut so: there
   `first_token_min_s` is kept back, if that is less.
3. An attempt that ran out of time is held against the target only if it had about as much as its
   turn is due. One that began late, because the request had waited in a line, says nothing about the
   target; blaming it would turn a queue at a healthy target into an outage.
"""

from collections.abc import Callable

import msgspec

from halfopen.policy.deadline import Deadline
from halfopen.policy.options import JourneyOptions
from halfopen.policy.target import TargetState

_PERCENTILE = 0.99
_MARGIN = 2.0
_FAIR_SHARE = 0.9


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """The time of one attempt, in seconds."""

    own_s: float
    """What it would get if there were nobody else and no deadline."""
    given_s: float
    due_s: float
    """What it must have had before the target is blamed for its silence."""

    @property
    def is_fair(self) -> bool:
        """Whether the target can be blamed."""
        return self.given_s >= _FAIR_SHARE * self.due_s


def allow(
    state: TargetState,
    options: JourneyOptions,
    deadline: Deadline,
    now: float,
    *,
    stream: bool,
    earlier: int,
    others: Callable[[], bool] | None,
) -> Allowance:
    """The time of an attempt at a target.

    Args:
        state: The target's.
        options: The route's.
        deadline: The request's.
        now: When it begins.
        stream: Whether a stream was asked for.
        earlier: Attempts before this one.
        others: Whether another target could still be tried after it. Asked only if it matters. None: no.
    """
    left_s = deadline.at - now
    known_s = None
    if not stream:
        own_s = options.attempt_s
    else:
        known_s = _known_s(state, options)
        own_s = known_s or options.first_token_s
        if known_s is None and not state.target.capabilities.reasoning:
            cautious_s = _MARGIN * options.first_token_min_s
            if cautious_s < own_s and others is not None and others():
                own_s = cautious_s
    shared = own_s > left_s / 2 and others is not None and others()
    kept_s = 0.0
    if shared:
        kept_s = left_s / 2
        if stream and (state.target.capabilities.reasoning or (known_s or 0.0) > kept_s):
            kept_s = min(kept_s, options.first_token_min_s)
    due_s = min(own_s, deadline.span_s / 2.0 ** (earlier + shared))
    return Allowance(own_s, min(own_s, left_s - kept_s), due_s)


def _known_s(state: TargetState, options: JourneyOptions) -> float | None:
    """The time for a stream's first content at a target whose times are known."""
    percentile_s = state.first_content.percentile(_PERCENTILE)
    if percentile_s is None:
        return None
    return min(max(_MARGIN * percentile_s, options.first_token_min_s), options.first_token_s)
