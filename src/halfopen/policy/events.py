"""What can happen to a journey. The driver says it; the journey decides."""

from dataclasses import dataclass

from halfopen.model import Fault, RateLimit, Usage


@dataclass(frozen=True, slots=True)
class Arrived:
    """The request is here and has been read."""


@dataclass(frozen=True, slots=True)
class PermitFreed:
    """A target that the journey waits for may have room again."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The attempt has a connection."""

    attempt: int


@dataclass(frozen=True, slots=True)
class FirstByte:
    """The attempt's response head came."""

    attempt: int
    status: int
    limits: tuple[RateLimit, ...] = ()
    """What its headers told of rate limits."""


@dataclass(frozen=True, slots=True)
class Content:
    """The first content of a stream came, or the first that goes to the client.

    Later content is told with `Journey.progress`.
    """

    attempt: int
    held: bool = False
    """Whether the client gets nothing of it yet: a tool call that is not closed, a route that holds."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The attempt brought a whole, valid answer."""

    attempt: int
    usage: Usage | None = None
    """What it told of its tokens."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; its call is over."""

    attempt: int
    fault: Fault
    usage: Usage | None = None
    """What it told of its tokens."""


@dataclass(frozen=True, slots=True)
class Timer:
    """`Journey.wake_at` has passed."""


@dataclass(frozen=True, slots=True)
class Shed:
    """There is no place in the waiting line."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class ClientGone:
    """The client has left; nobody will read an answer."""


Event = (
    Arrived | PermitFreed | Connected | FirstByte | Content | Finished | Failed | Timer | Shed | ClientGone
)
