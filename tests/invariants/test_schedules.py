"""Invariants 1 to 7, 11 and 13 on drawn schedules. `make invariants` plays ten thousand for each."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from judgement import judge
from oracles import ORACLES
from schedule import Schedule
from schedule_faults import FAULTS, POOLS

HERE = Path(__file__).parent
DRAWS = st.randoms(use_true_random=False)
TRACES_OF = f"""
import json, sys
sys.path.insert(0, {str(HERE)!r})
from judgement import judge
print(json.dumps([judge(13, seed, traced=True).sha256 for seed in json.loads(sys.argv[1])]))
"""


class Schedules(RuleBasedStateMachine):
    """A schedule, one operation at a time, under the eyes of all oracles."""

    schedule: Schedule

    @initialize(rng=DRAWS)
    def begin(self, rng: Random) -> None:
        """A world is drawn."""
        self.schedule = Schedule(rng, list(ORACLES.values()), traced=True)

    def check(self) -> None:
        """No oracle has anything to say."""
        world = self.schedule.world
        assert world.wrongs() == [], "\n".join(world.trace or ())

    @rule(rng=DRAWS)
    def request_arrives(self, rng: Random) -> None:
        """A request comes, or several."""
        self.schedule.rng = rng
        self.schedule.request_arrives()
        self.check()

    @precondition(lambda self: self.schedule.world.live)
    @rule(rng=DRAWS)
    def upstream_speaks(self, rng: Random) -> None:
        """A call goes on, ends or fails."""
        self.schedule.rng = rng
        self.schedule.upstream_speaks()
        self.check()

    @precondition(lambda self: self.schedule.world.live)
    @rule(rng=DRAWS)
    def time_passes(self, rng: Random) -> None:
        """Up to the next timer, or less."""
        self.schedule.rng = rng
        self.schedule.time_passes()
        self.check()

    @precondition(lambda self: self.schedule.world.live)
    @rule(rng=DRAWS)
    def time_jumps(self, rng: Random) -> None:
        """The process was frozen."""
        self.schedule.rng = rng
        self.schedule.time_jumps()
        self.check()

    @precondition(lambda self: self.schedule.world.live)
    @rule(rng=DRAWS)
    def client_leaves(self, rng: Random) -> None:
        """A client goes away."""
        self.schedule.rng = rng
        self.schedule.client_leaves()
        self.check()

    @precondition(lambda self: self.schedule.world.live)
    @rule(rng=DRAWS)
    def driver_crashes(self, rng: Random) -> None:
        """A driver fails."""
        self.schedule.rng = rng
        self.schedule.driver_crashes()
        self.check()

    @rule(rng=DRAWS)
    def room_is_told(self, rng: Random) -> None:
        """Who waits looks for room."""
        self.schedule.rng = rng
        self.schedule.room_is_told()
        self.check()

    def teardown(self) -> None:
        """Every request comes to its end, and nothing is left."""
        if hasattr(self, "schedule"):
            self.schedule.rng = Random(0)
            self.schedule.drain()
            self.check()


def test_no_sequence_of_operations_breaks_an_invariant(examples: Callable[[int], int]) -> None:
    """Whatever happens in whichever order, all oracles are content; a failure is made as small as can be."""
    run_state_machine_as_test(
        Schedules,
        settings=settings(
            max_examples=examples(25),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.mark.parametrize("invariant", ORACLES, ids=lambda number: f"invariant-{number}")
def test_an_invariant_holds_on_random_schedules(invariant: int, examples: Callable[[int], int]) -> None:
    """The oracle of an invariant finds nothing wrong, and its situations come up."""
    met: dict[str, int] = {}
    for seed in range(1, 1 + examples(200)):
        judgement = judge(invariant, seed)
        assert judgement.wrongs == (), f"run.py --invariant {invariant} --replay {seed}"
        for situation in judgement.met:
            met[situation] = met.get(situation, 0) + 1
    assert [claim for claim in ORACLES[invariant].claims if not met.get(claim)] == []


def test_the_same_seed_gives_the_same_bytes(examples: Callable[[int], int]) -> None:
    """A schedule can be replayed: twice here, and in processes that hash strings differently."""
    seeds = list(range(1, 1 + examples(40)))
    here = [judge(13, seed, traced=True) for seed in seeds]
    assert [each.trace for each in here] == [judge(13, seed, traced=True).trace for seed in seeds]
    assert len({each.sha256 for each in here}) == len(seeds)
    for hash_seed in ("1", "4242"):
        told = subprocess.run(
            [sys.executable, "-c", TRACES_OF, json.dumps(seeds)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(told.stdout) == [each.sha256 for each in here]


def test_schedules_draw_from_every_fault() -> None:
    """The pools hold what the classifier and the timeouts make, with delays from none to a day."""
    assert all(POOLS.values())
    assert {fault.verdict for fault in FAULTS} == {fault.verdict for pool in POOLS.values() for fault in pool}
    delays = {fault.delay_s for fault in FAULTS}
    assert {None, 0.0, 86_400.0} <= delays
    assert len({fault.kind for fault in FAULTS}) > 40
