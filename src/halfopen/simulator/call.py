"""One call to an upstream."""

from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from halfopen.model import Fault, RateLimit

if TYPE_CHECKING:
    from halfopen.simulator.upstream import Upstream


class Stage(Enum):
    """Where a call stands at its upstream."""

    QUEUED = "queued"
    RUNNING = "running"
    REFUSED = "refused"
    """Its error is on its way; it holds no slot."""
    HUNG = "hung"
    OVER = "over"


_QUEUED: Final = Stage.QUEUED


class Caller(Protocol):
    """Who waits for a call's answer."""

    def on_content(self, call: "Call", limits: tuple[RateLimit, ...]) -> None:
        """The first token of a stream came."""

    def on_end(self, call: "Call", limits: tuple[RateLimit, ...]) -> None:
        """The call is over: with `fault`, or with a whole answer."""


class Call:
    """What is asked, and how it goes."""

    __slots__ = (
        "attempt",
        "caller",
        "content_at",
        "counted",
        "fault",
        "input_tokens",
        "interval_s",
        "output_tokens",
        "request",
        "stage",
        "stalled_s",
        "status",
        "stream",
        "told",
        "upstream",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - once a call: names would cost
        self,
        caller: Caller,
        upstream: "Upstream",
        request: int,
        attempt: int,
        input_tokens: int,
        output_tokens: int,
        stream: bool,  # noqa: FBT001 - as above
        counted: bool,  # noqa: FBT001 - as above
    ) -> None:
        """Not yet sent. `counted`: whether it counts in the figures."""
        self.caller: Caller | None = caller
        """None: nobody waits for the answer any more."""
        self.upstream = upstream
        self.request = request
        self.attempt = attempt
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.stream = stream
        self.counted = counted
        self.stage = _QUEUED
        self.fault: Fault | None = None
        """What it ends with; None: a whole answer."""
        self.status: int | None = 200
        """Of the response head; None: there is none."""
        self.content_at: float | None = None
        self.interval_s = 0.0
        """Between two tokens."""
        self.stalled_s = 0.0
        """How long its upstream had stood still when this call was last looked at."""
        self.told = 0
        """Tokens that its plan knows of."""
