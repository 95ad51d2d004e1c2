"""The attempt that is under way."""

from halfopen.model import Attempt, Fault
from halfopen.policy.target import Permit


class Flight:
    """One call to one target, with its permit and its times (monotonic seconds)."""

    __slots__ = (
        "connected",
        "deadline",
        "first_byte",
        "first_content",
        "index",
        "number",
        "permit",
        "shared",
        "started",
        "status",
    )

    def __init__(
        self, number: int, index: int, permit: Permit, now: float, deadline: float, *, shared: bool
    ) -> None:
        """Attempt `number` at the target with this `index`, begun `now`, given up at `deadline`.

        `shared`: time was kept back for another target.
        """
        self.number = number
        self.index = index
        self.permit = permit
        self.started = now
        self.shared = shared
        self.deadline = deadline
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
