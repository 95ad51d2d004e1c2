"""A client that leaves: the upstream call that nobody waits for any more stops within a second."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from halfopen.lab.calls import LabCall
from halfopen.lab.drills.figure import DrillReport, Figure, proportion, quantile
from halfopen.lab.matrix.case import MODELS, Times
from halfopen.lab.matrix.seen import asking
from halfopen.lab.matrix.setting import Setting, snapshot_of, started
from halfopen.lab.server import HOST, LabProvider

STOP_S = 1.0
REPETITIONS = 20
_PATIENCE_S = 5.0
_POLL_S = 0.002
_PACE_S = 0.2
_TIMES = Times(deadline_s=60, attempt_s=30, first_token_s=30, stall_s=30, floor_window_s=60, min_tokens_s=0)


@dataclass(frozen=True, slots=True)
class Leaving:
    """One moment at which a client leaves."""

    name: str
    stream: bool
    primary: str | None
    """The primary's fault; None: it is healthy, and streams slowly."""
    backup: str | None = None
    called: str = "primary"
    """Whose call must stop."""
    after_content: bool = False
    """Leave only once a part of the answer is here."""


LEAVINGS = (
    Leaving("waiting for the head of a plain answer", stream=False, primary="hang_before_headers"),
    Leaving("waiting for the body of a plain answer", stream=False, primary="body_stall"),
    Leaving("waiting for the head of a stream", stream=True, primary="hang_before_headers"),
    Leaving("waiting for the first content", stream=True, primary="stream_pinged_stall_before_content"),
    Leaving("in a stream that flows", stream=True, primary=None, after_content=True),
    Leaving("in a stream that stalls", stream=True, primary="stream_stall_after_content", after_content=True),
    Leaving(
        "waiting for the backup after a failover",
        stream=False,
        primary="openai_500_server_error",
        backup="hang_before_headers",
        called="backup",
    ),
)


async def drill(count: int | None = None) -> DrillReport:
    """Leave `count` times (default 20) at each of the moments."""
    figures: list[Figure] = []
    failures: list[str] = []
    for leaving in LEAVINGS:
        times = [await leave(leaving) for _ in range(count or REPETITIONS)]
        in_time = [each for each in times if each is not None and each <= STOP_S]
        figures.append(proportion(f"{leaving.name}: stopped within {STOP_S:g} s", len(in_time), len(times)))
        longest = quantile([each for each in times if each is not None], 1.0)
        figures.append(Figure(f"{leaving.name}: longest", longest, "s", len(times)))
        failures += [f"{leaving.name}: {each}" for each in times if each not in in_time]
    return DrillReport("disconnect", tuple(figures), tuple(failures))


async def leave(leaving: Leaving) -> float | None:
    """Leave once. Seconds until the upstream saw its caller leave; None: it never did."""
    pace_s = _PACE_S if leaving.primary is None else 0.0
    async with LabProvider("openai", pace_s=pace_s) as primary, LabProvider("anthropic") as backup:
        if leaving.primary is not None:
            primary.set_fault(leaving.primary)
        if leaving.backup is not None:
            backup.set_fault(leaving.backup)
        server = await started(snapshot_of(Setting(primary, backup, _TIMES)))
        try:
            return await _leave(
                leaving, f"http://{HOST}:{server.port}/v1", {"primary": primary, "backup": backup}
            )
        finally:
            await server.stop()


async def _leave(leaving: Leaving, base_url: str, providers: dict[str, LabProvider]) -> float | None:
    called = providers[leaving.called]
    async with asking(base_url) as asker:
        got_content = asyncio.Event()
        asking_task = asyncio.create_task(
            asker.ask(
                MODELS["openai"],
                "Will you wait?",
                stream=leaving.stream,
                limit_s=_PATIENCE_S * 4,
                on_content=got_content.set,
            )
        )
        async with asyncio.timeout(_PATIENCE_S):
            call = await _call_of(called, faulty=leaving.primary is not None)
            if leaving.after_content:
                await got_content.wait()
        began = time.monotonic()
        asking_task.cancel()
        with suppress(asyncio.CancelledError):
            await asking_task
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                while not call.client_left:  # noqa: ASYNC110 - the lab's record has no event to wait for
                    await asyncio.sleep(_POLL_S)
                return time.monotonic() - began
    return None


async def _call_of(provider: LabProvider, *, faulty: bool) -> LabCall:
    """The provider's call, once it is there and its fault has happened."""
    calls: Any = provider.calls
    while not calls or (faulty and not calls[0].met):  # noqa: ASYNC110 - as above
        await asyncio.sleep(_POLL_S)
    call: LabCall = calls[0]
    return call
