"""A provider's credential, and how long it is left alone after it was refused.

Rules
1. A refused key or an exhausted quota parks the credential: every target behind it is skipped.
2. When the time is over, one request tries it; the others wait for what becomes of that one, at
   most one more parking time. So a parked credential gets at most one request per park interval.
3. A success unparks it, if its call went out after the refusal: an older one proves nothing.
4. A provider's longer wait is believed up to 300 s; then one request asks again.
5. What another process was told of the same key holds here as well.
"""

from typing import Final

from halfopen.model import Fault, Verdict
from halfopen.policy.options import ParkingOptions

_PARK_MAX_S: Final = 300.0


class Credential:
    """Shared by all targets that use the same key."""

    __slots__ = ("_options", "fault", "parked_until", "refusals")

    def __init__(self, options: ParkingOptions) -> None:
        """Starts usable."""
        self._options = options
        self.parked_until = float("-inf")
        self.fault: Fault | None = None
        self.refusals = 0
        """How often it was refused; a call remembers the number at its start."""

    def is_parked(self, now: float) -> bool:
        """Whether calls with it must not go out."""
        return self.fault is not None and now < self.parked_until

    def admit(self, now: float) -> bool:
        """Whether a call may go out; the first one after a parking takes the next interval's turn."""
        if self.fault is None:
            return True
        if now < self.parked_until:
            return False
        self.parked_until = now + self._park_s(self.fault)
        return True

    def refused(self, fault: Fault, now: float) -> None:
        """A call was refused for its key or its quota."""
        self.fault = fault
        self.refusals += 1
        self.parked_until = max(self.parked_until, now + self._park_s(fault))

    def told(self, fault: Fault, until: float, now: float) -> None:
        """Another process was refused with it, and leaves it alone until then. At most 300 s are believed."""
        until = min(until, now + _PARK_MAX_S)
        if until <= now or (self.fault is not None and until <= self.parked_until):
            return
        self.fault = fault
        self.refusals += 1
        self.parked_until = until

    def told_usable(self) -> None:
        """Another process was answered with it again."""
        self.fault = None

    def accepted(self, refusals: int) -> None:
        """A call that went out after `refusals` refusals was answered."""
        if refusals == self.refusals:
            self.fault = None

    def _park_s(self, fault: Fault) -> float:
        own = self._options.quota_s if fault.verdict is Verdict.QUOTA else self._options.key_s
        return max(own, min(fault.delay_s or 0.0, _PARK_MAX_S))
