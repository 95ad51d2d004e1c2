"""Depth-first search through every path of choices of a small model.

Each choice is tried on a copy of the world (`exhaustive_copy`); every 64th copy is compared with what a replay
of its path gives, and every path that is reported can be replayed. With a planted bug the worlds are not
copied but replayed. A state like one that was searched is not searched again (`exhaustive_key` says when two
are alike, and why that is sound).

At each end, and at every `recover_every`-th new state, the environment becomes healthy: see
`exhaustive_recovery`.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from exhaustive_copy import Copier
from exhaustive_key import Alike
from exhaustive_model import Variant, World
from exhaustive_recovery import recovered

COMPARED_EVERY = 64
VIOLATIONS_MAX = 5

Mutate = Callable[[World], None]
Key = Callable[[World], bytes]
Violation = tuple[list[str], list[str]]
"""A path of choices, and what was broken after the last of them."""


@dataclass(slots=True)
class Found:
    """What a search came to."""

    variant: str
    states: int = 0
    steps: int = 0
    paths: int = 0
    """Different ways from the start to an end, those through states that were known included."""
    ends: int = 0
    """States in which nothing more can happen."""
    recoveries: int = 0
    """States from which the environment became healthy."""
    depth: int = 0
    seconds: float = 0.0
    is_complete: bool = True
    """Whether nothing was left out for want of time, or after too many violations."""
    violations: list[Violation] = field(default_factory=list)


def world_after(variant: Variant, path: Sequence[str], mutate: Mutate | None = None) -> World:
    """The world after these choices. The rules look at the last one's outcome only."""
    world = World(variant)
    if mutate is not None:
        mutate(world)
    for number, choice in enumerate(path, 1):
        world.take(choice, looks=number == len(path))
    return world


class Search:
    """One search through one variant."""

    def __init__(
        self,
        variant: Variant,
        *,
        mutate: Mutate | None = None,
        key: Key | None = None,
        seconds: float = math.inf,
        recover_every: int = 8,
        violations_max: int = VIOLATIONS_MAX,
        seen: Callable[[World], None] | None = None,
    ) -> None:
        """Nothing searched.

        Args:
            variant: The model.
            mutate: Plants a bug in each fresh world.
            key: Tells states apart; None: by what can still matter.
            seconds: The search ends then, complete or not.
            recover_every: Of so many new states one is tried for recovery, with every end.
            violations_max: The search ends after so many.
            seen: Is shown every new state.
        """
        self._variant = variant
        self._mutate = mutate
        self._key = Alike() if key is None else key
        self._until = time.monotonic() + seconds
        self._recover_every = recover_every
        self._max = violations_max
        self._seen = seen
        self._paths: dict[bytes, int] = {}
        """Paths from each state to an end; -1: the search is below it."""
        self._copier: Copier | None = None
        self._copies = 0
        self.found = Found(variant.name)

    def run(self) -> Found:
        """Search everything."""
        began = time.monotonic()
        first = self._world([])
        if self._mutate is None:
            self._copier = Copier(first)
        self.found.paths = self._below([], first)
        self.found.states = len(self._paths)
        self.found.seconds = time.monotonic() - began
        return self.found

    def _world(self, path: Sequence[str]) -> World:
        return world_after(self._variant, path, self._mutate)

    def _below(self, path: list[str], world: World) -> int:
        """Search what can follow. Returns the number of paths from here to an end."""
        found, key = self.found, self._key(world)
        known = self._paths.get(key)
        if known is not None:
            if known < 0:
                self._report(path, ["rule 2: the same state again, without an end to it"])
            return max(known, 0)
        self._paths[key] = -1
        if self._seen is not None:
            self._seen(world)
        found.depth = max(found.depth, len(path))
        choices = world.choices()
        if not choices:
            found.ends += 1
            self._recover(path, world)
            self._paths[key] = 1
            return 1
        frozen = None if self._copier is None else self._copier.freeze(world)
        if len(self._paths) % self._recover_every == 0:
            for old_answer in (True, False):
                self._recover(path, self._again(path, key, frozen), old_answer=old_answer)
        count, here = 0, world
        for index, choice in enumerate(choices):
            if self._is_over():
                break
            if index:
                here = self._again(path, key, frozen)
            found.steps += 1
            broken = _taken(here, choice)
            path.append(choice)
            if broken:
                self._report(path, broken)
            else:
                count += self._below(path, here)
            path.pop()
        self._paths[key] = count
        return count

    def _again(self, path: list[str], key: bytes, frozen: bytes | None) -> World:
        """The world after a path, once more."""
        if self._copier is None or frozen is None:
            return self._world(path)
        self._copies += 1
        if self._copies % COMPARED_EVERY == 0 and self._key(self._world(path)) != key:
            self._report(path, ["rule 13: the same choices gave another state"])
        return self._copier.thaw(frozen)

    def _recover(self, path: list[str], world: World, *, old_answer: bool = True) -> None:
        self.found.recoveries += 1
        broken = recovered(world, old_answer=old_answer)
        if broken:
            self._report([*path, HEALTHY if old_answer else HEALTHY_LOST], broken)

    def _report(self, path: list[str], broken: list[str]) -> None:
        if len(self.found.violations) < self._max:
            self.found.violations.append((list(path), list(broken)))

    def _is_over(self) -> bool:
        if len(self.found.violations) >= self._max or time.monotonic() > self._until:
            self.found.is_complete = False
            return True
        return False


HEALTHY = "healthy"
"""As the last choice of a path: from now on every call is answered."""
HEALTHY_LOST = "healthy, old calls lost"


def replay(
    variant: Variant, path: Sequence[str], mutate: Mutate | None = None
) -> list[tuple[str, list[str]]]:
    """Each choice of a path with what was broken by then."""
    world = world_after(variant, [], mutate)
    told = []
    for choice in path:
        if choice in (HEALTHY, HEALTHY_LOST):
            broken = recovered(world, old_answer=choice == HEALTHY)
        elif choice not in world.choices():
            broken = [f"{choice!r} can't happen here; these can: {', '.join(world.choices())}"]
        else:
            broken = _taken(world, choice)
        told.append((choice, broken))
        if broken:
            break
    return told


def _taken(world: World, choice: str) -> list[str]:
    """Let it happen. What it broke."""
    try:
        world.take(choice)
    except Exception as error:  # noqa: BLE001 - whatever a defect raises is a finding
        return [f"raised {type(error).__name__}: {error}"]
    return list(world.rules.broken)
