"""Everything around the workers fails, one thing after another, under load: requests must not notice.

The gateway, the simulated provider and this judge are processes of their own. While requests are asked at
a fixed rate, control is stopped, control is killed, the store is locked, the disk is full and at last a
worker is killed. What a worker has in flight when it is killed is lost, but must not hang.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from halfopen.lab.drills import strikes
from halfopen.lab.drills.bystander import Told, ask_control, ask_status
from halfopen.lab.drills.fail_static_verdict import Played, report
from halfopen.lab.drills.figure import DrillReport
from halfopen.lab.drills.lab_process import LabProcess, lab_process
from halfopen.lab.drills.open_loop import OpenLoop
from halfopen.lab.drills.process import GatewayProcess, configuration, started
from halfopen.lab.drills.strikes import Strike
from halfopen.lab.server import LabProvider

SECONDS: Final = 60.0
RATE: Final = 500.0
PACE_S: Final = 0.02
"""Between two events of a stream."""
WORKERS: Final = 2
HOLD_MAX_S: Final = 5.0
"""A fault is on for so long at most, and a little more until it is shown to be. The supervisor takes a
process that is silent for 10 s for frozen, and kills it."""
_HOLD_SHARE: Final = 0.45
"""Of the time that each fault gets: it is on for so long, and the rest is for coming back."""
SHOWN_MAX_S: Final = 8.0
NORMAL_MAX_S: Final = 15.0
_POLL_S: Final = 0.05
_SETTLE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard, how long and with what."""

    seconds: float = SECONDS
    """At least: a fault that is slow to show, or to pass, has the time that it needs."""
    rate: float = RATE
    """Requests a second."""
    strikes: tuple[Strike, ...] | None = None
    """In this order; None: all that this machine can play."""


async def drill(count: int | None = None, plan: Plan = Plan()) -> DrillReport:
    """Play the plan. `count`: so many requests instead of what the plan's time makes."""
    seconds = plan.seconds if count is None else count / plan.rate
    chosen = plan.strikes if plan.strikes is not None else all_strikes()
    async with lab_process(PACE_S) as lab, started(lambda port: _configuration(lab, port)) as gateway:
        client = OpenLoop(int(gateway.address.rpartition(":")[2]), plan.rate)
        slot_s = seconds / (len(chosen) + 1)
        client.start()
        try:
            await asyncio.sleep(slot_s)
            played = [await _play(each, gateway, plan.rate, slot_s) for each in chosen]
            asked_for_s = time.monotonic() - client.began
        finally:
            await client.stop()
        told = await _settled(gateway, sum(asked.answered for asked in client.asked))
    return report(client.asked, played, told, rate=plan.rate, seconds=asked_for_s, pause_s=client.pause_s)


def all_strikes() -> tuple[Strike, ...]:
    """Every fault, the worker's last: it is the only one that may cost requests."""
    return (
        strikes.ControlStopped(),
        strikes.ControlKilled(),
        strikes.StoreLocked(),
        strikes.DiskFull(),
        strikes.WorkerKilled(),
    )


def _configuration(lab: LabProcess, port: int) -> str:
    provider = LabProvider("openai", lab.openai_port)
    return configuration((provider,), port, f"[processes]\nworkers = {WORKERS}\n")


async def _play(strike: Strike, gateway: GatewayProcess, rate: float, slot_s: float) -> Played:
    """Let one fault happen, and wait until all is well again."""
    until = time.monotonic() + slot_s
    before = await ask_control(gateway)
    seen = [before]
    shown = problem = ""
    struck = time.monotonic()
    try:
        strike.strike(before, gateway)
        if strike.held:
            await asyncio.sleep(min(HOLD_MAX_S, slot_s * _HOLD_SHARE))
            shown = await _shown(strike, gateway, seen)
    except (OSError, sqlite3.Error, LookupError, ValueError) as error:
        problem = f"it could not be played: {error!r}"
    finally:
        strike.lift()
    lifted = time.monotonic() if strike.held else struck
    remains = await _remains(strike, gateway, rate, seen)
    normal = time.monotonic()
    if not strike.held and not problem:
        shown = await _shown(strike, gateway, seen)
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    return Played(
        fault=strike.name,
        struck=struck,
        lifted=lifted,
        shown=shown,
        problem=problem or ("" if shown else "nothing showed that it was on"),
        remains=remains,
        normal_after_s=normal - lifted,
        waiting_most=max(told.outcomes("waiting") for told in seen),
        dropped=seen[-1].outcomes("dropped") - before.outcomes("dropped"),
        costs=strike.costs,
        excused=strike.excused,
    )


async def _shown(strike: Strike, gateway: GatewayProcess, seen: list[Told]) -> str:
    """What shows that the fault is on, or has happened, by what a person would ask. Empty: nothing did."""
    until = time.monotonic() + SHOWN_MAX_S
    while True:
        seen.append(await ask_status(gateway))
        shown = strike.shown(seen[-1])
        if shown or time.monotonic() >= until:
            return shown
        await asyncio.sleep(_POLL_S)


async def _remains(strike: Strike, gateway: GatewayProcess, rate: float, seen: list[Told]) -> str:
    """Wait until all is well again. What isn't by the end; empty: all is."""
    until = time.monotonic() + NORMAL_MAX_S
    while True:
        told = await ask_control(gateway)
        seen.append(told)
        remains = _unwell(told, rate) or strike.remains(told)
        if not remains or time.monotonic() >= until:
            return remains
        await asyncio.sleep(_POLL_S)


def _unwell(told: Told, rate: float) -> str:
    if not told.answered:
        return f"status: {told.data.get('problem', 'no answer')}"
    if told.store != "ok":
        return f"the store is {told.store}"
    if len(told.workers) < WORKERS:
        return f"{len(told.workers)} of {WORKERS} workers are connected to control"
    waiting = told.outcomes("waiting")
    return f"{waiting} outcomes wait" if waiting > rate else ""


async def _settled(gateway: GatewayProcess, answered: int) -> Told:
    """What is told once nothing is asked any more and all outcomes have been seen to, or time is up."""
    told = Told(-1)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SETTLE_S):
            last = -1
            while True:
                told = await ask_control(gateway)
                seen = told.outcomes("kept") + told.outcomes("dropped")
                if told.answered and not told.outcomes("waiting") and (seen >= answered or seen == last):
                    break
                last = seen
                await asyncio.sleep(_POLL_S * 10)
    return told


def chosen(names: Sequence[str]) -> tuple[Strike, ...]:
    """The strikes with these names, in the usual order. Raises ValueError for a name that there isn't."""
    known = {each.name: each for each in all_strikes()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"there is no fault {unknown[0]!r}; there are: {', '.join(known)}")
    return tuple(each for name, each in known.items() if name in names)
