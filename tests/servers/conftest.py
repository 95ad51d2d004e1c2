"""A stage for real servers: simulated providers, gateways and nginx, each on a port of its own.

One event loop, uvloop's as in production, serves a whole test; it stands still between two calls.
"""

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest
import uvloop

from halfopen.app.clock import SystemClock
from halfopen.app.ids import id_source
from halfopen.gateway.runtime import Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.lab import LabProvider, expected_text, free_port
from halfopen.model import Fault, Outcome, Target
from halfopen.policy import AfterCommit, JourneyOptions
from halfopen.rollout.settings import Gateway as GatewaySettings
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

MODEL = "gpt-4o-mini"
BACKUP_MODEL = "claude-haiku-4-5"
PROMPT = "Why do circuit breakers open?"
_START_S = 10.0
_STOP_S = 5.0
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Chats:
    """The official client, with its own retries off so that they hide nothing."""

    def __init__(self, runner: asyncio.Runner, base_url: str) -> None:
        self._run = runner.run
        self._client = openai.AsyncOpenAI(base_url=base_url, api_key="sk-client", max_retries=0, timeout=20.0)

    def plain(self, prompt: str = PROMPT) -> str:
        """The text of a plain answer."""
        return self._run(self._plain(prompt))

    def stream(self, then: Callable[[str], None] = lambda said: None) -> str:
        """The text of a streamed answer; `then` sees what has come, piece by piece."""
        return self._run(self._stream(then))

    def both(self) -> set[str]:
        """The texts of a plain and a streamed answer."""
        return {self.plain(), self.stream()}

    def together(self, count: int) -> list[str]:
        """The texts of plain answers that were asked for at the same time."""

        async def ask() -> list[str]:
            return await asyncio.gather(*(self._plain(PROMPT) for _ in range(count)))

        return self._run(ask())

    def leave(self) -> None:
        """Begin a stream and leave after its first word."""
        self._run(self._leave())

    def close(self) -> None:
        self._run(self._client.close())

    async def _plain(self, prompt: str) -> str:
        answer = await self._client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": prompt}]
        )
        assert answer.choices[0].finish_reason == "stop"
        return answer.choices[0].message.content or ""

    async def _pieces(self) -> AsyncIterator[str]:
        stream = await self._client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": PROMPT}], stream=True
        )
        finish = None
        async with stream:
            async for chunk in stream:
                for choice in chunk.choices:
                    finish = choice.finish_reason or finish
                    yield choice.delta.content or ""
        assert finish == "stop"

    async def _stream(self, then: Callable[[str], None]) -> str:
        said = ""
        async with contextlib.aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                said += piece
                then(said)
        return said

    async def _leave(self) -> None:
        async with contextlib.aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                if piece:
                    return


@dataclass
class Gateway:
    """A gateway with one route, and what became of its requests."""

    server: GatewayServer
    chats: Chats
    outcomes: list[Outcome]

    @property
    def faults(self) -> list[Fault]:
        """The faults of all attempts so far."""
        return [a.fault for outcome in self.outcomes for a in outcome.attempts if a.fault is not None]

    @property
    def kinds(self) -> list[str]:
        """The kinds of these faults."""
        return [fault.kind.value for fault in self.faults]

    @property
    def attempts(self) -> list[int]:
        """How many attempts each request took."""
        return [len(outcome.attempts) for outcome in self.outcomes]


@dataclass
class Nginx:
    """A running nginx."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    url: str
    """Of its main server, without a path."""

    def end(self) -> None:
        """Stop it, so that its logs are whole."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_S)
        self.process.kill()
        self.process.wait()

    def log(self) -> list[dict[str, str]]:
        """Its requests, oldest first: connection, number on it, status, whether a TLS session was reused."""
        self.end()
        names = ("connection", "number", "status", "resumed")
        lines = (self.folder / "access.log").read_text().splitlines()
        return [dict(zip(names, line.split(), strict=True)) for line in lines]


@dataclass
class Authority:
    """A certificate authority of a test, made by openssl."""

    folder: Path
    openssl: str

    def __post_init__(self) -> None:
        self._call(
            *("req", "-x509", *_KEY, "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"),
            *("-subj", "/CN=Authority of a test"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def site(self, name: str, alternatives: str = "DNS:localhost,IP:127.0.0.1", days: int = 2) -> str:
        """nginx's lines for a certificate with these names."""
        (self.folder / f"{name}.ext").write_text(
            f"subjectAltName={alternatives}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        self._call("req", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self._call(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-out", f"{name}.pem", "-days", str(days), "-extfile", f"{name}.ext"),
        )
        return f"ssl_certificate {self.folder}/{name}.pem; ssl_certificate_key {self.folder}/{name}.key;"

    def _call(self, *arguments: str) -> None:
        done = subprocess.run(
            [self.openssl, *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def authority(program: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the gateway trusts when SSL_CERT_FILE says so."""
    return Authority(tmp_path_factory.mktemp("authority"), program("openssl"))


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Callable[[Authority], None]:
    """Lets gateways that are made from now on trust an authority, and no other."""
    return lambda authority: monkeypatch.setenv("SSL_CERT_FILE", str(authority.folder / "ca.pem"))


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner


@pytest.fixture
def run(runner: asyncio.Runner) -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Runs a coroutine in the test's loop."""
    return runner.run


@pytest.fixture
def wait(runner: asyncio.Runner) -> Callable[[float], None]:
    """Lets a few milliseconds of real time pass: nginx's own timers know no other."""
    return lambda seconds: runner.run(asyncio.sleep(seconds))


@pytest.fixture
def reserve() -> Iterator[Callable[[], int]]:
    """Ports that nobody else takes while the test runs: bound, but not listened on.

    A server of ours may listen there all the same, as both sides allow the address to be reused.
    """
    with contextlib.ExitStack() as held:

        def port() -> int:
            while True:
                holder = socket.socket()
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    holder.bind(("127.0.0.1", free_port()))
                except OSError:
                    holder.close()
                else:
                    held.enter_context(holder)
                    return int(holder.getsockname()[1])

        yield port


@pytest.fixture
def lab(runner: asyncio.Runner) -> Iterator[LabProvider]:
    """The primary: a simulated OpenAI, which nginx stands in front of."""
    yield from _started(runner, LabProvider("openai"))


@pytest.fixture
def backup(runner: asyncio.Runner) -> Iterator[LabProvider]:
    """A healthy simulated Anthropic."""
    yield from _started(runner, LabProvider("anthropic"))


def _started(runner: asyncio.Runner, provider: LabProvider) -> Iterator[LabProvider]:
    runner.run(provider.start())
    yield provider
    runner.run(provider.stop())


@pytest.fixture
def gateway(runner: asyncio.Runner, reserve: Callable[[], int]) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways: `gateway(nginx.url, backup.base_url)`."""
    started: list[Gateway] = []

    def make(
        primary: str, backup: str | None = None, after_commit: AfterCommit = AfterCommit.CONTINUE
    ) -> Gateway:
        providers = {"primary": ProviderSpec("primary", "openai", f"{primary}/v1", key="${KEY}")}
        targets = [Target("primary", MODEL, "openai")]
        if backup is not None:
            providers["backup"] = ProviderSpec("backup", "anthropic", backup, key="${KEY}")
            targets.append(Target("backup", BACKUP_MODEL, "anthropic"))
        route = RouteSpec(MODEL, tuple(targets), JourneyOptions(deadline_s=10, after_commit=after_commit))
        outcomes: list[Outcome] = []
        around = Surroundings(SystemClock(), lambda: 0.0, id_source(), outcomes.append)

        snapshot = Snapshot(GatewaySettings(), providers, {MODEL: route})

        async def start() -> GatewayServer:
            server = GatewayServer(snapshot, {"KEY": "sk-lab"}, around)
            await server.start(port=reserve())
            return server

        running = runner.run(start())
        chats = Chats(runner, f"http://127.0.0.1:{running.port}/v1")
        started.append(Gateway(running, chats, outcomes))
        return started[-1]

    yield make
    for each in started:
        each.chats.close()
        runner.run(each.server.stop())


@pytest.fixture
def client(runner: asyncio.Runner) -> Iterator[Callable[[str], Chats]]:
    """The official client of any address: `client(nginx.url)`."""
    with contextlib.ExitStack() as made:

        def make(url: str) -> Chats:
            chats = Chats(runner, f"{url}/v1")
            made.callback(chats.close)
            return chats

        yield make


NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
lock_file {folder}/lock;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    log_format requests '$connection $connection_requests $status $ssl_session_reused.';
    access_log {folder}/access.log requests;
    ssl_protocols TLSv1.2 TLSv1.3;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
    server {{
        listen 127.0.0.1:{port}{tls};
        {server}
    }}
}}
"""


@pytest.fixture
def nginx(
    program: Callable[[str], str], tmp_path: Path, reserve: Callable[[], int]
) -> Iterator[Callable[..., Nginx]]:
    """Starts nginx: `nginx("lines of the server block", http="lines of the http block")`.

    `certificate` is what `Authority.site` gives, for TLS; `{folder}` in the lines is nginx's own.
    """
    started: list[Nginx] = []

    def start(server: str, http: str = "", certificate: str = "") -> Nginx:
        folder = tmp_path / f"nginx{len(started)}"
        folder.mkdir()
        (folder / "index.html").write_text("<!DOCTYPE html><title>Welcome to nginx!</title>")
        port = reserve()
        (folder / "nginx.conf").write_text(
            NGINX.format(
                folder=folder,
                port=port,
                tls=" ssl" if certificate else "",
                http=http.replace("{folder}", str(folder)),
                server=f"{certificate} {server}".replace("{folder}", str(folder)),
            )
        )
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        url = f"https://localhost:{port}" if certificate else f"http://127.0.0.1:{port}"
        started.append(Nginx(process, folder, port, url))
        _wait_for(started[-1])
        return started[-1]

    yield start
    for each in started:
        each.end()


def _wait_for(nginx: Nginx) -> None:
    """Return when it accepts connections."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", nginx.port)) == 0:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            nginx.process.wait(0.005)
            raise AssertionError(f"nginx ended: {(nginx.folder / 'output').read_text()}")
    raise AssertionError(f"nginx does not listen: {(nginx.folder / 'error.log').read_text()}")


@pytest.fixture(scope="session")
def texts() -> SimpleNamespace:
    """What a whole answer says, by who gave it."""
    return SimpleNamespace(
        primary=expected_text("openai", MODEL, PROMPT),
        backup=expected_text("anthropic", BACKUP_MODEL, PROMPT),
    )
