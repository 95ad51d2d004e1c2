"""The tables of a scenario file, with range, unit and meaning. The defaults are those of `scenario`."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from halfopen.rollout.settings.table import SECONDS_MAX, Table, number, seconds
from halfopen.simulator.scenario import (
    Autoscaler,
    Cache,
    ClientSpec,
    FaultKind,
    FaultSpec,
    Scenario,
    UpstreamSpec,
)

_CLIENT = ClientSpec("", ())
_AUTOSCALER = Autoscaler(1, 1)
_CACHE = Cache()
_UPSTREAM = UpstreamSpec("")
_FAULT = FaultSpec("", FaultKind.ERROR, 0.0, 1.0)
_SCENARIO = Scenario("", "", "", 1.0, (), ())

RATE_MAX = 100_000.0
GROUPS_MAX = 64
"""Upstreams, and groups of clients."""
Name = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=64, description="A name of your choosing."),
]
Kind = Literal[
    "error",
    "hang",
    "stall",
    "slow",
    "capacity",
    "drip",
    "cut",
    "empty",
    "key",
    "cold",
    "scale_in",
]


def text(meaning: str, max_length: int = 200) -> Meta:
    """Text that is not empty."""
    return Meta(min_length=1, max_length=max_length, description=meaning)


class PhaseTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requests come at random (Poisson), at a rate that rises or falls evenly. Phases may overlap."""

    from_s: Annotated[float, seconds(0, SECONDS_MAX, "When it begins.")]
    until_s: Annotated[float, seconds(0, SECONDS_MAX, "When it ends.")]
    rate: Annotated[float, number(0, RATE_MAX, "Requests a second at its beginning.", "requests/s")]
    rate_end: (
        Annotated[
            float, number(0, RATE_MAX, "Requests a second at its end. Left out: the same.", "requests/s")
        ]
        | UnsetType
    ) = UNSET


class ClientTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of clients that ask for the same thing. It needs `phases`, or `clients`, or both."""

    targets: Annotated[
        tuple[Name, ...],
        Meta(min_length=1, max_length=16, description="Names of upstreams, in order of preference."),
    ]
    phases: Annotated[
        tuple[PhaseTable, ...],
        Meta(
            max_length=100,
            description="An open loop: requests come whatever becomes of the earlier ones. See below.",
        ),
    ] = ()
    clients: Annotated[
        int,
        number(
            0,
            100_000,
            "A closed loop: each client sends the next request when its last one is over. 0: none.",
            "clients",
        ),
    ] = _CLIENT.clients
    think_s: Annotated[
        float,
        seconds(
            0, SECONDS_MAX, "In a closed loop, mean time between two requests of a client (exponential)."
        ),
    ] = _CLIENT.think_s
    stream: Annotated[bool, Meta(description="Whether answers are streamed.")] = _CLIENT.stream
    deadline_s: Annotated[
        float,
        seconds(0.01, SECONDS_MAX, "The client leaves then. Nothing that comes later counts as an answer."),
    ] = _CLIENT.deadline_s
    input_tokens: Annotated[
        int, number(0, 10_000_000, "Mean length of a prompt (exponential).", "tokens")
    ] = _CLIENT.input_tokens
    output_tokens: Annotated[
        int, number(0, 1_000_000, "Mean length of an answer (exponential); at least 1.", "tokens")
    ] = _CLIENT.output_tokens
    priority: Annotated[
        Literal["interactive", "bulk"], Meta(description="Who goes first when there is not room for all.")
    ] = "interactive"
    sdk_retries: Annotated[
        int,
        number(
            0, 10, "How often the client itself sends a failed request again, below any policy.", "retries"
        ),
    ] = _CLIENT.sdk_retries


class AutoscalerTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Adds and removes servers of an upstream by its load, late, as they do."""

    min: Annotated[int, number(1, 100_000, "Fewest servers.", "servers")]
    max: Annotated[int, number(1, 100_000, "Most servers.", "servers")]
    target_load: Annotated[float, number(0.01, 1, "Share of busy slots that it aims at.")] = (
        _AUTOSCALER.target_load
    )
    every_s: Annotated[float, seconds(0.1, SECONDS_MAX, "How often it looks.")] = _AUTOSCALER.every_s
    start_s: Annotated[float, seconds(0, SECONDS_MAX, "How long a new server takes until it serves.")] = (
        _AUTOSCALER.start_s
    )
    step: Annotated[int, number(1, 100_000, "Most servers added or removed at once.", "servers")] = (
        _AUTOSCALER.step
    )


class CacheTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A prompt cache: a hit answers sooner. It is cold at the start, and after a crash."""

    hit_ratio: Annotated[float, number(0, 1, "Share of hits when it is warm.")] = _CACHE.hit_ratio
    speedup: Annotated[float, number(1, 1000, "How many times sooner the first token of a hit comes.")] = (
        _CACHE.speedup
    )
    warm_requests: Annotated[
        int, number(1, 10_000_000, "Requests that warm a cold cache (exponential).", "requests")
    ] = _CACHE.warm_requests


class UpstreamTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider: servers with slots, a queue in front of them, and times."""

    servers: Annotated[int, number(1, 100_000, "Servers at the start.", "servers")] = _UPSTREAM.servers
    slots: Annotated[int, number(1, 1_000_000, "Requests that one server works on at once.", "slots")] = (
        _UPSTREAM.slots
    )
    first_token_s: Annotated[float, seconds(0.0001, 3600, "Median time to the first token (lognormal).")] = (
        _UPSTREAM.first_token_s
    )
    first_token_spread: Annotated[
        float, number(0, 3, "Sigma of the logarithm of that time. 0: always the same.")
    ] = _UPSTREAM.first_token_spread
    token_s: Annotated[float, seconds(0, 60, "Time of each further output token.")] = _UPSTREAM.token_s
    slowdown: Annotated[
        float, number(0, 1000, "How much longer all takes when every slot is busy; 1: twice as long.")
    ] = _UPSTREAM.slowdown
    queue: Annotated[
        int,
        number(0, 10_000_000, "Requests that wait for a slot. More are refused with a 503.", "requests"),
    ] = _UPSTREAM.queue
    drops_cancelled: Annotated[
        bool,
        Meta(description="Whether work that its client has given up is dropped, or done to the end."),
    ] = _UPSTREAM.drops_cancelled
    crashes_above: Annotated[
        int,
        number(
            0,
            10_000_000,
            "It falls over when one more than so many are there, queue included. 0: it never does.",
            "requests",
        ),
    ] = _UPSTREAM.crashes_above
    restart_s: Annotated[
        float, seconds(0.01, SECONDS_MAX, "How long a fallen upstream refuses everything with a 503.")
    ] = _UPSTREAM.restart_s
    restart_extends: Annotated[
        bool, Meta(description="Whether each call to a fallen upstream begins the restart anew.")
    ] = _UPSTREAM.restart_extends
    requests_per_minute: Annotated[
        float,
        number(0, 1e9, "Rate limit, told in headers and enforced with a 429. 0: none.", "requests/min"),
    ] = _UPSTREAM.requests_per_minute
    tokens_per_minute: Annotated[
        float, number(0, 1e12, "Rate limit on input and output together. 0: none.", "tokens/min")
    ] = _UPSTREAM.tokens_per_minute
    price_input: Annotated[float, number(0, 100_000, "Price of a million input tokens.", "US dollars")] = (
        _UPSTREAM.price_input
    )
    price_output: Annotated[float, number(0, 100_000, "Price of a million output tokens.", "US dollars")] = (
        _UPSTREAM.price_output
    )
    autoscaler: AutoscalerTable | UnsetType = UNSET
    cache: CacheTable | UnsetType = UNSET


class FaultTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that goes wrong for a while. What a kind has no use for may not be given with it."""

    upstream: Annotated[str, text("Whose it is.", 64)]
    kind: Annotated[Kind, Meta(description="What goes wrong; see below.")]
    from_s: Annotated[float, seconds(0, SECONDS_MAX, "When it begins.")]
    until_s: (
        Annotated[float, seconds(0, SECONDS_MAX, "When it ends. May be left out with `cold` only.")]
        | UnsetType
    ) = UNSET
    share: Annotated[float, number(0, 1, "Of the calls, or answers, that it strikes.")] = _FAULT.share
    factor: Annotated[
        float, number(0, 1000, "Times as long (`slow`, above 0), or share of the servers (`capacity`, to 1).")
    ] = _FAULT.factor
    factor_end: (
        Annotated[
            float, number(0, 1000, "The factor moves evenly to this until the end. Left out: it stays.")
        ]
        | UnsetType
    ) = UNSET
    status: Annotated[int, number(400, 599, "HTTP status of the error.")] = _FAULT.status
    after_s: Annotated[
        float, seconds(0, 3600, "Until the error is answered, or between two tokens of a `drip` (above 0).")
    ] = _FAULT.after_s
    every_s: Annotated[
        float,
        seconds(
            0,
            SECONDS_MAX,
            "It comes back with this period, at least 0.1 s, for half of it each time. 0: it holds.",
        ),
    ] = _FAULT.every_s


class ExpectTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a policy must reach here: the scenario's right answer. One bound or both."""

    policy: Annotated[str, text("Whose.", 64)]
    figure: Annotated[str, text("What is measured; see below.", 128)]
    at_least: Annotated[float, number(-1e12, 1e12, "Lower bound.")] | UnsetType = UNSET
    at_most: Annotated[float, number(-1e12, 1e12, "Upper bound.")] | UnsetType = UNSET


class ScenarioTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of a scenario file."""

    name: Annotated[Name, Meta(description="What `halfopen simulate` calls it.")]
    title: Annotated[str, text("One line for the head of a plot.")]
    description: Annotated[str, text("What happens, and what is to be learnt from it.", 4000)]
    duration_s: Annotated[float, seconds(1, SECONDS_MAX, "Requests that arrive until then count.")]
    healthy_until_s: Annotated[
        float,
        seconds(0, SECONDS_MAX, "Nothing is wrong until then: what is normal is measured there. 0: nothing."),
    ] = _SCENARIO.healthy_until_s
    seed: Annotated[int, number(0, 2**32 - 1, "Of all random numbers, unless another is asked for.")] = (
        _SCENARIO.seed
    )
    upstreams: Annotated[
        dict[Name, UpstreamTable],
        Meta(max_length=GROUPS_MAX, description="Who answers, by name. At least one."),
    ]
    clients: Annotated[
        dict[Name, ClientTable],
        Meta(max_length=GROUPS_MAX, description="Who asks, by name. At least one group."),
    ]
    faults: Annotated[tuple[FaultTable, ...], Meta(max_length=200, description="What goes wrong.")] = field(
        default=()
    )
    expect: Annotated[
        tuple[ExpectTable, ...], Meta(max_length=200, description="What policies must reach.")
    ] = field(default=())
