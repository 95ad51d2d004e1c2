"""Invariant 14: hedged tokens are at most 2 %, or the share that the route's `extra_load` allows.

A schedule is a world for the simulator: streams whose first content is late now and then, requests of very
different sizes, healthy upstreams or broken ones, and hedging at some share, or off.

What holds
1. At any time, the tokens that hedges have asked for are at most `extra_load` of those that all calls of
   the route have asked for. The budget starts empty, so there is no burst on top.
2. Without `extra_load`, which is the default, there is no hedge.
3. A hedge goes to another target than the call that is late, and only for a stream.
4. There is none while a breaker of the route is not closed, nor for 10 s after one of its limits fell.
"""

import random
import sys
from dataclasses import dataclass, field
from typing import Final

from liveness_watch import Life, Watching
from outcome import Outcome
from outcome_loop import main

from halfopen.policy import JourneyOptions, TargetState
from halfopen.policy import actions as act
from halfopen.policy.breaker import BreakerState
from halfopen.policy.options import HedgeOptions
from halfopen.seams import Entropy
from halfopen.simulator.report import Report
from halfopen.simulator.run import simulate
from halfopen.simulator.scenario import ClientSpec, FaultKind, FaultSpec, Phase, Scenario, UpstreamSpec
from halfopen.simulator.strategies import make_halfopen

INVARIANTS: Final = (14,)
TITLE: Final = "hedged tokens stay within their share"
_STRESSED_S: Final = 10.0
_ROUNDING: Final = 1e-6
_DURATION_S: Final = 9.0


@dataclass(frozen=True, slots=True)
class World:
    """A scenario, and the share that hedges may add."""

    scenario: Scenario
    extra_load: float

    def __str__(self) -> str:
        scenario = self.scenario
        parts = (*scenario.upstreams, *scenario.clients, *scenario.faults)
        return "\n".join([f"extra_load {self.extra_load}", *(str(each) for each in parts)])


def world_of(rng: random.Random) -> World:
    """A world."""
    names = tuple(f"up{number}" for number in range(rng.choice((2, 2, 3))))
    upstreams = tuple(
        UpstreamSpec(
            name,
            slots=rng.choice((40, 300)),
            first_token_s=rng.choice((0.05, 0.2)),
            first_token_spread=rng.choice((0.5, 1.0, 1.3)),
            token_s=rng.choice((0.001, 0.005)),
            slowdown=rng.choice((0.0, 1.0)),
        )
        for name in names
    )
    groups = tuple(
        ClientSpec(
            f"group{number}",
            names if rng.random() < 0.8 else tuple(reversed(names)),
            phases=(Phase(0.0, _DURATION_S, rng.choice((6.0, 10.0, 16.0))),),
            stream=number == 0 or rng.random() < 0.8,
            deadline_s=rng.choice((10.0, 60.0)),
            input_tokens=rng.choice((0, 10, 500, 20_000)),
            output_tokens=rng.choice((0, 20, 100)),
        )
        for number in range(rng.choice((1, 2)))
    )
    faults = tuple(_fault(rng, rng.choice(names)) for _ in range(rng.choice((0, 0, 0, 1, 2))))
    scenario = Scenario(
        name="world",
        title="A generated world",
        description="",
        duration_s=_DURATION_S,
        clients=groups,
        upstreams=upstreams,
        faults=faults,
        seed=rng.randrange(1 << 32),
    )
    return World(scenario, rng.choice((0.0, 0.005, 0.02, 0.02, 0.05, 0.1, 0.2)))


def _fault(rng: random.Random, name: str) -> FaultSpec:
    kind = rng.choice((FaultKind.ERROR, FaultKind.HANG, FaultKind.SLOW, FaultKind.CUT, FaultKind.STALL))
    from_s = round(rng.uniform(2.0, 7.0), 1)
    until_s = from_s + rng.choice((1.0, 3.0, 10.0))
    share = rng.choice((1.0, 0.3)) if kind not in (FaultKind.SLOW, FaultKind.STALL) else 1.0
    factor = rng.choice((3.0, 20.0)) if kind is FaultKind.SLOW else 1.0
    return FaultSpec(
        name, kind, from_s, until_s, share=share, factor=factor, status=rng.choice((500, 503, 529))
    )


@dataclass(slots=True)
class Ledger:
    """What one route's calls have asked for."""

    asked: float = 0.0
    hedged: float = 0.0


@dataclass(slots=True)
class Judge:
    """Watches a run, call by call."""

    extra_load: float
    ledgers: dict[tuple[str, ...], Ledger] = field(default_factory=dict)
    wrongs: list[str] = field(default_factory=list)
    hedges: int = 0
    watching: Watching | None = None
    _states: list[TargetState] = field(default_factory=list)
    _limits: dict[str, int] = field(default_factory=dict)
    _fell_at: dict[str, float] = field(default_factory=dict)

    def on_send(self, life: Life, send: act.Send | act.ContinueOn, now: float) -> None:
        """A call was decided."""
        ledger = self.ledgers.setdefault(life.targets, Ledger())
        tokens = max(1, life.demand.tokens)
        if not (isinstance(send, act.Send) and send.hedge):
            ledger.asked += tokens
            return
        self.hedges += 1
        ledger.hedged += tokens
        self._judge_hedge(life, send, ledger, now)

    def on_step(self, now: float) -> None:
        """Look at the limits: which of them fell?"""
        if not self._states:
            assert self.watching is not None
            assert self.watching.made is not None
            self._states = list(self.watching.made.strategy._states.values())
        for state in self._states:
            name, limit = state.target.provider, state.limiter.limit
            if limit < self._limits.get(name, 0):
                self._fell_at[name] = now
            self._limits[name] = limit

    def _judge_hedge(self, life: Life, send: act.Send, ledger: Ledger, now: float) -> None:
        where = f"request {life.number} was hedged at {now:.3f}, and"
        if self.extra_load <= 0.0:
            self.wrongs.append(f"{where} hedging is off")
        if ledger.hedged > self.extra_load * ledger.asked * (1.0 + _ROUNDING):
            self.wrongs.append(
                f"{where} hedges have asked for {ledger.hedged:.0f} tokens, with {ledger.asked:.0f} asked for by "
                f"all other calls: more than {self.extra_load}"
            )
        if not life.stream:
            self.wrongs.append(f"{where} it is no stream")
        if any(target == send.target.provider for _, target in life.sent[:-1]):
            self.wrongs.append(f"{where} {send.target.provider} was asked already")
        for state in self._states:
            name = state.target.provider
            if name not in life.targets:
                continue
            if state.breaker.state(now) is not BreakerState.CLOSED:
                self.wrongs.append(f"{where} the breaker of {name} is {state.breaker.state(now).value}")
            if now - self._fell_at.get(name, -100.0) < _STRESSED_S:
                self.wrongs.append(f"{where} the limit of {name} fell at {self._fell_at[name]:.3f}")


def ran(world: World, options: JourneyOptions) -> tuple[Report, Judge]:
    """Run a world under a judge's eyes."""
    scenario, judge = world.scenario, Judge(options.hedge.extra_load)

    def streams(name: str) -> Entropy:
        return random.Random(f"{scenario.seed}:{name}").random

    judge.watching = Watching(make_halfopen(options=options), judge.on_send, judge.on_step)
    return simulate(scenario, judge.watching.make, "halfopen", streams), judge


def options_of(extra_load: float) -> JourneyOptions:
    """The defaults, with hedging at a share. 0: the defaults as they are."""
    return JourneyOptions(hedge=HedgeOptions(extra_load)) if extra_load else JourneyOptions()


def outcome_of(world: World, seed: int) -> Outcome:
    """Run a world and judge it. Where hedging is off, it counts only if the world would have been hedged."""
    report, judge = ran(world, options_of(world.extra_load))
    met = judge.hedges > 0
    if not world.extra_load:
        met = ran(world, options_of(0.2))[1].hedges > 0
    lines = [str(world), f"{judge.hedges} hedges"]
    for route, ledger in judge.ledgers.items():
        lines.append(f"{','.join(route)}: {ledger.hedged:.0f} tokens hedged of {ledger.asked:.0f}")
    lines.append(f"trace {report.trace_sha256}")
    return Outcome(seed, met, judge.wrongs[0] if judge.wrongs else None, "\n".join(lines))


def check(seed: int) -> Outcome:
    """One schedule, from its seed."""
    return outcome_of(world_of(random.Random(seed)), seed)


if __name__ == "__main__":
    sys.exit(main(check, TITLE, INVARIANTS))
