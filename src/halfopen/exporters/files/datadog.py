"""A dashboard and monitors for Datadog as JSON. Metrics are those that DogStatsD is sent.

Source: Datadog's documentation of the dashboards and monitors of its API, version 1.
"""

from collections.abc import Iterable
from typing import Any, Final

from halfopen.exporters.figures import BREAKERS, HEALTHS
from halfopen.exporters.files.promql import OWN_MISTAKES
from halfopen.rollout import Snapshot
from halfopen.seams.sums import GONE, OK
from halfopen.signals.burn import PAGE, PAIRS
from halfopen.signals.exposition import window_text
from halfopen.signals.overview import Health

_WIDTH: Final = 6
_HEIGHT: Final = 3
_COLUMNS: Final = 12
SILENCE_MIN: Final = 10
"""Minutes without a word from any gateway after which that is told."""
_PRIORITIES: Final = (1, 3)
"""Of a monitor that pages, and of one that does not."""


def datadog_files(snapshot: Snapshot) -> dict[str, Any]:
    """The content of each file by its path: a dashboard, and monitors one by one."""
    prefix = snapshot.statsd.prefix
    files: dict[str, Any] = {"dashboard.json": _dashboard(prefix)}
    for name, monitor in _monitors(snapshot, prefix):
        files[f"monitors/{name}.json"] = monitor
    return files


def _dashboard(prefix: str) -> dict[str, Any]:
    where = "{$route,$target,$env}"
    by_objective = "{$env}"
    charts = (
        ("Requests by result", "bars", [f"sum:{prefix}.requests{where} by {{result}}.as_count()"]),
        ("Rescued", "bars", [f"sum:{prefix}.requests.rescued{where} by {{route}}.as_count()"]),
        (
            "Duration of whole answers, s",
            "line",
            [f"{each}:{prefix}.request.duration{where} by {{route}}" for each in ("p50", "p95", "p99")],
        ),
        (
            "Time to first content, s",
            "line",
            [f"{each}:{prefix}.first_content{where} by {{route}}" for each in ("p50", "p95")],
        ),
        ("Calls by result", "bars", [f"sum:{prefix}.attempts{where} by {{target,result}}.as_count()"]),
        ("Passed over", "bars", [f"sum:{prefix}.skips{where} by {{target,reason}}.as_count()"]),
        (
            "Breakers: 0 closed, 1 half open, 2 open",
            "line",
            [f"max:{prefix}.breaker.state{{$target,$env}} by {{target}}"],
        ),
        ("Calls in flight", "line", [f"sum:{prefix}.in_flight{{$target,$env}} by {{target}}"]),
        ("Spent, USD", "bars", [f"sum:{prefix}.cost_usd{where} by {{target}}.as_count()"]),
        ("Wasted, USD", "bars", [f"sum:{prefix}.wasted_usd{where} by {{target}}.as_count()"]),
        ("Tokens", "bars", [f"sum:{prefix}.tokens{where} by {{target,type}}.as_count()"]),
        (
            "Error budget left",
            "line",
            [f"min:{prefix}.objective.budget_left{by_objective} by {{objective}}"],
        ),
    )
    return {
        "title": "Halfopen",
        "description": "Whether users of the LLM gateway are served, by whom, and at what price.",
        "layout_type": "ordered",
        "template_variables": [
            {"name": name, "prefix": name, "defaults": ["*"]} for name in ("route", "target", "env")
        ],
        "widgets": [_widget(place, *chart) for place, chart in enumerate(charts)],
    }


def _widget(place: int, title: str, kind: str, queries: Iterable[str]) -> dict[str, Any]:
    across = _COLUMNS // _WIDTH
    return {
        "definition": {
            "type": "timeseries",
            "title": title,
            "show_legend": True,
            "requests": [{"q": query, "display_type": kind} for query in queries],
        },
        "layout": {
            "x": place % across * _WIDTH,
            "y": place // across * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
        },
    }


def _monitors(snapshot: Snapshot, prefix: str) -> Iterable[tuple[str, dict[str, Any]]]:
    counted = ",".join(f"!result:{each}" for each in (GONE, *OWN_MISTAKES))
    yield (
        "users-not-served",
        _monitor(
            "Some users get no answer",
            f"min(last_5m):max:{prefix}.health{{*}} >= {HEALTHS.index(Health.FAILING.value)}",
            HEALTHS.index(Health.FAILING.value),
            page=True,
            silence=True,
        ),
    )
    yield (
        "failures",
        _monitor(
            "Requests for {{route.name}} fail",
            f"sum(last_10m):sum:{prefix}.requests{{!result:{OK},{counted}}} by {{route}}.as_count() "
            f"/ sum:{prefix}.requests{{{counted}}} by {{route}}.as_count() > 0.05",
            0.05,
            page=False,
        ),
    )
    yield (
        "rescuing",
        _monitor(
            "{{route.name}} is answered by others than its first choice",
            f"sum(last_10m):sum:{prefix}.requests.rescued{{*}} by {{route}}.as_count() "
            f"/ sum:{prefix}.requests{{{counted}}} by {{route}}.as_count() > 0.05",
            0.05,
            page=False,
        ),
    )
    yield (
        "breaker-open",
        _monitor(
            "The breaker of {{target.name}} is open",
            f"min(last_5m):max:{prefix}.breaker.state{{*}} by {{target}} >= {BREAKERS.index('open')}",
            BREAKERS.index("open"),
            page=False,
        ),
    )
    for name in snapshot.objectives:
        for severity, long_s, _, factor in PAIRS:
            window = window_text(long_s)
            yield (
                f"objective-{name}-{window}",
                _monitor(
                    f"The error budget of {name} is spent {factor:g} times too fast ({window})",
                    f"max(last_5m):max:{prefix}.objective.firing"
                    f"{{objective:{name},severity:{severity},window:{window}}} >= 1",
                    1,
                    page=severity == PAGE,
                ),
            )


def _monitor(name: str, query: str, critical: float, *, page: bool, silence: bool = False) -> dict[str, Any]:
    """`silence`: whether it is told, too, when nothing is told any more."""
    return {
        "name": f"Halfopen: {name}",
        "type": "query alert",
        "query": query,
        "message": f"{name}. `halfopen top` and the dashboard say more.",
        "tags": ["service:halfopen"],
        "priority": _PRIORITIES[0] if page else _PRIORITIES[1],
        "options": {
            "thresholds": {"critical": critical},
            "notify_no_data": silence,
            **({"no_data_timeframe": SILENCE_MIN} if silence else {}),
            "include_tags": True,
            "require_full_window": False,
        },
    }
