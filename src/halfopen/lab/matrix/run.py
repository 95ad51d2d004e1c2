"""Plays the cases, each with providers, gateway and client of its own."""

import asyncio
import gc
import time
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from halfopen.lab.answer import PROMPT_CHARS
from halfopen.lab.matrix.case import CHOICES, CHOICES_COUNT, TOOL_NAMES, TOOLS, Case
from halfopen.lab.matrix.direct import fault_to_return
from halfopen.lab.matrix.evidence import Evidence
from halfopen.lab.matrix.row import Result, Row
from halfopen.lab.matrix.seen import Asker, Seen, asking
from halfopen.lab.matrix.setting import Setting, Subject, gateway_subject
from halfopen.lab.matrix.spent import input_of
from halfopen.lab.matrix.verdict import described, judge
from halfopen.lab.server import LabProvider

JOBS = 32
"""Rows at the same time: most of the time goes into waiting for faults that only a timer notices."""
LIMIT_S = 30.0
"""A question must have an end by then."""
_NUMBERS = 100_000
_SETTLE_S = 0.5
_POLL_S = 0.005


async def run_table(
    cases: Sequence[Case],
    *,
    subject: Subject = gateway_subject,
    jobs: int = JOBS,
    limit_s: float = LIMIT_S,
    on_row: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Play all cases, `jobs` at a time, and return their rows in the order of the cases.

    Args:
        cases: What to play.
        subject: What is judged.
        jobs: Rows at the same time.
        limit_s: Seconds until a question counts as endless.
        on_row: Told of each row as it is done, in no order.
    """
    rows: list[Row | None] = [None] * len(cases)
    # Those that wait for a timer take little else, so most of the jobs begin with them; the others
    # meanwhile keep the processor busy, and few enough that nobody's timer is late.
    timed = [index for index, case in enumerate(cases) if case.is_timed]
    others = [index for index, case in enumerate(cases) if not case.is_timed]
    jobs = max(1, min(jobs, len(cases)))

    async def work(*queues: list[int]) -> None:
        for queue in queues:
            while queue:
                index = queue.pop(0)
                row = await run_case(cases[index], subject=subject, limit_s=limit_s)
                rows[index] = row
                if on_row is not None:
                    on_row(row)

    async with _unclosed_streams_ignored(), asyncio.TaskGroup() as group:
        for job in range(jobs):
            group.create_task(work(others, timed) if job % 4 == 0 else work(timed, others))
    return [row for row in rows if row is not None]


@asynccontextmanager
async def _unclosed_streams_ignored() -> AsyncIterator[None]:
    """A client that raises in the middle of a stream leaves generators behind that can't be closed in order.

    The loop would report each of them in many lines, although nothing is lost by it.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "asyncgen" in context:
            return
        if before is None:
            loop.default_exception_handler(context)
        else:
            before(loop, context)

    loop.set_exception_handler(report)
    try:
        yield
        gc.collect()
        await asyncio.sleep(_POLL_S)
    finally:
        loop.set_exception_handler(before)


async def run_case(case: Case, *, subject: Subject = gateway_subject, limit_s: float = LIMIT_S) -> Row:
    """Play one case. Its question follows from its name, so that it can be played again. Never raises."""
    prompt = _prompt(case)
    began = time.monotonic()
    try:
        evidence = await _evidence(case, subject, prompt, limit_s)
    except Exception as problem:  # noqa: BLE001 - a row that can't be played must not end the table
        return _unplayable(case, problem, time.monotonic() - began)
    verdict = judge(case, evidence)
    last = evidence.seen[-1]
    return replace(
        _row(case),
        result=verdict.result,
        why=verdict.why,
        status=last.status,
        error=None if last.error is None else described(last.error),
        served_by=verdict.served_by,
        primary_calls=evidence.primary_calls,
        backup_calls=evidence.backup_calls,
        client_requests=sum(seen.requests for seen in evidence.seen),
        duration_s=round(sum(seen.duration_s for seen in evidence.seen), 3),
    )


def _prompt(case: Case) -> str:
    number = zlib.crc32(case.name.encode()) % _NUMBERS
    asked = "Use the tool" if case.question == TOOLS else case.fault.name
    return f"Row {number} of {case.mode}: {asked}"[:PROMPT_CHARS].rstrip()


async def _evidence(case: Case, subject: Subject, prompt: str, limit_s: float) -> Evidence:
    to_return = await fault_to_return(case, prompt)
    async with LabProvider(case.primary) as primary, LabProvider(case.backup) as backup:
        primary.set_fault(case.fault.name, **case.options)
        backup.continuation_restarts = case.restarts
        setting = Setting(primary, backup, case.times, case.models, case.after_commit)
        async with subject(setting) as base_url, asking(base_url, case.client) as asker:
            seen = [await _ask(asker, case, prompt, limit_s) for _ in range(case.fault.requests_to_meet)]
        await _settled(primary)
        return Evidence(
            seen=seen,
            prompt=prompt,
            met=primary.met,
            primary_calls=primary.counts["requests"],
            backup_calls=backup.counts["requests"],
            to_return=to_return,
            place=primary.place,
            primary_given=[input_of(call.path, call.body) for call in primary.calls],
            backup_given=[input_of(call.path, call.body) for call in backup.calls],
        )


async def _ask(asker: Asker, case: Case, prompt: str, limit_s: float) -> Seen:
    return await asker.ask(
        case.models[case.primary],
        prompt,
        stream=case.mode == "stream",
        limit_s=limit_s,
        tools=TOOL_NAMES if case.question == TOOLS else (),
        choices=CHOICES_COUNT if case.question == CHOICES else 1,
    )


async def _settled(primary: LabProvider) -> None:
    """Wait for a fault that happens after its answer, such as a close. Not long: most have happened."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_SETTLE_S):
            while primary.met == 0:  # noqa: ASYNC110 - the lab's counter has no event to wait for
                await asyncio.sleep(_POLL_S)


def _row(case: Case) -> Row:
    """A row that has not been played."""
    return Row(
        fault=case.fault.name,
        mode=case.mode,
        primary=case.primary,
        backup=case.backup,
        phase=case.fault.phase.value,
        client=case.client,
        point=case.name.rpartition("/")[2],
        result=Result.FAIL,
        why="",
        status=None,
        error=None,
        served_by=None,
        primary_calls=0,
        backup_calls=0,
        client_requests=0,
        duration_s=0.0,
    )


def _unplayable(case: Case, problem: Exception, duration_s: float) -> Row:
    why = f"the row could not be played: {type(problem).__name__}: {problem}"
    return replace(_row(case), why=why, duration_s=round(duration_s, 3))
