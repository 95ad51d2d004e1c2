"""Halfopen's speed beside its peers', and whether its promises are kept.

From the repository:

    python -m bench.run all            everything below, some 25 minutes; also in .bench/latest-all.json
    python -m bench.run plain          plain requests, at concurrency 64 and 8
    python -m bench.run streams        200 streams of 50 events
    python -m bench.run latency        what is added at 1,000 requests a second
    python -m bench.run workers        two workers on two cores against one
    python -m bench.run memory         of a worker: at its start, after requests, with idle connections
    python -m bench.run failure        throughput while the primary's breaker is open
    python -m bench.run start          `halfopen run` until its first answer
    python -m bench.run help           `halfopen --help` beside an empty typer program

Needs gcc, taskset and two cores; `scripts/bench_peers.sh` installs the peers.
Exit status: 0 every promise that could be judged was kept, 1 one was not, 2 it could not run.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import failure, memory, report, starts, workers
from bench.builds import COMPILED, PURE
from bench.figures import Spread, rows_of
from bench.promises import PROMISES, Judged, Missing, Reading, State, judge, recorded, side_by_side
from bench.side_by_side import Found, Plan, run, tell
from bench.tools import CannotRunError, alone, build, place

SIDE_BY_SIDE: Final = ("plain", "streams", "latency")
ALONE: Final = ("workers", "memory", "failure", "start", "help")
REQUESTS: Final = 2_000_000


@dataclass(slots=True)
class Outcome:
    """What a run of the bench has come to."""

    found: Found = field(default_factory=Found)
    readings: dict[str, Reading] = field(default_factory=dict)
    extra: dict[str, Spread] = field(default_factory=dict)
    """Figures without a promise."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m bench.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("what", choices=["all", *SIDE_BY_SIDE, *ALONE])
    made.add_argument("--rounds", type=int, default=7, help="7 by default")
    made.add_argument("--seconds", type=float, default=4.0, help="a workload in a round; 4 by default")
    made.add_argument(
        "--requests", type=int, default=REQUESTS, help="before memory is looked at again; 2,000,000"
    )
    made.add_argument(
        "--only", action="append", default=[], metavar="SUBJECT", help="measure only these side by side"
    )
    made.add_argument("--halfopen", type=Path, default=PURE, help="the program that is measured")
    made.add_argument("--compiled", type=Path, default=COMPILED, help="its compiled build, if there is one")
    made.add_argument("--judge", choices=["pure", "compiled"], help="compiled if it was built")
    made.add_argument("--write", action="store_true", help="write docs/performance.md and its picture")
    made.add_argument("--json", action="store_true")
    return made


def measure(what: str, plan: Plan, judged: tuple[str, Path], requests: int) -> Outcome:
    """Run what was asked for; `judged` is the build of Halfopen that the promises are held against."""
    name, program = judged
    outcome = Outcome()
    parts = SIDE_BY_SIDE if what == "all" else tuple(part for part in SIDE_BY_SIDE if part == what)
    if parts:
        outcome.found = run(plan)
        outcome.readings |= side_by_side(rows_of(outcome.found.samples), name, parts)
        if name in outcome.found.recorded:
            answered = outcome.found.answered[name]
            outcome.readings["recorded"] = recorded(answered, outcome.found.recorded[name])
    single: dict[str, Callable[[], dict[str, Reading]]] = {
        "workers": lambda: workers.measure(plan, program),
        "memory": lambda: memory.measure(plan, program, requests),
        "failure": lambda: failure.measure(plan, program),
        "start": lambda: starts.measure_start(plan, program),
        "help": lambda: starts.measure_help(plan, program),
    }
    for each in ALONE if what == "all" else [what]:
        if each in single:
            tell(f"measuring {each}")
            outcome.readings |= _tried(each, single[each]) if what == "all" else single[each]()
    rate = outcome.readings.pop("workers rate", None)
    if isinstance(rate, Spread):
        outcome.extra["Requests a second, two workers on two cores, times one on one"] = rate
    return outcome


def _tried(part: str, measured: Callable[[], dict[str, Reading]]) -> dict[str, Reading]:
    """In a run of everything, a part that can't run costs its own promises only."""
    try:
        return measured()
    except CannotRunError as error:
        tell(f"{part} could not run: {error}")
        # A promise's key begins with the part that measures it.
        return {each.key: Missing(str(error)) for each in PROMISES if each.key.split()[0] == part}


def main() -> int:
    """Measure, print, and say whether the promises are kept."""
    asked = parser().parse_args()
    compiled = asked.judge == "compiled" or (asked.judge is None and asked.compiled.exists())
    judged = ("halfopen compiled", asked.compiled) if compiled else ("halfopen", asked.halfopen)
    plan = Plan(
        rounds=max(1, asked.rounds),
        seconds=asked.seconds,
        only=tuple(asked.only),
        halfopen=asked.halfopen,
        compiled=asked.compiled,
        workloads=SIDE_BY_SIDE if asked.what == "all" else (asked.what,),
    )
    if len(os.sched_getaffinity(0)) < 2:
        sys.stderr.write("bench: two cores are needed, one for the gateway and one for the load\n")
        return 2
    try:
        with alone():
            build()
            outcome = measure(asked.what, plan, judged, asked.requests)
    except CannotRunError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    verdicts = judge(outcome.readings)
    show(plan, outcome, verdicts, as_json=asked.json)
    data = report.as_json(plan, outcome.found, verdicts, outcome.extra)
    (place() / f"latest-{asked.what}.json").write_text(json.dumps(data, indent=1))
    if asked.write:
        write(plan, outcome, verdicts)
    return 1 if any(each.state is State.BROKEN for each in verdicts) else 0


def show(plan: Plan, outcome: Outcome, verdicts: Sequence[Judged], *, as_json: bool) -> None:
    """On standard output."""
    if as_json:
        data = report.as_json(plan, outcome.found, verdicts, outcome.extra)
        sys.stdout.write(json.dumps(data, indent=1) + "\n")
        return
    rows = rows_of(outcome.found.samples)
    parts = [report.machine()]
    if rows:
        parts.append(report.as_columns(report.table(rows)))
    parts += ["\n".join(report.remarks(outcome.found, rows, outcome.extra))]
    parts += [report.as_columns(report.promises(verdicts))]
    sys.stdout.write("\n\n".join(part for part in parts if part) + "\n")


def write(plan: Plan, outcome: Outcome, verdicts: Sequence[Judged]) -> None:
    """The page and the picture."""
    from bench.picture import draw  # noqa: PLC0415 - matplotlib is an extra

    rows = rows_of(outcome.found.samples)
    notes = report.remarks(outcome.found, rows, outcome.extra)
    text = report.section(plan, outcome.found, rows, verdicts, notes)
    report.PAGE.write_text(report.page(report.PAGE.read_text(), text))
    draw(rows, report.PAGE.with_suffix(".png"))


if __name__ == "__main__":
    sys.exit(main())
