"""How long `halfopen run` takes to its first answer, and `halfopen --help` beside an empty typer program."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.builds import halfopen, python_of
from bench.figures import Spread
from bench.processes import Program, pinned
from bench.promises import Missing, Reading
from bench.side_by_side import Plan, tell
from bench.subject import Absent
from bench.tools import PLACE, CannotRunError, drive, upstream
from halfopen.lab.ports import free_port

HELPS_MIN: Final = 15
WAIT_S: Final = "30"
EMPTY: Final = '''\
"""Nothing but typer."""
import typer

app = typer.Typer()


@app.command()
def main() -> None:
    """Do nothing."""


app()
'''


def measure_start(plan: Plan, program: Path) -> dict[str, Reading]:
    """Seconds from the command to the first answer, each time with an empty state directory."""
    found = []
    upstream_port = free_port()
    with upstream(upstream_port, plan.load_cores):
        for number in range(plan.rounds + 1):
            subject = halfopen("halfopen start", program, free_port(), upstream_port)
            if isinstance(subject, Absent):
                raise CannotRunError(subject.reason)
            log = PLACE / "halfopen-start.log"
            cores = (*plan.subject_cores, *plan.load_cores)
            with Program(subject.command, cores, log, subject.env, PLACE) as started:
                options = ("--requests", "1", "--retry-s", WAIT_S, *subject.options)
                answers = drive("count", subject.port, plan.load_cores, options)
                took_s = time.monotonic() - started.started_s
            if answers.failures:
                return {"start": Missing(f"the first answer was wrong: {answers.first_fault}")}
            if number:  # the first one warms the machine's caches
                found.append(took_s)
    tell(f"first answers after {', '.join(f'{took:.2f}' for took in found)} s")
    return {"start": Spread.of(found)}


def measure_help(plan: Plan, program: Path) -> dict[str, Reading]:
    """What `--help` takes more than an empty program of the same environment, in turn."""
    empty = PLACE / "empty_typer.py"
    empty.write_text(EMPTY)
    python = python_of(program)
    more = []
    for number in range(max(plan.rounds, HELPS_MIN) + 1):
        ours_s = _took_s((str(program), "--help"), plan)
        empty_s = _took_s((str(python), str(empty), "--help"), plan)
        if number:
            more.append(ours_s - empty_s)
    return {"help": Spread.of(more)}


def _took_s(command: Sequence[str], plan: Plan) -> float:
    began_s = time.monotonic()
    done = subprocess.run(  # noqa: S603 - the commands are the bench's own
        pinned(command, plan.subject_cores), capture_output=True, check=False
    )
    took_s = time.monotonic() - began_s
    if done.returncode:
        raise CannotRunError(
            f"{' '.join(command)} ended with {done.returncode}: {done.stderr.decode()[-500:]}"
        )
    return took_s
