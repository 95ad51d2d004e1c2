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

from typing import Final

# ruff: noqa: FURB136 - min() and max() take longer than all the rest of what every call goes through
from halfopen.policy.deadline import Deadline
from halfopen.policy.options import JourneyOptions
from halfopen.policy.selection import Selection
from halfopen.policy.target import TargetState

_PERCENTILE: Final = 0.99
_MARGIN: Final = 2.0
_FAIR_SHARE: Final = 0.9


Allowance = tuple[float, float]
"""What an attempt is given, and what it must have had before its target is blamed for silence. Seconds.

A tuple, because every request has one: nothing is made faster, and it is none at all when compiled.
"""


def is_fair(given_s: float, due_s: float) -> bool:
    """Whether the target can be blamed."""
    return given_s >= _FAIR_SHARE * due_s


def allow(
    state: TargetState,
    options: JourneyOptions,
    deadline: Deadline,
    now: float,
    *,
    stream: bool,
    earlier: int,
    others: Selection | None,
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
            if cautious_s < own_s and others is not None and others.others_could_serve(now):
                own_s = cautious_s
    given_s = left_s
    if own_s > left_s / 2 and others is not None and others.others_could_serve(now):
        kept_s = left_s / 2
        if stream and (state.target.capabilities.reasoning or (known_s or 0.0) > kept_s):
            kept_s = min(kept_s, options.first_token_min_s)
        given_s = left_s - kept_s
        earlier += 1
    due_s = deadline.span_s / 2.0**earlier
    return own_s if own_s < given_s else given_s, own_s if own_s < due_s else due_s


def _known_s(state: TargetState, options: JourneyOptions) -> float | None:
    """The time for a stream's first content at a target whose times are known."""
    percentile_s = state.first_content.percentile(_PERCENTILE)
    if percentile_s is None:
        return None
    return min(max(_MARGIN * percentile_s, options.first_token_min_s), options.first_token_s)
