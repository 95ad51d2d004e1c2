"""One request in a schedule: carries out its journey's actions exactly as the gateway's exchange does.

Rules
1. The journey decides, the exchange acts. Every event goes through `step`, and nothing else asks it.
2. When attempts have ended, the lines of their targets are woken: for two after a success, else for one.
3. Between any two actions the client may leave; what had been decided and not been done is not done.
4. What is delivered is noted as pieces of attempts, in order, so that a bystander can read it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schedule_wording import told

from halfopen import errors
from halfopen.model import Demand, Fault, Kind, RateLimit, Target, Usage
from halfopen.policy import Journey, State
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.queue import Shedding

if TYPE_CHECKING:
    from schedule_world import Route, World

_SPINS_MAX = 300
_WAKE_AFTER_SUCCESS = 2


class Call:
    """One call to an upstream, as its driver knows it."""

    __slots__ = ("attempt", "credential", "delivered", "made", "stage", "target")

    def __init__(self, attempt: int, target: Target, credential: int) -> None:
        """Sent; `stage` 1: connected, 2: the head came, 3: content came."""
        self.attempt = attempt
        self.target = target
        self.credential = credential
        self.stage = 0
        self.made = 0
        """Pieces of content that came."""
        self.delivered = 0
        """Of them, those that the client has."""


class Exchange:
    """One request from its arrival to its end."""

    def __init__(
        self,
        world: "World",
        route: "Route",
        demand: Demand,
        *,
        stream: bool,
        unfit: Sequence[str],
        unfit_to_go_on: Sequence[str],
        repeatable: bool,
    ) -> None:
        """Nothing happens before `start`.

        Args:
            world: Where it happens.
            route: Whose targets it may go to.
            demand: What it asks.
            stream: Whether a stream is asked for.
            unfit: Names of the targets that can't do it.
            unfit_to_go_on: Names of those that can't go on with an answer of it.
            repeatable: Whether it may be sent again after a fault.
        """
        self.world = world
        self.route = route
        self.demand = demand
        self.stream = stream
        self.number = len(world.exchanges)
        self.unfit = unfit
        self.unfit_to_go_on = unfit_to_go_on
        self.repeatable = repeatable
        self.obstacle: str | None = None
        """Why what was delivered can't be gone on with."""
        self.calls: dict[int, Call] = {}
        """Those under way, by attempt."""
        self.delivered: list[tuple[int, int]] = []
        """What the client has: attempt and number of each piece."""
        self.relaying: int | None = None
        self.terminals = 0
        self.over = False
        self.gone = False
        self.crashed = False
        self.wake_at = float("inf")
        self._instant, self._spins = float("-inf"), 0
        self.journey: Journey = world.journey_class(
            route.states,
            options=route.options,
            retry=world.policy.retry,
            entropy=world.entropy,
            stream=stream,
            unfit=self._unfit,
            resumable=lambda: self.obstacle,
            may_repeat=None if repeatable else lambda _fault: False,
            demand=demand,
            hedge=route.hedge,
        )

    def __repr__(self) -> str:
        return f"r{self.number}"

    def start(self) -> None:
        """The request is here."""
        self.route.let_go(self.world.now)
        self.step(ev.Arrived())

    @property
    def waits(self) -> bool:
        """Whether it waits for a target."""
        return not self.over and self.journey.state is State.WAITING

    # Time, room, and the client's side.

    def on_timer(self) -> None:
        """The journey's time has come."""
        if self.over:
            return
        world = self.world
        world.late_s = max(world.late_s, world.now - self.wake_at)
        if self.waits:
            self.route.let_go(world.now)
        # One who was at the head of the line may have gone, or ended: then it wakes later, or never.
        if self.wake_at <= world.now:
            self.step(ev.Timer())

    def on_room(self) -> bool:
        """A target may have room. Whether it was taken."""
        if self.waits:
            self.step(ev.PermitFreed())
        return not self.over and self.journey.state is State.ATTEMPTING

    def on_shed(self, shedding: Shedding) -> None:
        """The place in the line is gone, or there is none."""
        if self.waits:
            fault = errors.make(Kind.NO_CAPACITY, shedding.reason.value, delay_s=shedding.retry_after_s)
            self.step(ev.Shed(fault))

    def leave(self) -> None:
        """The client goes away."""
        if self.over or self.journey.state is State.ENDED:
            return
        self.gone = True
        self.step(ev.ClientGone())
        self.end()

    def crash(self) -> None:
        """The driver fails: everything is given up, in whatever state it is."""
        if self.over:
            return
        self.crashed = True
        landed = len(self.journey.attempts)
        self.world.note(f"{self} crashes")
        self.journey.abandon(self.world.now)
        for oracle in self.world.oracles:
            oracle.on_crash(self)
        self.end()
        self._wake_after(landed)

    # The upstream's side. Each is told only while its call is under way.

    def connected(self, call: Call) -> None:
        """There is a connection."""
        call.stage = 1
        self.step(ev.Connected(call.attempt))

    def head(self, call: Call, status: int, limits: tuple[RateLimit, ...]) -> None:
        """The response head came."""
        call.stage = 2
        self.step(ev.FirstByte(call.attempt, status, limits))

    def content(self, call: Call, *, held: bool, chars: int) -> None:
        """A piece of a stream came."""
        journey = self.journey
        call.stage = 3
        call.made += 1
        if journey.state is State.ATTEMPTING or (journey.state is State.HELD and not held):
            self.step(ev.Content(call.attempt, held=held))
        if not self.over:
            journey.progress(chars, self.world.now)
            self.wake_at = journey.wake_at
        if self.relaying == call.attempt and call.attempt in self.calls:
            self._deliver(call)

    def finish(self, call: Call, usage: Usage | None) -> None:
        """The answer is whole."""
        self.step(ev.Finished(call.attempt, usage))

    def fail(self, call: Call, fault: Fault, usage: Usage | None) -> None:
        """The call failed, and is over."""
        del self.calls[call.attempt]
        self.step(ev.Failed(call.attempt, fault, usage))

    # What the journey says.

    def step(self, event: ev.Event) -> None:
        """Tell the journey, and do what it says."""
        world = self.world
        if world.now > self._instant:
            self._instant, self._spins = world.now, 0
        self._spins += 1
        if self._spins > _SPINS_MAX:
            raise RuntimeError(f"{self} spins")
        landed = len(self.journey.attempts)
        for oracle in world.oracles:
            oracle.before_step(self, event)
        asking, world.asking = world.asking, self
        actions = self.journey.step(event, world.now)
        world.asking = asking
        if world.trace is not None:
            world.note(
                f"{self} {told(event)} -> {', '.join(told(action) for action in actions) or 'nothing'}"
            )
        for oracle in world.oracles:
            oracle.on_step(self, event, actions)
        self._perform(actions)
        self._wake_after(landed)

    def _perform(self, actions: Sequence[act.Action]) -> None:
        for action in actions:
            if self._is_over():
                return
            if isinstance(action, act.Send | act.ContinueOn):
                self._send(action)
            elif isinstance(action, act.Wait):
                self._wait(action)
            elif isinstance(action, act.Cancel):
                self.calls.pop(action.attempt, None)
            elif isinstance(action, act.Relay):
                self.relaying = action.attempt
                self._deliver(self.calls[action.attempt])
            elif isinstance(action, act.Complete):
                self.relaying = action.attempt
                self._deliver(self.calls[action.attempt])
                self.terminals += 1
                self.end()
            else:
                self.terminals += 1
                self.end()
            if not self._is_over() and self.world.leaves_now():
                self.leave()
        if not self.over:
            self.wake_at = self.journey.wake_at

    def _send(self, send: act.Send | act.ContinueOn) -> None:
        self.route.line.leave(self)
        if isinstance(send, act.ContinueOn):
            self.relaying = send.attempt
        self.calls[send.attempt] = Call(send.attempt, send.target, send.credential)

    def _wait(self, wait: act.Wait) -> None:
        if wait.for_room:
            shedding = self.route.line.join(self, self.demand, wait.deadline, self.world.now)
            if shedding is not None:
                self.on_shed(shedding)

    def _is_over(self) -> bool:
        return self.over

    def _deliver(self, call: Call) -> None:
        for piece in range(call.delivered, call.made):
            self.delivered.append((call.attempt, piece))
        call.delivered = call.made

    def _wake_after(self, landed: int) -> None:
        for each in self.journey.attempts[landed:]:
            good = each.fault is None and not each.cancelled
            self.world.wake(each.target, _WAKE_AFTER_SUCCESS if good else 1)

    def _unfit(self, target: Target) -> str | None:
        unfit = self.unfit_to_go_on if self.journey.committed else self.unfit
        return "it can't" if target.name in unfit else None

    def end(self) -> None:
        """Nothing of it is left."""
        if self.over:
            return
        self.over = True
        self.wake_at = float("inf")
        self.route.line.leave(self)
        self.calls.clear()
        self.world.live.remove(self)
        for oracle in self.world.oracles:
            oracle.on_over(self)
