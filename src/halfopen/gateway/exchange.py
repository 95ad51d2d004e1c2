"""One request in the gateway: carries out what its journey decides.

Rules
1. The journey decides, the exchange acts: it owns the call, the delivery and the timer of one
   request, and nothing that outlives it.
2. Whatever happens, the request ends once: with an answer, an error, or a client that left; then
   the call is over, the timer and the place in the line are given up, and the outcome is told.
"""

import logging
from dataclasses import replace

from halfopen import errors
from halfopen.gateway.answering import Answering
from halfopen.gateway.attempt import Attempt
from halfopen.gateway.delivery import Delivery, must_be_whole
from halfopen.gateway.failure import failure_of
from halfopen.gateway.guarded import guarded
from halfopen.gateway.keepalive import KeepAlive, keep_alive
from halfopen.gateway.responder import Responder
from halfopen.gateway.resumption import Resumption
from halfopen.gateway.runtime import RouteRuntime, Runtime
from halfopen.gateway.standing_in import bound_elsewhere, own_fault, repetition_of
from halfopen.http1 import ResponseHead
from halfopen.model import Fault, Kind, Outcome, Target
from halfopen.policy import Journey, State
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.providers import (
    Answer,
    Ask,
    ClientDialect,
    StreamEvent,
    StreamKind,
)

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
        "_attempt",
        "_client",
        "_delivery",
        "_ended",
        "_fault",
        "_journey",
        "_keepalive",
        "_paused",
        "_responder",
        "_resumption",
        "_route",
        "_runtime",
        "wake_at",
        "wheel_slot",
    )

    def __init__(
        self, runtime: Runtime, route: RouteRuntime, client: ClientDialect, ask: Ask, responder: Responder
    ) -> None:
        """Does nothing until `start`."""
        self._runtime = runtime
        self._route = route
        self._client = client
        self._ask = ask
        self._responder = responder
        self._resumption = Resumption(ask)
        self._journey = Journey(
            route.states,
            options=route.options,
            retry=runtime.snapshot.policy.retry,
            entropy=runtime.surroundings.entropy,
            stream=ask.stream,
            unfit=self._unfit,
            resumable=self._resumption.obstacle,
            may_repeat=repetition_of(ask, lambda: self._journey),
        )
        self._delivery = Delivery(
            responder,
            lambda: client.writer(
                ask, request_id=responder.request_id, created_s=int(runtime.surroundings.clock.wall())
            ),
            self._resumption.delivered.note,
            holds_all=must_be_whole(ask, route.options),
            answer_max_bytes=runtime.snapshot.gateway.answer_max_bytes,
        )
        self._answering = Answering(runtime, client, ask, responder, self._journey, self._delivery)
        self._keepalive: KeepAlive | None = None
        self._attempt: Attempt | None = None
        """The last one that was begun."""
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
        self._responder.attach(self)
        self._arrived = now = self._runtime.loop.time()
        if self._ask.stream:
            wheel, options = self._runtime.wheel, self._route.options
            self._keepalive = keep_alive(self._delivery, self._answering.headers, wheel, options, now)
        self._step(ev.Arrived())

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
        self._cancel()
        target = self._journey.current
        failure = failure_of(fault, self._responder.request_id)
        try:
            self._answering.break_off(failure)
        except Exception:  # noqa: BLE001 - the defect may be in the way out itself
            _LOG.exception("request %s could not even be refused", self._responder.request_id)
            self._responder.abort()
        self._journey.abandon(self._runtime.loop.time())
        self._end()
        if target is not None:
            self._runtime.wake(target.name, 1)

    # The client's side.

    @guarded
    def on_client_gone(self) -> None:
        """Nobody will read the answer."""
        if self._ended:
            return
        self._step(ev.ClientGone())
        self._end(client_gone=True)

    def on_client_slow(self) -> None:
        """Read no more from the upstream for now."""
        self._paused = True
        if self._attempt is not None:
            self._attempt.pause()

    def on_client_ready(self) -> None:
        """Read on."""
        self._paused = False
        if self._attempt is not None and self._attempt.resume():
            self._journey.progress(_SLOW_CLIENT_CHARS, self._runtime.loop.time())

    # Time and room.

    @guarded
    def on_timer(self, now: float) -> None:
        """The journey's time has come."""
        if self._ended:
            return
        if self._paused:
            self._journey.progress(_SLOW_CLIENT_CHARS, now)
        self._step(ev.Timer())

    def on_room(self) -> bool:
        """A target may take the request now. Whether it did."""
        self._look_again()
        return not self._ended and self._journey.state is State.ATTEMPTING

    @guarded
    def _look_again(self) -> None:
        if not self._ended and self._journey.state is State.WAITING:
            self._step(ev.PermitFreed())

    # The upstream's side.

    @guarded
    def on_attempt_connected(self) -> None:
        """The request is on its way."""
        self._step(ev.Connected(self._current.number))

    @guarded
    def on_attempt_head(self, head: ResponseHead) -> None:
        """The upstream has begun to answer."""
        attempt = self._current
        self._answering.upstream_id = head.header("x-request-id") or head.header("request-id")
        if self._paused:
            attempt.pause()
        self._step(ev.FirstByte(attempt.number, head.status))

    @guarded
    def on_attempt_events(self, events: list[StreamEvent]) -> None:
        """Pieces of a stream."""
        joint = self._resumption.joint
        for event in events:
            if event.chars:
                # What the joint takes away is progress all the same.
                self._note_content(event)
            for piece in (event,) if joint is None else joint.take(event):
                if not self._take(piece):
                    return

    def _take(self, event: StreamEvent) -> bool:
        """One event for the client. Whether the attempt goes on."""
        attempt, kind = self._current, event.kind
        if event.usage is not None:
            attempt.usage = event.usage
        if kind is StreamKind.FAULT:
            assert event.fault is not None
            self.on_attempt_fault(event.fault)
            return False
        if kind is StreamKind.DONE:
            attempt.let_end()
            self._resumption.went_on(self._delivery.comment)
            self._step(ev.Finished(attempt.number))
            return False
        if event.chars:
            self._resumption.went_on(self._delivery.comment)
        if kind is StreamKind.FINISH:
            attempt.finish_seen(self._route.options.stall_s)
        try:
            self._delivery.take(event)
        except BufferError as problem:
            self.on_attempt_fault(errors.make(Kind.ANSWER_TOO_LARGE, str(problem)))
            return False
        return not self._ended

    def _note_content(self, event: StreamEvent) -> None:
        """Tell the journey, before the event is taken: what it commits to goes out and is not held."""
        journey, held = self._journey, self._delivery.holds(event)
        self._current.chars += event.chars
        if journey.state is State.ATTEMPTING or (journey.state is State.HELD and not held):
            self._step(ev.Content(self._current.number, held=held))
        journey.progress(event.chars, self._runtime.loop.time())

    @guarded
    def on_attempt_answer(self, answer: Answer) -> None:
        """A whole plain answer."""
        attempt = self._current
        attempt.let_end()
        attempt.usage = answer.usage
        self._answer = answer
        self._step(ev.Finished(attempt.number))

    @guarded
    def on_attempt_fault(self, fault: Fault) -> None:
        """The attempt failed."""
        attempt = self._current
        attempt.cancel()
        # Masked here, once, so that nothing behind holds a secret. The body goes: nobody shows it.
        masked = self._runtime.redactor.fault(replace(own_fault(self._ask, fault), body=b""))
        self._step(ev.Failed(attempt.number, masked))

    # What the journey says.

    def _step(self, event: ev.Event) -> None:
        loop = self._runtime.loop
        target = self._journey.current
        self._perform(self._journey.step(event, loop.time()))
        if target is not None and self._journey.current is not target:
            succeeded = isinstance(event, ev.Finished)
            self._runtime.wake(target.name, _WAKE_AFTER_SUCCESS if succeeded else 1)

    def _perform(self, actions: list[act.Action]) -> None:
        for action in actions:
            if isinstance(action, act.Send | act.ContinueOn):
                self._send(action)
            elif isinstance(action, act.Relay):
                self._delivery.commit(self._answering.headers())
            elif isinstance(action, act.Complete):
                self._complete()
            elif isinstance(action, act.Cancel):
                self._cancel()
            elif isinstance(action, act.Fail):
                self._fail(action)
            else:
                self._wait(action)
        if not self._ended:
            self.wake_at = self._journey.wake_at
            self._runtime.wheel.set(self)

    def _send(self, send: act.Send | act.ContinueOn) -> None:
        runtime = self._runtime
        self._delivery.drop()
        self._route.line.leave(self)
        self._count_failed()
        self._answering.upstream_id = None
        ask = self._resumption.resume(send.target) if isinstance(send, act.ContinueOn) else self._ask
        translation = self._answering.translation(send.target)
        self._attempt = attempt = Attempt(runtime, self, ask, translation, send.target, send.attempt)
        # A reused connection reports `connected` from within; the journey is between two steps then.
        runtime.loop.call_soon(self._dispatch, attempt)

    @guarded
    def _dispatch(self, attempt: Attempt) -> None:
        if not self._ended and self._attempt is attempt:
            attempt.dispatch()

    def _count_failed(self) -> None:
        """What a failed attempt has spent is spent."""
        failed = self._attempt
        if failed is not None and not failed.counted:
            failed.counted = True
            self._resumption.failed(self._journey.attempts[-1].fault, failed.usage, failed.chars)

    def _wait(self, wait: act.Wait) -> None:
        if not wait.for_room or self._route.line.join(self):
            return
        limit = self._runtime.snapshot.gateway.queue_max
        fault = errors.make(Kind.NO_CAPACITY, f"{limit} requests are waiting already.")
        self._perform(self._journey.step(ev.Shed(fault), self._runtime.loop.time()))

    def _complete(self) -> None:
        if self._ask.stream:
            self._answering.complete()
        else:
            assert self._answer is not None
            self._answering.whole(self._answer)
        self._end()

    def _fail(self, fail: act.Fail) -> None:
        self._fault = fault = fail.fault
        self._count_failed()
        journey = self._journey
        failure = failure_of(fault, self._responder.request_id, journey.attempts, journey.skips)
        self._answering.refuse(failure)
        self._end()

    def _unfit(self, target: Target) -> str | None:
        ask = self._resumption.request(target) if self._journey.committed else self._ask
        bound = bound_elsewhere(ask, self._route.states[0].target, target)
        return bound or self._answering.translation(target).unfit(ask, target)

    @property
    def _current(self) -> Attempt:
        assert self._attempt is not None
        return self._attempt

    def _cancel(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()

    def _end(self, *, client_gone: bool = False) -> None:
        if self._ended:
            return
        self._ended = True
        runtime = self._runtime
        runtime.wheel.remove(self)
        if self._keepalive is not None:
            runtime.wheel.remove(self._keepalive)
        self._route.line.leave(self)
        self._cancel()
        last = self._attempt
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
            usage=self._resumption.total(
                *((None, 0) if last is None or last.counted else (last.usage, last.chars))
            ),
            continuations=tuple(self._resumption.continuations),
        )
        runtime.surroundings.on_outcome(outcome)
