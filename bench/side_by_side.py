"""The interleaved run: in every round each subject in turn answers each workload, on the same two cores."""

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bench.builds import COMPILED, PURE, halfopen, written
from bench.figures import Sample
from bench.peers import PEERS
from bench.processes import Cores, Program, busy_s
from bench.subject import Absent, Subject, start
from bench.tools import Answers, CannotRunError, drive, upstream
from halfopen.lab.ports import free_port

EVENTS: Final = 50
STREAMS: Final = 200
PACE_US: Final = 20_000
PATIENT: Final = ("--timeout-s", "300")
"""A slow peer takes half a minute for what others stream in a second: that is slow, and no failure."""
OPEN_RATE: Final = 1000
BUSY: Final = ("--busy", "1")
"""Load and upstream never sleep: waking them would cost the gateway, most of all a slow one. Peers behind a
network card don't need to be woken."""
SETTLE_S: Final = 0.5
"""After the load has ended: what is done later for its requests, such as writing outcomes, counts as well."""
RECORD_S: Final = 1.5
"""After the last request: its outcome is written by then."""
WARM_S: Final = 0.5
SLOW: Final = 1.3 * OPEN_RATE
"""Who answers no more than this a second in a closed loop is not asked for 1,000 a second."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What load.c does, and what is counted."""

    name: str
    mode: str
    options: tuple[str, ...]
    of: str = "plain"
    """The subcommand that runs it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and on which cores."""

    rounds: int = 7
    seconds: float = 4.0
    subject_cores: Cores = (0,)
    load_cores: Cores = (1,)
    only: tuple[str, ...] = ()
    halfopen: Path = PURE
    compiled: Path = COMPILED
    workloads: tuple[str, ...] = ("plain", "streams", "latency")


@dataclass(slots=True)
class Found:
    """What a run has measured."""

    samples: list[Sample] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    answered: dict[str, int] = field(default_factory=dict)
    """Requests that a subject has answered, those that warmed it included."""
    recorded: dict[str, int | str] = field(default_factory=dict)
    """Outcomes that Halfopen has written, or why nobody knows."""


Measured = tuple[Subject, Program | None]


def plain(concurrency: int, seconds: float) -> Workload:
    """A closed loop of plain requests."""
    options = ("--concurrency", f"{concurrency}", "--seconds", f"{seconds}")
    return Workload(f"plain {concurrency}", "closed", options)


def workloads(seconds: float) -> tuple[Workload, ...]:
    """All of them; a stream takes a second."""
    lasting = ("--seconds", f"{seconds}")
    rounds = str(max(1, round(seconds * 1e6 / (EVENTS * PACE_US))))
    streams = ("--concurrency", str(STREAMS), "--events", str(EVENTS), "--stagger-us", str(PACE_US), *PATIENT)
    steady = ("--concurrency", "64", "--rate", str(OPEN_RATE))
    return (
        plain(64, seconds),
        plain(8, seconds),
        Workload("streams", "streams", (*streams, "--rounds", rounds), of="streams"),
        Workload("open 1000/s", "open", (*steady, *lasting), of="latency"),
    )


def candidates(plan: Plan, upstream_port: int) -> list[Subject | Absent]:
    """All that a side-by-side run measures, in the order of its table."""
    found: list[Subject | Absent] = [Subject("direct", upstream_port)]
    found += [make(free_port(), upstream_port) for make in PEERS.values()]
    found.append(halfopen("halfopen", plan.halfopen, free_port(), upstream_port))
    found.append(halfopen("halfopen compiled", plan.compiled, free_port(), upstream_port))
    return [each for each in found if not plan.only or each.name in plan.only]


def tell(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def run(plan: Plan) -> Found:
    """Measure everything that the plan names.

    Raises:
        CannotRunError: The upstream or Halfopen itself does not start. Other peers may be absent.
    """
    found = Found()
    with ExitStack() as stack:
        port = free_port()
        paced = ("--pace-us", str(PACE_US), "--events", str(EVENTS))
        supply = stack.enter_context(upstream(port, plan.load_cores, "--busy", *paced))
        programs: list[Measured] = []
        for each in candidates(plan, port):
            if isinstance(each, Absent):
                found.absent.append(each)
                continue
            tell(f"starting {each.name}")
            try:
                programs.append((each, _started(each, plan, stack)))
            except CannotRunError as error:
                if each.name.startswith("halfopen"):
                    raise
                found.absent.append(Absent(each.name, str(error)))
        found.versions = {subject.name: subject.version for subject, _ in programs}
        for number in range(plan.rounds):
            # Nobody is always first, or always after the same other.
            turn = number % len(programs)
            for measured in programs[turn:] + programs[:turn]:
                _turn(measured, supply, number, plan, found)
        time.sleep(RECORD_S)
        for subject, _ in programs:
            if subject.name.startswith("halfopen"):
                found.recorded[subject.name] = _recorded(subject)
    return found


def _recorded(subject: Subject) -> int | str:
    try:
        return written(subject)
    except CannotRunError as error:
        return str(error)


def _started(subject: Subject, plan: Plan, stack: ExitStack) -> Program | None:
    if not subject.command:
        return None
    return stack.enter_context(start(subject, plan.subject_cores, plan.load_cores))


def _turn(measured: Measured, supply: Program, number: int, plan: Plan, found: Found) -> None:
    subject, program = measured
    warm = drive("closed", subject.port, plan.load_cores, _warming(subject))
    _count(found, subject, warm.count)
    for workload in workloads(plan.seconds):
        if workload.of not in plan.workloads:
            continue
        # Halfopen is asked for everything: what it can't keep up with is to be seen.
        asked = workload if subject.name.startswith("halfopen") else suited(workload, warm)
        if asked is None:
            note = f"{subject.name} is not asked for {workload.name}: it can't keep up"
            if note not in found.notes:
                found.notes.append(note)
            continue
        sample = measure_one(subject, asked, number, plan, (program, supply))
        found.samples.append(sample)
        _count(found, subject, sample.count // (EVENTS if workload.mode == "streams" else 1))
        tell(told(sample))


def _count(found: Found, subject: Subject, requests: int) -> None:
    found.answered[subject.name] = found.answered.get(subject.name, 0) + requests


def _warming(subject: Subject) -> tuple[str, ...]:
    return ("--concurrency", "64", "--seconds", str(WARM_S), *subject.options)


def _rate(answers: Answers) -> float:
    return answers.count / answers.seconds if answers.seconds else 0.0


def suited(workload: Workload, warm: Answers) -> Workload | None:
    """The workload as a slow subject gets it: fewer rounds of streams, no rate that it can't keep up with."""
    if _rate(warm) >= SLOW or not warm.count:
        return workload
    if workload.mode == "open":
        return None
    if workload.mode == "streams":
        return replace(workload, options=(*workload.options[:-1], "1"))
    return workload


def measure_one(
    subject: Subject, workload: Workload, number: int, plan: Plan, programs: tuple[Program | None, Program]
) -> Sample:
    """One sample: the processor's time of the whole tree before and after, and what load.c saw."""
    program, supply = programs
    cpu_s, supply_s = _used(program), supply.cpu_s()
    core_s, load_core_s = busy_s(plan.subject_cores), busy_s(plan.load_cores)
    began_s = time.monotonic()
    answers = drive(
        workload.mode, subject.port, plan.load_cores, (*workload.options, *BUSY, *subject.options)
    )
    time.sleep(SETTLE_S)
    used_s = _used(program) - cpu_s
    load_s = answers.cpu_s + supply.cpu_s() - supply_s
    foreign_s = max(0.0, busy_s(plan.subject_cores) - core_s - used_s)
    load_foreign_s = max(0.0, busy_s(plan.load_cores) - load_core_s - load_s)
    within = answers.seconds / (time.monotonic() - began_s)
    return Sample(
        subject=subject.name,
        workload=workload.name,
        round=number,
        count=answers.count * (EVENTS if workload.mode == "streams" else 1),
        failures=answers.failures,
        seconds=answers.seconds,
        cpu_s=used_s,
        rss_bytes=program.rss_bytes() if program else 0,
        foreign_s=foreign_s * within if program else 0.0,
        load_cpu_s=load_s,
        load_foreign_s=load_foreign_s * within,
        reads=answers.reads,
        latency=answers.latency,
        first_byte=answers.first_byte,
        first_fault=answers.first_fault,
    )


def _used(program: Program | None) -> float:
    return program.cpu_s() if program else 0.0


def told(sample: Sample) -> str:
    """A line of progress."""
    latency = sample.first_byte if sample.workload == "streams" else sample.latency
    failed = f", {sample.failures} FAILED ({sample.first_fault})" if sample.failures else ""
    return (
        f"round {sample.round + 1} {sample.workload:<12} {sample.subject:<18} {sample.rate:>9.0f}/s"
        f" {sample.cpu_s_per_1000:.4f} CPU s/1000, core {sample.core_use:.2f},"
        f" others {sample.foreign_use:.2f}, p50 {latency.p50_us:.0f} us,"
        f" p99 {latency.p99_us:.0f} us{failed}"
    )
