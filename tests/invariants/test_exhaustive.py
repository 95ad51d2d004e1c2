"""The exhaustive search of small models: it is clean, it prunes nothing away, and it finds planted bugs."""

from dataclasses import replace

import pytest
from exhaustive_bugs import BUGS
from exhaustive_key import FIELDS, Alike, Exact, fields_of
from exhaustive_model import Variant, World
from exhaustive_run import SEPARATOR, main
from exhaustive_search import Search, replay, world_after
from exhaustive_variants import QUICK, VARIANTS, drawn

import halfopen.policy.breaker
import halfopen.policy.credential
import halfopen.policy.journey
import halfopen.policy.selection
import halfopen.policy.target

TINY = Variant("tiny", ("500",), targets=1, leaves=0, arrives_until_s=0.0, deadline_s=3.0, attempt_s=2.0)


@pytest.mark.parametrize("variant", QUICK, ids=lambda each: each.name)
def test_a_small_model_is_clean(variant: Variant) -> None:
    """Whatever the environment does, nothing is broken, and everything recovers when it becomes healthy."""
    found = Search(variant).run()
    assert found.violations == []
    assert found.is_complete
    assert found.states > 20
    assert found.paths > 20
    assert found.ends
    assert found.recoveries > found.ends


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(replace(TINY, entropy=0.999, failing=1), id="one that fails already"),
        pytest.param(replace(TINY, targets=2, faults=("key",), shared_key=True), id="shared key"),
        pytest.param(replace(TINY, faults=(), stream=True, attempts=1), id="streams"),
    ],
)
def test_pruning_loses_nothing(variant: Variant) -> None:
    """A search that tells apart whatever differs at all reaches no state that the pruned search misses."""
    alike = Alike()
    states: set[bytes] = set()
    exact = Search(
        variant, key=Exact(), recover_every=10**9, seen=lambda world: states.add(alike(world))
    ).run()
    pruned_states: set[bytes] = set()
    pruned = Search(variant, recover_every=10**9, seen=lambda world: pruned_states.add(alike(world))).run()
    assert pruned.paths == exact.paths
    assert pruned.depth <= exact.depth
    assert pruned_states == states
    assert len(states) < exact.states


def test_the_key_names_fields_that_are_there() -> None:
    """A field that is renamed is noticed, where the search would silently become longer."""
    policy = halfopen.policy
    kinds = [
        policy.breaker.Breaker,
        policy.credential.Credential,
        policy.journey.Journey,
        policy.selection.Selection,
        policy.target.TargetState,
    ]
    for kind in kinds:
        named = {name.split(".")[1] for name in FIELDS if name.startswith(f"{kind.__name__}.")}
        assert named <= set(fields_of(kind))


@pytest.mark.parametrize("name", list(BUGS))
def test_a_planted_bug_is_found_and_replays(name: str) -> None:
    """Each bug breaks the rule that it should, and its path breaks the same when it is replayed."""
    bug = BUGS[name]
    found = Search(bug.variant, mutate=bug.plant, violations_max=1, seconds=30.0).run()
    ((path, broken),) = found.violations
    rules = [
        int(line.split(":")[0].removeprefix("rule ")) if line.startswith("rule") else 0 for line in broken
    ]
    assert set(rules) & set(bug.rules), broken
    told = replay(bug.variant, path, bug.plant)
    assert told[-1] == (path[-1], broken)
    assert [choice for choice, _ in told] == path
    assert all(not each for _, each in told[:-1])


def test_without_the_bug_the_same_path_is_in_order() -> None:
    """What is found is the bug's doing: the real policy takes none of these paths to a violation."""
    for bug in BUGS.values():
        found = Search(bug.variant, mutate=bug.plant, violations_max=1, seconds=30.0).run()
        ((path, _),) = found.violations
        told = replay(bug.variant, path)
        assert all(not broken or "can't happen here" in broken[0] for _, broken in told)


def test_a_violation_is_printed_with_its_replay(capsys: pytest.CaptureFixture[str]) -> None:
    """A person can copy the command, and sees every choice and what it broke."""
    assert main(["--bug", "deaf"]) == 1
    told = capsys.readouterr().out
    choices = told.split('--replay "')[1].split('"')[0]
    assert main(["--bug", "deaf", "--replay", choices]) == 1
    replayed = capsys.readouterr().out.splitlines()
    assert [line for line in replayed if not line.startswith(" ")] == choices.split(SEPARATOR)
    assert "BROKEN rule 6" in replayed[-1]


def test_a_replay_says_what_can_happen() -> None:
    """A path that has become impossible names what is possible instead."""
    ((_, broken),) = replay(TINY, ["r0.1 500"])
    assert broken == ["'r0.1 500' can't happen here; these can: r0 arrives"]


def test_a_search_that_is_cut_short_says_so() -> None:
    """Nobody takes half a search for a whole one."""
    assert not Search(TINY, seconds=0.0).run().is_complete


def test_variants_have_names_of_their_own() -> None:
    """A name finds one variant."""
    names = [each.name for each in [*drawn(VARIANTS), *QUICK]]
    assert len(names) == len(set(names))


def test_the_world_ticks_to_what_comes_next() -> None:
    """Time goes on to the next timer, and not past it."""
    world: World = world_after(TINY, ["r0 arrives", "tick"])
    assert world.now == world.requests[0].journey.wake_at == 2.0
    assert "r0 timer" in world.choices()
    assert "tick" not in world.choices()
