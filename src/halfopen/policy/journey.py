"""The plan of one request, as a pure state machine: `step(event, now)` returns actions.

Rules, in the order in which they decide after a failure
1. The deadline has passed: fail.
2. The fault is the request's own, says the target that was asked for: fail with its own error, after
   that one call.
3. Part of the answer has reached the client: fail openly, never re-send in silence.
4. Another fit target with room is untried: fail over.
5. The retry budget allows it and the delay fits before the deadline: the same target again, never
   sooner than its server asked.
6. A target will take calls again before the deadline: wait for it. A target whose probes have
   failed already is not waited for: its outage is confirmed.
7. Otherwise fail with the most informative error.

At most `attempts` calls are made, none after the deadline, and one at a time. An attempt gets at
most half of the time that is left while another target could still be tried.
The same object is driven by the gateway, by client transports, by bulk runs and by the simulator.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final

from halfopen import errors
from halfopen.model import Attempt, Fault, Kind, Reply, Skip, Target, TransportError
from halfopen.policy import events as ev
from halfopen.policy.actions import Action, Cancel, Complete, Fail, Relay, Send, Wait
from halfopen.policy.flight import Flight
from halfopen.policy.options import JourneyOptions, RetryOptions
from halfopen.policy.pace import Pace
from halfopen.policy.selection import NEVER, Selection
from halfopen.policy.target import Permit, Refusal, Refused, TargetState
from halfopen.seams import Entropy

_FAIR_SHARE = 0.9
_LEFT_MIN_S = 1.0
_LEFT_MIN_SHARE = 0.05
"""With less than this left of the deadline an attempt would only waste the target's work."""


class State(Enum):
    """Where a journey stands."""

    NEW = "new"
    WAITING = "waiting"
    ATTEMPTING = "attempting"
    COMMITTED = "committed"
    ENDED = "ended"


class IllegalTransitionError(RuntimeError):
    """The driver told an event that can't happen in this state. Nothing has changed."""


class Journey:
    """One request on its way to an answer. Make it, step `Arrived`, and carry out what it says."""

    __slots__ = (
        "_arrived",
        "_deadline",
        "_flight",
        "_last_start",
        "_options",
        "_pace",
        "_retry",
        "_selection",
        "attempts",
        "served_by",
        "state",
        "stream",
        "wake_at",
    )

    def __init__(
        self,
        targets: Sequence[TargetState],
        *,
        options: JourneyOptions,
        retry: RetryOptions,
        entropy: Entropy,
        stream: bool,
        unfit: Callable[[Target], str | None],
    ) -> None:
        """Plans over `targets` in order of preference; `unfit` says why one can't do the request."""
        self._selection = Selection(targets, retry, entropy, unfit)
        self._options = options
        self.stream = stream
        self.state = State.NEW
        self.wake_at = NEVER
        """When the driver must step `Timer` at the latest."""
        self.attempts: list[Attempt] = []
        """Every attempt that has ended."""
        self.served_by: Target | None = None
        self._arrived = 0.0
        self._deadline = NEVER
        self._last_start = NEVER
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
        """More content came on a committed stream. Cheaper than an event; moves the stall timer."""
        if self._pace is not None:
            self._pace.progress(chars, now)

    def step(self, event: ev.Event, now: float) -> list[Action]:
        """Take one event and return what to do. Raises IllegalTransitionError."""
        name = _TABLE.get((self.state, type(event)))
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

    # Handlers, named in the table below.

    def _on_arrived(self, _event: ev.Arrived, now: float) -> list[Action]:
        self._arrived = now
        self._deadline = now + self._options.deadline_s
        self._last_start = self._deadline - min(_LEFT_MIN_S, _LEFT_MIN_SHARE * self._options.deadline_s)
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
        flight.first_content = now
        self._selection.state(flight.index).answering(flight.permit, now)
        self._pace = Pace(self._options, self._arrived, now)
        self.wake_at = self._pace.wake_at
        self.state = State.COMMITTED
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
        waited = f"nothing within {now - flight.started:.1f} s"
        kind = TransportError.FIRST_TOKEN_TIMEOUT if self.stream else TransportError.NO_RESPONSE
        fault = _transport_fault(kind, waited)
        return [Cancel(flight.number), *self._after_fault(fault, now, blame=self._had_its_time(flight))]

    def _on_stream_timer(self, _event: ev.Timer, now: float) -> list[Action]:
        assert self._pace is not None
        reason = self._pace.check(now)
        if reason is None:
            self.wake_at = self._pace.wake_at
            return []
        flight = self._flying()
        fault = _transport_fault(reason, f"{now - self._arrived:.1f} s after the request came")
        return [Cancel(flight.number), *self._after_fault(fault, now)]

    def _on_shed(self, event: ev.Shed, now: float) -> list[Action]:
        return self._fail(self._selection.final_fault(now, otherwise=event.fault), committed=False)

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
        committed = self.state is State.COMMITTED
        state = self._selection.state(flight.index)
        if blame:
            state.settle_fault(flight.permit, fault, now)
        else:
            state.settle_cancelled(flight.permit)
        self._selection.failed(flight.index, fault)
        self._land(flight, now, fault=fault)
        if committed or self._selection.is_final(flight.index, fault):
            return self._fail(fault, committed=committed)
        return self._seek(now)

    def _seek(self, now: float) -> list[Action]:
        """Find what to do next while no attempt is under way."""
        if now >= self._last_start or self.attempts_made >= self._options.attempts:
            return self._give_up(now)
        refusals: list[Refused] = []
        taken = self._selection.take_untried(now, refusals)
        if taken is None:
            if self._retry is None or self._selection.is_plan_vain(self._retry[0], now):
                self._retry = self._selection.plan_retry(now, self._deadline)
            if self._retry is not None:
                index, at = self._retry
                if now < at:
                    until = min([at, *(refused.until for refused in refusals)])
                    return self._wait(until, for_room=_has_queue(refusals, self._deadline))
                taken = self._selection.take_again(index, now, refusals)
        if taken is not None:
            self._retry = None
            return self._send(*taken, now)
        until = min((refused.until for refused in refusals), default=NEVER)
        for_room = _has_queue(refusals, self._deadline)
        if for_room or until < self._deadline:
            return self._wait(until, for_room=for_room)
        return self._give_up(now)

    def _send(self, index: int, permit: Permit, now: float) -> list[Action]:
        left = self._deadline - now
        own = self._options.first_token_s if self.stream else self._options.attempt_s
        last = self.attempts_made + 1 >= self._options.attempts
        # The others matter only when half of what is left is less than the attempt's own time.
        shared = own > left / 2 and not last and self._selection.others_could_serve(now)
        allowed = min(own, left / 2 if shared else left)
        flight = Flight(self.attempts_made + 1, index, permit, now, now + allowed, shared=shared)
        self._flight = flight
        self.wake_at = flight.deadline
        self.state = State.ATTEMPTING
        return [Send(flight.number, self._selection.state(index).target, flight.deadline)]

    def _wait(self, until: float, *, for_room: bool) -> list[Action]:
        self.state = State.WAITING
        self.wake_at = min(until, self._deadline)
        return [Wait(self.wake_at, for_room)]

    def _give_up(self, now: float) -> list[Action]:
        nothing_known = errors.make(Kind.NO_CAPACITY if now < self._last_start else Kind.DEADLINE_EXCEEDED)
        return self._fail(self._selection.final_fault(now, otherwise=nothing_known), committed=False)

    def _fail(self, fault: Fault, *, committed: bool) -> list[Action]:
        self._end()
        return [Fail(fault, committed)]

    def _had_its_time(self, flight: Flight) -> bool:
        """Whether an attempt that ran out of time had about as much as its turn is due.

        One that began late, because the request had waited in a line, says nothing about the target;
        blaming it would turn a queue at a healthy target into an outage.
        """
        own = self._options.first_token_s if self.stream else self._options.attempt_s
        earlier = flight.number if flight.shared else flight.number - 1
        due = min(own, self._options.deadline_s / 2.0**earlier)
        return flight.deadline - flight.started >= _FAIR_SHARE * due

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


_TABLE: Final[Mapping[tuple[State, type], str]] = {
    (State.NEW, ev.Arrived): "_on_arrived",
    (State.NEW, ev.ClientGone): "_on_client_gone",
    (State.WAITING, ev.Timer): "_on_wake",
    (State.WAITING, ev.PermitFreed): "_on_wake",
    (State.WAITING, ev.Shed): "_on_shed",
    (State.WAITING, ev.ClientGone): "_on_client_gone",
    (State.ATTEMPTING, ev.Connected): "_on_connected",
    (State.ATTEMPTING, ev.FirstByte): "_on_first_byte",
    (State.ATTEMPTING, ev.Content): "_on_content",
    (State.ATTEMPTING, ev.Finished): "_on_finished",
    (State.ATTEMPTING, ev.Failed): "_on_failed",
    (State.ATTEMPTING, ev.Timer): "_on_attempt_timer",
    (State.ATTEMPTING, ev.ClientGone): "_on_client_gone",
    (State.COMMITTED, ev.Finished): "_on_finished",
    (State.COMMITTED, ev.Failed): "_on_failed",
    (State.COMMITTED, ev.Timer): "_on_stream_timer",
    (State.COMMITTED, ev.ClientGone): "_on_client_gone",
}
"""What each event does in each state. A pair that is not here can't happen."""
