"""Slow first tokens: what is usual for a target, what is slow against it, and what looks like overload."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.policy.options import SlownessOptions
from halfopen.policy.slowness import SAMPLES_MIN, Slowness

OPTIONS = SlownessOptions()
NEVER = float("inf")


def known(seconds: float = 1.0, now: float = 100.0, options: SlownessOptions = OPTIONS) -> Slowness:
    """A target whose usual time is this, at `now`."""
    slowness = Slowness(options)
    for _ in range(SAMPLES_MIN):
        slowness.record(seconds, now)
    return slowness


def feed(slowness: Slowness, seconds: float, now: float, *, for_s: float, every_s: float = 1.0) -> float:
    """The same time again and again; returns the time after them."""
    for _ in range(int(for_s / every_s)):
        now += every_s
        slowness.record(seconds, now)
    return now


def usual(slowness: Slowness) -> float:
    assert slowness.usual_s is not None
    return slowness.usual_s


def test_nothing_is_slow_before_twenty_times() -> None:
    """Nineteen times don't say what is usual; the twentieth does."""
    slowness = Slowness(OPTIONS)
    for number in range(SAMPLES_MIN):
        assert slowness.usual_s is None
        assert slowness.threshold_s == NEVER
        assert not slowness.record(0.4 if number else 500.0, 100.0)
    assert usual(slowness) == pytest.approx(0.4)
    assert slowness.threshold_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("usual_s", "seconds", "slow"),
    [(1.0, 5.0, False), (1.0, 5.01, True), (0.05, 0.99, False), (0.05, 1.01, True), (1.0, 0.0, False)],
    ids=["ratio", "above-ratio", "below-least", "above-least", "nothing"],
)
def test_slow_is_more_than_five_times_the_usual_and_a_second(
    usual_s: float, seconds: float, slow: bool
) -> None:
    """Both bounds must be passed: 0.3 s instead of 0.05 s hurts nobody."""
    assert known(usual_s).record(seconds, 101.0) is slow


def test_ratio_and_least_are_options() -> None:
    """`ratio` times the usual, and never below `min_s`."""
    assert known(1.0, options=SlownessOptions(ratio=2.0)).threshold_s == pytest.approx(2.0)
    assert known(1.0, options=SlownessOptions(min_s=30.0)).threshold_s == 30.0


@pytest.mark.parametrize("every_s", [0.01, 1.0, 9.0, 60.0], ids=lambda every_s: f"every-{every_s:g}-s")
def test_a_brownout_is_not_taken_for_the_new_normal(every_s: float) -> None:
    """In ten minutes at twenty times the usual, the usual at most doubles, and all stays slow."""
    slowness, now = known(), 100.0
    while now < 700.0:
        now += every_s
        assert slowness.record(20.0, now)
    assert 1.0 < usual(slowness) <= 2.0


@pytest.mark.parametrize("every_s", [1.0, 9.0], ids=["traffic", "probes-only"])
def test_a_lastingly_slower_target_is_accepted_in_the_end(every_s: float) -> None:
    """Ten times slower for half an hour is slow no more, also when only probes ask."""
    slowness = known()
    now = feed(slowness, 10.0, 100.0, for_s=1800.0, every_s=every_s)
    assert not slowness.record(10.0, now)


def test_a_faster_target_is_learnt_in_minutes() -> None:
    """What falls to a tenth is usual after a few minutes."""
    slowness = known(10.0)
    feed(slowness, 1.0, 100.0, for_s=300.0)
    assert usual(slowness) == pytest.approx(1.0, rel=0.1)


def test_the_usual_comes_back_after_an_outage() -> None:
    """An hour of vain waiting is forgotten within six minutes."""
    slowness = known()
    now = feed(slowness, 30.0, 100.0, for_s=3600.0)
    assert usual(slowness) > 20.0
    feed(slowness, 1.0, now, for_s=360.0)
    assert usual(slowness) == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("every_s", [0.05, 5.0], ids=["busy", "quiet"])
def test_the_usual_is_the_median_of_what_varies(every_s: float) -> None:
    """Of lognormal times it stays within a quarter of the median, and hardly any are slow."""
    draw, slowness, slow = random.Random(1), Slowness(OPTIONS), 0
    now = 100.0
    for _ in range(20_000):
        now += every_s
        slow += slowness.record(draw.lognormvariate(0.0, 0.5), now)
        if slowness.usual_s is not None and now > 200.0:
            assert 0.8 < usual(slowness) < 1.25
    assert slow < 40


def test_cached_prompts_do_not_become_the_usual() -> None:
    """When a third of the answers come ten times sooner, the others stay the usual ones."""
    draw, slowness, now = random.Random(2), known(), 100.0
    for _ in range(2000):
        now += 1.0
        slowness.record(0.1 if draw.random() < 0.35 else 1.0, now)
        assert usual(slowness) > 0.6


def test_one_long_prompt_moves_hardly_anything() -> None:
    """Ten minutes of answer instead of a second: the usual moves by less than 1 %."""
    slowness = known()
    slowness.record(600.0, 101.0)
    assert usual(slowness) == pytest.approx(1.0, rel=0.01)


def test_a_night_of_silence_moves_nothing() -> None:
    """The first time after hours counts like any other."""
    slowness = known()
    slowness.record(600.0, 100.0 + 8 * 3600.0)
    assert usual(slowness) == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize(
    ("slow", "fast", "slowing"),
    [(4, 0, False), (5, 0, True), (5, 15, True), (5, 16, False), (25, 75, True), (0, 100, False)],
    ids=["too-few", "five", "a-quarter", "less", "a-quarter-of-many", "none"],
)
def test_a_quarter_and_at_least_five_slow_ones_look_like_overload(
    slow: int, fast: int, slowing: bool
) -> None:
    """Single slow first tokens are long prompts."""
    slowness, now = known(), 120.0
    for seconds in [1.0] * fast + [20.0] * slow:
        slowness.record(seconds, now)
    assert slowness.is_slowing(now) is slowing
    assert not slowness.is_slowing(now + 10.0)


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.floats(0.0, 700.0), st.sampled_from([NEVER, -NEVER, float("nan"), -1.0, 0.0, 1e300])
            ),
            st.floats(-1.0, 100.0),
        ),
        max_size=150,
    )
)
@settings(max_examples=100, deadline=None)
def test_any_times_keep_it_sane_and_slow_to_rise(times: list[tuple[float, float]]) -> None:
    """Whatever is recorded when: usual times are finite, and at most double in any ten minutes."""
    slowness, now = Slowness(OPTIONS), 0.0
    history: list[tuple[float, float]] = []
    for seconds, gap_s in times:
        now = max(0.0, now + gap_s)
        slowness.record(seconds, now)
        slowness.is_slowing(now)
        if slowness.usual_s is None:
            continue
        assert 0.001 <= usual(slowness) <= 3600.0
        assert slowness.threshold_s >= OPTIONS.min_s
        for then, before_s in history:
            if now - then <= 600.0:
                assert usual(slowness) <= before_s * 2.0 + 1e-9, (then, now)
        history.append((now, usual(slowness)))


@pytest.mark.parametrize(
    ("seconds", "late"), [(0.9, False), (1.9, False), (2.2, True), (20.0, True)], ids=str
)
def test_late_is_well_above_the_usual_time(seconds: float, late: bool) -> None:
    """Twice the usual median, long before anything is slow."""
    slowness = Slowness(SlownessOptions())
    assert not slowness.is_late(10.0)
    for call in range(40):
        slowness.record(1.0, call / 100)
    for call in range(40):
        slowness.record(seconds, 0.4 + call / 100)
    assert slowness.is_late(seconds) is late
    assert not slowness.is_late(1.0), "a quick one is not, however late those before it were"


@pytest.mark.parametrize("ratio", [1.5, 2.0, 2.4, 5.0, 100.0], ids=str)
def test_a_steady_target_is_never_late(ratio: float) -> None:
    """Whatever counts as slow there."""
    slowness = Slowness(SlownessOptions(ratio=ratio))
    for call in range(400):
        slowness.record(2.0, call / 10)
        assert not slowness.is_late(2.0)
