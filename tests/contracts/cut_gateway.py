"""The gateway's own objects in memory: no sockets, and time that is only counted.

Real: the exchange and all that it makes (journey, delivery, resumption, reception), the client
dialects with their writers, the providers' dialects with their readers. Replaced: the event loop, the
pools of connections and the way back to the client.
"""

import heapq
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from halfopen.gateway.exchange import Exchange
from halfopen.gateway.runtime import Runtime, Surroundings
from halfopen.gateway.timers import TICK_S, Wheel
from halfopen.http1 import ResponseHead
from halfopen.model import Fault, Outcome, Target, TransportError
from halfopen.policy import PolicyOptions
from halfopen.policy.options import RetryOptions
from halfopen.providers import Ask, ClientDialect
from halfopen.providers.catalogue import lookup
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

_LOG = logging.getLogger("halfopen.gateway")
START_S = 1000.0
LIMIT_S = 900.0
"""A request that is not over by then hangs: the longest stream that the policy allows is shorter."""
AFTER_S = 60.0
"""So long after its end a request is watched for what must not come."""
CLEAN, CUT, RESET = "clean end", "cut", "reset"
_OK = ResponseHead(
    status=200, headers=(("content-type", "text/event-stream"),), keep_alive=True, close_delimited=False
)
_DEAD = ResponseHead(
    status=503, headers=(("content-type", "application/json"),), keep_alive=True, close_delimited=False
)
_DEAD_BODY = b'{"error":{"message":"The server is gone.","type":"server_error","code":"server_error"}}'


@dataclass(frozen=True, slots=True)
class Reply:
    """What an upstream sends back to one call."""

    pieces: Sequence[bytes]
    ending: str = CLEAN
    head: ResponseHead = _OK


DEAD = Reply((_DEAD_BODY,), head=_DEAD)
"""A server that is there no more."""
Upstream = Callable[[tuple[bytes, bytes]], Reply]
"""Answers a call: head and body of the request."""


class Loop:
    """The event loop: a queue, and timers on a clock that jumps to the next of them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.now = START_S
        self.ready: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self.timers: list[tuple[float, int, Timer]] = []

    def time(self) -> float:
        """Monotonic seconds."""
        return self.now

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        """Run it next."""
        self.ready.append((callback, args))

    def call_later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> "Timer":
        """Run it then."""
        timer = Timer(callback, args)
        heapq.heappush(self.timers, (self.now + delay_s, id(timer), timer))
        return timer

    def run(self, is_over: Callable[[], bool], wheel: Wheel, until_s: float) -> bool:
        """Until it is over (True), or nothing can happen any more, or the time is up."""
        ready = self.ready
        while True:
            while ready:
                callback, args = ready.popleft()
                callback(*args)
            if is_over():
                return True
            if not self.timers or self.now > until_s:
                return False
            when, _, timer = heapq.heappop(self.timers)
            if not timer.cancelled:
                # The wheel ticks a hundred times a second; between two of its timers nothing happens.
                self.now = max(when, min(wheel._slots, default=0) * TICK_S)
                ready.append((timer.callback, timer.args))


class Timer:
    """A call that is due later."""

    __slots__ = ("args", "callback", "cancelled")

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.callback = callback
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        """Forget it."""
        self.cancelled = True


class Call:
    """One call in the place of the pool's own. Tells its sink nothing after its end."""

    __slots__ = ("_sink", "_text_way")

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self._text_way: Any = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self._sink is None

    def cancel(self) -> None:
        """Give it up."""
        self._sink = self._text_way = None

    def shorten(self, way: Any) -> None:
        """Text in the middle of the answer goes this way, past the sink."""
        self._text_way = way

    def pause(self) -> None:
        """Clients here are never slow."""

    def resume(self) -> None:
        """Clients here are never slow."""

    def play(self, reply: Reply) -> None:
        """Tell the sink what comes, as a connection would."""
        steps = ["on_connected", "on_head", *["on_data"] * len(reply.pieces)]
        args: list[Any] = [None, reply.head, *reply.pieces]
        for step, argument in zip(steps, args, strict=True):
            if self._sink is None:
                return
            way = self._text_way
            if step == "on_data" and way is not None and way.take(argument):
                continue
            method = getattr(self._sink, step)
            method() if argument is None else method(argument)
        sink, self._sink = self._sink, None
        if sink is None:
            return
        if reply.ending == CLEAN:
            sink.on_end()
        else:
            error = TransportError.CUT if reply.ending == CUT else TransportError.RESET
            sink.on_failed(error, "the upstream closed the connection")


class FakePool:
    """The connections to one upstream."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.upstream: Upstream = lambda _: DEAD
        self.calls: list[tuple[bytes, bytes]] = []

    def call(self, request: tuple[bytes, bytes], sink: Any, *, fresh_only: bool = False) -> Call:
        """Send a request; the sink is told later."""
        self.calls.append(request)
        call = Call(sink)
        self.loop.call_soon(call.play, self.upstream(request))
        return call

    def close(self) -> None:
        """Nothing is open."""


class RecordingResponder:
    """The way back to the client. Notes every byte, and whatever is done out of order."""

    request_id = "req_0123456789"
    received_bytes = 0

    def __init__(self) -> None:
        self.status = 0
        self.content_type = ""
        self.written: list[bytes] = []
        self.ending = ""
        """sent, finished or aborted."""
        self.problems: list[str] = []

    @property
    def over(self) -> bool:
        """Whether the answer has ended."""
        return bool(self.ending)

    @property
    def body(self) -> bytes:
        """All that the client got."""
        return b"".join(self.written)

    def attach(self, requester: Any) -> None:
        """The client never leaves."""

    def _note(self, what: str, *, begins: bool = False) -> None:
        if self.ending:
            self.problems.append(f"{what} after the answer was {self.ending}")
        if begins and self.status:
            self.problems.append(f"{what} in an answer that has begun")
        if not begins and not self.status:
            self.problems.append(f"{what} before the answer began")

    def _begin(self, status: int, headers: Any) -> None:
        self.status = status
        self.content_type = dict(headers).get("content-type", "")

    def send(self, status: int, headers: Any, body: bytes) -> None:
        """Answer whole."""
        self._note("an answer", begins=True)
        self._begin(status, headers)
        self.written.append(body)
        self.ending = "sent"

    def begin(self, status: int, headers: Any) -> None:
        """Begin an answer of unknown length."""
        self._note("a head", begins=True)
        self._begin(status, headers)

    def write(self, data: bytes, as_chunk: bytes = b"") -> None:
        """Send a piece of it."""
        self._note("a piece")
        self.written.append(data)

    def finish(self, last: bytes = b"") -> None:
        """End it properly."""
        self._note("a proper end")
        self.written.append(last)
        self.ending = self.ending or "finished"

    def abort(self) -> None:
        """End it so that the client sees that it is not whole."""
        self._note("an abrupt end")
        self.ending = self.ending or "aborted"


@dataclass
class Result:
    """One request's end as its client saw it."""

    status: int
    body: bytes
    ending: str
    content_type: str
    problems: list[str]
    outcome: Outcome | None


class _Clock:
    def __init__(self, loop: Loop) -> None:
        self.monotonic = loop.time

    def wall(self) -> float:
        return 1_761_000_000.0


class _NoSecrets:
    secrets = ()

    def fault(self, fault: Fault) -> Fault:
        return fault


class _Defects(logging.Handler):
    """What the gateway logs as a defect of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.found.append(f"{record.getMessage()}: {cause!r}")


@dataclass(frozen=True, slots=True)
class Server:
    """A provider of a stage: its dialect, the model that is asked, and the flavour of its API."""

    dialect: str
    model: str
    flavour: str | None = None


@dataclass
class Stage:
    """A gateway with one route over one or two upstreams."""

    client: ClientDialect
    servers: Sequence[Server]
    retries: bool = True
    """Whether a target may be asked again before the client has anything of its answer."""
    loop: Loop = field(default_factory=Loop)

    def __post_init__(self) -> None:
        specs, targets = {}, []
        for number, server in enumerate(self.servers):
            name = f"p{number}"
            specs[name] = ProviderSpec(
                name, server.dialect, f"http://{name}.test/v1", key="${KEY}", flavour=server.flavour
            )
            abilities = lookup(server.dialect, server.model)
            targets.append(Target(name, server.model, server.dialect, *abilities))
        retry = RetryOptions() if self.retries else RetryOptions(bucket_max=0.0)
        snapshot = Snapshot(
            Gateway(), specs, {"m": RouteSpec("m", tuple(targets))}, PolicyOptions(retry=retry)
        )
        self.outcomes: list[Outcome] = []
        self.defects = _Defects()
        surroundings = Surroundings(_Clock(self.loop), lambda: 0.5, lambda: "id", self.outcomes.append)
        self.runtime = Runtime(snapshot, {"KEY": "sk-0123456789abcdef"}, surroundings, self.loop)  # type: ignore[arg-type]  # the loop's shape, as far as it is used
        # Masking secrets is a quarter of a run's time, and there are none in these streams.
        self.runtime.redactor = _NoSecrets()  # type: ignore[assignment]  # the part that is used
        self.pools = []
        for provider in self.runtime.providers.values():
            provider.pool = FakePool(self.loop)  # type: ignore[assignment]  # see above
            self.pools.append(provider.pool)

    def run(self, ask: Ask, *upstreams: Upstream, responder: RecordingResponder | None = None) -> Result:
        """One request from its arrival to its end, and a while beyond it. Upstreams in the servers' order."""
        runtime, loop = self.runtime, self.loop
        loop.reset()
        runtime.wheel = wheel = Wheel(loop)  # type: ignore[arg-type]  # see above
        runtime._build_routes(loop.now)
        self.outcomes.clear()
        for pool, upstream in zip(self.pools, upstreams, strict=True):
            pool.upstream = upstream  # type: ignore[attr-defined]  # a FakePool
            pool.calls = []  # type: ignore[attr-defined]  # a FakePool
        responder = responder or RecordingResponder()
        self.defects.found.clear()
        passed_on = _LOG.propagate
        _LOG.addHandler(self.defects)
        _LOG.propagate = False
        try:
            Exchange(runtime, runtime.routes["m"], self.client, ask, responder).start()
            if not loop.run(lambda: responder.over, wheel, START_S + LIMIT_S):
                responder.problems.append("the request hangs")
            loop.run(lambda: False, wheel, loop.now + AFTER_S)
        except Exception as problem:  # noqa: BLE001 - a defect must be told with the case that shows it
            responder.problems.append(f"a defect: {problem!r}")
        finally:
            _LOG.removeHandler(self.defects)
            _LOG.propagate = passed_on
        responder.problems += self.defects.found
        if len(self.outcomes) != 1:
            responder.problems.append(f"{len(self.outcomes)} outcomes of one request")
        return Result(
            responder.status,
            responder.body,
            responder.ending,
            responder.content_type,
            responder.problems,
            self.outcomes[0] if self.outcomes else None,
        )

    def called(self, number: int) -> int:
        """How often an upstream was called in the last run."""
        return len(self.pools[number].calls)  # type: ignore[attr-defined]  # a FakePool
