"""Small plans that stand in for policies, and runs with seeded streams."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from halfopen.model import Attempt, Fault, Target
from halfopen.policy import State
from halfopen.policy import events as ev
from halfopen.policy.actions import Action, Cancel, Complete, Fail, Relay, Send, Wait
from halfopen.policy.queue import Line
from halfopen.seams import Entropy
from halfopen.simulator.report import Report
from halfopen.simulator.run import simulate
from halfopen.simulator.scenario import ClientSpec, FaultSpec, Phase, Scenario, UpstreamSpec
from halfopen.simulator.strategy import Request

NEVER = float("inf")


class Once:
    """A plan that calls each target at most once, in order, and gives an attempt `patience_s`."""

    def __init__(self, request: Request, watch: "Watch", patience_s: float = NEVER) -> None:
        self.targets = list(request.targets)
        self.watch = watch
        self.patience_s = patience_s
        self.state = State.NEW
        self.wake_at = NEVER
        self.attempts: list[Attempt] = []
        self.number = 0
        self.chars: list[tuple[int, float]] = []
        self.limits: list[Any] = []
        self.sent_at = self.began_at = self.ended_at = 0.0
        self.took_s: float | None = None
        self.usage: Any = None
        self.told: list[ev.Event] = []
        watch.plans.append(self)
        watch.requests.append(request)

    def progress(self, chars: int, now: float) -> None:
        self.chars.append((chars, now))

    def step(self, event: ev.Event, now: float) -> list[Action]:
        self.watch.events.append((now, event))
        self.told.append(event)
        assert self.state is not State.ENDED, f"{event} after the end"
        if isinstance(event, ev.Arrived):
            return self.send(now)
        if isinstance(event, ev.Content):
            assert event.attempt == self.number
            self.state = State.COMMITTED
            self.began_at = now
            self.wake_at = now + self.watch.look_s
            return [Relay(event.attempt)]
        if isinstance(event, ev.Finished):
            self.state = State.ENDED
            self.ended_at, self.took_s, self.usage = now, now - self.sent_at, event.usage
            return [Complete(event.attempt)]
        if isinstance(event, ev.Failed):
            return self.after(event.fault, now)
        if isinstance(event, ev.ClientGone):
            waited, self.state = self.state is State.WAITING, State.ENDED
            return [] if waited else [Cancel(self.number)]
        if isinstance(event, ev.FirstByte):
            self.limits.extend(event.limits)
        if isinstance(event, ev.Timer):
            if self.state is State.COMMITTED:
                self.wake_at = now + self.watch.look_s
                return []
            return [Cancel(self.number), *self.after(self.watch.fault, now)]
        return []

    def after(self, fault: Fault, now: float) -> list[Action]:
        if self.targets and self.state is not State.COMMITTED:
            return self.send(now)
        committed = self.state is State.COMMITTED
        self.state = State.ENDED
        return [Fail(fault, committed)]

    def send(self, now: float) -> list[Action]:
        self.number += 1
        self.sent_at = now
        self.state = State.ATTEMPTING
        self.wake_at = now + self.patience_s
        return [Send(self.number, self.targets.pop(0), self.wake_at)]


class InTurn(Once):
    """A plan that calls only while fewer than `watch.room` calls are under way, and waits in line else."""

    def send(self, now: float) -> list[Action]:
        if self.watch.under_way >= self.watch.room:
            self.state = State.WAITING
            return [Wait(NEVER, for_room=True)]
        self.watch.under_way += 1
        self.watch.most = max(self.watch.most, self.watch.under_way)
        return super().send(now)

    def step(self, event: ev.Event, now: float) -> list[Action]:
        if isinstance(event, ev.PermitFreed | ev.Shed):
            self.watch.events.append((now, event))
        if isinstance(event, ev.PermitFreed):
            return self.send(now)
        if isinstance(event, ev.Shed):
            self.state = State.ENDED
            return [Fail(event.fault, committed=False)]
        if isinstance(event, ev.Finished | ev.Failed | ev.ClientGone) and self.state is not State.WAITING:
            self.watch.under_way -= 1
        return super().step(event, now)


class Watch:
    """A strategy that sees everything."""

    name = "watch"

    def __init__(self, plan: type[Once] = Once, *, cancels: bool = True, patience_s: float = NEVER) -> None:
        self.plan_type = plan
        self.cancels = cancels
        self.patience_s = patience_s
        self.look_s = 5.0
        self.room = 1
        self.under_way = 0
        self.most = 0
        self.places = 1000
        self.own_line = Line(lambda: len(self.own_line) < self.places)
        self.plans: list[Once] = []
        self.requests: list[Request] = []
        self.events: list[tuple[float, ev.Event]] = []
        self.fault: Any = None

    def __call__(self, targets: Sequence[Target], entropy: Entropy, now: float) -> "Watch":
        return self

    def plan(self, request: Request, now: float) -> Once:
        return self.plan_type(request, self, self.patience_s)

    def line(self, request: Request) -> Line | None:
        return self.own_line if self.plan_type is InTurn else None

    def lines_to(self, target: str) -> Sequence[Line]:
        return (self.own_line,) if self.plan_type is InTurn else ()

    def faults(self) -> list[Fault]:
        return [event.fault for _, event in self.events if isinstance(event, ev.Failed)]


@dataclass
class Bench:
    """Runs of small scenarios: one group `app` that asks the upstreams in order."""

    seed: int = 1

    def streams(self, name: str) -> Entropy:
        return random.Random(f"{self.seed}:{name}").random

    def scenario(
        self,
        upstreams: Sequence[UpstreamSpec] | UpstreamSpec,
        faults: Sequence[FaultSpec] = (),
        *,
        duration_s: float = 20.0,
        rate: float = 20.0,
        **client: Any,
    ) -> Scenario:
        ups = (upstreams,) if isinstance(upstreams, UpstreamSpec) else tuple(upstreams)
        spec = ClientSpec("app", tuple(up.name for up in ups), (Phase(0.0, duration_s, rate),))
        spec = replace(spec, **{"stream": False, **client})
        return Scenario("s", "S", "", duration_s, (spec,), ups, tuple(faults))

    def run(self, scenario: Scenario, watch: Any, **options: Any) -> Report:
        return simulate(scenario, watch, "p", self.streams, **options)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def watch() -> Callable[..., Watch]:
    return Watch


@pytest.fixture
def in_turn() -> type[Once]:
    return InTurn
