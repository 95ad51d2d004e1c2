"""Many values are counted in buckets as each by itself."""

import random
from collections import Counter

import pytest

from halfopen.signals.sketch import bound_of, bucket_counts, buckets


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_those_of_each_value(seed):
    """Also of values at the bound of a bucket, and of the least ones."""
    draw = random.Random(seed)
    spread = draw.choice([0.0, 0.01, 1.0, 3.0])
    values = [draw.lognormvariate(12, spread) for _ in range(draw.randrange(400))]
    values += [bound_of(draw.randrange(600)) for _ in range(100)]
    values += [float(draw.randrange(5)) for _ in range(20)]
    assert bucket_counts(values) == Counter(buckets(values))


def test_nothing_has_no_counts():
    """Not even of 0."""
    assert bucket_counts([]) == {}
