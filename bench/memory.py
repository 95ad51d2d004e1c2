"""Resident memory of one worker: at its start, after many requests, and with idle connections."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.builds import halfopen
from bench.figures import Spread
from bench.processes import Program
from bench.promises import Missing, Reading
from bench.side_by_side import Plan, tell
from bench.subject import Absent, Subject, start
from bench.tools import CannotRunError, Load, drive, upstream
from halfopen.lab.ports import free_port

MB: Final = 1_000_000.0
IDLE: Final = 10_000
SLICES: Final = 4


def measure(plan: Plan, program: Path, requests: int) -> dict[str, Reading]:
    """Three readings in MB; "memory growth" is what the requests left behind."""
    with ExitStack() as stack:
        upstream_port = free_port()
        stack.enter_context(upstream(upstream_port, plan.load_cores))
        grown = _after_requests(plan, _subject(program, upstream_port), requests)
        return grown | _with_idle(plan, _subject(program, upstream_port))


def _subject(program: Path, upstream_port: int) -> Subject:
    found = halfopen("halfopen memory", program, free_port(), upstream_port)
    if isinstance(found, Absent):
        raise CannotRunError(found.reason)
    return found


def worker_mb(program: Program) -> float:
    """Of the only worker."""
    return program.workers()[0].rss_bytes / MB


def _after_requests(plan: Plan, subject: Subject, requests: int) -> dict[str, Reading]:
    with start(subject, plan.subject_cores, plan.load_cores) as program:
        began = worker_mb(program)
        tell(f"a worker at its start: {began:.1f} MB, all processes {program.rss_bytes() / MB:.1f} MB")
        for number in range(SLICES):
            asked = str(max(1, requests // SLICES))
            options = ("--concurrency", "64", "--requests", asked, *subject.options)
            answers = drive("count", subject.port, plan.load_cores, options)
            if answers.failures:
                return {"memory growth": Missing(f"{answers.failures} failed: {answers.first_fault}")}
            done = requests // SLICES * (number + 1)
            tell(f"after {done} requests: {worker_mb(program):.1f} MB")
        ended = worker_mb(program)
    return {"memory start": Spread.of([began]), "memory growth": Spread.of([ended - began])}


def _with_idle(plan: Plan, subject: Subject) -> dict[str, Reading]:
    with start(subject, plan.subject_cores, plan.load_cores) as program:
        load = Load("idle", subject.port, plan.load_cores, ("--concurrency", str(IDLE), *subject.options))
        try:
            answers = load.report()
            if answers.failures or answers.open != IDLE:
                reason = f"{answers.open} of {IDLE} connections open, {answers.failures} failed"
                return {"memory idle": Missing(f"{reason}: {answers.first_fault}")}
            held = worker_mb(program)
        finally:
            load.finish()
    tell(f"with {IDLE} idle connections: {held:.1f} MB")
    return {"memory idle": Spread.of([held])}
