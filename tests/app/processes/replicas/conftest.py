"""A Redis of its own for each test, and machines that share by it."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from halfopen.app.processes.changes import Changes
from halfopen.app.processes.control import Control
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import Apply, Hello, Load, Message, Role, Shares
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.lab.ports import free_port
from halfopen.rollout import Configured, configure

ENVIRON = {"K": "sk-key-of-the-tests"}
TOML = """
[gateway]
port = {port}

[redis]
url = "{url}"
prefix = "{prefix}"

[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9"
key = "${{K}}"
requests_per_minute = 600

[routes.{route}]
targets = ["p/m"]

[processes]
replicas = {replicas}
"""
_START_S = 10.0


class RedisServer:
    """A server in a process of its own, which writes nothing."""

    def __init__(self, program: str, folder: Path) -> None:
        self._command = (program, "--save", "", "--appendonly", "no", "--dir", str(folder))
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [*self._command, "--port", str(self.port), "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + _START_S
        while not self._answers():
            assert self._process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < until, "redis-server does not answer"

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(_START_S)


@pytest.fixture
def redis_server(program: Callable[[str], str], tmp_path: Path) -> Iterator[RedisServer]:
    """A running Redis, empty."""
    server = RedisServer(program("redis-server"), tmp_path)
    try:
        yield server
    finally:
        server.kill()


class Worker:
    """A worker as control sees it. It keeps to what it is told, and says so."""

    def __init__(self, path: Path, number: int, held: float) -> None:
        self.number = number
        self.held = {"p": held}
        self.demand = 0.0
        self.heard: list[Message] = []
        self.link = ControlLink(path, self._hello, self._on_message, asyncio.get_running_loop())
        self._telling = asyncio.create_task(self._tell())
        self.snapshot = ""

    def _hello(self) -> Hello:
        return Hello(Role.WORKER, os.getpid(), self.number)

    def _on_message(self, message: Message) -> None:
        self.heard.append(message)
        if isinstance(message, Apply):
            self.snapshot = message.snapshot
        elif isinstance(message, Shares) and message.shares != self.held:
            self.held = dict(message.shares)
            self._say()

    def _say(self) -> None:
        self.link.send(Load(0, 0, 0, 0, 0, 0, 0.0, 0, {"p": self.demand}, self.held))

    async def _tell(self) -> None:
        while True:
            self._say()
            for _ in range(5):  # five times as often as a real one
                await asyncio.sleep(0.04)

    def last(self, kind: type) -> Any:
        """The last message of a type; None: there was none."""
        return next((message for message in reversed(self.heard) if isinstance(message, kind)), None)

    def close(self) -> None:
        self._telling.cancel()
        self.link.close()


class Machine:
    """A control with its workers, in this process."""

    def __init__(self, state: StateDirectory, control: Control, workers: list[Worker]) -> None:
        self.state = state
        self.control = control
        self.workers = workers

    @property
    def replicas(self) -> dict[str, Any]:
        return self.control.status()["replicas"]

    @property
    def has_begun(self) -> bool:
        """Whether its control knows by now what its workers use."""
        return self.control._replicas._workers.has_begun(time.monotonic())

    @property
    def held(self) -> float:
        """Of the limits, the part that all its workers use."""
        return sum(worker.held["p"] for worker in self.workers)


@pytest.fixture
def text(redis_server: RedisServer) -> Callable[..., str]:
    """The text of a configuration: `text(route, port, prefix, replicas)`."""

    def make(route: str = "m", port: int = 8500, prefix: str = "t", replicas: int = 1) -> str:
        return TOML.format(route=route, port=port, url=redis_server.url, prefix=prefix, replicas=replicas)

    return make


@pytest.fixture
def machine(tmp_path: Path) -> Any:
    """`async with machine(text, name, workers, first) as it:` is a machine whose workers begin with this part."""

    @contextlib.asynccontextmanager
    async def run(
        configuration: str, name: str = "one", workers: int = 1, first: float = 1.0
    ) -> AsyncIterator[Machine]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        path = folder / "halfopen.toml"
        path.write_text(configuration)
        configured = configure(configuration, ENVIRON)
        assert isinstance(configured, Configured), configured
        state = StateDirectory(folder / "state")
        state.open()
        state.save(configured.snapshot)
        state.set_current(configured.snapshot.id, "start", 1000.0)
        changes = Changes(state, path, configured.snapshot.id, ENVIRON, lambda: 1000.0)
        control = Control(state, changes)
        await control.start()
        made = [Worker(state.socket_path, number, first / workers) for number in range(workers)]
        for worker in made:
            worker.link.start()
        try:
            yield Machine(state, control, made)
        finally:
            for worker in made:
                worker.close()
            await control.stop()

    return run
