"""The primary answers 500 throughout: every answer still comes, and the primary is soon left alone.

The gateway has one worker, since each has a breaker of its own; client and providers talk to it over
sockets. When the breaker opened is told from outside: by the first request that reached the backup without
having been sent to the primary. What the primary gets within `_LAG_S` after that was under way already.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import msgspec

from halfopen.lab import faults
from halfopen.lab.calls import LabCall
from halfopen.lab.drills.figure import DrillReport, Figure, proportion, quantile
from halfopen.lab.drills.process import gateway_process
from halfopen.lab.matrix.case import MODELS, Case
from halfopen.lab.matrix.seen import Asker, Seen, asking
from halfopen.lab.matrix.verdict import described, wrong_answer
from halfopen.lab.server import LabProvider
from halfopen.policy import BreakerOptions

FAULT = "openai_500_server_error"
REQUESTS = 1000
CONCURRENCY = 32
CALLS_MAX = 1.1
"""Calls to the primary for each request that came before the breaker opened."""
_LIMIT_S = 30.0
_LAG_S = 0.25
_ONE_WORKER = "[processes]\nworkers = 1\n"
_JITTER = 0.2
_FAILURES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Course:
    """What the primary and the backup saw of one run."""

    calls_before: int
    """To the primary, until the breaker opened."""
    requests_before: int
    """Requests that those calls were made for."""
    calls_after: int
    open_s: float
    """From the opening to the end."""


async def drill(count: int | None = None) -> DrillReport:
    """Ask `count` questions (default 1,000) plain, and as many streamed."""
    figures: list[Figure] = []
    failures: list[str] = []
    for stream in (False, True):
        more, wrong = await _run(count or REQUESTS, stream=stream)
        figures += more
        failures += wrong
    return DrillReport("outage", tuple(figures), tuple(failures[:_FAILURES_SHOWN]))


async def _run(count: int, *, stream: bool) -> tuple[list[Figure], list[str]]:
    mode = "stream" if stream else "plain"
    async with (
        LabProvider("openai", calls_max=8 * count) as primary,
        LabProvider("anthropic", calls_max=8 * count) as backup,
    ):
        primary.set_fault(FAULT)
        async with gateway_process((primary, backup), _ONE_WORKER) as base_url, asking(base_url) as asker:
            began = time.monotonic()
            seen = await _ask_all(asker, count, stream=stream)
            took_s = time.monotonic() - began
            ended = asyncio.get_running_loop().time()
        course = course_of(list(primary.calls), list(backup.calls), ended)
    wrong = [problem for number, each in enumerate(seen) if (problem := _problem(number, mode, each))]
    durations = [each.duration_s for each in seen]
    figures = [
        proportion(f"{mode}: complete answers", count - len(wrong), count),
        *_calls(mode, course, count),
        _client_requests(mode, seen),
        Figure(f"{mode}: median time", quantile(durations, 0.5), "s", count),
        Figure(f"{mode}: 99th percentile of time", quantile(durations, 0.99), "s", count),
        Figure(f"{mode}: throughput, client included", count / took_s, "requests/s", count),
    ]
    return figures, wrong


def _client_requests(mode: str, seen: list[Seen]) -> Figure:
    each = sum(one.requests for one in seen) / len(seen)
    return Figure(
        f"{mode}: client requests for each question", each, "", len(seen), sound=each == 1.0, promise="1"
    )


def _calls(mode: str, course: Course, count: int) -> list[Figure]:
    each = course.calls_before / course.requests_before if course.requests_before else 0.0
    probes = probes_max(course.open_s, BreakerOptions())
    opened = course.requests_before < count
    return [
        Figure(
            f"{mode}: primary calls for each request before the breaker opened",
            each,
            f"({course.calls_before} for {course.requests_before})",
            course.requests_before,
            sound=opened and 1.0 <= each <= CALLS_MAX,
            promise=f"1 to {CALLS_MAX}, and that it opens",
        ),
        Figure(
            f"{mode}: primary calls in the {course.open_s:.1f} s after it opened",
            course.calls_after,
            "probes",
            count - course.requests_before,
            sound=course.calls_after <= probes,
            promise=f"at most {probes}",
        ),
    ]


async def _ask_all(asker: Asker, count: int, *, stream: bool) -> list[Seen]:
    seen: list[Seen] = [Seen()] * count
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            seen[number] = await asker.ask(MODELS["openai"], _prompt(number), stream=stream, limit_s=_LIMIT_S)

    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENCY):
            group.create_task(work())
    return seen


def _prompt(number: int) -> str:
    return f"Question {number} of the outage"


def _problem(number: int, mode: str, seen: Seen) -> str | None:
    """Why an answer is not the backup's whole answer to this question."""
    if seen.timed_out:
        return f"{mode} {number}: no end within {_LIMIT_S:.0f} s"
    if seen.error is not None:
        return f"{mode} {number}: {described(seen.error)}"
    wrong = wrong_answer(Case(faults.load(FAULT), mode, "openai"), _prompt(number), seen)
    return None if wrong is None else f"{mode} {number}: {wrong}"


def course_of(primary: list[LabCall], backup: list[LabCall], ended: float) -> Course:
    """Find when the breaker opened, and count the calls before and after. Times are monotonic."""
    asked_primary = Counter(_question(call) for call in primary)
    skipped = [call.at for call in backup if _question(call) not in asked_primary]
    if not skipped:
        return Course(len(primary), len(asked_primary), 0, 0.0)
    opened = min(skipped) + _LAG_S
    before = [call for call in primary if call.at <= opened]
    questions = {_question(call) for call in before}
    return Course(len(before), len(questions), len(primary) - len(before), max(0.0, ended - min(skipped)))


def _question(call: LabCall) -> str:
    body = msgspec.json.decode(call.body)
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else str(content[0]["text"])


def probes_max(open_s: float, options: BreakerOptions) -> int:
    """The most probes that `open_s` seconds have room for, each opening as short as its jitter allows."""
    probes, length_s, left_s = 0, options.open_s, open_s
    while (shortest_s := length_s * (1 - _JITTER)) <= left_s:
        probes += 1
        left_s -= shortest_s
        length_s = min(options.open_max_s, length_s * 2)
    return probes
