"""A rate limit that several processes share: a request waits for a larger part, instead of being refused."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Demand, Kind, Target
from halfopen.policy import Credential, Journey, JourneyOptions, ParkingOptions, PolicyOptions, TargetState
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.options import PacerOptions
from halfopen.policy.queue import Line
from halfopen.policy.sharing import Division

Over = Callable[..., Journey]

PER_SECOND = 20
LIMIT = PacerOptions(requests_per_minute=60.0 * PER_SECOND)
SMALLEST = 0.05 * 0.05
"""An idle worker's part, on an idle machine of two: one request in 20 s."""
ROUTE = JourneyOptions(deadline_s=10.0)
LOOK_S = 1.0
"""Between two words of a worker about what it asks."""


def shared(share: float, pacing: PacerOptions = LIMIT) -> TargetState:
    """A target whose limit this process has a part of, all of which is used up."""
    key = Credential(ParkingOptions())
    state = TargetState(Target("a", "m", "openai"), key, PolicyOptions(), lambda: 0.0, 0.0, pacing=pacing)
    state.set_share(share, 0.0)
    pacer = state.accounts[0].pacer
    while pacer.ready_at(Demand(), 0.0) <= 0.0:
        pacer.reserve(Demand(), 0.0)
    return state


def test_a_small_part_makes_it_wait_in_line(journey_over: Over) -> None:
    """Its own part would let it go after the deadline, all of the limit before."""
    journey = journey_over(shared(SMALLEST), options=ROUTE)
    assert journey.step(ev.Arrived(), 0.0) == [act.Wait(10.0, True, 10.0)]


def test_a_larger_part_lets_it_go(journey_over: Over) -> None:
    """As soon as it has come, by its rate."""
    state = shared(SMALLEST)
    journey = journey_over(state, options=ROUTE)
    journey.step(ev.Arrived(), 0.0)
    state.set_share(0.5, 1.0)
    (wait,) = journey.step(ev.PermitFreed(), 1.0)
    assert isinstance(wait, act.Wait)
    assert wait.until < 2.0
    (send,) = journey.step(ev.Timer(), wait.until)
    assert isinstance(send, act.Send)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_limit_that_is_too_small_as_a_whole_is_told_at_once(journey_over: Over, share: float) -> None:
    """No part of it would serve the request in time: its client need not wait to learn that."""
    journey = journey_over(shared(share, PacerOptions(requests_per_minute=2.0)), options=ROUTE)
    (fail,) = journey.step(ev.Arrived(), 0.0)
    assert isinstance(fail, act.Fail)
    assert fail.fault.kind is Kind.NO_CAPACITY


class Worker:
    """Journeys of one process over its part of the limit; its clients ask again when they are answered."""

    def __init__(self, over: Over) -> None:
        self.state = shared(SMALLEST)
        self.line = Line(lambda: True)
        self.answered = 0
        self.refused: list[float] = []
        self._over = over
        self._calls = self.state.accounts[0].pacer.calls

    def ask(self, now: float) -> None:
        """One more client."""
        Client(self, self._over(self.state, options=ROUTE)).take(ev.Arrived(), now)

    def demand(self) -> float:
        """What went out since the last look, and what waits."""
        calls = self.state.accounts[0].pacer.calls
        went, self._calls = calls - self._calls, calls
        return went + len(self.line)


class Client:
    """A request in line."""

    def __init__(self, worker: Worker, journey: Journey) -> None:
        self._worker = worker
        self._journey = journey
        self.now = 0.0

    def take(self, event: ev.Event, now: float) -> bool:
        """Whether it has gone out. Answers come at once."""
        worker = self._worker
        (action,) = self._journey.step(event, now)
        if isinstance(action, act.Send):
            self._journey.step(ev.Finished(action.attempt), now)
            worker.answered += 1
            return True
        if isinstance(action, act.Wait) and action.for_room:
            assert worker.line.join(self, Demand(), action.deadline, now) is None
        else:
            worker.refused.append(now)
        self.now = now
        return False

    def on_room(self) -> bool:
        return self.take(ev.PermitFreed(), self.now)

    def on_shed(self, shedding: Any) -> None:
        raise AssertionError(shedding)


def test_who_begins_to_ask_is_served(journey_over: Over) -> None:
    """One worker had all the demand; clients of the idle one are not refused, and its part follows them."""
    busy, idle = Worker(journey_over), Worker(journey_over)
    division = Division()
    workers = {"busy": busy, "idle": idle}
    for name, held in (("busy", 0.95), ("idle", SMALLEST)):
        workers[name].state.set_share(held, 0.0)
        division.told(name, 30.0 if name == "busy" else 0.0, held, 0.0)
    for _ in range(10):
        idle.ask(0.0)
    for number in range(1, 60):
        now = number * LOOK_S / 10
        if number % 10 == 0:
            for name, worker in workers.items():
                held = worker.state.accounts[0].pacer.share
                division.told(name, worker.demand(), held, now)
            for name, part in division.grant(now).items():
                workers[name].state.set_share(part, now)
        for client in list(idle.line._places):
            client.now = now
        idle.line.wake(10, now)
    assert idle.refused == []
    assert idle.answered == 10
