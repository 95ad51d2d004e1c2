"""Percentiles from counts in buckets that can be added to one another.

Buckets grow by a constant factor, so that a value told from its bucket is at most `ERROR` off, relatively,
whatever it is. Sketches of the same form are merged by adding counts, exactly, in any order.

Source: Masson, Rim, Lee: DDSketch, a fast and fully-mergeable quantile sketch with relative-error guarantees,
VLDB 2019.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from math import ceil, log
from typing import Final

ERROR: Final = 0.02
"""The most that a percentile is off, relatively."""
_GROWTH: Final = (1.0 + ERROR) / (1.0 - ERROR)
_PER_LOG: Final = 1.0 / log(_GROWTH)
LEAST: Final = 1.0
"""Values up to it are in bucket 0."""


def bucket(value: float) -> int:
    """The number of the bucket of a value. From 0; buckets of larger values have larger numbers."""
    return ceil(log(value) * _PER_LOG) if value > LEAST else 0


def buckets(values: Iterable[float]) -> list[int]:
    """As `bucket`, for many values."""
    per_log = _PER_LOG
    return [ceil(log(value) * per_log) if value > 1.0 else 0 for value in values]


def bucket_counts(values: Sequence[float]) -> dict[int, int]:
    """How many of the values are in each bucket.

    They are put in order, so that the logarithm is taken once for all values that are alike.
    """
    counts: dict[int, int] = {}
    ordered = sorted(values)
    place, end = 0, len(ordered)
    while place < end:
        number = bucket(ordered[place])
        after = bisect_right(ordered, bound_of(number), place)
        # What stands at the bound itself may be rounded either way: each value decides by itself.
        while after < end and bucket(ordered[after]) == number:
            after += 1
        while bucket(ordered[after - 1]) != number:
            after -= 1
        counts[number] = after - place
        place = after
    return counts


def value_of(number: int) -> float:
    """The value that a bucket stands for: in the middle, relatively, of all that are in it."""
    return 2.0 * _GROWTH**number / (_GROWTH + 1.0) if number else LEAST


def bound_of(number: int) -> float:
    """The greatest value of a bucket."""
    return _GROWTH**number


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The value below which a share of all values are, within `ERROR`. None: there are none.

    Args:
        counts: How many values are in each bucket.
        share: From 0 to 1.
    """
    total = sum(counts.values())
    if not total:
        return None
    rank = share * (total - 1)
    passed = 0
    for number in sorted(counts):
        passed += counts[number]
        if passed > rank:
            return value_of(number)
    return value_of(max(counts))


def share_up_to(counts: Mapping[int, int], value: float) -> float | None:
    """The share of values up to `value`, which counts for its whole bucket. None: there are none."""
    total = sum(counts.values())
    if not total:
        return None
    last = bucket(value)
    return sum(count for number, count in counts.items() if number <= last) / total
