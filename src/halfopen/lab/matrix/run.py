"""Plays the cases, each with providers, gateway and client of its own."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from halfopen.lab.matrix.case import MODELS, Case
from halfopen.lab.matrix.direct import fault_to_return
from halfopen.lab.matrix.row import Result, Row
from halfopen.lab.matrix.seen import Asker, Seen, asking
from halfopen.lab.matrix.setting import Setting, Subject, gateway_subject
from halfopen.lab.matrix.verdict import Evidence, described, judge
from halfopen.lab.server import LabProvider

LIMIT_S = 30.0
"""A question must have an end by then."""
_SETTLE_S = 0.5
_POLL_S = 0.005


async def run_table(
    cases: Sequence[Case],
    *,
    subject: Subject = gateway_subject,
    jobs: int = 8,
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
    # Those that wait for a timer go first, so that none is left alone at the end.
    waiting = sorted(range(len(cases)), key=lambda index: not cases[index].is_timed)

    async def work() -> None:
        while waiting:
            index = waiting.pop(0)
            row = await run_case(cases[index], subject=subject, limit_s=limit_s, number=index)
            rows[index] = row
            if on_row is not None:
                on_row(row)

    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, min(jobs, len(cases)))):
            group.create_task(work())
    return [row for row in rows if row is not None]


async def run_case(
    case: Case, *, subject: Subject = gateway_subject, limit_s: float = LIMIT_S, number: int = 0
) -> Row:
    """Play one case. `number` makes its question unlike those of other rows. Never raises."""
    prompt = f"Row {number} of {case.mode}: {case.fault.name}"[:40].rstrip()
    began = time.monotonic()
    try:
        evidence = await _evidence(case, subject, prompt, limit_s)
    except Exception as problem:  # noqa: BLE001 - a row that can't be played must not end the table
        return _unplayable(case, problem, time.monotonic() - began)
    verdict = judge(case, evidence)
    last = evidence.seen[-1]
    return Row(
        fault=case.fault.name,
        mode=case.mode,
        primary=case.primary,
        backup=case.backup,
        phase=case.fault.phase.value,
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


async def _evidence(case: Case, subject: Subject, prompt: str, limit_s: float) -> Evidence:
    to_return = await fault_to_return(case, prompt)
    async with LabProvider(case.primary) as primary, LabProvider(case.backup) as backup:
        primary.set_fault(case.fault.name, **case.options)
        setting = Setting(primary, backup, case.times)
        async with subject(setting) as base_url, asking(base_url) as asker:
            seen = [await _ask(asker, case, prompt, limit_s) for _ in range(case.fault.requests_to_meet)]
        await _settled(primary)
        return Evidence(
            seen=seen,
            prompt=prompt,
            met=primary.met,
            primary_calls=primary.counts["requests"],
            backup_calls=backup.counts["requests"],
            to_return=to_return,
        )


async def _ask(asker: Asker, case: Case, prompt: str, limit_s: float) -> Seen:
    return await asker.ask(MODELS[case.primary], prompt, stream=case.mode == "stream", limit_s=limit_s)


async def _settled(primary: LabProvider) -> None:
    """Wait for a fault that happens after its answer, such as a close. Not long: most have happened."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_SETTLE_S):
            while primary.met == 0:  # noqa: ASYNC110 - the lab's counter has no event to wait for
                await asyncio.sleep(_POLL_S)


def _unplayable(case: Case, problem: Exception, duration_s: float) -> Row:
    return Row(
        fault=case.fault.name,
        mode=case.mode,
        primary=case.primary,
        backup=case.backup,
        phase=case.fault.phase.value,
        result=Result.FAIL,
        why=f"the row could not be played: {type(problem).__name__}: {problem}",
        status=None,
        error=None,
        served_by=None,
        primary_calls=0,
        backup_calls=0,
        client_requests=0,
        duration_s=round(duration_s, 3),
    )
