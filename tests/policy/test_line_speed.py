"""How fast a waiting line moves: what is known of it, and what is assumed."""

import pytest

from halfopen.policy.line_speed import LineSpeed


def test_speed_is_that_of_the_last_takes() -> None:
    """Seventeen takes decide: older ones are forgotten."""
    speed = LineSpeed()
    speed.start(0.0)
    for number in range(20):
        speed.took(float(number))
    for number in range(17):
        speed.took(100.0 + number / 8)
    assert speed.known(102.0) == pytest.approx(8.0)
    assert speed.assumed(102.0) == pytest.approx(8.0)


def test_speed_falls_while_nothing_moves() -> None:
    """Silence counts, until nothing is known any more; then it is one take in as long as it has lasted."""
    speed = LineSpeed()
    speed.start(0.0)
    for number in range(5):
        speed.took(float(number))
    assert speed.known(4.0) == pytest.approx(1.0)
    assert speed.known(16.0) == pytest.approx(0.25)
    assert speed.known(34.0) == pytest.approx(4 / 34)
    assert speed.known(34.1) is None
    assert speed.assumed(44.0) == pytest.approx(1 / 40)


@pytest.mark.parametrize("waited_s", [0.0, 0.5, 1.0, 50.0], ids="{} s".format)
def test_an_unknown_speed_is_one_a_second_or_less(waited_s: float) -> None:
    """A line that has not moved since somebody waits is taken for slower the longer that lasts."""
    speed = LineSpeed()
    speed.start(10.0)
    assert speed.assumed(10.0 + waited_s) == pytest.approx(1 / max(1.0, waited_s))


def test_takes_at_one_moment_tell_no_speed() -> None:
    """All at once is not infinitely fast."""
    speed = LineSpeed()
    speed.start(0.0)
    for _ in range(10):
        speed.took(0.0)
    assert speed.known(0.0) is None
    assert speed.known(2.0) == pytest.approx(4.5)


def test_time_that_goes_back_counts_as_none() -> None:
    """An earlier `now` makes no speed negative."""
    speed = LineSpeed()
    speed.start(100.0)
    for _ in range(5):
        speed.took(50.0)
    assert speed.known(60.0) is None
    assert speed.assumed(60.0) == 1.0
