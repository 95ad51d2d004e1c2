"""The plan of one request, as a pure state machine: `step(event, now)` returns actions.

Rules, in the order in which they decide after a failure
1. The deadline has passed: fail.
2. The fault is the request's own, says the target that was asked for: fail with its own error, after
   that one call. Only a prompt that is too long for its context goes on to a target with a larger one.
   A request that the driver says may not be sent again fails, too.
3. Part of the answer has reached the client: go on with it by rules 4 to 6, if the route wants it and
   the driver says that it can be gone on with; else fail openly. Never re-send in silence.
4. Another fit target with room is untried: fail over.
5. The retry budget allows it and the delay fits before the deadline: the same target again, never
   sooner than its server asked.
6. A target will take calls again before the deadline: wait for it. A target whose probes have
   failed already is not waited for: its outage is confirmed.
7. Otherwise fail with the most informative error.

At most `attempts` calls are made, continuations included, none after the deadline, and one at a time.
Content that is held back (a tool call that is not closed, a route that holds) commits to nothing: a
failure then is like one before the content. Time: `deadline` bounds the request, `allowance` one attempt
until its first content, also by what is known of the target's own times, and `pace` a stream from there.
A stream that is over because of `stream_s` is long, or its client slow: no upstream is blamed.
The same object is driven by the gateway, by client transports, by bulk runs and by the simulator.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from halfopen import errors
from halfopen.model import Attempt, Fault, Kind, Reply, Skip, Target, TransportError
from halfopen.policy import events as ev
from halfopen.policy.actions import Action, Cancel, Complete, ContinueOn, Fail, Relay, Send, Wait
from halfopen.policy.allowance import allow
from halfopen.policy.deadline import Deadline
from halfopen.policy.flight import Flight
from halfopen.policy.options import AfterCommit, JourneyOptions, RetryOptions
from halfopen.policy.pace import Pace
from halfopen.policy.selection import NEVER, Selection
from halfopen.policy.target import Permit, Refusal, Refused, TargetState
from halfopen.policy.transitions import TABLE, IllegalTransitionError, State
from halfopen.seams import Entropy


class Journey:
    """One request on its way to an answer. Make it, step `Arrived`, and carry out what it says."""

    __slots__ = (
        "_deadline",
        "_flight",
        "_may_repeat",
        "_options",
        "_pace",
        "_resumable",
        "_retry",
        "_selection",
        "attempts",
        "committed",
        "served_by",
        "state",
        "stream",
        "wake_at",
    )

    def __init__(  # noqa: PLR0913 - what a plan depends on, by name
        self,
        targets: Sequence[TargetState],
        *,
        options: JourneyOptions,
        retry: RetryOptions,
        entropy: Entropy,
        stream: bool,
        unfit: Callable[[Target], str | None],
        resumable: Callable[[], str | None] | None = None,
        may_repeat: Callable[[Fault], bool] | None = None,
    ) -> None:
        """Nothing happens before `Arrived`.

        Args:
            targets: Where the request may go, in order of preference.
            options: The route's bounds.
            retry: The backoff between calls to one target.
            entropy: Draws from 0 to 1.
            stream: Whether a stream was asked for.
            unfit: Says why a target can't do the request, or None. Once `committed`, a target is asked
                anew: then it is to go on with an answer.
            resumable: Says why what the client has got can't be gone on with, or None. Without it
                nothing can.
            may_repeat: Whether the request may be sent again, to any target, after this fault. Without
                it: always.
        """
        self._selection = Selection(targets, retry, entropy, unfit)
        self._options = options
        self.stream = stream
        self.state = State.NEW
        self.wake_at = NEVER
        """When the driver must step `Timer` at the latest."""
        self.attempts: list[Attempt] = []
        """Every attempt that has ended."""
        self.served_by: Target | None = None
        self.committed = False
        """Whether part of an answer has reached the client. It stays so."""
        self._resumable = resumable
        self._may_repeat = may_repeat
        self._deadline = Deadline(options, stream=stream)
        self._flight: Flight | None = None
        self._pace: Pace | None = None
        self._retry: tuple[int, float] | None = None

    @property
    def skips(self) -> list[Skip]:
        """Targets that were passed over, each reason once."""
        return self._selection.skips

    @property
    def attempts_made(self) -> int:
        """Calls made so far, the one under way included."""
        return len(self.attempts) + (self._flight is not None)

    @property
    def current(self) -> Target | None:
        """The target that is being called, if any."""
        return self._selection.state(self._flight.index).target if self._flight else None

    def progress(self, chars: int, now: float) -> None:
        """More content came, held or not. Cheaper than an event; moves the stall timer."""
        if self._pace is not None:
            self._pace.progress(chars, now)

    def step(self, event: ev.Event, now: float) -> list[Action]:
        """Take one event and return what to do. Raises IllegalTransitionError."""
        name = TABLE.get((self.state, type(event)))
        if name is None:
            raise IllegalTransitionError(f"{type(event).__name__} while {self.state.value}")
        attempt = getattr(event, "attempt", None)
        if attempt is not None and (self._flight is None or attempt != self._flight.number):
            raise IllegalTransitionError(
                f"{type(event).__name__} of attempt {attempt}, which is not under way"
            )
        handler: Callable[[Any, float], list[Action]] = getattr(self, name)
        return handler(event, now)

    def abandon(self, now: float) -> None:
        """Give everything back, from whatever state: the driver itself has failed."""
        flight = self._flight
        if flight is not None and flight.permit.open:
            self._selection.state(flight.index).settle_cancelled(flight.permit)
            self._land(flight, now, fault=None, cancelled=True)
        self._end()

    # Handlers, named in `transitions.TABLE`.

    def _on_arrived(self, _event: ev.Arrived, now: float) -> list[Action]:
        self._deadline.begin(now)
        return self._seek(now)

    def _on_wake(self, _event: ev.Timer | ev.PermitFreed, now: float) -> list[Action]:
        return self._seek(now)

    def _on_connected(self, _event: ev.Connected, now: float) -> list[Action]:
        self._flying().connected = now
        return []

    def _on_first_byte(self, event: ev.FirstByte, now: float) -> list[Action]:
        flight = self._flying()
        flight.first_byte = now
        flight.status = event.status
        return []

    def _on_content(self, event: ev.Content, now: float) -> list[Action]:
        flight = self._flying()
        if flight.first_content is None:
            flight.first_content = now
            state = self._selection.state(flight.index)
            state.answering(flight.permit, now)
            state.first_content.record(now - flight.started)
            self._pace = Pace(self._options, self._deadline.arrived, now)
            self.wake_at = self._pace.wake_at
        if event.held and not self.committed:
            self.state = State.HELD
            return []
        self.state = State.COMMITTED
        if self.committed:
            return []
        self.committed = True
        return [Relay(event.attempt)]

    def _on_finished(self, event: ev.Finished, now: float) -> list[Action]:
        flight = self._flying()
        state = self._selection.state(flight.index)
        state.settle_success(flight.permit, now)
        self.served_by = state.target
        self._land(flight, now, fault=None)
        self._end()
        return [Complete(event.attempt)]

    def _on_failed(self, event: ev.Failed, now: float) -> list[Action]:
        return self._after_fault(event.fault, now)

    def _on_attempt_timer(self, _event: ev.Timer, now: float) -> list[Action]:
        flight = self._flying()
        if now < flight.deadline:
            self.wake_at = flight.deadline
            return []
        waited_s = now - flight.started
        blame = flight.allowance.is_fair
        if self.stream and blame:
            self._selection.state(flight.index).first_content.record(waited_s)
        kind = TransportError.FIRST_TOKEN_TIMEOUT if self.stream else TransportError.NO_RESPONSE
        fault = _transport_fault(kind, f"nothing within {waited_s:.1f} s")
        return [Cancel(flight.number), *self._after_fault(fault, now, blame=blame)]

    def _on_stream_timer(self, _event: ev.Timer, now: float) -> list[Action]:
        assert self._pace is not None
        reason = self._pace.check(now)
        if reason is None:
            self.wake_at = self._pace.wake_at
            return []
        flight = self._flying()
        fault = _transport_fault(reason, f"{now - self._deadline.arrived:.1f} s after the request came")
        blame = reason is not TransportError.STREAM_TOO_LONG
        return [Cancel(flight.number), *self._after_fault(fault, now, blame=blame)]

    def _on_shed(self, event: ev.Shed, now: float) -> list[Action]:
        return self._fail(self._final_fault(now, event.fault))

    def _on_client_gone(self, _event: ev.ClientGone, now: float) -> list[Action]:
        flight = self._flight
        if flight is None:
            self._end()
            return []
        self._selection.state(flight.index).settle_cancelled(flight.permit)
        self._land(flight, now, fault=None, cancelled=True)
        self._end()
        return [Cancel(flight.number)]

    # Decisions.

    def _after_fault(self, fault: Fault, now: float, *, blame: bool = True) -> list[Action]:
        flight = self._flying()
        state = self._selection.state(flight.index)
        if blame:
            state.settle_fault(flight.permit, fault, now)
        else:
            state.settle_cancelled(flight.permit)
        self._selection.failed(flight.index, fault)
        self._land(flight, now, fault=fault)
        if self.state in (State.HELD, State.COMMITTED):
            self._deadline.renew(now)
        if self._selection.is_final(flight.index, fault):
            return self._fail(fault)
        if self._may_repeat is not None and not self._may_repeat(fault):
            return self._fail(fault)
        if self.committed:
            if self._options.after_commit is not AfterCommit.CONTINUE or self._resumable is None:
                return self._fail(fault)
            obstacle = self._resumable()
            if obstacle is not None:
                return self._fail(replace(fault, evidence=(*fault.evidence, f"not gone on with: {obstacle}")))
            self._selection.look_anew()
        return self._seek(now)

    def _seek(self, now: float) -> list[Action]:
        """Find what to do next while no attempt is under way."""
        if now >= self._deadline.last_start or self.attempts_made >= self._options.attempts:
            return self._give_up(now)
        refusals: list[Refused] = []
        taken = self._selection.take_untried(now, refusals)
        if taken is None:
            if self._retry is None or self._selection.is_plan_vain(self._retry[0], now):
                self._retry = self._selection.plan_retry(now, self._deadline.at)
            if self._retry is not None:
                index, at = self._retry
                if now < at:
                    until = min([at, *(refused.until for refused in refusals)])
                    return self._wait(until, for_room=_has_queue(refusals, self._deadline.at))
                taken = self._selection.take_again(index, now, refusals)
        if taken is not None:
            self._retry = None
            return self._send(*taken, now)
        until = min((refused.until for refused in refusals), default=NEVER)
        for_room = _has_queue(refusals, self._deadline.at)
        if for_room or until < self._deadline.at:
            return self._wait(until, for_room=for_room)
        return self._give_up(now)

    def _send(self, index: int, permit: Permit, now: float) -> list[Action]:
        state, earlier = self._selection.state(index), self.attempts_made
        last = earlier + 1 >= self._options.attempts
        allowance = allow(
            state,
            self._options,
            self._deadline,
            now,
            stream=self.stream,
            earlier=earlier,
            others=lambda: not last and self._selection.others_could_serve(now),
        )
        self._flight = flight = Flight(earlier + 1, index, permit, allowance, now)
        self.wake_at = flight.deadline
        self.state = State.ATTEMPTING
        action = ContinueOn if self.committed else Send
        return [action(flight.number, state.target, flight.deadline)]

    def _wait(self, until: float, *, for_room: bool) -> list[Action]:
        self.state = State.WAITING
        self.wake_at = min(until, self._deadline.at)
        return [Wait(self.wake_at, for_room)]

    def _give_up(self, now: float) -> list[Action]:
        kind = Kind.NO_CAPACITY if now < self._deadline.last_start else Kind.DEADLINE_EXCEEDED
        return self._fail(self._final_fault(now, errors.make(kind)))

    def _final_fault(self, now: float, otherwise: Fault) -> Fault:
        return self._selection.final_fault(now, otherwise=otherwise, committed=self.committed)

    def _fail(self, fault: Fault) -> list[Action]:
        self._end()
        return [Fail(fault, self.committed)]

    # Bookkeeping.

    def _flying(self) -> Flight:
        assert self._flight is not None
        return self._flight

    def _land(self, flight: Flight, now: float, *, fault: Fault | None, cancelled: bool = False) -> None:
        name = self._selection.state(flight.index).target.name
        self.attempts.append(flight.land(name, now, fault=fault, cancelled=cancelled))
        self._flight = None
        self._pace = None

    def _end(self) -> None:
        self.state = State.ENDED
        self.wake_at = NEVER


def _has_queue(refusals: list[Refused], deadline: float) -> bool:
    """Whether a freed permit, or a probe's success, could end the wait early."""
    return any(
        refused.reason is Refusal.NO_ROOM
        or (refused.reason is Refusal.BREAKER_OPEN and refused.until < deadline)
        for refused in refusals
    )


def _transport_fault(kind: TransportError, detail: str) -> Fault:
    fault = errors.decode(Reply(transport=kind, detail=detail))
    assert fault is not None, "a transport error is always a fault"
    return fault
