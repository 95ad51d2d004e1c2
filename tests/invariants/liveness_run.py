"""Invariant 10: faults stop, and nearly everything succeeds within 15 s; the last upstream is always probed.

A schedule is a world for the simulator, in one of two modes, as in TigerBeetle's VOPR. In *liveness* mode
all faults end: from 15 s later on at least 95 % of the requests must succeed, whatever happened before. In
*safety* mode everything stays broken: nothing need succeed, but what must hold holds, and the upstreams
of each route are still asked from time to time, or their recovery would never be seen.

What holds
1. Liveness: of every 20 or more requests that arrive one after another from `recovered_s` on, 95 %
   succeed.
2. Safety: no request makes more than 3 calls, none starts after its client's time, each ends within it,
   and no answer is complete that was not finished.
3. Safety: while a route's requests keep coming, in any 15 s at least one of its upstreams is asked, or
   has still to answer. (A refused key may be left alone for its park interval as well. And a
   target whose whole limit is held by calls that hang is asked again when they have had their time:
   invariant 4 allows no more.)
"""

import random
import sys
from typing import Final

from liveness_watch import Life, Watched, Watching
from liveness_world import PARK_S, RECOVERY_S, World, world_of
from outcome import Outcome
from outcome_loop import main

from halfopen.seams import Entropy
from halfopen.simulator.report import Report, Series
from halfopen.simulator.run import simulate
from halfopen.simulator.strategies import make_halfopen
from halfopen.simulator.strategy import MakeStrategy

INVARIANTS: Final = (10,)
TITLE: Final = "faults stop, and it recovers within 15 s"
SUCCESS: Final = 0.95
POOL_MIN: Final = 20
"""Fewer requests say nothing about 95 %."""
_LATE_S: Final = 0.05
"""Timers come up to one tick late."""


def ran(world: World, make: MakeStrategy) -> tuple[Report, Watched]:
    """Run a world with a policy that is watched."""
    scenario, watching = world.scenario, Watching(make)

    def streams(name: str) -> Entropy:
        return random.Random(f"{scenario.seed}:{name}").random

    report = simulate(scenario, watching.make, "halfopen", streams)
    assert watching.made is not None
    return report, watching.made


def pools(series: Series, from_s: float) -> list[tuple[int, int, int]]:
    """First second, requests and successes of each stretch of seconds with enough requests.

    What is left at the end is added to the last one.
    """
    found: list[tuple[int, int, int]] = []
    start, arrived, succeeded = int(from_s), 0, 0
    for second in range(int(from_s), len(series.arrived)):
        arrived += series.arrived[second]
        succeeded += series.succeeded[second]
        if arrived >= POOL_MIN:
            found.append((start, arrived, succeeded))
            start, arrived, succeeded = second + 1, 0, 0
    if found and arrived:
        last = found.pop()
        found.append((last[0], last[1] + arrived, last[2] + succeeded))
    return found


def not_live(world: World, report: Report) -> str | None:
    """Rule 1."""
    for start, arrived, succeeded in pools(report.series, world.recovered_s):
        if succeeded < SUCCESS * arrived:
            return (
                f"{succeeded} of {arrived} requests from second {start} on succeeded, "
                f"{start - world.healed_s:.0f} s after the last fault"
            )
    return None


def not_safe(world: World, watched: Watched) -> str | None:
    """Rules 2 and 3."""
    for each in watched.requests:
        if each.arrived >= world.scenario.duration_s:
            break  # who comes later is load, and the run ends before they do
        name = f"request {each.number}, which arrived at {each.arrived:.2f} with {each.deadline_s} s,"
        if len(each.sent) > 3:
            return f"{name} made {len(each.sent)} calls"
        if each.sent and max(each.sent)[0] > each.arrived + each.deadline_s:
            return f"{name} made a call at {max(each.sent)[0]:.2f}"
        if each.ended is None or each.ended > each.arrived + each.deadline_s + _LATE_S:
            return f"{name} ended at {each.ended}"
        if each.completed and not each.finished:
            return f"{name} was complete although no attempt was finished"
    return unprobed(world, watched)


def unprobed(world: World, watched: Watched) -> str | None:
    """Rule 3: a time in which a route's requests came, and nobody was asked nor had still to answer."""
    quiet_s = RECOVERY_S + (PARK_S if world.has_key_fault else 0.0)
    for route in dict.fromkeys(client.targets for client in world.scenario.clients):
        calls = sorted(call for each in watched.requests for call in _calls(each) if call[2] in route)
        comes = [each.arrived for each in watched.requests if each.targets == route]
        quiet_since = comes[0] if comes else 0.0
        for began, ended, _ in [*calls, (world.scenario.duration_s, 0.0, "")]:
            late = [at for at in comes if quiet_since + quiet_s < at < began]
            if late:
                return f"nobody of {route} was asked between {quiet_since:.2f} and {late[-1]:.2f}"
            quiet_since = max(quiet_since, ended)
    return None


def _calls(life: Life) -> list[tuple[float, float, str]]:
    """When each call began and ended, and whom it asked. One that has not ended has no end."""
    ends = [attempt.ended for attempt in life.attempts]
    ends += [float("inf")] * (len(life.sent) - len(ends))
    return [(at, end, target) for (at, target), end in zip(life.sent, ends, strict=True)]


def outcome_of(world: World, seed: int, make: MakeStrategy) -> Outcome:
    """Run a world and judge it."""
    report, watched = ran(world, make)
    series = report.series
    violation = not_safe(world, watched)
    met = True
    if world.recovered_s < float("inf"):
        violation = violation or not_live(world, report)
        met = bool(pools(series, world.recovered_s))
    lines = [
        str(world),
        f"arrived {series.arrived}",
        f"succeeded {series.succeeded}",
        *(f"calls to {name} {calls}" for name, calls in series.calls.items()),
        f"trace {report.trace_sha256}",
    ]
    return Outcome(seed, met, violation, "\n".join(lines))


def check(seed: int) -> Outcome:
    """One schedule, from its seed: every fourth in safety mode."""
    rng = random.Random(seed)
    return outcome_of(world_of(rng, heals=rng.random() < 0.75), seed, make_halfopen())


if __name__ == "__main__":
    sys.exit(main(check, TITLE, INVARIANTS))
