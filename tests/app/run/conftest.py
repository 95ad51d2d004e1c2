"""`halfopen run` as its users have it: real processes, with clients of bare bytes and simulated providers."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvloop

from halfopen.lab import LabProvider
from halfopen.lab.ports import free_port

HERE = str(Path(__file__).parent)
if HERE not in sys.path:  # for what scripts and tests share
    sys.path.insert(0, HERE)

KEY = "sk-lab-0123456789"
START_S = 20.0
END_S = 15.0
ERROR_SHOWN_BYTES = 300
"""Of an answer that is no success: enough to tell who refused, and why."""
CONFIGURATION = """
[gateway]
port = {port}
{gateway}

[processes]
workers = {workers}
state_dir = "{state}"

[providers.p]
dialect = "openai"
base_url = "{primary}"
key = "${{LAB_KEY}}"

[providers.q]
dialect = "openai"
base_url = "{spare}"
key = "${{LAB_KEY}}"

[routes.m]
targets = ["{target}/gpt-4o-mini"]
deadline_s = 10
{route}
"""


def chat(*, stream: bool = False) -> bytes:
    """A whole request."""
    body = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Client:
    """One connection to the gateway. The stage closes those that a test leaves open."""

    opened: ClassVar[list["Client"]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Client":
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        cls.opened.append(client)
        return client

    async def ask(self, request: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one answer. Raises when it doesn't come whole."""
        self.writer.write(chat() if request is None else request)
        return await self.answer()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:-2])}
        status = int(head[0].split(" ")[1])
        if "content-length" in headers:
            return status, headers, await self.reader.readexactly(int(headers["content-length"]))
        body = b""
        while size := int(await self.reader.readline(), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return status, headers, body

    @property
    def port(self) -> int:
        """This end's."""
        return int(self.writer.get_extra_info("sockname")[1])

    def leave(self) -> None:
        self.writer.transport.abort()
        if self in self.opened:
            self.opened.remove(self)


class Load:
    """Clients that ask again and again until told to stop. A failure is an answer that isn't 200 and whole."""

    def __init__(self, port: int, clients: int, *, keep_alive: bool) -> None:
        self._port = port
        self._keep_alive = keep_alive
        self._over = False
        self.answered = 0
        self.asking = 0
        self.failures: list[str] = []
        self.lost: list[int] = []
        """Ports of the connections that ended without an answer; 0: there was none yet."""
        self.slowest_s = 0.0
        self._tasks = [asyncio.create_task(self._client()) for _ in range(clients)]

    async def _client(self) -> None:
        loop = asyncio.get_running_loop()
        client: Client | None = None
        while not self._over:
            began = loop.time()
            try:
                if client is None:
                    client = await Client.connect(self._port)
                self.asking += 1
                try:
                    status, headers, body = await client.ask()
                finally:
                    self.asking -= 1
            except (OSError, asyncio.IncompleteReadError) as problem:
                self.failures.append(repr(problem))
                self.lost.append(0 if client is None else client.port)
                client = None
                continue
            self.slowest_s = max(self.slowest_s, loop.time() - began)
            if status == 200:
                self.answered += 1
            else:
                self.failures.append(f"{status} {body[:ERROR_SHOWN_BYTES].decode(errors='replace')}")
            if not self._keep_alive or headers.get("connection") == "close":
                client.leave()
                client = None
        if client is not None:
            client.leave()

    async def grow(self, by: int) -> None:
        """Until so many more requests are answered."""
        wanted = self.answered + by
        await eventually(lambda: self.answered >= wanted, lambda: (self.answered, self.failures), END_S)

    async def stop(self) -> None:
        self._over = True
        await asyncio.gather(*self._tasks)


class Gateway:
    """`halfopen run` in a process of its own."""

    def __init__(self, process: Process, told: dict[str, Any]) -> None:
        self.process = process
        self.told = told
        self.port = int(told["address"].rpartition(":")[2])
        self.processes: dict[str, Any] = told["processes"]
        self._all = {self.processes["control"], *self.processes["workers"]}
        self.said = ""
        """Standard error so far."""
        self._errors = asyncio.create_task(self._read(process.stderr))

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        while stream is not None and (chunk := await stream.read(4096)):
            self.said += chunk.decode()

    @property
    def children(self) -> list[int]:
        """The process ids of all children that there are now, by the system's account."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            return [int(pid) for pid in path.read_text().split()]
        except OSError:
            return []

    async def until_said(self, text: str, most_s: float = 20.0) -> None:
        await eventually(lambda: text in self.said, lambda: self.said, most_s)

    async def end(self) -> int:
        """SIGTERM. The exit status. A child that is left behind is killed."""
        self._all.update(self.children)
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                async with asyncio.timeout(END_S):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                raise
        # Standard error is at its end when the last child has gone.
        _, pending = await asyncio.wait((self._errors,), timeout=END_S / 2)
        for pid in self._all if pending else ():
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        await self._errors
        assert self.process.returncode is not None
        return self.process.returncode


class Stage:
    """What runs in one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "halfopen.toml"
        self.state = folder / "state"
        self.primary = LabProvider("openai")
        self.spare = LabProvider("openai")
        self._settings: dict[str, Any] = {}
        self._gateways: list[Gateway] = []
        self._processes: list[Process] = []

    def write(self, **changes: Any) -> None:
        """The configuration file, as it was written last but for these changes."""
        self._settings.update(changes)
        self.file.write_text(CONFIGURATION.format(**{"gateway": "", "route": "", **self._settings}))

    async def start(
        self, *options: str, stderr: int = PIPE, state_home: str = "", **settings: Any
    ) -> Gateway:
        """`halfopen run` with this configuration."""
        for provider in (self.primary, self.spare):
            await provider.start()
        self.write(
            **{
                "port": free_port(),
                "workers": 2,
                "state": self.state,
                "primary": self.primary.base_url,
                "spare": self.spare.base_url,
                "target": "p",
                **settings,
            }
        )
        return await self.run("--config", str(self.file), *options, stderr=stderr, XDG_STATE_HOME=state_home)

    def break_worker(self, number: int) -> None:
        """From now on a worker of this number ends as soon as it is started, with status 7."""
        (self.folder / "site").mkdir()
        (self.folder / "site" / "sitecustomize.py").write_text(
            f"import os, sys\nif any('\"number\":{number},' in each for each in sys.orig_argv):\n    os._exit(7)\n"
        )

    @property
    def environ(self) -> dict[str, str]:
        """For the gateway's process."""
        paths = [str(self.folder / "site"), os.environ.get("PYTHONPATH", "")]
        return {**os.environ, "LAB_KEY": KEY, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

    async def controlled(self) -> None:
        """Until control listens."""
        await eventually((self.state / "control.sock").exists, lambda: "no socket")

    async def process(self, *options: str, stderr: int = PIPE, before: str = "", **environ: str) -> Process:
        """A process of `halfopen run`, after these lines of Python."""
        code = f"{before}\nfrom halfopen.cli import app\napp()"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *(("-c", code) if before else ("-m", "halfopen")), "run", "--json", *options),
            env={**self.environ, **environ},
            cwd=self.folder,
            stdout=PIPE,
            stderr=stderr,
        )
        self._processes.append(process)
        return process

    async def command(self, *words: str) -> Any:
        """What a command says in JSON of the gateway with this configuration."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "halfopen", *words, "--json", "--config", str(self.file)),
            env=self.environ,
            cwd=self.folder,
            stdout=PIPE,
        )
        out, _ = await process.communicate()
        return json.loads(out)

    def recorded(self) -> int:
        """Outcomes in the store, but for those of requests that never got to a route."""
        with contextlib.closing(sqlite3.connect(self.state / "outcomes.db")) as store:
            (count,) = store.execute("SELECT count(*) FROM outcomes WHERE route <> ''").fetchone()
        return int(count)

    async def run(self, *options: str, stderr: int = PIPE, **environ: str) -> Gateway:
        process = await self.process(*options, stderr=stderr, **environ)
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
        if not line:
            raise AssertionError((await process.stderr.read()).decode() if process.stderr else "it ended")
        gateway = Gateway(process, json.loads(line))
        self._gateways.append(gateway)
        return gateway

    async def end(self) -> None:
        await asyncio.gather(*(gateway.end() for gateway in self._gateways))
        for process in self._processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
        for provider in (self.primary, self.spare):
            await provider.stop()


def is_alive(pid: int) -> bool:
    """Whether there is such a process that is not only waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


async def eventually(condition: Callable[[], Any], what: Callable[[], object], most_s: float = 20.0) -> float:
    """Wait until something is so. How long that took, in seconds."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not condition():
        assert loop.time() - began < most_s, f"after {most_s} s: {what()}"
        await asyncio.sleep(0.005)
    return loop.time() - began


class Kit:
    """What tests can't import."""

    client = Client
    load = Load
    key = KEY
    chat = staticmethod(chat)
    is_alive = staticmethod(is_alive)
    eventually = staticmethod(eventually)
    signal = signal.Signals


@pytest.fixture
def kit() -> Kit:
    """Clients, load and a look at processes."""
    return Kit()


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Stage], Awaitable[None]]], None]:
    """Runs a coroutine function on a stage: `play(scene)`."""

    def run(scene: Callable[[Stage], Awaitable[None]]) -> None:
        async def main() -> None:
            stage = Stage(tmp_path)
            try:
                await scene(stage)
            finally:
                while Client.opened:
                    Client.opened.pop().leave()
                await stage.end()
                await asyncio.sleep(0.01)

        uvloop.run(main())

    return run
