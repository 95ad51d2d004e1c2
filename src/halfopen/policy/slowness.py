"""Whether a target's first tokens come slowly, for that target.

Rules
1. A first token is slow when it takes longer than `min_s` and than `ratio` times the target's usual
   time. What was waited for in vain counts with the time that was waited.
2. The usual time is known after 20 times: it begins as their median. Until then nothing is slow.
3. From then on the present median is followed: each time moves it by 5 %, towards itself. So one
   long prompt moves it no more than any other request.
4. The usual time follows the present median, with a time constant of a minute or of 50 times, but
   never rises faster than twofold in ten minutes: a brownout is not taken for the new normal. A target
   that is lastingly slower is accepted in the end, also when only the breaker's probes ask it, for each
   of them counts for up to ten seconds of that rise.
5. A target is slowing when a quarter of the first tokens of the last ten seconds, and at least five,
   were slow: single ones are long prompts, that many are overload.
6. A time is late when it is above twice the usual one, and the present median is, too: somebody may be
   queueing. That is no overload yet, but no reason to send more either.

Sources: Q. Ma, S. Muthukrishnan and M. Sandler, "Frugal Streaming for Estimating Quantiles", 2013 (the
median by steps, here in proportion to it); resilience4j (slow calls).
"""

# ruff: noqa: FURB136, PLR1730 - min() and max() take longer than all the rest of what every call goes through
import math
from typing import Final

from halfopen.policy.options import SlownessOptions
from halfopen.policy.window import Window

SAMPLES_MIN: Final = 20
"""Fewer times don't say what is usual."""
_STEP: Final = 1.05
_FOLLOW_S: Final = 60.0
_FOLLOW_MAX: Final = 0.02
"""Of the way, for each time: between rare times the present median moves too much to be followed closer."""
_GAP_MAX_S: Final = 10.0
"""A silence counts as this long at most, or the first time after a night could move everything."""
_RISE = math.log(2.0) / (600.0 + _GAP_MAX_S)
"""A second, in proportion. With the silence before them, any ten minutes at most double it."""
_WINDOW_S: Final = 10.0
_LATE: Final = 2.0
"""Times the usual time."""
_LATE_MIN: Final = 0.4
"""Of `min_s`: nothing sooner is late."""
_SLOWING_SHARE: Final = 0.25
_SLOWING_MIN: Final = 5
_SHORTEST_S: Final = 0.001
_LONGEST_S: Final = 3600.0


class Slowness:
    """The usual time to first token of one target, and what is slow against it."""

    __slots__ = ("_first", "_min_s", "_present", "_ratio", "_recorded", "_window", "threshold_s", "usual_s")

    def __init__(self, options: SlownessOptions) -> None:
        """Knows nothing."""
        self._ratio = options.ratio
        self._min_s = options.min_s
        self._first: list[float] = []
        self._present = 0.0
        self.usual_s: float | None = None
        """The target's usual median time. Seconds; None: not known yet."""
        self._recorded = float("-inf")
        self._window = Window(_WINDOW_S)
        self.threshold_s = float("inf")
        """A first token that takes longer is slow. Seconds; infinity: not known yet."""

    def record(self, seconds: float, now: float) -> bool:
        """A first token took this long, or was waited for so long in vain. Whether that is slow."""
        slow = seconds > self.threshold_s
        self._window.add(now, marked=slow)
        if not _SHORTEST_S <= seconds <= _LONGEST_S:
            seconds = _LONGEST_S if seconds > _LONGEST_S else _SHORTEST_S
        usual_s = self.usual_s
        if usual_s is None:
            usual_s = self._begin(seconds)
            if usual_s is None:
                return slow
        else:
            usual_s = self._follow(usual_s, seconds, now)
        self.usual_s = usual_s
        if now > self._recorded:
            self._recorded = now
        threshold_s, least_s = self._ratio * usual_s, self._min_s
        self.threshold_s = threshold_s if threshold_s > least_s else least_s
        return slow

    def is_slowing(self, now: float) -> bool:
        """Whether so many first tokens of the last ten seconds were slow that it looks like overload."""
        times, slow = self._window.counts(now)
        return slow >= _SLOWING_MIN and slow >= _SLOWING_SHARE * times

    def is_late(self, seconds: float) -> bool:
        """Whether a time that was recorded is late, and not by chance.

        A quick answer is not, however late those before it were: the median takes a while to say so.
        """
        usual_s = self.usual_s
        if usual_s is None:
            return False
        # Mostly neither bound is passed, and it need not be known which is the lower one.
        late_s = _LATE * usual_s
        if seconds <= late_s and seconds <= self.threshold_s:
            return False
        late_s = min(self.threshold_s, max(_LATE_MIN * self._min_s, late_s))
        return seconds > late_s and self._present > late_s

    @property
    def present_s(self) -> float | None:
        """The present median. Seconds; None: not known yet."""
        return None if self.usual_s is None else self._present

    def _begin(self, seconds: float) -> float | None:
        """The usual time, from the first times; None: they are too few."""
        self._first.append(seconds)
        if len(self._first) < SAMPLES_MIN:
            return None
        self._present = sorted(self._first)[SAMPLES_MIN // 2]
        self._first.clear()
        return self._present

    def _follow(self, usual_s: float, seconds: float, now: float) -> float:
        """A time moves the present median towards itself, and that the usual one, which is returned."""
        before_s = self._present
        if seconds > before_s:
            present_s = before_s * _STEP
            if present_s > seconds:
                present_s = seconds  # not past it
        else:
            present_s = before_s / _STEP
            if present_s <= seconds:
                present_s = seconds
        self._present = present_s
        gap_s = now - self._recorded
        if gap_s <= 0.0:
            return usual_s
        if gap_s > _GAP_MAX_S:
            gap_s = _GAP_MAX_S
        share = gap_s / (gap_s + _FOLLOW_S)
        if share > _FOLLOW_MAX:
            share = _FOLLOW_MAX
        wanted, most = (present_s / usual_s - 1.0) * share, _RISE * gap_s
        return usual_s + usual_s * (most if most < wanted else wanted)
