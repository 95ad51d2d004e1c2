"""How everything is, for whoever looks: pages, the command line, exporters. These are the shapes.

Times of the wall clock are in seconds since the Unix epoch, durations in milliseconds, money in US dollars.
A figure that can't be known, such as a percentile of nothing, is None.
"""

from enum import Enum

import msgspec

from halfopen.signals.burn import BurnRate


class Health(Enum):
    """Whether users are served."""

    IDLE = "idle"
    """Nobody asks."""
    OK = "ok"
    RESCUING = "rescuing"
    """Users get answers, but not from the first choice."""
    FAILING = "failing"
    """Some users get no answer."""
    UNKNOWN = "unknown"
    """Nothing is known: control has just begun, or hears from no worker."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of a stretch of time."""

    requests: int = 0
    answered: int = 0
    """Whole answers, rescued ones included."""
    rescued: int = 0
    failed: int = 0
    own_mistakes: int = 0
    """Of those that failed, those whose request was at fault itself."""
    gone: int = 0
    """Given up by their client."""
    by_kind: dict[str, int] = {}
    """Failed requests by the kind of their fault."""
    per_s: float = 0.0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    first_content_p50_ms: float | None = None
    first_content_p95_ms: float | None = None
    tokens_per_s: float | None = None
    """Median rate of an answer, from its first content on."""
    input_tokens: int = 0
    output_tokens: int = 0
    wasted_tokens: int = 0
    cost_usd: float = 0.0
    wasted_usd: float = 0.0


class UpstreamState(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy of all workers together knows of a target now."""

    target: str
    breaker: str = "closed"
    """closed, open or half_open: the worst that any worker says."""
    workers_open: int = 0
    """Workers whose breaker is not closed."""
    workers: int = 0
    opened_wall_s: float | None = None
    """Since when it has not been closed in any worker."""
    last_fault: str = ""
    """The kind of the latest fault."""
    in_flight: int = 0
    limit: int | None = None
    """Calls that may be in flight at once, over all workers."""
    waiting: int = 0
    """Requests that wait for room there."""
    throttled_s: float = 0.0
    """For so long the provider wants no calls."""
    parked: dict[str, str] = {}
    """Keys, by reference, that nobody uses now, and why."""
    requests_left: float | None = None
    requests_max: float | None = None
    tokens_left: float | None = None
    tokens_max: float | None = None
    """Of the provider's rate limits, as far as it or the configuration tells."""


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """One target: what was asked of it, and its state."""

    target: str
    attempts: int = 0
    failed: int = 0
    cancelled: int = 0
    by_kind: dict[str, int] = {}
    skipped: dict[str, int] = {}
    """How often it was passed over, by reason."""
    per_s: float = 0.0
    p50_ms: float | None = None
    p95_ms: float | None = None
    cost_usd: float = 0.0
    state: UpstreamState | None = None
    """None: no worker has said."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route."""

    name: str
    targets: list[str]
    health: Health
    figures: Figures
    by_target: dict[str, int]
    """Whole answers by who gave them."""
    waiting: int = 0


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """One caller."""

    name: str
    """Empty: unknown."""
    figures: Figures


class ObjectiveState(msgspec.Struct, frozen=True, kw_only=True):
    """One objective: how well it is kept."""

    name: str
    promise: str
    target: float
    days: int
    good: int
    total: int
    kept: float | None
    """The part of requests for which it was kept; None: there were none."""
    budget_left: float
    """The part of the error budget that is left; below 0: more than all is spent."""
    burn: list[BurnRate]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Figures by minute, for a chart. All lists are as long."""

    start_s: list[int]
    answered: list[int]
    """By the first choice."""
    rescued: list[int]
    failed: list[int]
    gone: list[int]
    p50_ms: list[float | None]
    p95_ms: list[float | None]
    cost_usd: list[float]
    wasted_usd: list[float]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How everything is."""

    at_s: float
    health: Health
    since_s: float | None
    """Since when it has been so, to the minute; None: longer than is known."""
    sentence: str
    """The same for somebody who was woken: who is hurt, by what, what is done about it."""
    window_s: int
    """Figures are of so many seconds before `at_s`."""
    snapshot: str
    figures: Figures
    totals: Figures
    """Of all time. Percentiles as well."""
    lost: int
    """Outcomes of all time that were made and never recorded. They are not in `totals`."""
    routes: list[Route]
    upstreams: list[Upstream]
    callers: list[Caller]
    objectives: list[ObjectiveState]
    series: Series
    problems: list[str]
    """What a person should look after, as `halfopen status` says it."""
