"""What can happen to a journey. The driver says it; the journey decides.

Structs for the reason that `actions` gives.
"""

import msgspec

from halfopen.model import Fault, RateLimit, Usage


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """The request is here and has been read."""


class PermitFreed(msgspec.Struct, frozen=True, gc=False):
    """A target that the journey waits for may have room again."""


class Connected(msgspec.Struct, frozen=True, gc=False):
    """The attempt has a connection."""

    attempt: int


class FirstByte(msgspec.Struct, frozen=True, gc=False):
    """The attempt's response head came."""

    attempt: int
    status: int
    limits: tuple[RateLimit, ...] = ()
    """What its headers told of rate limits."""


class Content(msgspec.Struct, frozen=True, gc=False):
    """The first content of a stream came, or the first that goes to the client.

    Later content is told with `Journey.progress`.
    """

    attempt: int
    held: bool = False
    """Whether the client gets nothing of it yet: a tool call that is not closed, a route that holds."""


class Finished(msgspec.Struct, frozen=True, gc=False):
    """The attempt brought a whole, valid answer."""

    attempt: int
    usage: Usage | None = None
    """What it told of its tokens."""


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The attempt failed; its call is over."""

    attempt: int
    fault: Fault
    usage: Usage | None = None
    """What it told of its tokens."""


class Timer(msgspec.Struct, frozen=True, gc=False):
    """`Journey.wake_at` has passed."""


class Shed(msgspec.Struct, frozen=True, gc=False):
    """There is no place in the waiting line."""

    fault: Fault


class ClientGone(msgspec.Struct, frozen=True, gc=False):
    """The client has left; nobody will read an answer."""


OfAttempt = Connected | FirstByte | Content | Finished | Failed
"""Those that belong to one attempt."""
Event = Arrived | PermitFreed | OfAttempt | Timer | Shed | ClientGone
