"""What `/metrics` tells. Names follow the conventions of Prometheus: base units, `_total` for counters.

Labels are bounded: routes, targets, kinds and reasons come from the configuration and from enums. Callers
name themselves, so they are told only where they are few.
"""

from typing import Final

from halfopen.signals.metric import Metric

DURATION_BOUNDS_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
FIRST_CONTENT_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
CALLERS_MAX: Final = 50
"""With more of them none is told by name."""

_ROUTE_TARGET: Final = ("route", "target")


def _counter(name: str, told: str, labels: tuple[str, ...] = ()) -> Metric:
    return Metric(name, "counter", told, labels)


def _gauge(name: str, told: str, labels: tuple[str, ...] = ()) -> Metric:
    return Metric(name, "gauge", told, labels)


def _histogram(name: str, told: str, labels: tuple[str, ...] = ()) -> Metric:
    return Metric(name, "histogram", told, labels)


REQUESTS: Final = _counter(
    "halfopen_requests_total",
    "Requests that are over. target: who served it, else who was asked last. result: ok, client_gone, or "
    "the kind of the fault that the client got.",
    ("route", "target", "result"),
)
RESCUED: Final = _counter(
    "halfopen_requests_rescued_total",
    "Requests that were answered whole though the first choice failed or could not be asked.",
    _ROUTE_TARGET,
)
STREAMS: Final = _counter("halfopen_streams_total", "Requests for a stream.", _ROUTE_TARGET)
ATTEMPTS: Final = _counter(
    "halfopen_attempts_total",
    "Calls to upstreams. result: ok, cancelled, or the kind of the fault.",
    ("route", "target", "result"),
)
SKIPS: Final = _counter(
    "halfopen_skips_total",
    "How often a target was passed over without a call.",
    ("route", "target", "reason"),
)
TOKENS: Final = _counter(
    "halfopen_tokens_total",
    "Tokens that providers counted, wasted ones included. type: input or output.",
    ("route", "target", "type"),
)
CACHED: Final = _counter(
    "halfopen_cached_tokens_total", "Of the input tokens, those read from a provider's cache.", _ROUTE_TARGET
)
WASTED_TOKENS: Final = _counter(
    "halfopen_wasted_tokens_total", "Of the tokens, those of attempts whose answer nobody got.", _ROUTE_TARGET
)
COST: Final = _counter(
    "halfopen_cost_usd_total", "What requests cost in US dollars, waste included.", _ROUTE_TARGET
)
WASTED_COST: Final = _counter(
    "halfopen_wasted_usd_total", "What attempts cost in US dollars whose answer nobody got.", _ROUTE_TARGET
)
RECEIVED: Final = _counter("halfopen_received_bytes_total", "Bodies of requests.", ("route",))
SENT: Final = _counter("halfopen_sent_bytes_total", "Bodies of answers.", ("route",))
DURATION: Final = _histogram(
    "halfopen_request_duration_seconds",
    "From a request's arrival to the end of its answer, for whole answers. Bounds are met within 2 %.",
    _ROUTE_TARGET,
)
FIRST_CONTENT: Final = _histogram(
    "halfopen_first_content_seconds",
    "From a request's arrival to the first content of its answer, for whole answers. Bounds are met within "
    "2 %.",
    _ROUTE_TARGET,
)
CALLER_REQUESTS: Final = _counter(
    "halfopen_caller_requests_total",
    f"Requests by caller. Left out while more than {CALLERS_MAX} callers are known.",
    ("caller",),
)
CALLER_COST: Final = _counter(
    "halfopen_caller_cost_usd_total",
    f"Cost by caller in US dollars. Left out while more than {CALLERS_MAX} callers are known.",
    ("caller",),
)
LOST: Final = _counter(
    "halfopen_outcomes_lost_total",
    "Requests whose outcome was never recorded, since the store was made. They are in no other count.",
)
HEALTH: Final = _gauge(
    "halfopen_health",
    "1 for the state that the gateway is in, 0 for the others: idle, ok, rescuing, failing, unknown.",
    ("state",),
)
BREAKER: Final = _gauge(
    "halfopen_breaker_state",
    "1 for the worst state of a target's breaker in any worker, 0 for the others: closed, open, half_open.",
    ("target", "state"),
)
OPEN_WORKERS: Final = _gauge(
    "halfopen_breaker_open_workers", "Workers in which a target's breaker is not closed.", ("target",)
)
TARGET_IN_FLIGHT: Final = _gauge("halfopen_target_in_flight", "Calls under way.", ("target",))
TARGET_LIMIT: Final = _gauge(
    "halfopen_target_limit", "Calls that may be under way at once, over all workers.", ("target",)
)
TARGET_WAITING: Final = _gauge("halfopen_target_waiting", "Requests that wait for room there.", ("target",))
THROTTLED: Final = _gauge(
    "halfopen_target_throttled_seconds", "For so long the provider wants no calls.", ("target",)
)
PARKED: Final = _gauge("halfopen_target_parked_keys", "Keys that nobody uses there now.", ("target",))
RATE_LEFT: Final = _gauge(
    "halfopen_rate_limit_left",
    "What is left of the provider's rate limit, as far as it tells. dimension: requests or tokens.",
    ("target", "dimension"),
)
RATE_MAX: Final = _gauge(
    "halfopen_rate_limit_max",
    "The provider's rate limit. dimension: requests or tokens.",
    ("target", "dimension"),
)
WORKER_UP: Final = _gauge("halfopen_worker_up", "Whether a worker is connected to control.", ("worker",))
IN_FLIGHT: Final = _gauge("halfopen_in_flight", "Requests under way.", ("worker",))
WAITING: Final = _gauge("halfopen_waiting", "Requests that wait for their turn.", ("worker",))
CONNECTIONS: Final = _gauge("halfopen_connections", "Connections of clients.", ("worker",))
CPU: Final = _counter("halfopen_worker_cpu_seconds_total", "CPU time that a worker has used.", ("worker",))
MEMORY: Final = _gauge("halfopen_worker_memory_bytes", "Resident memory of a worker.", ("worker",))
RESTARTS: Final = _counter(
    "halfopen_restarts_total", "How often a process of the gateway has been started again.", ("process",)
)
STORE_UP: Final = _gauge("halfopen_store_up", "Whether outcomes can be stored now.")
STORE_WAITING: Final = _gauge("halfopen_store_waiting", "Outcomes that wait to be stored.")
STORE_BYTES: Final = _gauge("halfopen_store_bytes", "Size of the store.")
PROBLEMS: Final = _gauge("halfopen_problems", "Problems that `halfopen status` shows.")
OBJECTIVE_TARGET: Final = _gauge(
    "halfopen_objective_target", "The part of requests for which an objective has to be kept.", ("objective",)
)
OBJECTIVE_KEPT: Final = _gauge(
    "halfopen_objective_kept",
    "The part for which it was kept, over its days. NaN: there were no requests.",
    ("objective",),
)
BUDGET: Final = _gauge(
    "halfopen_objective_budget_left",
    "The part of an objective's error budget that is left; below 0: more than all is spent.",
    ("objective",),
)
BURN_RATE: Final = _gauge(
    "halfopen_objective_burn_rate",
    "How fast the budget is spent; 1 spends it in exactly the objective's days. NaN: too few requests or "
    "misses to tell.",
    ("objective", "severity", "window"),
)
FIRING: Final = _gauge(
    "halfopen_objective_firing",
    "Whether both windows of a pair burn faster than their threshold.",
    ("objective", "severity", "window"),
)
BUILD: Final = _gauge("halfopen_build_info", "Always 1.", ("version",))
SNAPSHOT: Final = _gauge("halfopen_snapshot_info", "The configuration in force. Always 1.", ("id",))

METRICS: Final = tuple(each for each in list(globals().values()) if isinstance(each, Metric))
"""All of them."""
