"""What the core is handed from outside: time, randomness, and nothing else.

The core never reads a clock or draws a random number by itself. The shell passes the current time
as an argument and a source of randomness when it makes an object. See docs/decisions/0002.
"""

from collections.abc import Callable
from typing import Protocol

Entropy = Callable[[], float]
"""Returns a number drawn uniformly from [0, 1), like `random.random`."""


class Clock(Protocol):
    """The two clocks of a process. Only the shell calls them."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; for durations and deadlines."""
        ...

    def wall(self) -> float:
        """Seconds since the Unix epoch; for timestamps and dates in headers."""
        ...


__all__ = ["Clock", "Entropy"]
