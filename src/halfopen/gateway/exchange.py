"""One chat request in the gateway: carries out what its journey decides.

Rules
1. The journey decides, the exchange acts: it owns the call, the delivery and the timer of one
   request, and nothing that outlives it.
2. Whatever happens, the request ends once: with an answer, an error, or a client that left; then
   the call is over, the timer and the place in the line are given up, and the outcome is told.
"""

import logging
from dataclasses import replace

from halfopen import errors
from halfopen.gateway.delivery import Delivery
from halfopen.gateway.ending import FinishWatch, let_end, let_finish
from halfopen.gateway.failure import error_headers, error_json, status_of
from halfopen.gateway.guarded import guarded
from halfopen.gateway.pool import Pool, UpstreamCall
from halfopen.gateway.reception import Reception
from halfopen.gateway.responder import Responder
from halfopen.gateway.runtime import RouteRuntime, Runtime
from halfopen.http1 import ResponseHead
from halfopen.model import Fault, Kind, Outcome, Target, Usage
from halfopen.policy import Journey, State
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.providers import Answer, Chat, StreamEvent, StreamKind

_JSON = ("content-type", "application/json")
_ID_MAX_CHARS = 200
_SLOW_CLIENT_CHARS = 1_000_000
"""What counts as received while the client, not the upstream, is slow: no stall, and no drip."""
_WAKE_AFTER_SUCCESS = 2
"""A success lets two of those who wait go, so that a recovered target fills up by doubling."""


_LOG = logging.getLogger("halfopen.gateway")


class Exchange:
    """One request from its arrival to its end."""

    __slots__ = (
        "_answer",
        "_arrived",
        "_attempt",
        "_call",
        "_chat",
        "_delivery",
        "_ended",
        "_fault",
        "_finish_watch",
        "_journey",
        "_paused",
        "_reception",
        "_responder",
        "_route",
        "_runtime",
        "_upstream_id",
        "_usage",
        "wake_at",
        "wheel_slot",
    )

    def __init__(self, runtime: Runtime, route: RouteRuntime, chat: Chat, responder: Responder) -> None:
        """Does nothing until `start`."""
        self._runtime = runtime
        self._route = route
        self._chat = chat
        self._responder = responder
        self._journey = Journey(
            route.states,
            options=route.options,
            retry=runtime.snapshot.policy.retry,
            entropy=runtime.surroundings.entropy,
            stream=chat.stream,
            unfit=self._unfit,
        )
        self._delivery = Delivery(responder)
        self._reception: Reception | None = None
        self._finish_watch: FinishWatch | None = None
        self._call: UpstreamCall | None = None
        self._attempt = 0
        self._answer: Answer | None = None
        self._usage: Usage | None = None
        self._fault: Fault | None = None
        self._upstream_id: str | None = None
        self._paused = False
        self._ended = False
        self._arrived = 0.0
        self.wake_at = float("inf")
        self.wheel_slot = 0

    @guarded
    def start(self) -> None:
        """The request is whole: go."""
        self._responder.attach(self)
        self._arrived = self._runtime.loop.time()
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
        self._cancel_call()
        target = self._journey.current
        body = error_json(fault, self._responder.request_id)
        try:
            if self._delivery.begun:
                self._delivery.break_off(body)
            else:
                self._responder.send(status_of(fault), [*error_headers(fault), self._own_id], body)
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
        if self._call is not None:
            self._call.pause()

    def on_client_ready(self) -> None:
        """Read on."""
        self._paused = False
        if self._call is not None:
            self._journey.progress(_SLOW_CLIENT_CHARS, self._runtime.loop.time())
            self._call.resume()

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
        self._step(ev.Connected(self._attempt))

    @guarded
    def on_attempt_head(self, head: ResponseHead) -> None:
        """The upstream has begun to answer."""
        self._upstream_id = head.header("x-request-id") or head.header("request-id")
        self._step(ev.FirstByte(self._attempt, head.status))

    @guarded
    def on_attempt_events(self, events: list[StreamEvent]) -> None:
        """Pieces of a stream."""
        for event in events:
            if self._ended:
                return
            kind = event.kind
            if event.usage is not None:
                self._usage = event.usage
            if kind is StreamKind.FAULT:
                assert event.fault is not None
                self.on_attempt_fault(event.fault)
                return
            if kind is StreamKind.DONE:
                call, self._call = self._call, None
                if call is not None:
                    let_end(call, self._runtime.wheel, self._runtime.loop.time())
                self._step(ev.Finished(self._attempt))
                return
            if kind is StreamKind.FINISH and self._reception is not None and self._finish_watch is None:
                self._finish_watch = let_finish(
                    self._reception,
                    self._runtime.wheel,
                    self._runtime.loop.time(),
                    self._route.options.stall_s,
                )
            if kind is StreamKind.CONTENT:
                # Before it is taken: content of any size goes out and is not held.
                if self._journey.state is State.ATTEMPTING:
                    self._step(ev.Content(self._attempt))
                self._journey.progress(event.chars, self._runtime.loop.time())
            try:
                self._delivery.take(event)
            except BufferError as problem:
                self.on_attempt_fault(errors.make(Kind.MALFORMED_ANSWER, str(problem)))
                return

    @guarded
    def on_attempt_answer(self, answer: Answer) -> None:
        """A whole plain answer."""
        self._call = None
        self._answer = answer
        self._usage = answer.usage
        self._step(ev.Finished(self._attempt))

    @guarded
    def on_attempt_fault(self, fault: Fault) -> None:
        """The attempt failed."""
        self._cancel_call()
        # Masked here, once, so that nothing behind holds a secret. The body goes: nobody shows it.
        masked = self._runtime.redactor.fault(replace(fault, body=b""))
        self._step(ev.Failed(self._attempt, masked))

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
            if isinstance(action, act.Send):
                self._send(action)
            elif isinstance(action, act.Relay):
                self._delivery.begin(self._headers())
            elif isinstance(action, act.Complete):
                self._complete()
            elif isinstance(action, act.Cancel):
                self._cancel_call()
            elif isinstance(action, act.Fail):
                self._fail(action)
            else:
                self._wait(action)
        if not self._ended:
            self.wake_at = self._journey.wake_at
            self._runtime.wheel.set(self)

    def _send(self, send: act.Send) -> None:
        runtime = self._runtime
        provider = runtime.providers[send.target.provider]
        self._delivery.drop()
        self._forget_finish()
        self._route.line.leave(self)
        self._attempt = send.attempt
        self._upstream_id = None
        self._usage = None
        self._reception = reception = Reception(
            self,
            self._chat,
            send.target,
            provider.dialect,
            answer_max_bytes=runtime.snapshot.gateway.answer_max_bytes,
            wall_s=runtime.surroundings.clock.wall(),
        )
        call = provider.dialect.call(self._chat, send.target, provider.key)
        # A reused connection reports `connected` from within; the journey is between two steps then.
        request = provider.request(call)
        runtime.loop.call_soon(self._dispatch, send.attempt, provider.pool, request, reception)

    @guarded
    def _dispatch(self, attempt: int, pool: Pool, request: tuple[bytes, bytes], reception: Reception) -> None:
        if self._ended or self._attempt != attempt or self._journey.state is not State.ATTEMPTING:
            reception.over = True
            return
        self._call = pool.call(request, reception)

    def _wait(self, wait: act.Wait) -> None:
        if not wait.for_room or self._route.line.join(self):
            return
        limit = self._runtime.snapshot.gateway.queue_max
        fault = errors.make(Kind.NO_CAPACITY, f"{limit} requests are waiting already.")
        self._perform(self._journey.step(ev.Shed(fault), self._runtime.loop.time()))

    def _complete(self) -> None:
        if self._chat.stream:
            if not self._delivery.begun:
                self._delivery.begin(self._headers())
            self._delivery.complete()
        else:
            assert self._answer is not None
            self._responder.send(200, [_JSON, *self._headers()], self._answer.body)
        self._end()

    def _fail(self, fail: act.Fail) -> None:
        self._fault = fault = fail.fault
        journey = self._journey
        body = error_json(fault, self._responder.request_id, journey.attempts, journey.skips)
        if fail.committed:
            self._delivery.break_off(body)
        else:
            self._responder.send(status_of(fault), [*error_headers(fault), *self._headers()], body)
        self._end()

    @property
    def _own_id(self) -> tuple[str, str]:
        return "x-halfopen-request-id", self._responder.request_id

    def _headers(self) -> list[tuple[str, str]]:
        """What every answer says of how it came about."""
        target: Target | None = self._journey.current or self._journey.served_by
        headers = [
            self._own_id,
            ("x-halfopen-attempts", str(self._journey.attempts_made)),
            *self._runtime.surroundings.answer_headers,
        ]
        if target is not None:
            headers.append(("x-halfopen-upstream", target.name))
            adapted = self._runtime.providers[target.provider].dialect.adapted(self._chat, target)
            if adapted:
                headers.append(("x-halfopen-adapted", "; ".join(adapted)))
        upstream_id = self._upstream_id
        if upstream_id is not None and not self._runtime.holds_secret(upstream_id):
            headers.append(("x-request-id", upstream_id[:_ID_MAX_CHARS]))
        return headers

    def _unfit(self, target: Target) -> str | None:
        return self._runtime.providers[target.provider].dialect.unfit(self._chat, target)

    def _forget_finish(self) -> None:
        watch, self._finish_watch = self._finish_watch, None
        if watch is not None:
            self._runtime.wheel.remove(watch)

    def _cancel_call(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _end(self, *, client_gone: bool = False) -> None:
        if self._ended:
            return
        self._ended = True
        runtime = self._runtime
        runtime.wheel.remove(self)
        self._forget_finish()
        self._route.line.leave(self)
        self._cancel_call()
        journey = self._journey
        served_by = journey.served_by
        runtime.surroundings.on_outcome(
            Outcome(
                request_id=self._responder.request_id,
                route=self._route.name,
                stream=self._chat.stream,
                arrived=self._arrived,
                ended=runtime.loop.time(),
                attempts=tuple(journey.attempts),
                skips=tuple(journey.skips),
                served_by=served_by.name if served_by else None,
                fault=self._fault,
                client_gone=client_gone,
                usage=self._usage,
            )
        )
