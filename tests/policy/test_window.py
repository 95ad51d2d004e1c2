"""Counts over the last few seconds."""

import pytest

from halfopen.policy.window import Window


def added(window: Window, *times: float, marked: bool = False) -> Window:
    for now in times:
        window.add(now, marked=marked)
    return window


@pytest.mark.parametrize("start", [0.0, 0.5, 1234.5, 1e6])
@pytest.mark.parametrize("window_s", [1.0, 10.0, 60.0])
def test_what_came_in_the_window_is_counted(window_s: float, start: float) -> None:
    """Nine tenths of the window old it counts, and when it is older than the window it does not."""
    window = added(Window(window_s), start)
    window.add(start, marked=True)
    assert window.counts(start) == (2, 1)
    assert window.counts(start + 0.89 * window_s) == (2, 1)
    assert window.counts(start + 1.01 * window_s) == (0, 0)


def test_each_tenth_leaves_by_itself() -> None:
    """One a second for ten seconds: as time goes by they leave one by one."""
    window = added(Window(10.0), *(0.5 + n for n in range(10)))
    assert window.counts(9.9) == (10, 0)
    assert [window.counts(10.0 + n)[0] for n in range(11)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]


def test_marked_ones_leave_with_the_others() -> None:
    """What is marked is counted apart, and forgotten at the same time."""
    window = added(added(Window(10.0), 0.5, 1.5), 1.5, 2.5, marked=True)
    assert [window.counts(now) for now in (3.0, 10.5, 11.5, 12.5)] == [(4, 2), (3, 2), (1, 1), (0, 0)]


def test_a_long_silence_leaves_nothing() -> None:
    """However long it was, and what comes then is counted as ever."""
    window = added(Window(10.0), 0.5, 5.5)
    assert window.counts(1e9) == (0, 0)
    assert added(window, 1e9).counts(1e9 + 8.0) == (1, 0)
    late = added(Window(10.0), 0.5, 5.5)
    assert added(late, 1e6).counts(1e6) == (1, 0)


def test_a_slot_ends_where_the_next_begins() -> None:
    """What comes at the very end of a tenth belongs to the next one."""
    window = added(Window(10.0), 1.0)
    assert window.counts(10.99) == (1, 0)
    assert window.counts(11.0) == (0, 0)


def test_a_clock_that_goes_back_loses_nothing() -> None:
    """What comes with an older time counts as new."""
    window = added(Window(10.0), 100.0, 50.0)
    assert window.counts(60.0) == (2, 0)
    assert window.counts(105.0) == (2, 0)


def test_cleared() -> None:
    """Everything is left out, and counting goes on."""
    window = added(Window(10.0), 1.0, 2.0, marked=True)
    window.clear()
    assert window.counts(3.0) == (0, 0)
    assert added(window, 3.0).counts(12.0) == (1, 0)
