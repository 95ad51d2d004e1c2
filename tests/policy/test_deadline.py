"""How long one request may take: each rule at the top of the module."""

import pytest

from halfopen.policy import JourneyOptions
from halfopen.policy.deadline import Deadline

NEVER = float("inf")


def begun(
    deadline_s: float = 60.0,
    stream_s: float = 600.0,
    *,
    stream: bool = False,
    patience_s: float | None = None,
    now: float = 100.0,
) -> Deadline:
    options = JourneyOptions(deadline_s=deadline_s, stream_s=stream_s)
    deadline = Deadline(options, stream=stream, patience_s=patience_s)
    deadline.begin(now)
    return deadline


def test_it_counts_from_when_the_request_came() -> None:
    """Rule 1: due `deadline_s` after that; before it has come nothing is due."""
    fresh = Deadline(JourneyOptions(), stream=False)
    assert (fresh.at, fresh.last_start, fresh.arrived) == (NEVER, NEVER, 0.0)
    deadline = begun(60.0)
    assert (deadline.arrived, deadline.at, deadline.span_s) == (100.0, 160.0, 60.0)


@pytest.mark.parametrize(
    ("deadline_s", "stream_s", "stream", "span_s"),
    [
        pytest.param(60.0, 600.0, True, 60.0, id="stream"),
        pytest.param(60.0, 40.0, True, 40.0, id="short-stream"),
        pytest.param(60.0, 40.0, False, 60.0, id="no-stream"),
    ],
)
def test_a_stream_is_never_due_after_it_is_over(
    deadline_s: float, stream_s: float, stream: bool, span_s: float
) -> None:
    """Rule 1: the first content is due before all is over."""
    deadline = begun(deadline_s, stream_s, stream=stream)
    assert (deadline.span_s, deadline.at) == (span_s, 100.0 + span_s)


@pytest.mark.parametrize(
    ("span_s", "left_s"),
    [
        pytest.param(60.0, 1.0, id="long"),
        pytest.param(20.0, 1.0, id="twenty"),
        pytest.param(19.0, 0.95, id="shorter"),
        pytest.param(4.0, 0.2, id="short"),
        pytest.param(0.0, 0.0, id="none"),
    ],
)
def test_no_call_starts_with_next_to_nothing_left(span_s: float, left_s: float) -> None:
    """Rule 4: less than a second, or a twentieth, is too little."""
    deadline = begun(span_s)
    assert deadline.last_start == pytest.approx(deadline.at - left_s)


def test_a_stream_that_broke_gets_the_time_anew() -> None:
    """Rule 2: finding another gets `deadline_s` again, until all is over."""
    deadline = begun(60.0, 600.0, stream=True)
    deadline.renew(500.0)
    assert (deadline.at, deadline.last_start, deadline.arrived) == (560.0, 559.0, 100.0)
    deadline.renew(650.0)
    assert (deadline.at, deadline.stream_until) == (700.0, 700.0)
    plain = begun(60.0, 600.0)
    plain.renew(650.0)
    assert plain.at == 710.0


@pytest.mark.parametrize(
    ("patience_s", "stream", "at", "stream_until"),
    [
        pytest.param(None, False, 160.0, 700.0, id="unknown"),
        pytest.param(10.0, False, 110.0, 110.0, id="leaves-soon"),
        pytest.param(10.0, True, 110.0, 110.0, id="leaves-a-stream-soon"),
        pytest.param(100.0, True, 160.0, 200.0, id="leaves-in-mid-stream"),
        pytest.param(1000.0, True, 160.0, 700.0, id="patient"),
        pytest.param(-5.0, True, 100.0, 100.0, id="gone"),
        pytest.param(-5.0, False, 100.0, 100.0, id="gone-from-a-plain-answer"),
    ],
)
def test_who_leaves_sooner_makes_it_shorter(
    patience_s: float | None, stream: bool, at: float, stream_until: float
) -> None:
    """Rule 3: a known patience bounds both, and never lengthens them."""
    deadline = begun(stream=stream, patience_s=patience_s)
    assert (deadline.at, deadline.stream_until) == (at, stream_until)


def test_a_renewal_keeps_the_callers_patience() -> None:
    """Rule 3: the time that is given anew is the shorter one, too."""
    deadline = begun(stream=True, patience_s=30.0)
    deadline.renew(110.0)
    assert deadline.at == 130.0
    plain = begun(patience_s=30.0)
    plain.renew(110.0)
    assert plain.at == 140.0
