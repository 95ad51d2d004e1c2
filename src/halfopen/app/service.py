"""Everything that `halfopen run` runs: the gateway, the lab where there are no keys, local models."""

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from halfopen.app.clock import SystemClock
from halfopen.app.configuration import Loaded, lab_snapshot
from halfopen.app.ids import id_source
from halfopen.app.local import LocalModel, LocalOptions, LocalState
from halfopen.gateway.runtime import Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.lab.fleet import Lab
from halfopen.lab.ports import DEFAULT as LAB_PORTS
from halfopen.model import Outcome
from halfopen.rollout import LocalSpec, Secrets, Snapshot
from halfopen.rollout.reference import reference

DRAIN_S = 10.0
"""How long requests under way may take after the order to stop."""
_LAB_PACE_S = 0.02
"""Between two words of a simulated stream, so that a person sees it stream."""


@dataclass(frozen=True, slots=True)
class Running:
    """What has been started."""

    server: GatewayServer
    snapshot: Snapshot
    lab: Lab | None
    models: tuple[LocalModel, ...]


@contextlib.asynccontextmanager
async def running(
    loaded: Loaded, on_outcome: Callable[[Outcome], None], announce: Callable[[str], None]
) -> AsyncIterator[Running]:
    """Start everything; at the end let requests finish for `DRAIN_S` and stop everything.

    `announce` is told, in words for a person, what becomes of local models.

    Raises:
        OSError: The gateway's address, or the lab's, can't be had.
    """
    async with contextlib.AsyncExitStack() as stack:
        snapshot, secrets = loaded.snapshot, loaded.secrets
        lab: Lab | None = None
        headers: tuple[tuple[str, str], ...] = ()
        if loaded.source == "lab":
            lab = await _start_lab()
            stack.push_async_callback(lab.stop)
            ports = {dialect: provider.port for dialect, provider in lab.providers.items()}
            stand_in = lab_snapshot(ports)
            snapshot = replace(stand_in.snapshot, gateway=snapshot.gateway)
            secrets = stand_in.secrets
            headers = (("x-halfopen-lab", "simulated answer: no API key is configured"),)
        models: list[LocalModel] = []
        for name, provider in snapshot.providers.items():
            if provider.local is not None:
                model = _watched(name, _local_options(provider.local), announce)
                models.append(model)
                snapshot, secrets = _placed(snapshot, secrets, name, model)
                await model.start()
                stack.push_async_callback(model.stop)
        surroundings = Surroundings(SystemClock(), random.random, id_source(), on_outcome, headers)
        server = GatewayServer(snapshot, secrets, surroundings)
        await server.start()
        stack.push_async_callback(server.stop, DRAIN_S)
        yield Running(server, snapshot, lab, tuple(models))


async def until_told_to_stop() -> None:
    """Wait for SIGINT or SIGTERM. A second one ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)


async def _start_lab() -> Lab:
    """The lab on its usual ports, so that `halfopen lab set` finds it; elsewhere when they are taken."""
    lab = Lab(LAB_PORTS, pace_s=_LAB_PACE_S)
    try:
        await lab.start()
    except OSError:
        lab = Lab(pace_s=_LAB_PACE_S)
        await lab.start()
    return lab


def _watched(name: str, options: LocalOptions, announce: Callable[[str], None]) -> LocalModel:
    """A local model whose changes are announced: a last resort that isn't there must not be a surprise."""

    def tell(state: LocalState) -> None:
        if state is LocalState.READY:
            announce(f"local model {name}: ready")
        elif state is LocalState.FAILED:
            announce(f"local model {name}: failed: {model.error}")

    model = LocalModel(options, on_change=tell)
    return model


def _local_options(spec: LocalSpec) -> LocalOptions:
    return LocalOptions(
        gguf=spec.gguf,
        context_tokens=spec.context_tokens,
        threads=spec.threads,
        start_s=spec.start_s,
        parallel=spec.parallel,
        answer_tokens=spec.answer_tokens,
    )


def _placed(snapshot: Snapshot, secrets: Secrets, name: str, model: LocalModel) -> tuple[Snapshot, Secrets]:
    """The snapshot with the model's address, and the secrets with the key that only we know."""
    variable = f"HALFOPEN_LOCAL_{len(secrets)}"
    snapshot = snapshot.at(name, model.base_url)
    provider = replace(snapshot.providers[name], key=reference(variable))
    snapshot = replace(snapshot, providers={**snapshot.providers, name: provider})
    return snapshot, Secrets({**secrets, variable: model.key})
