"""One policy in the list of those that can be compared."""

from dataclasses import dataclass

from halfopen.simulator.strategy import MakeStrategy


@dataclass(frozen=True, slots=True)
class Listed:
    """A policy that a user can name."""

    text: str
    """What it does, in one line."""
    make: MakeStrategy
