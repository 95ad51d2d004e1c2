"""Outages on virtual time, and the figures that they give. `make outage-virtual` prints them.

Every scenario is a function of a seed and returns its finished world; every figure is a function of the
world. Times of figures count from the start of the scenario.
"""

import argparse
import itertools
import json
import math
import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from halfopen import errors
from halfopen.model import Fault, Kind, Target
from halfopen.policy import JourneyOptions, PolicyOptions

PRIMARY, BACKUP = "primary/m", "backup/m"
START = 1000.0
LATENCY_S = 0.3
OUTAGE_S = 600.0
WATCHED_S = 60.0
RATE = 20.0
"""Requests a second around the interesting moments."""
QUIET_RATE = 2.0
"""Requests a second in the long middle of an outage."""
LOAD_RATE = 32.0
"""Requests a second in the minutes of even load."""


def virtual_module() -> ModuleType:
    """The driver; loaded by conftest in tests, a neighbour of this file in the make target."""
    if "policy_tests_virtual_time" in sys.modules:
        return sys.modules["policy_tests_virtual_time"]
    sys.path.insert(0, str(Path(__file__).parent))
    import virtual_time

    return virtual_time


@dataclass(frozen=True)
class Setting:
    """What a scenario can be given instead of the defaults."""

    policy: PolicyOptions = field(default_factory=PolicyOptions)
    policies: dict[str, PolicyOptions] = field(default_factory=dict)
    options: JourneyOptions = field(default_factory=JourneyOptions)
    latency_s: float = LATENCY_S
    mutate: Callable[[Any], None] = lambda _world: None
    """Plants a bug in the world before it runs."""


DEFAULT = Setting()


def fault(kind: Kind = Kind.SERVER_ERROR, **fields: Any) -> Fault:
    return errors.make(kind, **fields)


def world_of(upstreams: dict[str, Any], seed: int, setting: Setting = DEFAULT) -> Any:
    """A world over these upstreams, in order of preference."""
    virtual = virtual_module()
    targets = [Target(name.partition("/")[0], "m", "openai") for name in upstreams]
    world = virtual.World(
        targets,
        upstreams,
        fault(Kind.NO_CAPACITY),
        seed=seed,
        policy=setting.policy,
        policies=setting.policies,
        options=setting.options,
        now=START,
    )
    setting.mutate(world)
    return world


# Upstreams.


def steady(kind: Kind | None, latency_s: float, **fields: Any) -> Any:
    """Always the same answer."""
    answer = virtual_module().Answer(latency_s, None if kind is None else fault(kind, **fields))
    return lambda _now, _request: answer


def hang() -> Any:
    """Never answers."""
    answer = virtual_module().Answer(math.inf)
    return lambda _now, _request: answer


def flaky(share: float, latency_s: float, seed: int) -> Any:
    """Fails this share of its calls with 500."""
    draw = random.Random(seed * 7919 + 17).random
    good, bad = steady(None, latency_s)(0, 0), steady(Kind.SERVER_ERROR, latency_s)(0, 0)
    return lambda _now, _request: bad if draw() < share else good


def until(when: float, before: Any, after: Any) -> Any:
    """One behaviour before a moment, another from then on."""
    return lambda now, request: (before if now < when else after)(now, request)


# Scenarios.


def thousand(seed: int, setting: Setting = DEFAULT) -> Any:
    """1,000 requests at concurrency 32 while the primary answers 500 throughout."""
    world = world_of(
        {
            PRIMARY: steady(Kind.SERVER_ERROR, setting.latency_s),
            BACKUP: steady(None, setting.latency_s),
        },
        seed,
        setting,
    )
    world.closed_loop(1000, 32)
    world.run()
    return world


def restored(seed: int, setting: Setting = DEFAULT, *, dead: Any = None, lone: bool = False) -> Any:
    """A primary that is dead for ten minutes and then healthy, watched for another minute."""
    broken = steady(Kind.SERVER_ERROR, setting.latency_s) if dead is None else dead
    upstreams = {PRIMARY: until(START + OUTAGE_S, broken, steady(None, setting.latency_s))}
    if not lone:
        upstreams[BACKUP] = steady(None, setting.latency_s)
    world = world_of(upstreams, seed, setting)
    world.arrivals(RATE, 0.0, 10.0)
    world.arrivals(QUIET_RATE, 10.0, OUTAGE_S - 12.0)
    world.arrivals(RATE, OUTAGE_S - 12.0, OUTAGE_S + WATCHED_S)
    world.run()
    return world


def load(upstreams: dict[str, Any], seed: int, setting: Setting = DEFAULT, *, rate: float = LOAD_RATE) -> Any:
    """A minute of even load."""
    world = world_of(upstreams, seed, setting)
    world.arrivals(rate, 0.0, WATCHED_S)
    world.run()
    return world


# Figures.


def success(world: Any, since_s: float = 0.0, until_s: float = math.inf) -> float:
    """Share of the requests that arrived in this time and got a whole answer."""
    of = [r.ok for r in world.results if since_s <= r.arrived - START < until_s]
    return sum(of) / len(of) if of else math.nan


def before_opening(world: Any) -> float:
    """Primary calls a request until the breaker opens: among the requests that arrived before."""
    closed = [call for call in world.calls_to(PRIMARY) if call.state == "closed"]
    opened = max((call.ended for call in closed), default=START)
    first = sorted(call.ended for call in closed)[4] if len(closed) > 4 else opened
    arrived = {r.request for r in world.results if r.arrived <= first}
    return len([c for c in closed if c.request in arrived]) / max(1, len(arrived))


def probe_gaps(world: Any) -> list[float]:
    """Seconds between two calls in a row to the primary, from the first opening to the restoration."""
    probes = [c.at for c in world.calls_to(PRIMARY) if c.state == "half_open" and c.at < START + OUTAGE_S]
    return [later - earlier for earlier, later in itertools.pairwise(probes)]


def not_probes(world: Any) -> int:
    """Calls to the primary that were no probes, after the first ten seconds of the outage."""
    return sum(
        c.state != "half_open" for c in world.calls_to(PRIMARY) if START + 10.0 <= c.at < START + OUTAGE_S
    )


def per_second(world: Any) -> list[int]:
    """Calls to the primary in each second after the restoration."""
    counts = [0] * int(WATCHED_S)
    for call in world.calls_to(PRIMARY):
        second = int(call.at - START - OUTAGE_S)
        if call.at >= START + OUTAGE_S and second < len(counts):
            counts[second] += 1
    return counts


def back_after(world: Any) -> float:
    """Seconds from the restoration until every later whole second brings 95 % to the primary."""
    counts = per_second(world)
    short = [second for second, count in enumerate(counts) if count < 0.95 * RATE]
    return float(short[-1] + 1) if short else 0.0


def longest(world: Any) -> float:
    """The longest that a request took. Seconds."""
    return max(r.ended - r.arrived for r in world.results)


def interval(hits: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not of:
        return (0.0, 1.0)
    z, p = 1.96, hits / of
    middle = (p + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return (max(0.0, middle - half), min(1.0, middle + half))


# The report.


def done_when(seeds: Sequence[int], setting: Setting = DEFAULT) -> dict[str, Any]:
    """The issue's line in figures: 1,000 requests over a dead primary, and its return after 10 minutes."""
    before, complete, gaps, strays, back, peaks, share, outage = [], 0, [], 0, [], [], 0, 0
    late, calls = 0, []
    for seed in seeds:
        world = thousand(seed, setting)
        calls.append(len(world.calls_to(PRIMARY)))
        complete += sum(result.ok for result in world.results)
        before.append(before_opening(world))
        world = restored(seed, setting)
        gaps += probe_gaps(world)
        strays += not_probes(world)
        counts = per_second(world)
        back.append(back_after(world))
        peaks.append(max(counts))
        share += sum(counts[15:])
        late += sum(r.arrived - START >= OUTAGE_S + 15.0 for r in world.results)
        outage += sum(result.ok for result in world.results) == len(world.results)
    requests = 1000 * len(seeds)
    return {
        "seeds": len(seeds),
        "complete": complete,
        "complete_of": requests,
        "complete_interval": interval(complete, requests),
        "primary_calls_for_1000_requests_max": max(calls),
        "calls_a_request_until_open_max": max(before),
        "probe_gap_max_s": max(gaps, default=0.0),
        "probe_gaps": len(gaps),
        "calls_in_the_outage_that_are_no_probes": strays,
        "back_after_s_median": sorted(back)[len(back) // 2],
        "back_after_s_max": max(back),
        "primary_calls_in_one_second_max": max(peaks),
        "arrivals_a_second": RATE,
        "share_from_15_s": share / late,
        "share_from_15_s_interval": interval(min(share, late), late),
        "outages_without_a_lost_request": outage,
    }


def scenarios(seeds: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Loads of a minute where another answer is right, with the share of success."""
    cases: dict[str, Callable[[int], dict[str, Any]]] = {
        "primary fails 10 %": lambda s: {
            PRIMARY: flaky(0.1, LATENCY_S, s),
            BACKUP: steady(None, LATENCY_S),
        },
        "lone target fails 10 %": lambda s: {PRIMARY: flaky(0.1, LATENCY_S, s)},
        "lone target fails 50 %": lambda s: {PRIMARY: flaky(0.5, LATENCY_S, s)},
        "both fail 30 %": lambda s: {
            PRIMARY: flaky(0.3, LATENCY_S, s),
            BACKUP: flaky(0.3, LATENCY_S, s + 7),
        },
        "primary hangs": lambda _s: {PRIMARY: hang(), BACKUP: steady(None, LATENCY_S)},
        "lone target dead": lambda _s: {PRIMARY: steady(Kind.SERVER_ERROR, LATENCY_S)},
        "both dead": lambda _s: {
            PRIMARY: steady(Kind.SERVER_ERROR, LATENCY_S),
            BACKUP: steady(Kind.SERVER_ERROR, LATENCY_S),
        },
    }
    table = {}
    for name, upstreams in cases.items():
        worlds = [load(upstreams(seed), seed) for seed in seeds]
        hits, of = sum(r.ok for w in worlds for r in w.results), sum(len(w.results) for w in worlds)
        table[name] = {
            "success": hits / of,
            "interval": interval(hits, of),
            "requests": of,
            "calls_a_request": sum(len(w.calls) for w in worlds) / of,
            "longest_s": max(longest(w) for w in worlds),
        }
    return table


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")


def main() -> None:
    """Print the figures, as text or as JSON."""
    parser = argparse.ArgumentParser(description="Outages on virtual time, in figures.")
    parser.add_argument("--seeds", type=int, default=50 * int(os.environ.get("HALFOPEN_EXAMPLES", "1")))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    figures = {"done_when": done_when(seeds), "scenarios": scenarios(seeds[:20])}
    if arguments.json:
        say(json.dumps(figures, indent=2))
        return
    say("1,000 requests at concurrency 32 over a dead primary; primary back after 10 minutes")
    for name, value in figures["done_when"].items():
        shown = " to ".join(f"{end:.5f}" for end in value) if isinstance(value, tuple) else value
        say(f"  {name.replace('_', ' '):42} {shown}")
    say("One minute of load at 32 requests a second (success with its 95 % interval)")
    for name, row in figures["scenarios"].items():
        low, high = row["interval"]
        say(
            f"  {name:24} {row['success']:.4f} ({low:.4f} to {high:.4f}, n = {row['requests']}),"
            f" {row['calls_a_request']:.3f} calls a request, longest {row['longest_s']:.1f} s"
        )


if __name__ == "__main__":
    main()
