"""What all policies of retries have in common, and the list of policies."""

import random
from collections.abc import Callable

import pytest

from halfopen import errors
from halfopen.model import Demand, Fault, Kind, Target
from halfopen.policy import IllegalTransitionError, State
from halfopen.policy import events as ev
from halfopen.policy.actions import Cancel, Complete, Fail, Relay, Send, Wait
from halfopen.simulator.strategies import STRATEGIES
from halfopen.simulator.strategies.retry_plan import Again, RetryPlan
from halfopen.simulator.strategies.transient import is_transient
from halfopen.simulator.strategy import Request

NEVER = float("inf")
TARGETS = (Target("a", "model", "openai"), Target("b", "model", "openai"))
DOWN = errors.make(Kind.SERVER_ERROR, status=500)
PEERS = [name for name in STRATEGIES if name != "halfopen"]


class Script(RetryPlan):
    """A plan whose next calls are told beforehand."""

    def __init__(self, request: Request, *calls: Again | None, silence_s: float = NEVER) -> None:
        super().__init__(request, silence_s)
        self.calls = list(calls)

    def again(self, fault: Fault, now: float) -> Again | None:
        return self.calls.pop(0) if self.calls else None


@pytest.fixture
def asked() -> Callable[..., Request]:
    """A request."""

    def build(*, stream: bool = True, deadline_s: float = 30.0, repeats: int = 0) -> Request:
        return Request(1, TARGETS, Demand(caller="app", repeats=repeats), stream, deadline_s)

    return build


def test_answer(asked: Callable[..., Request]) -> None:
    """A streamed answer is relayed at its first content, completed at its end, and told as one attempt."""
    plan = Script(asked())
    assert plan.step(ev.Arrived(), 0.0) == [Send(1, TARGETS[0], NEVER)]
    assert plan.step(ev.Connected(1), 0.1) == []
    assert plan.step(ev.FirstByte(1, 200), 0.2) == []
    assert plan.step(ev.Content(1), 0.3) == [Relay(1)]
    assert plan.state is State.COMMITTED
    assert plan.step(ev.Finished(1), 2.0) == [Complete(1)]
    assert (plan.state, plan.wake_at, plan.served_by) == (State.ENDED, NEVER, TARGETS[0])
    (attempt,) = plan.attempts
    assert (attempt.target, attempt.connected, attempt.first_byte, attempt.first_content) == (
        "a/model",
        0.1,
        0.2,
        0.3,
    )
    assert (attempt.ended, attempt.status, attempt.fault, attempt.cancelled) == (2.0, 200, None, False)


def test_plain_answer(asked: Callable[..., Request]) -> None:
    """A plain answer completes without having been relayed."""
    plan = Script(asked(stream=False))
    plan.step(ev.Arrived(), 0.0)
    plan.step(ev.FirstByte(1, 200), 0.5)
    assert plan.step(ev.Finished(1), 0.5) == [Complete(1)]


def test_retry_at_once(asked: Callable[..., Request]) -> None:
    """A retry without a delay goes out in the same step, to the target that the policy names."""
    plan = Script(asked(), Again(1.0, 1))
    plan.step(ev.Arrived(), 0.0)
    assert plan.step(ev.Failed(1, DOWN), 1.0) == [Send(2, TARGETS[1], NEVER)]
    assert plan.current is TARGETS[1]


def test_retry_later(asked: Callable[..., Request]) -> None:
    """A retry with a delay waits for exactly that, and is told how often its target was asked before."""
    plan = Script(asked(repeats=3), Again(2.5))
    plan.step(ev.Arrived(), 0.0)
    assert plan.step(ev.Failed(1, DOWN), 1.0) == [Wait(2.5, for_room=False)]
    assert (plan.state, plan.wake_at, plan.current) == (State.WAITING, 2.5, None)
    assert plan.step(ev.Timer(), 2.0) == [Wait(2.5, for_room=False)]
    assert plan.step(ev.Timer(), 2.5) == [Send(2, TARGETS[0], NEVER, repeats=4)]


def test_no_retry(asked: Callable[..., Request]) -> None:
    """A policy that gives up fails the request with the last fault."""
    plan = Script(asked())
    plan.step(ev.Arrived(), 0.0)
    assert plan.step(ev.Failed(1, DOWN), 1.0) == [Fail(DOWN, committed=False)]
    assert plan.state is State.ENDED


def test_committed_is_never_retried(asked: Callable[..., Request]) -> None:
    """Once the client has content, a failure is told and the policy is not even asked."""
    plan = Script(asked(), Again(0.0))
    plan.step(ev.Arrived(), 0.0)
    plan.step(ev.Content(1), 0.2)
    assert plan.step(ev.Failed(1, DOWN), 1.0) == [Fail(DOWN, committed=True)]
    assert plan.calls


def test_held_content_commits_to_nothing(asked: Callable[..., Request]) -> None:
    """Content that the client has not got leaves the policy free to call again."""
    plan = Script(asked(), Again(0.0))
    plan.step(ev.Arrived(), 0.0)
    assert plan.step(ev.Content(1, held=True), 0.2) == []
    assert plan.state is State.HELD
    assert plan.step(ev.Failed(1, DOWN), 1.0) == [Send(2, TARGETS[0], NEVER, repeats=1)]
    plan.step(ev.Content(2, held=True), 1.2)
    assert plan.step(ev.Content(2), 1.3) == [Relay(2)]


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        pytest.param(True, Kind.FIRST_TOKEN_TIMEOUT, id="stream"),
        pytest.param(False, Kind.NO_RESPONSE, id="plain"),
    ],
)
def test_silence(asked: Callable[..., Request], stream: bool, kind: Kind) -> None:
    """A call that brings nothing for its time is cancelled, and counts as a failure."""
    plan = Script(asked(stream=stream), silence_s=5.0)
    plan.step(ev.Arrived(), 1.0)
    assert plan.wake_at == 6.0
    assert plan.step(ev.Timer(), 5.9) == []
    cancel, fail = plan.step(ev.Timer(), 6.0)
    assert cancel == Cancel(1)
    assert isinstance(fail, Fail)
    assert (fail.fault.kind, fail.committed) == (kind, False)


def test_content_ends_a_silence(asked: Callable[..., Request]) -> None:
    """The time of a silence is counted anew from every piece of content."""
    plan = Script(asked(), silence_s=5.0)
    plan.step(ev.Arrived(), 0.0)
    plan.step(ev.Content(1), 4.0)
    plan.progress(10, 8.0)
    assert plan.wake_at == 13.0
    assert plan.step(ev.Timer(), 12.9) == []
    cancel, fail = plan.step(ev.Timer(), 13.0)
    assert cancel == Cancel(1)
    assert isinstance(fail, Fail)
    assert (fail.fault.kind, fail.committed) == (Kind.STALLED, True)


@pytest.mark.parametrize(
    ("events", "actions"),
    [
        pytest.param([], [], id="new"),
        pytest.param([ev.Arrived()], [Cancel(1)], id="attempting"),
        pytest.param([ev.Arrived(), ev.Content(1, held=True)], [Cancel(1)], id="held"),
        pytest.param([ev.Arrived(), ev.Content(1)], [Cancel(1)], id="committed"),
        pytest.param([ev.Arrived(), ev.Failed(1, DOWN)], [], id="waiting"),
    ],
)
def test_client_gone(asked: Callable[..., Request], events: list[ev.Event], actions: list[Cancel]) -> None:
    """A client that leaves ends its request in any state, and the call that is under way."""
    plan = Script(asked(), Again(9.0))
    for event in events:
        plan.step(event, 1.0)
    assert plan.step(ev.ClientGone(), 2.0) == actions
    assert plan.state is State.ENDED
    assert [attempt.cancelled for attempt in plan.attempts][-1:] == (
        [True] if actions else [False][: len(plan.attempts)]
    )


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(ev.Finished(2), id="another attempt"),
        pytest.param(ev.Arrived(), id="arrived twice"),
        pytest.param(ev.PermitFreed(), id="no line"),
        pytest.param(ev.Shed(DOWN), id="no line to be shed from"),
    ],
)
def test_illegal(asked: Callable[..., Request], event: ev.Event) -> None:
    """An event that can't happen raises and changes nothing."""
    plan = Script(asked())
    plan.step(ev.Arrived(), 0.0)
    with pytest.raises(IllegalTransitionError):
        plan.step(event, 1.0)
    assert (plan.state, plan.attempts) == (State.ATTEMPTING, [])


@pytest.mark.parametrize(
    ("fault", "transient"),
    [
        pytest.param(errors.make(Kind.REQUEST_TIMEOUT, status=408), True, id="408"),
        pytest.param(errors.make(Kind.CONFLICT, status=409), True, id="409"),
        pytest.param(errors.make(Kind.RATE_LIMITED, status=429), True, id="429"),
        pytest.param(errors.make(Kind.SERVER_ERROR, status=500), True, id="500"),
        pytest.param(errors.make(Kind.OVERLOADED, status=529), True, id="529"),
        pytest.param(errors.make(Kind.CONNECTION_RESET), True, id="reset"),
        pytest.param(errors.make(Kind.CONNECT_TIMEOUT), True, id="connect timeout"),
        pytest.param(errors.make(Kind.CUT_BODY, status=200), True, id="cut"),
        pytest.param(errors.make(Kind.QUOTA_EXHAUSTED, status=429), True, id="quota"),
        pytest.param(errors.make(Kind.INVALID_REQUEST, status=400), False, id="400"),
        pytest.param(errors.make(Kind.BAD_KEY, status=401), False, id="401"),
        pytest.param(errors.make(Kind.EMPTY_ANSWER, status=200), False, id="empty"),
        pytest.param(errors.make(Kind.EMPTY_ANSWER), False, id="empty without a status"),
    ],
)
def test_transient(fault: Fault, transient: bool) -> None:
    """What the SDKs retry is retried: by status and connection, never by what an answer holds."""
    assert is_transient(fault) is transient


def test_listed() -> None:
    """The issue's policies and two more are listed, each with one line, and named as they are listed."""
    assert list(STRATEGIES) == ["none", "sdk", "grpc", "finagle", "naive", "jitter", "halfopen"]
    for name, listed in STRATEGIES.items():
        strategy = listed.make(TARGETS, random.Random(1).random, 0.0)
        assert strategy.name == name
        assert strategy.cancels
        assert listed.text.endswith(".")
        assert "\n" not in listed.text


@pytest.mark.parametrize("name", PEERS)
def test_no_peer_has_a_line(asked: Callable[..., Request], name: str) -> None:
    """Under a peer nobody waits for room."""
    strategy = STRATEGIES[name].make(TARGETS, random.Random(1).random, 0.0)
    assert strategy.line(asked()) is None
    assert list(strategy.lines_to("a/model")) == []


@pytest.mark.parametrize("name", list(STRATEGIES))
@pytest.mark.parametrize("stream", [pytest.param(True, id="stream"), pytest.param(False, id="plain")])
def test_bounded(asked: Callable[..., Request], name: str, stream: bool) -> None:
    """Against an upstream that answers every call with 500, any policy ends after at most three calls."""
    strategy = STRATEGIES[name].make(TARGETS, random.Random(1).random, 0.0)
    plan, now, sent = strategy.plan(asked(stream=stream), 0.0), 0.0, 0
    actions = plan.step(ev.Arrived(), now)
    for _ in range(20):
        if plan.state is State.ENDED:
            break
        (action,) = actions
        if isinstance(action, Send):
            sent += 1
            now += 0.05
            actions = [
                *plan.step(ev.FirstByte(action.attempt, 500), now),
                *plan.step(ev.Failed(action.attempt, DOWN), now),
            ]
        else:
            now = plan.wake_at
            actions = plan.step(ev.Timer(), now)
    assert plan.state is State.ENDED
    assert isinstance(actions[-1], Fail)
    assert 1 <= sent <= 3
    assert len(plan.attempts) == sent
