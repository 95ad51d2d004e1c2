"""What a failing primary costs: throughput with its breaker open against that of a healthy one."""

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.builds import halfopen
from bench.figures import compared, rows_of
from bench.processes import Program
from bench.promises import Missing, Reading
from bench.side_by_side import Plan, measure_one, plain, tell, told
from bench.subject import Absent, Subject, start
from bench.tools import CannotRunError, drive, upstream
from halfopen.lab.ports import free_port

TRIED_MAX: Final = 0.05
"""More calls than this to the broken primary: its breaker was not open."""
WARM_S: Final = 3.0
"""Long enough for the breaker to open and for the target's limit of calls to grow."""


def measure(plan: Plan, program: Path) -> dict[str, Reading]:
    """Both gateways have two targets; one's primary answers 500 to everything."""
    with ExitStack() as stack:
        ports = [free_port() for _ in range(3)]
        supply = stack.enter_context(
            upstream(ports[0], plan.load_cores, "--busy", "--failing-port", str(ports[1]))
        )
        # A healthy primary on a port of its own, so that both gateways have as many providers.
        stack.enter_context(upstream(ports[2], plan.load_cores, "--busy"))
        subjects = [
            _subject("halfopen broken", program, (free_port(), ports[0], ports[1])),
            _subject("halfopen healthy", program, (free_port(), ports[0], ports[2])),
        ]
        programs = [
            stack.enter_context(start(each, plan.subject_cores, plan.load_cores)) for each in subjects
        ]
        for subject in subjects:
            drive(
                "closed",
                subject.port,
                plan.load_cores,
                ("--concurrency", "64", "--seconds", f"{WARM_S}", *subject.options),
            )
        samples = []
        for number in range(plan.rounds):
            order = list(zip(subjects, programs, strict=True))
            for subject, running in order if number % 2 else order[::-1]:
                workload = plain(64, plan.seconds)
                samples.append(measure_one(subject, workload, number, plan, (running, supply)))
                tell(told(samples[-1]))
        rows = rows_of(samples)
    reading = compared(
        rows, "plain 64", ("halfopen broken", "halfopen healthy"), lambda one: one.rate, lambda a, b: a / b
    )
    if reading is None:
        return {"failure": Missing("; ".join(row.void for row in rows.values() if row.void))}
    answered, tried = counts(supply)
    tell(f"{tried} calls went to the broken primary, {answered - tried} to others")
    if not 0 < tried <= answered * TRIED_MAX:
        return {
            "failure": Missing(
                f"the broken primary had {tried} of {answered} calls: its breaker was not open"
            )
        }
    return {"failure": reading}


def _subject(name: str, program: Path, ports: tuple[int, int, int]) -> Subject:
    found = halfopen(name, program, ports[0], ports[1], failing_port=ports[2])
    if isinstance(found, Absent):
        raise CannotRunError(found.reason)
    return found


def counts(supply: Program) -> tuple[int, int]:
    """What an upstream that has ended says: how often it answered, and how often with 500."""
    found = re.search(r"answers (\d+), failures (\d+)", supply.log.read_text())
    if found is None:
        raise CannotRunError("the upstream did not say how often it answered")
    return int(found[1]), int(found[2])
