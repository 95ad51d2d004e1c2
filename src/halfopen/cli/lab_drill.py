"""`halfopen lab drill`: prove one promise and print its figures."""

import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
import uvloop

from halfopen.cli.lab_matrix import NO_CLIENT
from halfopen.cli.output import fail, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from halfopen.lab.drills import Drill

_NAMES = "outage, all-dead, disconnect, crowd, last-resort, fail-static, outage-run"
_PACKAGES = ("openai", "prometheus_client")
"""Of the extra `lab`."""
_FAIL_STATIC = "fail-static"
_OUTAGE_RUN = "outage-run"


def drill(
    name: Annotated[str, typer.Argument(help=f"One of {_NAMES}.")],
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Requests (outage, default 1000), repetitions (disconnect, default 20), clients (crowd, "
            "default 1000), combinations (all-dead, default all), chats (last-resort, default 10) or "
            "requests (fail-static and outage-run, default as many as their time and rate make).",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=3600,
            help="How long, in seconds (fail-static, at least so long, default 60; outage-run, default 600).",
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=1, max=20_000, help="Requests a second (fail-static, default 500; outage-run, default 60)."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prove one promise with real sockets and the official client, and print the figures.

    outage: the primary answers 500 throughout; all answers come, and the primary is left alone but for
    probes. all-dead: every upstream is dead; the error comes within the deadline and names the most
    useful cause. disconnect: a client leaves; the upstream call stops within a second. crowd: clients of
    every dialect leave one gateway in the middle of a stream; nothing is left behind. last-resort: a real
    model on this machine completes the chats (extra `local`). fail-static: control, the store, its disk,
    host names, Redis and a worker fail, one after another under load; no request fails but those in flight
    on the killed worker, which get a retryable error at once (Linux only). outage-run: ten minutes with a
    scripted outage; the ledger, /metrics, the dashboard and the commands count exactly what the client
    has counted itself.

    Each figure has its sample size, and a share its 95 % interval (Wilson).

    Exit status: 0 every promise was kept; 1 one was not, or the extra `lab` or Linux is missing;
    2 wrong usage.
    """
    found = _drills().get(name)
    if found is None:
        fail(f"there is no drill {name!r}; there are: {_NAMES}", 2)
    if name == _FAIL_STATIC:
        found = _fail_static(found, seconds, rate)
    elif name == _OUTAGE_RUN:
        found = _outage_run(found, seconds, rate)
    elif seconds is not None or rate is not None:
        fail(f"--seconds and --rate are for {_FAIL_STATIC} and {_OUTAGE_RUN}", 2)
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


def _fail_static(found: "Callable[..., Any]", seconds: float | None, rate: float | None) -> "Drill":
    """The drill with a plan other than its own."""
    if sys.platform != "linux":
        fail(f"{_FAIL_STATIC} needs Linux, where it can see what its processes do", 1)
    from halfopen.lab.drills.fail_static import RATE, SECONDS, Plan

    return partial(found, plan=Plan(seconds=seconds or SECONDS, rate=rate or RATE))


def _outage_run(found: "Callable[..., Any]", seconds: float | None, rate: float | None) -> "Drill":
    """The same for this one."""
    from halfopen.lab.drills.outage_run import RATE, SECONDS, Plan

    return partial(found, plan=Plan(seconds=seconds or SECONDS, rate=rate or RATE))


def _drills() -> "dict[str, Drill]":
    try:
        from halfopen.lab.drills import DRILLS
    except ImportError as problem:
        if problem.name is not None and problem.name.partition(".")[0] not in _PACKAGES:
            raise
        fail(NO_CLIENT, 1)
    return dict(DRILLS)
