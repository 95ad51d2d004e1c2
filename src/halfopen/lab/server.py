"""A simulated provider on a port of its own."""

import asyncio
import contextlib
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Self

from halfopen.lab import faults, wire
from halfopen.lab.anthropic import Anthropic
from halfopen.lab.calls import LabCall
from halfopen.lab.connection import LabConnection
from halfopen.lab.control import PREFIX, control
from halfopen.lab.exchange import LabAnswer, LabRequest, Vendor
from halfopen.lab.fault import OptionValue, Scene, Stage
from halfopen.lab.gemini import Gemini
from halfopen.lab.openai import OpenAI
from halfopen.lab.plan import FaultPlan, make_plan
from halfopen.lab.ports import candidates, claim
from halfopen.lab.steps import Place, Send, Step, Wait

HOST = "127.0.0.1"
CALLS_MAX = 2000
_BACKLOG = 1024
_LINGER_NONE = struct.pack("ii", 1, 0)
_STOP_S = 1.0


def make_vendor(dialect: str, key: str | None = None) -> Vendor:
    """A simulated vendor. Raises ValueError for an unknown dialect."""
    vendors: dict[str, Callable[[str | None], Vendor]] = {
        "openai": OpenAI,
        "anthropic": Anthropic,
        "gemini": Gemini,
    }
    if dialect not in vendors:
        raise ValueError(f"no dialect {dialect!r}; there are: {', '.join(vendors)}")
    return vendors[dialect](key)


class LabProvider:
    """One simulated provider. Runs in the event loop that starts it; no threads, no tasks."""

    def __init__(
        self,
        dialect: str,
        port: int | None = None,
        *,
        key: str | None = None,
        pace_s: float = 0.0,
        calls_max: int = CALLS_MAX,
        continuation_restarts: bool = False,
    ) -> None:
        """Makes a provider that does not listen yet.

        Args:
            dialect: openai, anthropic or gemini.
            port: Where to listen on loopback; None: a free port below 32768.
            key: The only key that is accepted; None: any that is not empty.
            pace_s: Seconds between two events of a good stream; 0: all at once.
            calls_max: How many received requests are kept.
            continuation_restarts: Whether a model that is told to go on with an answer begins it
                anew instead, as some do. Can be changed at any time.
        """
        self.dialect = dialect
        self.vendor = make_vendor(dialect, key)
        self.pace_s = pace_s
        self.continuation_restarts = continuation_restarts
        self.calls: deque[LabCall] = deque(maxlen=calls_max)
        self.counts: Counter[str] = Counter()
        self.siblings: Mapping[str, LabProvider] = {dialect: self}
        self._wanted_port = port
        self._port = port or 0
        self._plan: FaultPlan | None = None
        self._listener: socket.socket | None = None
        self._listening = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: set[LabConnection] = set()
        self._accepting: set[asyncio.Task[None]] = set()
        self._number = 0
        self._all_closed: asyncio.Event | None = None
        self._refused_until: asyncio.TimerHandle | None = None

    # What tests and pages read

    @property
    def port(self) -> int:
        """The port; 0 before start when none was given."""
        return self._port

    @property
    def base_url(self) -> str:
        """The address as the configuration of a provider has it: OpenAI's ends in /v1."""
        return f"http://{HOST}:{self._port}{'/v1' if self.dialect == 'openai' else ''}"

    @property
    def fault(self) -> str | None:
        """The name of the fault that is set."""
        return None if self._plan is None else self._plan.fault.name

    @property
    def met(self) -> int:
        """How often the set fault really happened on the wire.

        A refused connection never reaches the server: for `refused` one is counted when the
        provider itself was refused on trying its own port.
        """
        return 0 if self._plan is None else self._plan.met

    @property
    def place(self) -> Place | None:
        """Where in a stream the set fault struck last; None: nowhere yet, or not inside a stream."""
        return None if self._plan is None else self._plan.place

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    @property
    def state(self) -> dict[str, object]:
        """What `GET /_lab` shows."""
        return {
            "dialect": self.dialect,
            "port": self._port,
            "base_url": self.base_url,
            "fault": None if self._plan is None else self._plan.state,
            "met": self.met,
            "connections": self.connections,
            "counts": dict(self.counts),
        }

    # Faults

    def set_fault(
        self,
        name: str,
        *,
        after: int = 0,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
        **options: OptionValue,
    ) -> None:
        """Play a fault from now on, instead of one that was set before.

        Args:
            name: One of `halfopen.lab.faults.names()`.
            after: Good answers first.
            times: How many requests are struck until the provider is healthy again; None: all.
            probability: Of a request to be struck.
            seed: Of the draw for `probability`.
            options: The fault's own options.

        Raises:
            ValueError: for an unknown fault, option or value, or one that this dialect doesn't have.
        """
        fault = faults.load(name)
        if self.dialect not in fault.dialects:
            raise ValueError(f"fault {name} is for {', '.join(fault.dialects)}, not for {self.dialect}")
        plan = make_plan(fault, options, after=after, times=times, probability=probability, seed=seed)
        self.clear()
        self._plan = plan
        if fault.stage is Stage.LISTEN:
            self._refuse(plan)

    def clear(self) -> None:
        """Be healthy again. Answers under way go on as they began."""
        if self._refused_until is not None:
            self._refused_until.cancel()
            self._refused_until = None
        self._plan = None
        self._listen()

    # Life

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._loop = asyncio.get_running_loop()
        self._listener = self._bind()
        self._port = self._listener.getsockname()[1]
        self._listen()

    async def stop(self) -> None:
        """Close the listener and all connections, and leave no task behind."""
        if self._refused_until is not None:
            self._refused_until.cancel()
            self._refused_until = None
        if self._listener is not None:
            self._unlisten()
            self._listener.close()
            self._listener = None
        if self._accepting:
            await asyncio.gather(*self._accepting, return_exceptions=True)
        for connection in tuple(self._connections):
            connection.abort()
        if self._connections:
            self._all_closed = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_closed.wait(), _STOP_S)

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def _bind(self) -> socket.socket:
        for port in candidates() if self._wanted_port is None else [self._wanted_port]:
            if self._wanted_port is None and not claim(port):
                continue
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setblocking(False)  # noqa: FBT003 - the library's signature
            try:
                listener.bind((HOST, port))
                listener.listen(_BACKLOG)
            except OSError:
                listener.close()
                if self._wanted_port is not None:
                    raise
                continue
            return listener
        raise OSError("no free port")

    def _listen(self) -> None:
        if self._listener is None or self._loop is None or self._listening:
            return
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.listen(_BACKLOG)
        self._loop.add_reader(self._listener.fileno(), self._accept)
        self._listening = True

    def _unlisten(self) -> None:
        """Stop listening but keep the port bound, so that nobody else takes it meanwhile."""
        if self._listener is None or self._loop is None or not self._listening:
            return
        self._loop.remove_reader(self._listener.fileno())
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        # With this option set another listener could take the port and answer in its place.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        self._listening = False

    def _refuse(self, plan: FaultPlan) -> None:
        if self._loop is None:
            return
        self._unlisten()
        for connection in tuple(self._connections):
            connection.close_when_idle()
        with socket.socket() as probe:
            if probe.connect_ex((HOST, self._port)) != 0:
                plan.met += 1
        bound_s = float(plan.options["bound_s"])
        self._refused_until = self._loop.call_later(bound_s, self.clear)

    def _accept(self) -> None:
        assert self._listener is not None
        assert self._loop is not None
        while self._listening:
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # out of descriptors: the connection stays queued in the kernel
                return
            self.counts["connections"] += 1
            plan = self._plan
            if plan is not None and plan.fault.stage is Stage.ACCEPT and plan.take():
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
                accepted.close()
                plan.met += 1
                self.counts["faults"] += 1
                continue
            accepted.setblocking(False)  # noqa: FBT003 - the library's signature
            task = self._loop.create_task(self._adopt(accepted))
            self._accepting.add(task)
            task.add_done_callback(self._accepting.discard)

    async def _adopt(self, accepted: socket.socket) -> None:
        assert self._loop is not None
        loop = self._loop
        try:
            await loop.connect_accepted_socket(lambda: LabConnection(self, accepted, loop), accepted)
        except OSError:
            accepted.close()

    # What connections call

    def opened(self, connection: LabConnection) -> None:
        """A connection was made."""
        self._connections.add(connection)

    def closed(self, connection: LabConnection) -> None:
        """A connection was lost."""
        self._connections.discard(connection)
        if not self._connections and self._all_closed is not None:
            self._all_closed.set()

    def fault_met(self, call: LabCall, place: Place | None) -> None:
        """A fault has happened on the wire."""
        if not call.met:
            call.met = True
            call.place = place
            self.counts["faults"] += 1
            if self._plan is not None and self._plan.fault.name == call.fault:
                self._plan.met += 1
                self._plan.place = place

    def respond(
        self, request: LabRequest, requests_before: int
    ) -> tuple[LabCall | None, bytes | Iterator[Step]]:
        """The answer to a request: whole bytes, or steps."""
        now = time.time()
        if request.path.startswith(PREFIX):
            return None, wire.whole(control(self, request), now)
        assert self._loop is not None
        self._number += 1
        self.counts["requests"] += 1
        call = LabCall(self._number, request, self._loop.time(), now)
        self.calls.append(call)
        request_id = f"{self._number:016x}"
        if self.continuation_restarts:
            request = replace(request, restarts=True)
        answer = self.vendor.answer(request, request_id, now)
        call.kinds = tuple(piece.kind.name.lower() for piece in answer.pieces or ())
        call.body_bytes = sum(len(piece.data) for piece in answer.pieces or ()) or len(answer.body)
        plan = self._plan
        if plan is not None and plan.fault.stage is Stage.REQUEST and plan.fault.strikes(answer):
            nth = plan.offered
            if plan.take():
                call.fault = plan.fault.name
                scene = Scene(
                    request, answer, self.vendor, request_id, now, plan.options, nth, requests_before
                )
                return call, plan.fault.act(scene)
        call.status = answer.status
        if answer.pieces is not None and self.pace_s > 0:
            return call, paced(answer, now, self.pace_s)
        return call, wire.whole(answer, now)


def paced(answer: LabAnswer, now: float, pace_s: float) -> Iterator[Step]:
    """A good stream, one event at a time."""
    yield Send(wire.chunked_head(answer, now))
    for number, piece in enumerate(answer.pieces or ()):
        if number:
            yield Wait(pace_s)
        yield Send(wire.chunk(piece.data))
    yield Send(wire.LAST_CHUNK)
