"""The options of a request and of what requests share, with unit, range and default.

Configuration fills them all, and msgspec writes them: so they are apart from the policies, which can be
compiled.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from halfopen.policy.choice import Choice

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
class BreakerOptions:
    """When a target is given up for a while, and how it is tried again."""

    window_s: float = 10.0
    """The failure ratio is taken over this long. Seconds, 1 to 300."""
    min_samples: int = 20
    """Fewer results in the window never open the breaker by ratio. 1 to 10000."""
    failure_ratio: float = 0.5
    """Share of failures in the window that opens it. 0.01 to 1."""
    slow_share: float = 0.5
    """Share of slow first contents in the window that opens it. 0.01 to 1."""
    consecutive: int = 5
    """Failures in a row that open it. 1 to 1000."""
    open_s: float = 5.0
    """Length of the first opening, before jitter; each further one doubles. Seconds, 0.1 to 300."""
    open_max_s: float = 9.0
    """Longest opening, jitter included; so that probes follow within 10 s. Seconds, 0.1 to 300."""
    lease_s: float = 9.0
    """A probe that says nothing for this long has lost its lease. Seconds, 1 to 3600."""
    lone_probe_s: float = 1.0
    """Longest opening, and first lease, of a dead target for who has no other. Seconds, 0.1 to 300."""
    slow_start_s: float = 4.0
    """After a probe succeeds, traffic returns over this long. Seconds, 0 to 300."""


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """Backoff and the retry bucket of one target."""

    base_s: float = 0.5
    """Upper end of the first delay. Seconds, 0.01 to 60."""
    cap_s: float = 8.0
    """Longest delay of our own choosing. Seconds, 0.01 to 300."""
    bucket_max: float = 10.0
    """Tokens in a full bucket, and at the start. 0 to 1000; 0 forbids retries."""
    refill_per_success: float = 0.1
    """Tokens that a success earns. 0 to 1."""
    refill_s: float = 30.0
    """Seconds that earn one token by themselves. 1 to 3600."""
    price_max: float = 5.0
    """Most times that a large request weighs more than a usual one. 1 to 100; 1: all weigh the same."""


@dataclass(frozen=True, slots=True)
class ParkingOptions:
    """How long a credential is left alone."""

    key_s: float = 60.0
    """After the key was refused. Seconds, 1 to 86400."""
    quota_s: float = 60.0
    """After the quota or the money ran out. Seconds, 1 to 86400."""


@dataclass(frozen=True, slots=True)
class HedgeOptions:
    """Hedging of one route's streams."""

    extra_load: float = 0.0
    """Most tokens that hedges may add, as a share of all. 0 to 0.2; 0: no hedging."""


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """The adaptive limit on calls in flight at one target."""

    initial: int = 100
    """Calls in flight at the start. 1 to 100000."""
    min: int = 4
    """The limit never falls below. 1 to 100000."""
    max: int = 10_000
    """The limit never rises above. 1 to 100000."""
    decrease: float = 0.5
    """Factor on overload or timeout. 0.1 to 0.95."""
    decrease_every_s: float = 1.0
    """At most one decrease in this long. Seconds, 0 to 60."""
    reserve: float = 0.5
    """Largest share that is kept for the target's own traffic, away from failovers. 0 to 1."""


@dataclass(frozen=True, slots=True)
class PacerOptions:
    """The rate limits of one model behind one credential, as far as they are known beforehand."""

    requests_per_minute: float = 0.0
    """0: not known."""
    tokens_per_minute: float = 0.0
    """Input and output together. 0: not known."""
    input_tokens_per_minute: float = 0.0
    """0: not known."""
    output_tokens_per_minute: float = 0.0
    """0: not known."""


@dataclass(frozen=True, slots=True)
class SlownessOptions:
    """When a first token counts as slow."""

    ratio: float = 5.0
    """Times the target's usual median. 1.5 to 100."""
    min_s: float = 1.0
    """Never sooner than this. Seconds, 0.05 to 600."""


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
