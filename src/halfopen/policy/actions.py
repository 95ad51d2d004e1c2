"""What a journey tells its driver to do.

Structs, because every request makes some: a frozen dataclass takes ten times as long to make. What they
hold never refers back to them, so the garbage collector need not look at them.
"""

import msgspec

from halfopen.model import Fault, Target


class Send(msgspec.Struct, frozen=True, gc=False):
    """Call the target."""

    attempt: int
    """Number of the attempt, from 1."""
    target: Target
    deadline: float
    """When the journey will give this attempt up, in the driver's monotonic seconds."""
    credential: int = 0
    """Which of the provider's keys to use, from 0."""
    repeats: int = 0
    """How often this target has been sent the request before, by us and by the caller: to be told it."""
    hedge: bool = False
    """Whether another attempt is under way and stays so: whichever brings content first wins."""


class ContinueOn(msgspec.Struct, frozen=True, gc=False):
    """Call the target to go on with what the client has got already."""

    attempt: int
    """Number of the attempt."""
    target: Target
    deadline: float
    """When the journey will give this attempt up, in the driver's monotonic seconds."""
    credential: int = 0
    """Which of the provider's keys to use, from 0."""


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Do nothing until `Journey.wake_at`, or until room is freed."""

    until: float
    for_room: bool
    """Whether a freed permit or a recovered target can end the wait: the driver keeps a line."""
    deadline: float = float("inf")
    """When the journey waits no more, whatever becomes free: a turn that would come later is none."""


class Cancel(msgspec.Struct, frozen=True, gc=False):
    """End the attempt's call: nobody needs its answer."""

    attempt: int


class Relay(msgspec.Struct, frozen=True, gc=False):
    """The answer has begun: from now on the client sees content. At most once in a journey."""

    attempt: int


class Complete(msgspec.Struct, frozen=True, gc=False):
    """The answer is whole: deliver the rest and end."""

    attempt: int


class Fail(msgspec.Struct, frozen=True, gc=False):
    """Tell the client that there is no (whole) answer, and why."""

    fault: Fault
    committed: bool
    """Whether part of an answer has reached the client already."""


Action = Send | ContinueOn | Wait | Cancel | Relay | Complete | Fail
