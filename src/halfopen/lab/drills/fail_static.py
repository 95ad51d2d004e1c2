"""Everything around the workers fails, one thing after another, under load: requests must not notice.

The gateway, the simulated provider and this judge are processes of their own. While requests are asked at
a fixed rate, control is stopped, control is killed, the store is locked, its disk is full, the provider's
name can't be looked up any more, Redis is stopped and killed, and at last a worker is killed. What a worker
has in flight when it is killed is lost, but must not hang.
"""

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from halfopen.lab.drills.bystander import Told, ask_control, ask_status
from halfopen.lab.drills.fail_static_verdict import Load, Played, report
from halfopen.lab.drills.figure import DrillReport
from halfopen.lab.drills.lab_process import LabProcess, lab_process
from halfopen.lab.drills.open_loop import OpenLoop
from halfopen.lab.drills.private_names import NAME, PrivateNames
from halfopen.lab.drills.process import GatewayProcess, configuration, started
from halfopen.lab.drills.redis_strikes import RedisKilled, RedisServer, RedisStopped, redis_server
from halfopen.lab.drills.strikes import (
    ControlKilled,
    ControlStopped,
    DiskFull,
    NamesGone,
    StoreLocked,
    Strike,
    WorkerKilled,
)
from halfopen.lab.server import HOST, LabProvider

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
BURST: Final = 200
"""Requests at once, where new connections to the provider are what fails."""
SHOWN_MAX_S: Final = 8.0
"""A fault that nothing has shown by then is not met."""
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


@dataclass(frozen=True, slots=True)
class Around:
    """What this machine offers around a gateway."""

    names: PrivateNames | None = None
    """None: host names can't be taken away here."""
    redis: RedisServer | None = None
    """None: there is no `redis-server`, or no package to talk to it."""


async def drill(count: int | None = None, plan: Plan = Plan()) -> DrillReport:
    """Play the plan. `count`: so many requests instead of what the plan's time makes."""
    seconds = plan.seconds if count is None else count / plan.rate
    with (
        tempfile.TemporaryDirectory(prefix="halfopen-around-") as folder,
        redis_server(Path(folder)) as redis,
    ):
        names = PrivateNames(Path(folder))
        around = Around(names if await names.work() else None, redis)
        strikes = plan.strikes if plan.strikes is not None else all_strikes(around)
        async with lab_process(PACE_S) as lab, _gateway(lab, around) as gateway:
            found = await _under_load(gateway, strikes, seconds, plan.rate)
    missing = not_played(around) if plan.strikes is None else ()
    return replace(found, failures=(*found.failures, *missing))


def not_played(around: Around) -> tuple[str, ...]:
    """What can't be played on this machine, and why: not against the promises, but to be told."""
    lines = []
    if around.names is None:
        lines.append("names gone: not played: unshare can't make name spaces here")
    if around.redis is None:
        lines.append("redis stopped, redis killed: not played: no redis-server, or no package redis")
    return tuple(lines)


def all_strikes(around: Around) -> tuple[Strike, ...]:
    """Every fault that can be played here; the worker's last: only that one may cost requests."""
    names, redis = around.names, around.redis
    return (
        ControlStopped(),
        ControlKilled(),
        StoreLocked(),
        DiskFull(),
        *(() if names is None else (NamesGone(names),)),
        *(() if redis is None else (RedisStopped(redis), RedisKilled(redis))),
        WorkerKilled(),
    )


def _gateway(lab: LabProcess, around: Around) -> AbstractAsyncContextManager[GatewayProcess]:
    settings = f"[processes]\nworkers = {WORKERS}\n"
    if around.redis is not None:
        settings += around.redis.settings

    def written(port: int) -> str:
        text = configuration((LabProvider("openai", lab.port),), port, settings)
        return text if around.names is None else text.replace(f"//{HOST}:{lab.port}", f"//{NAME}:{lab.port}")

    return started(written, before=() if around.names is None else around.names.before)


async def _under_load(
    gateway: GatewayProcess, strikes: Sequence[Strike], seconds: float, rate: float
) -> DrillReport:
    client = OpenLoop(int(gateway.address.rpartition(":")[2]), rate)
    slot_s = seconds / (len(strikes) + 1)
    await _until_well(gateway, rate, [], lambda _: "")
    client.start()
    try:
        await asyncio.sleep(slot_s)
        played = [await _play(each, gateway, client, rate, slot_s) for each in strikes]
        asked_for_s = time.monotonic() - client.began
    finally:
        await client.stop()
    told = await _settled(gateway, sum(asked.answered for asked in client.asked))
    load = Load(rate, asked_for_s, client.pause_s)
    return report(client.asked, played, told, load)


async def _play(
    strike: Strike, gateway: GatewayProcess, client: OpenLoop, rate: float, slot_s: float
) -> Played:
    """Let one fault happen, and wait until all is well again."""
    until = time.monotonic() + slot_s
    before = await ask_control(gateway)
    seen = [before]
    shown = problem = ""
    struck = time.monotonic()
    try:
        strike.strike(before, gateway)
        if strike.held:
            hold_s = min(HOLD_MAX_S, slot_s * _HOLD_SHARE)
            shown, _ = await asyncio.gather(
                _shown(strike, gateway, seen), _hold(client, hold_s, BURST if strike.connects else 0)
            )
            if shown and not strike.is_on():
                shown, problem = "", "it ended by itself"
    except (OSError, sqlite3.Error, LookupError, ValueError) as error:
        problem = f"it could not be played: {error!r}"
    finally:
        strike.lift()
    lifted = time.monotonic() if strike.held else struck
    remains = await _until_well(gateway, rate, seen, strike.remains)
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


async def _hold(client: OpenLoop, hold_s: float, burst: int) -> None:
    """As long as the fault is to be on."""
    await asyncio.sleep(hold_s / 2)
    client.burst(burst)
    await asyncio.sleep(hold_s / 2)


async def _shown(strike: Strike, gateway: GatewayProcess, seen: list[Told]) -> str:
    """What shows that the fault is on, or has happened, by what a person would ask. Empty: nothing did."""
    until = time.monotonic() + SHOWN_MAX_S
    while True:
        seen.append(await ask_status(gateway))
        shown = strike.shown(seen[-1])
        if shown or time.monotonic() >= until:
            return shown
        await asyncio.sleep(_POLL_S)


async def _until_well(
    gateway: GatewayProcess, rate: float, seen: list[Told], also: Callable[[Told], str]
) -> str:
    """Wait until all is well, for a bounded time. What isn't by then; empty: all is."""
    until = time.monotonic() + NORMAL_MAX_S
    while True:
        told = await ask_control(gateway)
        seen.append(told)
        remains = _unwell(told, rate) or also(told)
        if not remains or time.monotonic() >= until:
            return remains
        await asyncio.sleep(_POLL_S)


def _unwell(told: Told, rate: float) -> str:
    if not told.answered:
        return f"status: {told.data.get('problem', 'no answer')}"
    if told.store != "ok":
        return f"the store is {told.store}"
    if told.redis not in ("ok", "off"):
        return f"redis is {told.redis}"
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
