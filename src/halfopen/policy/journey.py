"""The plan of one request, as a pure state machine: `step(event, now)` returns actions.

Rules, in the order in which they decide after a failure
1. The deadline has passed: fail.
2. The fault is the request's own: fail with the upstream's own error, after that one call.
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

from collections.abc import Callable, Sequence
from enum import Enum

from halfopen import errors
from halfopen.model import Attempt, Fault, Kind, Reply, Skip, Target, TransportError, Verdict
from halfopen.policy import events as ev
from halfopen.policy.actions import Action, Cancel, Complete, Fail, Relay, Send, Wait
from halfopen.policy.backoff import retry_delay
from halfopen.policy.bucket import RETRY_COST, TIMEOUT_COST
from halfopen.policy.flight import Flight
from halfopen.policy.informative import most_informative
from halfopen.policy.options import JourneyOptions, RetryOptions
from halfopen.policy.pace import Pace
from halfopen.policy.target import TIMEOUT_KINDS, Permit, Refusal, Refused, TargetState
from halfopen.seams import Entropy


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
        "_entropy",
        "_excluded",
        "_faults",
        "_flight",
        "_options",
        "_pace",
        "_retries",
        "_retry",
        "_retry_options",
        "_targets",
        "_tried",
        "_unfit",
        "attempts",
        "served_by",
        "skips",
        "state",
        "stream",
        "wake_at",
    )

    def __init__(  # noqa: PLR0913 - a plan needs its whole context; all but the first are by name
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
        self._targets = targets
        self._options = options
        self._retry_options = retry
        self._entropy = entropy
        self._unfit = unfit
        self.stream = stream
        self.state = State.NEW
        self.wake_at = float("inf")
        """When the driver must step `Timer` at the latest."""
        self.attempts: list[Attempt] = []
        """Every attempt that has ended."""
        self.skips: list[Skip] = []
        """Targets that were passed over, each reason once."""
        self.served_by: Target | None = None
        self._arrived = 0.0
        self._deadline = float("inf")
        self._flight: Flight | None = None
        self._pace: Pace | None = None
        self._tried: set[int] = set()
        self._excluded: set[int] = set()
        self._faults: list[tuple[int, Fault]] = []
        self._retries: dict[int, int] = {}
        self._retry: tuple[int, float] | None = None

    @property
    def attempts_made(self) -> int:
        """Calls made so far, the one under way included."""
        return len(self.attempts) + (self._flight is not None)

    @property
    def current(self) -> Target | None:
        """The target that is being called, if any."""
        return self._targets[self._flight.index].target if self._flight else None

    def progress(self, chars: int, now: float) -> None:
        """More content came on a committed stream. Cheaper than an event; moves the stall timer."""
        if self._pace is not None:
            self._pace.progress(chars, now)

    def step(self, event: ev.Event, now: float) -> list[Action]:
        """Take one event and return what to do. Raises IllegalTransitionError."""
        handler = _TABLE.get((self.state, type(event)))
        if handler is None:
            raise IllegalTransitionError(f"{type(event).__name__} while {self.state.value}")
        attempt = getattr(event, "attempt", None)
        if attempt is not None and (self._flight is None or attempt != self._flight.number):
            raise IllegalTransitionError(
                f"{type(event).__name__} of attempt {attempt}, which is not under way"
            )
        actions: list[Action] = handler(self, event, now)
        return actions

    def abandon(self, now: float) -> None:
        """Give everything back, from whatever state: the driver itself has failed."""
        flight = self._flight
        if flight is not None and flight.permit.open:
            self._targets[flight.index].settle_cancelled(flight.permit)
            self._land(flight, now, fault=None, cancelled=True)
        self._end()

    # Handlers, named in the table below.

    def _on_arrived(self, _event: ev.Arrived, now: float) -> list[Action]:
        self._arrived = now
        self._deadline = now + self._options.deadline_s
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
        self._targets[flight.index].answering(flight.permit, now)
        self._pace = Pace(self._options, self._arrived, now)
        self.wake_at = self._pace.wake_at
        self.state = State.COMMITTED
        return [Relay(event.attempt)]

    def _on_finished(self, event: ev.Finished, now: float) -> list[Action]:
        flight = self._flying()
        state = self._targets[flight.index]
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
        return [Cancel(flight.number), *self._after_fault(fault, now)]

    def _on_stream_timer(self, _event: ev.Timer, now: float) -> list[Action]:
        assert self._pace is not None
        reason = self._pace.check(now)
        if reason is None:
            self.wake_at = self._pace.wake_at
            return []
        flight = self._flying()
        fault = _transport_fault(reason, f"{now - self._arrived:.1f} s after the request came")
        return [Cancel(flight.number), *self._after_fault(fault, now)]

    def _on_shed(self, event: ev.Shed, _now: float) -> list[Action]:
        self._end()
        return [Fail(event.fault, committed=False)]

    def _on_client_gone(self, _event: ev.ClientGone, now: float) -> list[Action]:
        flight = self._flight
        if flight is None:
            self._end()
            return []
        self._targets[flight.index].settle_cancelled(flight.permit)
        self._land(flight, now, fault=None, cancelled=True)
        self._end()
        return [Cancel(flight.number)]

    # Decisions.

    def _after_fault(self, fault: Fault, now: float) -> list[Action]:
        flight = self._flying()
        committed = self.state is State.COMMITTED
        state = self._targets[flight.index]
        state.settle_fault(flight.permit, fault, now)
        self._land(flight, now, fault=fault)
        self._faults.append((flight.index, fault))
        if committed or fault.verdict is Verdict.FIX_REQUEST:
            return self._fail(fault, committed=committed)
        return self._seek(now)

    def _seek(self, now: float) -> list[Action]:
        """Find what to do next while no attempt is under way."""
        if now >= self._deadline or self.attempts_made >= self._options.attempts:
            return self._give_up(now)
        if self._retry is not None and now < self._retry[1]:
            return self._wait(self._retry[1], for_room=False)
        refusals: list[Refused] = []
        sent = self._send_untried(now, refusals)
        if sent is not None:
            return sent
        sent = self._send_again(now, refusals)
        if sent is not None:
            return sent
        return self._await_room(now, refusals)

    def _send_untried(self, now: float, refusals: list[Refused]) -> list[Action] | None:
        candidates = [i for i in range(len(self._targets)) if i not in self._tried and self._fits(i)]
        for position, index in enumerate(candidates):
            others = candidates[position + 1 :]
            only_choice = not any(self._targets[i].could_serve(now) for i in others)
            permit = self._targets[index].admit(now, only_choice=only_choice)
            if isinstance(permit, Permit):
                self._tried.add(index)
                return self._send(index, permit, now)
            self._skip(index, permit.reason.value)
            refusals.append(self._waitable(index, permit))
        return None

    def _send_again(self, now: float, refusals: list[Refused]) -> list[Action] | None:
        """Retry a target that was tried: first plan it (and pay), then, when its time has come, send."""
        if self._retry is None:
            plan = self._plan_retry(now)
            if plan is None:
                return None
            self._retry = plan
            if now < plan[1]:
                return self._wait(plan[1], for_room=False)
        index = self._retry[0]
        permit = self._targets[index].admit(now, only_choice=True)
        if isinstance(permit, Permit):
            self._retry = None
            self._retries[index] = self._retries.get(index, 0) + 1
            return self._send(index, permit, now)
        refusals.append(self._waitable(index, permit))
        return None

    def _plan_retry(self, now: float) -> tuple[int, float] | None:
        for index, fault in self._latest_faults():
            retries = self._retries.get(index, 0)
            if fault.verdict not in (Verdict.RETRY, Verdict.THROTTLE):
                continue
            if fault.retries_max is not None and retries >= fault.retries_max:
                continue
            state = self._targets[index]
            retry_at = state.breaker.retry_at(now)
            if retry_at > now and state.breaker.openings > 1:
                continue
            delay_s = retry_delay(self._retry_options, retries, fault.delay_s, self._entropy)
            at = max(now + delay_s, state.throttled_until, retry_at)
            if at >= self._deadline:
                continue
            cost = TIMEOUT_COST if fault.kind in TIMEOUT_KINDS else RETRY_COST
            if state.bucket.take(cost, now):
                return index, at
        return None

    def _await_room(self, now: float, refusals: list[Refused]) -> list[Action]:
        for_room = [r for r in refusals if r.reason in (Refusal.NO_ROOM, Refusal.BREAKER_OPEN)]
        until = min((r.until for r in refusals), default=float("inf"))
        waits_for_room = any(r.reason is Refusal.NO_ROOM or r.until < self._deadline for r in for_room)
        if waits_for_room or until < self._deadline:
            return self._wait(until, for_room=waits_for_room)
        return self._give_up(now)

    def _waitable(self, index: int, refused: Refused) -> Refused:
        """A refusal with `until` at infinity when it is not worth waiting for."""
        confirmed = refused.reason is Refusal.BREAKER_OPEN and self._targets[index].breaker.openings > 1
        if refused.reason is Refusal.PARKED or confirmed:
            return Refused(refused.reason, float("inf"), refused.fault)
        return refused

    def _send(self, index: int, permit: Permit, now: float) -> list[Action]:
        left = self._deadline - now
        others_left = self.attempts_made + 1 < self._options.attempts and any(
            i not in self._tried and self._fits(i) and self._targets[i].could_serve(now)
            for i in range(len(self._targets))
        )
        own = self._options.first_token_s if self.stream else self._options.attempt_s
        allowed = min(own, left / 2 if others_left else left)
        flight = Flight(self.attempts_made + 1, index, permit, now, now + allowed)
        self._flight = flight
        self.wake_at = flight.deadline
        self.state = State.ATTEMPTING
        return [Send(flight.number, self._targets[index].target, flight.deadline)]

    def _wait(self, until: float, *, for_room: bool) -> list[Action]:
        self.state = State.WAITING
        self.wake_at = min(until, self._deadline)
        return [Wait(self.wake_at, for_room)]

    def _give_up(self, now: float) -> list[Action]:
        return self._fail(self._final_fault(now), committed=False)

    def _fail(self, fault: Fault, *, committed: bool) -> list[Action]:
        self._end()
        return [Fail(fault, committed)]

    def _final_fault(self, now: float) -> Fault:
        faults = [fault for _, fault in self._faults]
        if self._is_poison(now):
            messages = " / ".join(fault.message for fault in faults)
            return errors.make(
                Kind.POISON_REQUEST, f"Two providers failed on this request while others succeed: {messages}"
            )
        if not faults:  # every target refused without a call: say what is known of them
            known = (self._targets[i].credential.fault or self._targets[i].last_fault for i in self._fit())
            faults = [fault for fault in known if fault is not None]
        best = most_informative(faults)
        if best is not None:
            return best
        if not self._fit():
            reasons = "; ".join(f"{skip.target}: {skip.reason}" for skip in self.skips)
            return errors.make(Kind.NO_FIT_TARGET, f"No target of this route can do the request. {reasons}")
        kind = Kind.DEADLINE_EXCEEDED if now >= self._deadline else Kind.NO_CAPACITY
        return errors.make(kind)

    def _is_poison(self, now: float) -> bool:
        """Two providers' servers broke on this request, and both serve others."""
        broken = {index for index, fault in self._faults if fault.kind is Kind.SERVER_ERROR}
        providers = {self._targets[index].target.provider for index in broken}
        return len(providers) > 1 and all(
            self._targets[index].breaker.recent_success(now) for index in broken
        )

    # Bookkeeping.

    def _fits(self, index: int) -> bool:
        if index in self._excluded:
            return False
        reason = self._unfit(self._targets[index].target)
        if reason is None:
            return True
        self._excluded.add(index)
        self._skip(index, reason)
        return False

    def _fit(self) -> list[int]:
        return [index for index in range(len(self._targets)) if index not in self._excluded]

    def _latest_faults(self) -> list[tuple[int, Fault]]:
        return sorted(dict(self._faults).items())

    def _skip(self, index: int, reason: str) -> None:
        skip = Skip(self._targets[index].target.name, reason)
        if skip not in self.skips:
            self.skips.append(skip)

    def _flying(self) -> Flight:
        assert self._flight is not None
        return self._flight

    def _land(self, flight: Flight, now: float, *, fault: Fault | None, cancelled: bool = False) -> None:
        name = self._targets[flight.index].target.name
        self.attempts.append(flight.land(name, now, fault=fault, cancelled=cancelled))
        self._flight = None
        self._pace = None

    def _end(self) -> None:
        self.state = State.ENDED
        self.wake_at = float("inf")


def _transport_fault(kind: TransportError, detail: str) -> Fault:
    fault = errors.decode(Reply(transport=kind, detail=detail))
    assert fault is not None, "a transport error is always a fault"
    return fault


_TABLE: dict[tuple[State, type], Callable[..., list[Action]]] = {
    (State.NEW, ev.Arrived): Journey._on_arrived,
    (State.NEW, ev.ClientGone): Journey._on_client_gone,
    (State.WAITING, ev.Timer): Journey._on_wake,
    (State.WAITING, ev.PermitFreed): Journey._on_wake,
    (State.WAITING, ev.Shed): Journey._on_shed,
    (State.WAITING, ev.ClientGone): Journey._on_client_gone,
    (State.ATTEMPTING, ev.Connected): Journey._on_connected,
    (State.ATTEMPTING, ev.FirstByte): Journey._on_first_byte,
    (State.ATTEMPTING, ev.Content): Journey._on_content,
    (State.ATTEMPTING, ev.Finished): Journey._on_finished,
    (State.ATTEMPTING, ev.Failed): Journey._on_failed,
    (State.ATTEMPTING, ev.Timer): Journey._on_attempt_timer,
    (State.ATTEMPTING, ev.ClientGone): Journey._on_client_gone,
    (State.COMMITTED, ev.Finished): Journey._on_finished,
    (State.COMMITTED, ev.Failed): Journey._on_failed,
    (State.COMMITTED, ev.Timer): Journey._on_stream_timer,
    (State.COMMITTED, ev.ClientGone): Journey._on_client_gone,
}
"""What each event does in each state. A pair that is not here can't happen."""
