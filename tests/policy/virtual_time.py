"""A double of the gateway's driver on virtual time: one heap, seeded randomness, scripted upstreams.

It does what `gateway.exchange`, `gateway.timers`, `Runtime.wake` and `RouteRuntime.let_go` do, and nothing
else: it carries out actions, keeps the waiting line, wakes one waiter after an attempt ends and two after a
success, lets the head of the line go before newcomers, and looks at timers on a tick. It records what the
upstreams saw.
"""

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from halfopen.model import Fault, Target, Verdict
from halfopen.policy import (
    AfterCommit,
    Credential,
    Journey,
    JourneyOptions,
    PolicyOptions,
    State,
    TargetState,
)
from halfopen.policy import actions as act
from halfopen.policy import events as ev

TICK_S = 0.01
"""Timers fire up to one tick late, as in the gateway."""
SPIN_MAX = 200
"""Steps of one journey at one instant; more is an endless loop."""
PASSED_ON_MAX = 16
"""Who has no use for the room passes it on, so many times at most."""
MONTH_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What an upstream does with one call."""

    after_s: float
    """Until it ends; infinity: never."""
    fault: Fault | None = None
    """None: a whole answer."""
    content_after_s: float | None = None
    """For a stream, until its first content; later content keeps the stall timer quiet."""
    held_s: float = 0.0
    """How long the content is held back after the first; infinity: to the end."""


Upstream = Callable[[float, int], Answer]
"""(now, number of the request) → what happens to the call."""


@dataclass(slots=True)
class Call:
    """One call as the upstream saw it."""

    target: str
    request: int
    attempt: int
    at: float
    deadline: float
    limit: int
    """The limit when it was sent."""
    active: int
    """Calls that the upstream had under way then, this one included."""
    state: str
    """The breaker's state just after it was let through."""
    ended: float | None = None
    fault: Fault | None = None
    cancelled: bool = False
    continues: bool = False
    """Whether it was to go on with an answer."""
    content_at: float | None = None
    stalls: bool = False
    """Whether it brings nothing after its first content."""


@dataclass(slots=True)
class Result:
    """One request from its arrival to its end."""

    request: int
    arrived: float
    ended: float | None = None
    ok: bool = False
    fault: Fault | None = None
    committed: bool = False
    gone: bool = False
    terminals: int = 0
    """Complete and Fail actions: exactly one, or none for a client that left."""
    relays: int = 0
    """Relay actions: one at most."""
    delivered: bool = False
    """Whether the client got content."""
    wrongs: list[str] = field(default_factory=list)
    """What the journey told at a time when it may not."""
    stream: bool = False
    state: State = State.NEW
    """Where its journey stood when it ended."""


class Line:
    """First come, first served: `policy.queue.Line` for one caller of one priority."""

    def __init__(self, bound: int) -> None:
        self.entries: dict[Exchange, None] = {}
        self.bound = bound

    def join(self, exchange: "Exchange") -> bool:
        if exchange not in self.entries:
            if len(self.entries) >= self.bound:
                return False
            self.entries[exchange] = None
        return True

    def leave(self, exchange: "Exchange") -> None:
        self.entries.pop(exchange, None)

    def wake(self, count: int) -> None:
        for waiting in list(itertools.islice(self.entries, count + PASSED_ON_MAX)):
            count -= waiting.on_room()
            if count <= 0:
                return


class Exchange:
    """Carries out one journey."""

    __slots__ = ("call", "due", "instant", "journey", "result", "spins", "wake_at", "world")

    def __init__(self, world: "World", number: int, *, stream: bool) -> None:
        self.world = world
        self.journey = world.make_journey(stream=stream, resumable=self.obstacle)
        self.result = Result(number, world.now, stream=stream)
        self.call: Call | None = None
        self.wake_at = float("inf")
        self.due = float("inf")
        self.spins = 0
        self.instant = -1.0

    def step(self, event: ev.Event) -> None:
        world = self.world
        if world.now == self.instant:
            self.spins += 1
            assert self.spins < SPIN_MAX, f"request {self.result.request} spins at {world.now}: {event}"
        else:
            self.instant, self.spins = world.now, 0
        target = self.journey.current
        self.perform(self.journey.step(event, world.now), event)
        if target is not None and self.journey.current is not target:
            world.line.wake(2 if isinstance(event, ev.Finished) else 1)

    def perform(self, actions: list[act.Action], event: ev.Event) -> None:
        world = self.world
        if world.trace is not None:
            world.trace.append(f"{world.now!r} {self.result.request} {event!r} -> {actions!r}")
        for action in actions:
            if isinstance(action, act.Send | act.ContinueOn):
                world.line.leave(self)
                self.judge_send(action)
                self.send(action)
            elif isinstance(action, act.Relay):
                self.result.relays += 1
                self.result.delivered = True
            elif isinstance(action, act.Cancel):
                self.hang_up(None, cancelled=True)
            elif isinstance(action, act.Complete):
                self.result.ok = True
                self.end()
            elif isinstance(action, act.Fail):
                self.result.fault = action.fault
                self.result.committed = action.committed
                self.end()
            elif isinstance(action, act.Wait) and action.for_room and not world.line.join(self):
                shed = ev.Shed(world.shed_fault)
                self.perform(self.journey.step(shed, world.now), shed)
                return
        if self.result.ended is None:
            self.wake_at = self.journey.wake_at
            self.set_timer()

    def set_timer(self) -> None:
        if self.wake_at < self.due:
            due = max((int(self.wake_at / TICK_S) + 1) * TICK_S, self.world.now)
            if due < self.due:
                self.due = due
                self.world.at(due, self.on_timer)

    def on_timer(self) -> None:
        self.due = float("inf")
        if self.result.ended is not None:
            return
        if self.journey.state is State.WAITING:
            self.world.let_go()
        if self.result.ended is not None:
            return
        if self.wake_at <= self.world.now:  # else it was at the head itself
            self.step(ev.Timer())
        else:
            self.set_timer()

    def on_room(self) -> bool:
        if self.result.ended is None and self.journey.state is State.WAITING:
            self.step(ev.PermitFreed())
            return self.journey.state is State.ATTEMPTING
        return False

    def judge_send(self, send: act.Send | act.ContinueOn) -> None:
        """A call goes on with an answer exactly when the client has got a part of one, and if it may."""
        if isinstance(send, act.ContinueOn) is not self.result.delivered:
            self.result.wrongs.append(f"{send} although the client {self.result.delivered=}")
        if isinstance(send, act.ContinueOn):
            if self.world.options.after_commit is not AfterCommit.CONTINUE:
                self.result.wrongs.append(f"{send} against the route's will")
            if self.obstacle() is not None:
                self.result.wrongs.append(f"{send} although {self.obstacle()}")

    def obstacle(self) -> str | None:
        """Why the answer can't be gone on with: what some requests ask for is like that."""
        share = self.world.unresumable
        return "it is of the wrong kind" if self.result.request % 100 < 100 * share else None

    def send(self, send: act.Send | act.ContinueOn) -> None:
        world, name = self.world, send.target.name
        state = world.state_of[name]
        world.active[name] += 1
        call = Call(
            name,
            self.result.request,
            send.attempt,
            world.now,
            send.deadline,
            state.limiter.limit,
            world.active[name],
            state.breaker.state(world.now).value,
            continues=isinstance(send, act.ContinueOn),
        )
        world.calls.append(call)
        self.call = call
        answer = world.upstreams[name](world.now, self.result.request)
        call.stalls = answer.after_s == float("inf")
        if answer.content_after_s is not None and self.journey.stream:
            held_until = world.now + answer.content_after_s + answer.held_s
            world.at(world.now + answer.content_after_s, lambda: self.on_content(call, held_until))
        if answer.after_s != float("inf"):
            world.at(world.now + answer.after_s, lambda: self.on_end(call, answer.fault))

    def on_content(self, call: Call, held_until: float) -> None:
        if self.call is not call:
            return
        now = self.world.now
        held = now < held_until
        if call.content_at is None:
            call.content_at = now
        state = self.journey.state
        if state is State.ATTEMPTING or (state is State.HELD and not held):
            self.step(ev.Content(call.attempt, held=held))
        self.journey.progress(400, now)
        if not call.stalls:
            again = min(now + 5.0, held_until) if held else now + 5.0
            self.world.at(again, lambda: self.on_content(call, held_until))

    def on_end(self, call: Call, fault: Fault | None) -> None:
        if self.call is not call:
            return
        self.hang_up(fault, cancelled=False)
        self.step(ev.Finished(call.attempt) if fault is None else ev.Failed(call.attempt, fault))

    def hang_up(self, fault: Fault | None, *, cancelled: bool) -> None:
        call, self.call = self.call, None
        if call is not None:
            self.world.active[call.target] -= 1
            call.ended, call.fault, call.cancelled = self.world.now, fault, cancelled

    def leave(self) -> None:
        """The client goes away."""
        if self.result.ended is None:
            self.result.gone = True
            self.step(ev.ClientGone())
            self.end()

    def end(self) -> None:
        if not self.result.gone:
            self.result.terminals += 1
        if self.result.ended is None:
            self.result.ended = self.world.now
            self.result.state = self.journey.state
            self.world.line.leave(self)
            self.hang_up(None, cancelled=True)
            self.world.ended(self)


@dataclass
class World:
    """A route with its targets, the upstreams behind them, and virtual time."""

    targets: Sequence[Target]
    upstreams: dict[str, Upstream]
    shed_fault: Fault
    seed: int = 0
    policy: PolicyOptions = field(default_factory=PolicyOptions)
    options: JourneyOptions = field(default_factory=JourneyOptions)
    policies: dict[str, PolicyOptions] = field(default_factory=dict)
    """Options of single targets, by name."""
    line_max: int = 1000
    now: float = 1000.0
    traced: bool = False
    unfit: Callable[[Target], str | None] = lambda _target: None
    unresumable: float = 0.0
    """Share of the requests whose answers can't be gone on with."""

    def __post_init__(self) -> None:
        self.entropy = random.Random(self.seed).random
        self.credentials = {t.provider: Credential(self.policy.parking) for t in self.targets}
        self.states = [
            TargetState(
                t,
                self.credentials[t.provider],
                self.policies.get(t.name, self.policy),
                self.entropy,
                self.now,
            )
            for t in self.targets
        ]
        self.state_of = {state.target.name: state for state in self.states}
        self.active = {t.name: 0 for t in self.targets}
        self.line = Line(self.line_max)
        self.calls: list[Call] = []
        self.results: list[Result] = []
        self.exchanges: dict[int, Exchange] = {}
        self.trace: list[str] | None = [] if self.traced else None
        self.on_ended: Callable[[Exchange], None] | None = None
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._numbers = itertools.count()

    def make_journey(self, *, stream: bool, resumable: Callable[[], str | None]) -> Journey:
        return Journey(
            self.states,
            options=self.options,
            retry=self.policy.retry,
            entropy=self.entropy,
            stream=stream,
            unfit=self.unfit,
            resumable=resumable,
        )

    def at(self, when: float, run: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (when, next(self._order), run))

    def let_go(self) -> None:
        """Before somebody else looks for room: whoever is at the head of the line may take it."""
        now = self.now
        if self.line.entries and any(
            state.limiter.has_room_for(now, own=True) and state.retry_at(now) <= now for state in self.states
        ):
            self.line.wake(1)

    def arrive(self, *, stream: bool = False) -> Exchange:
        exchange = Exchange(self, next(self._numbers), stream=stream)
        self.results.append(exchange.result)
        self.exchanges[exchange.result.request] = exchange
        self.let_go()
        exchange.step(ev.Arrived())
        return exchange

    def arrivals(self, rate: float, begin_s: float, end_s: float, *, stream: bool = False) -> None:
        """Evenly spaced requests between two times from now."""
        start = self.now
        for index in range(int((end_s - begin_s) * rate)):
            self.at(start + begin_s + index / rate, lambda: self.arrive(stream=stream) and None)

    def closed_loop(self, requests: int, concurrency: int) -> None:
        """`concurrency` clients that each send the next request when theirs has ended."""
        left = [requests - min(requests, concurrency)]

        def again(_exchange: Exchange) -> None:
            if left[0] > 0:
                left[0] -= 1
                self.at(self.now, lambda: self.arrive() and None)

        self.on_ended = again
        for _ in range(min(requests, concurrency)):
            self.at(self.now, lambda: self.arrive() and None)

    def ended(self, exchange: Exchange) -> None:
        del self.exchanges[exchange.result.request]
        if self.on_ended is not None:
            self.on_ended(exchange)

    def run(self, duration_s: float = 1e6) -> None:
        """Let time pass until nothing is left to do, or for `duration_s`."""
        until = self.now + duration_s
        heap = self._heap
        while heap and heap[0][0] <= until:
            when, _, run = heapq.heappop(heap)
            self.now = max(self.now, when)
            run()
        if duration_s < 1e6:
            self.now = until

    def calls_to(self, target: str) -> list[Call]:
        return [call for call in self.calls if call.target == target]


def broken_rules(world: World, *, epsilon_s: float = 2 * TICK_S) -> list[str]:
    """What of the invariants the finished world broke, in words; empty: nothing.

    The oracle of every scenario: bounds on attempts and time, one end a request, limits kept, permits
    given back, breakers not wedged by a lease.
    """
    return [
        *_broken_by_requests(world, epsilon_s),
        *_broken_by_calls(world),
        *_broken_by_targets(world),
    ]


def _broken_by_requests(world: World, epsilon_s: float) -> Iterable[str]:
    made: dict[int, int] = {}
    for call in world.calls:
        made[call.request] = made.get(call.request, 0) + 1
    for result in world.results:
        number = result.request
        if made.get(number, 0) > world.options.attempts:
            yield f"request {number} made {made[number]} calls"
        if result.ended is None:
            yield f"request {number} never ended"
            continue
        if result.terminals != (0 if result.gone else 1):
            yield f"request {number} ended {result.terminals} times"
        bound_s = world.options.stream_s if result.stream else world.options.deadline_s
        if result.ended > result.arrived + bound_s + epsilon_s:
            yield f"request {number} took {result.ended - result.arrived:.2f} s"
        if result.relays > 1:
            yield f"request {number} relayed {result.relays} times"
        if result.fault is not None and result.committed is not result.delivered:
            yield f"request {number} failed with {result.committed=}, {result.delivered=}"
        yield from (f"request {number}: {wrong}" for wrong in result.wrongs)
        if result.state is not State.ENDED:
            yield f"request {number} ended, its journey did not"


def _broken_by_calls(world: World) -> Iterable[str]:
    options = world.options
    ends = {r.request: r.arrived + (options.stream_s if r.stream else math.inf) for r in world.results}
    due = {r.request: min(r.arrived + options.deadline_s, ends[r.request]) for r in world.results}
    open_until: dict[int, float] = {}
    for call in world.calls:
        if call.at >= due[call.request]:
            yield f"request {call.request} called {call.target} after its deadline"
        if call.content_at is not None and call.ended is not None:
            due[call.request] = min(call.ended + options.deadline_s, ends[call.request])
        if call.active > call.limit:
            yield f"{call.target} had {call.active} calls under way, limit {call.limit}, at {call.at}"
        if call.at < open_until.get(call.request, 0.0):
            yield f"request {call.request} made two calls at once"
        open_until[call.request] = float("inf") if call.ended is None else call.ended


def _broken_by_targets(world: World) -> Iterable[str]:
    for name, state in world.state_of.items():
        if state.limiter.in_flight != world.active[name]:
            yield f"{name}: {state.limiter.in_flight} permits are out, {world.active[name]} calls under way"
        if state.limiter.in_flight and not world.exchanges:
            yield f"{name}: {state.limiter.in_flight} permits were never given back"
        if not state.could_serve(world.now + MONTH_S):
            yield f"{name}: wedged, it would take no call a month later"


def early_calls(world: World, target: str, cap_s: float) -> list[str]:
    """Calls that went to `target` sooner than a fault of its asked for."""
    told: list[tuple[float, float]] = []
    broken = []
    for when, kind, call in sorted(
        [(c.ended, 0, c) for c in world.calls_to(target) if c.ended is not None and c.fault is not None]
        + [(c.at, 1, c) for c in world.calls_to(target)],
        key=lambda entry: (entry[0], entry[1], entry[2].request),
    ):
        if kind == 0:
            assert call.fault is not None
            if call.fault.delay_s is not None and call.fault.verdict is not Verdict.FIX_REQUEST:
                told.append((when, when + min(call.fault.delay_s, cap_s)))
            continue
        broken += [
            f"called at {when:.3f}, told at {since:.3f} to wait until {until:.3f}"
            for since, until in told
            if since < when < until - 1e-9
        ]
    return broken
