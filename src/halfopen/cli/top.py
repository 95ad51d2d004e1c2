"""`halfopen top`: a running gateway, live."""

import time
from collections.abc import Iterable
from typing import Annotated

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from halfopen.app.processes.asking import NoAnswerError
from halfopen.app.processes.messages import Ask
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.cli.gateway_state import ConfigOption, StateOption, asked, find
from halfopen.cli.output import fail, print_json
from halfopen.cli.shown import NONE, duration, local_time, money, plain
from halfopen.cli.simulate_table import console
from halfopen.signals.overview import Figures, Health, Overview, Route, Upstream

_EVERY_S = 1.0
_ROWS_MAX = 20
_NAME_MAX = 40
_STYLES = (
    (Health.OK, "bold green"),
    (Health.IDLE, "dim"),
    (Health.RESCUING, "bold yellow"),
    (Health.FAILING, "bold red"),
    (Health.UNKNOWN, "bold magenta"),
)


def top(
    *,
    once: Annotated[bool, typer.Option("--once", help="Show it once and end.")] = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON once and end.")] = False,
) -> None:
    """Watch a running gateway: whether users are served, what is rescued, and by whom. Ctrl-C ends it.

    It is asked once a second. A gateway that doesn't answer for a while is shown as such, and asked again.

    Exit status: 0 shown; 1 no gateway answers within 2 s at the start; 2 wrong usage; 130 ended by Ctrl-C.
    """
    directory = find(state, config)
    first = _overview(directory)
    if isinstance(first, str):
        fail(f"{first} (state directory {directory.path})", 1)
    if as_json:
        print_json(first)
        return
    out = console()
    if once or not out.is_terminal:
        out.print(drawn(first))
        return
    with Live(drawn(first), console=out, auto_refresh=False, screen=True) as live:
        last = first
        while True:
            time.sleep(_EVERY_S)
            seen = _overview(directory)
            if isinstance(seen, str):
                live.update(drawn(last, problem=seen), refresh=True)
            else:
                last = seen
                live.update(drawn(last), refresh=True)


def _overview(state: StateDirectory) -> Overview | str:
    """How everything is; a text: why that isn't known."""
    answer = asked(state, Ask("overview"))
    if isinstance(answer, NoAnswerError):
        return str(answer)
    if not answer.ok:
        return answer.problem
    try:
        return msgspec.convert(answer.data, Overview)
    except msgspec.ValidationError as error:
        return f"the gateway is of another version: {error}"


def drawn(seen: Overview, *, problem: str = "") -> RenderableType:
    """How everything is, for a terminal. `problem`: why nothing newer is known."""
    style = dict(_STYLES)[seen.health]
    since = f" since {local_time(seen.since_s, date=False)}" if seen.since_s is not None else ""
    parts: list[RenderableType] = []
    if problem:
        parts.append(Text(f"No answer: {plain(problem)}. What was known last:", style="bold red"))
    parts += [
        Text.assemble((seen.health.value.upper(), style), f"{since}  {plain(seen.sentence)}"),
        Text(
            f"{local_time(seen.at_s)}, last {seen.window_s // 60} min, "
            f"snapshot {plain(seen.snapshot) or NONE}, "
            f"{seen.totals.requests} requests of all time, {seen.lost} outcomes lost",
            style="dim",
        ),
        _routes(seen.figures, seen.routes),
        _upstreams(seen.upstreams),
    ]
    if any(caller.name for caller in seen.callers):
        parts.append(_callers((caller.name, caller.figures) for caller in seen.callers))
    parts += [Text(f"problem: {plain(each)}", style="bold red") for each in seen.problems]
    return Group(*parts)


def _table(first: str, *others: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True, max_width=_NAME_MAX)
    for other in others:
        table.add_column(other, justify="right", no_wrap=True)
    return table


_FIGURES = (
    "requests",
    "per s",
    "ok",
    "rescued",
    "failed",
    "gone",
    "p50",
    "p95",
    "first token",
    "cost",
    "wasted",
)


def _cells(figures: Figures) -> list[Text]:
    return [
        Text(str(figures.requests)),
        Text(f"{figures.per_s:.1f}"),
        Text(str(figures.answered)),
        Text(str(figures.rescued), style="yellow" if figures.rescued else ""),
        Text(str(figures.failed), style="bold red" if figures.failed else ""),
        Text(str(figures.gone)),
        Text(duration(figures.p50_ms)),
        Text(duration(figures.p95_ms)),
        Text(duration(figures.first_content_p50_ms)),
        Text(money(figures.cost_usd)),
        Text(money(figures.wasted_usd)),
    ]


def _routes(all_of_them: Figures, routes: list[Route]) -> Table:
    table = _table("route", "health", *_FIGURES)
    styles = dict(_STYLES)
    for route in routes[:_ROWS_MAX]:
        health = Text(route.health.value, style=styles[route.health])
        table.add_row(Text(plain(route.name)), health, *_cells(route.figures))
    if len(routes) > _ROWS_MAX:
        table.add_row(Text(f"… and {len(routes) - _ROWS_MAX} more"))
    if len(routes) != 1:
        table.add_row(Text("all", style="bold"), Text(), *_cells(all_of_them))
    return table


def _upstreams(upstreams: list[Upstream]) -> Table:
    table = _table(
        "upstream",
        "breaker",
        "attempts",
        "failed",
        "in flight",
        "limit",
        "waiting",
        "p50",
        "p95",
        "last fault",
    )
    for each in upstreams[:_ROWS_MAX]:
        state = each.state
        breaker = "?" if state is None else state.breaker
        limit = NONE if state is None or state.limit is None else str(state.limit)
        table.add_row(
            Text(plain(each.target)),
            Text(breaker, style="" if breaker in ("closed", "?") else "bold red"),
            str(each.attempts),
            Text(str(each.failed), style="bold red" if each.failed else ""),
            "?" if state is None else str(state.in_flight),
            limit,
            "?" if state is None else str(state.waiting),
            duration(each.p50_ms),
            duration(each.p95_ms),
            Text(plain(state.last_fault) if state is not None and state.last_fault else NONE),
        )
    return table


def _callers(callers: Iterable[tuple[str, Figures]]) -> Table:
    table = _table("caller", *_FIGURES)
    for name, figures in list(callers)[:_ROWS_MAX]:
        table.add_row(Text(plain(name) or "(unknown)"), *_cells(figures))
    return table
