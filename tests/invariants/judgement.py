"""One schedule from one seed, and what an oracle says of it."""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oracle import Oracle
from oracles import ORACLES
from schedule import Schedule
from schedule_world import World


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of one schedule."""

    seed: int
    met: tuple[str, ...]
    """Which situations came up."""
    wrongs: tuple[str, ...]
    """What broke the invariant; a policy that raises breaks all."""
    trace: tuple[str, ...] = field(default=(), repr=False)
    """What happened, line by line, if it was wanted."""

    @property
    def sha256(self) -> str:
        """Of the trace."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


def judge(
    invariant: int, seed: int, *, traced: bool = False, plant: Callable[[World], None] | None = None
) -> Judgement:
    """Play the schedule of a seed under the eyes of an invariant's oracle.

    Args:
        invariant: Its number; 13 is judged by two traces, so here nobody watches.
        seed: The same seed plays the same schedule.
        traced: Whether to write down what happens.
        plant: Puts a bug into the world, before anything happens.
    """
    watching: Sequence[type[Oracle]] = [ORACLES[invariant]] if invariant in ORACLES else []
    schedule = Schedule(random.Random(seed), watching, focus=invariant, traced=traced)
    world = schedule.world
    if plant is not None:
        plant(world)
    raised = []
    try:
        schedule.play()
    except Exception as problem:  # noqa: BLE001 - whatever a policy raises is a finding
        raised = [f"raised {type(problem).__name__}: {problem}"]
    met = tuple(name for oracle in world.oracles for name in oracle.met)
    return Judgement(seed, met, (*world.wrongs(), *raised), tuple(world.trace or ()))
