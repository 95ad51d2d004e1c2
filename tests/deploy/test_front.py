"""deploy/nginx.conf with a real nginx: gateways are replaced one after the other, and nobody notices."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop

from halfopen.lab import LabProvider
from halfopen.lab.ports import free_port

NGINX_CONF = Path(__file__).parents[2] / "deploy" / "nginx.conf"
START_S = 20.0
FAIL_TIMEOUT_S = 2.2
"""That of deploy/nginx.conf, and a little."""
END_S = 20.0
CLIENTS = 8
CONFIGURATION = """
[gateway]
port = {port}

[processes]
workers = 1
state_dir = "{state}"

[providers.p]
dialect = "openai"
base_url = "{address}"
key = "${{LAB_KEY}}"

[routes.m]
targets = ["p/gpt-4o-mini"]
"""


def front_conf(folder: Path, port: int, gateways: tuple[int, int]) -> str:
    """The shipped file with the addresses and the paths of a test. `resolve` needs nginx 1.27.3."""
    text = NGINX_CONF.read_text()
    changes = {
        "gateway-a:8500 resolve": f"127.0.0.1:{gateways[0]}",
        "gateway-b:8500 resolve": f"127.0.0.1:{gateways[1]}",
        "    resolver 127.0.0.11 valid=2s ipv6=off;\n": "",
        "listen 8500;": f"listen 127.0.0.1:{port};",
        "worker_processes auto;": "worker_processes 1; daemon off;",
        " /tmp/": f" {folder}/",
    }
    for old, new in changes.items():
        assert old in text, f"deploy/nginx.conf has no {old!r} any more"
        text = text.replace(old, new)
    return text


class Replica:
    """One gateway, which can be ended and started again at its address."""

    def __init__(self, folder: Path, name: str, address: str) -> None:
        self.port = free_port()
        self._file = folder / f"{name}.toml"
        self._file.write_text(CONFIGURATION.format(port=self.port, state=folder / name, address=address))
        self._process: Process | None = None

    async def start(self) -> None:
        """Returns when it serves."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "halfopen", "run", "--json", "--config", str(self._file)),
            env={**os.environ, "LAB_KEY": "sk-lab-0123456789"},
            stdout=PIPE,
            stderr=DEVNULL,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(START_S):
            assert await self._process.stdout.readline()

    async def stop(self) -> None:
        """SIGTERM, and its end with status 0."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        async with asyncio.timeout(END_S):
            assert await self._process.wait() == 0


def log_of(conf: Path) -> Path:
    """Where nginx says what went wrong."""
    return conf.with_name("error.log")


@contextlib.asynccontextmanager
async def nginx(program: str, conf: Path, port: int) -> AsyncIterator[None]:
    """A front that listens."""
    # A file, not a pipe: nobody reads while it runs, and a full pipe would stop it.
    with log_of(conf).open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program, "-p", str(conf.parent), "-c", str(conf), stdout=DEVNULL, stderr=log
        )
    try:
        for _ in range(400):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            assert process.returncode is None, log_of(conf).read_text()
            await asyncio.sleep(0.02)
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def answered(port: int, *, stream: bool) -> bytes:
    """The whole answer to one chat, head and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        body = json.dumps(
            {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
        )
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
        return await reader.read()
    finally:
        writer.transport.abort()


class Crowd:
    """Clients that ask for plain and streamed answers in turn until told to stop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = False
        self.good = 0
        self.bad: list[bytes] = []
        self._clients = [asyncio.create_task(self._ask(number)) for number in range(CLIENTS)]

    async def _ask(self, number: int) -> None:
        while not self._over:
            number += 1
            stream = bool(number % 2)
            answer = await answered(self._port, stream=stream)
            whole = b"data: [DONE]" in answer if stream else b'"finish_reason"' in answer
            if answer.startswith(b"HTTP/1.1 200 ") and whole:
                self.good += 1
            else:
                self.bad.append(answer[:300])

    async def grow(self, by: int) -> None:
        """Until so many more are answered, or one is not."""
        wanted = self.good + by
        async with asyncio.timeout(START_S):
            await until(lambda: self.good >= wanted or bool(self.bad))

    async def stop(self) -> None:
        """After what is under way."""
        self._over = True
        await asyncio.gather(*self._clients)


async def until(condition: Callable[[], bool]) -> None:
    """Look again and again, without a bound of its own."""
    polls = iter(condition, True)
    for _ in polls:
        await asyncio.sleep(0.005)


@pytest.mark.server("nginx")
def test_gateways_are_replaced_and_no_request_is_lost(tmp_path: Path, program: Callable[[str], str]) -> None:
    """One drains and comes back, then the other, while plain and streamed answers come all the time."""

    async def main() -> None:
        provider = LabProvider("openai")
        await provider.start()
        replicas = [Replica(tmp_path, name, provider.base_url) for name in ("a", "b")]
        try:
            for replica in replicas:
                await replica.start()
            port = free_port()
            conf = tmp_path / "nginx.conf"
            conf.write_text(front_conf(tmp_path, port, (replicas[0].port, replicas[1].port)))
            async with nginx(program("nginx"), conf, port):
                crowd = Crowd(port)
                await crowd.grow(100)
                for replica in replicas:
                    await replica.stop()
                    await crowd.grow(100)
                    await replica.start()
                    # The front comes back to it when its fail_timeout is over, and not before.
                    back_at = asyncio.get_running_loop().time() + FAIL_TIMEOUT_S
                    await until(lambda at=back_at: asyncio.get_running_loop().time() > at)
                    await crowd.grow(100)
                await crowd.stop()
            assert crowd.bad == [], log_of(conf).read_text()[:3000]
            assert crowd.good >= 500
        finally:
            for replica in replicas:
                await replica.stop()
            await provider.stop()

    uvloop.run(main())
