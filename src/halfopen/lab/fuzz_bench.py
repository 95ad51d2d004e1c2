"""A gateway to be fuzzed, in this process: its snapshot, its defects, and what it leaves behind."""

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from typing import Any, Final

from halfopen.gateway.runtime import RouteRuntime, Runtime, Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.lab.fleet import Lab
from halfopen.lab.fuzz_client import FuzzClient, FuzzSeen
from halfopen.lab.fuzz_input import BODY_MAX_BYTES, HEADER_MAX_BYTES, FuzzInput
from halfopen.lab.fuzz_requests import INSTRUCT, VECTORS
from halfopen.model import Target
from halfopen.policy import Credential, JourneyOptions, TargetState
from halfopen.policy.options import BreakerOptions, PolicyOptions, RetryOptions
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

MODELS: Final[Mapping[str, str]] = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5",
    "gemini": "gemini-2.5-flash",
}
"""Of each dialect. Their names are also those of the routes to them alone."""
_PROMPTED: Final = "gpt-3.5-turbo-instruct"
"""Completes bare prompts."""
_REQUEST_S = 0.4
"""How long a gateway waits for the rest of a request here: inputs that are cut are many."""


class _Clock:
    def monotonic(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()


class Defects(logging.Handler):
    """Collects what the gateway logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        cause = record.exc_info[1] if record.exc_info else None
        self.found.append(f"{record.getMessage()}: {cause!r}")


class FreshRoutes:
    """A route for each input, whose targets remember nothing of the inputs before."""

    def __init__(self, runtime: Runtime, options: JourneyOptions) -> None:
        """Adds routes to this runtime."""
        self._runtime = runtime
        self._options = options
        self._unsettled: list[TargetState] = []

    def add(self, name: str, rng: random.Random, client: str) -> None:
        """A route of this name to one upstream, or to all in some order."""
        dialects = rng.sample(tuple(MODELS), rng.choice((1, 1, 1, 2, 3)))
        targets = [Target(each, MODELS[each], each) for each in dialects]
        if client == "completions" and rng.random() < 0.3:
            targets[0] = Target("openai", _PROMPTED, "openai")
        policy, entropy = self._runtime.snapshot.policy, self._runtime.surroundings.entropy
        now = self._runtime.loop.time()
        states = [
            TargetState(each, Credential(policy.parking), policy, entropy, now)
            for each in dict.fromkeys(targets)
        ]
        line = self._runtime.waiting_lines.new(states)
        self._runtime.routes[name] = RouteRuntime(
            name, self._options, states, line, retry=policy.retry, entropy=entropy
        )

    def remove(self, name: str) -> None:
        """The input is over. What it may have left is looked at later."""
        states = self._runtime.routes.pop(name).states
        self._unsettled += [state for state in states if state.limiter.in_flight]

    @property
    def permits(self) -> int:
        """Permits that were not given back."""
        return sum(state.limiter.in_flight for state in self._unsettled)


async def exchange(port: int, given: FuzzInput, hang_s: float) -> FuzzSeen:
    """Send one input on a connection of its own, and return what came back."""
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


def left_behind(gateway: GatewayServer, tasks: int | None) -> str:
    """What is left of requests that are over; empty: nothing. `tasks`: those that were there before."""
    runtime = gateway.runtime
    routes = (*runtime.routes.values(), *runtime.relays.values())
    states = {id(state): state for route in routes for state in route.states}
    permits = sum(state.limiter.in_flight for state in states.values())
    counts = {
        "connections": gateway.connections,
        "permits": permits,
        "timers": len(runtime.wheel),
        "waiting": runtime.waiting,
        "upstream calls": sum(provider.pool.active for provider in runtime.providers.values()),
        "tasks": 0 if tasks is None else len(asyncio.all_tasks()) - tasks,
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count > 0)


def surroundings() -> Surroundings:
    """Real time, and random numbers that are the same each time."""
    numbers = iter(range(1, 1 << 62))
    rng = random.Random(0)  # noqa: S311 - jitter
    return Surroundings(_Clock(), rng.random, lambda: f"fuzz-{next(numbers)}", _ignore)


def _ignore(_: Any) -> None:
    """Nobody wants the outcomes."""


def lab_addresses(lab: Lab) -> dict[str, str]:
    """Where the simulated providers are."""
    return {dialect: provider.base_url for dialect, provider in lab.providers.items()}


def snapshot(addresses: Mapping[str, str], options: JourneyOptions) -> Snapshot:
    """A route for each dialect, and no memory of failures: each input meets the same gateway.

    Args:
        addresses: The base URL of an upstream of each dialect.
        options: Of every route.
    """
    gateway = Gateway(
        header_max_bytes=HEADER_MAX_BYTES,
        request_max_bytes=BODY_MAX_BYTES,
        request_timeout_s=_REQUEST_S,
        idle_timeout_s=1.0,
    )
    providers = {
        dialect: ProviderSpec(dialect, dialect, address, key="lab") for dialect, address in addresses.items()
    }
    routes = {
        dialect: RouteSpec(dialect, (Target(dialect, MODELS[dialect], dialect),), options)
        for dialect in providers
    }
    routes |= {
        INSTRUCT: RouteSpec(INSTRUCT, (Target("openai", _PROMPTED, "openai"),), options),
        VECTORS: RouteSpec(VECTORS, (Target("openai", "text-embedding-3-small", "openai"),), options),
    }
    policy = PolicyOptions(
        retry=RetryOptions(bucket_max=0.0), breaker=BreakerOptions(consecutive=10**9, min_samples=10**9)
    )
    return Snapshot(gateway, providers, routes, policy)
