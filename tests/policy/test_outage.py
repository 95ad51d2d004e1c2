"""Whole outages on virtual time: the issue's figures, and the cases where another answer is right."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from halfopen.model import Kind
from halfopen.policy import BreakerOptions, JourneyOptions, LimitOptions, PolicyOptions
from halfopen.policy.breaker import Breaker, Ticket

OUTAGE_SEEDS = 20
"""`make outage-virtual` has 50."""
LOAD_SEEDS = 3


def kinds(world: Any) -> Counter[str]:
    """How many requests ended with which fault."""
    return Counter(result.fault.kind.value for result in world.results if result.fault)


@pytest.fixture(scope="module")
def figures(outage: ModuleType, examples: Callable[[int], int]) -> dict[str, Any]:
    """The issue's line, over many seeds."""
    return outage.done_when(range(examples(OUTAGE_SEEDS)))


# Done when.


def test_every_request_is_answered_while_the_primary_is_dead(figures: dict[str, Any]) -> None:
    """1,000 requests at concurrency 32, primary at 500 throughout: 1,000 complete answers, in every seed."""
    assert figures["complete"] == figures["complete_of"]
    assert figures["outages_without_a_lost_request"] == figures["seeds"]


def test_few_primary_calls_until_the_breaker_opens(figures: dict[str, Any]) -> None:
    """At most 1.1 primary calls a request before the opening."""
    assert figures["calls_a_request_until_open_max"] <= 1.1
    assert figures["primary_calls_for_1000_requests_max"] <= 40  # 32 under way at the opening, then probes


def test_then_only_probes(figures: dict[str, Any], outage: ModuleType) -> None:
    """No other call in ten minutes, and a probe every 10 s.

    From one probe's start to the next: the opening (10 s at most), the probe's own time, and the wait
    for a request that can be the probe.
    """
    assert figures["calls_in_the_outage_that_are_no_probes"] == 0
    assert figures["probe_gap_max_s"] <= 10.0 + outage.LATENCY_S + 1.0 / outage.QUIET_RATE


def test_traffic_returns_within_15_s_without_a_burst(figures: dict[str, Any]) -> None:
    """All later seconds bring at least 95 % to the primary, none more than 1.2 times the arrivals."""
    assert figures["back_after_s_max"] <= 15.0, figures
    assert figures["share_from_15_s"] >= 0.95
    assert figures["primary_calls_in_one_second_max"] <= 1.2 * figures["arrivals_a_second"]


def test_the_return_is_a_ramp(outage: ModuleType) -> None:
    """From the second of the first real call on, the share rises over at least three seconds."""
    for seed in range(3):
        counts = outage.per_second(outage.restored(seed))
        first = next(second for second, count in enumerate(counts) if count)
        full = next(second for second, count in enumerate(counts) if count >= 0.95 * outage.RATE)
        assert full - first >= 3, counts


@pytest.mark.parametrize("latency_s", [0.05, 2.0])
def test_the_return_holds_for_quick_and_slow_answers(outage: ModuleType, latency_s: float) -> None:
    """The opening and the slow start take 14 s; a failing and a succeeding probe take their own time."""
    for seed in range(3):
        world = outage.restored(seed, outage.Setting(latency_s=latency_s))
        assert outage.back_after(world) <= 14.0 + 2 * latency_s + 1.0
        assert max(outage.per_second(world)) <= 1.2 * outage.RATE


def test_an_upstream_slower_than_a_lease_comes_back(outage: ModuleType) -> None:
    """Answers of 12 s, longer than a probe's lease, don't keep the breaker half-open for ever.

    The route comes back as fast as the limit on calls in flight grows.
    """
    wide = PolicyOptions(limit=LimitOptions(initial=1000))
    world = outage.restored(0, outage.Setting(latency_s=12.0, policy=wide))
    assert outage.success(world) == 1.0
    assert sum(outage.per_second(world)[40:]) >= 0.95 * outage.RATE * 20


# Where another answer is right.


@pytest.mark.parametrize("seed", range(LOAD_SEEDS))
def test_a_primary_that_fails_a_tenth_stays_in_use(
    outage: ModuleType, virtual: ModuleType, seed: int
) -> None:
    """Its breaker does not stay open, the failures go to the backup, and nobody notices."""
    up = {outage.PRIMARY: outage.flaky(0.1, 0.3, seed), outage.BACKUP: outage.steady(None, 0.3)}
    world = outage.load(up, seed)
    assert outage.success(world) >= 0.985
    assert len(world.calls_to(outage.PRIMARY)) >= 0.95 * len(world.results)
    assert virtual.broken_rules(world) == []


@pytest.mark.parametrize(
    ("share", "least"), [(0.1, 0.985), (0.3, 0.7), (0.5, 0.5)], ids=["tenth", "third", "half"]
)
def test_a_lone_flaky_target_is_still_used(
    outage: ModuleType, virtual: ModuleType, share: float, least: float
) -> None:
    """With nowhere else to go, half an upstream is better than none; retries keep to their budget."""
    worlds = [outage.load({outage.PRIMARY: outage.flaky(share, 0.3, seed)}, seed) for seed in range(5)]
    assert sum(outage.success(world) for world in worlds) / 5 >= least
    for world in worlds:
        assert len(world.calls) <= 1.11 * len(world.results)
        assert virtual.broken_rules(world) == []


def test_a_lone_dead_target_fails_fast_with_its_own_error(outage: ModuleType, virtual: ModuleType) -> None:
    """Once the outage is confirmed nobody waits, and at no time for the whole deadline."""
    for seed in range(LOAD_SEEDS):
        world = outage.load({outage.PRIMARY: outage.steady(Kind.SERVER_ERROR, 0.3)}, seed)
        took = [result.ended - result.arrived for result in world.results]
        assert max(took) < 20.0
        assert (
            max(t for t, r in zip(took, world.results, strict=True) if r.arrived > outage.START + 15.0) < 1.0
        )
        assert set(kinds(world)) == {"server_error"}
        assert len(world.calls) < 100  # a minute of probes, one a second
        assert virtual.broken_rules(world) == []


def test_a_lone_slow_dead_target_lets_nobody_wait_for_the_whole_deadline(outage: ModuleType) -> None:
    """500 after 5 s, and more requests than the limit: those in line are told as soon as it is known."""
    world = outage.world_of({outage.PRIMARY: outage.steady(Kind.SERVER_ERROR, 5.0)}, 1)
    world.arrivals(32.0, 0.0, 10.0)
    world.run()
    assert outage.longest(world) < 40.0


def test_a_lone_hanging_target_fails_fast_once_known(outage: ModuleType) -> None:
    """A hang is an outage too: after the first timeouts nobody waits."""
    world = outage.restored(1, dead=outage.hang(), lone=True)
    later = [r for r in world.results if outage.START + 120.0 < r.arrived < outage.START + outage.OUTAGE_S]
    quick = [r for r in later if r.ended - r.arrived < 1.0]
    assert len(quick) >= 0.9 * len(later)
    assert outage.success(world, outage.OUTAGE_S + 15.0) >= 0.95


def test_both_dead_names_the_cause(outage: ModuleType, virtual: ModuleType) -> None:
    """The error is the provider's 500, within the deadline, and few calls are made."""
    dead = outage.steady(Kind.SERVER_ERROR, 0.3)
    world = outage.load({outage.PRIMARY: dead, outage.BACKUP: dead}, 1)
    assert set(kinds(world)) == {"server_error"}
    assert len(world.calls) < 0.1 * len(world.results)
    assert virtual.broken_rules(world) == []


def test_a_hanging_primary_leaves_the_backup_its_time(outage: ModuleType, virtual: ModuleType) -> None:
    """An attempt gets at most half of what is left while the backup is untried; everybody is answered."""
    setting = outage.Setting(options=JourneyOptions(deadline_s=20.0))
    world = outage.load({outage.PRIMARY: outage.hang(), outage.BACKUP: outage.steady(None, 0.3)}, 1, setting)
    arrived = {result.request: result.arrived for result in world.results}
    for call in world.calls_to(outage.PRIMARY):
        left_s = arrived[call.request] + 20.0 - call.at
        assert call.deadline - call.at <= left_s / 2 + 1e-9
    assert outage.success(world) == 1.0
    assert virtual.broken_rules(world) == []


@pytest.mark.parametrize("lone", [False, True], ids=["with-backup", "lone"])
def test_a_throttling_target_is_never_called_sooner(
    outage: ModuleType, virtual: ModuleType, lone: bool
) -> None:
    """Retry-After: 2 holds for every request, and the breaker stays closed."""
    up = {outage.PRIMARY: outage.steady(Kind.RATE_LIMITED, 0.1, delay_s=2.0)}
    if not lone:
        up[outage.BACKUP] = outage.steady(None, 0.3)
    world = outage.load(up, 1)
    assert virtual.early_calls(world, outage.PRIMARY, 300.0) == []
    assert {call.state for call in world.calls} == {"closed"}
    assert outage.success(world) == (0.0 if lone else 1.0)
    assert virtual.broken_rules(world) == []


def test_requests_queue_for_a_small_backup(outage: ModuleType, virtual: ModuleType) -> None:
    """The backup's limit holds, a place stays free for its own, and nobody who waits is lost."""
    small = PolicyOptions(limit=LimitOptions(initial=8, min=1, max=8))
    up = {outage.PRIMARY: outage.steady(Kind.SERVER_ERROR, 0.3), outage.BACKUP: outage.steady(None, 0.3)}
    world = outage.load(up, 1, outage.Setting(policies={outage.BACKUP: small}), rate=24.0)
    assert outage.success(world) == 1.0
    assert max(call.active for call in world.calls_to(outage.BACKUP)) == 7
    assert virtual.broken_rules(world) == []


def test_a_queue_does_not_look_like_an_outage(outage: ModuleType) -> None:
    """More requests than a healthy, slow target can take at first: it is not blamed, and catches up."""
    world = outage.world_of({outage.PRIMARY: outage.steady(None, 25.0)}, 1)
    world.arrivals(32.0, 0.0, 150.0)
    world.run()
    assert outage.success(world, 100.0) >= 0.95


def test_two_flaky_providers_are_no_poison(outage: ModuleType) -> None:
    """Both fail three of ten calls by themselves: no client is told that its request is the cause."""
    for seed in range(LOAD_SEEDS):
        up = {outage.PRIMARY: outage.flaky(0.3, 0.3, seed), outage.BACKUP: outage.flaky(0.3, 0.3, seed + 7)}
        world = outage.load(up, seed)
        assert kinds(world)["poison_request"] == 0
        assert outage.success(world) >= 0.95


def test_a_poison_request_among_good_ones_is_named(outage: ModuleType, virtual: ModuleType) -> None:
    """One request breaks both providers, which serve the others: its client learns so, and nobody else."""

    def upstream(_now: float, request: int) -> Any:
        return virtual.Answer(0.3, outage.fault(Kind.SERVER_ERROR) if request in (700, 1400) else None)

    small = PolicyOptions(limit=LimitOptions(initial=4, min=4, max=4))  # so that the backup serves, too
    up = {outage.PRIMARY: upstream, outage.BACKUP: upstream}
    world = outage.load(up, 1, outage.Setting(policies={outage.PRIMARY: small}))
    faults = {result.request: result.fault.kind for result in world.results if result.fault}
    assert faults == {700: Kind.POISON_REQUEST, 1400: Kind.POISON_REQUEST}


# Planted bugs: each figure notices its own.


class Wedged(Breaker):
    """A probe's lease never expires."""

    __slots__ = ()

    def admit(self, now: float, *, only_choice: bool) -> Ticket | None:
        ticket = super().admit(now, only_choice=only_choice)
        if ticket is not None and ticket.lease:
            self._lease_until = float("inf")
        return ticket


class WideOpen(Breaker):
    """Half-open lets everybody in."""

    __slots__ = ()

    def admit(self, now: float, *, only_choice: bool) -> Ticket | None:
        return super().admit(now, only_choice=only_choice) or Ticket(self._period, probe=True, lease=1)


def breaker_of(cls: type[Breaker]) -> Callable[[Any], None]:
    def plant(world: Any) -> None:
        for state in world.states:
            state.breaker = cls(world.policy.breaker, world.entropy)

    return plant


def planted(outage: ModuleType, **options: Any) -> Any:
    return outage.Setting(policy=PolicyOptions(breaker=replace(BreakerOptions(), **options)))


@pytest.mark.parametrize(
    ("options", "figure", "most"),
    [
        ({"open_max_s": 300.0}, "probe_gap_max_s", 11.0),
        ({"open_max_s": 300.0}, "back_after_s_max", 15.0),
        ({"slow_start_s": 60.0}, "back_after_s_max", 15.0),
        ({"consecutive": 500, "min_samples": 500}, "primary_calls_for_1000_requests_max", 40),
    ],
    ids=["long-openings-gap", "long-openings-back", "slow-slow-start", "opens-late"],
)
def test_the_figures_notice_a_planted_option(
    outage: ModuleType, options: dict[str, float], figure: str, most: float
) -> None:
    """Each bad option pushes its figure over the bound."""
    assert outage.done_when(range(2), planted(outage, **options))[figure] > most


def double_send(world: Any) -> None:
    real = world.upstreams["primary/m"]

    def twice(now: float, request: int) -> Any:
        world.calls.append(world.calls[-1])
        return real(now, request)

    world.upstreams["primary/m"] = twice


def test_the_figures_notice_a_driver_that_sends_twice(outage: ModuleType) -> None:
    """Two calls a request are more than 1.1."""
    figures = outage.done_when(range(1), outage.Setting(mutate=double_send))
    assert figures["calls_a_request_until_open_max"] > 1.1


def test_the_figures_notice_a_breaker_that_lets_all_in(outage: ModuleType) -> None:
    """Half-open for everybody is no probing."""
    figures = outage.done_when(range(1), outage.Setting(mutate=breaker_of(WideOpen)))
    assert figures["calls_in_the_outage_that_are_no_probes"] > 0


def test_the_figures_notice_a_lease_that_never_expires(outage: ModuleType) -> None:
    """A probe that hangs would keep the traffic away for ever."""
    wedged = [
        outage.restored(seed, outage.Setting(mutate=breaker_of(Wedged)), dead=outage.hang())
        for seed in range(1, 5)
    ]
    # A lease of 9 s, an answer, a slow start of 4 s, and whole seconds.
    assert max(outage.back_after(world) for world in wedged) > 16.0
    assert max(outage.back_after(outage.restored(seed, dead=outage.hang())) for seed in range(1, 5)) <= 10.0


def test_the_figures_notice_a_burst(outage: ModuleType) -> None:
    """Without a slow start the ramp is gone."""
    counts = outage.per_second(outage.restored(1, planted(outage, slow_start_s=0.0)))
    first = next(second for second, count in enumerate(counts) if count)
    full = next(second for second, count in enumerate(counts) if count >= 0.95 * outage.RATE)
    assert full - first < 3
