"""How many calls may be in flight: additive increase, multiplicative decrease.

Rules
1. It rises by one for each answer. When answers come late somebody is queueing: then it rises by one only
   in a round of as many answers as it is large.
2. A decrease is felt at most once in `every_s`, and only by a call that was sent after the last one: one
   from before can't tell whether that was enough. What was not in use counts for nothing: it is first cut
   to what was.
3. After a decrease it rises by a tenth for each answer, and twice as fast with every round, for at most
   10 s: where answers come fast, a whole one for each would undo in a moment what the decrease has brought.

Sources: Chiu & Jain, 1989 (AIMD); RFC 5681 (slow start, congestion avoidance, one decrease in a round);
RFC 7661 (a window that the sender did not use is not validated, and is cut to what it used).
"""

from typing import Final

_GROWTH_AFTER_DECREASE: Final = 0.1
_SLOW_GROWTH_S: Final = 10.0
_GENTLE_GROWTH_S: Final = 60.0


class WindowSize:
    """A bound on calls in flight that adapts. Not thread-safe; one event loop owns it."""

    __slots__ = ("_decreased", "_round", "growth", "size")

    def __init__(self, size: float) -> None:
        """Starts at `size`."""
        self.size = size
        self._decreased = float("-inf")
        self.growth = 1.0
        """What an answer adds. Less than 1: slow growth after a decrease."""
        self._round = 0

    def increase(self, *, most: float, late: bool) -> None:
        """An answer came while at least half was in use."""
        size, growth = self.size, self.growth
        if late:
            growth = min(growth, 1.0 / max(size, 1.0))
        size += growth
        self.size = size if size < most else most  # noqa: FURB136 - min() takes longer than all the rest

    def settled(self, now: float) -> None:
        """An answer came where growth stays slow for a minute: what is shared with others is tried gently."""
        if self.growth < 1.0 and now - self._decreased >= _GENTLE_GROWTH_S:
            self.growth = 1.0

    def answered(self, now: float) -> None:
        """An answer came, whatever is in use: the slow growth after a decrease passes."""
        if self.growth < 1.0:
            self._round += 1
            if now - self._decreased >= _SLOW_GROWTH_S:
                self.growth = 1.0
            elif self._round >= self.size:
                self._round = 0
                self.growth = min(1.0, 2.0 * self.growth)

    def may_decrease(self, now: float, *, sent: float, every_s: float) -> bool:
        """Whether a bad sign from a call that was sent at `sent` is news."""
        return sent >= self._decreased and now - self._decreased >= every_s

    def decrease(self, now: float, *, used: float, factor: float, least: float) -> None:
        """To `factor` of itself, or of what was in `used`, if that is less; never below `least`."""
        self._decreased = now
        self.growth = _GROWTH_AFTER_DECREASE
        self._round = 0
        self.size = max(least, min(self.size, used) * factor)
