"""Virtual time, and when requests come."""

import random
from typing import Any

import pytest

from halfopen.simulator.arrivals import Arrivals
from halfopen.simulator.scenario import Phase
from halfopen.simulator.timeline import TICK_S, Timeline, Wheel


def test_same_time_same_order() -> None:
    """What is due at the same time happens in the order in which it was put down; time never goes back."""
    timeline = Timeline()
    seen: list[Any] = []
    for what in "abc":
        timeline.at(1.0, seen.append, what)
    timeline.at(
        0.5, lambda what: timeline.at(0.1, lambda what: seen.append((what, timeline.now)), what), "late"
    )
    timeline.run()
    assert seen == [("late", 0.5), "a", "b", "c"]


def test_stop() -> None:
    """After a stop nothing more happens."""
    timeline = Timeline()
    seen: list[Any] = []
    timeline.at(1.0, lambda _: timeline.stop(), None)
    timeline.at(2.0, seen.append, "never")
    timeline.run()
    assert (seen, timeline.now) == ([], 1.0)


class Sleeper:
    def __init__(self, timeline: Timeline, wheel: Wheel, again: bool = False) -> None:
        self.slot = 0
        self.timeline, self.wheel, self.again = timeline, wheel, again
        self.woken: list[float] = []

    def on_due(self) -> None:
        self.woken.append(self.timeline.now)
        if self.again and len(self.woken) < 50:
            self.wheel.set(self, self.timeline.now)


def test_wheel_fires_within_a_tick() -> None:
    """A timer comes at most a tick late and never early, at any time."""
    timeline = Timeline()
    wheel, entropy = Wheel(timeline), random.Random(1).random
    sleepers = [(100 * entropy(), Sleeper(timeline, wheel)) for _ in range(500)]
    for when, sleeper in sleepers:
        wheel.set(sleeper, when)
    timeline.run()
    for when, sleeper in sleepers:
        assert len(sleeper.woken) == 1
        assert -1e-9 <= sleeper.woken[0] - when <= TICK_S + 1e-9


@pytest.mark.parametrize("start", [0.07, 0.29, 0.57, 1.15], ids=str)
def test_wheel_always_moves_on(start: float) -> None:
    """One who wants to be woken at once, again and again, is woken a tick later each time, whatever rounding does."""
    timeline = Timeline()
    sleeper = Sleeper(timeline, Wheel(timeline), again=True)
    sleeper.wheel.set(sleeper, start - 0.005)
    timeline.run()
    assert len(sleeper.woken) == 50
    assert sleeper.woken[-1] - sleeper.woken[0] == pytest.approx(0.49)


def test_wheel_moves_and_forgets() -> None:
    """A timer that moves earlier comes earlier; one that moves later is asked at its old time; a removed one is silent."""
    timeline = Timeline()
    wheel = Wheel(timeline)
    sooner, later, gone = (Sleeper(timeline, wheel) for _ in range(3))
    for sleeper, first, then in ((sooner, 5.0, 1.0), (later, 1.0, 5.0), (gone, 1.0, 1.0)):
        wheel.set(sleeper, first)
        wheel.set(sleeper, then)
    wheel.remove(gone)
    timeline.run()
    assert sooner.woken == later.woken == [pytest.approx(1.01)]
    assert gone.woken == []


def drawn(phase: Phase, seed: int, *, goes_on: bool = False, until_s: float = 1e9) -> list[float]:
    arrivals: Any = Arrivals(phase, random.Random(seed).random, goes_on=goes_on)
    times: list[float] = []
    while (when := arrivals.draw_s()) is not None and when < until_s:
        times.append(when)
    return times


@pytest.mark.parametrize(
    ("rate", "end"), [(50.0, None), (10.0, 90.0), (90.0, 10.0), (0.0, 100.0), (100.0, 0.0)], ids=str
)
def test_arrivals_follow_the_rate(rate: float, end: float | None) -> None:
    """In each tenth of a phase come as many as the area under the rate says, within four sigmas."""
    times = [when for seed in range(20) for when in drawn(Phase(10.0, 30.0, rate, end), seed)]
    assert all(10.0 <= when < 30.0 for when in times)
    slope = ((rate if end is None else end) - rate) / 20.0
    for tenth in range(10):
        expected = 20 * 2.0 * (rate + slope * (2 * tenth + 1))
        seen = sum(10 + 2 * tenth <= when < 12 + 2 * tenth for when in times)
        assert abs(seen - expected) < 4 * expected**0.5 + 1


def test_load_goes_on_at_its_last_rate() -> None:
    """A phase that goes on keeps the rate of its end."""
    times = drawn(Phase(0.0, 10.0, 10.0, 100.0), 1, goes_on=True, until_s=60.0)
    assert sum(10 <= when < 60 for when in times) == pytest.approx(5000, abs=300)
