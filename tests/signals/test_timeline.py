"""Counts of days, kept compactly."""

from made_requests import MINUTE, NOW

from halfopen.signals.timeline import DAY_S, HOUR_S, MINUTES_S, Timeline


def test_setting_again_replaces():
    """Whoever tells a minute's counts tells all of them."""
    made = Timeline()
    made.set(MINUTE, 1, 2)
    assert made.between(MINUTE, MINUTE + 60) == (1, 2)
    made.set(MINUTE, 5, 9)
    assert made.between(MINUTE, MINUTE + 60) == (5, 9)


def test_between_takes_the_first_and_leaves_the_last():
    """From the first second on, and before the last."""
    made = Timeline()
    for place in range(4):
        made.set(MINUTE + 60 * place, 10**place, 2 * 10**place)
    assert made.between(MINUTE + 60, MINUTE + 180) == (110, 220)
    assert made.between(MINUTE + 61, MINUTE + 181) == (1100, 2200)
    assert made.between(MINUTE + 180, MINUTE + 60) == (0, 0)
    assert made.between(0, MINUTE) == (0, 0)


def test_twelve_days_are_a_few_thousand_entries_and_no_count_is_lost():
    """A request a minute for twelve days: minutes of three, hours of the others."""
    made = Timeline()
    for start_s in range(MINUTE - 12 * DAY_S + 60, MINUTE + 60, 60):
        made.set(start_s, 1, 2)
        made.forget(start_s, 12)
    minutes = 12 * 24 * 60
    assert made.between(0, NOW) == (minutes, 2 * minutes)
    assert len(made) < 3 * 24 * 60 + 12 * 24 + 200
    assert made.between(MINUTE - 3 * DAY_S + 60, NOW) == (3 * 24 * 60, 6 * 24 * 60)


def test_what_is_older_than_the_objectives_days_goes():
    """Nothing of it counts any more."""
    made = Timeline()
    made.set(MINUTE - 8 * DAY_S, 1, 1)
    made.set(MINUTE - 6 * DAY_S, 10, 10)
    made.forget(NOW, 7)
    assert made.between(0, NOW) == (10, 10)


def test_an_hour_that_is_read_late_is_kept_as_one():
    """Also when it is told twice, as minutes and as a whole."""
    made = Timeline()
    made.forget(NOW, 30)
    hour_s = int(NOW - MINUTES_S - 5 * HOUR_S) // HOUR_S * HOUR_S
    for _ in range(2):
        made.set_hour({hour_s: (1, 1), hour_s + 60: (2, 2), hour_s + 3540: (3, 4)})
    assert (made.between(hour_s, hour_s + 60), len(made)) == ((6, 7), 1)
    young = MINUTE // HOUR_S * HOUR_S
    made.set_hour({young: (1, 1), young + 60: (2, 2)})
    assert made.between(young + 60, young + 120) == (2, 2)
