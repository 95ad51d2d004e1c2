"""The sketch of a target's times to first content."""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.policy.first_content import SAMPLES_MIN, FirstContentTimes


def of(*seconds: float) -> FirstContentTimes:
    """A sketch that knows these times."""
    times = FirstContentTimes()
    for each in seconds:
        times.record(each)
    return times


def test_few_times_say_nothing() -> None:
    """Twenty are needed."""
    assert of(*[1.0] * (SAMPLES_MIN - 1)).percentile(0.99) is None
    assert of(*[1.0] * SAMPLES_MIN).percentile(0.99) is not None


@given(st.lists(st.floats(0.0, 900.0), min_size=SAMPLES_MIN, max_size=99), st.floats(0.5, 0.99))
def test_a_percentile_is_right_to_within_a_fifth(seconds: list[float], share: float) -> None:
    """Never too short, and at most a fifth too long."""
    found = of(*seconds).percentile(share)
    above = math.floor((1.0 - share) * len(seconds))
    exact = sorted(seconds, reverse=True)[min(above, len(seconds) - 1)]
    assert found is not None
    assert exact * (1 - 1e-9) <= found <= max(exact, 0.01) * 1.2 * (1 + 1e-9)


@pytest.mark.parametrize("mean_s", [0.2, 3.0, 30.0])
def test_it_follows_a_target_that_changes(mean_s: float) -> None:
    """A few hundred times later the old ones are forgotten, whether it became quicker or slower."""
    draw = random.Random(1).random
    times = of(*[3.0 * (0.5 + draw()) for _ in range(1000)])
    for _ in range(1000):
        times.record(mean_s * (0.5 + draw()))
    found = times.percentile(0.99)
    assert found is not None
    assert 1.4 * mean_s <= found <= 1.5 * mean_s * 1.2


def test_a_single_late_one_among_hundreds_is_no_percentile() -> None:
    """The 99th percentile passes over what one of a hundred does."""
    assert (of(*[1.0] * 90, 500.0, *[1.0] * 100).percentile(0.99) or 0.0) < 1.3


@settings(max_examples=30)
@given(st.lists(st.floats(0.0, 1e9), max_size=400))
def test_it_is_bounded_and_deterministic(seconds: list[float]) -> None:
    """Whatever is recorded, it stays as small, and the same times give the same figure."""
    first, second = of(*seconds), of(*seconds)
    assert len(first._counts) == len(FirstContentTimes()._counts)
    assert first.percentile(0.99) == second.percentile(0.99)
    assert sum(first._counts) == pytest.approx(first._total)
    assert first._total < 200


def test_longest_and_shortest_have_a_place(examples: Callable[[int], int]) -> None:
    """Zero and an hour are taken as the shortest and the longest that are known."""
    assert of(*[0.0] * examples(20)).percentile(0.99) == 0.01
    assert (of(*[3600.0] * 20).percentile(0.99) or 0.0) > 900.0


def test_the_last_bucket_begins_where_the_others_end() -> None:
    """No time falls outside, at the very edge and beyond it."""
    edge_s = 0.01 * 1.2**63
    for seconds in (math.nextafter(edge_s, 0.0), edge_s, math.inf):
        assert of(*[seconds] * 20).percentile(0.5) == pytest.approx(edge_s)


@given(st.lists(st.floats(0.0, 900.0), min_size=101, max_size=900), st.sampled_from([0.5, 0.9, 0.99]))
def test_what_is_dropped_hardly_counts(seconds: list[float], share: float) -> None:
    """Against a sketch that forgets nothing by itself, a percentile is off by hundredths of the weight."""
    times = of(*seconds)
    weights: dict[int, float] = {}
    for number, each in enumerate(seconds):
        bucket = 0 if each <= 0.01 else math.ceil(math.log(each / 0.01) / math.log(1.2))
        halvings = len(seconds) // 100 - number // 100
        weights[bucket] = weights.get(bucket, 0.0) + 0.5**halvings
    found = times.percentile(share)
    assert found is not None
    bucket = 0 if found == 0.01 else round(math.log(found / 0.01) / math.log(1.2))
    total, slack = math.fsum(weights.values()), 2.5
    assert math.fsum(w for b, w in weights.items() if b > bucket) <= (1.0 - share) * total + slack
    assert math.fsum(w for b, w in weights.items() if b >= bucket) >= (1.0 - share) * total - slack


@pytest.mark.parametrize(
    ("share", "least_s", "most_s"),
    [
        pytest.param(0.5, 1.0, 1.2, id="median"),
        pytest.param(0.79, 2.0, 2.4, id="above-six-of-ten"),
        pytest.param(0.89, 4.0, 4.8, id="above-eight-of-ten"),
        pytest.param(0.99, 8.0, 9.6, id="above-nine-of-ten"),
    ],
)
def test_each_share_has_its_time(share: float, least_s: float, most_s: float) -> None:
    """All that took longer count together: six take 1 s, two 2 s, one 4 s and one 8 s of ten."""
    found = of(*[1.0] * 24, *[2.0] * 8, *[4.0] * 4, *[8.0] * 4).percentile(share)
    assert found is not None
    assert least_s * (1 - 1e-9) <= found <= most_s * (1 + 1e-9)


def test_what_is_a_hundred_times_old_counts_half() -> None:
    """A hundred slow times, then as many quick ones: of those that count two thirds are quick."""
    changed = of(*[8.0] * 100, *[1.0] * 99)
    median, above = changed.percentile(0.5), changed.percentile(0.7)
    assert median is not None
    assert above is not None
    assert median < 1.3
    assert above > 7.0
    later = of(*[8.0] * 100, *[1.0] * 300)
    quick = later.percentile(0.9)
    assert quick is not None
    assert quick < 1.3


def test_old_times_are_dropped() -> None:
    """700 times later nothing is left of a single long one, nor does anybody look for it."""
    times = of(900.0, *[1.0] * 799)
    assert times.percentile(0.9999999) == times.percentile(0.5)


def test_the_shortest_and_the_longest_time() -> None:
    """What is shorter than a hundredth of a second, or longer than a thousand, is one time each."""
    assert of(*[0.0] * 20).percentile(0.5) == of(*[0.01] * 20).percentile(0.5) == pytest.approx(0.01)
    assert of(*[1e9] * 20).percentile(0.5) == of(*[1000.0] * 20).percentile(0.5)
