"""A small model of the gateway: two upstreams, two requests, and an environment that may do anything.

The policy objects are the real ones. What is modelled is the driver (as `gateway.exchange` does it) and
the environment: at every step `choices` names all that can happen, and `take` lets one of them happen.

Rules
1. Time stands still until `tick`, which goes on to the next moment at which something changes: a journey's
   timer (which fires once in a tick of the gateway at most), the end of an opening, a lease, a throttle, a parking. A timer that is due fires before time goes
   on, and before or after anything else of that instant.
2. All randomness is one constant, so a path of choices gives the same world each time.
3. Two requests that are the same come in one order only: the other is the same with their names changed.
4. Every step is told to the rules, which say what was broken.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from exhaustive_rules import Rules

from halfopen import errors
from halfopen.model import Demand, Kind, Target
from halfopen.policy import (
    AfterCommit,
    BreakerOptions,
    Credential,
    Journey,
    JourneyOptions,
    LimitOptions,
    ParkingOptions,
    PolicyOptions,
    RetryOptions,
    State,
    TargetState,
)
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import HedgeOptions
from halfopen.policy.queue import Line, Shedding
from halfopen.policy.target import Permit

DELAY_S = 1.5
LONG_DELAY_S = 100.0
"""Longer than any request waits."""
TICK_S = 0.25
"""A timer that has just fired fires again so much later at the soonest: the gateway's tick, only coarser."""
INSTANT_S = 1e-6
HEALTHY_S = 0.25
"""How long a healthy upstream takes."""

FAULTS = {
    "500": errors.make(Kind.SERVER_ERROR, status=500),
    "503": errors.make(Kind.OVERLOADED, status=503, delay_s=DELAY_S),
    "429": errors.make(Kind.RATE_LIMITED, status=429, delay_s=DELAY_S),
    "429long": errors.make(Kind.RATE_LIMITED, status=429, delay_s=LONG_DELAY_S),
    "key": errors.make(Kind.BAD_KEY, status=401),
    "quota": errors.make(Kind.QUOTA_EXHAUSTED, status=429),
    "request": errors.make(Kind.INVALID_REQUEST, status=400),
    "cut": errors.make(Kind.CUT_BODY),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One small model."""

    name: str
    faults: tuple[str, ...]
    entropy: float = 0.0
    """What every draw gives."""
    targets: int = 2
    requests: int = 2
    crossed: bool = False
    """Whether the second request prefers the second target."""
    shared_key: bool = False
    """Whether both targets use the same credential."""
    keys: int = 1
    """Credentials of each target."""
    stream: bool = False
    held: bool = False
    """Whether content may be held back."""
    resumable: bool = True
    after_commit: AfterCommit = AfterCommit.CONTINUE
    hedges: bool = False
    attempts: int = 2
    limit: int = 1
    reserve: float = 0.5
    bucket: float = 1.0
    refill_per_success: float = 0.5
    consecutive: int = 2
    deadline_s: float = 6.0
    attempt_s: float = 2.5
    slow_start_s: float = 1.0
    places: int = 2
    """In the waiting lines, together."""
    leaves: int = 1
    """Clients that may leave."""
    repeats: int = 0
    """Of the second request: how often its caller has sent it before."""
    failing: int = 0
    """Calls to the first target that have failed before it begins."""
    arrives_until_s: float = 1.5
    """The second request comes until then, or never."""

    @property
    def journey(self) -> JourneyOptions:
        """The bounds of a request."""
        return JourneyOptions(
            deadline_s=self.deadline_s,
            attempt_s=self.attempt_s,
            first_token_s=self.attempt_s,
            first_token_min_s=1.0,
            stall_s=2.0,
            stream_s=1.5 * self.deadline_s,
            attempts=self.attempts,
            min_tokens_s=0.0,
            after_commit=self.after_commit,
            hedge=HedgeOptions(0.2 if self.hedges else 0.0),
        )

    @property
    def policy(self) -> PolicyOptions:
        """The options of what requests share, small enough that things happen."""
        return PolicyOptions(
            retry=RetryOptions(
                base_s=0.5,
                cap_s=1.0,
                bucket_max=self.bucket,
                refill_per_success=self.refill_per_success,
                refill_s=30.0,
            ),
            breaker=BreakerOptions(
                window_s=10.0,
                min_samples=2,
                consecutive=self.consecutive,
                open_s=1.0,
                open_max_s=2.0,
                lease_s=1.5,
                lone_probe_s=0.5,
                slow_start_s=self.slow_start_s,
            ),
            limit=LimitOptions(initial=self.limit, min=1, max=self.limit, reserve=self.reserve),
            parking=ParkingOptions(key_s=2.0, quota_s=2.0),
        )


@dataclass(slots=True, eq=False)
class Call:
    """One call as the upstream sees it."""

    request: "Request"
    attempt: int
    target: int
    credential: int
    continues: bool
    hedge: bool
    own: bool
    refusals: int
    """Of its credential, when it was sent."""
    sent_at: float
    answered: bool = False
    """Whether its first content has come."""
    held: bool = False
    """Whether only held content has come."""


@dataclass(slots=True, eq=False)
class Request:
    """One request, carried out as the gateway's exchange does."""

    number: int
    world: "World"
    journey: Journey
    order: tuple[int, ...]
    """Targets in order of preference."""
    demand: Demand
    arrived: float | None = None
    calls: dict[int, Call] = field(default_factory=dict)
    """Under way, by the number of the attempt."""
    is_over: bool = False
    is_gone: bool = False
    looked_at: float = -math.inf
    """When its timer fired last."""

    @property
    def wakes_at(self) -> float:
        """When its timer fires: as the journey asks, but only once in a tick."""
        return max(self.journey.wake_at, self.looked_at + TICK_S)

    def on_room(self) -> bool:
        """A target may take it now. Whether one did."""
        if self.is_over or self.journey.state is not State.WAITING:
            return False
        self.step(ev.PermitFreed())
        return bool(self.calls)

    def on_shed(self, shedding: Shedding) -> None:
        """The place in the line is gone."""
        fault = errors.make(Kind.NO_CAPACITY, shedding.reason.value, delay_s=shedding.retry_after_s)
        self.step(ev.Shed(fault))

    def step(self, event: ev.Event) -> None:
        """Tell the journey, carry out what it says, and pass room on."""
        world, landed = self.world, len(self.journey.attempts)
        if isinstance(event, ev.Finished | ev.Failed):
            world.rules.ending(self.calls.pop(event.attempt), event)
        world.rules.before(self, event)
        actions = self.journey.step(event, world.now)
        world.rules.after(self, event, actions)
        for action in actions:
            self.perform(action)
        if isinstance(event, ev.ClientGone):
            self.is_gone = True
            self.end()
        for attempt in self.journey.attempts[landed:]:
            good = attempt.fault is None and not attempt.cancelled
            world.wake(attempt.target, 2 if good else 1)

    def perform(self, action: act.Action) -> None:
        """Carry one action out."""
        world = self.world
        if isinstance(action, act.Send | act.ContinueOn):
            world.line_of(self).leave(self)
            self.send(action)
        elif isinstance(action, act.Cancel):
            call = self.calls.pop(action.attempt, None)
            world.rules.cancelling(self, action, call)
        elif isinstance(action, act.Complete | act.Fail):
            self.end()
        elif isinstance(action, act.Wait) and action.for_room:
            shedding = world.line_of(self).join(self, self.demand, action.deadline, world.now)
            if shedding is not None:
                self.on_shed(shedding)

    def send(self, action: act.Send | act.ContinueOn) -> None:
        """Call a target."""
        world = self.world
        index = next(i for i, state in enumerate(world.states) if state.target is action.target)
        credential = world.states[index].accounts[action.credential].credential
        call = Call(
            request=self,
            attempt=action.attempt,
            target=index,
            credential=action.credential,
            continues=isinstance(action, act.ContinueOn),
            hedge=isinstance(action, act.Send) and action.hedge,
            own=index == self.order[0],
            refusals=credential.refusals,
            sent_at=world.now,
        )
        world.rules.sending(call)
        self.calls[call.attempt] = call

    def end(self) -> None:
        """Its client has got an answer or an error, or has left."""
        self.is_over = True
        self.world.line_of(self).leave(self)
        self.world.rules.over(self)


class World:
    """Two targets, two requests, the waiting lines, and the time."""

    def __init__(self, variant: Variant) -> None:
        """Nothing has come; both targets are healthy, except for what the variant says."""
        self.variant = variant
        self.options, self.policy = variant.journey, variant.policy
        self.now = 0.0
        policy, now = self.policy, self.now
        names = [
            Target("key" if variant.shared_key else f"p{i}", f"m{i}", "d") for i in range(variant.targets)
        ]
        shared = [Credential(policy.parking) for _ in range(variant.keys)]
        self.states = [
            TargetState(
                target,
                shared if variant.shared_key else [Credential(policy.parking) for _ in range(variant.keys)],
                policy,
                self.entropy,
                now,
            )
            for target in names
        ]
        self.hedge = HedgeBudget(self.options.hedge)
        self.routes: dict[tuple[int, ...], Line] = {}
        self.requests: list[Request] = []
        self.rules = Rules(self)
        self.leaves = 0
        if variant.hedges:
            for state in self.states:
                for _ in range(20):
                    state.first_content.record(0.5)
            for _ in range(10):
                self.hedge.earn(1)
        for _ in range(variant.failing):
            permit = self.states[0].admit(now, only_choice=True)
            assert isinstance(permit, Permit)
            self.states[0].settle_fault(permit, FAULTS["500"], now)
        forward = tuple(range(variant.targets))
        self.add(forward, 0)
        if variant.requests > 1:
            self.add(forward[::-1] if variant.crossed else forward, variant.repeats)

    def entropy(self) -> float:
        """Always the same draw."""
        return self.variant.entropy

    def unfit(self, _target: Target) -> str | None:
        """Every target can do every request."""
        return None

    def obstacle(self) -> str | None:
        """Why nothing can be gone on with."""
        return None if self.variant.resumable else "a tool call was delivered"

    def add(self, order: tuple[int, ...], repeats: int = 0) -> Request:
        """One more request, which has not arrived yet."""
        variant = self.variant
        demand = Demand(repeats=repeats, caller=f"c{len(self.requests)}")
        journey = Journey(
            [self.states[index] for index in order],
            options=self.options,
            retry=self.policy.retry,
            entropy=self.entropy,
            stream=variant.stream,
            unfit=self.unfit,
            resumable=self.obstacle,
            demand=demand,
            hedge=self.hedge if variant.hedges else None,
        )
        request = Request(len(self.requests), self, journey, order, demand)
        self.routes.setdefault(order, Line(self.has_place))
        self.requests.append(request)
        return request

    def has_place(self) -> bool:
        """Whether one more may wait."""
        return sum(len(line) for line in self.routes.values()) < self.variant.places

    def line_of(self, request: Request) -> Line:
        """Where it waits."""
        return self.routes[request.order]

    def wake(self, target: str, count: int) -> None:
        """Room may be free at a target: its own line first."""
        index = next(i for i, state in enumerate(self.states) if state.target.name == target)
        for _, line in sorted(self.routes.items(), key=lambda entry: entry[0].index(index)):
            if len(line):
                line.wake(count, self.now)

    # The environment.

    def live(self) -> list[Request]:
        """Requests that are under way."""
        return [each for each in self.requests if each.arrived is not None and not each.is_over]

    def calls(self) -> Iterator[Call]:
        """All that are under way, in a fixed order."""
        for request in self.requests:
            yield from request.calls.values()

    def choices(self) -> list[str]:
        """Everything that can happen now, in a fixed order."""
        found: list[str] = []
        due = False
        for request in self.requests:
            name = f"r{request.number}"
            if request.arrived is None:
                if self.now <= self.variant.arrives_until_s and not self.is_second(request):
                    found.append(f"{name} arrives")
                continue
            if request.is_over:
                continue
            if request.wakes_at <= self.now:
                due = True
                found.append(f"{name} timer")
            for call in request.calls.values():
                found += [f"{name}.{call.attempt} {what}" for what in self.answers(call)]
            if self.leaves < self.variant.leaves:
                found.append(f"{name} leaves")
        if not due and self.next_moment() < math.inf:
            found.append("tick")
        return found

    def is_second(self, request: Request) -> bool:
        """Whether it comes after the first one: two requests that are the same need not change places."""
        first = self.requests[0]
        alike = request.order == first.order and request.demand.repeats == first.demand.repeats
        return request is not first and alike and first.arrived is None

    def answers(self, call: Call) -> Iterator[str]:
        """What an upstream may do with a call."""
        variant = self.variant
        if not variant.stream:
            yield "finishes"
            yield from variant.faults
            return
        if not call.answered:
            yield "content"
            if variant.held:
                yield "holds"
            yield from (fault for fault in variant.faults if fault != "cut")
            return
        if call.held:
            yield "content"
        yield "finishes"
        if "cut" in variant.faults:
            yield "cut"

    def moments(self) -> Iterator[float]:
        """When something changes by itself."""
        for request in self.live():
            yield request.wakes_at
        if not (self.live() or any(each.arrived is None for each in self.requests)):
            return
        for state in self.states:
            breaker = state.breaker
            yield from (breaker._open_until, breaker._lone_open_until)
            yield from (breaker._lease_until, breaker._lone_lease_until)
            yield state._quiet_until
            yield state.silence.ready_at()
            for account in state.accounts:
                yield account.throttled_until
                if account.credential.fault is not None:
                    yield account.credential.parked_until

    def next_moment(self) -> float:
        """The first moment after now that anybody lives to see."""
        last = max(map(self.rules.due, self.live()), default=-math.inf) + TICK_S
        if any(each.arrived is None for each in self.requests):
            last = max(last, self.variant.arrives_until_s)
        ahead = [at for at in self.moments() if self.now < at <= last]
        first = min(ahead, default=math.inf)
        # What comes within a microsecond comes at once: sums of times differ in their last bits.
        return max((at for at in ahead if at <= first + INSTANT_S), default=math.inf)

    def take(self, choice: str, *, looks: bool = True) -> None:
        """Let it happen. `looks`: and see whether everything agrees afterwards."""
        self._take(choice)
        if looks:
            self.rules.look()

    def _take(self, choice: str) -> None:
        if choice == "tick":
            self.now = self.next_moment()
            return
        who, what = choice.split(" ")
        number, _, attempt = who[1:].partition(".")
        request = self.requests[int(number)]
        if attempt:
            self.answer(request.calls[int(attempt)], what)
        elif what == "arrives":
            request.arrived = self.now
            request.step(ev.Arrived())
        elif what == "leaves":
            self.leaves += 1
            request.step(ev.ClientGone())
        else:
            request.looked_at = self.now
            request.step(ev.Timer())

    def answer(self, call: Call, what: str) -> None:
        """An upstream does something with a call."""
        request, attempt = call.request, call.attempt
        if what in ("content", "holds"):
            call.answered, call.held = True, what == "holds"
            self.rules.answered(call)
            state = request.journey.state
            if state is State.ATTEMPTING or (state is State.HELD and not call.held):
                request.step(ev.Content(attempt, held=call.held))
        elif what == "finishes":
            request.step(ev.Finished(attempt))
        else:
            request.step(ev.Failed(attempt, FAULTS[what]))
