"""A prompt that is too long for one context goes to a larger one, and nowhere else."""

from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Fault, Kind, Skip
from halfopen.policy import Journey, JourneyOptions, TargetState
from halfopen.policy import actions as act
from halfopen.policy import events as ev

Build = Callable[..., TargetState]
Faults = Callable[..., Fault]
Over = Callable[..., Journey]
Shared = Callable[..., Any]


@pytest.mark.parametrize(
    ("first", "others", "goes_to"),
    [
        (8_000, {"b": 128_000}, "b"),
        (8_000, {"b": 8_000, "c": 200_000}, "c"),
        (8_000, {"b": None, "c": 16_000}, "c"),
        (None, {"b": 16_000, "c": 128_000}, "c"),
        (8_000, {"b": 8_000, "c": 4_000}, None),
        (8_000, {"b": None}, None),
        (None, {"b": 32_768}, None),
        (8_000, {}, None),
    ],
    ids=["larger", "equal", "unknown", "first-unknown", "none", "only-unknown", "assumed", "lone"],
)
def test_only_a_larger_context_is_asked(
    journey_over: Over,
    state_of: Build,
    fault: Faults,
    first: int | None,
    others: dict[str, int | None],
    goes_to: str | None,
) -> None:
    """Known to be larger, or it stays at the one call; an unknown one that overflowed counts as 32,768."""
    states = [state_of("a", context_tokens=first)]
    states += [state_of(name, context_tokens=context) for name, context in others.items()]
    journey = journey_over(*states)
    journey.step(ev.Arrived(), 0.0)
    own = fault(Kind.CONTEXT_TOO_LONG)
    [action] = journey.step(ev.Failed(1, own), 1.0)
    if goes_to is None:
        assert action == act.Fail(own, committed=False)
    else:
        assert isinstance(action, act.Send)
        assert action.target.provider == goes_to
    assert {skip.target for skip in journey.skips} == {f"{name}/m" for name in others if name != goes_to}


def test_who_is_passed_over_says_why(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """The reasons name both contexts."""
    journey = journey_over(
        state_of("a", context_tokens=8000), state_of("b", context_tokens=4000), state_of("c")
    )
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(Kind.CONTEXT_TOO_LONG)), 1.0)
    assert list(journey.skips) == [
        Skip("b/m", "its context of 4000 tokens is no larger than the 8000 that overflowed"),
        Skip("c/m", "its context is not known to be larger"),
    ]


def test_an_unfit_larger_target_is_no_way_out(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """A larger context that has no tools can't do a request with tools either."""
    journey = journey_over(
        state_of("a", context_tokens=8000),
        state_of("b", context_tokens=128_000),
        unfit=lambda target: "no tools" if target.provider == "b" else None,
    )
    journey.step(ev.Arrived(), 0.0)
    own = fault(Kind.CONTEXT_TOO_LONG)
    assert journey.step(ev.Failed(1, own), 1.0) == [act.Fail(own, committed=False)]


def test_every_overflow_raises_the_bar(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """What the second one couldn't hold, an equal third can't either."""
    states = [
        state_of(name, context_tokens=context)
        for name, context in zip("abcd", (8000, 32_000, 32_000, 200_000), strict=True)
    ]
    journey = journey_over(*states)
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault(Kind.CONTEXT_TOO_LONG)), 1.0)
    [send] = journey.step(ev.Failed(2, fault(Kind.CONTEXT_TOO_LONG)), 2.0)
    assert isinstance(send, act.Send)
    assert send.target.provider == "d"


def test_the_callers_own_error_stays_the_answer(journey_over: Over, state_of: Build, fault: Faults) -> None:
    """When the larger target is down, the caller learns what it can mend: the prompt is too long."""
    options = JourneyOptions(attempts=2)
    journey = journey_over(
        state_of("a", context_tokens=8000), state_of("b", context_tokens=128_000), options=options
    )
    journey.step(ev.Arrived(), 0.0)
    own = fault(Kind.CONTEXT_TOO_LONG)
    journey.step(ev.Failed(1, own), 1.0)
    assert journey.step(ev.Failed(2, fault(Kind.UNAVAILABLE)), 2.0) == [act.Fail(own, committed=False)]


def test_a_stand_ins_overflow_rules_nobody_out(
    journey_over: Over, state_of: Build, fault: Faults, sent_to: Shared
) -> None:
    """After the primary's 500 a stand-in's complaint is one more failure, and the next is asked."""
    journey = journey_over(
        state_of("a"), state_of("b", context_tokens=8000), state_of("c", context_tokens=8000), state_of("d")
    )
    journey.step(ev.Arrived(), 0.0)
    journey.step(ev.Failed(1, fault()), 1.0)
    assert sent_to(journey.step(ev.Failed(2, fault(Kind.CONTEXT_TOO_LONG)), 2.0)) == "c"
