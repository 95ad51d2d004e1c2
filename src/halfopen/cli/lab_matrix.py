"""`halfopen lab matrix`: every fault through the gateway with the official client, and the verdicts."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from halfopen.cli.output import fail, print_json

if TYPE_CHECKING:
    from halfopen.lab.matrix import Case, Row

NO_CLIENT = "the official client is not installed; get it with: pip install 'halfopen[lab]'"
_WIDTH = 160
"""Characters of a line that goes into a file or a pipe."""
_WORST_FIRST = ("fail", "void", "safe", "pass")


def matrix(
    only: Annotated[
        str,
        typer.Option(
            metavar="GLOB",
            help="Only faults of this name, or rows of this fault/mode/primary; * and ? match.",
        ),
    ] = "*",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Rows at the same time.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: totals and rows.")] = False,
) -> None:
    """Play every fault, plain and streamed, and judge what the application gets.

    The official openai client, with its own retries, asks a gateway whose primary has the fault and
    whose backup, of another dialect, is healthy. Every row has providers, gateway and client of its own.

    pass: a complete, valid answer; or the upstream's own error after one call, where the request is at
    fault. safe: an explicit error after a part of the answer. fail: a truncated, wrong or empty answer
    taken for success, an error where an answer was due, or no end in 30 s. void: the fault never
    happened; counts as a fail.

    The route's times: deadline 8 s, everything else 4 s; for faults that only a timer can notice: attempt
    1.5 s, first token 1.5 s, stall 2.5 s; floor 5 tokens/s over 1 s. Answers may have 1 MiB; oversized
    ones have 4 MiB, a drip brings a piece every 2 s, slow headers take 0.3 s.

    Exit status: 0 no row failed; 1 some did, or the openai package is missing; 2 wrong usage.
    """
    cases = _cases(only)
    rows = uvloop.run(_play(cases, jobs))
    from halfopen.lab.matrix import totals

    total = totals(rows)
    if as_json:
        print_json({"totals": total.shown(), "rows": rows})
    else:
        _print_table(rows)
        print(f"{len(rows)} rows: {total.passed} pass, {total.safe} safe, {total.fail} fail")
    if total.fail:
        raise typer.Exit(1)


def _cases(only: str) -> "list[Case]":
    try:
        from halfopen.lab.matrix import plan
    except ImportError as problem:
        if problem.name is not None and problem.name.partition(".")[0] != "openai":
            raise
        fail(NO_CLIENT, 1)
    from halfopen.lab import faults

    cases = plan(faults.every(), only)
    if not cases:
        fail(f"no fault matches {only!r}; `halfopen lab faults` lists them", 2)
    return cases


async def _play(cases: "Sequence[Case]", jobs: int) -> "list[Row]":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from halfopen.lab.matrix import run_table

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as progress:
        task = progress.add_task("faults", total=len(cases))
        return await run_table(cases, jobs=jobs, on_row=lambda _: progress.advance(task))


def _print_table(rows: "Sequence[Row]") -> None:
    """The rows that failed, one by one with their reasons; the others as one line a fault."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    for row in sorted(rows, key=lambda row: _WORST_FIRST.index(row.result)):
        if row.result not in ("fail", "void"):
            break
        calls = f"{row.primary_calls} + {row.backup_calls} calls, {row.client_requests} client requests"
        told = f"; the client saw {row.error}" if row.error and row.error not in row.why else ""
        console.print(
            f"[red]{row.result}[/red] {row.fault} {row.mode} {row.primary}→{row.backup}: "
            f"{escape(row.why)}{escape(told)} ({calls}, {row.duration_s:.2f} s)",
            soft_wrap=True,
            highlight=False,
        )
    table = Table(box=None, header_style="bold")
    for heading in ("fault", "phase", "plain", "stream", "slowest"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "slowest" else "left")
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.fault, []).append(row)
    for fault, group in sorted(groups.items(), key=lambda item: (_worst(item[1]), item[0])):
        slowest = f"{max(row.duration_s for row in group):.2f} s"
        table.add_row(fault, group[0].phase, _cell(group, "plain"), _cell(group, "stream"), slowest)
    console.print(table)


def _worst(rows: "Sequence[Row]") -> int:
    return min(_WORST_FIRST.index(row.result) for row in rows)


def _cell(rows: "Sequence[Row]", mode: str) -> str:
    """The results of one fault in one mode: `pass (3)`, or by dialect where they differ."""
    mine = [row for row in rows if row.mode == mode]
    if not mine:
        return "-"
    if len({row.result for row in mine}) == 1:
        return str(mine[0].result) + (f" ({len(mine)})" if len(mine) > 1 else "")
    return ", ".join(f"{row.primary} {row.result}" for row in mine)
