"""The attempt that is under way."""

from halfopen.model import Attempt, Fault, Usage
from halfopen.policy.allowance import Allowance, is_fair
from halfopen.policy.target import Permit, TargetState


class Flight:
    """One call to one target, with its permit and its times (monotonic seconds)."""

    __slots__ = (
        "connected",
        "deadline",
        "due_s",
        "first_byte",
        "first_content",
        "given_s",
        "index",
        "number",
        "permit",
        "started",
        "state",
        "status",
    )

    def __init__(
        self, number: int, index: int, state: TargetState, permit: Permit, allowance: Allowance, now: float
    ) -> None:
        """Attempt `number`, from 1, begins now. `index` is the target's."""
        self.number = number
        self.index = index
        self.state = state
        self.permit = permit
        self.started = now
        self.given_s, self.due_s = allowance
        self.deadline = now + self.given_s
        """When it is given up."""
        self.connected: float | None = None
        self.first_byte: float | None = None
        self.first_content: float | None = None
        self.status: int | None = None

    @property
    def is_fair(self) -> bool:
        """Whether the target can be blamed for its silence."""
        return is_fair(self.given_s, self.due_s)

    def land(
        self, now: float, fault: Fault | None, usage: Usage | None, *, cancelled: bool = False
    ) -> Attempt:
        """The finished attempt as a fact."""
        return Attempt(
            self.state.name,
            self.started,
            now,
            self.connected,
            self.first_byte,
            self.first_content,
            self.status,
            fault,
            cancelled,
            usage,
        )
