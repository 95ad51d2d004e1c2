"""The options of a request and of what requests share, with unit, range and default.

The options of one policy stand in its own file. Configuration fills them all.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from halfopen.policy.breaker import BreakerOptions
from halfopen.policy.bucket import RetryOptions
from halfopen.policy.choice import Choice
from halfopen.policy.credential import ParkingOptions
from halfopen.policy.hedge import HedgeOptions
from halfopen.policy.limiter import LimitOptions
from halfopen.policy.pacer import PacerOptions
from halfopen.policy.slowness import SlownessOptions

__all__ = [
    "AfterCommit",
    "BreakerOptions",
    "Choice",
    "HedgeOptions",
    "JourneyOptions",
    "JsonAnswers",
    "LimitOptions",
    "PacerOptions",
    "ParkingOptions",
    "PolicyOptions",
    "RetryOptions",
    "SlownessOptions",
]


class AfterCommit(StrEnum):
    """What becomes of a stream that breaks after its client has got a part of it."""

    CONTINUE = "continue"
    """Another target, or the same again, goes on where it broke."""
    ERROR = "error"
    """An error event ends it."""
    HOLD = "hold"
    """It can't happen: nothing is delivered before the answer is whole."""


class JsonAnswers(StrEnum):
    """How streamed answers to requests that ask for JSON are delivered."""

    HOLD = "hold"
    """When they are whole."""
    RELAY = "relay"
    """As they come, like any other text."""


@dataclass(frozen=True, slots=True)
class JourneyOptions:
    """The bounds of one request. A route sets them."""

    deadline_s: float = 60.0
    """A whole plain answer, or a stream's first content; waiting, retries and failovers included.

    When a stream breaks after its content has begun, finding another one gets this long again.
    """
    attempt_s: float = 30.0
    """One plain attempt; at most half of what is left while a target is untried."""
    first_token_s: float = 45.0
    """One streamed attempt until its first content, at most; the target's own times may make it shorter."""
    first_token_min_s: float = 10.0
    """Never shorter than this, or than `first_token_s` if that is less."""
    stall_s: float = 20.0
    """Between two pieces of content."""
    stream_s: float = 600.0
    """A whole stream, retries and continuations included."""
    attempts: int = 3
    """Calls to upstreams for one request, continuations included. 1 to 3."""
    min_tokens_s: float = 1.5
    """A stream slower than this over the floor's window is a drip. Tokens a second; 0: no floor."""
    floor_window_s: float = 15.0
    """The window of the throughput floor. Seconds, 1 to 300."""
    after_commit: AfterCommit = AfterCommit.CONTINUE
    """What becomes of a stream that breaks after its client has got a part of it."""
    json_answers: JsonAnswers = JsonAnswers.HOLD
    """The driver's: how streamed answers to requests that ask for JSON are delivered."""
    keepalive_after_s: float = 25.0
    """The driver's: a stream that has brought nothing for this long gets a sign of life. 0: never."""
    keepalive_every_s: float = 10.0
    """The driver's: and then one in this long."""
    choice: Choice = Choice.ORDER
    """In which order the targets are tried."""
    weights: tuple[float, ...] = ()
    """For `Choice.WEIGHT`: one for each target, in the route's order. Each 0 to 1000."""
    hedge: HedgeOptions = field(default_factory=HedgeOptions)


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """The options of the state that requests to one target share."""

    retry: RetryOptions = field(default_factory=RetryOptions)
    breaker: BreakerOptions = field(default_factory=BreakerOptions)
    limit: LimitOptions = field(default_factory=LimitOptions)
    parking: ParkingOptions = field(default_factory=ParkingOptions)
    slowness: SlownessOptions = field(default_factory=SlownessOptions)
