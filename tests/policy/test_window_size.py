"""The window of calls in flight: growth, decrease, and what is news."""

import pytest

from halfopen.policy.window_size import WindowSize


def test_it_grows_by_one_for_each_answer_up_to_the_most() -> None:
    """Twice as large after a round."""
    window = WindowSize(4.0)
    for _ in range(10):
        window.increase(most=10.0, late=False)
    assert window.size == 10.0


def test_it_grows_by_one_a_round_when_answers_are_late() -> None:
    """Congestion avoidance, not slow start."""
    window = WindowSize(10.0)
    for _ in range(10):
        window.increase(most=100.0, late=True)
    assert window.size == pytest.approx(11.0, abs=0.1)


@pytest.mark.parametrize(
    ("used", "size"), [(200.0, 50.0), (20.0, 10.0), (2.0, 4.0)], ids=["used", "hardly-used", "at-least"]
)
def test_a_decrease_starts_from_what_was_in_use(used: float, size: float) -> None:
    """Half of the window, or of what was used of it; never less than the least."""
    window = WindowSize(100.0)
    window.decrease(0.0, used=used, factor=0.5, least=4.0)
    assert window.size == size


@pytest.mark.parametrize(
    ("now", "sent", "news"),
    [(11.0, 10.0, True), (10.9, 10.5, False), (30.0, 9.9, False), (30.0, 20.0, True)],
    ids=["a-second-later", "too-soon", "sent-before", "later"],
)
def test_what_is_news(now: float, sent: float, news: bool) -> None:
    """A sign from a call that was sent since the last decrease, a second after it at the soonest."""
    window = WindowSize(100.0)
    assert window.may_decrease(0.0, sent=0.0, every_s=1.0)
    window.decrease(10.0, used=100.0, factor=0.5, least=4.0)
    assert window.may_decrease(now, sent=sent, every_s=1.0) is news


def grown(window: WindowSize) -> float:
    before = window.size
    window.increase(most=1000.0, late=False)
    return round(window.size - before, 3)


def test_growth_after_a_decrease() -> None:
    """A tenth, then double with each round, and after ten seconds as before."""
    window = WindowSize(20.0)
    window.decrease(0.0, used=20.0, factor=0.5, least=1.0)
    growths = []
    for _ in range(4):
        growths.append(grown(window))
        for _ in range(int(window.size) + 1):
            window.answered(1.0)
    assert growths == [0.1, 0.2, 0.4, 0.8]
    window.decrease(20.0, used=20.0, factor=0.5, least=1.0)
    window.answered(30.0)
    assert grown(window) == 1.0


def test_gentle_growth_lasts_a_minute() -> None:
    """What is shared with others is tried a tenth at a time for so long."""
    window = WindowSize(20.0)
    window.decrease(0.0, used=20.0, factor=0.5, least=1.0)
    window.settled(59.9)
    assert grown(window) == 0.1
    window.settled(60.0)
    assert grown(window) == 1.0
