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

At most `attempts` calls are made, continuations and hedges included, none after the deadline, and one
at a time. Only when the route hedges, and a stream's first content is late, is a second target called
while the first goes on; whichever brings content first wins, and the other is cancelled. When one of
two fails, the other simply goes on.
Content that is held back (a tool call that is not closed, a route that holds) commits to nothing: a
failure then is like one before the content. Time: `deadline` bounds the request, `allowance` one attempt
until its first content, also by what is known of the target's own times, and `pace` a stream from there.
A stream that is over because of `stream_s` is long, or its client slow: no upstream is blamed.
The same object is driven by the gateway, by client transports, by bulk runs and by the simulator.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from halfopen import errors
from halfopen.model import Attempt, Demand, Fault, Kind, RateLimit, Skip, Target, TransportError, Usage
from halfopen.policy import events as ev
from halfopen.policy.actions import Action, Cancel, Complete, ContinueOn, Fail, Relay, Send, Wait
from halfopen.policy.allowance import allow
from halfopen.policy.choice import Choice, arranged
from halfopen.policy.deadline import Deadline
from halfopen.policy.flight import Flight
from halfopen.policy.hedge import HedgeBudget, take_hedge
from halfopen.policy.never import NEVER
from halfopen.policy.options import AfterCommit, JourneyOptions, RetryOptions
from halfopen.policy.pace import Pace
from halfopen.policy.selection import Selection, has_queue
from halfopen.policy.target import Permit, Refused, TargetState
from halfopen.policy.timeout import timeout_fault
from halfopen.policy.transitions import TABLE, IllegalTransitionError, State
from halfopen.seams import Entropy

_ANY_DEMAND = Demand()
# Looking a member up in its class takes as long as a method does.
_NEW: Final = State.NEW
_WAITING: Final = State.WAITING
_ATTEMPTING: Final = State.ATTEMPTING
_COMMITTED: Final = State.COMMITTED
_ENDED: Final = State.ENDED
_ORDER: Final = Choice.ORDER


class Journey:
    """One request on its way to an answer. Make it, step `Arrived`, and carry out what it says."""

    __slots__ = (
        "_deadline",
        "_demand",
        "_flights",
        "_hedge",
        "_hedge_at",
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

    def __init__(  # noqa: PLR0913, PLR0917 - all that a plan depends on; `Journeys` says it for a route
        self,
        targets: Sequence[TargetState],
        options: JourneyOptions,
        retry: RetryOptions,
        entropy: Entropy,
        stream: bool,  # noqa: FBT001 - once a request: a name would cost a tenth of its way
        unfit: Callable[[Target], str | None],
        resumable: Callable[[], str | None] | None = None,
        may_repeat: Callable[[Fault], bool] | None = None,
        demand: Demand = _ANY_DEMAND,
        hedge: HedgeBudget | None = None,
    ) -> None:
        """Nothing happens before `Arrived`. The arguments are those of `Journeys`."""
        if options.choice is not _ORDER:
            targets = arranged(targets, options.choice, options.weights, demand, entropy)
        self._selection = Selection(targets, retry, entropy, unfit, demand)
        self._options = options
        self._demand = demand
        self._hedge = hedge if stream and hedge is not None and hedge.extra_load > 0.0 else None
        self.stream = stream
        self.state = _NEW
        self.wake_at = NEVER
        """When the driver must step `Timer` at the latest."""
        self.attempts: list[Attempt] = []
        """Every attempt that has ended."""
        self.served_by: Target | None = None
        self.committed = False
        """Whether part of an answer has reached the client. It stays so."""
        self._resumable = resumable
        self._may_repeat = may_repeat
        self._deadline = Deadline(options, stream, demand.patience_s)
        self._flights: list[Flight] = []
        """The attempts under way: one, or two when the second is a hedge."""
        self._hedge_at = NEVER
        self._pace: Pace | None = None
        self._retry: tuple[int, float] | None = None

    @property
    def skips(self) -> tuple[Skip, ...]:
        """Targets that were passed over, each reason once."""
        return self._selection.skips

    @property
    def attempts_made(self) -> int:
        """Calls made so far, those under way included."""
        return len(self.attempts) + len(self._flights)

    @property
    def current(self) -> Target | None:
        """The target that is being called, if any; of two the first."""
        return self._flights[0].state.target if self._flights else None

    def progress(self, chars: int, now: float) -> None:
        """More content came, held or not. Cheaper than an event; moves the stall timer."""
        if self._pace is not None:
            self._pace.progress(chars, now)

    def step(self, event: ev.Event, now: float) -> list[Action]:
        """Take one event and return what to do. Raises IllegalTransitionError."""
        handler = _HANDLERS[self.state].get(type(event))
        if handler is None:
            raise IllegalTransitionError(f"{type(event).__name__} while {self.state.value}")
        return handler(self, event, now)

    # What happens to every request, told without an event: as `step` would, for a driver in a hurry.

    def arrived(self, now: float) -> list[Action]:
        """As `step` of `Arrived`."""
        if self.state is not _NEW:
            raise IllegalTransitionError(f"Arrived while {self.state.value}")
        self._deadline.begin(now)
        return self._seek(now)

    def connected(self, attempt: int, now: float) -> None:
        """As `step` of `Connected`, which never asks for anything."""
        if self.state is not _ATTEMPTING:
            raise IllegalTransitionError(f"Connected while {self.state.value}")
        self._flying(attempt, "Connected").connected = now

    def first_byte(self, attempt: int, status: int, limits: tuple[RateLimit, ...], now: float) -> None:
        """As `step` of `FirstByte`, which never asks for anything."""
        if self.state is not _ATTEMPTING:
            raise IllegalTransitionError(f"FirstByte while {self.state.value}")
        flight = self._flying(attempt, "FirstByte")
        flight.first_byte, flight.status = now, status
        if limits:
            flight.state.learn(flight.permit, limits, now)

    def finished(self, attempt: int, usage: Usage | None, now: float) -> list[Action]:
        """As `step` of `Finished`."""
        flight = self._flying(attempt, "Finished")
        actions = self._cancel(now, but=flight) if len(self._flights) > 1 else []
        flight.state.settle_success(flight.permit, now, usage)
        self.served_by = flight.state.target
        self._land(flight, flight.land(now, None, usage))
        self._end()
        actions.append(Complete(attempt))
        return actions

    def abandon(self, now: float) -> None:
        """Give everything back, from whatever state: the driver itself has failed."""
        self._cancel(now)
        self._end()

    # Handlers, named in `transitions.TABLE`.

    def _on_arrived(self, _event: ev.Arrived, now: float) -> list[Action]:
        return self.arrived(now)

    def _on_wake(self, _event: ev.Timer | ev.PermitFreed, now: float) -> list[Action]:
        return self._seek(now)

    def _on_connected(self, event: ev.Connected, now: float) -> list[Action]:
        self.connected(event.attempt, now)
        return []

    def _on_first_byte(self, event: ev.FirstByte, now: float) -> list[Action]:
        self.first_byte(event.attempt, event.status, event.limits, now)
        return []

    def _on_content(self, event: ev.Content, now: float) -> list[Action]:
        flight = self._flying(event.attempt, "Content")
        actions = self._cancel(now, but=flight)
        if flight.first_content is None:
            flight.first_content = now
            flight.state.answering(flight.permit, now, now - flight.started)
            self._pace = Pace(self._options, self._deadline.stream_until, now)
            self.wake_at = self._pace.wake_at
        if event.held and not self.committed:
            self.state = State.HELD
            return actions
        self.state = _COMMITTED
        if not self.committed:
            self.committed = True
            actions.append(Relay(event.attempt))
        return actions

    def _on_finished(self, event: ev.Finished, now: float) -> list[Action]:
        return self.finished(event.attempt, event.usage, now)

    def _on_failed(self, event: ev.Failed, now: float) -> list[Action]:
        return self._after_fault(self._flying(event.attempt, "Failed"), event.fault, now, usage=event.usage)

    def _on_attempt_timer(self, _event: ev.Timer, now: float) -> list[Action]:
        late = next((flight for flight in self._flights if now >= flight.deadline), None)
        if late is None:
            actions = self._send_hedge(now) if now >= self._hedge_at else []
            self._set_timer()
            return actions
        waited_s = now - late.started
        blame = late.is_fair
        if self.stream and blame:
            late.state.waited_in_vain(waited_s, now)
        kind = TransportError.FIRST_TOKEN_TIMEOUT if self.stream else TransportError.NO_RESPONSE
        fault = timeout_fault(kind, f"nothing within {waited_s:.1f} s")
        return [Cancel(late.number), *self._after_fault(late, fault, now, blame=blame)]

    def _on_stream_timer(self, _event: ev.Timer, now: float) -> list[Action]:
        assert self._pace is not None
        reason = self._pace.check(now)
        if reason is None:
            self.wake_at = self._pace.wake_at
            return []
        flight = self._flights[0]
        fault = timeout_fault(reason, f"{now - self._deadline.arrived:.1f} s after the request came")
        blame = reason is not TransportError.STREAM_TOO_LONG
        return [Cancel(flight.number), *self._after_fault(flight, fault, now, blame=blame)]

    def _on_shed(self, event: ev.Shed, now: float) -> list[Action]:
        return self._fail(self._final_fault(now, event.fault))

    def _on_client_gone(self, _event: ev.ClientGone, now: float) -> list[Action]:
        actions = self._cancel(now)
        self._end()
        return actions

    # Decisions.

    def _after_fault(
        self, flight: Flight, fault: Fault, now: float, *, usage: Usage | None = None, blame: bool = True
    ) -> list[Action]:
        if blame:
            flight.state.settle_fault(flight.permit, fault, now, usage)
        else:
            flight.state.settle_cancelled(flight.permit, now)
        self._selection.failed(flight.index, fault, flight.permit.credential)
        self._land(flight, flight.land(now, fault, usage))
        final = self._selection.is_final(flight.index, fault)
        if self._flights:
            # The other of two goes on, unless the fault is the request's own.
            if final:
                return [*self._cancel(now), *self._fail(fault)]
            self._set_timer()
            return []
        if self.state is not _ATTEMPTING:
            self._deadline.renew(now)
        if final or (self._may_repeat is not None and not self._may_repeat(fault)):
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
        if now >= self._deadline.last_start or len(self.attempts) >= self._options.attempts:
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
                    return self._wait(until, for_room=has_queue(refusals, self._deadline.at))
                taken = self._selection.take_again(index, now, refusals)
        if taken is not None:
            self._retry = None
            return self._send(taken[0], taken[1], now)
        until = min((refused.until for refused in refusals), default=NEVER)
        for_room = has_queue(refusals, self._deadline.at)
        if for_room or until < self._deadline.at:
            return self._wait(until, for_room=for_room)
        return self._give_up(now)

    def _send(self, index: int, permit: Permit, now: float, *, hedge: bool = False) -> list[Action]:
        selection, flights = self._selection, self._flights
        state, earlier = selection.states[index], len(self.attempts) + len(flights)
        others = None if earlier + 1 >= self._options.attempts else selection
        allowance = allow(
            state, self._options, self._deadline, now, stream=self.stream, earlier=earlier, others=others
        )
        flight = Flight(earlier + 1, index, state, permit, allowance, now)
        flights.append(flight)
        self.state = _ATTEMPTING
        if not hedge and self._hedge is not None:
            self._hedge.earn(max(1, self._demand.tokens))
            delay_s = None if others is None or self.committed else self._hedge.delay_s(state)
            self._hedge_at = NEVER if delay_s is None else now + delay_s
        self._set_timer()
        number, target, deadline = flight.number, state.target, flight.deadline
        if self.committed:
            return [ContinueOn(number, target, deadline, permit.credential)]
        repeats = selection.repeats(index) if earlier else self._demand.repeats
        return [Send(number, target, deadline, permit.credential, repeats, hedge)]

    def _send_hedge(self, now: float) -> list[Action]:
        """The first content is late: call another target as well, if nothing speaks against it."""
        self._hedge_at = NEVER
        if self._hedge is None or self._may_repeat is not None or now >= self._deadline.last_start:
            return []
        taken = take_hedge(self._hedge, self._selection, max(1, self._demand.tokens), now)
        return [] if taken is None else self._send(taken[0], taken[1], now, hedge=True)

    def _wait(self, until: float, *, for_room: bool) -> list[Action]:
        self.state = _WAITING
        self.wake_at = min(until, self._deadline.at)
        return [Wait(self.wake_at, for_room, self._deadline.at)]

    def _give_up(self, now: float) -> list[Action]:
        kind = Kind.NO_CAPACITY if now < self._deadline.last_start else Kind.DEADLINE_EXCEEDED
        return self._fail(self._final_fault(now, errors.make(kind)))

    def _final_fault(self, now: float, otherwise: Fault) -> Fault:
        return self._selection.final_fault(now, otherwise=otherwise, committed=self.committed)

    def _fail(self, fault: Fault) -> list[Action]:
        self._end()
        return [Fail(fault, self.committed)]

    def _flying(self, attempt: int, event: str) -> Flight:
        for flight in self._flights:
            if flight.number == attempt:
                return flight
        raise IllegalTransitionError(f"{event} of {attempt}, which is not under way")

    def _cancel(self, now: float, *, but: Flight | None = None) -> list[Action]:
        """Give up the attempts under way, except one."""
        if but is not None and len(self._flights) == 1:
            return []
        actions: list[Action] = []
        for flight in [each for each in self._flights if each is not but]:
            if but is not None and flight is self._flights[0]:
                flight.state.waited_in_vain(now - flight.started, now)
            if flight.permit.open:
                flight.state.settle_cancelled(flight.permit, now)
            self._land(flight, flight.land(now, None, None, cancelled=True))
            actions.append(Cancel(flight.number))
        return actions

    def _land(self, flight: Flight, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self._flights.remove(flight)
        self._pace = None

    def _set_timer(self) -> None:
        wake_at = self._hedge_at
        for flight in self._flights:
            if flight.deadline < wake_at:  # noqa: PLR1730 - min() takes longer than all the rest
                wake_at = flight.deadline
        self.wake_at = wake_at

    def _end(self) -> None:
        self.state = _ENDED
        self.wake_at = NEVER
        self._selection.close()


_HANDLERS: Final[Mapping[State, Mapping[type, Callable[[Journey, Any, float], list[Action]]]]] = {
    state: {event: getattr(Journey, name) for event, name in row.items()} for state, row in TABLE.items()
}
