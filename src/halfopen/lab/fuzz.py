"""Sends random and spoiled HTTP to a gateway, as its clients or as its upstreams: it must survive.

The gateway runs in this process, with simulated providers of all three dialects behind it, so that what
gets through is translated both ways. Input `n` of a seed is always the same: a finding is replayed with
its seed and number.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

import uvloop

from halfopen.gateway.server import GatewayServer
from halfopen.lab.fleet import Lab
from halfopen.lab.fuzz_bench import (
    MODELS,
    Defects,
    FreshRoutes,
    exchange,
    lab_addresses,
    left_behind,
    snapshot,
    surroundings,
)
from halfopen.lab.fuzz_ends import judge_end
from halfopen.lab.fuzz_input import CHAT, FuzzInput, make_ask, make_input, request
from halfopen.lab.fuzz_oracle import judge
from halfopen.lab.fuzz_report import FuzzReport
from halfopen.lab.fuzz_upstream import FuzzUpstream
from halfopen.lab.ports import free_port
from halfopen.policy import JourneyOptions

HANG_S = 5.0
_CONCURRENCY = 64
_PATIENT_CONCURRENCY = 96
"""Where most of the time is spent waiting for upstreams that stall."""
_OPTIONS = JourneyOptions(deadline_s=3.0, attempt_s=2.0, first_token_s=2.0, stall_s=2.0)
_SHORT = JourneyOptions(deadline_s=3.0, attempt_s=1.5, first_token_s=1.5, stall_s=1.0)
"""Where many upstreams stall."""
_PATIENCE_S = 12.0
"""A stream may stall, and then find another upstream, twice: that takes longer than `HANG_S`."""

Try = Callable[[int], Awaitable[None]]
"""Sends one input, by its number."""


def fuzz(inputs: int, seed: int, *, first: int = 0, hang_s: float = HANG_S) -> FuzzReport:
    """Send `inputs` inputs of a seed, beginning with number `first`, and judge what comes back."""
    return _run(FuzzReport(inputs, seed, first), _fuzz_requests, hang_s)


def fuzz_upstreams(inputs: int, seed: int, *, first: int = 0, hang_s: float = _PATIENCE_S) -> FuzzReport:
    """Send good requests, let the upstreams answer them with spoiled bytes, and judge what comes back."""
    return _run(FuzzReport(inputs, seed, first), _fuzz_upstreams, hang_s)


_Mode = Callable[[FuzzReport, Defects, float], Awaitable[None]]


def _run(report: FuzzReport, mode: _Mode, hang_s: float) -> FuzzReport:
    defects = Defects()
    logger = logging.getLogger("halfopen")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(defects)
    try:
        uvloop.run(_watched(report, defects, mode, hang_s))
    finally:
        logger.removeHandler(defects)
        logger.propagate = propagate
    return report


async def _watched(report: FuzzReport, defects: Defects, mode: _Mode, hang_s: float) -> None:
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: report.find(-1, "loop", f"{context.get('message')}: {context.get('exception')!r}")
    )
    await mode(report, defects, hang_s)


async def _fuzz_requests(report: FuzzReport, defects: Defects, hang_s: float) -> None:
    async with Lab() as lab:
        gateway = GatewayServer(snapshot(lab_addresses(lab), _OPTIONS), {}, surroundings())
        await gateway.start(port=free_port())
        tasks = len(asyncio.all_tasks())

        async def send(number: int) -> None:
            given = make_input(report.seed, number, tuple(MODELS))
            seen = await exchange(gateway.port, given, hang_s)
            outcome, problem = judge(given, seen)
            report.outcomes[outcome] += 1
            report.kinds[given.kind] += 1
            if problem is not None:
                report.find(number, given.kind, problem, given.data)
            _note_defects(report, defects, number, given)

        await _send_all(report, send, _CONCURRENCY)
        await _check_good(report, gateway, hang_s)
        await _check_left(report, gateway, tasks, hang_s)
        await gateway.stop()
        for each in defects.found:
            report.find(-1, "end", each)


async def _fuzz_upstreams(report: FuzzReport, defects: Defects, hang_s: float) -> None:
    async with Lab() as lab:
        upstreams = {
            dialect: FuzzUpstream(provider.port, report.seed) for dialect, provider in lab.providers.items()
        }
        for upstream in upstreams.values():
            await upstream.start(free_port())
        addresses = {
            dialect: address.replace(f":{lab[dialect].port}", f":{upstreams[dialect].port}")
            for dialect, address in lab_addresses(lab).items()
        }
        gateway = GatewayServer(snapshot(addresses, _SHORT), {}, surroundings())
        await gateway.start(port=free_port())
        routes = FreshRoutes(gateway.runtime, _SHORT)

        async def send(number: int) -> None:
            name = f"{number}-fuzzed"
            client, given = make_ask(report.seed, number, name)
            routes.add(name, random.Random(f"{report.seed}:route:{number}"), client)  # noqa: S311 - no secret
            seen = await exchange(gateway.port, given, hang_s)
            routes.remove(name)
            outcome, problem = judge_end(client, seen)
            report.outcomes[outcome] += 1
            if problem is not None:
                said = seen.answers[0].body[-300:] if seen.answers else b""
                report.find(number, client, f"{problem}; at the end: {said!r}", given.data)
            _note_defects(report, defects, number, given)

        await _send_all(report, send, _PATIENT_CONCURRENCY)
        # The upstreams' own tasks and half-closed connections are no matter of the gateway's.
        await _check_left(report, gateway, None, hang_s)
        if routes.permits:
            report.find(-1, "after", f"left behind: {routes.permits} permits")
        await gateway.stop()
        for upstream in upstreams.values():
            report.kinds.update(upstream.kinds)
            await upstream.stop()
        for each in defects.found:
            report.find(-1, "end", each)


async def _send_all(report: FuzzReport, send: Try, concurrency: int) -> None:
    started = time.perf_counter()
    numbers = iter(range(report.first, report.first + report.inputs))

    async def work() -> None:
        for number in numbers:
            await send(number)

    await asyncio.gather(*(work() for _ in range(min(concurrency, report.inputs))))
    report.seconds = time.perf_counter() - started


def _note_defects(report: FuzzReport, defects: Defects, number: int, given: FuzzInput) -> None:
    # Inputs run side by side: the one that is named may be a neighbour of the cause.
    for each in defects.found:
        report.find(number, given.kind, each, given.data)
    defects.found.clear()


async def _check_good(report: FuzzReport, gateway: GatewayServer, hang_s: float) -> None:
    """A good request is still answered."""
    for model in MODELS:
        for stream in ("false", "true"):
            chat = f'{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"hello"}}]}}'
            given = FuzzInput("after", (request("POST", CHAT, chat.encode()),))
            seen = await exchange(gateway.port, given, hang_s)
            if not (seen.answers and seen.answers[0].status == 200 and seen.answers[0].whole):
                report.find(-1, "after", f"a good request is not answered any more: {seen}", given.data)


async def _check_left(report: FuzzReport, gateway: GatewayServer, tasks: int | None, hang_s: float) -> None:
    """Nothing is left of all the others. `tasks` is None where tasks can't be counted."""
    until = time.monotonic() + hang_s
    while (left := left_behind(gateway, tasks)) and time.monotonic() < until:  # noqa: ASYNC110 - polled
        await asyncio.sleep(0.02)
    if left:
        report.find(-1, "after", f"left behind: {left}")
