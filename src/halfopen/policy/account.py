"""One credential at one target: whether it is parked, throttled or out of its rate limit.

Rules
1. A parked credential takes no call at any target; a throttled or paced one takes none at this target.
2. A provider that says "too many requests" is left alone as long as it asks, at most 300 s; then it is
   asked again: 86400 s has been seen for a short outage. Without a word of its own, 2 s.
"""

from typing import Final

from halfopen.model import Demand, Fault
from halfopen.policy.credential import Credential
from halfopen.policy.options import PacerOptions
from halfopen.policy.pacer import Pacer
from halfopen.policy.refusal import Refusal, Refused

THROTTLE_DEFAULT_S: Final = 2.0
THROTTLE_MAX_S: Final = 300.0
_SOON_S: Final = 1.0


class Account:
    """What a provider says to one credential at one target."""

    __slots__ = ("credential", "in_flight", "pacer", "throttled_until")

    def __init__(self, credential: Credential, pacing: PacerOptions) -> None:
        """Starts usable. Targets that use the same key share `credential`."""
        self.credential = credential
        self.pacer = Pacer(pacing)
        self.throttled_until = float("-inf")
        self.in_flight = 0
        """Calls with it at this target."""

    def refusal(self, demand: Demand, now: float) -> Refused | None:
        """Why no such call can go out with it now. Takes nothing."""
        credential = self.credential
        if credential.fault is not None and now < credential.parked_until:
            return Refused(Refusal.PARKED, credential.parked_until)
        if now < self.throttled_until:
            return Refused(Refusal.THROTTLED, self.throttled_until)
        if self.pacer.knows_limits:
            ready_at = self.pacer.ready_at(demand, now)
            if ready_at > now:
                # Who waits has the part grow, and who is refused does not: so it is told both times.
                at_best = now + (ready_at - now) * self.pacer.share
                return Refused(Refusal.PACED, ready_at, at_best)
        return None

    def is_usable_soon(self, demand: Demand, now: float) -> bool:
        """Whether such a call can go out with it now, or as soon as the pacer lets it in a moment."""
        refused = self.refusal(demand, now)
        return refused is None or (refused.reason is Refusal.PACED and refused.until <= now + _SOON_S)

    def throttle(self, fault: Fault, now: float) -> None:
        """The provider asked for a pause."""
        wait_s = THROTTLE_DEFAULT_S if fault.delay_s is None else min(fault.delay_s, THROTTLE_MAX_S)
        self.throttled_until = max(self.throttled_until, now + wait_s)

    def retry_at(self, now: float) -> float:
        """When it may be used, as far as it is known without a call's size."""
        parked_until = self.credential.parked_until if self.credential.is_parked(now) else now
        return max(parked_until, self.throttled_until)
