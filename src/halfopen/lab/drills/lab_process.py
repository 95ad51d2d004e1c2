"""A simulated provider as a process, so that a drill's client and its provider don't hold each other up."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from halfopen.lab.drills.process import end

_START_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class LabProcess:
    """A simulated OpenAI that was started. It tells of no rate limits."""

    pid: int
    port: int


@asynccontextmanager
async def lab_process(pace_s: float) -> AsyncIterator[LabProcess]:
    """Start a simulated OpenAI whose streams send an event every `pace_s`.

    Raises:
        RuntimeError: It did not start.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "halfopen.lab.unlimited", str(pace_s)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(_START_S):
            line = await process.stdout.readline()
        if not line:
            raise RuntimeError("the simulated provider did not start")
        yield LabProcess(process.pid, json.loads(line)["port"])
    finally:
        await end(process)
