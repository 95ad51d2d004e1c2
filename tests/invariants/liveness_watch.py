"""A strategy that is watched: what each of its plans was told and decided, and when."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from halfopen.model import Attempt, Demand, Target
from halfopen.policy import State
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.queue import Line
from halfopen.seams import Entropy
from halfopen.simulator.strategy import MakeStrategy, Plan, Request, Strategy


@dataclass(slots=True)
class Life:
    """One try of a request, from its arrival to its end. Times are virtual seconds."""

    number: int
    arrived: float
    deadline_s: float
    targets: tuple[str, ...]
    """Names of the upstreams that it may go to."""
    demand: Demand
    stream: bool
    sent: list[tuple[float, str]] = field(default_factory=list)
    """When each call was made, and to whom."""
    hedged: list[float] = field(default_factory=list)
    """When a call was a hedge."""
    attempts: list[Attempt] = field(default_factory=list)
    """Its calls that have ended."""
    finished: bool = False
    completed: bool = False
    ended: float | None = None


OnSend = Callable[[Life, act.Send | act.ContinueOn, float], None]
OnStep = Callable[[float], None]


class WatchedPlan:
    """A plan that writes down what it does."""

    def __init__(self, plan: Plan, life: Life, on_send: OnSend | None, on_step: OnStep | None) -> None:
        """`on_send` is told of each call after it is decided, `on_step` of each step after it was taken."""
        self._plan = plan
        self._life = life
        life.attempts = plan.attempts
        self._on_send = on_send
        self._on_step = on_step

    @property
    def wake_at(self) -> float:
        """The plan's own."""
        return self._plan.wake_at

    @property
    def attempts(self) -> list[Attempt]:
        """The plan's own."""
        return self._plan.attempts

    @property
    def state(self) -> State:
        """The plan's own."""
        return self._plan.state

    def progress(self, chars: int, now: float) -> None:
        """More content came."""
        self._plan.progress(chars, now)

    def step(self, event: ev.Event, now: float) -> list[act.Action]:
        """Take one event and return what to do."""
        life = self._life
        if isinstance(event, ev.Finished):
            life.finished = True
        actions = self._plan.step(event, now)
        if isinstance(event, ev.ClientGone):
            life.ended = now
        for action in actions:
            if isinstance(action, act.Send | act.ContinueOn):
                life.sent.append((now, action.target.provider))
                if isinstance(action, act.Send) and action.hedge:
                    life.hedged.append(now)
                if self._on_send is not None:
                    self._on_send(life, action, now)
            elif isinstance(action, act.Complete):
                life.completed = True
                life.ended = now
            elif isinstance(action, act.Fail):
                life.ended = now
        if self._on_step is not None:
            self._on_step(now)
        return actions


class Watched:
    """A strategy, and the lives of all its requests in the order of their arrival."""

    def __init__(self, strategy: Strategy, on_send: OnSend | None, on_step: OnStep | None) -> None:
        """Nobody has asked yet."""
        self.strategy: Any = strategy
        self.name = strategy.name
        self.cancels = strategy.cancels
        self.requests: list[Life] = []
        self._on_send = on_send
        self._on_step = on_step

    def plan(self, request: Request, now: float) -> WatchedPlan:
        """The plan of one request."""
        targets = tuple(target.provider for target in request.targets)
        life = Life(request.number, now, request.deadline_s, targets, request.demand, request.stream)
        self.requests.append(life)
        return WatchedPlan(self.strategy.plan(request, now), life, self._on_send, self._on_step)

    def line(self, request: Request) -> Line | None:
        """The strategy's own."""
        line: Line | None = self.strategy.line(request)
        return line

    def lines_to(self, target: str) -> Sequence[Line]:
        """The strategy's own."""
        lines: Sequence[Line] = self.strategy.lines_to(target)
        return lines


class Watching:
    """Makes a watched strategy of any other."""

    def __init__(
        self, make: MakeStrategy, on_send: OnSend | None = None, on_step: OnStep | None = None
    ) -> None:
        """Nothing is made yet."""
        self._make = make
        self._on_send = on_send
        self._on_step = on_step
        self.made: Watched | None = None
        """The last one that was made."""

    def make(self, targets: Sequence[Target], entropy: Entropy, now: float) -> Strategy:
        """A fresh strategy for a run."""
        self.made = made = Watched(self._make(targets, entropy, now), self._on_send, self._on_step)
        return cast("Strategy", made)  # its plans' attributes are the other plans', to be read only
