"""The invariants of one journey, whatever its driver tells it: random walks through its states."""

import random
from collections.abc import Callable

import pytest

from halfopen import errors
from halfopen.model import Kind
from halfopen.policy import AfterCommit, Journey, JourneyOptions, RetryOptions, State
from halfopen.policy import actions as act
from halfopen.policy import events as ev
from halfopen.policy.target import TargetState


class Walk:
    """One journey through random events, with an account of what it said."""

    def __init__(self, states: list[TargetState], options: JourneyOptions, draw: Callable[[], float]) -> None:
        self.states = states
        self.options = options
        self.draw = draw
        self.obstacle: str | None = None
        self.relays = self.calls = self.continued = self.ends = self.cancels = 0
        self.now = 1000.0
        self.journey = Journey(
            states,
            options=options,
            retry=RetryOptions(),
            entropy=draw,
            stream=True,
            unfit=lambda _target: None,
            resumable=lambda: self.obstacle,
        )

    def step(self, event: ev.Event) -> None:
        delivered = self.relays > 0
        for action in self.journey.step(event, self.now):
            if isinstance(action, act.Send | act.ContinueOn):
                self.calls += 1
                assert isinstance(action, act.ContinueOn) is delivered
                assert action.deadline <= 1000.0 + self.options.stream_s
            if isinstance(action, act.ContinueOn):
                self.continued += 1
                assert self.options.after_commit is AfterCommit.CONTINUE
                assert self.obstacle is None
            self.relays += isinstance(action, act.Relay)
            self.ends += isinstance(action, act.Complete | act.Fail)
            self.cancels += isinstance(action, act.Cancel)
            assert not isinstance(action, act.Fail) or action.committed is delivered
        assert self.relays <= 1
        assert self.calls <= self.options.attempts
        assert self.journey.committed is (self.relays == 1)
        flying = self.journey.current is not None
        assert sum(state.limiter.in_flight for state in self.states) == flying

    def event(self) -> ev.Event:
        """Something that can happen now."""
        number, draw = self.journey.attempts_made, self.draw()
        if self.journey.state is State.NEW:
            return ev.Arrived()
        if self.journey.state is State.WAITING:
            self.now = max(self.now, self.journey.wake_at)
            return ev.Timer()
        # What was delivered decides, so it stays as it is between two faults.
        self.obstacle = "a tool call was delivered" if self.draw() < 0.2 else None
        kinds = (Kind.CUT_BODY, Kind.SERVER_ERROR, Kind.ERROR_EVENT, Kind.RATE_LIMITED, Kind.CONTEXT_TOO_LONG)
        if draw < (0.4 if self.journey.state is State.COMMITTED else 0.2):
            return ev.Failed(number, errors.make(kinds[int(self.draw() * len(kinds))]))
        if draw < 0.5:
            self.now = max(self.now, self.journey.wake_at)
            return ev.Timer()
        if draw < 0.6:
            return ev.Finished(number)
        if self.journey.state is State.COMMITTED:
            self.journey.progress(40, self.now)
            return ev.Timer()
        return ev.Content(number, held=self.draw() < 0.5)


@pytest.mark.parametrize("how", ["gone", "abandoned", "to-the-end"])
def test_every_walk_ends_once_and_gives_back_all_that_it_took(
    state_of: Callable[..., TargetState], examples: Callable[[int], int], how: str
) -> None:
    """Whatever happens, and at whichever step the client leaves or the driver fails.

    At most `attempts` calls with the continuations, one Relay, one end, each permit back, and no going
    on with what can't be gone on with or where the route doesn't want it.
    """
    seen = {"continued": 0, "held": 0, "gone while going on": 0}

    def check(seed: int) -> None:
        source = random.Random(seed)
        targets, attempts, steps = source.randint(1, 3), source.randint(1, 3), source.randint(0, 12)
        after = source.choice([AfterCommit.CONTINUE] * 3 + [AfterCommit.ERROR, AfterCommit.HOLD])
        states = [state_of(name, now=1000.0) for name in "abc"[:targets]]
        walk = Walk(states, JourneyOptions(attempts=attempts, after_commit=after), source.random)
        count = 0
        while walk.journey.state is not State.ENDED and (how == "to-the-end" or count < steps):
            walk.now += source.random()
            walk.step(walk.event())
            count += 1
            seen["held"] += walk.journey.state is State.HELD
        if walk.journey.state is not State.ENDED:
            going_on = walk.continued > 0 and walk.journey.current is not None
            seen["gone while going on"] += going_on
            if how == "gone":
                walk.step(ev.ClientGone())
            else:
                walk.journey.abandon(walk.now)
        else:
            assert walk.ends == 1
        assert walk.journey.state is State.ENDED
        assert [state.limiter.in_flight for state in states] == [0] * targets
        assert len(walk.journey.attempts) == walk.calls
        seen["continued"] += walk.continued

    for seed in range(examples(800)):
        check(seed)
    assert seen["continued"]
    assert seen["held"]
    assert seen["gone while going on"] or how == "to-the-end"
