"""One request in the gateway: carries out what its journey decides.

Rules
1. The journey decides, the exchange acts: it owns the calls, the delivery and the timer of one
   request, and nothing that outlives it.
2. Who comes while others wait, or looks for room by a timer, lets the head of the line go first.
3. Whatever happens, the request ends once: with an answer, an error, or a client that left; then
   its calls are over, the timer and the place in the line are given up, and the outcome is told.
"""

import logging
from dataclasses import replace

from halfopen import errors
from halfopen.gateway.answering import Answering, Writing
from halfopen.gateway.attempt import Attempt
from halfopen.gateway.delivery import Delivery, must_be_whole
from halfopen.gateway.demand import NOBODY, demand_of
from halfopen.gateway.failure import failure_of
from halfopen.gateway.flights import Flights
from halfopen.gateway.guarded import guarded
from halfopen.gateway.keepalive import KeepAlive, keep_alive
from halfopen.gateway.notes import Sender
from halfopen.gateway.responder import Responder
from halfopen.gateway.resumption import Resumption
from halfopen.gateway.runtime import RouteRuntime, Runtime
from halfopen.gateway.shedding import shed_fault
from halfopen.gateway.standing_in import bound_elsewhere, own_fault, repetition_of
from halfopen.gateway.streaming import Streaming
from halfopen.gateway.tracing import trace_lines
from halfopen.http1 import ResponseHead
from halfopen.model import Fault, Kind, Outcome, Target
from halfopen.policy import Journey, State
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.queue import Shedding
from halfopen.providers import Answer, Ask, ClientDialect, StreamEvent

_SLOW_CLIENT_CHARS = 1_000_000
"""What counts as received while the client, not the upstream, is slow: no stall, and no drip."""
_WAKE_AFTER_SUCCESS = 2
"""A success lets two of those who wait go, so that a recovered target fills up by doubling."""
_LOG = logging.getLogger("halfopen.gateway")


class Exchange:
    """One request from its arrival to its end."""

    __slots__ = (
        "_answer",
        "_answering",
        "_arrived",
        "_ask",
        "_client",
        "_delivery",
        "_ended",
        "_fault",
        "_flights",
        "_journey",
        "_keepalive",
        "_paused",
        "_responder",
        "_resumption",
        "_route",
        "_runtime",
        "_sender",
        "_streaming",
        "wake_at",
        "wheel_slot",
    )

    def __init__(  # it is the meeting point of a request, its client and its route
        self,
        runtime: Runtime,
        route: RouteRuntime,
        client: ClientDialect,
        ask: Ask,
        responder: Responder,
        sender: Sender = NOBODY,
        journey: Journey | None = None,
    ) -> None:
        """Does nothing until `start`. With a `journey`, which has begun, `take_over` takes its place."""
        self._runtime = runtime
        self._route = route
        self._client = client
        self._ask = ask
        self._sender = sender
        self._responder = responder
        self._resumption = Resumption(ask, route.content)
        self._journey = journey or route.journeys.begin(
            demand_of(sender, ask),
            self._unfit,
            self._resumption.obstacle,
            repetition_of(ask, lambda: self._journey),
            stream=ask.stream,
        )
        self._delivery = Delivery(
            responder,
            Writing(runtime, client, ask, responder).writer,
            self._resumption.delivered.note,
            holds_all=must_be_whole(ask, route.options),
            answer_max_bytes=runtime.snapshot.gateway.answer_max_bytes,
        )
        self._answering = Answering(runtime, client, ask, responder, self._journey, self._delivery)
        self._keepalive: KeepAlive | None = None
        self._flights = Flights(self._answering, self._delivery, self._resumption)
        parts = (self._delivery, self._flights, self._resumption)
        self._streaming = Streaming(self._journey, parts, runtime.loop, stall_s=route.options.stall_s)
        self._answer: Answer | None = None
        self._fault: Fault | None = None
        self._paused = False
        self._ended = False
        self._arrived = 0.0
        self.wake_at = float("inf")
        self.wheel_slot = 0

    @guarded
    def start(self) -> None:
        """The request is whole: go."""
        self._runtime.in_flight += 1
        self._responder.attach(self)
        self._arrived = now = self._runtime.loop.time()
        if self._ask.stream:
            wheel, options = self._runtime.wheel, self._route.options
            self._keepalive = keep_alive(self._delivery, self._answering.headers, wheel, options, now)
        self._route.let_go(now)
        self.step(ev.Arrived())

    def take_over(self, arrived: float, send: act.Send | None, upstream_id: str | None) -> None:
        """Go on with a request that came at `arrived` (monotonic seconds).

        `send` is its attempt that is under way, if any, and `upstream_id` what that one's answer is called.
        """
        self._responder.attach(self)
        self._arrived = arrived
        if send is not None:
            translation = self._answering.translation(send.target)
            attempt = Attempt(self._runtime, self, self._ask, translation, send)
            self._flights.begin(attempt, hedge=False)
            self._flights.told_id(attempt, upstream_id)
        self.wake_at = self._journey.wake_at
        self._runtime.wheel.set(self)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._ended

    @property
    def lead(self) -> Attempt:
        """The attempt whose answer the client gets. Only when there is one."""
        return next(iter(self._flights))

    def crash(self) -> None:
        """A defect of ours: log it, tell the client, end."""
        _LOG.exception("request %s failed by a defect in the gateway", self._responder.request_id)
        self._break_off(errors.make(Kind.GATEWAY_ERROR))

    def on_shutdown(self) -> None:
        """The gateway stops before the answer is whole."""
        fault = errors.make(
            Kind.GATEWAY_ERROR, "The gateway was stopped before the answer was whole.", effective_status=503
        )
        self._break_off(replace(fault, remedy="Send the request again, once a gateway is running."))

    def _break_off(self, fault: Fault) -> None:
        """End with a fault that the journey did not decide."""
        if self._ended:
            return
        self._fault = fault
        self._flights.cancel_all()
        failure = failure_of(fault, self._responder.request_id)
        try:
            self._answering.break_off(failure)
        except Exception:  # noqa: BLE001 - the defect may be in the way out itself
            _LOG.exception("request %s could not even be refused", self._responder.request_id)
            self._responder.abort()
        landed = len(self._journey.attempts)
        self._journey.abandon(self._runtime.loop.time())
        self._end()
        self._wake_after(landed)

    # The client's side.

    @guarded
    def on_client_gone(self) -> None:
        """Nobody will read the answer."""
        if self._ended:
            return
        self.step(ev.ClientGone())
        self._end(client_gone=True)

    def on_client_slow(self) -> None:
        """Read no more from the upstream for now."""
        self._paused = True
        self._flights.pause()

    def on_client_ready(self) -> None:
        """Read on."""
        self._paused = False
        if self._flights.resume():
            self._journey.progress(_SLOW_CLIENT_CHARS, self._runtime.loop.time())

    # Time and room.

    @guarded
    def on_timer(self, now: float) -> None:
        """The journey's time has come."""
        if self._ended:
            return
        if self._paused:
            self._journey.progress(_SLOW_CLIENT_CHARS, now)
        if self._waits:
            self._route.let_go(now)
        if self.wake_at <= now:  # else it was at the head itself
            self.step(ev.Timer())

    def on_room(self) -> bool:
        """A target may take the request now. Whether it did."""
        self._look_again()
        return not self._ended and self._journey.state is State.ATTEMPTING

    @guarded
    def _look_again(self) -> None:
        if self._waits:
            self.step(ev.PermitFreed())

    @guarded
    def on_shed(self, shedding: Shedding) -> None:
        """Another has got the place in the line."""
        if self._waits:
            self.step(ev.Shed(shed_fault(shedding)))

    @property
    def _waits(self) -> bool:
        return not self._ended and self._journey.state is State.WAITING

    # The upstream's side.

    @guarded
    def on_attempt_connected(self, attempt: Attempt) -> None:
        """The request is on its way."""
        self._journey.connected(attempt.number, self._runtime.loop.time())

    @guarded
    def on_attempt_head(self, attempt: Attempt, head: ResponseHead) -> None:
        """The upstream has begun to answer."""
        self._flights.told_id(attempt, head.header("x-request-id") or head.header("request-id"))
        if self._paused:
            attempt.pause()
        limits, now = attempt.limits(head), self._runtime.loop.time()
        self._journey.first_byte(attempt.number, head.status, limits, now)

    @guarded
    def on_attempt_events(self, attempt: Attempt, events: list[StreamEvent]) -> None:
        """Pieces of a stream."""
        self._streaming.take(self, attempt, events)

    @guarded
    def on_attempt_answer(self, attempt: Attempt, answer: Answer) -> None:
        """A whole plain answer."""
        attempt.let_end()
        attempt.usage = answer.usage
        self._answer = answer
        self.step(ev.Finished(attempt.number, answer.usage))

    @guarded
    def on_attempt_fault(self, attempt: Attempt, fault: Fault) -> None:
        """The attempt failed."""
        attempt.cancel()
        # Masked here, once, so that nothing behind holds a secret. The body goes: nobody shows it.
        masked = self._runtime.redactor.fault(replace(own_fault(self._ask, fault), body=b""))
        self._flights.lose(attempt)
        self.step(ev.Failed(attempt.number, masked, self._resumption.own(attempt.usage)))

    # What the journey says.

    def step(self, event: ev.Event) -> None:
        """Tell the journey, and carry out what it decides."""
        landed = len(self._journey.attempts)
        self.perform(self._journey.step(event, self._runtime.loop.time()))
        self._wake_after(landed)

    def on_first_content(self, attempt: Attempt, *, held: bool) -> None:
        """The attempt's answer begins, or its first part that is not held: its target may have more room."""
        self.step(ev.Content(attempt.number, held=held))
        if self._runtime.waiting_lines.waiting:
            self._runtime.wake(attempt.target.name, 1, self._runtime.loop.time())

    def _wake_after(self, landed: int) -> None:
        """Give away the room of the attempts that have ended, all but the first `landed`."""
        for each in self._journey.attempts[landed:]:
            succeeded = each.fault is None and not each.cancelled
            count = _WAKE_AFTER_SUCCESS if succeeded else 1
            self._runtime.wake(each.target, count, self._runtime.loop.time())

    def perform(self, actions: list[act.Action]) -> None:
        """Carry out what the journey has decided."""
        for action in actions:
            if isinstance(action, act.Send | act.ContinueOn):
                self._send(action)
            elif isinstance(action, act.Relay):
                self._delivery.commit(self._answering.headers())
            elif isinstance(action, act.Complete):
                self._complete()
            elif isinstance(action, act.Cancel):
                self._flights.cancel(action.attempt)
            elif isinstance(action, act.Fail):
                self._fail(action)
            else:
                self._wait(action)
        self.wake_at = self._journey.wake_at
        if not self._ended:
            self._runtime.wheel.set(self)

    def _send(self, send: act.Send | act.ContinueOn) -> None:
        hedge = isinstance(send, act.Send) and send.hedge
        self._route.line.leave(self)
        if not hedge:
            self._count_lead()
        ask = self._resumption.resume(send.target) if isinstance(send, act.ContinueOn) else self._ask
        trace = trace_lines(self._sender, self._runtime.traced_part, self._responder.request_id, send.attempt)
        attempt = Attempt(self._runtime, self, ask, self._answering.translation(send.target), send, trace)
        self._flights.begin(attempt, hedge=hedge)
        # A reused connection reports `connected` from within; the journey is between two steps then.
        self._runtime.loop.call_soon(self._dispatch, attempt)

    def _count_lead(self) -> None:
        """What an attempt that failed has spent is spent."""
        if self._journey.attempts:
            self._flights.count(self._journey.attempts[-1].fault)

    @guarded
    def _dispatch(self, attempt: Attempt) -> None:
        if not self._ended:
            attempt.dispatch()

    def _wait(self, wait: act.Wait) -> None:
        if wait.for_room:
            now, line = self._runtime.loop.time(), self._route.line
            shedding = line.join(self, demand_of(self._sender, self._ask), wait.deadline, now)
            line.note(self._journey.skips)
            if shedding is not None:
                self.step(ev.Shed(shed_fault(shedding)))

    def _complete(self) -> None:
        if self._ask.stream:
            self._answering.complete()
        else:
            assert self._answer is not None
            self._answering.whole(self._answer)
        self._end()

    def _fail(self, fail: act.Fail) -> None:
        self._fault = fault = fail.fault
        journey = self._journey
        self._count_lead()
        failure = failure_of(fault, self._responder.request_id, journey.attempts, journey.skips)
        self._answering.refuse(failure)
        self._end()

    def _unfit(self, target: Target) -> str | None:
        ask = self._resumption.request(target) if self._journey.committed else self._ask
        bound = bound_elsewhere(ask, self._route.states[0].target, target)
        return bound or self._answering.translation(target).unfit(ask, target)

    def _end(self, *, client_gone: bool = False) -> None:
        if self._ended:
            return
        self._ended = True
        runtime = self._runtime
        runtime.wheel.remove(self)
        if self._keepalive is not None:
            runtime.wheel.remove(self._keepalive)
        self._route.line.leave(self)
        self._flights.cancel_all()
        journey, served_by = self._journey, self._journey.served_by
        outcome = Outcome(
            request_id=self._responder.request_id,
            route=self._route.name,
            client=self._client.name,
            stream=self._ask.stream,
            arrived=self._arrived,
            ended=runtime.loop.time(),
            attempts=tuple(journey.attempts),
            skips=tuple(journey.skips),
            served_by=served_by.name if served_by else None,
            fault=self._fault,
            client_gone=client_gone,
            usage=self._flights.usage(whole=served_by is not None),
            continuations=tuple(self._resumption.continuations),
            caller=self._sender.name,
            snapshot=runtime.snapshot.id,
            received_bytes=self._responder.received_bytes,
            sent_bytes=self._answering.sent_bytes,
            trace=self._sender.trace,
        )
        self._flights.release()
        runtime.surroundings.on_outcome(outcome)
        runtime.ended()
