"""`[policy.*]`: retries, breaker, limit, parking and slowness.

The defaults are those of `halfopen.policy.options`.
"""

from typing import Annotated

from msgspec import field

from halfopen.policy.options import (
    BreakerOptions,
    LimitOptions,
    ParkingOptions,
    RetryOptions,
    SlownessOptions,
)
from halfopen.rollout.settings.table import SECONDS_MAX, Table, number, seconds

_RETRY = RetryOptions()
_BREAKER = BreakerOptions()
_LIMIT = LimitOptions()
_PARKING = ParkingOptions()
_SLOWNESS = SlownessOptions()


class Retry(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How soon and how often a failed call is made again at the same target."""

    base_s: Annotated[
        float, seconds(0.01, 60, "Upper end of the first random delay. It doubles with every retry.")
    ] = _RETRY.base_s
    cap_s: Annotated[
        float, seconds(0.01, 300, "Longest delay of our own choosing. A server may ask for a longer one.")
    ] = _RETRY.cap_s
    bucket_max: Annotated[
        float,
        number(
            0,
            1000,
            "Tokens in a full bucket, and at the start. A retry takes one. 0 forbids retries.",
            "tokens",
        ),
    ] = _RETRY.bucket_max
    refill_per_success: Annotated[float, number(0, 1, "Tokens that a success puts back.", "tokens")] = (
        _RETRY.refill_per_success
    )
    refill_s: Annotated[float, seconds(1, 3600, "Time that puts back one token by itself.")] = _RETRY.refill_s
    price_max: Annotated[
        float,
        number(
            1,
            100,
            "A request of more tokens than usual weighs so many times more, retried or answered, up to this. "
            "1: all weigh the same.",
            "times",
        ),
    ] = _RETRY.price_max


class Breaker(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a target is left alone, and how it is tried again."""

    window_s: Annotated[float, seconds(1, 300, "The failure ratio is taken over this long.")] = (
        _BREAKER.window_s
    )
    min_samples: Annotated[
        int, number(1, 10_000, "With fewer results in the window the ratio says nothing.", "results")
    ] = _BREAKER.min_samples
    failure_ratio: Annotated[
        float, number(0.01, 1, "Share of failures in the window that opens the breaker.")
    ] = _BREAKER.failure_ratio
    consecutive: Annotated[int, number(1, 1000, "Failures in a row that open the breaker.", "failures")] = (
        _BREAKER.consecutive
    )
    open_s: Annotated[
        float, seconds(0.1, 300, "Length of the first opening. It doubles with every further one.")
    ] = _BREAKER.open_s
    open_max_s: Annotated[
        float, seconds(0.1, 300, "Longest opening: the longest time between two probes.")
    ] = _BREAKER.open_max_s
    lease_s: Annotated[
        float, seconds(1, 3600, "A probe that says nothing for this long is given up, and another may go.")
    ] = _BREAKER.lease_s
    slow_start_s: Annotated[
        float, seconds(0, 300, "After a probe succeeds, traffic comes back over this long.")
    ] = _BREAKER.slow_start_s
    slow_share: Annotated[
        float, number(0.01, 1, "Share of slow first tokens in the window that opens the breaker.")
    ] = _BREAKER.slow_share
    lone_probe_s: Annotated[
        float,
        seconds(0.1, 300, "A target that fails is tried again this often by requests that have no other."),
    ] = _BREAKER.lone_probe_s


class Limit(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The adaptive limit on calls in flight at one target."""

    initial: Annotated[int, number(1, 100_000, "Limit at the start.", "calls")] = _LIMIT.initial
    min: Annotated[int, number(1, 100_000, "The limit never falls below.", "calls")] = _LIMIT.min
    max: Annotated[int, number(1, 100_000, "The limit never rises above.", "calls")] = _LIMIT.max
    decrease: Annotated[
        float,
        number(0.1, 0.95, "The limit is multiplied by this when the target is overloaded or times out."),
    ] = _LIMIT.decrease
    decrease_every_s: Annotated[float, seconds(0, 60, "The limit falls at most once in this long.")] = (
        _LIMIT.decrease_every_s
    )
    reserve: Annotated[
        float,
        number(
            0,
            1,
            "Most of the limit, as a share, that is kept for requests whose first choice the target is, as "
            "far as they have lately used it. Requests that fail over to it have the rest.",
        ),
    ] = _LIMIT.reserve


class Parking(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a key is left alone after the provider refused it."""

    key_s: Annotated[float, seconds(1, SECONDS_MAX, "After the provider called the key invalid.")] = (
        _PARKING.key_s
    )
    quota_s: Annotated[float, seconds(1, SECONDS_MAX, "After the quota or the money ran out.")] = (
        _PARKING.quota_s
    )


class Slowness(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a first token counts as slow: the breaker and the limit take it for a sign of trouble."""

    ratio: Annotated[float, number(1.5, 100, "Times the median that is usual for the target.")] = (
        _SLOWNESS.ratio
    )
    min_s: Annotated[float, seconds(0.05, 600, "A first token that comes sooner is never slow.")] = (
        _SLOWNESS.min_s
    )


class Policy(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What requests to one target share."""

    retry: Retry = field(default_factory=Retry)
    breaker: Breaker = field(default_factory=Breaker)
    limit: Limit = field(default_factory=Limit)
    parking: Parking = field(default_factory=Parking)
    slowness: Slowness = field(default_factory=Slowness)
