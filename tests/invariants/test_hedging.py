"""Invariant 14: hedged tokens are at most 2 %, or the share that the route's `extra_load` allows."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hedging_run
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.policy import JourneyOptions
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import HedgeOptions
from halfopen.simulator.scenario import ClientSpec, FaultKind, FaultSpec, Phase, Scenario, UpstreamSpec


def test_generated_worlds_are_hedged_within_their_share(examples: Callable[[int], int]) -> None:
    """In no world, at no time, have hedges asked for more than their share; none is sent under stress."""
    met = 0
    for seed in range(examples(50)):
        found = hedging_run.check(seed)
        assert found.violation is None, f"replay: hedging_run.py {seed}\n{found.detail}"
        met += found.met
    assert met > examples(25)


@settings(max_examples=200, deadline=None)
@given(
    st.floats(0.0, 0.2),
    st.lists(st.tuples(st.booleans(), st.sampled_from([1, 2, 50, 1000, 10**6])), max_size=300),
)
def test_a_budget_is_never_overdrawn(extra_load: float, steps: list[tuple[bool, int]]) -> None:
    """Whatever is paid in and asked for, in any order: what was spent is at most the share of what came in."""
    budget = HedgeBudget(HedgeOptions(extra_load))
    earned = spent = 0
    for is_hedge, tokens in steps:
        if not is_hedge:
            budget.earn(tokens)
            earned += tokens
        elif budget.take(tokens):
            spent += tokens
        assert spent <= extra_load * earned * (1 + 1e-9)
        assert budget.tokens >= 0.0


def _late(*faults: FaultSpec) -> hedging_run.World:
    """Two upstreams whose first tokens are late now and then."""
    names = ("up0", "up1")
    client = ClientSpec("app", names, phases=(Phase(0.0, 14.0, 15.0),), deadline_s=60.0, output_tokens=20)
    scenario = Scenario(
        name="late",
        title="Late now and then",
        description="",
        duration_s=14.0,
        clients=(client,),
        upstreams=tuple(
            UpstreamSpec(name, slots=500, first_token_spread=1.2, token_s=0.001) for name in names
        ),
        faults=faults,
    )
    return hedging_run.World(scenario, 0.05)


def test_late_streams_are_hedged_and_stressed_ones_are_not() -> None:
    """The same late streams are hedged while all is well, and not while a backup breaks, nor by default."""
    options = hedging_run.options_of(0.05)
    _, well = hedging_run.ran(_late(), options)
    assert well.hedges > 0
    assert well.wrongs == []
    error = FaultSpec("up1", FaultKind.ERROR, 0.0, 14.0, status=503)
    broken = _late(error)
    client = replace(broken.scenario.clients[0], name="other", targets=("up1",))
    world = replace(broken, scenario=replace(broken.scenario, clients=(*broken.scenario.clients, client)))
    _, judge = hedging_run.ran(world, options)
    assert judge.hedges == 0
    _, off = hedging_run.ran(_late(), JourneyOptions())
    assert off.hedges == 0


def test_the_same_seed_prints_the_same() -> None:
    """A schedule is replayed from its seed, byte for byte."""
    assert [hedging_run.check(seed) for seed in range(3)] == [hedging_run.check(seed) for seed in range(3)]


def test_worlds_vary() -> None:
    """Worlds with and without hedging, faults and plain requests come up."""
    worlds = [hedging_run.world_of(random.Random(seed)) for seed in range(100)]
    assert {world.extra_load for world in worlds} == {0.0, 0.005, 0.02, 0.05, 0.1, 0.2}
    assert {bool(world.scenario.faults) for world in worlds} == {True, False}
    assert {client.stream for world in worlds for client in world.scenario.clients} == {True, False}


# Planted bugs: the judge must notice each of them.


def _twice(earn: Callable[[HedgeBudget, int], None]) -> Callable[[HedgeBudget, int], None]:
    def planted(self: HedgeBudget, tokens: int) -> None:
        earn(self, tokens)
        earn(self, tokens)

    return planted


def _full(init: Callable[[HedgeBudget, HedgeOptions], None]) -> Callable[[HedgeBudget, HedgeOptions], None]:
    def planted(self: HedgeBudget, options: HedgeOptions) -> None:
        init(self, options)
        self.tokens = 5000.0

    return planted


PLANTED: dict[str, list[tuple[str, Any]]] = {
    "a hedge costs nothing": [("take", lambda self, tokens: True)],
    "a request pays in twice": [("earn", _twice(HedgeBudget.earn))],
    "the budget starts full": [("__init__", _full(HedgeBudget.__init__))],
    "stress is not seen": [("is_stressed", lambda self, states, now: False)],
    "it is never off": [("delay_s", lambda self, state: 0.3), ("take", lambda self, tokens: True)],
}


@pytest.mark.parametrize("bug", PLANTED)
def test_the_judge_notices(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug is a violation within 200 schedules."""
    for name, planted in PLANTED[bug]:
        monkeypatch.setattr(HedgeBudget, name, planted)
    assert any(hedging_run.check(seed).violation for seed in range(200))
