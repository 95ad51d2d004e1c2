"""The attempt that is under way."""

import msgspec

from halfopen.model import Attempt, Fault
from halfopen.policy.allowance import Allowance
from halfopen.policy.target import Permit, TargetState


class Flight(msgspec.Struct, eq=False, gc=False):
    """One call to one target, with its permit and its times (monotonic seconds)."""

    number: int
    """Of the attempt, from 1."""
    index: int
    """The target's."""
    state: TargetState
    permit: Permit
    allowance: Allowance
    started: float
    deadline: float
    """When it is given up."""
    connected: float | None = None
    first_byte: float | None = None
    first_content: float | None = None
    status: int | None = None

    def land(self, now: float, *, fault: Fault | None, cancelled: bool) -> Attempt:
        """The finished attempt as a fact."""
        return Attempt(
            target=self.state.name,
            started=self.started,
            ended=now,
            connected=self.connected,
            first_byte=self.first_byte,
            first_content=self.first_content,
            status=self.status,
            fault=fault,
            cancelled=cancelled,
        )
