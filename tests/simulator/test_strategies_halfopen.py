"""Halfopen as a strategy: real journeys, with defaults or a user's configuration."""

import random
from collections.abc import Callable

import pytest

from halfopen import errors
from halfopen.model import Demand, Kind, Target
from halfopen.policy import Journey, JourneyOptions, PolicyOptions, RetryOptions
from halfopen.policy import events as ev
from halfopen.policy.actions import Action, ContinueOn, Send, Wait
from halfopen.policy.options import LimitOptions, PacerOptions
from halfopen.policy.queue import Shedding
from halfopen.rollout import Configured, Snapshot, configure
from halfopen.simulator.strategies import make_configured, make_halfopen
from halfopen.simulator.strategies.configured import Configured as ConfiguredOptions
from halfopen.simulator.strategies.configured import provider_of
from halfopen.simulator.strategies.halfopen import Fitted, Halfopen
from halfopen.simulator.strategy import MakeStrategy, Request

A, B, C = (Target(name, "model", "openai") for name in "abc")
DOWN = errors.make(Kind.SERVER_ERROR, status=500)


class Waiter:
    """Somebody in a line."""

    def on_room(self) -> bool:
        """Takes no room."""
        return False

    def on_shed(self, shedding: Shedding) -> None:
        """Goes."""


@pytest.fixture
def made() -> Callable[..., Halfopen]:
    """A strategy for three targets."""

    def build(make: MakeStrategy | None = None) -> Halfopen:
        strategy = (make or make_halfopen())((A, B, C), random.Random(1).random, 0.0)
        assert isinstance(strategy, Halfopen)
        return strategy

    return build


@pytest.fixture
def asked() -> Callable[..., Request]:
    """A request."""

    def build(*targets: Target, caller: str = "app", deadline_s: float = 30.0, repeats: int = 0) -> Request:
        demand = Demand(500, 100, caller=caller, repeats=repeats, patience_s=deadline_s)
        return Request(1, targets or (A, B), demand, True, deadline_s)

    return build


@pytest.fixture
def snapshot() -> Callable[[str], Snapshot]:
    """The snapshot of a configuration's text."""

    def build(text: str) -> Snapshot:
        keys = {"ONE": "sk-one", "TWO": "sk-two"}
        configured = configure(text, keys)
        assert isinstance(configured, Configured), configured
        return configured.snapshot

    return build


def sent(actions: list[Action]) -> Send:
    """The call that a journey makes."""
    (send,) = actions
    assert isinstance(send, Send)
    return send


def test_it_is_the_journey(made: Callable[..., Halfopen], asked: Callable[..., Request]) -> None:
    """A plan is the gateway's own journey, and fails over as it does."""
    plan = made().plan(asked(), 0.0)
    assert isinstance(plan, Journey)
    assert sent(plan.step(ev.Arrived(), 0.0)).target is A
    assert sent(plan.step(ev.Failed(1, DOWN), 0.1)).target is B


def test_broken_streams_go_on(made: Callable[..., Halfopen], asked: Callable[..., Request]) -> None:
    """A stream that breaks after its content has begun is gone on with elsewhere."""
    plan = made().plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    plan.step(ev.Content(1), 0.2)
    (action,) = plan.step(ev.Failed(1, DOWN), 0.5)
    assert isinstance(action, ContinueOn)
    assert action.target is B


def test_requests_share_what_is_known(made: Callable[..., Halfopen], asked: Callable[..., Request]) -> None:
    """What one group of clients learns of a target, another heeds: they share its state."""
    strategy = made()
    for _ in range(40):
        plan = strategy.plan(asked(A, caller="one"), 0.0)
        for action in plan.step(ev.Arrived(), 0.0):
            if isinstance(action, Send):
                plan.step(ev.Failed(action.attempt, DOWN), 0.0)
    plan = strategy.plan(asked(A, B, caller="two"), 0.0)
    assert sent(plan.step(ev.Arrived(), 0.0)).target is B


def test_lines(made: Callable[..., Halfopen], asked: Callable[..., Request]) -> None:
    """Clients with the same targets share a line; a target's own lines come before those of stand-ins."""
    strategy = made()
    mixed, own = asked(A, B), asked(B)
    for request in (mixed, own, asked(A, B, caller="other")):
        strategy.plan(request, 0.0)
    assert strategy.line(mixed) is strategy.line(asked(A, B, caller="third"))
    assert list(strategy.lines_to("b/model")) == [strategy.line(own), strategy.line(mixed)]
    assert list(strategy.lines_to("a/model")) == [strategy.line(mixed)]
    assert list(strategy.lines_to("c/model")) == []


def test_lines_are_bounded_together(
    made: Callable[..., Halfopen], asked: Callable[..., Request], snapshot: Callable[[str], Snapshot]
) -> None:
    """All lines together hold no more requests than the configuration's waiting line."""
    text = '[gateway]\nqueue_max = 2\n[providers.a]\ndialect = "openai"\nkey = "${ONE}"\n[routes.m]\ntargets = ["a/m"]\n'
    strategy = made(make_configured(snapshot(text)))
    waiting = [strategy.line(asked(target)).join(Waiter(), asked().demand, 30.0, 0.0) for target in (A, B, C)]
    assert [shed is None for shed in waiting] == [True, True, False]


def test_full_target_waits_for_room(made: Callable[..., Halfopen], asked: Callable[..., Request]) -> None:
    """A request that finds its target full waits in the line, not at the upstream."""
    strategy = made(make_halfopen(PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))))
    first, second = strategy.plan(asked(A), 0.0), strategy.plan(asked(A), 0.0)
    assert sent(first.step(ev.Arrived(), 0.0)).target is A
    (wait,) = second.step(ev.Arrived(), 0.0)
    assert isinstance(wait, Wait)
    assert wait.for_room


def test_fitted() -> None:
    """For clients who wait a tenth of the time all times are a tenth, but a stall and a drip stay tellable."""
    options = Fitted(JourneyOptions())((A,), 6.0)
    times = [
        options.deadline_s,
        options.attempt_s,
        options.first_token_s,
        options.first_token_min_s,
        options.stall_s,
        options.floor_window_s,
    ]
    assert times == pytest.approx([6.0, 3.0, 4.5, 1.0, 2.0, 1.5])
    hasty = Fitted(JourneyOptions())((A,), 0.6)
    assert (hasty.stall_s, hasty.floor_window_s) == (1.0, 1.0)
    assert Fitted(JourneyOptions(stall_s=0.5))((A,), 0.6).stall_s == 0.5


def test_patient_clients_change_nothing() -> None:
    """Clients who wait longer than the deadline get the options as they are."""
    options = JourneyOptions()
    assert Fitted(options)((A,), 60.0) is options
    assert Fitted(options)((A,), 600.0) is options


def test_options_by_route() -> None:
    """Options may differ by the upstreams' names in order; the others get the defaults."""
    own = JourneyOptions(attempts=1)
    fitted = Fitted({("a", "b"): own})
    assert fitted((A, B), 60.0) is own
    assert fitted((B, A), 60.0) == JourneyOptions()


def test_a_clients_own_retries_keep_its_times(
    made: Callable[..., Halfopen], asked: Callable[..., Request]
) -> None:
    """What a group's first request says of its time holds for its retries, which have less of it left."""
    strategy = made()
    fresh = strategy.plan(asked(A, deadline_s=6.0), 0.0)
    again = strategy.plan(asked(A, deadline_s=5.0, repeats=1), 0.0)
    assert sent(fresh.step(ev.Arrived(), 0.0)).deadline == pytest.approx(4.5)
    assert sent(again.step(ev.Arrived(), 0.0)).deadline == pytest.approx(4.5)


TEXT = """\
[providers.a]
dialect = "openai"
keys = ["${ONE}", "${TWO}"]
requests_per_minute = 60

[providers.b]
dialect = "anthropic"
key = "${TWO}"

[policy.retry]
bucket_max = 3

[routes.both]
targets = ["a/gpt-4o-mini", "b/claude-haiku-4-5"]
attempts = 2

[routes.alone]
targets = ["b/claude-haiku-4-5"]
attempts = 1
"""


def test_configured_state(made: Callable[..., Halfopen], snapshot: Callable[[str], Snapshot]) -> None:
    """An upstream has the policies, keys and rate limits of the provider of its name."""
    mine = snapshot(TEXT)
    strategy = made(make_configured(mine, "mine.toml"))
    assert strategy.name == "mine.toml"
    a, b, c = (strategy.state(f"{name}/model") for name in "abc")
    assert [len(state.accounts) for state in (a, b, c)] == [2, 1, 1]
    limits = [provider_of(mine, target).limits for target in (A, B, C)]
    assert limits == [PacerOptions(requests_per_minute=60.0), PacerOptions(), PacerOptions()]
    assert [state.bucket.tokens(0.0) for state in (a, b, c)] == [3.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("targets", "attempts"),
    [
        pytest.param((A, B), 2, id="the same providers in order"),
        pytest.param((B,), 1, id="the other route"),
        pytest.param((A,), 2, id="the same first provider"),
        pytest.param((B, A), 1, id="the same first provider, not the same order"),
        pytest.param((C,), 3, id="unknown: the defaults"),
    ],
)
def test_configured_options(
    snapshot: Callable[[str], Snapshot], targets: tuple[Target, ...], attempts: int
) -> None:
    """A group of clients gets the options of the route that fits its upstreams best."""
    assert ConfiguredOptions(snapshot(TEXT))(targets, 2.0).attempts == attempts


def test_agreed_options(snapshot: Callable[[str], Snapshot]) -> None:
    """Where all routes say the same, that holds for unknown upstreams too, and is not fitted to clients."""
    text = (
        TEXT.replace("attempts = 2\n", "").replace("attempts = 1\n", "")
        + "\n[defaults]\ndeadline_s = 20\nattempt_s = 5\n"
    )
    options = ConfiguredOptions(snapshot(text))((C,), 2.0)
    assert (options.deadline_s, options.attempt_s) == (20.0, 5.0)


def test_retry_options_reach_the_journey(
    made: Callable[..., Halfopen], asked: Callable[..., Request]
) -> None:
    """The backoff of a plan is that of the policy's options."""
    strategy = made(make_halfopen(PolicyOptions(retry=RetryOptions(base_s=0.01, cap_s=0.01))))
    plan = strategy.plan(asked(A), 0.0)
    plan.step(ev.Arrived(), 0.0)
    (wait,) = plan.step(ev.Failed(1, DOWN), 1.0)
    assert isinstance(wait, Wait)
    assert 1.0 <= wait.until <= 1.01
