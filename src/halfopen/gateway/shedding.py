"""A request that may not wait for room, as a fault that tells its client when to come again.

One that only has more than its caller's share of the line gets 429, as from a rate limit: others are
still let in. All others get 503.
"""

from halfopen import errors
from halfopen.model import Fault, Kind
from halfopen.policy.queue import Shedding, ShedReason


def shed_fault(shedding: Shedding) -> Fault:
    """The fault of a request that was refused a place in the line, or has lost it."""
    reason = shedding.reason
    return errors.make(
        Kind.NO_CAPACITY,
        f"Every slot is taken and the request may not wait for one: {reason.value}.",
        effective_status=429 if reason is ShedReason.SHARE else 503,
        delay_s=shedding.retry_after_s,
    )
