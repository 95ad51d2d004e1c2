"""A whole gateway in memory: no sockets, time that jumps, and the same scene with and without the short way."""

import asyncio
import dataclasses
import json
import logging
import random
import selectors
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import msgspec
import pytest

from halfopen.gateway import handler as handler_module
from halfopen.gateway import pool as pool_module
from halfopen.gateway.connection import Connection
from halfopen.gateway.exchange import Exchange
from halfopen.gateway.plain import Plain
from halfopen.gateway.runtime import Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.model import Outcome, Target
from halfopen.policy import JourneyOptions
from halfopen.policy.options import PolicyOptions
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

KEY = "sk-proj-9f8e7d6c5b4a39281706"
START_S = 1000.0
AFTER_S = 20.0
"""So long after its last step a scene is watched."""
SETTLE_S = 100.0
"""So long after the client has left, nothing may be left."""
FIRST_PORT = 9000
OPTIONS = JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4)

Step = bytes | float | str | Callable[["Stage"], Awaitable[None] | None]
"""What is sent; seconds to wait; "cut", "eof" or "refused"; or something that is done to the stage."""


class Still(selectors.SelectSelector):
    """Waits for nothing: it moves the time instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START_S

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing can happen any more")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time jumps to whatever is next. Also the clock."""

    def __init__(self) -> None:
        self.still = Still()
        super().__init__(self.still)

    def time(self) -> float:
        return self.still.now

    monotonic = wall = time


class Wire:
    """The gateway's end of a connection, without a socket. Notes what happens to it, and when."""

    def __init__(self, stage: "Stage", name: str, protocol: Any) -> None:
        self.stage = stage
        self.name = name
        self.protocol = protocol
        self.closing = False
        self.unsent = 0
        self.reads = asyncio.Event()
        self.reads.set()
        self.on_write: Callable[[bytes], None] = lambda _: None
        protocol.connection_made(self)

    def write(self, data: bytes) -> None:
        if not self.closing:
            self.stage.note(self.name, bytes(data))
            self.on_write(data)

    def writelines(self, parts: Sequence[bytes]) -> None:
        self.write(b"".join(parts))

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int) -> None:
        """The scene says when the client is slow."""

    def get_extra_info(self, name: str) -> None:
        return None

    def pause_reading(self) -> None:
        self.reads.clear()

    def resume_reading(self) -> None:
        self.reads.set()

    def write_eof(self) -> None:
        self.stage.note(self.name, "write_eof")

    def close(self) -> None:
        self._end("close")

    def abort(self) -> None:
        self._end("abort")

    def lose(self, problem: Exception | None = None) -> None:
        """The far side has gone."""
        if not self.closing:
            self.closing = True
            self.protocol.connection_lost(problem)

    def _end(self, how: str) -> None:
        if not self.closing:
            self.closing = True
            self.stage.note(self.name, how)
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class Provider:
    """An upstream that answers its requests, on whatever connection, by a list of scripts."""

    def __init__(self, stage: "Stage", name: str, answers: Sequence[Sequence[Step]]) -> None:
        self.stage = stage
        self.name = name
        self.answers = answers
        self.asked = 0
        self.connections = 0
        self.wires: list[Wire] = []

    async def dial(self, make: Callable[[], Any]) -> Any:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        if answer == ["refused"]:
            self.asked += 1
            raise ConnectionRefusedError(111, "refused")
        self.connections += 1
        wire = Wire(self.stage, f"{self.name}.{self.connections}", make())
        self.wires.append(wire)
        received = bytearray()

        def take(data: bytes) -> None:
            received.extend(data)
            head, found, body = bytes(received).partition(b"\r\n\r\n")
            length = int(head.rpartition(b"content-length: ")[2] or b"0") if found else 0
            if found and len(body) >= length:
                del received[:]
                steps = self.answers[min(self.asked, len(self.answers) - 1)]
                self.asked += 1
                self.stage.begin(self._answer(wire, steps))

        wire.on_write = take
        return wire.protocol

    async def _answer(self, wire: Wire, steps: Sequence[Step]) -> None:
        for step in steps:
            await wire.reads.wait()
            if isinstance(step, float):
                await asyncio.sleep(step)
            elif callable(step):
                await _done(step(self.stage))
            else:
                await asyncio.sleep(0)
                if wire.closing:
                    return
                if isinstance(step, bytes):
                    wire.protocol.data_received(step)
                elif step == "eof":
                    wire.protocol.eof_received()
                    wire.lose()
                else:
                    wire.lose(ConnectionResetError("reset") if step == "cut" else None)


async def _done(result: Awaitable[None] | None) -> None:
    if result is not None:
        await result


class Stage:
    """What a scene plays on."""

    def __init__(self) -> None:
        self.log: list[tuple[float, str, object]] = []
        self.outcomes: list[Outcome] = []
        self.providers: list[Provider] = []
        self.clients: list[Wire] = []
        self.plains: list[Plain] = []
        self.problems: list[str] = []
        self.entropy = random.Random(1)
        self.on_outcome: Callable[[Outcome], None] = self.outcomes.append
        self.ids = 0
        self.snapshot: Snapshot | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.server: GatewayServer = cast("GatewayServer", None)

    def begin(self, play: Any) -> None:
        """Do it beside everything else."""
        task = asyncio.get_running_loop().create_task(play)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel_all(self) -> None:
        """Whoever still waits, waits no more."""
        for task in list(self._tasks):
            task.cancel()

    def note(self, name: str, what: object) -> None:
        self.log.append((round(asyncio.get_running_loop().time(), 6), name, what))

    def new_id(self) -> str:
        self.ids += 1
        return f"id-{self.ids}"

    def connect(self) -> Wire:
        """One more client. The last one is who sends."""
        protocol = cast("Connection", self.server._accept())
        self.clients.append(Wire(self, f"client.{len(self.clients) + 1}", protocol))
        return self.clients[-1]

    @property
    def client(self) -> Wire:
        return self.clients[-1]

    def open_server(self, scene: "Scene") -> None:
        loop = cast("VirtualLoop", asyncio.get_running_loop())
        specs = {
            f"p{number}": ProviderSpec(
                f"p{number}",
                scene.dialects[number],
                f"http://127.0.0.1:{FIRST_PORT + number}/v1",
                key="${KEY}",
                connections_max=scene.pool_max,
            )
            for number in range(len(scene.answers))
        }
        self.providers = [
            Provider(self, f"p{number}", [*scene.first, *answers])
            if number == 0
            else Provider(self, f"p{number}", answers)
            for number, answers in enumerate(scene.answers)
        ]
        targets = [Target(name, f"model-{name}", spec.dialect) for name, spec in specs.items()]
        routes = {"m": RouteSpec("m", tuple(targets), scene.options)}
        gateway = msgspec.convert(dict(scene.settings), Gateway)
        self.snapshot = replace(Snapshot(gateway, specs, routes), policy=scene.policy)
        surroundings = Surroundings(
            loop,
            self.entropy.random,
            self.new_id,
            self.on_outcome,
            (("x-own", "1"),),
            b"s",
        )
        self.server = GatewayServer(self.snapshot, {"KEY": KEY}, surroundings)

    @property
    def left(self) -> dict[str, object]:
        """What is still held, everything counted."""
        runtime = self.server.runtime
        return {
            "in flight": self.server.in_flight,
            "earlier": len(self.server._earlier),
            "wheel": len(runtime.wheel),
            "waiting": runtime.waiting,
            "active": [provider.pool.active for provider in runtime.providers.values()],
            "queued": [len(provider.pool._line) for provider in runtime.providers.values()],
            "permits": [known.state.limiter.in_flight for known in runtime.known.values()],
            "connections": self.server.connections,
        }

    async def dial(self, make: Callable[[], Any], host: str, port: int, **_how: object) -> Any:
        return await self.providers[port - FIRST_PORT].dial(make)


@dataclass(frozen=True)
class Scene:
    """What clients and upstreams do, on which gateway."""

    asks: Sequence[Step]
    answers: Sequence[Sequence[Sequence[Step]]]
    """For each provider in order, what it does with its first request, its second, and so on."""
    first: Sequence[Sequence[Step]] = ()
    """What the first provider does before."""
    options: JourneyOptions = OPTIONS
    policy: PolicyOptions = field(default_factory=PolicyOptions)
    dialects: Sequence[str] = ("openai", "openai")
    pool_max: int = 256
    settings: Sequence[tuple[str, Any]] = ()
    planted: Callable[[pytest.MonkeyPatch, Stage], None] = lambda _patch, _stage: None
    """What is changed in any case."""
    longer: Callable[[pytest.MonkeyPatch], None] = lambda _patch: None
    """What else makes it go the long way."""


@dataclass(frozen=True)
class Told:
    """All that a scene has shown."""

    log: list[tuple[float, str, object]]
    outcomes: list[Outcome]
    state: list[object]
    left: dict[str, object]
    defects: list[str]
    problems: list[str]
    whole: int = field(compare=False)
    """Requests that went the shortest way to their end."""
    taken_over: int = field(compare=False)
    """Requests that an exchange took over while an attempt was under way."""

    @property
    def answers(self) -> list[bytes]:
        """What was written to clients."""
        return [what for _, name, what in self.log if name.startswith("client") and isinstance(what, bytes)]

    @property
    def held(self) -> dict[str, object]:
        """Of what is left, what isn't nothing."""
        return {
            name: each for name, each in self.left.items() if (any(each) if isinstance(each, list) else each)
        }

    @property
    def statuses(self) -> list[int]:
        return [int(answer.split(b" ", 2)[1]) for answer in self.answers if answer.startswith(b"HTTP/1.1 ")]


def portrait(it: Any) -> Any:
    """All that an object of the policy holds, as plain values."""
    kind = type(it)
    if isinstance(it, dict):
        # An object as a key stands in its order, not with its address.
        return [(key if isinstance(key, str | int) else portrait(key), portrait(it[key])) for key in it]
    if isinstance(it, list | tuple | set) or kind.__name__ == "deque":
        return [portrait(each) for each in it]
    if not kind.__module__.startswith("halfopen.policy"):
        return repr(it) if not callable(it) else None
    if dataclasses.is_dataclass(it):
        return repr(it)
    slots = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ())]
    names = [*slots, *getattr(it, "__dict__", {})]
    return {name: portrait(getattr(it, name, None)) for name in names}


class Defects(logging.Handler):
    """Keeps what the gateway says of its own defects."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


async def _play(scene: Scene, stage: Stage) -> tuple[list[object], dict[str, object]]:
    stage.open_server(scene)
    stage.connect()
    for step in scene.asks:
        if isinstance(step, bytes):
            if not stage.client.closing:
                stage.client.protocol.data_received(step)
        elif isinstance(step, float):
            await asyncio.sleep(step)
        else:
            assert callable(step)
            await _done(step(stage))
    await asyncio.sleep(AFTER_S)
    runtime = stage.server.runtime
    state = [portrait(known.state) for known in runtime.known.values()]
    state += [portrait(each) for each in runtime.credentials.values()]
    state.append(stage.entropy.random())
    for client in stage.clients:
        client.lose()
    await asyncio.sleep(SETTLE_S)
    left = stage.left
    await stage.server.stop()
    stage.cancel_all()
    await asyncio.sleep(0)
    return state, left


def run(scene: Scene, *, plainly: bool, way: type[Plain] = Plain) -> Told:
    """Play a scene, with the short way or without it. `way` is what the short way is."""
    stage, defects = Stage(), Defects()
    logger = logging.getLogger("halfopen.gateway")
    logger.addHandler(defects)

    def plain(*args: Any) -> Plain:
        stage.plains.append(way(*args))
        return stage.plains[-1]

    loop = VirtualLoop()
    loop.set_exception_handler(lambda _, context: stage.problems.append(repr(context.get("exception"))))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pool_module, "dial", stage.dial)
            patch.setattr(handler_module, "Plain", plain if plainly else Exchange)
            if not plainly:
                scene.longer(patch)
            scene.planted(patch, stage)
            state, left = loop.run_until_complete(_play(scene, stage))
    finally:
        logger.removeHandler(defects)
        loop.close()
    sent = [each for each in stage.plains if each._send is not None]
    taken_over = sum(each._exchange is not None for each in sent)
    return Told(
        stage.log,
        stage.outcomes,
        state,
        left,
        defects.said,
        stage.problems,
        len(sent) - taken_over,
        taken_over,
    )


def compare(scene: Scene) -> Told:
    """Play a scene both ways: all must be the same, to the byte and the moment, and nothing may be left."""
    expected, told = run(scene, plainly=False), run(scene, plainly=True)
    for name in ("log", "outcomes", "defects", "problems", "left", "state"):
        assert getattr(told, name) == getattr(expected, name), name
    assert told.held == {}
    return told


CONTENT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
}
BODY = json.dumps(CONTENT).encode()


def answer(body: bytes = BODY, *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP response."""
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chat(
    *headers: str, version: str = "1.1", method: str = "POST", path: str = "/v1/chat/completions", **more: Any
) -> bytes:
    """A whole request."""
    sent = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **more}
    body = json.dumps(sent).encode()
    lines = [f"{method} {path} HTTP/{version}", "host: gateway", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Kit:
    """The builders above, for tests that can't import them."""

    Scene = Scene
    compare = staticmethod(compare)
    run = staticmethod(run)
    answer = staticmethod(answer)
    chat = staticmethod(chat)
    body = BODY


@pytest.fixture(scope="session")
def kit() -> Kit:
    """Scenes, and what they are made of."""
    return Kit()
