"""Each oracle finds a bug that is planted, and is content with what only looks like one."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from judgement import judge
from oracles import ORACLES
from planted_bugs import PLANTED, unseeded
from schedule_exchange import Exchange
from schedule_world import World

from halfopen import errors
from halfopen.model import Demand, Kind, Target
from halfopen.policy import (
    AfterCommit,
    BreakerOptions,
    JourneyOptions,
    LimitOptions,
    ParkingOptions,
    PolicyOptions,
)
from halfopen.policy.breaker import BreakerState
from halfopen.policy.options import PacerOptions

WITHIN = 200
BUGS = [(number, bug) for number, bugs in PLANTED.items() for bug in bugs]
SERVER_ERROR = errors.make(Kind.SERVER_ERROR)


@pytest.mark.parametrize(
    ("invariant", "bug"), BUGS, ids=[f"invariant-{number}-{bug.__name__}" for number, bug in BUGS]
)
def test_an_oracle_finds_a_planted_bug(invariant: int, bug: Callable[[World], None]) -> None:
    """The bug is found within 200 schedules, in words and not by an accident."""
    for seed in range(1, 1 + WITHIN):
        wrongs = judge(invariant, seed, plant=bug).wrongs
        if wrongs:
            assert wrongs[0].startswith(f"invariant {invariant}, "), wrongs[0]
            assert judge(invariant, seed, plant=bug).wrongs == wrongs
            return
    pytest.fail(f"{bug.__name__} was not found in {WITHIN} schedules")


def test_draws_without_a_seed_are_found() -> None:
    """Two traces of one seed differ when a policy draws from elsewhere."""
    seeds = range(1, 31)
    traces = [[judge(13, seed, traced=True, plant=unseeded).trace for seed in seeds] for _ in range(2)]
    assert traces[0] != traces[1]


# What only looks like a bug: one timeline for each oracle, with the answer that is right there.


def world_of(
    invariant: int, *, targets: int = 1, keys: int = 1, policy: PolicyOptions | None = None, **options: object
) -> World:
    """Routes over `a` and, from the second on, the others; the draws are always a half."""
    world = World(PolicyOptions() if policy is None else policy, lambda: 0.5)
    for name in "abc"[:targets]:
        world.add_target(Target(name, "m", "openai"), keys, PacerOptions())
    settings = replace(JourneyOptions(), **options)  # type: ignore[arg-type]  # names are checked when it runs
    for turn in range(targets):
        world.add_route([*world.states[turn:], *world.states[:turn]], settings)
    world.oracles = [ORACLES[invariant](world)]
    return world


def arrives(world: World, *, route: int = 0, stream: bool = False, demand: Demand | None = None) -> Exchange:
    """A request comes."""
    exchange = Exchange(
        world,
        world.routes[route],
        Demand() if demand is None else demand,
        stream=stream,
        unfit=(),
        unfit_to_go_on=(),
        repeatable=True,
    )
    world.add(exchange)
    return exchange


def fails(exchange: Exchange, kind: Kind = Kind.SERVER_ERROR, delay_s: float | None = None) -> None:
    """Its call fails."""
    exchange.fail(next(iter(exchange.calls.values())), errors.make(kind, delay_s=delay_s), None)


def answers(exchange: Exchange) -> None:
    """Its call brings a whole answer."""
    exchange.finish(next(iter(exchange.calls.values())), None)


def content_comes(exchange: Exchange) -> None:
    """Its call brings a piece of a stream."""
    exchange.content(next(iter(exchange.calls.values())), held=False, chars=400)


def is_content(world: World) -> bool:
    """Whether the oracle has nothing to say at the end."""
    for oracle in world.oracles:
        oracle.on_end()
    assert world.wrongs() == []
    return not world.live


def test_independent_errors_are_retried() -> None:
    """One error in ten that passes by itself: each is retried, and the budget is never used up."""
    world = world_of(1)
    for number in range(100):
        exchange = arrives(world)
        if number % 10 == 0:
            fails(exchange)
            world.advance(exchange.wake_at)
        answers(exchange)
        assert exchange.terminals == 1
    assert is_content(world)
    assert world.oracles[0].met == {"a retry was made": 10}


def test_an_answer_in_the_last_moment_counts() -> None:
    """An answer that comes at the very deadline, before its timer, is delivered; a third attempt is none too many."""
    world = world_of(2, targets=3, deadline_s=9.0, attempt_s=9.0)
    exchange = arrives(world)
    fails(exchange)
    fails(exchange)
    assert [call.attempt for call in exchange.calls.values()] == [3]
    world.now += 9.0
    answers(exchange)
    assert is_content(world)
    assert exchange.journey.served_by is not None


def test_a_declared_continuation_is_no_silent_resend() -> None:
    """A cut answer is gone on with by the next target, and both parts are one answer."""
    world = world_of(3, targets=2, after_commit=AfterCommit.CONTINUE)
    exchange = arrives(world, stream=True)
    content_comes(exchange)
    fails(exchange, Kind.CUT_BODY)
    content_comes(exchange)
    content_comes(exchange)
    answers(exchange)
    assert exchange.delivered == [(1, 0), (2, 0), (2, 1)]
    assert is_content(world)
    assert "another went on with it" in world.oracles[0].met


def test_a_full_limit_is_no_breach() -> None:
    """As many as the limit are in flight; the next one waits, and goes when its predecessor's client leaves."""
    world = world_of(4, policy=PolicyOptions(limit=LimitOptions(initial=2, min=2, max=2)))
    first, second, third = arrives(world), arrives(world), arrives(world)
    assert not third.calls
    first.leave()
    assert third.calls
    answers(second)
    answers(third)
    assert is_content(world)
    assert "a limit was full" in world.oracles[0].met


def test_a_good_probe_closes_the_breaker() -> None:
    """A cancelled probe decides nothing, and the next one, which is answered, closes the breaker."""
    world = world_of(
        5,
        targets=2,
        policy=PolicyOptions(breaker=BreakerOptions(consecutive=1, open_s=1.0, slow_start_s=0.0)),
    )
    exchange, breaker = arrives(world), world.states[0].breaker
    fails(exchange)
    answers(exchange)
    assert breaker.state(world.now) is BreakerState.OPEN
    world.advance(world.now + 1.0)
    arrives(world).leave()
    assert breaker.state(world.now) is BreakerState.HALF_OPEN
    answers(arrives(world))
    assert breaker.state(world.now) is BreakerState.CLOSED
    assert is_content(world)
    assert "a probe was cancelled" in world.oracles[0].met


def test_a_delay_that_is_over_binds_nobody() -> None:
    """A server that asked for 3 s is called again after them, and not given up."""
    world = world_of(6, deadline_s=20.0)
    exchange = arrives(world)
    fails(exchange, Kind.UNAVAILABLE, delay_s=3.0)
    assert exchange.wake_at >= world.now + 3.0
    world.advance(exchange.wake_at)
    answers(exchange)
    assert exchange.journey.served_by is not None
    assert is_content(world)
    assert "asked again after its delay" in world.oracles[0].met


def test_a_mended_key_serves_everybody_again() -> None:
    """One request tries a parked key when its time is over; after its answer all go."""
    world = world_of(7, policy=PolicyOptions(parking=ParkingOptions(key_s=5.0)))
    fails(arrives(world), Kind.BAD_KEY)
    assert not arrives(world).calls
    world.advance(world.now + 5.0)
    trial = arrives(world)
    assert trial.calls
    assert not arrives(world).calls
    answers(trial)
    assert arrives(world).calls
    assert arrives(world).calls
    assert "a parked credential was tried" in world.oracles[0].met
    assert world.wrongs() == []


def test_failovers_have_what_is_not_reserved() -> None:
    """A backup with little traffic of its own takes failovers, up to what is reserved and no further."""
    world = world_of(
        11, targets=2, policy=PolicyOptions(limit=LimitOptions(initial=4, min=4, max=4, reserve=0.5))
    )
    own = arrives(world, route=1)
    failovers = [arrives(world) for _ in range(4)]
    for exchange in failovers:
        fails(exchange)
    backup = world.states[1]
    assert backup.limiter.in_flight == 3
    assert arrives(world, route=1).calls
    assert backup.limiter.in_flight == 4
    answers(own)
    assert world.wrongs() == []
    assert "a failover met the reserve" in world.oracles[0].met
