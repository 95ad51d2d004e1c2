"""What a dashboard of Grafana shows: titles, queries and units."""

from dataclasses import dataclass, field
from typing import Any, Final

from halfopen.exporters.files.promql import COUNTED, MISSED, requests
from halfopen.signals import metrics

_ROUTE: Final = 'route=~"$route"'
_TARGET: Final = 'target=~"$target"'
_RATE: Final = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Query:
    """One line of a chart, or several by its labels."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart or figure."""

    title: str
    queries: tuple[Query, ...]
    unit: str
    """As Grafana names units."""
    kind: str = "timeseries"
    """timeseries, stat or state-timeline."""
    text: str = ""
    """What a person should know of it."""
    width: int = 12
    """Of 24."""
    stacked: bool = False
    colors: tuple[tuple[float, str], ...] = field(default=())
    """From which value on which colour, for figures. The first is that of everything below."""


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    panels: tuple[Panel, ...]


def _chart(title: str, expression: str, legend: str, unit: str, **more: Any) -> Panel:
    """One with a single query."""
    return Panel(title, (Query(expression, legend),), unit, **more)


def _sum(by: str, counter: str) -> str:
    return f"sum by ({by}) (rate({counter}[{_RATE}]))"


def _quantile(share: float, by: str, histogram: str, where: str) -> str:
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({histogram}_bucket{{{where}}}[{_RATE}])))"


_COUNTED: Final = requests(COUNTED, _ROUTE)
_MISSED: Final = requests(MISSED, _ROUTE)
_RESCUED: Final = f"{metrics.RESCUED.name}{{{_ROUTE}}}"
_BOTH: Final = f"{{{_ROUTE},{_TARGET}}}"

OVERVIEW: Final = Board(
    "halfopen-overview",
    "Halfopen: are users served?",
    (
        _chart(
            "Answered",
            f"1 - (sum(rate({_MISSED}[5m])) or vector(0)) / (sum(rate({_COUNTED}[5m])) > 0)",
            "",
            "percentunit",
            kind="stat",
            text="Requests of the last 5 minutes that got a whole answer. Those that were at fault "
            "themselves, or given up by their client, are left out.",
            width=6,
            colors=((0.0, "red"), (0.99, "yellow"), (0.999, "green")),
        ),
        _chart(
            "Rescued",
            f"(sum(rate({_RESCUED}[5m])) or vector(0)) / (sum(rate({_COUNTED}[5m])) > 0)",
            "",
            "percentunit",
            kind="stat",
            text="Requests of the last 5 minutes that were answered, but not by the first choice alone.",
            width=6,
            colors=((0.0, "green"), (0.01, "yellow"), (0.5, "orange")),
        ),
        _chart("Requests a second", f"sum(rate({requests(_ROUTE)}[5m]))", "", "reqps", kind="stat", width=6),
        _chart(
            "Outcomes lost",
            f"sum({metrics.LOST.name})",
            "",
            "short",
            kind="stat",
            text="Requests that are in no count.",
            width=6,
            colors=((0.0, "green"), (1.0, "red")),
        ),
        _chart("Requests by result", _sum("result", requests(_ROUTE)), "{{result}}", "reqps", stacked=True),
        _chart(
            "Answers by who gave them",
            _sum("target", requests(_ROUTE, 'result="ok"')),
            "{{target}}",
            "reqps",
            stacked=True,
        ),
        Panel(
            "Duration of whole answers",
            tuple(
                Query(
                    _quantile(share, "route", metrics.DURATION.name, _ROUTE),
                    f"p{share:.0%} {{{{route}}}}".replace("%", ""),
                )
                for share in (0.5, 0.95, 0.99)
            ),
            "s",
        ),
        Panel(
            "Time to first content",
            tuple(
                Query(
                    _quantile(share, "route", metrics.FIRST_CONTENT.name, _ROUTE),
                    f"p{share:.0%} {{{{route}}}}".replace("%", ""),
                )
                for share in (0.5, 0.95)
            ),
            "s",
        ),
        _chart(
            "Error budget left",
            f"min by (objective) ({metrics.BUDGET.name})",
            "{{objective}}",
            "percentunit",
            text="Below 0: more than all is spent.",
        ),
        _chart(
            "Burn rate",
            f"max by (objective, window) ({metrics.BURN_RATE.name})",
            "{{objective}} {{window}}",
            "short",
            text="1 spends the budget in exactly the objective's days. None with too little traffic to tell.",
        ),
    ),
)
UPSTREAMS: Final = Board(
    "halfopen-upstreams",
    "Halfopen: upstreams",
    (
        _chart(
            "Breakers",
            f'max by (target) ({metrics.BREAKER.name}{{state="open",{_TARGET}}} * 2 '
            f'or {metrics.BREAKER.name}{{state="half_open",{_TARGET}}})',
            "{{target}}",
            "short",
            kind="state-timeline",
            text="0 closed, 1 half open, 2 open: the worst of all workers.",
            width=24,
        ),
        _chart(
            "Calls by result",
            _sum("target, result", f"{metrics.ATTEMPTS.name}{_BOTH}"),
            "{{target}} {{result}}",
            "reqps",
        ),
        _chart(
            "Passed over",
            _sum("target, reason", f"{metrics.SKIPS.name}{_BOTH}"),
            "{{target}} {{reason}}",
            "reqps",
            text="How often a target was not asked, and why.",
        ),
        _chart(
            "Calls in flight",
            f"sum by (target) ({metrics.TARGET_IN_FLIGHT.name}{{{_TARGET}}})",
            "{{target}}",
            "short",
        ),
        _chart(
            "Waiting for room",
            f"sum by (target) ({metrics.TARGET_WAITING.name}{{{_TARGET}}})",
            "{{target}}",
            "short",
        ),
        _chart(
            "Duration of whole answers (p95)",
            _quantile(0.95, "target", metrics.DURATION.name, f"{_ROUTE},{_TARGET}"),
            "{{target}}",
            "s",
        ),
        _chart(
            "Keys that nobody uses",
            f"max by (target) ({metrics.PARKED.name}{{{_TARGET}}})",
            "{{target}}",
            "short",
        ),
    ),
)
SPEND: Final = Board(
    "halfopen-spend",
    "Halfopen: spend",
    (
        _chart(
            "Spent an hour",
            f"sum by (target) (rate({metrics.COST.name}{_BOTH}[{_RATE}])) * 3600",
            "{{target}}",
            "currencyUSD",
            stacked=True,
        ),
        _chart(
            "Wasted an hour",
            f"sum by (target) (rate({metrics.WASTED_COST.name}{_BOTH}[{_RATE}])) * 3600",
            "{{target}}",
            "currencyUSD",
            text="Spent on attempts whose answer nobody got.",
            stacked=True,
        ),
        _chart(
            "Tokens a second",
            _sum("target, type", f"{metrics.TOKENS.name}{_BOTH}"),
            "{{target}} {{type}}",
            "short",
        ),
        _chart(
            "Wasted tokens a second",
            _sum("target", f"{metrics.WASTED_TOKENS.name}{_BOTH}"),
            "{{target}}",
            "short",
        ),
    ),
)
PROCESSES: Final = Board(
    "halfopen-processes",
    "Halfopen: the gateway itself",
    (
        _chart("Workers", f"sum by (instance) ({metrics.WORKER_UP.name})", "{{instance}}", "short"),
        _chart(
            "CPU of workers", f"rate({metrics.CPU.name}[{_RATE}])", "{{instance}} {{worker}}", "percentunit"
        ),
        _chart("Memory of workers", metrics.MEMORY.name, "{{instance}} {{worker}}", "bytes"),
        _chart("Connections", metrics.CONNECTIONS.name, "{{instance}} {{worker}}", "short"),
        _chart("Restarts", f"increase({metrics.RESTARTS.name}[1h])", "{{instance}} {{process}}", "short"),
        _chart("Waiting to be stored", metrics.STORE_WAITING.name, "{{instance}}", "short"),
    ),
)
BOARDS: Final = (OVERVIEW, UPSTREAMS, SPEND, PROCESSES)
