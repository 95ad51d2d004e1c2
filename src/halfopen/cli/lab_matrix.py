"""`halfopen lab matrix`: every client, provider, fault and point of failure, and the verdicts."""

import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from halfopen.cli.output import fail, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from halfopen.lab.matrix import Case, Row, Totals

NO_CLIENT = "what judges the answers is not installed; get it with: pip install 'halfopen[lab]'"
_CLIENT_PACKAGES = ("openai", "anthropic", "google", "pydantic")
_WIDTH = 160
"""Characters of a line that goes into a file or a pipe."""
_SLOWEST = 3
"""How many of the slowest rows are named."""


def matrix(
    only: Annotated[
        str,
        typer.Option(
            metavar="GLOB",
            help="Only rows of this fault/mode/primary/client/point, or a beginning of it such as the "
            "fault alone; * and ? match.",
        ),
    ] = "*",
    sample: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Only about N rows, with every fault, client, provider and point."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of --sample: the same seed gives the same rows.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Rows at the same time.")] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: totals and rows.")] = False,
) -> None:
    """Play every fault at every point with every client, and judge what the application gets.

    The official clients openai (chat, responses, completions, embeddings), anthropic (messages) and
    google-genai (generate), with their own retries, ask a gateway whose primary (openai, anthropic or
    gemini) has the fault and whose backup, of another dialect, is healthy. Every row has providers,
    gateway and client of its own.

    Points: before_headers, after_headers, after_content (after three pieces), event:N (before the N-th
    event, counted from 0), finish, and where the answer is two tool calls in_call and call:N. With
    +error or +hold the route does not continue; with +choices two answers are asked for; with +restarts
    the backup, told to go on, begins anew.

    pass: a complete, true answer, also one that the backup went on with; or the upstream's own error
    after one call, where the request is at fault. safe: an explicit error after a part of the answer,
    where nobody may go on with it (+error, +choices). fail: anything else, such as a truncated, wrong
    or empty answer taken for success, half a tool call, an error where an answer was due, or no end in
    30 s. void: the fault never happened; counts as a fail.

    The route's times: deadline 8 s, everything else 4 s; for faults that only a timer can notice: attempt
    1.5 s, first token 1.5 s, stall 2.5 s; floor 5 tokens/s over 1 s. Answers may have 1 MiB; oversized
    ones have 4 MiB, a drip brings a piece every 2 s, slow headers take 0.3 s.

    Exit status: 0 no row failed; 1 some did, or a client's package is missing; 2 wrong usage.
    """
    cases = _cases(only, sample, seed)
    rows = uvloop.run(_play(cases, jobs))
    from halfopen.lab.matrix import totals

    total = totals(rows)
    if as_json:
        print_json(_as_data(rows))
    else:
        _print_fails(rows)
        _print_table(rows)
        _print_total(rows, total)
    if total.fail:
        raise typer.Exit(1)


def _cases(only: str, size: int | None, seed: int) -> "list[Case]":
    try:
        for name in ("openai", "anthropic", "google.genai"):
            importlib.import_module(name)
        from halfopen.lab.matrix import plan, sample
    except ImportError as problem:
        if problem.name is not None and problem.name.partition(".")[0] not in _CLIENT_PACKAGES:
            raise
        fail(NO_CLIENT, 1)
    from halfopen.lab import faults

    cases = plan(faults.every(), only)
    if not cases:
        fail(f"no row matches {only!r}; `halfopen lab faults` lists the faults", 2)
    return cases if size is None else sample(cases, size, seed)


async def _play(cases: "Sequence[Case]", jobs: int) -> "list[Row]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from halfopen.lab.matrix import run_table

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as progress:
        task = progress.add_task("rows", total=len(cases))
        return await run_table(cases, jobs=jobs, on_row=lambda _: progress.advance(task))


def _as_data(rows: "Sequence[Row]") -> dict[str, object]:
    from halfopen.lab.matrix.summary import groups, point_kind, totals

    return {
        "totals": totals(rows).shown(),
        "clients": groups(rows, lambda row: row.client),
        "primaries": groups(rows, lambda row: row.primary),
        "points": groups(rows, point_kind),
        "rows": rows,
    }


def _print_fails(rows: "Sequence[Row]") -> None:
    """The rows that failed, one by one with their reasons."""
    from rich.markup import escape

    console = _console()
    for row in sorted(rows, key=lambda row: row.result):
        if row.result not in ("fail", "void"):
            continue
        calls = f"{row.primary_calls} + {row.backup_calls} calls, {row.client_requests} client requests"
        told = f"; the client saw {row.error}" if row.error and row.error not in row.why else ""
        console.print(
            f"[red]{row.result}[/red] {row.fault}/{row.mode}/{row.primary}/{row.client}/{row.point}: "
            f"{escape(row.why)}{escape(told)} ({calls}, {row.duration_s:.2f} s)",
            soft_wrap=True,
            highlight=False,
        )


def _print_table(rows: "Sequence[Row]") -> None:
    """A line for each client and primary, a column for each kind of point."""
    from rich.table import Table

    from halfopen.lab.matrix import point, totals
    from halfopen.lab.matrix.summary import cells

    kinds = [kind for kind in point.KINDS if any(kind in each for each in cells(rows).values())]
    table = Table(box=None, header_style="bold")
    for heading in ("client", "primary", *(kind.replace("_", " ") for kind in kinds), "all"):
        table.add_column(heading, no_wrap=True)
    for (client, primary), by_kind in cells(rows).items():
        mine = totals(row for row in rows if (row.client, row.primary) == (client, primary))
        shown = (_cell(by_kind[kind]) if kind in by_kind else "-" for kind in kinds)
        table.add_row(client, primary, *shown, _cell(mine))
    _console().print(table)


def _cell(total: "Totals") -> str:
    """`87 pass, 3 safe, 1 fail`; void rows are among the fails."""
    counts = ((total.passed, "pass"), (total.safe, "safe"), (total.fail, "fail"))
    return ", ".join(f"{count} {name}" for count, name in counts if count)


def _print_total(rows: "Sequence[Row]", total: "Totals") -> None:
    from halfopen.lab.matrix.summary import interval

    low, high = interval(total.fail, total.rows)
    slowest = sorted(rows, key=lambda row: -row.duration_s)[:_SLOWEST]
    named = ", ".join(f"{row.fault}/{row.mode} {row.duration_s:.2f} s" for row in slowest)
    print(f"slowest: {named}")
    print(
        f"{total.rows} rows: {total.passed} pass, {total.safe} safe, {total.fail} fail "
        f"({total.void} of them void); fail rate {low:.2%} to {high:.2%} (95 %, Wilson)"
    )


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDTH)
