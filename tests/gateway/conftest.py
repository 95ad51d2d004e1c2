"""A gateway, scripted upstreams and clients of bare bytes, all on loopback in one loop."""

import asyncio
import contextlib
import json
import logging
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec
import pytest
import uvloop

from halfopen.app.clock import SystemClock
from halfopen.app.ids import id_source
from halfopen.gateway.pool import Pool
from halfopen.gateway.runtime import Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.lab import LabProvider
from halfopen.lab.ports import free_port
from halfopen.model import Outcome, Target
from halfopen.model.content import Content, ContentOptions
from halfopen.policy import JourneyOptions
from halfopen.policy.limiter import Limiter
from halfopen.policy.options import PolicyOptions
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

KEY = "sk-proj-9f8e7d6c5b4a39281706"
END_S = 5.0
OK_BODY = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}
        ],
    }
).encode()


def ok(body: bytes = OK_BODY, *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP response."""
    lines = [
        f"HTTP/1.1 {status}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunk(content: str | None, finish: str | None = None) -> bytes:
    """One event of a streamed answer."""
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    data = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def framed(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chat(*, stream: bool = False, model: str = "m", **more: Any) -> bytes:
    """A chat request's JSON."""
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "stream": stream, **more}
    return json.dumps(body).encode()


def post(
    body: bytes, *headers: str, version: str = "1.1", method: str = "POST", path: str = "/v1/chat/completions"
) -> bytes:
    """A whole request."""
    lines = [f"{method} {path} HTTP/{version}", "host: gateway", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    """A request without a body."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: gateway", *headers]).encode() + b"\r\n\r\n"


@dataclass
class Response:
    """One response as a client saw it."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.json["error"])

    def assert_openai_error(self, status: int) -> dict[str, Any]:
        """The error object, checked for OpenAI's shape and ours."""
        assert self.status == status, (self.status, self.body[:300])
        error = self.error
        assert set(error) == {"message", "type", "param", "code", "halfopen"}
        assert error["message"]
        assert error["type"]
        assert {"kind", "verdict", "remedy", "request_id", "attempts"} <= set(error["halfopen"])
        assert self.headers["content-type"] == "application/json"
        own = error["halfopen"]
        untried = own["kind"] == "no_capacity" and not own["attempts"]
        assert self.headers.get("x-should-retry") == (None if untried else "false")
        assert self.headers["x-halfopen-request-id"] == error["halfopen"]["request_id"]
        return error


class Client:
    """A client of bare bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def response(self, *, method: str = "POST", end_s: float = END_S) -> Response:
        """Read one response."""
        async with asyncio.timeout(end_s):
            head = await self.reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:-2])}
            if status < 200 or method == "HEAD":
                return Response(status, headers, b"", whole=True)
            if "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
                return Response(status, headers, body, whole=True)
            if headers.get("transfer-encoding") != "chunked":
                return Response(status, headers, await self.reader.read(-1), whole=True)
            body, whole = await self._chunks()
            return Response(status, headers, body, whole)

    async def _chunks(self) -> tuple[bytes, bool]:
        parts = []
        while line := await self.reader.readline():
            size = int(line, 16)
            parts.append((await self.reader.readexactly(size + 2))[:-2])
            if not size:
                return b"".join(parts), True
        return b"".join(parts), False

    async def ask(self, data: bytes, *, method: str = "POST") -> Response:
        """Send and read one response."""
        self.send(data)
        return await self.response(method=method)

    async def ended(self, end_s: float = END_S) -> bytes:
        """What comes until the gateway closes."""
        async with asyncio.timeout(end_s):
            try:
                return await self.reader.read(-1)
            except ConnectionResetError:
                return b""

    def leave(self) -> None:
        """Reset the connection."""
        self.writer.transport.abort()

    async def close(self) -> None:
        """Close in order."""
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Peer:
    """The upstream's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number
        """Connections are numbered from 1."""
        self.head = b""
        """The head of the last request, in lower case."""

    async def request(self) -> bytes:
        """The next request's body. Raises IncompleteReadError when the gateway has gone."""
        self.head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = next(
            int(line[15:]) for line in self.head.split(b"\r\n") if line.startswith(b"content-length:")
        )
        return await self.reader.readexactly(length)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Until the gateway has closed."""
        with contextlib.suppress(OSError):
            await self.reader.read(-1)


Script = Callable[[Peer], Awaitable[None]]


class Upstream:
    """A server that plays a script on each connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections = 0
        self.open = 0
        self.requests = 0
        self.port = free_port()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._play, "127.0.0.1", self.port)

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self.script(Peer(reader, writer, self.connections))
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.transport.abort()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.sleep(0)


def answering(answer: bytes) -> Script:
    """Answers every request on every connection with the same bytes."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            peer.send(answer)

    return script


@dataclass
class Stage:
    """What one test plays on."""

    problems: list[Any] = field(default_factory=list)
    """What reached the loop's exception handler."""
    outcomes: list[Outcome] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)
    _started: list[Any] = field(default_factory=list)
    _clients: list[Client] = field(default_factory=list)

    async def upstream(self, script: Script) -> Upstream:
        """A scripted upstream."""
        upstream = Upstream(script)
        await upstream.start()
        self._started.append(upstream)
        return upstream

    async def lab(self, dialect: str = "openai", **more: Any) -> LabProvider:
        """A simulated provider."""
        provider = LabProvider(dialect, **more)
        await provider.start()
        self._started.append(provider)
        return provider

    async def gateway(
        self,
        *providers: Upstream | LabProvider,
        options: JourneyOptions | None = None,
        policy: PolicyOptions | None = None,
        pool_max: int = 256,
        idle_s: float = 30.0,
        headers: tuple[tuple[str, str], ...] = (),
        key: str = KEY,
        more_keys: tuple[str, ...] = (),
        content: ContentOptions | None = None,
        **settings: Any,
    ) -> GatewayServer:
        """A gateway with one route, `m`, over the providers in order."""
        specs = {}
        targets = []
        for number, provider in enumerate(providers):
            dialect = provider.dialect if isinstance(provider, LabProvider) else "openai"
            name = f"p{number}"
            model = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
            specs[name] = ProviderSpec(
                name,
                dialect,
                provider.base_url,
                key="${KEY}",
                connections_max=pool_max,
                idle_s=idle_s,
                headers=headers,
                more_keys=tuple(f"${{KEY{each}}}" for each in range(len(more_keys))),
            )
            targets.append(Target(name, model[dialect], dialect))
        options = options or JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4)
        routes = {"m": RouteSpec("m", tuple(targets), options, content)}
        gateway = msgspec.convert({**settings}, Gateway)
        snapshot = Snapshot(gateway, specs, routes)
        if policy is not None:
            snapshot = replace(snapshot, policy=policy)
        told = self.outcomes.append
        surroundings = Surroundings(SystemClock(), random.Random(1).random, id_source(), told)
        surroundings = replace(surroundings, on_content=self.contents.append)
        secrets = {"KEY": key, **{f"KEY{number}": each for number, each in enumerate(more_keys)}}
        server = GatewayServer(snapshot, secrets, surroundings)
        await server.start(port=free_port())
        self._started.append(server)
        return server

    async def client(self, gateway: GatewayServer, **more: Any) -> Client:
        """A connection to the gateway."""
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, **more)
        client = Client(reader, writer)
        self._clients.append(client)
        return client

    async def until(
        self, condition: Callable[[], bool], what: Callable[[], object], end_s: float = 2.0
    ) -> None:
        """Wait for a state; say what it is when it does not come."""
        loop = asyncio.get_running_loop()
        end = loop.time() + end_s
        while not condition():
            assert loop.time() < end, f"after {end_s} s: {what()}"
            await asyncio.sleep(0.005)

    async def hold(self, condition: Callable[[], bool], what: Callable[[], object], for_s: float) -> None:
        """See that a state stays; say what it is when it does not."""
        loop = asyncio.get_running_loop()
        end = loop.time() + for_s
        while loop.time() < end:
            assert condition(), what()
            await asyncio.sleep(0.01)

    async def end(self) -> None:
        """Stop everything, and see that nothing is left."""
        for client in self._clients:
            client.leave()
        for each in reversed(self._started):
            await each.stop()
        await asyncio.sleep(0.02)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []
        assert self.problems == []


def pool_of(gateway: GatewayServer, name: str = "p0") -> Pool:
    return gateway.runtime.providers[name].pool


def limiter_of(gateway: GatewayServer, number: int = 0) -> Limiter:
    return gateway.runtime.routes["m"].states[number].limiter


@dataclass(frozen=True)
class Kit:
    """The builders above, for tests that can't import them."""

    ok = staticmethod(ok)
    chunk = staticmethod(chunk)
    framed = staticmethod(framed)
    chat = staticmethod(chat)
    post = staticmethod(post)
    get = staticmethod(get)
    answering = staticmethod(answering)
    pool_of = staticmethod(pool_of)
    limiter_of = staticmethod(limiter_of)
    stream_head = STREAM_HEAD
    ok_body = OK_BODY
    key = KEY


@pytest.fixture
def kit() -> Kit:
    """Builders of requests and responses."""
    return Kit()


@pytest.fixture
def play(caplog: pytest.LogCaptureFixture) -> Callable[..., None]:
    """Runs a coroutine function on a stage: `play(scene)`. No defect may be logged on the way."""

    def run(scene: Callable[[Stage], Awaitable[None]], *, defects: bool = False) -> None:
        async def main() -> None:
            stage = Stage()
            asyncio.get_running_loop().set_exception_handler(
                lambda _, context: stage.problems.append(context)
            )
            try:
                await scene(stage)
            except BaseException:
                stage.problems.clear()
                with contextlib.suppress(AssertionError):
                    await stage.end()
                raise
            await stage.end()

        caplog.set_level(logging.WARNING)
        uvloop.run(main())
        if not defects:
            assert [record.getMessage() for record in caplog.records if "defect" in record.getMessage()] == []

    return run
