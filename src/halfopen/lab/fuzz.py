"""Sends random and spoiled HTTP to a gateway, and sees that it survives.

The gateway runs in this process, with simulated providers of all three dialects behind it, so that what
gets through is translated both ways. Input `n` of a seed is always the same: a finding is replayed with
its seed and number.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import uvloop

from halfopen.gateway.runtime import Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.lab.fleet import Lab
from halfopen.lab.fuzz_client import FuzzClient, FuzzSeen
from halfopen.lab.fuzz_input import BODY_MAX_BYTES, CHAT, HEADER_MAX_BYTES, FuzzInput, make_input, request
from halfopen.lab.fuzz_oracle import judge
from halfopen.lab.ports import free_port
from halfopen.model import Target
from halfopen.policy import JourneyOptions
from halfopen.policy.options import BreakerOptions, PolicyOptions, RetryOptions
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

HANG_S = 5.0
FINDINGS_MAX = 50
_CONCURRENCY = 64
_REQUEST_S = 0.4
"""How long a gateway waits for the rest of a request here: inputs that are cut are many."""
_MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}


@dataclass(frozen=True, slots=True)
class FuzzFinding:
    """Something that must not be."""

    number: int
    """The input's number; -1: not of one input."""
    kind: str
    problem: str
    sent: str
    """The beginning of what was sent."""


@dataclass(slots=True)
class FuzzReport:
    """What became of all inputs."""

    inputs: int
    seed: int
    first: int
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    findings: list[FuzzFinding] = field(default_factory=list)
    findings_total: int = 0

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return self.findings_total == 0

    @property
    def rate(self) -> float:
        """Inputs a second."""
        return self.inputs / self.seconds if self.seconds else 0.0

    def find(self, number: int, kind: str, problem: str, sent: bytes = b"") -> None:
        """Note a finding; of many only the first are kept."""
        self.findings_total += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(FuzzFinding(number, kind, problem, repr(sent[:300])))


class _Clock:
    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class _Defects(logging.Handler):
    """Collects what the gateway logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.found.append(f"{record.getMessage()}: {cause!r}")


def fuzz(inputs: int, seed: int, *, first: int = 0, hang_s: float = HANG_S) -> FuzzReport:
    """Send `inputs` inputs of a seed, beginning with number `first`, and judge what comes back."""
    report = FuzzReport(inputs, seed, first)
    defects = _Defects()
    logger = logging.getLogger("halfopen")
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(defects)
    try:
        uvloop.run(_fuzz(report, defects, hang_s))
    finally:
        logger.removeHandler(defects)
        logger.propagate = propagate
    return report


async def _fuzz(report: FuzzReport, defects: _Defects, hang_s: float) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda _, context: report.find(-1, "loop", f"{context.get('message')}: {context.get('exception')!r}")
    )
    async with Lab() as lab:
        gateway = GatewayServer(_snapshot(lab), {}, _surroundings())
        await gateway.start(port=free_port())
        tasks = len(asyncio.all_tasks())
        started = time.perf_counter()
        numbers = iter(range(report.first, report.first + report.inputs))
        models = tuple(gateway.runtime.routes)

        async def work() -> None:
            for number in numbers:
                given = make_input(report.seed, number, models)
                seen = await _exchange(gateway.port, given, hang_s)
                outcome, problem = judge(given, seen)
                report.outcomes[outcome] += 1
                report.kinds[given.kind] += 1
                if problem is not None:
                    report.find(number, given.kind, problem, given.data)
                if defects.found:
                    # Inputs run side by side: the one that is named may be a neighbour of the cause.
                    for each in defects.found:
                        report.find(number, given.kind, each, given.data)
                    defects.found.clear()

        await asyncio.gather(*(work() for _ in range(min(_CONCURRENCY, report.inputs))))
        report.seconds = time.perf_counter() - started
        await _check_after(report, gateway, tasks, hang_s)
        await gateway.stop()
        for each in defects.found:
            report.find(-1, "end", each)


async def _exchange(port: int, given: FuzzInput, hang_s: float) -> FuzzSeen:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[FuzzSeen] = loop.create_future()
    client = FuzzClient(given, done)
    try:
        await loop.create_connection(lambda: client, "127.0.0.1", port)
    except OSError as problem:
        return FuzzSeen(malformed=f"no connection: {problem}")
    patience = loop.call_later(hang_s, client.give_up)
    try:
        return await done
    finally:
        patience.cancel()


async def _check_after(report: FuzzReport, gateway: GatewayServer, tasks: int, hang_s: float) -> None:
    """A good request is still answered, and nothing is left of all the others."""
    for model in gateway.runtime.routes:
        for stream in ("false", "true"):
            chat = f'{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"hello"}}]}}'
            given = FuzzInput("after", (request("POST", CHAT, chat.encode()),))
            seen = await _exchange(gateway.port, given, hang_s)
            if not (seen.answers and seen.answers[0].status == 200 and seen.answers[0].whole):
                report.find(-1, "after", f"a good request is not answered any more: {seen}", given.data)
    until = time.monotonic() + hang_s
    while (left := _left(gateway, tasks)) and time.monotonic() < until:  # noqa: ASYNC110 - seen from outside
        await asyncio.sleep(0.02)
    if left:
        report.find(-1, "after", f"left behind: {left}")


def _left(gateway: GatewayServer, tasks: int) -> str:
    """What is left of requests that are over; empty: nothing."""
    runtime = gateway.runtime
    permits = sum(state.limiter.in_flight for route in runtime.routes.values() for state in route.states)
    counts = {
        "connections": gateway.connections,
        "permits": permits,
        "timers": len(runtime.wheel),
        "waiting": runtime.waiting,
        "upstream calls": sum(provider.pool.active for provider in runtime.providers.values()),
        "tasks": len(asyncio.all_tasks()) - tasks,
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count > 0)


def _surroundings() -> Surroundings:
    numbers = iter(range(1, 1 << 62))
    rng = random.Random(0)  # noqa: S311 - jitter
    return Surroundings(_Clock(), rng.random, lambda: f"fuzz-{next(numbers)}", _ignore)


def _ignore(_: Any) -> None:
    """Nobody wants the outcomes."""


def _snapshot(lab: Lab) -> Snapshot:
    """A route for each dialect, and no memory of failures: each input meets the same gateway."""
    gateway = Gateway(
        header_max_bytes=HEADER_MAX_BYTES,
        request_max_bytes=BODY_MAX_BYTES,
        request_timeout_s=_REQUEST_S,
        idle_timeout_s=1.0,
    )
    providers = {
        dialect: ProviderSpec(dialect, dialect, provider.base_url, key="lab")
        for dialect, provider in lab.providers.items()
    }
    options = JourneyOptions(deadline_s=3.0, attempt_s=2.0, first_token_s=2.0, stall_s=2.0)
    routes = {
        dialect: RouteSpec(dialect, (Target(dialect, _MODELS[dialect], dialect),), options)
        for dialect in providers
    }
    policy = PolicyOptions(
        retry=RetryOptions(bucket_max=0.0), breaker=BreakerOptions(consecutive=10**9, min_samples=10**9)
    )
    return Snapshot(gateway, providers, routes, policy)
