"""The gateway in one process: for tests and for programs that embed it. `halfopen run` has several."""

import contextlib
import random
import secrets as random_tokens
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from halfopen.app.clock import SystemClock
from halfopen.app.configuration import Loaded
from halfopen.app.embedded_lab import ANSWER_HEADERS, stand_in, start_lab
from halfopen.app.ids import id_source
from halfopen.app.processes.local_models import LocalModels
from halfopen.app.processes.placing import LOCAL_KEY, placed
from halfopen.app.processes.worker import DRAIN_S
from halfopen.gateway.runtime import Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.lab.fleet import Lab
from halfopen.model import Outcome
from halfopen.rollout import Secrets, Snapshot

_KEY_BYTES = 24


@dataclass(frozen=True, slots=True)
class Running:
    """What has been started."""

    server: GatewayServer
    snapshot: Snapshot
    lab: Lab | None


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
            lab = await start_lab()
            stack.push_async_callback(lab.stop)
            snapshot, secrets = stand_in(loaded, lab)
            headers = ANSWER_HEADERS
        key = random_tokens.token_urlsafe(_KEY_BYTES)
        models = LocalModels(key, announce)
        stack.push_async_callback(models.stop)
        await models.adopt(snapshot)
        snapshot = placed(snapshot, models.places())
        surroundings = Surroundings(SystemClock(), random.random, id_source(), on_outcome, headers)
        server = GatewayServer(snapshot, Secrets({**secrets, LOCAL_KEY: key}), surroundings)
        await server.start()
        stack.push_async_callback(server.stop, DRAIN_S)
        yield Running(server, snapshot, lab)
