"""How many gateways share rate limits is known to all that are started again while Redis is gone."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from halfopen.app.processes.asking import NoAnswerError, ask
from halfopen.app.processes.messages import Ask
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.lab.ports import free_port

pytestmark = pytest.mark.server("redis-server")

CONFIGURATION = """
[gateway]
port = {port}

[processes]
workers = 1
state_dir = "{state}"

[redis]
url = "redis://127.0.0.1:{redis}/0"

[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9"
requests_per_minute = 600

[routes.m]
targets = ["p/m"]
"""


class Machine:
    """A gateway that says what it knows of others."""

    def __init__(self, stage: Any, name: str, redis: int) -> None:
        self.stage = stage
        self.state = stage.folder / name
        self.file = stage.folder / f"{name}.toml"
        self.file.write_text(CONFIGURATION.format(port=free_port(), state=self.state, redis=redis))

    async def start(self) -> None:
        self.gateway = await self.stage.run("--config", str(self.file))

    async def until(self, redis: str, most_s: float = 8.0) -> dict[str, Any]:
        """Its part in sharing, as soon as this is how Redis is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + most_s
        while True:
            found: dict[str, Any] = {}
            try:
                found = (
                    await asyncio.to_thread(ask, StateDirectory(self.state).socket_path, Ask("status"))
                ).data
            except NoAnswerError as error:
                found = {"problem": str(error)}
            if found.get("replicas", {}).get("redis") == redis and found["replicas"]["gateways"] == 2:
                return dict(found["replicas"])
            assert loop.time() < until, found
            await asyncio.sleep(0.05)


class Redis:
    """A server in a process of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        self.port = free_port()
        command = (program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "")
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder)

    def end(self) -> None:
        self._process.kill()
        self._process.wait(10)


@pytest.fixture
def redis(program: Any, tmp_path: Path) -> Iterator[Redis]:
    """A running one."""
    it = Redis(program("redis-server"), tmp_path)
    yield it
    it.end()


def orders(pid: int) -> str:
    """What a child was told."""
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_a_fair_part_outlives_control_workers_and_the_gateway(redis: Redis, play: Any, kit: Any) -> None:
    """Redis goes, then control and the worker are killed, then all of one gateway: half stays half."""

    async def scene(stage: Any) -> None:
        machines = [Machine(stage, name, redis.port) for name in ("one", "two")]
        for machine in machines:
            await machine.start()
        for machine in machines:
            await machine.until("ok")
        redis.end()
        one = machines[0]
        assert (await one.until("gone"))["parts"] == {"p": 0.5}
        worker = one.gateway.processes["workers"][0]
        assert '"replicas":1' in orders(worker)
        before = set(one.gateway.children)
        for pid in (one.gateway.processes["control"], worker):
            os.kill(pid, signal.SIGKILL)
        await kit.eventually(lambda: len(set(one.gateway.children) - before) == 2, lambda: one.gateway.said)
        assert (await one.until("gone"))["parts"] == {"p": 0.5}

        def told() -> list[str]:
            return [orders(pid) for pid in set(one.gateway.children) - before]

        await kit.eventually(lambda: '"replicas":2' in "".join(told()), told)
        assert await one.gateway.end() == 0
        await one.start()
        assert '"replicas":2' in orders(one.gateway.processes["workers"][0])
        assert (await one.until("gone"))["parts"] == {"p": 0.5}

    play(scene)
