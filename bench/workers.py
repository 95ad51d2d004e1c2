"""Two workers on two cores against one on one of them, with load and upstream on both cores each time.

With two cores there is none left for the load, so the rate says little: what a request costs the gateway has
to stay the same. In both cases half of the connections come from the other core, as they would from a network
card, so that both pay alike for data and wakes that cross over.
"""

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.builds import halfopen
from bench.figures import Spread
from bench.processes import Cores, Program
from bench.promises import Missing, Reading
from bench.side_by_side import SETTLE_S, Plan, tell
from bench.subject import Absent, Subject, start
from bench.tools import CannotRunError, Load, upstream
from halfopen.lab.ports import free_port

CONCURRENCY: Final = 64
"""For each worker."""


@dataclass(frozen=True, slots=True)
class Stack:
    """One gateway with the load and the upstream that it shares its cores with."""

    subject: Subject
    program: Program
    cores: Cores
    workers: int


def measure(plan: Plan, program: Path) -> dict[str, Reading]:
    """The gateway's CPU for a request with two workers, as a multiple of that with one."""
    ratios, speedups = [], []
    cores = (*plan.subject_cores, *plan.load_cores)[:2]
    with ExitStack() as all_of_it:
        one = _stack(all_of_it, program, cores, 1)
        two = _stack(all_of_it, program, cores, 2)
        place_workers(one)
        place_workers(two)
        for stack in (one, two):
            run(stack, 1.0)
        for number in range(plan.rounds):
            found = {}
            # Who is first changes from round to round.
            for stack in (one, two) if number % 2 else (two, one):
                found[stack.workers] = run(stack, plan.seconds)
            if any(failures for _, _, failures in found.values()):
                return {"workers": Missing(f"{sum(each[2] for each in found.values())} requests failed")}
            (one_rate, one_cpu, _), (two_rate, two_cpu, _) = found[1], found[2]
            ratios.append(two_cpu / one_cpu)
            speedups.append(two_rate / one_rate)
            tell(
                f"round {number + 1} one worker {one_rate:.0f}/s {one_cpu:.4f} CPU s/1000,"
                f" two {two_rate:.0f}/s {two_cpu:.4f}: {speedups[-1]:.2f} times the rate"
            )
    return {"workers": Spread.of(ratios), "workers rate": Spread.of(speedups)}


def _stack(all_of_it: ExitStack, program: Path, cores: Cores, workers: int) -> Stack:
    upstream_port, port = free_port(), free_port()
    for core in cores:
        all_of_it.enter_context(upstream(upstream_port, (core,)))
    subject = halfopen(f"halfopen {workers}", program, port, upstream_port, workers=workers)
    if isinstance(subject, Absent):
        raise CannotRunError(subject.reason)
    if "--workers" not in subject.command:
        raise CannotRunError("this build of Halfopen has no --workers")
    return Stack(subject, all_of_it.enter_context(start(subject, cores, cores)), cores, workers)


def place_workers(stack: Stack) -> None:
    """Each worker on a core of its own; supervisor and control go where there is room."""
    workers = stack.program.workers()
    if len(workers) != stack.workers:
        raise CannotRunError(f"{len(workers)} workers instead of {stack.workers}")
    for core, stat in zip(stack.cores, workers, strict=False):
        os.sched_setaffinity(stat.pid, (core,))


def run(stack: Stack, seconds: float) -> tuple[float, float, int]:
    """Requests a second, the gateway's CPU seconds for 1,000 of them, and how many failed."""
    concurrency = CONCURRENCY * stack.workers // len(stack.cores)
    options = ("--concurrency", str(concurrency), "--seconds", str(seconds), *stack.subject.options)
    before_s = stack.program.cpu_s()
    loads = [Load("closed", stack.subject.port, (core,), options) for core in stack.cores]
    try:
        answers = [load.report() for load in loads]
    finally:
        for load in loads:
            load.finish()
    time.sleep(SETTLE_S)
    cpu_s = stack.program.cpu_s() - before_s
    count = sum(each.count for each in answers)
    if not count:
        raise CannotRunError(f"{stack.subject.name} answered nothing: {answers[0].first_fault}")
    rate = sum(each.count / each.seconds for each in answers)
    return rate, cpu_s / count * 1000.0, sum(each.failures for each in answers)
