"""Invariant 10: faults stop, and it recovers within 15 s; the last upstream is always probed."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import liveness_run
import pytest
from liveness_world import RECOVERY_S, World, world_of

from halfopen.model import Fault
from halfopen.policy.account import Account
from halfopen.policy.breaker import Breaker
from halfopen.policy.limiter import Limiter
from halfopen.simulator.scenario import ClientSpec, FaultKind, FaultSpec, Phase, Scenario, UpstreamSpec
from halfopen.simulator.strategies import STRATEGIES, make_halfopen


def test_generated_worlds_recover(examples: Callable[[int], int]) -> None:
    """Whatever went wrong: 15 s after the last fault 95 % succeed, and what stays broken is asked again."""
    for seed in range(examples(60)):
        found = liveness_run.check(seed)
        assert found.violation is None, f"replay: liveness_run.py {seed}\n{found.detail}"


def _outage(upstreams: int, kind: FaultKind, until_s: float) -> World:
    """Everything breaks at 3 s, until `until_s`."""
    names = tuple(f"up{number}" for number in range(upstreams))
    client = ClientSpec("app", names, phases=(Phase(0.0, 34.0, 6.0),), deadline_s=10.0, output_tokens=5)
    scenario = Scenario(
        name="outage",
        title="Everything breaks",
        description="",
        duration_s=34.0,
        clients=(client,),
        upstreams=tuple(UpstreamSpec(name) for name in names),
        faults=tuple(FaultSpec(name, kind, 3.0, until_s) for name in names),
    )
    ends = until_s < scenario.duration_s
    return World(scenario, until_s, until_s + RECOVERY_S if ends else float("inf"))


@pytest.mark.parametrize("kind", [FaultKind.ERROR, FaultKind.HANG, FaultKind.STALL], ids=str)
@pytest.mark.parametrize("upstreams", [1, 2])
def test_only_what_ends_must_recover(upstreams: int, kind: FaultKind) -> None:
    """The same outage is recovered from when it ends; while it lasts nothing succeeds, and that is no violation."""
    ends, stays = _outage(upstreams, kind, 12.0), _outage(upstreams, kind, 1000.0)
    report, _ = liveness_run.ran(ends, make_halfopen())
    assert liveness_run.outcome_of(ends, 0, make_halfopen()).violation is None
    assert sum(report.series.succeeded[27:]) == sum(report.series.arrived[27:])
    report, _ = liveness_run.ran(stays, make_halfopen())
    assert liveness_run.outcome_of(stays, 0, make_halfopen()).violation is None
    assert sum(report.series.succeeded[5:]) == 0


def test_a_policy_that_gives_up_is_not_live() -> None:
    """Who never looks elsewhere does not recover from an outage that does not end, and the judge says so."""
    world = _outage(2, FaultKind.ERROR, 1000.0)
    one_broken = replace(world.scenario, faults=world.scenario.faults[:1])
    claimed = World(one_broken, 3.0, 18.0)  # with the second upstream healthy it must go on
    assert liveness_run.outcome_of(claimed, 0, make_halfopen()).violation is None
    assert liveness_run.outcome_of(claimed, 0, STRATEGIES["sdk"].make).violation is not None


def test_the_same_seed_prints_the_same() -> None:
    """A schedule is replayed from its seed, byte for byte."""
    assert [liveness_run.check(seed) for seed in range(3)] == [liveness_run.check(seed) for seed in range(3)]


def test_worlds_vary() -> None:
    """Every kind of fault comes up, alone and together, in worlds that heal and worlds that do not."""
    worlds = [world_of(random.Random(seed), heals=seed % 2 == 0) for seed in range(200)]
    kinds = {fault.kind for world in worlds for fault in world.scenario.faults}
    assert kinds == set(FaultKind) - {FaultKind.COLD, FaultKind.SCALE_IN}
    assert {len(world.scenario.upstreams) for world in worlds} == {1, 2, 3}
    assert all(fault.until_s <= world.healed_s for world in worlds for fault in world.scenario.faults)


# Planted bugs: the judge must notice each of them.


def _kept(release: Callable[..., None]) -> Callable[..., None]:
    """Every third permit is never given back."""
    count = iter(range(1_000_000))

    def planted(self: Limiter, now: float, **how: Any) -> None:
        if next(count) % 3:
            release(self, now, **how)

    return planted


def _for_ever(self: Account, _fault: Fault, _now: float) -> None:
    self.throttled_until = float("inf")


PLANTED: dict[str, tuple[Any, str, Any]] = {
    "an open breaker stays open": (Breaker, "_probe_at", lambda self, **_: float("inf")),
    "a throttle lasts for ever": (Account, "throttle", _for_ever),
    "an answer says nothing to a breaker": (Breaker, "succeeded", lambda self, ticket, now: None),
    "permits leak": (Limiter, "release", _kept(Limiter.release)),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_the_judge_notices(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug is a violation within 200 schedules."""
    owner, name, planted = PLANTED[bug]
    monkeypatch.setattr(owner, name, planted)
    assert any(liveness_run.check(seed).violation for seed in range(200))
