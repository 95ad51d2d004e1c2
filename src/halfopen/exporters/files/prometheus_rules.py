"""Recording and alerting rules for Prometheus, by the routes and objectives of a configuration.

Source of burn rates: The Site Reliability Workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".

Rules
1. Whoever is hurt is told by counts of all gateways together. A gateway's own judgement is used only where
   the counts can't say it: rates of tokens, first contents, whole answers of an upstream.
2. No alert of a share without a least number: one failure at night is no outage.
"""

from collections.abc import Mapping
from typing import Any, Final

from halfopen.exporters.files.promql import COUNTED, MISSED, matcher, requests, routes
from halfopen.rollout import Snapshot
from halfopen.rollout.settings import Objective
from halfopen.signals import metrics
from halfopen.signals.burn import PAGE, PAIRS, TICKET
from halfopen.signals.exposition import window_text

INTERVAL: Final = "30s"
_AVAILABILITY: Final = "availability"

Rule = dict[str, Any]


def prometheus_rules(snapshot: Snapshot, job: str) -> dict[str, Any]:
    """The content of a file of rules.

    Args:
        snapshot: What is served.
        job: The name by which Prometheus scrapes the gateway.
    """
    groups = [{"name": "halfopen", "interval": INTERVAL, "rules": [*_recorded(), *_users(), *_health(job)]}]
    for name, objective in snapshot.objectives.items():
        groups.append(
            {"name": f"halfopen-objective-{name}", "interval": INTERVAL, "rules": _objective(name, objective)}
        )
    return {"groups": groups}


def _recorded() -> list[Rule]:
    return [
        {
            "record": "halfopen:requests:rate5m",
            "expr": f"sum by (route) (rate({requests(COUNTED)}[5m]))",
        },
        {
            "record": "halfopen:failures:rate5m",
            "expr": f"sum by (route) (rate({requests(MISSED)}[5m]))",
        },
        {
            "record": "halfopen:rescues:rate5m",
            "expr": f"sum by (route) (rate({metrics.RESCUED.name}[5m]))",
        },
        {
            "record": "halfopen:attempt_failures:rate5m",
            "expr": f'sum by (target, result) (rate({metrics.ATTEMPTS.name}{{result!~"ok|cancelled"}}[5m]))',
        },
        {
            "record": "halfopen:request_duration_seconds:p95_5m",
            "expr": "histogram_quantile(0.95, "
            f"sum by (route, le) (rate({metrics.DURATION.name}_bucket[5m])))",
        },
    ]


def _users() -> list[Rule]:
    return [
        _alert(
            "HalfopenUsersNotServed",
            "halfopen:failures:rate5m / halfopen:requests:rate5m > 0.01\n"
            "and halfopen:failures:rate5m * 300 >= 3",
            PAGE,
            "Users of {{ $labels.route }} get no answer",
            "{{ $value | humanizePercentage }} of the requests of the last 5 minutes failed.",
            wait="1m",
        ),
        _alert(
            "HalfopenRescuing",
            "halfopen:rescues:rate5m / halfopen:requests:rate5m > 0.05\n"
            "and halfopen:rescues:rate5m * 300 >= 10",
            TICKET,
            "{{ $labels.route }} is answered by others than its first choice",
            "{{ $value | humanizePercentage }} of the requests of the last 5 minutes were rescued. "
            "Users are served; the spare may cost more.",
            wait="5m",
        ),
    ]


def _health(job: str) -> list[Rule]:
    of_job = matcher("job", "=", job)
    return [
        _alert(
            "HalfopenBreakerOpen",
            f'max by (target) ({metrics.BREAKER.name}{{state="open"}}) == 1',
            TICKET,
            "The breaker of {{ $labels.target }} is open",
            "No calls go there until it answers again.",
            wait="2m",
        ),
        _alert(
            "HalfopenKeyParked",
            f"max by (target) ({metrics.PARKED.name}) > 0",
            TICKET,
            "A key of {{ $labels.target }} is not used",
            "The provider refused it, or its quota is used up. `halfopen status` names it.",
            wait="5m",
        ),
        _alert(
            "HalfopenOutcomesLost",
            f"sum by (instance) (increase({metrics.LOST.name}[15m])) > 0",
            TICKET,
            "{{ $labels.instance }} has lost outcomes",
            "{{ $value }} requests of the last 15 minutes are in no count.",
        ),
        _alert(
            "HalfopenStoreDown",
            f"{metrics.STORE_UP.name} == 0",
            TICKET,
            "{{ $labels.instance }} can't store outcomes",
            "Requests go on; what became of them waits in memory, and is lost beyond a bound.",
            wait="5m",
        ),
        _alert(
            "HalfopenWorkerDown",
            f"{metrics.WORKER_UP.name} == 0",
            PAGE,
            "Worker {{ $labels.worker }} of {{ $labels.instance }} is down",
            "The others serve its share.",
            wait="1m",
        ),
        _alert(
            "HalfopenRestarts",
            f"sum by (instance, process) (increase({metrics.RESTARTS.name}[15m])) > 3",
            TICKET,
            "{{ $labels.process }} of {{ $labels.instance }} dies again and again",
            "It was started {{ $value }} times in 15 minutes.",
        ),
        _alert(
            "HalfopenControlDown",
            f"up{{{of_job}}} == 0 or absent(up{{{of_job}}})",
            PAGE,
            "Nobody answers for the gateway at {{ $labels.instance }}",
            "Workers serve without control, but nothing is known of them.",
            wait="1m",
        ),
    ]


def _objective(name: str, objective: Objective) -> list[Rule]:
    if objective.promise != _AVAILABILITY:
        return [_judged(name, severity, long_s, factor) for severity, long_s, _, factor in PAIRS]
    where = routes(objective.routes)
    windows = sorted({window_s for _, long_s, short_s, _ in PAIRS for window_s in (long_s, short_s)})
    return [
        *(_ratio(name, where, window_text(window_s)) for window_s in windows),
        *(_burning(name, objective, where, pair) for pair in PAIRS),
    ]


def _ratio(name: str, where: str, window: str) -> Rule:
    missed = f"sum(rate({requests(MISSED, where)}[{window}]))"
    # With no miss at all there is no series of one, which is 0 and not unknown.
    return {
        "record": f"halfopen:objective_misses:ratio_rate{window}",
        "labels": {"objective": name},
        "expr": f"({missed} or vector(0))\n/ (sum(rate({requests(COUNTED, where)}[{window}])) > 0)",
    }


def _burning(name: str, objective: Objective, where: str, pair: tuple[str, int, int, float]) -> Rule:
    severity, long_s, short_s, factor = pair
    long, short = window_text(long_s), window_text(short_s)
    most = round(factor * (1.0 - objective.target), 9)
    which = matcher("objective", "=", name)
    guards = (
        (requests(COUNTED, where), objective.samples_min),
        (requests(MISSED, where), objective.bad_min),
    )
    # `increase` is no whole number: half a request more or less decides nothing.
    counted = "".join(
        f"\nand on () (sum(increase({counter}[{long}])) > {least - 0.5})" for counter, least in guards
    )
    return _alert(
        "HalfopenObjectiveBurns",
        f"halfopen:objective_misses:ratio_rate{long}{{{which}}} > {most:g}\n"
        f"and halfopen:objective_misses:ratio_rate{short}{{{which}}} > {most:g}{counted}",
        severity,
        f"The error budget of {name} is spent {factor:g} times too fast",
        f"{{{{ $value | humanizePercentage }}}} of the requests of the last {long} missed it; "
        f"{1.0 - objective.target:.3g} is what may.",
        labels={"objective": name, "window": long},
    )


def _judged(name: str, severity: str, long_s: int, factor: float) -> Rule:
    """By the gateway's own judgement, the worst one of several."""
    window = window_text(long_s)
    told = (("objective", name), ("severity", severity), ("window", window))
    which = ",".join(matcher(label, "=", value) for label, value in told)
    return _alert(
        "HalfopenObjectiveBurns",
        f"max by (objective, window) ({metrics.FIRING.name}{{{which}}}) == 1",
        severity,
        f"The error budget of {name} is spent {factor:g} times too fast",
        f"Both windows say so, the longer one of which is {window}.",
        labels={"objective": name, "window": window},
    )


def _alert(
    name: str,
    expression: str,
    severity: str,
    summary: str,
    description: str,
    *,
    wait: str = "",
    labels: Mapping[str, str] | None = None,
) -> Rule:
    return {
        "alert": name,
        "expr": expression,
        **({"for": wait} if wait else {}),
        "labels": {"severity": severity, **(labels or {})},
        "annotations": {"summary": summary, "description": description},
    }
