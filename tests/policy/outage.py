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
from halfopen.policy import JourneyOptions, LimitOptions, PolicyOptions

PRIMARY, BACKUP = "primary/m", "backup/m"
START = 1000.0
LATENCY_S = 0.3
OUTAGE_S = 600.0
WATCHED_S = 60.0
RATE = 32.0
"""Requests a second around the interesting moments."""
QUIET_RATE = 5.0
"""Requests a second in the long middle of an outage."""


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
    world.arrivals(QUIET_RATE, 10.0, OUTAGE_S - 20.0)
    world.arrivals(RATE, OUTAGE_S - 20.0, OUTAGE_S + WATCHED_S)
    world.run()
    return world


def load(upstreams: dict[str, Any], seed: int, setting: Setting = DEFAULT, *, rate: float = RATE) -> Any:
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
    probes = [
        c.at for c in world.calls_to(PRIMARY) if c.state == "half_open" and c.at < START + OUTAGE_S
    ]
    return [later - earlier for earlier, later in itertools.pairwise(probes)]


def not_probes(world: Any) -> int:
    """Calls to the primary that were no probes, after the first ten seconds of the outage."""
    return sum(
        c.state != "half_open"
        for c in world.calls_to(PRIMARY)
        if START + 10.0 <= c.at < START + OUTAGE_S
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
