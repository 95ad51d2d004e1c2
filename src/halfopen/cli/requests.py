"""`halfopen requests`: what became of requests."""

import time
from typing import Annotated, Any

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from halfopen.cli import recorded
from halfopen.cli.gateway_state import ConfigOption, StateOption, find
from halfopen.cli.output import fail, print_json
from halfopen.cli.shown import NONE, duration, iso_time, local_time, moment, money, plain
from halfopen.cli.simulate_table import console
from halfopen.seams.ledger import LIMIT_MAX, Kept, Only, Search

_LIMIT = 50
_SHOWN_CHARS = 60
_ID_CHARS = 22
"""Of a request's id: whoever copies it wants it in one line."""
_NANO = 1e9


def requests(  # noqa: PLR0913 - each argument is an option
    *,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those that got no whole answer, though they waited.")
    ] = False,
    rescued: Annotated[
        bool, typer.Option("--rescued", help="Only those answered by other than the first choice.")
    ] = False,
    gone: Annotated[bool, typer.Option("--gone", help="Only those that their clients gave up.")] = False,
    since: Annotated[
        str,
        typer.Option(metavar="TIME", help="Ended since: so long ago (90s, 15m, 1h, 7d), or an ISO time."),
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Ended before; as --since.")] = "",
    route: Annotated[str, typer.Option(metavar="NAME", help="Only of this route.")] = "",
    target: Annotated[str, typer.Option(metavar="NAME", help="Only those served by this target.")] = "",
    caller: Annotated[str, typer.Option(metavar="NAME", help="Only of this caller.")] = "",
    kind: Annotated[str, typer.Option(metavar="KIND", help="Only those that got this kind of fault.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="So many at most.")] = _LIMIT,
    before: Annotated[
        int, typer.Option(min=0, metavar="NUMBER", help="The page after the one that ended with it.")
    ] = 0,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List requests that are over, the latest first.

    A running gateway is asked; if none answers within 2 s, the store that its
    configuration names is read.

    Exit status: 0 listed, even if there are none; 1 nobody answers and nothing is recorded here, or it can't
    be read; 2 wrong usage.
    """
    if failed + rescued + gone > 1:
        fail("only one of --failed, --rescued and --gone", 2)
    only = Only.FAILED if failed else Only.RESCUED if rescued else Only.GONE if gone else Only.ALL
    search = Search(
        since_s=_moment(since, "--since", 0.0),
        until_s=_moment(until, "--until", Search().until_s),
        only=only,
        route=route,
        target=target,
        caller=caller,
        kind=kind,
        before=before,
        limit=limit,
    )
    rows = recorded.requests(find(state, config), search)
    following = rows[-1].number if len(rows) == limit else None
    if as_json:
        print_json({"requests": [as_data(row) for row in rows], "next": following})
        return
    if not rows:
        print("No such request is recorded.")
        return
    _print_table(rows)
    if following is not None:
        print(f"There may be more: --before {following}")


def as_data(row: Kept) -> dict[str, Any]:
    """A row as JSON has it: without detail, with its end as a time that people can read as well."""
    data: dict[str, Any] = msgspec.to_builtins(row)
    del data["detail"]
    return {**data, "ended_at": iso_time(row.ended_wall_s)}


def result(row: Kept) -> str:
    """What its client got, in a word or two."""
    if row.client_gone:
        return "client left"
    if row.kind is not None:
        return f"FAILED {row.kind}"
    return "rescued" if row.rescued else "ok"


def style(row: Kept) -> str:
    """How the result looks."""
    if row.client_gone:
        return "dim"
    if row.kind is not None:
        return "bold red"
    return "yellow" if row.rescued else "green"


def _moment(text: str, option: str, default: float) -> float:
    if not text:
        return default
    try:
        return moment(text, time.time())
    except (ValueError, OverflowError):
        fail(f"{option} {plain(text)!r} is no time; say 15m, 1h, 7d or 2026-11-23T22:00", 2)


def _print_table(rows: list[Kept]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in ("ended", "request", "route", "result", "served by", "caller"):
        # Whoever copies the id needs the whole of it.
        if head == "request":
            table.add_column(head, overflow="fold", min_width=_ID_CHARS)
        else:
            table.add_column(head, overflow="ellipsis", no_wrap=True)
    for head in ("tries", "took", "tokens", "cost"):
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        tokens = (row.input_tokens or 0) + (row.output_tokens or 0)
        table.add_row(
            Text(local_time(row.ended_wall_s)),
            Text(plain(row.request_id, _SHOWN_CHARS)),
            Text(plain(row.route, _SHOWN_CHARS)),
            Text(result(row), style=style(row)),
            Text(plain(row.served_by or NONE, _SHOWN_CHARS)),
            Text(plain(row.caller or NONE, _SHOWN_CHARS)),
            str(row.attempts),
            duration(row.duration_ms),
            str(tokens) if tokens else NONE,
            money(row.cost_nusd / _NANO),
        )
    console().print(table)
