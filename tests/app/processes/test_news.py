"""What workers tell each other of refused keys and broken targets."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.app.processes.messages import BreakerNews, Message, Parked
from halfopen.app.processes.news import AGAIN_S, WARNED_S, News
from halfopen.app.processes.news_board import NewsBoard
from halfopen.errors import make
from halfopen.gateway.runtime import Runtime, Surroundings
from halfopen.model import Kind
from halfopen.policy import Credential, TargetState
from halfopen.policy.breaker import BreakerState
from halfopen.rollout import Configured, configure

TEXT = """
[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9"
keys = ["${A}", "${B}"]
[providers.keyless]
dialect = "openai"
base_url = "http://127.0.0.1:9"
[routes.m]
targets = ["p/m", "keyless/m"]
"""
REFUSED = make(Kind.BAD_KEY, "no")
BROKEN = make(Kind.SERVER_ERROR, "no")


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


class Worker:
    """A runtime and its news."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.told: list[Message] = []
        self.hears = True
        self.news = News(self._send)

    def _send(self, message: Message) -> bool:
        if self.hears:
            self.told.append(message)
        return self.hears

    @property
    def state(self) -> TargetState:
        return self.runtime.known["p/m"].state

    @property
    def key(self) -> Credential:
        return self.runtime.credentials["p"][0]

    def fail(self, now: float, times: int = 1) -> None:
        for _ in range(times):
            ticket = self.state.breaker.admit(now, only_choice=False)
            assert ticket is not None
            self.state.breaker.failed(ticket, now)

    def look(self, now: float) -> list[Message]:
        """What it tells at `now`."""
        self.told.clear()
        self.news.look(self.runtime, now)
        return list(self.told)


@pytest.fixture
def workers() -> Any:
    """Two workers under one configuration."""
    configured = configure(TEXT, {"A": "sk-a", "B": "sk-b"})
    assert isinstance(configured, Configured)
    around = Surroundings(Clock(), lambda: 0.5, lambda: "id", lambda outcome: None)
    loop = asyncio.new_event_loop()
    try:
        yield [Worker(Runtime(configured.snapshot, configured.secrets, around, loop)) for _ in range(2)]
    finally:
        loop.close()


Workers = list[Worker]


def test_a_refused_key_is_told(workers: Workers) -> None:
    """Once, by its reference, with the time that is left; again while it holds on."""
    one, _ = workers
    assert one.look(100.0) == []
    one.key.refused(REFUSED, 100.0)
    assert one.look(110.0) == [Parked("p", "${A}", "bad_key", 50.0)]
    assert one.look(110.2) == []
    assert one.look(110.0 + AGAIN_S) == [Parked("p", "${A}", "bad_key", 40.0)]


def test_nobody_else_asks_with_it(workers: Workers) -> None:
    """It is parked in the other worker as well, for as long, and that one doesn't tell it on."""
    one, two = workers
    one.key.refused(REFUSED, 100.0)
    for message in one.look(100.0):
        two.news.heard(two.runtime, message, 100.5)
    assert two.key.is_parked(160.4)
    assert not two.key.is_parked(160.6)
    assert not two.runtime.credentials["p"][1].is_parked(101.0)
    assert two.look(101.0) == two.look(130.0) == []


def test_one_tries_it_again(workers: Workers) -> None:
    """When the time is over one request tries it, and meanwhile no other process does."""
    one, two = workers
    one.key.refused(REFUSED, 100.0)
    for message in one.look(100.0):
        two.news.heard(two.runtime, message, 100.0)
    assert two.key.admit(160.0)
    (lease,) = two.look(160.1)
    one.news.heard(one.runtime, lease, 160.1)  # type: ignore[arg-type]  # it is one of a key
    assert not one.key.admit(160.2)


def test_a_good_key_is_told(workers: Workers) -> None:
    """Who is answered with it again tells so, and all use it."""
    one, two = workers
    one.key.refused(REFUSED, 100.0)
    for message in one.look(100.0):
        two.news.heard(two.runtime, message, 100.0)
    two.key.accepted(two.key.refusals)
    (message,) = two.look(120.0)
    assert message == Parked("p", "${A}", "", 0.0)
    one.news.heard(one.runtime, message, 120.0)  # type: ignore[arg-type]  # as above
    assert not one.key.is_parked(120.0)
    assert one.look(120.2) == []


def test_what_control_could_not_take_is_told_later(workers: Workers) -> None:
    """News is not lost with a connection."""
    one, _ = workers
    one.key.refused(REFUSED, 100.0)
    one.fail(100.0, 5)
    one.hears = False
    assert one.look(100.0) == []
    one.hears = True
    assert len(one.look(101.0)) == 2


def test_a_broken_target_is_told(workers: Workers) -> None:
    """When it opens, while it is not closed, and when it closes."""
    one, _ = workers
    one.fail(100.0, 5)
    assert one.look(100.0) == [BreakerNews("p/m", is_open=True)]
    assert one.look(100.2) == []
    assert one.look(100.0 + AGAIN_S) == [BreakerNews("p/m", is_open=True)]
    ticket = one.state.breaker.admit(120.0, only_choice=False)
    assert ticket is not None
    one.state.breaker.succeeded(ticket, 120.0)
    assert one.look(120.0) == [BreakerNews("p/m", is_open=False)]


def test_a_warning_opens_nothing(workers: Workers) -> None:
    """Another process's broken target is closed here, and one failure opens it."""
    _, two = workers
    two.news.heard(two.runtime, BreakerNews("p/m", is_open=True), 100.0)
    assert two.state.breaker.state(100.0) is BreakerState.CLOSED
    assert two.look(100.0) == []
    two.fail(101.0)
    assert two.state.breaker.state(101.0) is BreakerState.OPEN


@pytest.mark.parametrize(
    ("then", "at"),
    [
        pytest.param(lambda two: None, 100.0 + WARNED_S, id="it is not said again"),
        pytest.param(
            lambda two: two.news.heard(two.runtime, BreakerNews("p/m", is_open=False), 101.0),
            101.0,
            id="it closed",
        ),
    ],
)
def test_a_warning_ends(workers: Workers, then: Callable[[Worker], None], at: float) -> None:
    """After that one failure is one failure."""
    _, two = workers
    two.news.heard(two.runtime, BreakerNews("p/m", is_open=True), 100.0)
    then(two)
    two.fail(at)
    assert two.state.breaker.state(at) is BreakerState.CLOSED


@pytest.mark.parametrize(
    "message",
    [
        BreakerNews("other/m", is_open=True),
        Parked("other", "${A}", "bad_key", 60.0),
        Parked("p", "${C}", "bad_key", 60.0),
        Parked("p", "${A}", "of another version", 60.0),
    ],
    ids=["target", "provider", "key", "kind"],
)
def test_what_is_not_known_is_passed_over(workers: Workers, message: Parked | BreakerNews) -> None:
    """Configurations and versions may differ for a moment."""
    _, two = workers
    two.news.heard(two.runtime, message, 100.0)
    assert not any(each.is_parked(100.1) for keys in two.runtime.credentials.values() for each in keys)


def test_no_wait_is_believed_for_long(workers: Workers) -> None:
    """At most 300 s, whoever says so."""
    _, two = workers
    two.news.heard(two.runtime, Parked("p", "${A}", "bad_key", 1e9), 100.0)
    assert two.key.parked_until == 400.0


def test_a_provider_without_a_key(workers: Workers) -> None:
    """Calls without a key can be refused as well."""
    one, two = workers
    one.runtime.credentials["keyless"][0].refused(REFUSED, 100.0)
    (message,) = one.look(100.0)
    assert message == Parked("keyless", "", "bad_key", 60.0)
    two.news.heard(two.runtime, message, 100.0)
    assert two.runtime.credentials["keyless"][0].is_parked(101.0)


class TestBoard:
    def test_tells_what_holds(self) -> None:
        """With the time that is left; what is over, closed or good again is not told."""
        board = NewsBoard()
        board.note(Parked("p", "a", "bad_key", 60.0), 100.0)
        board.note(Parked("p", "b", "bad_key", 5.0), 100.0)
        board.note(Parked("p", "c", "bad_key", 60.0), 100.0)
        board.note(Parked("p", "c", "", 0.0), 101.0)
        board.note(BreakerNews("p/m", is_open=True), 100.0)
        board.note(BreakerNews("p/n", is_open=True), 100.0)
        board.note(BreakerNews("p/n", is_open=False), 101.0)
        assert board.current(110.0) == [Parked("p", "a", "bad_key", 50.0), BreakerNews("p/m", is_open=True)]
        assert board.current(131.0) == [Parked("p", "a", "bad_key", 29.0)]
        assert board.current(161.0) == []
