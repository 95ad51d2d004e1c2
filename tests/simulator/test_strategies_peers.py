"""Each peer by the rules of its own source."""

from collections.abc import Callable, Iterator

import pytest

from halfopen import errors
from halfopen.model import Demand, Fault, Kind, Target
from halfopen.policy import State
from halfopen.policy import events as ev
from halfopen.policy.actions import Action, Cancel, Fail, Send, Wait
from halfopen.seams import Entropy
from halfopen.simulator.strategies import STRATEGIES
from halfopen.simulator.strategies.finagle import RetryBudget
from halfopen.simulator.strategies.grpc import Throttle
from halfopen.simulator.strategies.retry_plan import RetryPlan
from halfopen.simulator.strategy import Request, Strategy

A, B, C = (Target(name, "model", "openai") for name in "abc")
DOWN = errors.make(Kind.SERVER_ERROR, status=500)
BAD = errors.make(Kind.INVALID_REQUEST, status=400)


@pytest.fixture
def asked() -> Callable[..., Request]:
    """A request."""

    def build(*targets: Target, stream: bool = True, deadline_s: float = 30.0) -> Request:
        return Request(1, targets or (A, B), Demand(caller="app"), stream, deadline_s)

    return build


@pytest.fixture
def made() -> Callable[..., Strategy]:
    """A strategy by its name, with draws that are told beforehand; the last one stays."""

    def draws(values: tuple[float, ...]) -> Iterator[float]:
        yield from values
        while True:
            yield values[-1]

    def build(name: str, *values: float) -> Strategy:
        endless = draws(values or (0.5,))
        entropy: Entropy = lambda: next(endless)  # noqa: E731 - a source of draws is one expression
        return STRATEGIES[name].make((A, B, C), entropy, 0.0)

    return build


def fail(plan: object, now: float, fault: Fault = DOWN, *, head: int | None = None) -> list[Action]:
    """Fail the call that is under way."""
    assert isinstance(plan, RetryPlan)
    attempt = len(plan.attempts) + 1
    if head is not None:
        plan.step(ev.FirstByte(attempt, head), now)
    return plan.step(ev.Failed(attempt, fault), now)


def wait_of(actions: list[Action]) -> float:
    """Until when a plan waits."""
    (wait,) = actions
    assert isinstance(wait, Wait)
    assert not wait.for_room
    return wait.until


def is_given_up(actions: list[Action]) -> bool:
    """Whether a plan has failed."""
    return isinstance(actions[-1], Fail)


def test_none_calls_once(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """`none` calls the first target once, and waits as long as its client does."""
    plan = made("none").plan(asked(), 0.0)
    (send,) = plan.step(ev.Arrived(), 0.0)
    assert isinstance(send, Send)
    assert (send.target, plan.wake_at) == (A, float("inf"))
    assert is_given_up(fail(plan, 1.0))


@pytest.mark.parametrize(
    ("draw", "waits"),
    [
        pytest.param(0.0, (0.5, 1.0), id="longest"),
        pytest.param(1.0, (0.375, 0.75), id="shortest"),
    ],
)
def test_sdk_delays(
    made: Callable[..., Strategy], asked: Callable[..., Request], draw: float, waits: tuple[float, float]
) -> None:
    """An SDK retries twice at the same target, after 0.5 and 1 s less up to a quarter."""
    plan = made("sdk", draw).plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    now = 0.0
    for wait_s in waits:
        until = wait_of(fail(plan, now, head=500))
        assert until - now == pytest.approx(wait_s)
        now = until
        (send,) = plan.step(ev.Timer(), now)
        assert isinstance(send, Send)
        assert send.target is A
    assert is_given_up(fail(plan, now))


@pytest.mark.parametrize(
    ("asked_s", "wait_s"),
    [
        pytest.param(7.0, 7.0, id="kept exactly"),
        pytest.param(120.0, 120.0, id="longest"),
        pytest.param(120.5, None, id="too long"),
        pytest.param(0.0, 0.5, id="zero is no wait"),
    ],
)
def test_sdk_heeds_the_server(
    made: Callable[..., Strategy], asked: Callable[..., Request], asked_s: float, wait_s: float | None
) -> None:
    """An SDK waits as long as it is asked to, up to 120 s; asked for more it gives up."""
    plan = made("sdk", 0.0).plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    actions = fail(plan, 1.0, errors.make(Kind.RATE_LIMITED, status=429, delay_s=asked_s))
    if wait_s is None:
        assert is_given_up(actions)
    else:
        assert wait_of(actions) == pytest.approx(1.0 + wait_s)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(BAD, id="400"),
        pytest.param(errors.make(Kind.BAD_KEY, status=401), id="401"),
        pytest.param(errors.make(Kind.EMPTY_ANSWER, status=200), id="an answer"),
        pytest.param(
            errors.make(Kind.SERVER_ERROR, status=500, evidence=("x-should-retry: false",)), id="forbidden"
        ),
    ],
)
def test_sdk_gives_up(made: Callable[..., Strategy], asked: Callable[..., Request], fault: Fault) -> None:
    """An SDK does not retry what its caller must mend, what is no error to it, or what the server forbids."""
    plan = made("sdk").plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert is_given_up(fail(plan, 1.0, fault))


@pytest.mark.parametrize(
    ("stream", "retried"),
    [pytest.param(True, False, id="stream"), pytest.param(False, True, id="plain")],
)
def test_sdk_broken_body(
    made: Callable[..., Strategy], asked: Callable[..., Request], stream: bool, retried: bool
) -> None:
    """An SDK has handed a stream over once its response began; a plain body that breaks is read again."""
    plan = made("sdk").plan(asked(stream=stream), 0.0)
    plan.step(ev.Arrived(), 0.0)
    actions = fail(plan, 1.0, errors.make(Kind.CUT_BODY, status=200), head=200)
    assert is_given_up(actions) is not retried


def test_sdk_timeout(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """An SDK gives a silent call up after 600 s, and retries it."""
    plan = made("sdk", 0.0).plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert plan.wake_at == 600.0
    assert plan.step(ev.Timer(), 600.0) == [Cancel(1), Wait(600.5, for_room=False)]


@pytest.mark.parametrize(
    ("draw", "waits"),
    [pytest.param(0.0, (0.08, 0.16), id="shortest"), pytest.param(1.0, (0.12, 0.24), id="longest")],
)
def test_grpc_delays(
    made: Callable[..., Strategy], asked: Callable[..., Request], draw: float, waits: tuple[float, float]
) -> None:
    """gRPC makes three calls, with delays that double and vary by a fifth either way."""
    plan = made("grpc", draw).plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    now = 0.0
    for wait_s in waits:
        until = wait_of(fail(plan, now, head=503))
        assert until - now == pytest.approx(wait_s)
        now = until
        plan.step(ev.Timer(), now)
    assert is_given_up(fail(plan, now))


def test_grpc_pushback(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """gRPC waits as long as the server asks, and begins its own delays anew after that."""
    plan = made("grpc", 0.5).plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert wait_of(fail(plan, 0.0, errors.make(Kind.UNAVAILABLE, status=503, delay_s=4.0))) == 4.0
    plan.step(ev.Timer(), 4.0)
    assert wait_of(fail(plan, 4.0)) == pytest.approx(4.1)


def test_grpc_headers_commit(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """gRPC retries nothing once a response's headers have come; an error's status is no such response."""
    cut = errors.make(Kind.CONNECTION_RESET)
    plan = made("grpc").plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert is_given_up(fail(plan, 1.0, cut, head=200))
    plan = made("grpc").plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert not is_given_up(fail(plan, 1.0, head=500))


def test_grpc_throttle(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """gRPC retries only while more than half of its ten tokens are left: four of ten failures in a row."""
    strategy = made("grpc")
    retried = 0
    for _ in range(10):
        plan = strategy.plan(asked(), 0.0)
        plan.step(ev.Arrived(), 0.0)
        retried += not is_given_up(fail(plan, 0.0))
    assert retried == 4


def test_grpc_tokens() -> None:
    """A failure takes one token, a success gives a tenth; the count stays between 0 and 10."""
    throttle = Throttle()
    throttle.succeeded()
    assert throttle.tokens == 10.0
    for _ in range(5):
        throttle.failed()
    assert (throttle.tokens, throttle.allows) == (5.0, False)
    throttle.succeeded()
    assert (throttle.tokens, throttle.allows) == (5.1, True)
    for _ in range(20):
        throttle.failed()
    assert throttle.tokens == 0.0
    for _ in range(50):
        throttle.succeeded()
    assert (throttle.tokens, throttle.allows) == (5.0, False)


def test_grpc_counts_by_server(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """One server's failures don't stop retries at another, and a caller's own mistakes count for nothing."""
    strategy = made("grpc")
    for _ in range(10):
        plan = strategy.plan(asked(A), 0.0)
        plan.step(ev.Arrived(), 0.0)
        fail(plan, 0.0)
        plan = strategy.plan(asked(B), 0.0)
        plan.step(ev.Arrived(), 0.0)
        fail(plan, 0.0, BAD)
    plan = strategy.plan(asked(B), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert not is_given_up(fail(plan, 0.0))


def test_grpc_success_funds(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """A whole answer pays a tenth of a token."""
    strategy = made("grpc")
    for _ in range(5):
        plan = strategy.plan(asked(), 0.0)
        plan.step(ev.Arrived(), 0.0)
        fail(plan, 0.0)
    for _ in range(11):
        plan = strategy.plan(asked(), 0.0)
        plan.step(ev.Arrived(), 0.0)
        plan.step(ev.Finished(1), 1.0)
    plan = strategy.plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert not is_given_up(fail(plan, 0.0))


def test_finagle_delays(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """Finagle retries twice, after 5 ms and then up to three times that."""
    plan = made("finagle", 1.0).plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert wait_of(fail(plan, 0.0)) == pytest.approx(0.005)
    plan.step(ev.Timer(), 0.005)
    assert wait_of(fail(plan, 0.005)) == pytest.approx(0.020)
    plan.step(ev.Timer(), 0.020)
    assert is_given_up(fail(plan, 0.020))


def test_finagle_budget() -> None:
    """A hundred retries in ten seconds are free; each five requests pay for one more, for ten seconds."""
    budget = RetryBudget(0.0)
    assert budget.balance(0.0) == 100
    for _ in range(50):
        budget.deposit(0.0)
    assert budget.balance(9.9) == 110
    assert sum(budget.withdraw(9.9) for _ in range(200)) == 110
    assert not budget.withdraw(9.9)
    # The deposits are forgotten at 10 s, what they paid for only later: the balance is that much lower.
    assert budget.balance(10.0) == -10
    assert budget.balance(19.0) == 100


def test_finagle_rate() -> None:
    """In the long run a budget allows ten retries a second and a fifth of the requests, and no more."""
    budget, retries = RetryBudget(0.0), 0
    for tenth in range(6000):
        now = tenth / 10.0
        for _ in range(10):
            budget.deposit(now)
            retries += budget.withdraw(now)
    requests, reserve = 60_000, 10 * 600
    assert retries == pytest.approx(0.2 * requests + reserve, rel=0.02)


def test_finagle_stops(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """Without budget, after a caller's mistake, or once a response began, Finagle gives up."""
    strategy = made("finagle")
    retried = 0
    for _ in range(300):
        plan = strategy.plan(asked(), 0.0)
        plan.step(ev.Arrived(), 0.0)
        retried += not is_given_up(fail(plan, 0.0))
    assert retried == 100 + 300 // 5
    for fault, head in ((BAD, 400), (errors.make(Kind.CONNECTION_RESET), 200)):
        plan = made("finagle").plan(asked(), 0.0)
        plan.step(ev.Arrived(), 0.0)
        assert is_given_up(fail(plan, 0.0, fault, head=head))


def test_naive_goes_round(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """The naive loop asks the next target at once, from the last one the first again, three times in all."""
    plan = made("naive").plan(asked(A, B), 0.0)
    actions = plan.step(ev.Arrived(), 0.0)
    asked_in_order = []
    while not is_given_up(actions):
        (send,) = actions
        assert isinstance(send, Send)
        asked_in_order.append(send.target.provider)
        actions = fail(plan, 0.0, BAD)
    assert asked_in_order == ["a", "b", "a"]


@pytest.mark.parametrize("name", ["naive", "jitter"])
def test_share_of_the_time(made: Callable[..., Strategy], asked: Callable[..., Request], name: str) -> None:
    """Of a client's 30 s each of three calls gets 10."""
    plan = made(name, 0.0).plan(asked(deadline_s=30.0), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert plan.wake_at == 10.0
    actions = plan.step(ev.Timer(), 10.0)
    assert actions[0] == Cancel(1)
    assert not is_given_up(actions)
    assert plan.state is State.ATTEMPTING


@pytest.mark.parametrize(
    ("draw", "waits"),
    [pytest.param(0.5, (0.25, 0.5), id="half"), pytest.param(1.0, (0.5, 1.0), id="longest")],
)
def test_jitter_delays(
    made: Callable[..., Strategy], asked: Callable[..., Request], draw: float, waits: tuple[float, float]
) -> None:
    """Full jitter waits between nothing and a ceiling that doubles, at the same target, for three calls."""
    plan = made("jitter", draw).plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    now = 0.0
    for wait_s in waits:
        until = wait_of(fail(plan, now))
        assert until - now == pytest.approx(wait_s)
        now = until
        (send,) = plan.step(ev.Timer(), now)
        assert isinstance(send, Send)
        assert send.target is A
    assert is_given_up(fail(plan, now))


def test_jitter_has_no_budget(made: Callable[..., Strategy], asked: Callable[..., Request]) -> None:
    """However many have failed, full jitter alone goes on retrying; a caller's mistake it leaves alone."""
    strategy = made("jitter")
    for _ in range(1000):
        plan = strategy.plan(asked(), 0.0)
        plan.step(ev.Arrived(), 0.0)
        assert not is_given_up(fail(plan, 0.0))
    plan = strategy.plan(asked(), 0.0)
    plan.step(ev.Arrived(), 0.0)
    assert is_given_up(fail(plan, 0.0, BAD))
