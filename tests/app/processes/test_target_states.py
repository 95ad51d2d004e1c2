"""What a worker tells of its targets."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.app.processes.frames import FrameReader, frame
from halfopen.app.processes.messages import Known, States
from halfopen.app.processes.target_states import target_states
from halfopen.errors import make
from halfopen.gateway.runtime import Runtime, Surroundings
from halfopen.model import Dimension, Kind, RateLimit
from halfopen.policy import TargetState
from halfopen.policy.permit import Permit
from halfopen.rollout import Configured, configure

TEXT = """
[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9"
keys = ["${A}", "${B}"]
requests_per_minute = 600
[routes.m]
targets = ["p/m"]
"""
BROKEN = make(Kind.SERVER_ERROR, "no")


class Clock:
    def monotonic(self) -> float:
        return 100.0

    wall = monotonic


@pytest.fixture
def play() -> Callable[..., Known]:
    """Does something to the state of a target, and gives what is told of it then."""

    def run(act: Callable[[TargetState, float], object], later_s: float = 0.0) -> Known:
        async def main() -> Known:
            configured = configure(TEXT, {"A": "sk-a", "B": "sk-b"})
            assert isinstance(configured, Configured), configured
            around = Surroundings(Clock(), lambda: 0.5, lambda: "id", lambda _: None)
            loop = asyncio.get_running_loop()
            runtime = Runtime(configured.snapshot, {"A": "sk-a", "B": "sk-b"}, around, loop)
            now = loop.time()
            act(runtime.known["p/m"].state, now)
            states = target_states(runtime, now + later_s)
            assert FrameReader().feed(frame(states)) == [states]
            assert isinstance(states, States)
            return next(known for known in states.targets if known.target == "p/m")

        return asyncio.run(main())

    return run


def taken(state: TargetState, now: float) -> Permit:
    permit = state.admit(now, only_choice=True)
    assert isinstance(permit, Permit), permit
    return permit


def test_a_target_that_is_well(play: Any) -> None:
    """Closed, with all of its limits, those of both keys together."""
    known = play(lambda *_: None)
    assert known.limit is not None
    assert known.limit > 0
    assert known == Known("p/m", "closed", limit=known.limit, requests_left=1200.0, requests_max=1200.0)


def test_calls_that_are_out_and_what_they_took(play: Any) -> None:
    """And what drains meanwhile is there again."""

    def act(state: TargetState, now: float) -> None:
        for _ in range(3):
            taken(state, now)

    assert (play(act).in_flight, play(act).requests_left) == (3, 1197.0)
    assert play(act, 0.1).requests_left == pytest.approx(1199.0)


def test_a_breaker_that_is_open_and_then_lets_one_try(play: Any) -> None:
    """With the kind of the latest fault."""

    def act(state: TargetState, now: float) -> None:
        while state.breaker.state(now).value == "closed":
            state.settle_fault(taken(state, now), BROKEN, now)

    known = play(act)
    assert (known.breaker, known.last_fault) == ("open", "server_error")
    assert play(act, 3600.0).breaker == "half_open"


def test_a_key_that_was_refused(play: Any) -> None:
    """By its reference, never the key, and only as long as it is left alone."""

    def act(state: TargetState, now: float) -> None:
        state.settle_fault(taken(state, now), make(Kind.BAD_KEY, "no"), now)

    assert play(act).parked == {"${A}": "bad_key"}
    assert play(act, 3600.0).parked == {}


def test_a_provider_that_asks_for_a_pause(play: Any) -> None:
    """For so long, if every key is asked for one."""

    def act(state: TargetState, now: float) -> None:
        state.settle_fault(taken(state, now), make(Kind.UNAVAILABLE, "later", delay_s=9.0), now)

    assert play(act, 2.0).throttled_s == pytest.approx(7.0)
    assert play(act, 20.0).throttled_s == 0.0


def test_what_headers_told_counts_where_it_is_less(play: Any) -> None:
    """Of a minute's and a day's limit the one that is nearer to its end; tokens in, where all aren't told."""

    def act(state: TargetState, now: float) -> None:
        day = RateLimit(Dimension.REQUESTS, 1000.0, 10.0, 80_000.0, 86_400.0)
        state.learn(taken(state, now), (day, RateLimit(Dimension.INPUT_TOKENS, 5000.0, 4000.0, 12.0)), now)

    known = play(act)
    assert known.requests_left == pytest.approx(610.0, abs=1.0)
    assert known.requests_max == 1600.0
    assert (known.tokens_left, known.tokens_max) == (pytest.approx(4000.0), 5000.0)
