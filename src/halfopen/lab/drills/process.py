"""`halfopen run` in a process of its own, with a configuration made for a drill."""

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from halfopen.lab.matrix.case import MODELS, PROVIDERS
from halfopen.lab.ports import free_port
from halfopen.lab.server import LabProvider

_START_S = 30.0
_STOP_S = 15.0
_TRIES = 5


@dataclass(frozen=True, slots=True)
class GatewayProcess:
    """A gateway that was started."""

    address: str
    """Of its root."""
    pid: int
    """The supervisor's."""
    state: Path
    """Its state directory."""
    told: dict[str, Any]
    """What it printed when it listened."""


@asynccontextmanager
async def gateway_process(
    providers: Sequence[LabProvider],
    settings: str = "",
    route: str = "",
    *,
    more_targets: Sequence[str] = (),
) -> AsyncIterator[str]:
    """Start a gateway that routes to `providers` in order, and give its base URL.

    Args:
        providers: Running simulated providers, one of each dialect at most.
        settings: More TOML tables.
        route: More TOML settings of the route.
        more_targets: Targets after those of `providers`, as the configuration writes them.

    Raises:
        RuntimeError: It did not start.
    """

    def written(port: int) -> str:
        return configuration(providers, port, settings, route, more_targets)

    async with started(written) as gateway:
        yield f"{gateway.address}/v1"


@asynccontextmanager
async def started(
    written: Callable[[int], str], *, before: Sequence[str] = ()
) -> AsyncIterator[GatewayProcess]:
    """Start a gateway with a state directory of its own, which goes with it.

    Args:
        written: The text of its `halfopen.toml` for a port.
        before: A command that becomes the one that follows it, such as `env`.

    Raises:
        RuntimeError: It did not start.
    """
    with tempfile.TemporaryDirectory(prefix="halfopen-drill-") as folder:
        path = Path(folder) / "halfopen.toml"
        for tries_left in reversed(range(_TRIES)):
            port = free_port()
            path.write_text(written(port))
            process = await _spawn(path, before)
            told = await _told(process)
            if told is not None:
                break
            await end(process)
            if not tries_left:
                raise RuntimeError(f"halfopen run ended with status {process.returncode}")
        assert told is not None
        state = Path(folder) / "halfopen" / str(port)
        try:
            yield GatewayProcess(told["address"], process.pid, state, told)
        finally:
            await end(process)


def configuration(
    providers: Sequence[LabProvider],
    port: int,
    settings: str = "",
    route: str = "",
    more_targets: Sequence[str] = (),
) -> str:
    """The gateway's `halfopen.toml`."""
    blocks = [f"[gateway]\nport = {port}\n"]
    blocks += [
        f"[providers.{PROVIDERS[each.dialect]}]\n"
        f'dialect = "{each.dialect}"\nbase_url = "{each.base_url}"\nkey = "${{LAB_KEY}}"\n'
        for each in providers
    ]
    names = [f"{PROVIDERS[each.dialect]}/{MODELS[each.dialect]}" for each in providers]
    targets = ", ".join(f'"{name}"' for name in (*names, *more_targets))
    blocks.append(f'[routes."{MODELS[providers[0].dialect]}"]\ntargets = [{targets}]\n{route}\n')
    return "\n".join([*blocks, settings])


async def _spawn(path: Path, before: Sequence[str]) -> Process:
    return await asyncio.create_subprocess_exec(
        *before,
        sys.executable,
        "-m",
        "halfopen",
        "run",
        "--json",
        "--config",
        str(path),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,  # it tells each rescue there, and a drill makes thousands
        env={**os.environ, "LAB_KEY": "lab", "XDG_STATE_HOME": str(path.parent)},
    )


async def _told(process: Process) -> dict[str, Any] | None:
    """What it prints once it listens; None: it ended before."""
    assert process.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            line = await process.stdout.readline()
        if line:
            told: dict[str, Any] = json.loads(line)
            return told
    return None


async def end(process: Process) -> None:
    """End it by its own id: politely, then not."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
