"""A scenario: who asks, who answers, and what goes wrong when. Frozen; durations in virtual seconds."""

from dataclasses import dataclass, field
from enum import StrEnum

from halfopen.model import Priority


@dataclass(frozen=True, slots=True)
class Phase:
    """How fast requests come for a while: evenly rising or falling from `rate` to `rate_end`, Poisson."""

    from_s: float
    until_s: float
    rate: float
    """Requests a second at the start. 0 to 100000."""
    rate_end: float | None = None
    """At the end; None: the same."""


@dataclass(frozen=True, slots=True)
class ClientSpec:
    """One group of clients that ask for the same thing."""

    name: str
    targets: tuple[str, ...]
    """Names of upstreams, in order of preference."""
    phases: tuple[Phase, ...] = ()
    """An open loop: requests come whatever becomes of the earlier ones."""
    clients: int = 0
    """A closed loop: so many clients that each send the next request when theirs has ended. 0: none."""
    think_s: float = 1.0
    """In a closed loop, mean time between an answer and the next request (exponential)."""
    stream: bool = True
    deadline_s: float = 60.0
    """The client leaves after this long: nothing later counts as an answer."""
    input_tokens: int = 500
    """Mean (exponential)."""
    output_tokens: int = 100
    """Mean (exponential)."""
    priority: Priority = Priority.INTERACTIVE
    sdk_retries: int = 0
    """How often the clients themselves send a failed request again, whatever the policy: nested retries."""


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """Adds and removes servers after it has looked at the load, late, as they do."""

    min: int
    max: int
    target_load: float = 0.7
    """Share of busy servers that it aims at."""
    every_s: float = 15.0
    """How often it looks."""
    start_s: float = 60.0
    """How long a new server takes until it serves."""
    step: int = 2
    """Most servers added or removed at once."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A prompt cache: a hit answers sooner. Cold at the start and after a restart."""

    hit_ratio: float = 0.6
    """Share of hits when it is warm."""
    speedup: float = 4.0
    """How many times sooner the first token of a hit comes."""
    warm_requests: int = 1000
    """Requests that warm a cold cache (exponential)."""


@dataclass(frozen=True, slots=True)
class UpstreamSpec:
    """One provider: slots, a queue in front of them, and times.

    An answer holds a slot for its time to first token and then for its tokens. Times are lognormal.
    """

    name: str
    servers: int = 1
    slots: int = 100
    """Requests that one server works on at once."""
    first_token_s: float = 0.2
    """Median."""
    first_token_spread: float = 0.3
    """Sigma of the logarithm. 0: always the same."""
    token_s: float = 0.0
    """Time of each output token after the first."""
    slowdown: float = 0.0
    """How many times longer all takes when every slot is busy; in between in proportion. 0: none."""
    queue: int = 10_000
    """Requests that wait for a slot. More are refused with 503."""
    drops_cancelled: bool = True
    """Whether work that the client has given up is dropped; else it is done to the end."""
    crashes_above: int = 0
    """In flight, queue included: more, and the upstream falls over. 0: it never does."""
    restart_s: float = 10.0
    """How long a fallen upstream refuses everything; every call in that time makes it longer."""
    restart_extends: bool = False
    """Whether a call to a fallen upstream starts the restart anew."""
    requests_per_minute: float = 0.0
    """Rate limit, told in headers and enforced with 429. 0: none."""
    tokens_per_minute: float = 0.0
    """Rate limit. 0: none."""
    price_input: float = 1.0
    """US dollars for a million input tokens."""
    price_output: float = 4.0
    """US dollars for a million output tokens."""
    autoscaler: Autoscaler | None = None
    cache: Cache | None = None


class FaultKind(StrEnum):
    """What goes wrong."""

    ERROR = "error"
    """`share` of the calls is answered with `status` after `after_s`."""
    HANG = "hang"
    """`share` of the calls is never answered."""
    STALL = "stall"
    """Nothing is worked on; what came waits and is worked on afterwards."""
    SLOW = "slow"
    """All takes `factor` times as long."""
    CAPACITY = "capacity"
    """Only `factor` of the servers serve."""
    DRIP = "drip"
    """`share` of the streams sends one token every `after_s` seconds."""
    CUT = "cut"
    """`share` of the streams breaks in the middle."""
    EMPTY = "empty"
    """`share` of the answers is empty."""
    KEY = "key"
    """Every call is refused: 401."""
    COLD = "cold"
    """The cache is lost at `from_s`."""
    SCALE_IN = "scale_in"
    """A mispatched autoscaler: it takes servers away when it should add them."""


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """Something that goes wrong for a while."""

    upstream: str
    kind: FaultKind
    from_s: float
    until_s: float
    share: float = 1.0
    factor: float = 1.0
    factor_end: float | None = None
    """For `slow` and `capacity`: the factor moves evenly to this until the end; None: it stays."""
    status: int = 500
    after_s: float = 0.05
    every_s: float = 0.0
    """Flapping: the fault comes back with this period, and holds for half of each. 0: it holds throughout."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """All of it."""

    name: str
    title: str
    """One line for the head of a plot."""
    description: str
    duration_s: float
    clients: tuple[ClientSpec, ...]
    upstreams: tuple[UpstreamSpec, ...]
    faults: tuple[FaultSpec, ...] = ()
    healthy_until_s: float = 0.0
    """Until then nothing is wrong: what is normal is measured there. 0: nothing is."""
    seed: int = 1
    expect: tuple["Expectation", ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a policy must reach here: the scenario's right answer."""

    policy: str
    figure: str
    """A figure of the report, such as `success_rate`, or `success_rate.NAME` for one group of clients."""
    at_least: float | None = None
    at_most: float | None = None
