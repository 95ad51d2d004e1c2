"""How often a request looks at its targets. With the first one's breaker open, every request comes by there."""

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType

import pytest

from halfopen.policy import Journey, TargetState
from halfopen.policy import actions as act

Build = Callable[..., TargetState]
Over = Callable[..., Journey]
LOOKS = (
    "Selection.others_could_serve",
    "TargetState.could_serve",
    "TargetState.admit",
    "Limiter.reserved",
)


def calls_of(journey: Journey, now: float) -> tuple[list[act.Action], Counter[str]]:
    """What a journey does first, and how often it calls each function of Python's on the way."""
    found: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call":
            found[frame.f_code.co_qualname] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        actions = journey.arrived(now)
    finally:
        sys.setprofile(before)
    return actions, found


def breaker_open(state: TargetState) -> float:
    """Until long after the time that is returned, and the outage is confirmed."""
    now, breaker = 64.0, state.breaker
    while breaker.retry_at(now, only_choice=False) <= now:
        breaker.failed(breaker.admit(now, only_choice=False), now)  # type: ignore[arg-type]  # it is due
        if not breaker.is_outage_confirmed:
            now = max(now, breaker.retry_at(now, only_choice=False))
    return now


@pytest.mark.parametrize("count", [2, 3, 6])
def test_past_an_open_breaker_each_target_is_looked_at_once(
    journey_over: Over, state_of: Build, sent_to: Callable[[list[act.Action]], str], count: int
) -> None:
    """The next target is asked whether it could serve, and then for a permit; those behind it are not asked."""
    states = [state_of(name) for name in "abcdef"[:count]]
    now = breaker_open(states[0])
    asked: list[str] = []
    actions, calls = calls_of(journey_over(*states, unfit=lambda target: asked.append(target.provider)), now)
    assert sent_to(actions) == "b"
    assert asked == ["a", "b"]
    looks = {name: calls[name] for name in LOOKS}
    assert looks == {
        "Selection.others_could_serve": 1,
        "TargetState.could_serve": 1,
        "TargetState.admit": 2,
        "Limiter.reserved": 2,
    }


def test_past_an_open_breaker_nothing_is_looked_up_in_an_enum(journey_over: Over, state_of: Build) -> None:
    """A member's hash, its value and its place in the class are found by Python's own code, each time anew."""
    states = [state_of(name) for name in "ab"]
    now = breaker_open(states[0])
    _, calls = calls_of(journey_over(*states), now)
    assert calls["Journey.arrived"] == 1
    assert {name for name in calls if name.endswith(("__hash__", "__get__", "__getattr__"))} == set()
