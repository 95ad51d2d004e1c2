"""A crowd of clients of every dialect that leave in the middle of a stream of one gateway.

Each upstream call must stop within a second, and when all have left, nothing may be left of them: no
connection, no task, no permit, no timer, no object.
"""

import asyncio
import gc
import itertools
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from halfopen.gateway.attempt import Attempt
from halfopen.gateway.exchange import Exchange
from halfopen.gateway.server import GatewayServer
from halfopen.lab.drills.figure import DrillReport, Figure, proportion, quantile
from halfopen.lab.matrix.case import MODELS, PROVIDERS
from halfopen.lab.matrix.setting import spec_of, started, target_of
from halfopen.lab.server import HOST, LabProvider
from halfopen.policy import JourneyOptions
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import RouteSpec, Snapshot

CROWD = 1000
STOP_S = 1.0
_AT_ONCE = 50
_PACE_S = 0.02
_PATIENCE_S = 10.0
_POLL_S = 0.005
_DIALECTS = ("openai", "anthropic", "gemini")


@dataclass(frozen=True, slots=True)
class Speech:
    """How clients of one dialect ask for a stream."""

    name: str
    path: str
    body: Any
    """With `MODEL` and `PROMPT` in their places."""


_SAID = [{"role": "user", "content": "PROMPT"}]
SPEECHES = (
    Speech("chat", "/v1/chat/completions", {"model": "MODEL", "messages": _SAID, "stream": True}),
    Speech("responses", "/v1/responses", {"model": "MODEL", "input": "PROMPT", "stream": True}),
    Speech("completions", "/v1/completions", {"model": "MODEL", "prompt": "PROMPT", "stream": True}),
    Speech(
        "messages",
        "/v1/messages",
        {"model": "MODEL", "messages": _SAID, "stream": True, "max_tokens": 1000},
    ),
    Speech(
        "generate",
        "/v1beta/models/MODEL:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "PROMPT"}]}]},
    ),
)


async def drill(count: int | None = None) -> DrillReport:
    """Have `count` clients (default 1,000) leave one gateway, dialects in and out in turn."""
    count = count or CROWD
    providers = [LabProvider(dialect, pace_s=_PACE_S) for dialect in _DIALECTS]
    for provider in providers:
        await provider.start()
    server = await started(_snapshot(providers))
    before = _census(server)
    times: list[float | None] = []
    try:
        kinds = itertools.cycle(itertools.product(SPEECHES, providers))
        numbers = iter(range(count))

        async def work() -> None:
            for number in numbers:
                speech, provider = next(kinds)
                times.append(await _leave(server, speech, provider, f"question {number} of the crowd"))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(_AT_ONCE, count)):
                group.create_task(work())
        left = await _settled(server, before)
    finally:
        await server.stop()
        for provider in providers:
            await provider.stop()
    return _report(times, left)


def _snapshot(providers: list[LabProvider]) -> Snapshot:
    options = JourneyOptions(attempts=1, deadline_s=60, first_token_s=30, min_tokens_s=0)
    models = {MODELS[each.dialect]: target_of(each) for each in providers}
    routes = {model: RouteSpec(model, (target,), options) for model, target in models.items()}
    return Snapshot(Gateway(), {PROVIDERS[each.dialect]: spec_of(each) for each in providers}, routes)


async def _leave(server: GatewayServer, speech: Speech, provider: LabProvider, prompt: str) -> float | None:
    """Ask, read until the answer has begun, and leave. Seconds until the upstream saw it; None: never."""
    model = MODELS[provider.dialect]
    body = msgspec.json.encode(speech.body)
    body = body.replace(b"MODEL", model.encode()).replace(b"PROMPT", prompt.encode())
    path = speech.path.replace("MODEL", model)
    reader, writer = await asyncio.open_connection(HOST, server.port)
    head = f"POST {path} HTTP/1.1\r\nhost: lab\r\ncontent-type: application/json\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            line = await reader.readline()
            if b" 200 " not in line:
                return None
            await reader.readuntil(b"data:")
    except (TimeoutError, asyncio.IncompleteReadError):
        return None
    finally:
        writer.transport.abort()
    began = time.monotonic()
    call = next((each for each in reversed(provider.calls) if prompt.encode() in each.body), None)
    if call is None:
        return None
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            while not call.client_left:
                if call.ended is not None:
                    return None  # it ended as if nobody had left
                await asyncio.sleep(_POLL_S)
            return time.monotonic() - began
    return None


def _census(server: GatewayServer) -> dict[str, int]:
    """What is there for requests, by kind."""
    runtime = server.runtime
    states = [state for route in runtime.routes.values() for state in route.states]
    gc.collect()
    objects = gc.get_objects()
    return {
        "connections of clients": server.connections,
        "calls to upstreams": sum(provider.pool.active for provider in runtime.providers.values()),
        "permits": sum(state.limiter.in_flight for state in states),
        "waiting requests": runtime.waiting,
        "timers": len(runtime.wheel),
        "tasks": len(asyncio.all_tasks()),
        "exchanges": sum(isinstance(each, Exchange) for each in objects),
        "attempts": sum(isinstance(each, Attempt) for each in objects),
    }


async def _settled(server: GatewayServer, before: dict[str, int]) -> dict[str, int]:
    """What is left beyond what was there before, once it is nothing or a second has passed."""
    left: dict[str, int] = {}
    for _ in range(int(STOP_S / 0.1)):
        left = {name: number - before[name] for name, number in _census(server).items()}
        if not any(left.values()):
            break
        await asyncio.sleep(0.1)
    return left


def _report(times: list[float | None], left: dict[str, int]) -> DrillReport:
    told = [each for each in times if each is not None]
    in_time = [each for each in told if each <= STOP_S]
    figures = [
        proportion(f"upstream calls stopped within {STOP_S:g} s", len(in_time), len(times)),
        Figure("longest until an upstream call stopped", quantile(told, 1.0), "s", len(told)),
        *(
            Figure(f"{name} left behind", number, "", len(times), sound=number == 0, promise="0")
            for name, number in left.items()
        ),
    ]
    late = len(times) - len(in_time)
    failures = [f"{late} calls did not stop in time"] if late else []
    failures += [f"{number} {name} left behind" for name, number in left.items() if number]
    return DrillReport("crowd", tuple(figures), tuple(failures))
