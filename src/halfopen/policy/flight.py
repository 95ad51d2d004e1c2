"""The attempt that is under way."""

from halfopen.model import Attempt, Fault
from halfopen.policy.allowance import Allowance
from halfopen.policy.target import Permit


class Flight:
    """One call to one target, with its permit and its times (monotonic seconds)."""

    __slots__ = (
        "allowance",
        "connected",
        "deadline",
        "first_byte",
        "first_content",
        "index",
        "number",
        "permit",
        "started",
        "status",
    )

    def __init__(self, number: int, index: int, permit: Permit, allowance: Allowance, now: float) -> None:
        """Attempt `number` at the target with this `index`, begun `now`."""
        self.number = number
        self.index = index
        self.permit = permit
        self.started = now
        self.allowance = allowance
        self.deadline = now + allowance.given_s
        self.connected: float | None = None
        self.first_byte: float | None = None
        self.first_content: float | None = None
        self.status: int | None = None

    def land(self, target: str, now: float, *, fault: Fault | None, cancelled: bool) -> Attempt:
        """The finished attempt as a fact."""
        return Attempt(
            target=target,
            started=self.started,
            ended=now,
            connected=self.connected,
            first_byte=self.first_byte,
            first_content=self.first_content,
            status=self.status,
            fault=fault,
            cancelled=cancelled,
        )
