"""What one row plays in: two fresh simulated providers, and the gateway that is judged."""

import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from halfopen.gateway.runtime import Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.lab.matrix.case import ANSWER_MAX_BYTES, MODELS, PROVIDERS, Times
from halfopen.lab.ports import FIRST, LAST, claim
from halfopen.lab.server import HOST, LabProvider
from halfopen.model import Outcome, Target
from halfopen.policy import AfterCommit, JourneyOptions
from halfopen.providers.catalogue import lookup
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

_PORT_TRIES = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """Two simulated providers of different dialects that are running, and the route to them."""

    primary: LabProvider
    backup: LabProvider
    times: Times
    models: Mapping[str, str] = field(default_factory=lambda: MODELS)
    """The model of each dialect."""
    after_commit: str = "continue"
    """What the route does when an answer breaks off: continue, error or hold."""

    @property
    def model(self) -> str:
        """The model name that the client sends."""
        return self.models[self.primary.dialect]


Subject = Callable[[Setting], AbstractAsyncContextManager[str]]
"""Starts what is judged for one row, and gives its base URL for an OpenAI client, which ends in /v1."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()


@asynccontextmanager
async def gateway_subject(setting: Setting) -> AsyncIterator[str]:
    """Halfopen's own gateway, with nothing learnt from other rows."""
    server = await started(snapshot_of(setting))
    try:
        yield f"http://{HOST}:{server.port}/v1"
    finally:
        await server.stop()


async def started(snapshot: Snapshot, on_outcome: Callable[[Outcome], None] | None = None) -> GatewayServer:
    """A gateway on a free port. Raises OSError when there is none."""
    numbers = itertools.count(1)
    surroundings = Surroundings(
        SystemClock(), random.random, lambda: f"ho-lab-{next(numbers):06d}", on_outcome or (lambda _: None)
    )
    # Thousands of ports stay behind in TIME_WAIT after a table; a listener may take them, a probe may not.
    ports = filter(claim, random.sample(range(FIRST, LAST + 1), _PORT_TRIES))
    server = GatewayServer(snapshot, {"LAB_KEY": "lab"}, surroundings)
    problem = OSError("no free port")
    for port in ports:
        try:
            await server.start(port=port)
        except OSError as error:
            problem = error
        else:
            return server
    raise problem


def snapshot_of(setting: Setting) -> Snapshot:
    """The gateway's configuration for one row."""
    providers = (setting.primary, setting.backup)
    times = setting.times
    options = JourneyOptions(
        deadline_s=times.deadline_s,
        attempt_s=times.attempt_s,
        first_token_s=times.first_token_s,
        stall_s=times.stall_s,
        floor_window_s=times.floor_window_s,
        min_tokens_s=times.min_tokens_s,
        after_commit=AfterCommit(setting.after_commit),
    )
    targets = tuple(target_of(each, setting.models[each.dialect]) for each in providers)
    return Snapshot(
        Gateway(answer_max_bytes=ANSWER_MAX_BYTES),
        {PROVIDERS[each.dialect]: spec_of(each) for each in providers},
        {setting.model: RouteSpec(setting.model, targets, options)},
    )


def spec_of(provider: LabProvider) -> ProviderSpec:
    """A simulated provider as the gateway's configuration has it."""
    name = PROVIDERS[provider.dialect]
    return ProviderSpec(name, provider.dialect, provider.base_url, key="${LAB_KEY}")


def target_of(provider: LabProvider, model: str | None = None) -> Target:
    """The one model of a simulated provider that a row uses, with what the catalogue knows of it."""
    dialect = provider.dialect
    name = model or MODELS[dialect]
    capabilities, price = lookup(dialect, name)
    return Target(PROVIDERS[dialect], name, dialect, capabilities, price)
