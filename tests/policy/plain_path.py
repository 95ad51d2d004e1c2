"""What the policy costs a request that meets no trouble, or an open breaker: microseconds of one core.

    python tests/policy/plain_path.py [--runs N] [--requests N] [--json]

Each way is driven from `Journey(...)` to the settled permit, as the gateway does it, at targets that are well;
but one way is that of requests whose first choice has its breaker open.
Runs of the ways and of a loop that never changes are interleaved: on a machine that is busy or slow the
medians rise together, and the ratios to that loop can be compared. `PYTHONPATH` chooses the build.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from halfopen.model import Demand, Dimension, RateLimit, Target, Usage
from halfopen.policy import Credential, Journey, JourneyOptions, PolicyOptions, TargetState, journey
from halfopen.policy import events as ev
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.journeys import Journeys

RUNS = 15
REQUESTS = 2000
RUNS_MIN = 9
GAP_S = 0.0005
"""Between two requests, on the clock that the policy is handed."""
EVENTS = 50
"""Of one stream."""
_WARM = 3
_OPTIONS: Final = JourneyOptions()
_POLICY: Final = PolicyOptions()
_DEMAND: Final = Demand(100, 50, caller="somebody")
_USAGE: Final = Usage(12, 40)
_LIMITS: Final = (
    RateLimit(Dimension.REQUESTS, 1_000_000.0, 999_000.0, 0.1),
    RateLimit(Dimension.TOKENS, 1e12, 0.9e12, 0.1),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One way, and what it cost."""

    name: str
    us: float
    """Microseconds for one, the median of the runs."""
    fastest_us: float
    ratio: float
    """To one turn of the loop that never changes, the median of the runs."""


class World:
    """Targets that are well, and a clock."""

    def __init__(self, targets: int = 1) -> None:
        """Nothing was asked of them yet."""
        self.now = 1000.0
        self.states = [
            TargetState(
                Target(name, "m", "openai"), Credential(_POLICY.parking), _POLICY, self.draw, self.now
            )
            for name in "abcdef"[:targets]
        ]
        self.hedge = HedgeBudget(_OPTIONS.hedge)
        self.journeys = Journeys(
            self.states, options=_OPTIONS, retry=_POLICY.retry, entropy=self.draw, hedge=self.hedge
        )

    def draw(self) -> float:
        """Entropy; nobody who is well asks for it."""
        return 0.5

    def journey(self, demand: Demand, *, stream: bool) -> Journey:
        """A request's plan, with all that the gateway hands it."""
        return Journey(
            self.states,
            options=_OPTIONS,
            retry=_POLICY.retry,
            entropy=self.draw,
            stream=stream,
            unfit=_fit,
            resumable=_resumable,
            demand=demand,
            hedge=self.hedge,
        )


def _fit(_target: Target) -> str | None:
    return None


def _resumable() -> str | None:
    return None


def plain(world: World, count: int, limits: tuple[RateLimit, ...] = ()) -> None:
    """Requests, one after another, each with one attempt that brings a whole answer."""
    now = world.now
    for _ in range(count):
        way = world.journey(_DEMAND, stream=False)
        way.step(ev.Arrived(), now)
        way.step(ev.Connected(1), now)
        now += GAP_S
        way.step(ev.FirstByte(1, 200, limits), now)
        way.step(ev.Finished(1, _USAGE), now)
    world.now = now


def told(world: World, count: int) -> None:
    """The same as `plain`, made by the route's `Journeys` and told without events."""
    now, begin = world.now, world.journeys.begin
    for _ in range(count):
        way = begin(_DEMAND, _fit, _resumable, stream=False)
        way.arrived(now)
        way.connected(1, now)
        now += GAP_S
        way.first_byte(1, 200, (), now)
        way.finished(1, _USAGE, now)
    world.now = now


def passing(world: World, count: int) -> None:
    """The same as `told`, past a target whose breaker is open."""
    breaker, lasts_s = world.states[0].breaker, GAP_S * count
    while (opens_at := breaker.retry_at(world.now, only_choice=False)) <= world.now + lasts_s:
        world.now = opens_at
        ticket = breaker.admit(world.now, only_choice=False)
        assert ticket is not None
        breaker.failed(ticket, world.now)
    told(world, count)


def limited(world: World, count: int) -> None:
    """The same where every answer tells two rate limits."""
    plain(world, count, _LIMITS)


def streamed(world: World, count: int) -> None:
    """Streams, without the pieces after the first."""
    now = world.now
    for _ in range(count):
        way = world.journey(_DEMAND, stream=True)
        way.step(ev.Arrived(), now)
        way.step(ev.Connected(1), now)
        now += GAP_S
        way.step(ev.FirstByte(1, 200), now)
        way.step(ev.Content(1), now)
        way.step(ev.Finished(1, _USAGE), now)
    world.now = now


def pieces(world: World, count: int) -> None:
    """Pieces of one stream, timers left aside."""
    now = world.now
    way = world.journey(_DEMAND, stream=True)
    way.step(ev.Arrived(), now)
    way.step(ev.Content(1), now)
    tell = way.progress
    for _ in range(count):
        now += GAP_S
        tell(4, now)
    way.step(ev.Finished(1, _USAGE), now)
    world.now = now


def made(world: World, count: int) -> None:
    """The plan alone, without a step."""
    for _ in range(count):
        world.journey(_DEMAND, stream=False)


def held(world: World, count: int) -> None:
    """A permit taken and settled, without a plan."""
    now, state = world.now, world.states[0]
    for _ in range(count):
        permit = state.admit(now, only_choice=False, demand=_DEMAND, own=True)
        now += GAP_S
        state.settle_success(permit, now, _USAGE)  # type: ignore[arg-type]  # it is well, so it never refuses
    world.now = now


class _Held:
    """Something with a field, for the loop."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def more(self, by: float) -> float:
        """Add."""
        self.value += by
        return self.value


def loop(_world: World, count: int) -> None:
    """What never changes: calls, fields, a dict and a list."""
    thing, counts = _Held(), {"a": 0, "b": 0}
    for number in range(count):
        found = [thing.more(0.5), thing.more(0.25)]
        counts["a" if number & 1 else "b"] += 1
        if found[0] > found[1]:
            raise AssertionError(found)
        thing.more(-0.75)
        _fit_any(found)
        _fit_any(None)


def _fit_any(thing: object) -> bool:
    return thing is None


Way = Callable[[World, int], None]
WAYS: Final[Mapping[str, tuple[Way, int]]] = {
    "plain": (plain, 1),
    "plain, told directly": (told, 1),
    "plain, two targets": (plain, 2),
    "plain, past an open breaker": (passing, 2),
    "plain, with rate limits": (limited, 1),
    "stream, first content only": (streamed, 1),
    "one piece of a stream": (pieces, 1),
    "the plan alone": (made, 1),
    "a permit alone": (held, 1),
}


def time_of(way: Way, world: World, count: int) -> float:
    """Seconds of the processor."""
    began = time.process_time()
    way(world, count)
    return time.process_time() - began


def measure(runs: int, requests: int) -> list[Row]:
    """All ways, interleaved with the loop."""
    worlds = {name: World(targets) for name, (_, targets) in WAYS.items()}
    still = World()
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    ratios: dict[str, list[float]] = {name: [] for name in WAYS}
    for run in range(_WARM + runs):
        for name, (way, _) in WAYS.items():
            before = time_of(loop, still, requests)
            took = time_of(way, worlds[name], requests)
            turn = (before + time_of(loop, still, requests)) / 2
            if run >= _WARM:
                times[name].append(took / requests)
                ratios[name].append(took / turn)
    return [
        Row(name, statistics.median(took) * 1e6, min(took) * 1e6, statistics.median(ratios[name]))
        for name, took in times.items()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the policy costs a request that meets no trouble.")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each way, at least {RUNS_MIN}")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="in each run")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rows = measure(max(RUNS_MIN, options.runs), max(1, options.requests))
    compiled = not str(journey.__file__).endswith(".py")
    if options.json:
        plain_rows = [asdict(row) for row in rows]
        sys.stdout.write(f"{json.dumps({'compiled': compiled, 'rows': plain_rows}, indent=2)}\n")
        return 0
    sys.stdout.write(f"{'compiled' if compiled else 'pure Python'}: {journey.__file__}\n")
    sys.stdout.write(f"{'':28}{'µs':>9}{'fastest':>9}{'ratio':>8}\n")
    for row in rows:
        sys.stdout.write(f"{row.name:28}{row.us:>9.3f}{row.fastest_us:>9.3f}{row.ratio:>8.2f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
