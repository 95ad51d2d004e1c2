"""How long a target's streams take to their first content: a sketch of the distribution.

Rules
1. Times fall into buckets, each a fifth wider than the one before, so that any percentile is known to
   within a fifth, in a bounded number of counters.
2. After every 100 times all counts are halved: the sketch follows a target that changes, and the times
   before the last few hundred hardly count, and a count that has become very small is dropped.
3. An attempt that was given up for its time counts with that time. So a deadline that is too short
   for a target makes itself longer: it can't lock itself in.

Sources: C. Masson, J. Rim and H. Lee, "DDSketch", VLDB 2019 (buckets of a relative error);
G. Cormode et al., "Forward Decay", ICDE 2009 (weights by age).
"""

import math
from typing import Final

_GROWTH: Final = 1.2
_SHORTEST_S: Final = 0.01
_BUCKETS: Final = 64
_LAST = _BUCKETS - 1
_LONGEST_S = _SHORTEST_S * _GROWTH**_LAST
"""Nearly a thousand seconds; whatever is longer is in the last bucket."""
_HALVED_EVERY: Final = 100
_DROPPED: Final = 0.02
"""A time is dropped when it has been halved six times: 600 times later."""
_UP_TO_S: Final = tuple(_SHORTEST_S * _GROWTH**bucket for bucket in range(_BUCKETS))
"""The longest time in each bucket but the last."""
_PER_LOG: Final = 1.0 / math.log(_GROWTH)
SAMPLES_MIN: Final = 20
"""Fewer times say nothing about a percentile."""


class FirstContentTimes:
    """The times of one target."""

    __slots__ = ("_counts", "_highest", "_since_halved", "_total", "samples")

    def __init__(self) -> None:
        """Knows nothing."""
        self._counts = [0.0] * _BUCKETS
        self._highest = 0
        """No bucket above has anything: percentiles are looked for from here down."""
        self._total = 0.0
        self._since_halved = 0
        self.samples = 0
        """Times that were recorded."""

    def record(self, seconds: float) -> None:
        """A stream took this long to its first content, or was given up without any after this long."""
        bucket = 0
        if seconds >= _LONGEST_S:
            bucket = _LAST
        elif seconds > _SHORTEST_S:
            bucket = min(math.ceil(math.log(seconds / _SHORTEST_S) * _PER_LOG), _LAST)
        self._counts[bucket] += 1.0
        self._highest = max(self._highest, bucket)
        self._total += 1.0
        self.samples += 1
        self._since_halved += 1
        if self._since_halved >= _HALVED_EVERY:
            self._halve()

    def percentile(self, share: float) -> float | None:
        """The time, in seconds, that this share of the streams doesn't pass; up to a fifth too long.

        None: too few times are known. `share` is at least 0 and less than 1; 0.5: the median.
        """
        if self.samples < SAMPLES_MIN:
            return None
        above, most = 0.0, (1.0 - share) * self._total
        for bucket in range(self._highest, 0, -1):
            above += self._counts[bucket]
            if above > most:
                return _UP_TO_S[bucket]
        return _SHORTEST_S

    def _halve(self) -> None:
        self._since_halved = 0
        self._counts = [count / 2 if count > _DROPPED else 0.0 for count in self._counts]
        # Powers of two: the sum is exact, in whatever order it is made.
        self._total = math.fsum(self._counts)
        self._highest = max((bucket for bucket in range(_BUCKETS) if self._counts[bucket]), default=0)
