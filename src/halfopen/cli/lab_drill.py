"""`halfopen lab drill`: prove one promise and print its figures."""

from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from halfopen.cli.lab_matrix import NO_CLIENT
from halfopen.cli.output import fail, print_json

if TYPE_CHECKING:
    from halfopen.lab.drills import Drill

_NAMES = "outage, all-dead, disconnect, crowd, last-resort"


def drill(
    name: Annotated[str, typer.Argument(help=f"One of {_NAMES}.")],
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Requests (outage, default 1000), repetitions (disconnect, default 20), clients (crowd, "
            "default 1000), combinations (all-dead, default all) or chats (last-resort, default 10).",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prove one promise with real sockets and the official client, and print the figures.

    outage: the primary answers 500 throughout; all answers come, and the primary is left alone but for
    probes. all-dead: every upstream is dead; the error comes within the deadline and names the most
    useful cause. disconnect: a client leaves; the upstream call stops within a second. crowd: clients of
    every dialect leave one gateway in the middle of a stream; nothing is left behind. last-resort: a real
    model on this machine completes the chats (extra `local`).

    Each figure has its sample size, and a share its 95 % interval (Wilson).

    Exit status: 0 every promise was kept; 1 one was not, or the openai package is missing; 2 wrong usage.
    """
    found = _drills().get(name)
    if found is None:
        fail(f"there is no drill {name!r}; there are: {_NAMES}", 2)
    report = uvloop.run(found(count))
    if as_json:
        print_json(report.shown())
    else:
        for figure in report.figures:
            print(figure.line())
        for failure in report.failures:
            print(f"     {failure}")
        print(f"{report.drill}: {'every promise was kept' if report.ok else 'a promise was broken'}")
    if not report.ok:
        raise typer.Exit(1)


def _drills() -> "dict[str, Drill]":
    try:
        from halfopen.lab.drills import DRILLS
    except ImportError as problem:
        if problem.name is not None and problem.name.partition(".")[0] != "openai":
            raise
        fail(NO_CLIENT, 1)
    return dict(DRILLS)
