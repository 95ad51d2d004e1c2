"""The invariants of many requests over shared targets, on random worlds of virtual time."""

import random
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfopen import errors
from halfopen.model import Kind, Target, Verdict
from halfopen.policy import (
    AfterCommit,
    BreakerOptions,
    Journey,
    JourneyOptions,
    LimitOptions,
    PolicyOptions,
)
from halfopen.policy import actions as act
from halfopen.policy.bucket import RetryBucket
from halfopen.policy.target import TargetState

THROTTLE_CAP_S = 300.0
KINDS = [
    None,
    None,
    None,
    Kind.SERVER_ERROR,
    Kind.UNAVAILABLE,
    Kind.OVERLOADED,
    Kind.RATE_LIMITED,
    Kind.BAD_KEY,
    Kind.QUOTA_EXHAUSTED,
    Kind.CONTEXT_TOO_LONG,
    Kind.MODEL_NOT_FOUND,
    Kind.GATEWAY_TIMEOUT,
]
PLAIN = ("ok", "dead", "hang", "mixed", "flaky", "throttle", "key", "fix", "slow")
STREAMED = ("cut", "cut_late", "tool", "tool_cut", "held", "held_stall", "stall")
PHASES = st.lists(
    st.tuples(
        st.sampled_from([*PLAIN, *STREAMED]),
        st.floats(0.5, 30.0),
    ),
    min_size=1,
    max_size=4,
)
WORLDS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "phases": st.lists(PHASES, min_size=1, max_size=3),
        "rate": st.sampled_from([0.5, 3.0, 12.0]),
        "limit": st.sampled_from([1, 3, 100]),
        "line_max": st.sampled_from([0, 3, 1000]),
        "gone": st.sampled_from([0.0, 0.1, 0.5]),
        "stream": st.booleans(),
        "attempts": st.integers(1, 3),
        "deadline_s": st.sampled_from([5.0, 60.0]),
        "shared_key": st.booleans(),
        "after_commit": st.sampled_from(list(AfterCommit)),
        "unresumable": st.sampled_from([0.0, 0.5]),
        "stream_s": st.sampled_from([600.0, 90.0]),
    }
)


def streamed(virtual: ModuleType, what: str, latency_s: float) -> Any:
    """What an upstream does with a stream after its content has begun."""
    content_s = latency_s / 2
    cut = errors.make(Kind.CUT_BODY)
    return {
        "cut": virtual.Answer(latency_s, cut, content_s),
        "cut_late": virtual.Answer(latency_s + 75.0, cut, content_s),
        "tool": virtual.Answer(latency_s, None, content_s, held_s=latency_s / 4),
        "tool_cut": virtual.Answer(latency_s, cut, content_s, held_s=latency_s),
        "held": virtual.Answer(latency_s + 20.0, None, content_s, held_s=float("inf")),
        "held_stall": virtual.Answer(float("inf"), None, content_s, held_s=float("inf")),
        "stall": virtual.Answer(float("inf"), None, content_s),
    }[what]


def scripted(virtual: ModuleType, phases: list[tuple[str, float]], start: float, seed: int) -> Any:
    """An upstream that goes through its phases and is healthy afterwards."""
    draw = random.Random(seed).random

    def answer(now: float, _request: int) -> Any:
        at = now - start
        what = "ok"
        for phase, length_s in phases:
            if at < length_s:
                what = phase
                break
            at -= length_s
        latency_s = 0.05 + draw()
        content_s = latency_s / 2
        if what == "ok":
            return virtual.Answer(latency_s, None, content_s)
        if what == "slow":
            return virtual.Answer(latency_s * 15, None, content_s * 15)
        if what == "flaky":
            return virtual.Answer(latency_s, errors.make(Kind.SERVER_ERROR) if draw() < 0.5 else None)
        if what == "hang":
            return virtual.Answer(float("inf"))
        if what in STREAMED:
            return streamed(virtual, what, latency_s)
        kind = {
            "dead": Kind.SERVER_ERROR,
            "throttle": Kind.RATE_LIMITED,
            "key": Kind.BAD_KEY,
            "fix": Kind.CONTEXT_TOO_LONG,
        }.get(what) or KINDS[int(draw() * len(KINDS))]
        delays = [None, 0.5, 7.0, 900.0] if what in ("throttle", "mixed") else [None]
        delay_s = delays[int(draw() * len(delays))]
        return virtual.Answer(latency_s, None if kind is None else errors.make(kind, delay_s=delay_s))

    return answer


def build(virtual: ModuleType, spec: dict[str, Any], *, traced: bool = False) -> Any:
    limit = LimitOptions(initial=spec["limit"], min=1, max=max(spec["limit"], 4))
    names = [
        Target("key" if spec["shared_key"] else f"t{index}", f"m{index}", "openai")
        for index in range(len(spec["phases"]))
    ]
    world = virtual.World(
        names,
        {
            target.name: scripted(virtual, phases, 1000.0, spec["seed"] + index)
            for index, (target, phases) in enumerate(zip(names, spec["phases"], strict=True))
        },
        errors.make(Kind.NO_CAPACITY),
        seed=spec["seed"],
        policy=PolicyOptions(limit=limit),
        options=JourneyOptions(
            attempts=spec["attempts"],
            deadline_s=spec["deadline_s"],
            stream_s=spec.get("stream_s", 600.0),
            after_commit=spec.get("after_commit", AfterCommit.CONTINUE),
        ),
        unresumable=spec.get("unresumable", 0.0),
        line_max=spec["line_max"],
        traced=traced,
    )
    draw = random.Random(spec["seed"] + 99).random
    for index in range(int(40 * spec["rate"])):
        at = 1000.0 + index / spec["rate"]
        leaves_after = draw() * 12.0 if draw() < spec["gone"] else None

        def arrive(leaves_after: float | None = leaves_after) -> None:
            exchange = world.arrive(stream=spec["stream"])
            if leaves_after is not None:
                world.at(world.now + leaves_after, exchange.leave)

        world.at(at, arrive)
    return world


def overspent(world: Any) -> list[str]:
    """Targets that were retried more often than their budget allows."""
    broken = []
    length_s = world.now - 1000.0
    for name in world.state_of:
        calls = world.calls_to(name)
        retries = len(calls) - len({call.request for call in calls})
        good = sum(1 for call in calls if call.ended and call.fault is None and not call.cancelled)
        if retries > 10 + 0.1 * good + length_s / 30.0 + 1e-6:
            broken.append(f"{name}: {retries} retries, {good} successes in {length_s:.0f} s")
    return broken


def parked_calls(world: Any, park_s: float = 60.0) -> list[str]:
    """Calls with a refused key within a park interval after the refusal, or two in one interval."""
    broken = []
    for provider in {target.provider for target in world.targets}:
        calls = sorted(
            (c for c in world.calls if c.target.startswith(f"{provider}/")), key=lambda call: call.at
        )
        refused = [
            (c.ended, c)
            for c in calls
            if c.fault is not None and c.fault.verdict in (Verdict.KEY, Verdict.QUOTA)
        ]
        for since, refusal in refused:
            good = [
                c.ended
                for c in calls
                if c.fault is None and not c.cancelled and c.ended and c.at >= since and c is not refusal
            ]
            early = [
                c for c in calls if since < c.at < since + park_s - 1e-9 and not any(g <= c.at for g in good)
            ]
            # A trial of an older parking may be the one call of this interval.
            if len(early) > 1:
                broken.append(
                    f"{provider}: {len(early)} calls within {park_s} s of the refusal at {since:.2f}"
                )
    return broken


def judge(virtual: ModuleType, world: Any) -> list[str]:
    """Every invariant that the finished world broke."""
    early = [line for name in world.state_of for line in virtual.early_calls(world, name, THROTTLE_CAP_S)]
    return [*virtual.broken_rules(world), *overspent(world), *early, *parked_calls(world)]


def test_invariants_hold_in_random_worlds(virtual: ModuleType, examples: Callable[[int], int]) -> None:
    """Attempts, deadlines, single ends, limits, permits, budgets, delays and parkings, whatever happens.

    Streams are cut before, in and after what is held back, and are gone on with only where that is
    wanted and possible. Clients leave at random moments; lines are short or absent; upstreams break in every way.
    """

    @settings(
        max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(WORLDS)
    def check(spec: dict[str, Any]) -> None:
        world = build(virtual, spec)
        world.run()
        assert judge(virtual, world) == []

    check()


@pytest.mark.parametrize("seed", range(5))
def test_same_seed_same_trace(virtual: ModuleType, seed: int) -> None:
    """A run can be replayed: the traces are equal to the byte."""
    spec = {
        "seed": seed,
        "phases": [[("mixed", 20.0), ("hang", 5.0)], [("throttle", 10.0), ("mixed", 10.0)]],
        "rate": 6.0,
        "limit": 3,
        "line_max": 3,
        "gone": 0.1,
        "stream": bool(seed % 2),
        "attempts": 3,
        "deadline_s": 60.0,
        "shared_key": False,
    }
    traces = []
    for _ in range(2):
        world = build(virtual, spec, traced=True)
        world.run()
        traces.append("\n".join(world.trace))
    assert traces[0] == traces[1]
    other = build(virtual, {**spec, "seed": seed + 1000}, traced=True)
    other.run()
    assert "\n".join(other.trace) != traces[0]


LIVENESS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "targets": st.integers(1, 3),
        "faults_s": st.floats(1.0, 300.0),
        "how": st.sampled_from(["dead", "mixed_server", "flap"]),
        "rate": st.sampled_from([2.0, 5.0]),
    }
)


def revived(virtual: ModuleType, spec: dict[str, Any], mutate: Callable[[Any], None] | None = None) -> float:
    """Success 15 s and more after all targets have come back at once."""
    draw = random.Random(spec["seed"]).random
    end = 1000.0 + spec["faults_s"]

    def upstream(now: float, _request: int) -> Any:
        share = {"dead": 1.0, "mixed_server": 0.6, "flap": float(int(now) % 2)}[spec["how"]]
        bad = now < end and draw() < share
        return virtual.Answer(0.2, errors.make(Kind.SERVER_ERROR) if bad else None)

    names = [Target(f"t{index}", "m", "openai") for index in range(spec["targets"])]
    world = virtual.World(
        names, {n.name: upstream for n in names}, errors.make(Kind.NO_CAPACITY), seed=spec["seed"]
    )
    if mutate is not None:
        mutate(world)
    world.arrivals(spec["rate"], 0.0, spec["faults_s"] + 45.0)
    world.run()
    late = [result.ok for result in world.results if result.arrived >= end + 15.0]
    return sum(late) / len(late)


def test_success_returns_within_15_s(virtual: ModuleType, examples: Callable[[int], int]) -> None:
    """Liveness: when the faults stop, at least 95 % succeed 15 s later; the last upstream is always probed."""

    @settings(
        max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(LIVENESS)
    def check(spec: dict[str, Any]) -> None:
        assert revived(virtual, spec) >= 0.95

    check()


# Planted bugs: each oracle finds at least one.


def bottomless(world: Any) -> None:
    class Bottomless(RetryBucket):
        __slots__ = ()

        def take(self, cost: float, now: float, tokens: int = 0) -> bool:
            return True

    for state in world.states:
        state.bucket = Bottomless(world.policy.retry, world.now)


def deaf_to_delays(world: Any) -> None:
    class Deaf(TargetState):
        __slots__ = ()

        def settle_fault(self, permit: Any, fault: Any, now: float, usage: Any = None) -> None:
            super().settle_fault(permit, fault, now)
            self._quiet_until = 0.0
            for account in self.accounts:
                account.throttled_until = 0.0

    for state in world.states:
        state.__class__ = Deaf


def never_parks(world: Any) -> None:
    for credential in world.credentials.values():
        credential._options = type(credential._options)(key_s=0.01, quota_s=0.01)


def leaky(world: Any) -> None:
    class Leaky(TargetState):
        __slots__ = ()

        def settle_cancelled(self, permit: Any, now: float) -> None:
            permit.open = False

    for state in world.states:
        state.__class__ = Leaky


def one_too_many(world: Any) -> None:
    for state in world.states:
        real = state.limiter
        cls = type(real)

        class Wide(cls):
            __slots__ = ()

            def has_room_for(self, now: float, *, own: bool) -> bool:
                return self.in_flight <= self.limit

        real.__class__ = Wide


def double_sends(world: Any) -> None:
    """A driver that sends each call twice."""
    real = world.upstreams

    def twice(name: str) -> Any:
        def answer(now: float, request: int) -> Any:
            world.calls.append(world.calls[-1])
            return real[name](now, request)

        return answer

    world.upstreams = {name: twice(name) for name in real}


def ends_twice(world: Any) -> None:
    """A driver that answers its client twice."""

    def again(exchange: Any) -> None:
        exchange.result.terminals += 1

    world.on_ended = again


@pytest.mark.parametrize(
    "bug",
    [bottomless, deaf_to_delays, never_parks, leaky, one_too_many, double_sends, ends_twice],
    ids=lambda bug: bug.__name__,
)
def test_the_oracles_catch_a_planted_bug(virtual: ModuleType, bug: Callable[[Any], None]) -> None:
    """A world with this bug is found out; the same world without it is in order."""
    spec = {
        "phases": [[("flaky", 30.0), ("mixed", 3.0), ("key", 5.0)]],
        "rate": 12.0,
        "line_max": 1000,
        "gone": 0.5,
        "stream": False,
        "attempts": 3,
        "deadline_s": 5.0,
        "shared_key": False,
    }
    found = []
    for seed, limit in enumerate([3, 100, 3, 100]):
        world = build(virtual, {**spec, "seed": seed, "limit": limit})
        world.run()
        assert judge(virtual, world) == []
        world = build(virtual, {**spec, "seed": seed, "limit": limit})
        bug(world)
        world.run()
        found += judge(virtual, world)
    assert found


def ignores_obstacles(world: Any) -> None:
    """A journey that goes on with what can't be gone on with."""
    make = world.make_journey
    world.make_journey = lambda *, stream, resumable: make(stream=stream, resumable=lambda: None)


def ignores_the_route(world: Any) -> None:
    """A journey that goes on where an error is wanted."""
    make, wanted = world.make_journey, world.options

    def willful(*, stream: bool, resumable: Any) -> Journey:
        world.options = replace(wanted, after_commit=AfterCommit.CONTINUE)
        journey = make(stream=stream, resumable=resumable)
        world.options = wanted
        return journey

    world.make_journey = willful


def forgets_the_commit(world: Any) -> None:
    """A journey that sends the request again although the client has a part of an answer."""
    make = world.make_journey

    class Forgetful(Journey):
        __slots__ = ()

        def step(self, event: Any, now: float) -> list[act.Action]:
            self.committed = False
            return super().step(event, now)

    def forgetful(*, stream: bool, resumable: Any) -> Journey:
        journey = make(stream=stream, resumable=resumable)
        journey.__class__ = Forgetful
        return journey

    world.make_journey = forgetful


@pytest.mark.parametrize(
    "bug", [ignores_obstacles, ignores_the_route, forgets_the_commit], ids=lambda bug: bug.__name__
)
def test_the_oracles_catch_a_bug_after_the_commit(virtual: ModuleType, bug: Callable[[Any], None]) -> None:
    """A world of cut streams with this bug is found out; the same world without it is in order."""
    spec = {
        "seed": 7,
        "phases": [[("cut", 30.0)], [("ok", 1.0)]],
        "rate": 3.0,
        "limit": 100,
        "line_max": 1000,
        "gone": 0.0,
        "stream": True,
        "attempts": 3,
        "deadline_s": 60.0,
        "shared_key": False,
        "unresumable": 0.5,
        "after_commit": AfterCommit.ERROR if bug is ignores_the_route else AfterCommit.CONTINUE,
    }
    world = build(virtual, spec)
    world.run()
    assert judge(virtual, world) == []
    assert any(call.continues for call in world.calls) is (bug is not ignores_the_route)
    world = build(virtual, spec)
    bug(world)
    world.run()
    assert judge(virtual, world) != []


def test_liveness_catches_a_breaker_whose_openings_grow_for_ever(virtual: ModuleType) -> None:
    """Planted bug: after a long outage nobody asks for minutes."""

    def slow(world: Any) -> None:
        for state in world.states:
            state.breaker._options = BreakerOptions(open_max_s=3600.0, lone_probe_s=3600.0)

    spec = {"seed": 1, "targets": 1, "faults_s": 200.0, "how": "dead", "rate": 10.0}
    assert revived(virtual, spec) >= 0.95
    assert revived(virtual, spec, slow) < 0.95
