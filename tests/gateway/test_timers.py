"""The timer wheel, on virtual time."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

from halfopen.gateway.timers import TICK_S, Wheel


class Loop:
    """A loop whose time is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay_s: float, call: Callable[[], None]) -> object:
        self.calls.append((self.now + delay_s, call))
        return object()

    def run(self, until: float) -> None:
        while self.calls and min(self.calls, key=lambda each: each[0])[0] <= until:
            due = min(self.calls, key=lambda each: each[0])
            self.calls.remove(due)
            self.now = max(self.now, due[0])
            due[1]()
        self.now = until


class Sleeper:
    """Notes when it was woken."""

    def __init__(self, wake_at: float = float("inf"), then: Callable[[float], Any] | None = None) -> None:
        self.wake_at = wake_at
        self.wheel_slot = 0
        self.woken: list[float] = []
        self.then = then

    def on_timer(self, now: float) -> None:
        self.woken.append(now)
        if self.then is not None:
            self.then(now)


def wheel() -> tuple[Wheel, Loop]:
    loop = Loop()
    return Wheel(cast("asyncio.AbstractEventLoop", loop)), loop


def test_each_is_woken_once_and_at_most_a_tick_late() -> None:
    """Never early; the wheel then rests."""
    turning, loop = wheel()
    chance = random.Random(3)
    sleepers = [Sleeper(100 + chance.random() * 5) for _ in range(300)]
    for sleeper in sleepers:
        turning.set(sleeper)
    assert len(turning) == 300
    loop.run(110)
    for sleeper in sleepers:
        (woken,) = sleeper.woken
        assert sleeper.wake_at <= woken <= sleeper.wake_at + 2 * TICK_S + 1e-6
    assert (len(turning), loop.calls) == (0, [])


def test_a_timer_that_moves_later_fires_later() -> None:
    """And only once."""
    turning, loop = wheel()
    sleeper = Sleeper(101)
    turning.set(sleeper)
    sleeper.wake_at = 103
    turning.set(sleeper)
    loop.run(102.9)
    assert sleeper.woken == []
    loop.run(104)
    assert len(sleeper.woken) == 1


def test_a_timer_that_moves_earlier_fires_earlier() -> None:
    """Its old place is given up."""
    turning, loop = wheel()
    sleeper = Sleeper(110)
    turning.set(sleeper)
    sleeper.wake_at = 101
    turning.set(sleeper)
    assert len(turning) == 1
    loop.run(102)
    assert len(sleeper.woken) == 1


def test_a_removed_timer_is_silent() -> None:
    """Also when it is removed by one that is woken in the same tick."""
    turning, loop = wheel()
    others: list[Sleeper] = []
    for _ in range(20):
        others.append(Sleeper(101, lambda _: [turning.remove(each) for each in others]))
    for sleeper in others:
        turning.set(sleeper)
    loop.run(102)
    assert sum(len(sleeper.woken) for sleeper in others) == 1
    assert len(turning) == 0


def test_a_timer_may_set_itself_and_others_again() -> None:
    """From within its waking."""
    turning, loop = wheel()
    other = Sleeper()

    def again(now: float) -> None:
        if len(sleeper.woken) < 3:
            sleeper.wake_at = now + 1
            turning.set(sleeper)
        other.wake_at = now + 0.5
        turning.set(other)

    sleeper = Sleeper(101, again)
    turning.set(sleeper)
    loop.run(110)
    assert len(sleeper.woken) == 3
    assert other.woken
    assert len(turning) == 0


def test_a_pause_of_the_loop_wakes_all_that_are_due() -> None:
    """In one go, however long it was."""
    turning, loop = wheel()
    sleepers = [Sleeper(101 + number) for number in range(5)]
    for sleeper in sleepers:
        turning.set(sleeper)
    call = loop.calls.pop()[1]
    loop.now = 200
    call()
    assert [len(sleeper.woken) for sleeper in sleepers] == [1] * 5


def test_a_defect_in_one_wakes_the_others() -> None:
    """And the wheel turns on."""
    turning, loop = wheel()

    def broken(_: float) -> None:
        raise ZeroDivisionError

    sleepers = [Sleeper(101, broken if number % 2 else None) for number in range(6)]
    late = Sleeper(102)
    for sleeper in [*sleepers, late]:
        turning.set(sleeper)
    loop.run(103)
    assert all(len(sleeper.woken) == 1 for sleeper in [*sleepers, late])
