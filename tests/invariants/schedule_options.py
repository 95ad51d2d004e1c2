"""What a schedule draws before anything happens: the options of the policies, and the world's shape.

Every number is within the range that its docstring states; the ends are among them. A focus narrows the
draws so that one invariant's situation comes up often, and never so far that anything else can't happen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

from halfopen.model import Capabilities, Demand, Dimension, Price, Priority, RateLimit, Target, Usage
from halfopen.policy import (
    AfterCommit,
    BreakerOptions,
    JourneyOptions,
    LimitOptions,
    ParkingOptions,
    PolicyOptions,
    RetryOptions,
)
from halfopen.policy.choice import Choice
from halfopen.policy.options import HedgeOptions, SlownessOptions
from halfopen.policy.pacer import PacerOptions

T = TypeVar("T")


class Rng(Protocol):
    """Where every draw comes from: `random.Random`, or hypothesis's, which can shrink."""

    def random(self) -> float:
        """A number from [0, 1)."""


def pick(rng: Rng, options: Sequence[T]) -> T:
    """One of them, each as likely as another."""
    return options[int(rng.random() * len(options))]


@dataclass(frozen=True, slots=True)
class Focus:
    """Which draws are likely. What is first in a tuple is the plainest."""

    pools: tuple[str, ...] = ("any", "retry", "any", "overload", "throttle", "credential", "away", "request")
    """Of faults."""
    fails: float = 0.45
    """Share of the calls' steps that are failures."""
    limits: tuple[int, ...] = (100, 1, 2, 3, 5)
    targets: tuple[int, ...] = (1, 2, 3, 4)
    routes: tuple[int, ...] = (1, 2)
    attempts: tuple[int, ...] = (3, 2, 3, 1)
    streams: float = 0.6
    leaves: float = 0.01
    """Chance that the client leaves between two actions."""
    leave_weight: int = 2
    """How often a client leaves between two events, of about 40."""
    consecutive: tuple[int, ...] = (5, 1, 2, 3)
    buckets: tuple[float, ...] = (10.0, 0.0, 1.0, 2.0, 3.0, 10.0)
    parking_s: tuple[float, ...] = (60.0, 1.0, 3.0, 10.0)
    leases_s: tuple[float, ...] = (9.0, 1.0, 2.0, 30.0)
    keys: tuple[int, ...] = (1, 1, 2, 3)
    hedging: float = 0.3
    warm: float = 0.5
    """Chance that times to first token are known."""
    deadlines_s: tuple[float, ...] = (60.0, 0.5, 2.0, 8.0, 20.0)
    after_commit: tuple[AfterCommit, ...] = (
        AfterCommit.CONTINUE,
        AfterCommit.CONTINUE,
        AfterCommit.ERROR,
        AfterCommit.HOLD,
    )
    repeats: float = 0.12
    """Share of requests that their callers repeat."""
    delays: float = 0.3
    """Share of the faults whose delay is kept."""
    paced: float = 0.25
    """Chance that there are rate limits."""
    alone: float = 0.1
    """Chance that a request comes with a burst of others."""
    dead: float = 0.15
    """Chance that from some moment on no upstream says anything."""
    requests: tuple[int, ...] = (4, 1, 2, 8, 12)
    samples: tuple[int, ...] = (20, 1, 2, 4, 10_000)
    """For a breaker's ratio; and the calls in a row after which a target is dead."""
    opened_s: tuple[float, ...] = (5.0, 0.1, 1.0, 30.0)
    streams_s: tuple[float, ...] = (600.0, 1.0, 10.0, 60.0)
    attempts_s: tuple[float, ...] = (30.0, 0.5, 3.0, 200.0)
    earned: tuple[int, ...] = (10, 0, 60)
    """Requests that have paid into the budget of hedges."""
    obstacles: float = 0.1
    """Chance, for each piece, that an answer can't be gone on with."""
    time_weight: int = 12
    stalls_s: tuple[float, ...] = (20.0, 0.5, 3.0)
    floors: tuple[float, ...] = (1.5, 0.0, 50.0)
    """Of throughput, tokens a second."""
    pauses_s: tuple[float, ...] = (0.01, 0.0, 0.3, 2.0)
    steps: tuple[int, ...] = (40, 15, 80)
    to_the_timer: float = 0.4
    """Share of the times that pass up to the next timer."""
    patience_s: tuple[float | None, ...] = (None, None, None, 0.0, 1.0, 15.0, 1000.0)
    unfit: float = 0.08
    """Chance, for each target, that it can't do a request."""
    once: float = 0.06
    """Share of requests that may not be sent again."""
    inputs: tuple[int, ...] = (0, 10, 1000, 100_000)
    """Tokens."""


_PATIENT: Final = (*(None,) * 9, 1.0, 15.0, 1000.0)
_ANYTHING: Final = Focus()
_RETRIES: Final = Focus(
    steps=(90, 60),
    to_the_timer=0.12,
    patience_s=_PATIENT,
    unfit=0.03,
    once=0.02,
    pools=("retry", "retry", "overload", "retry", "throttle"),
    fails=0.65,
    targets=(1, 1, 2),
    consecutive=(1000, 5, 30),
    buckets=(10.0, 1.0, 2.0, 3.0, 10.0, 5.0, 0.0),
    limits=(100, 5),
    attempts=(3, 3, 2),
    deadlines_s=(60.0, 20.0, 8.0),
    requests=(12, 8, 4),
    leave_weight=1,
    delays=0.1,
    dead=0.05,
    attempts_s=(30.0, 200.0, 3.0),
    paced=0.1,
)
_RACES: Final = Focus(
    pools=("any", "retry", "request", "overload", "any"),
    steps=(90, 60),
    patience_s=_PATIENT,
    unfit=0.03,
    once=0.02,
    fails=0.15,
    targets=(2, 3),
    routes=(1, 1, 2),
    streams=1.0,
    hedging=0.9,
    warm=1.0,
    earned=(500, 60),
    buckets=(10.0, 10.0, 6.0),
    limits=(100, 100, 10),
    attempts=(3, 3, 2),
    deadlines_s=(60.0, 20.0, 8.0),
    streams_s=(600.0, 60.0),
    repeats=0.05,
    paced=0.1,
    time_weight=20,
    inputs=(1000, 10, 100),
    requests=(8, 12, 4),
    leave_weight=1,
    dead=0.05,
)
_BROKEN_STREAMS: Final = Focus(
    steps=(90, 60),
    to_the_timer=0.12,
    patience_s=_PATIENT,
    unfit=0.03,
    once=0.02,
    streams=0.97,
    pools=("retry", "retry", "retry", "away"),
    fails=0.3,
    targets=(2, 3, 4, 1),
    consecutive=(5, 1000),
    limits=(100, 100, 3),
    attempts=(3, 3, 3, 2),
    deadlines_s=(60.0, 20.0, 8.0),
    streams_s=(600.0, 600.0, 60.0),
    requests=(8, 4, 12),
    after_commit=(*(AfterCommit.CONTINUE,) * 6, AfterCommit.ERROR, AfterCommit.HOLD),
    obstacles=0.06,
    leave_weight=1,
    time_weight=6,
    paced=0.1,
    dead=0.05,
    warm=0.1,
    stalls_s=(20.0, 3.0),
    floors=(0.0, 1.5),
)
_PROBES: Final = Focus(
    steps=(90, 60),
    to_the_timer=0.12,
    patience_s=_PATIENT,
    unfit=0.03,
    once=0.02,
    consecutive=(1, 1, 2),
    samples=(1, 2, 20),
    opened_s=(0.1, 0.1, 1.0),
    leases_s=(1.0, 1.0, 2.0, 9.0),
    targets=(1, 2, 3),
    limits=(100, 5, 3),
    requests=(12, 8),
    deadlines_s=(60.0, 20.0, 8.0),
    attempts_s=(30.0, 3.0, 200.0),
    pools=("retry", "away", "request"),
    fails=0.6,
    leave_weight=6,
    paced=0.05,
    dead=0.05,
)
_LATE: Final = Focus(
    attempts=(3, 3, 2), dead=0.5, deadlines_s=(8.0, 0.5, 2.0, 20.0, 60.0), pools=("retry", "any", "away")
)
_FULL: Final = Focus(limits=(1, 2, 3, 4), leaves=0.03, leave_weight=4, alone=0.35)
_DELAYS: Final = Focus(
    to_the_timer=0.12,
    patience_s=_PATIENT,
    deadlines_s=(20.0, 60.0, 8.0, 2.0),
    paced=0.1,
    pools=("throttle", "delayed", "overload", "any"),
    delays=0.9,
    consecutive=(5, 1000),
    requests=(8, 4, 12),
)
_PARKED: Final = Focus(
    steps=(90, 60),
    to_the_timer=0.12,
    patience_s=_PATIENT,
    unfit=0.03,
    once=0.02,
    pools=("credential", "credential", "credential", "any"),
    fails=0.6,
    parking_s=(1.0, 1.0, 2.0, 10.0, 60.0),
    keys=(1, 1, 2, 3),
    targets=(1, 2, 3),
    requests=(12, 12, 8),
    time_weight=18,
    leave_weight=1,
    consecutive=(1000, 5),
    delays=0.1,
    paced=0.1,
    dead=0.0,
    pauses_s=(0.3, 1.0, 2.0),
)
_FAILOVERS: Final = Focus(
    steps=(90, 60),
    to_the_timer=0.12,
    patience_s=_PATIENT,
    unfit=0.03,
    once=0.02,
    limits=(2, 2, 3, 4, 6),
    targets=(2, 2, 3),
    routes=(2, 2, 1),
    pools=("away", "retry", "credential", "overload"),
    alone=0.7,
    consecutive=(1, 2, 5),
    requests=(12, 12, 8),
    deadlines_s=(60.0, 20.0, 8.0),
    attempts=(3, 2),
    attempts_s=(30.0, 200.0, 3.0),
    pauses_s=(0.01, 0.0, 0.3),
    paced=0.1,
)

FOCI: Final[Mapping[int, tuple[Focus, ...]]] = MappingProxyType(
    {
        0: (
            _ANYTHING,
            _RETRIES,
            _RACES,
            _BROKEN_STREAMS,
            _PROBES,
            _LATE,
            _FULL,
            _DELAYS,
            _PARKED,
            _FAILOVERS,
        ),
        1: (_RETRIES, _RACES, _RETRIES, _RACES, _ANYTHING),
        2: (_LATE, _LATE, _ANYTHING),
        3: (_BROKEN_STREAMS, _BROKEN_STREAMS, _BROKEN_STREAMS, _RACES, _ANYTHING),
        4: (_FULL, _FULL, _RACES, _ANYTHING),
        5: (_PROBES, _PROBES, _PROBES, _ANYTHING),
        6: (_DELAYS, _DELAYS, _ANYTHING),
        7: (_PARKED, _PARKED, _PARKED, _ANYTHING),
        11: (_FAILOVERS, _FAILOVERS, _FAILOVERS, _ANYTHING),
        13: (_ANYTHING, _RETRIES, _RACES, _BROKEN_STREAMS, _PROBES, _FULL, _DELAYS, _PARKED),
    }
)
"""The draws that bring up an invariant's situation, and always some that are drawn without regard to it."""


def draw_policy(rng: Rng, focus: Focus) -> PolicyOptions:
    """The options that all targets share."""
    initial = pick(rng, focus.limits)
    least = pick(rng, (1, 1, 4, initial))
    opened_s = pick(rng, focus.opened_s)
    return PolicyOptions(
        retry=RetryOptions(
            base_s=pick(rng, (0.5, 0.01, 4.0)),
            cap_s=pick(rng, (8.0, 0.01, 1.0)),
            bucket_max=pick(rng, focus.buckets),
            refill_per_success=pick(rng, (0.1, 0.0, 1.0, 0.1)),
            refill_s=pick(rng, (30.0, 1.0, 5.0, 3600.0)),
            price_max=pick(rng, (5.0, 1.0, 100.0)),
        ),
        breaker=BreakerOptions(
            window_s=pick(rng, (10.0, 1.0, 300.0)),
            min_samples=pick(rng, focus.samples),
            failure_ratio=pick(rng, (0.5, 0.01, 1.0)),
            slow_share=pick(rng, (0.5, 0.01, 1.0)),
            consecutive=pick(rng, focus.consecutive),
            open_s=opened_s,
            open_max_s=pick(rng, (9.0, 0.1, 2.0, 300.0)),
            lease_s=pick(rng, focus.leases_s),
            lone_probe_s=pick(rng, (1.0, 0.1, 20.0)),
            slow_start_s=pick(rng, (4.0, 0.0, 0.5, 60.0)),
        ),
        limit=LimitOptions(
            initial=initial,
            min=min(least, initial),
            max=max(initial, pick(rng, (10_000, initial, initial + 1))),
            decrease=pick(rng, (0.5, 0.1, 0.95)),
            decrease_every_s=pick(rng, (1.0, 0.0, 5.0)),
            reserve=pick(rng, (0.5, 0.0, 1.0, 0.25, 0.75)),
        ),
        parking=ParkingOptions(key_s=pick(rng, focus.parking_s), quota_s=pick(rng, focus.parking_s)),
        slowness=SlownessOptions(ratio=pick(rng, (5.0, 1.5)), min_s=pick(rng, (1.0, 0.05))),
    )


def draw_route_options(rng: Rng, focus: Focus) -> JourneyOptions:
    """The options of one route."""
    return JourneyOptions(
        deadline_s=pick(rng, focus.deadlines_s),
        attempt_s=pick(rng, focus.attempts_s),
        first_token_s=pick(rng, (45.0, 0.5, 3.0)),
        first_token_min_s=pick(rng, (10.0, 0.2, 1.0)),
        stall_s=pick(rng, focus.stalls_s),
        stream_s=pick(rng, focus.streams_s),
        attempts=pick(rng, focus.attempts),
        min_tokens_s=pick(rng, focus.floors),
        floor_window_s=pick(rng, (15.0, 1.0, 300.0)),
        after_commit=pick(rng, focus.after_commit),
        choice=pick(rng, (Choice.ORDER, Choice.ORDER, *Choice)),
        weights=pick(rng, ((), (1.0, 0.0), (0.0, 1000.0, 1.0))),
        hedge=HedgeOptions(extra_load=pick(rng, (0.2, 0.02)) if rng.random() < focus.hedging else 0.0),
    )


def draw_pacing(rng: Rng, focus: Focus) -> PacerOptions:
    """The rate limits of each credential at one target."""
    if rng.random() >= focus.paced:
        return PacerOptions()
    return PacerOptions(
        requests_per_minute=pick(rng, (0.0, 5.0, 60.0, 600.0)),
        tokens_per_minute=pick(rng, (0.0, 100.0, 20_000.0)),
        input_tokens_per_minute=pick(rng, (0.0, 5_000.0)),
        output_tokens_per_minute=pick(rng, (0.0, 5_000.0)),
    )


def draw_limits(rng: Rng, focus: Focus) -> tuple[RateLimit, ...]:
    """What the headers of an answer tell of rate limits; mostly nothing."""
    if rng.random() >= 0.4 * focus.paced:
        return ()
    return tuple(
        RateLimit(
            dimension,
            limit=pick(rng, (60.0, None, 1.0, 10.0, 1e6, -1.0)),
            remaining=pick(rng, (59.0, None, 0.0, 1.0, 5.0, float("nan"))),
            reset_s=pick(rng, (1.0, None, 0.0, 30.0, 7200.0, float("inf"))),
            window_s=pick(rng, (None, 1.0, 60.0, 86_400.0)),
        )
        for dimension in pick(rng, ((Dimension.REQUESTS,), tuple(Dimension)))
    )


def draw_demand(rng: Rng, focus: Focus) -> Demand:
    """What one request asks."""
    return Demand(
        input_tokens=pick(rng, focus.inputs),
        output_tokens=pick(rng, (0, 10, 500)),
        priority=pick(rng, (Priority.INTERACTIVE, Priority.INTERACTIVE, Priority.BULK)),
        caller=pick(rng, ("a", "b", "c")),
        repeats=pick(rng, (1, 2)) if rng.random() < focus.repeats else 0,
        patience_s=pick(rng, focus.patience_s),
    )


def draw_usage(rng: Rng) -> Usage | None:
    """What a call told of its tokens."""
    return pick(rng, (None, Usage(10, 20), Usage(100_000, 500, 1000), Usage()))


def draw_targets(rng: Rng, focus: Focus) -> list[Target]:
    """Some of them behind the same provider, and so the same keys."""
    targets = []
    shared = rng.random() < 0.3
    for number in range(pick(rng, focus.targets)):
        capabilities = Capabilities(
            context_tokens=pick(rng, (None, 8_192, 200_000)), reasoning=rng.random() < 0.1
        )
        price = pick(rng, (None, Price(1.0, 4.0), Price(0.1, 0.2)))
        provider = "p0" if shared and number < 2 else f"p{number}"
        targets.append(Target(provider, f"m{number}", "openai", capabilities, price))
    return targets
