"""What all replicas share takes none of them out: readiness is the process's own, and only draining ends it."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from halfopen.lab import LabProvider
from halfopen.lab.ports import free_port

START_S = 20.0
END_S = 15.0
PROBE_S = 3.0
"""As timeoutSeconds in deploy/kubernetes/deployment.yaml."""
LOOKS = 24
"""More than the workers, so that each is asked: a new connection goes to any of them."""
CONNECTIONS = 8
"""Of both workers, where they are to be taken soon."""
KEY = "sk-lab-0123456789"
CONFIGURATION = """
[gateway]
port = {port}
connections_max = {connections_max}

[processes]
workers = 2
state_dir = "{state}"

[providers.p]
dialect = "openai"
base_url = "{address}"
key = "${{LAB_KEY}}"

[routes.m]
targets = ["p/gpt-4o-mini"]
deadline_s = 10
"""


class Pod:
    """`halfopen run` with its state, and the only provider that it has."""

    def __init__(self, process: Process, told: dict[str, Any], state: Path, provider: LabProvider) -> None:
        self.process = process
        self.port = int(told["address"].rpartition(":")[2])
        self.control: int = told["processes"]["control"]
        self.state = state
        self.provider = provider

    async def ask(self, path: str) -> int:
        """The status of one answer on a connection of its own."""
        async with asyncio.timeout(PROBE_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                return await asked(reader, writer, f"GET {path}")
            finally:
                writer.transport.abort()

    async def stays_ready(self) -> None:
        """As often as the probes ask, in every worker."""
        for _ in range(LOOKS):
            assert await self.ask("/readyz") == 200
            assert await self.ask("/healthz") == 200

    async def chat(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A streamed request that has been sent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        question = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        body = json.dumps(question)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        return reader, writer


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str) -> int:
    """The status of the answer to a request without a body."""
    writer.write(f"{line} HTTP/1.1\r\nhost: g\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = next(line for line in head.lower().split("\r\n") if line.startswith("content-length"))
    await reader.readexactly(int(length.partition(":")[2]))
    return int(head.split(" ")[1])


async def until_another(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> int:
    """The first status of /readyz that isn't 200. Raises when the connection ends before."""
    async with asyncio.timeout(PROBE_S):
        while True:
            status = await asked(*connection, "GET /readyz")
            if status != 200:
                return status


async def eventually(condition: Callable[[], bool], most_s: float = 10.0) -> None:
    """Wait until something is so."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():
        assert loop.time() - began < most_s, f"not within {most_s} s"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def pod(folder: Path, connections_max: int = 4096) -> AsyncIterator[Pod]:
    """A gateway that serves, with control up as well."""
    provider = LabProvider("openai")
    await provider.start()
    state, file = folder / "state", folder / "halfopen.toml"
    file.write_text(
        CONFIGURATION.format(
            port=free_port(), state=state, address=provider.base_url, connections_max=connections_max
        )
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "halfopen", "run", "--json", "--config", str(file)),
        env={**os.environ, "LAB_KEY": KEY},
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            told = json.loads(await process.stdout.readline())
        await eventually((state / "control.sock").exists)
        yield Pod(process, told, state, provider)
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(END_S):
                await process.wait()
        await provider.stop()


def play(folder: Path, scene: Callable[[Pod], Awaitable[None]], **settings: int) -> None:
    """Run a scene with a gateway."""

    async def main() -> None:
        async with pod(folder, **settings) as started:
            await scene(started)

    uvloop.run(main())


def test_ready_while_control_is_frozen(tmp_path: Path) -> None:
    """Control answers nobody, and every probe is answered all the same."""

    async def scene(gateway: Pod) -> None:
        os.kill(gateway.control, signal.SIGSTOP)
        try:
            await gateway.stays_ready()
        finally:
            os.kill(gateway.control, signal.SIGCONT)

    play(tmp_path, scene)


def test_ready_while_control_is_gone(tmp_path: Path) -> None:
    """It is killed, and what it left in the state directory can't be connected to."""

    async def scene(gateway: Pod) -> None:
        (gateway.state / "control.sock").unlink()
        os.kill(gateway.control, signal.SIGKILL)
        await gateway.stays_ready()

    play(tmp_path, scene)


def test_ready_while_the_store_is_locked(tmp_path: Path) -> None:
    """Somebody else writes to the file of outcomes and doesn't come to an end."""

    async def scene(gateway: Pod) -> None:
        await eventually((gateway.state / "outcomes.db").exists)
        with contextlib.closing(sqlite3.connect(gateway.state / "outcomes.db", timeout=5)) as store:
            store.execute("BEGIN EXCLUSIVE")
            reader, writer = await gateway.chat()
            await reader.readuntil(b"data: [DONE]")
            writer.transport.abort()
            await gateway.stays_ready()
            store.rollback()

    play(tmp_path, scene)


def test_ready_while_the_state_directory_is_gone(tmp_path: Path) -> None:
    """Snapshots and outcomes with it: a volume that went away."""

    async def scene(gateway: Pod) -> None:
        gateway.state.rename(tmp_path / "elsewhere")
        await gateway.stays_ready()

    play(tmp_path, scene)


def test_ready_while_the_only_provider_is_down(tmp_path: Path) -> None:
    """It fails, then hangs with requests under way, then refuses connections."""

    async def scene(gateway: Pod) -> None:
        for fault in ("openai_500_server_error", "hang_before_headers"):
            gateway.provider.set_fault(fault)
            calls = len(gateway.provider.calls)
            waiting = [await gateway.chat() for _ in range(8)]
            await eventually(lambda calls=calls: len(gateway.provider.calls) > calls)
            await gateway.stays_ready()
            for _, writer in waiting:
                writer.transport.abort()
        await gateway.provider.stop()
        await gateway.stays_ready()

    play(tmp_path, scene)


def test_ready_while_every_connection_is_taken(tmp_path: Path) -> None:
    """A provider that hangs fills the gateway: probes are answered, and whoever else comes is told to wait."""

    async def scene(gateway: Pod) -> None:
        gateway.provider.set_fault("hang_before_headers")
        asking = [await gateway.chat() for _ in range(40)]
        told = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader, _ in asking]
        await eventually(lambda: sum(task.done() for task in told) >= len(told) - CONNECTIONS)
        await gateway.stays_ready()
        heads = [task.result() for task in told if task.done()]
        assert len(heads) == len(told) - CONNECTIONS
        assert all(head.startswith(b"HTTP/1.1 503 ") and b"\r\nretry-after: " in head for head in heads)
        for _, writer in asking:
            writer.transport.abort()
        await asyncio.gather(*told, return_exceptions=True)

    play(tmp_path, scene, connections_max=CONNECTIONS)


def test_not_ready_while_draining(tmp_path: Path) -> None:
    """Then, and only then: 503 on connections that are there, and no new ones."""

    async def scene(gateway: Pod) -> None:
        gateway.provider.pace_s = 0.05
        reader, writer = await gateway.chat()
        await reader.readuntil(b"data: ")
        kept = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(LOOKS)]
        assert {await asked(*each, "GET /readyz") for each in kept} == {200}
        gateway.process.send_signal(signal.SIGTERM)
        statuses = []
        for each in kept:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                # In a row, not all at once: some are asked before their worker has heard of the end.
                statuses.append(await until_another(each))
        assert statuses
        assert set(statuses) == {503}
        try:
            after: int | str = await gateway.ask("/readyz")
        except OSError:
            after = "refused"
        assert after == "refused"
        await reader.readuntil(b"data: [DONE]")
        writer.transport.abort()
        assert await gateway.process.wait() == 0

    play(tmp_path, scene)
