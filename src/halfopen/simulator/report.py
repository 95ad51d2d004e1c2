"""What a run came to: figures and series."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """One policy in one scenario."""

    requests: int
    """Sent by the clients; a client's own retries of one are no further requests."""
    success_rate: float | None
    """Share with a whole answer in the client's time. None: there were no requests."""
    success_interval: tuple[float, float]
    """Wilson's 95 % interval of it."""
    amplification: float
    """Upstream calls ÷ requests, without failovers."""
    failovers: float
    """Calls to another target than the one before ÷ requests."""
    p50_s: float | None
    """To the first content of a stream, or to the end of a plain answer, from arrival; of successes only.

    None: there were no successes."""
    p99_s: float | None
    recovery_s: float | None
    """From the end of the last fault until ≥ 95 % of each later second's requests succeed, for good.

    0: at once. None: never in this run, or there was no fault."""
    cost: float
    """US dollars: what the upstreams charge, for answers that nobody got as well."""
    success_of: Mapping[str, float | None]
    """The success rate of each group of clients. None: it sent no request."""
    p99_healthy_s: float | None
    """p99 while nothing was wrong; None: no such time."""
    p99_settled_s: float | None
    """p99 of what arrived later than 10 s after the first fault began."""


@dataclass(frozen=True, slots=True)
class Series:
    """Second by second. Each has one entry a second of the scenario."""

    arrived: tuple[int, ...]
    """Requests that arrived."""
    succeeded: tuple[int, ...]
    """Those of them that got a whole answer in time."""
    p99_s: tuple[float | None, ...]
    """Of those that arrived then and succeeded."""
    calls: Mapping[str, tuple[int, ...]]
    """Calls that reached each upstream."""
    in_flight: Mapping[str, tuple[int, ...]]
    """Calls at each upstream, its queue included, at the end of the second."""


@dataclass(frozen=True, slots=True)
class Report:
    """One policy's run."""

    policy: str
    figures: Figures
    series: Series
    trace_sha256: str
    """Over every event and decision: two runs with the same seed have the same."""
    trace: tuple[str, ...] = ()
    """Every event and decision in words, in order; empty unless it was asked for."""
