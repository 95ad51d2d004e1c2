"""A request on the shortest way: one attempt, on a connection that is open, whose whole answer is good.

Most requests are like that, so this way has few steps. It decides nothing: the journey does, as for any
other request, and whatever is not plain is handed over to an `Exchange` with all that has happened.

Rules
1. Plain is: not streamed; the journey sends at once; a connection is idle; the answer is a whole 2xx and
   no coding lies over it.
2. An exchange takes over before anything else is done: it finds the journey, and the attempt under way,
   as if it had begun them itself.
"""

import logging
from typing import Final

from halfopen.gateway.demand import demand_of
from halfopen.gateway.exchange import Exchange
from halfopen.gateway.fit import Fit
from halfopen.gateway.heading import answer_lines
from halfopen.gateway.notes import Sender
from halfopen.gateway.pool import UNREADABLE, Pool
from halfopen.gateway.reception import Reception
from halfopen.gateway.responder import Responder
from halfopen.gateway.runtime import RouteRuntime, Runtime
from halfopen.gateway.tracing import trace_lines
from halfopen.gateway.upstream import CallSink, UpstreamConnection
from halfopen.http1 import ResponseHead
from halfopen.model import Fault, Outcome, RateLimit, Reply, TransportError, Usage
from halfopen.policy import actions as act
from halfopen.providers import Answer, Ask, ClientDialect, Translation
from halfopen.providers.rate_limits import rate_limits

_LOG = logging.getLogger("halfopen.gateway")
_WAKE_AFTER_SUCCESS: Final = 2


class Plain(CallSink):
    """One request from its arrival to its end, or to where an exchange takes over."""

    __slots__ = (
        "_arrived",
        "_ask",
        "_body",
        "_client",
        "_connection",
        "_ended",
        "_exchange",
        "_head",
        "_journey",
        "_pool",
        "_request",
        "_responder",
        "_route",
        "_runtime",
        "_send",
        "_sender",
        "_translation",
        "_upstream_id",
        "_usage",
    )

    def __init__(
        self,
        runtime: Runtime,
        route: RouteRuntime,
        client: ClientDialect,
        ask: Ask,
        responder: Responder,
        sender: Sender,
    ) -> None:
        """Does nothing until `start`."""
        self._runtime = runtime
        self._route = route
        self._client = client
        self._ask = ask
        self._responder = responder
        self._sender = sender
        demand = demand_of(sender, ask)
        self._journey = route.journeys.begin(demand, Fit(runtime, route, client, ask).unfit, stream=False)
        self._exchange: Exchange | None = None
        """Who has taken over."""
        self._send: act.Send | None = None
        """The attempt that is under way."""
        self._translation: Translation | None = None
        self._pool: Pool | None = None
        self._connection: UpstreamConnection | None = None
        self._request = (b"", b"")
        self._head: ResponseHead | None = None
        self._body: bytes | bytearray = b""
        self._upstream_id: str | None = None
        self._usage: Usage | None = None
        self._ended = False
        """Whether the client has its answer."""
        self._arrived = 0.0

    def start(self) -> None:
        """The request is whole: go."""
        try:
            self._start()
        except Exception:  # noqa: BLE001 - the edge: whatever it is, this request ends here
            self.crash()

    def _start(self) -> None:
        runtime, route = self._runtime, self._route
        runtime.in_flight += 1
        self._responder.attach(self)
        self._arrived = now = runtime.loop.time()
        if len(route.line):
            route.let_go(now)
        journey = self._journey
        actions = journey.arrived(now)
        send = actions[0]
        if len(actions) > 1 or not isinstance(send, act.Send):
            self._take_over().perform(actions)
            return
        target = send.target
        provider = runtime.providers[target.provider]
        self._translation = translation = self._client.translation(provider.dialect, target)
        call = translation.call(self._ask, target, provider.keys[send.credential])
        trace, sender = b"", self._sender
        if sender.trace or runtime.traced_part is not None:
            trace = trace_lines(sender, runtime.traced_part, self._responder.request_id, 1)
        self._request = provider.request(call, send.repeats, trace)
        connection = provider.pool.take_idle()
        if connection is None:
            self._take_over().perform(actions)
            return
        self._send = send
        self._pool = provider.pool
        self._connection = connection
        connection.send(self._request, self)
        self._responder.wake_at_latest(journey.wake_at)

    # The connection to the upstream calls these.

    def on_connected(self) -> None:
        """The request is being sent."""
        self._journey.connected(1, self._arrived)

    def on_head(self, head: ResponseHead) -> None:
        """Status and headers."""
        try:
            self._read_head(head)
        except Exception:  # noqa: BLE001 - as in `start`
            self._fail_by_defect()

    def on_data(self, data: bytes) -> None:
        """A piece of the body."""
        if not self._body:
            self._body = data
        else:
            if not isinstance(self._body, bytearray):
                self._body = bytearray(self._body)
            self._body += data
        if len(self._body) > self._runtime.snapshot.gateway.answer_max_bytes:
            self._take_over_call().on_data(b"")  # it looks at the size

    def on_end(self) -> None:
        """The response is whole, as far as HTTP can tell."""
        self._connection = None
        try:
            result = self._judged()
        except Exception:  # noqa: BLE001 - as in `start`
            self._fail_by_defect()
            return
        try:
            if isinstance(result, Answer):
                self._succeed(result)
            else:
                exchange = self._take_over()
                exchange.on_attempt_fault(exchange.lead, result)
        except Exception:  # noqa: BLE001 - as in `start`
            self.crash()

    def on_failed(self, error: TransportError, detail: str) -> None:
        """There will be no whole response."""
        connection, self._connection = self._connection, None
        assert connection is not None
        assert self._pool is not None
        try:
            if connection.used > 1 and not connection.responded:
                self._take_over().lead.send_anew(self._pool, self._request)
            else:
                self._take_over_call().on_failed(error, detail)
        except Exception:  # noqa: BLE001 - as in `start`
            self.crash()

    # The client's connection, and time, call these.

    def on_client_gone(self) -> None:
        """Nobody will read the answer."""
        self._take_over().on_client_gone()

    def on_shutdown(self) -> None:
        """The gateway stops before the answer is whole."""
        self._take_over().on_shutdown()

    def on_client_slow(self) -> None:
        """The client does not read what it got before."""
        self._take_over().on_client_slow()

    def on_client_ready(self) -> None:
        """It has caught up, and the timer is ours again."""
        self._responder.wake_at_latest(self._journey.wake_at)

    def on_timer(self, now: float) -> None:
        """The journey's time has come, or may have."""
        if self._journey.wake_at <= now:
            self._take_over().on_timer(now)
        else:
            self._responder.wake_at_latest(self._journey.wake_at)

    def crash(self) -> None:
        """A defect of ours: log it, tell the client, end."""
        if self._ended:
            _LOG.exception(
                "a defect in the gateway, after request %s was answered", self._responder.request_id
            )
        else:
            self._take_over().crash()

    # Inside.

    def _read_head(self, head: ResponseHead) -> None:
        assert self._send is not None
        upstream_id = other_id = None
        plain, limited = 200 <= head.status < 300, False
        for name, value in head.headers:
            if name == "x-request-id":
                upstream_id = upstream_id or value
            elif name == "request-id":
                other_id = other_id or value
            elif name == "content-encoding":
                plain = False
            elif "ratelimit" in name:
                limited = True
        if not plain:
            self._take_over_call().on_head(head)
            return
        self._head = head
        self._upstream_id = upstream_id or other_id
        runtime = self._runtime
        limits: tuple[RateLimit, ...] = ()
        if limited:
            dialect = runtime.providers[self._send.target.provider].dialect.name
            limits = rate_limits(head.headers, dialect, runtime.surroundings.clock.wall())
        self._journey.first_byte(1, head.status, limits, runtime.loop.time())

    def _judged(self) -> Answer | Fault:
        """Tell a good answer from a fault."""
        assert self._send is not None
        assert self._translation is not None
        assert self._head is not None
        runtime, target, head = self._runtime, self._send.target, self._head
        dialect = runtime.providers[target.provider].dialect.name
        reply = Reply(head.status, head.headers, bytes(self._body), None, "", dialect)
        created_s = int(runtime.surroundings.clock.wall())
        return self._translation.answer(self._ask, target, reply, created_s=created_s)

    def _fail_by_defect(self) -> None:
        """What the upstream sent was too much for us: that target is of no use for this request."""
        _LOG.exception("reading a response failed by a defect in the gateway")
        try:
            self._take_over_call().on_failed(TransportError.PROTOCOL, UNREADABLE)
        except Exception:  # noqa: BLE001 - as in `start`
            self.crash()

    def _succeed(self, answer: Answer) -> None:
        assert self._send is not None
        assert self._translation is not None
        runtime, journey, responder = self._runtime, self._journey, self._responder
        target = self._send.target
        usage = self._usage = answer.usage
        now = runtime.loop.time()
        journey.finished(1, usage, now)
        attempts = tuple(journey.attempts)
        upstream = attempts[0].target
        if runtime.waiting_lines.waiting:
            runtime.wake(upstream, _WAKE_AFTER_SUCCESS, now)
        lines = answer_lines(
            runtime,
            upstream,
            answer.content_type,
            responder.request_id,
            known_as=(self._client.request_id_header, self._upstream_id),
            adapted=self._translation.adapted(self._ask, target),
        )
        self._ended = True
        responder.answer(lines, answer.body)
        runtime.surroundings.on_outcome(
            Outcome(
                request_id=responder.request_id,
                route=self._route.name,
                stream=False,
                arrived=self._arrived,
                ended=now,
                attempts=attempts,
                skips=journey.skips,
                served_by=upstream,
                fault=None,
                client_gone=False,
                usage=usage,
                client=self._client.name,
                caller=self._sender.name,
                snapshot=runtime.snapshot.id,
                received_bytes=responder.received_bytes,
                sent_bytes=len(answer.body),
                trace=self._sender.trace,
            )
        )
        runtime.ended()

    def _take_over(self) -> Exchange:
        """Hand everything to an exchange, once."""
        if self._exchange is not None:
            return self._exchange
        runtime = self._runtime
        self._exchange = exchange = Exchange(
            runtime, self._route, self._client, self._ask, self._responder, self._sender, self._journey
        )
        exchange.take_over(self._arrived, self._send, self._upstream_id)
        if self._send is not None:
            if self._head is not None:
                exchange.lead.take_over(self._head, bytes(self._body))
            exchange.lead.usage = self._usage
            if self._connection is not None and self._pool is not None:
                exchange.lead.carry_on(self._pool, self._connection, self._request)
        return exchange

    def _take_over_call(self) -> Reception:
        """Hand everything over while a response is on its way; who reads it from now on."""
        return self._take_over().lead.reception
