"""Signs of life while the client has nothing to read."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from halfopen.gateway.keepalive import KeepAlive, keep_alive
from halfopen.policy import JourneyOptions


@dataclass
class Delivery:
    """Counts what it is told to send."""

    writes: int = 0
    pings: int = 0

    def ping(self, headers: Any) -> None:
        self.pings += 1
        self.writes += 1


@dataclass
class Wheel:
    """Remembers what was set."""

    timers: list[Any] = field(default_factory=list)

    def set(self, timed: Any) -> None:
        self.timers.append(timed.wake_at)


def alive(delivery: Delivery, wheel: Wheel, **options: float) -> KeepAlive | None:
    return keep_alive(delivery, list, wheel, JourneyOptions(**options), 100.0)  # type: ignore[arg-type]  # doubles


@pytest.fixture
def delivery() -> Delivery:
    return Delivery()


@pytest.fixture
def wheel() -> Wheel:
    return Wheel()


def test_the_first_comes_after_the_delay_and_more_follow(delivery: Delivery, wheel: Wheel) -> None:
    """25 s of silence, and then one every 10 s."""
    timer = alive(delivery, wheel)
    assert timer is not None
    assert wheel.timers == [125.0]
    timer.on_timer(125.0)
    timer.on_timer(135.0)
    assert delivery.pings == 2
    assert wheel.timers == [125.0, 135.0, 145.0]


def test_a_stream_that_flows_gets_none(delivery: Delivery, wheel: Wheel) -> None:
    """What was sent since the last look is sign enough."""
    timer = alive(delivery, wheel)
    assert timer is not None
    for second in range(125, 165, 10):
        delivery.writes += 1
        timer.on_timer(float(second))
    assert delivery.pings == 0
    timer.on_timer(165.0)
    assert delivery.pings == 1


def test_zero_means_never(delivery: Delivery, wheel: Wheel) -> None:
    """No timer is set."""
    assert alive(delivery, wheel, keepalive_after_s=0.0) is None
    assert wheel.timers == []
