"""A committed stream's stall timer, throughput floor and longest time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.model import TransportError
from halfopen.policy import JourneyOptions
from halfopen.policy.pace import Pace

OPTIONS = JourneyOptions(stall_s=20.0, stream_s=600.0, min_tokens_s=1.5, floor_window_s=15.0)
NO_FLOOR = JourneyOptions(stall_s=20.0, stream_s=600.0, min_tokens_s=0.0)


def ends(pace: Pace, until_s: float = 1e4) -> tuple[float, TransportError | None]:
    """When and why a stream that brings nothing more is given up."""
    now = 0.0
    while now < until_s:
        now = pace.wake_at
        reason = pace.check(now)
        if reason is not None:
            return now, reason
    return now, None


def test_a_silent_stream_stalls_exactly_at_its_time() -> None:
    """Without content for `stall_s` the stream is given up, not a moment sooner."""
    pace = Pace(NO_FLOOR, NO_FLOOR.stream_s, 5.0)
    assert pace.wake_at == 25.0
    assert pace.check(24.999) is None
    assert pace.check(25.0) is TransportError.STALLED


def test_content_moves_the_stall_timer() -> None:
    """The timer counts from the last content."""
    pace = Pace(NO_FLOOR, NO_FLOOR.stream_s, 5.0)
    pace.progress(10, 20.0)
    assert pace.wake_at == 40.0
    assert pace.check(39.9) is None
    assert pace.check(40.0) is TransportError.STALLED


def test_looking_does_not_move_the_stall_timer() -> None:
    """Keep-alives never reach `progress`; checks between them change nothing."""
    pace = Pace(NO_FLOOR, NO_FLOOR.stream_s, 0.0)
    for second in range(1, 20):
        assert pace.check(float(second)) is None
    assert pace.check(20.0) is TransportError.STALLED


def test_a_whole_stream_has_a_longest_time_from_its_arrival() -> None:
    """However lively, a stream ends `stream_s` after its request came."""
    pace = Pace(NO_FLOOR, NO_FLOOR.stream_s, 50.0)
    for second in range(51, 600):
        pace.progress(100, float(second))
        assert pace.check(float(second)) is None
    assert pace.wake_at == 600.0
    assert pace.check(600.0) is TransportError.STREAM_TOO_LONG


def drip(options: JourneyOptions, every_s: float, chars: int) -> tuple[float, TransportError | None]:
    """A stream of pieces at an even pace, watched for ten minutes."""
    pace = Pace(options, options.stream_s, 0.0)
    now = every_s
    while now < 590.0:
        while pace.wake_at <= now:
            at = pace.wake_at
            reason = pace.check(at)
            if reason is not None:
                return at, reason
        pace.progress(chars, now)
        now += every_s
    return now, None


@pytest.mark.parametrize(
    ("every_s", "chars", "reason"),
    [
        (1.0, 1, TransportError.DRIPPING),
        (0.5, 1, None),
        (5.0, 40, None),
        (5.0, 4, TransportError.DRIPPING),
    ],
    ids=["a-letter-a-second", "two-pieces-a-second", "few-large-pieces", "few-small-pieces"],
)
def test_a_drip_is_given_up_after_two_slow_windows(
    every_s: float, chars: int, reason: TransportError | None
) -> None:
    """Tokens are the greater of pieces and characters / 4; two windows under the floor are a drip."""
    when, why = drip(OPTIONS, every_s, chars)
    assert why is reason
    assert reason is None or when == 30.0


def test_one_slow_window_is_a_pause() -> None:
    """A slow window between quick ones is forgiven."""
    pace = Pace(OPTIONS, OPTIONS.stream_s, 0.0)
    for window in range(20):
        end = 15.0 * (window + 1)
        pace.progress(8 if window % 2 else 800, end - 1.0)
        assert pace.check(end) is None


def test_without_a_floor_nothing_is_a_drip() -> None:
    """`min_tokens_s` = 0 turns the floor off."""
    assert drip(NO_FLOOR, 10.0, 1)[1] is None


@given(st.lists(st.tuples(st.floats(0.01, 30.0), st.integers(0, 500)), max_size=60))
def test_never_hangs_past_its_bounds(pieces: list[tuple[float, int]]) -> None:
    """Whatever comes when, `wake_at` is never past the stall or the stream's end, and the stream ends."""
    pace = Pace(OPTIONS, OPTIONS.stream_s, 0.0)
    now = last = 0.0
    for gap_s, chars in pieces:
        while pace.wake_at <= now + gap_s:
            if pace.check(pace.wake_at) is not None:
                return
        now += gap_s
        last = now
        pace.progress(chars, now)
        assert pace.wake_at <= min(last + OPTIONS.stall_s, OPTIONS.stream_s)
    when, why = ends(pace)
    assert why is not None
    assert when <= min(last + OPTIONS.stall_s, OPTIONS.stream_s)
