"""What one generated schedule showed: whether an invariant was met, and how it was not.

Every judge has a function `check(seed) -> Outcome`. The same seed gives the same outcome,
byte for byte, so a violation is reported as its seed and replayed from it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an oracle says about one schedule."""

    seed: int
    """The number that the whole schedule was generated from."""
    met: bool
    """The schedule reached the situation that the invariant is about.

    A schedule that does not (no fault fell, nothing was hedged) proves nothing and is counted
    apart from those that do.
    """
    violation: str | None
    """One sentence: what was promised and what was seen. None: the invariant held."""
    detail: str = ""
    """The schedule and its trace, readable, the same bytes for the same seed."""
