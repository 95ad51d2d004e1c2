"""`halfopen lab serve` as a process, so that a drill's client and its provider don't hold each other up."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from halfopen.lab.drills.process import end
from halfopen.lab.ports import free_port

_START_S: Final = 30.0
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class LabProcess:
    """Simulated providers that were started."""

    pid: int
    openai_port: int


@asynccontextmanager
async def lab_process(pace_s: float) -> AsyncIterator[LabProcess]:
    """Start simulated providers whose streams send an event every `pace_s`.

    Raises:
        RuntimeError: They did not start.
    """
    for tries_left in reversed(range(_TRIES)):
        process = await _spawn(pace_s)
        port = await _port(process)
        if port:
            break
        await end(process)
        if not tries_left:
            raise RuntimeError(f"halfopen lab serve ended with status {process.returncode}")
    try:
        yield LabProcess(process.pid, port)
    finally:
        await end(process)


async def _spawn(pace_s: float) -> Process:
    ports: set[int] = set()
    while len(ports) < 3:
        ports.add(free_port())
    options = [
        option
        for dialect, port in zip(("openai", "anthropic", "gemini"), ports, strict=True)
        for option in (f"--{dialect}-port", str(port))
    ]
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "halfopen", "lab", "serve", "--json", "--pace-s", str(pace_s), *options),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
    )


async def _port(process: Process) -> int:
    """Where the simulated OpenAI listens; 0: it ended before."""
    assert process.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            line = await process.stdout.readline()
        if line:
            return urlsplit(json.loads(line)["base_urls"]["openai"]).port or 0
    return 0
