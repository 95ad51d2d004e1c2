"""What must hold in every state of the small model, in the words of the invariants' own list.

Each rule is checked against what the upstreams and clients saw, never against the policy's own counters
alone. The numbers are those of the invariants.

Rules
1. Per upstream, retries + hedges ≤ bucket + refill · successes + T/refill_s.
2. At most `attempts` calls; none starts at or after the deadline; nobody is under way after it.
3. After the first content: no silent re-send, one Relay, one end; what is delivered is of one attempt or
   of a declared continuation.
4. In flight ≤ limit when a call is sent, those left aside that have been silent for 10 s: the policy may
   give them up for lost. Permits out are the calls under way, always.
5. A request fault, a rate limit or a client's leaving moves neither breaker nor limiter; a breaker that is
   half open and has no call under way can be probed.
6. Never sooner than the server's delay; a delay past the deadline is not waited for.
7. A parked credential takes at most one request in a park interval; nobody is parked for nothing.
8. No success without finish evidence.
11. Failovers leave the reserved share alone.
Also: nothing raises.
"""

import math
from typing import TYPE_CHECKING, Any

from halfopen.model import Fault, Verdict
from halfopen.policy import State, TargetState
from halfopen.policy import actions as act
from halfopen.policy import events as ev

if TYPE_CHECKING:
    from exhaustive_model import Call, Request, World

EPSILON = 1e-5
"""A timer fires up to a microsecond late."""
LATE_S = 0.25 + EPSILON
"""One tick of the model."""
SILENT_S = 10.0
THROTTLE_CAP_S = 300.0
_CREDENTIALS_OWN = (Verdict.KEY, Verdict.QUOTA, Verdict.THROTTLE)
_PARKS = (Verdict.KEY, Verdict.QUOTA)
_BUCKET = -1
"""Where `standing` has the retry bucket, which a rate limit may charge: its retry is planned at once."""
_BLAMELESS = (Verdict.FIX_REQUEST, Verdict.THROTTLE)


class Told:
    """What clients and upstreams of one request saw."""

    __slots__ = (
        "deadline",
        "delivering",
        "ends",
        "last_fault",
        "last_key",
        "relays",
        "sends",
        "stream_until",
    )

    def __init__(self) -> None:
        self.deadline = math.inf
        self.stream_until = math.inf
        self.sends = self.relays = self.ends = 0
        self.delivering: int | None = None
        """The attempt whose content the client gets."""
        self.last_fault: dict[int, Verdict | None] = {}
        """Of the last call to each target that was called; None: it had none."""
        self.last_key: dict[int, int] = {}


class Parking:
    """What is known of one credential from outside."""

    __slots__ = ("refusals", "refused_at", "tried_at")

    def __init__(self) -> None:
        self.refusals = 0
        self.refused_at: float | None = None
        """None: it is not parked."""
        self.tried_at = -math.inf


class Rules:
    """Watches one world."""

    def __init__(self, world: "World") -> None:
        """Nothing seen."""
        self.world = world
        self.broken: list[str] = []
        self.told: dict[int, Told] = {}
        targets = len(world.states)
        self.retries = [0] * targets
        self.successes = [0] * targets
        self.quiet_until = [-math.inf] * targets
        self.throttled: dict[tuple[int, int], float] = {}
        keys: list[Any] = []
        for state in world.states:
            keys += [account.credential for account in state.accounts if account.credential not in keys]
        self.parkings = {key: Parking() for key in keys}
        self._before: tuple[Any, ...] | None = None
        self._blameless: tuple[int, tuple[Any, ...]] | None = None
        """The target of a fault that must not move it, and how it stood."""

    def say(self, rule: int, what: str) -> None:
        """Something is broken."""
        self.broken.append(f"rule {rule}: {what} at {self.world.now:.3f} s")

    def of(self, request: "Request") -> Told:
        """What was seen of a request."""
        told = self.told.get(request.number)
        if told is None:
            told = self.told[request.number] = Told()
        return told

    def due(self, request: "Request") -> float:
        """When a request must be over, or move on."""
        told = self.of(request)
        return told.stream_until if self._is_answering(request) else told.deadline

    # Around a step.

    def before(self, request: "Request", event: ev.Event) -> None:
        """A journey is about to be told something."""
        told, world, options = self.of(request), self.world, self.world.options
        if isinstance(event, ev.Arrived):
            told.deadline = world.now + options.deadline_s
            if world.variant.stream:
                told.stream_until = world.now + options.stream_s
        self._before = None
        if isinstance(event, ev.ClientGone):
            self._before = tuple(standing(state) for state in world.states)

    def after(self, request: "Request", event: ev.Event, actions: list[act.Action]) -> None:
        """A journey has said what to do."""
        told, world = self.of(request), self.world
        if isinstance(event, ev.ClientGone):
            now = tuple(standing(state) for state in world.states)
            if now != self._before:
                self.say(5, f"r{request.number}'s client left, and that moved {self._before} to {now}")
        for action in actions:
            self._judge(request, told, event, action)
        if isinstance(event, ev.Failed):
            self._judge_wait(told, event, actions)
            self._judge_blameless(event, actions)

    def _judge(self, request: "Request", told: Told, event: ev.Event, action: act.Action) -> None:
        name = f"r{request.number}"
        if isinstance(action, act.Complete | act.Fail):
            told.ends += 1
            if told.ends > 1 or request.is_over:
                self.say(3, f"{name} ended twice")
        elif request.is_over:
            self.say(3, f"{name} said {type(action).__name__} after its end")
        if isinstance(action, act.Relay):
            told.relays += 1
            if told.relays > 1:
                self.say(3, f"{name} relayed twice")
            if not isinstance(event, ev.Content):
                self.say(8, f"{name} relayed without content")
            told.delivering = action.attempt
        elif isinstance(action, act.Complete):
            if not isinstance(event, ev.Finished) or event.attempt != action.attempt:
                self.say(8, f"{name} completed on {type(event).__name__}")
            if told.delivering not in (None, action.attempt):
                self.say(3, f"{name} began with attempt {told.delivering}, ended with {action.attempt}")
        elif isinstance(action, act.Fail) and action.committed is not (told.relays > 0):
            self.say(3, f"{name} failed as committed={action.committed} after {told.relays} relays")

    def _judge_wait(self, told: Told, event: ev.Failed, actions: list[act.Action]) -> None:
        """A wait is for nothing when every target has asked for more than there is time."""
        world = self.world
        waits = [action for action in actions if isinstance(action, act.Wait)]
        delay_s = event.fault.delay_s
        if not waits or delay_s is None or world.now + delay_s < told.deadline:
            return
        if all(self._free_at(index) >= told.deadline for index in range(len(world.states))):
            self.say(6, f"waits although every target has asked for more than {told.deadline:.3f}")

    def _judge_blameless(self, event: ev.Failed, actions: list[act.Action]) -> None:
        """A request fault or a rate limit moved nothing at its target, unless that is called again at once."""
        if self._blameless is None:
            return
        index, stood = self._blameless
        self._blameless = None
        state = self.world.states[index]
        if any(
            isinstance(each, act.Send | act.ContinueOn) and each.target is state.target for each in actions
        ):
            return
        stands = standing(state)[:_BUCKET]
        if stands != stood:
            self.say(5, f"{event.fault.kind.value} moved p{index} from {stood} to {stands}")

    def _free_at(self, index: int) -> float:
        keys = range(len(self.world.states[index].accounts))
        return max(self.quiet_until[index], min(self.throttled.get((index, key), -math.inf) for key in keys))

    # What upstreams see.

    def sending(self, call: "Call") -> None:
        """A call goes out. It is not among those under way yet."""
        world, request, told = self.world, call.request, self.of(call.request)
        now, name = world.now, f"r{call.request.number}.{call.attempt}"
        told.sends += 1
        if told.sends > world.options.attempts:
            self.say(2, f"{name} is call {told.sends}")
        if now >= told.deadline:
            self.say(2, f"{name} starts after {told.deadline:.3f}")
        if call.continues is not (told.relays > 0):
            self.say(3, f"{name} continues={call.continues} after {told.relays} relays")
        if call.continues:
            told.delivering = call.attempt
        others = len(request.calls)
        if others > (1 if call.hedge else 0) or (call.hedge and others != 1):
            self.say(3, f"{name} is sent beside {others} others of its request")
        self._judge_room(call, name)
        self._judge_retry(call, told, name)
        told.last_fault[call.target], told.last_key[call.target] = None, call.credential
        asked = max(
            self.quiet_until[call.target], self.throttled.get((call.target, call.credential), -math.inf)
        )
        if now < asked - EPSILON:
            self.say(6, f"{name} goes to p{call.target}, which has asked for quiet until {asked:.3f}")
        self._judge_parking(call, name)

    def _judge_room(self, call: "Call", name: str) -> None:
        world, index = self.world, call.target
        limit = world.states[index].limiter.limit
        under_way = [each for each in world.calls() if each.target == index and not self._is_silent(each)]
        if len(under_way) + 1 > limit:
            self.say(4, f"{name} is call {len(under_way) + 1} at p{index}, limit {limit}")
        if call.own:
            return
        own = sum(each.own for each in under_way)
        failovers = len(under_way) - own + 1
        kept = min(math.ceil(world.variant.reserve * limit), int(1.5 * own) + 1, limit - 1)
        if failovers > limit - kept:
            self.say(11, f"{name} is failover {failovers} at p{index}, limit {limit}, reserved {kept}")

    def _is_silent(self, call: "Call") -> bool:
        return not call.answered and self.world.now - call.sent_at >= SILENT_S - EPSILON

    def _judge_retry(self, call: "Call", told: Told, name: str) -> None:
        world, index = self.world, call.target
        again = index in told.last_fault
        if again and told.last_fault[index] in _CREDENTIALS_OWN and told.last_key[index] != call.credential:
            again = False  # another credential: a failover
        if not (again or call.hedge or call.request.demand.repeats):
            return
        self.retries[index] += 1
        retry = world.policy.retry
        most = (
            retry.bucket_max
            + retry.refill_per_success * self.successes[index]
            + world.now / retry.refill_s
            + EPSILON
        )
        if self.retries[index] > most:
            self.say(1, f"{name} is retry {self.retries[index]} at p{index}, {most:.3f} allowed")

    def _judge_parking(self, call: "Call", name: str) -> None:
        world = self.world
        parking = self.parkings[world.states[call.target].accounts[call.credential].credential]
        if parking.refused_at is None:
            return
        park_s = world.policy.parking.key_s
        since = max(parking.refused_at, parking.tried_at)
        if world.now < since + park_s - EPSILON:
            self.say(7, f"{name} uses a credential that was refused or tried at {since:.3f}")
        parking.tried_at = world.now

    def cancelling(self, request: "Request", action: act.Cancel, call: "Call | None") -> None:
        """A call is ended by its journey."""
        if call is None:
            self.say(4, f"r{request.number} cancels attempt {action.attempt}, which is not under way")
            return
        self.of(request).last_fault[call.target] = None
        self._breaks(request, call)

    def answered(self, call: "Call") -> None:
        """A call brought its first content."""
        self._accept(call)
        if not call.held and self.of(call.request).relays:
            self.of(call.request).delivering = call.attempt

    def ending(self, call: "Call", event: ev.Finished | ev.Failed) -> None:
        """An upstream ends a call; the journey has not been told."""
        if isinstance(event, ev.Finished):
            self.successes[call.target] += 1
            self._accept(call)
            return
        fault = event.fault
        if fault.verdict in _BLAMELESS:
            self._blameless = call.target, standing(self.world.states[call.target])[:_BUCKET]
        self.of(call.request).last_fault[call.target] = fault.verdict
        self._breaks(call.request, call)
        self._note_delay(call, fault)
        parking = self._parking(call)
        if fault.verdict in _PARKS:
            parking.refusals += 1
            parking.refused_at = self.world.now

    def _note_delay(self, call: "Call", fault: Fault) -> None:
        if fault.delay_s is None or fault.verdict is Verdict.FIX_REQUEST:
            return
        until = self.world.now + min(fault.delay_s, THROTTLE_CAP_S)
        if fault.verdict is Verdict.THROTTLE:
            key = (call.target, call.credential)
            self.throttled[key] = max(self.throttled.get(key, -math.inf), until)
        else:
            self.quiet_until[call.target] = max(self.quiet_until[call.target], until)

    def _breaks(self, request: "Request", call: "Call") -> None:
        """A stream whose content had begun is over: finding another has its own time."""
        told = self.of(request)
        if call.answered:
            told.deadline = min(self.world.now + self.world.variant.deadline_s, told.stream_until)

    def _parking(self, call: "Call") -> Parking:
        return self.parkings[self.world.states[call.target].accounts[call.credential].credential]

    def _accept(self, call: "Call") -> None:
        parking = self._parking(call)
        if call.refusals == parking.refusals:
            parking.refused_at = None

    def over(self, request: "Request") -> None:
        """A request has ended."""
        if request.calls:
            self.say(4, f"r{request.number} ended with {len(request.calls)} calls under way")
        if request.journey.state is not State.ENDED:
            self.say(3, f"r{request.number} ended, its journey is {request.journey.state.value}")

    # At rest.

    def look(self) -> None:
        """Nothing is being done: everything must agree."""
        world, now = self.world, self.world.now
        for request in world.live():
            journey, due = request.journey, self.due(request)
            if not journey.wake_at <= due + EPSILON:
                self.say(2, f"r{request.number} sleeps until {journey.wake_at:.3f}, due {due:.3f}")
            if now > due + LATE_S:
                self.say(2, f"r{request.number} is under way after {due:.3f}")
            if journey.state in (State.WAITING, State.ENDED) and request.calls:
                self.say(4, f"r{request.number} is {journey.state.value} with calls under way")
        for index, state in enumerate(world.states):
            self._look_at(index, state)

    def _look_at(self, index: int, state: TargetState) -> None:
        world, limiter = self.world, state.limiter
        under_way = [call for call in world.calls() if call.target == index]
        own = sum(call.own for call in under_way)
        if (limiter.in_flight, limiter.own_in_flight) != (len(under_way), own):
            self.say(
                4,
                f"p{index}: {limiter.in_flight} permits ({limiter.own_in_flight}), {len(under_way)} ({own}) calls",
            )
        for number, account in enumerate(state.accounts):
            used = sum(call.credential == number for call in under_way)
            if account.in_flight != used:
                self.say(4, f"p{index}: {account.in_flight} calls with credential {number}, in fact {used}")
            if account.credential.fault is not None and self.parkings[account.credential].refused_at is None:
                self.say(7, f"p{index}: credential {number} is parked for nothing")
        breaker = state.breaker
        if not under_way and world.now >= breaker._open_until:
            for only_choice in (False, True):
                at = breaker.retry_at(world.now, only_choice=only_choice)
                if at > world.now:
                    self.say(5, f"p{index}: half open, nobody probes it, and nobody may until {at:.3f}")

    def _is_answering(self, request: "Request") -> bool:
        return any(call.answered for call in request.calls.values())


def standing(state: TargetState) -> tuple[Any, ...]:
    """What a client that leaves, or a bad request, must not move."""
    breaker, limiter = state.breaker, state.limiter
    return (
        breaker._state.value,
        breaker._consecutive,
        breaker._openings,
        breaker._run,
        breaker._period,
        breaker._open_until,
        breaker._lone_open_until,
        breaker._window._total,
        breaker._window._marked,
        limiter.limit,
        limiter._overload,
        tuple(getattr(state.bucket, name) for name in state.bucket.__slots__),  # the last one: see `_BUCKET`
    )
