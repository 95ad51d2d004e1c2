"""What happened: attempts and the outcome of a request, as facts."""

import msgspec

from halfopen.model.fault import Fault


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens that the provider says it counted."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input tokens, those read from a cache."""
    reasoning_tokens: int = 0
    """Of the output tokens, those spent on hidden reasoning."""
    estimated: bool = False
    """Whether a part of it was estimated, because an attempt was cut before it told."""

    def __add__(self, other: "Usage") -> "Usage":
        """What two attempts spent together."""
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.estimated or other.estimated,
        )


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One call to one target. Times are monotonic seconds; None: it never came to that."""

    target: str
    started: float
    ended: float
    connected: float | None = None
    first_byte: float | None = None
    first_content: float | None = None
    status: int | None = None
    fault: Fault | None = None
    """None: the attempt succeeded, or was cancelled."""
    cancelled: bool = False
    usage: Usage | None = None
    """Tokens that the provider counted for this call; None: it didn't say."""


class Skip(msgspec.Struct, frozen=True, gc=False):
    """A target that was passed over without a call, and why."""

    target: str
    reason: str


class Continuation(msgspec.Struct, frozen=True, gc=False):
    """An answer that was cut after the client had got a part of it, and who went on with it."""

    target: str
    """Who went on."""
    after: str
    """The kind of the fault that cut it."""
    chars: int
    """Characters of text that had been delivered by then."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """One request from its arrival to its end. Times are monotonic seconds."""

    request_id: str
    route: str
    stream: bool
    arrived: float
    ended: float
    attempts: tuple[Attempt, ...]
    skips: tuple[Skip, ...]
    served_by: str | None
    """The target whose answer the client got; None: it got none."""
    fault: Fault | None
    """None: a whole answer was delivered."""
    client_gone: bool
    usage: Usage | None
    continuations: tuple[Continuation, ...] = ()
    """Every time that a cut answer was gone on with, in order."""
    client: str = "chat"
    """The dialect that the client speaks."""
    caller: str = ""
    """Who asked: the name of a gateway key, or what the client calls itself. Empty: unknown."""
    snapshot: str = ""
    """The id of the configuration in force."""
    received_bytes: int = 0
    """The body of the request, as the client sent it."""
    sent_bytes: int = 0
    """The body of the answer, as the client was sent it."""
    trace: str = ""
    """The `traceparent` that the client sent, if it is one."""
