"""A crowd that leaves: nothing is left of it, and what is left is found."""

from typing import Any

import pytest
import uvloop

from halfopen.gateway.attempt import Attempt
from halfopen.gateway.exchange import Exchange
from halfopen.gateway.pool import UpstreamCall
from halfopen.gateway.timers import Wheel
from halfopen.lab.drills import DRILLS, crowd
from halfopen.policy.target import TargetState

COUNT = 30
"""Every dialect in and out twice."""


def played(count: int = COUNT) -> Any:
    return uvloop.run(crowd.drill(count))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What is leaked is waited for only shortly."""
    monkeypatch.setattr(crowd, "STOP_S", 0.3)
    monkeypatch.setattr(crowd, "_PATIENCE_S", 2.0)
    return monkeypatch


def test_nothing_is_left_of_a_crowd() -> None:
    """Each upstream call stops within a second, and all that was made for the clients is gone."""
    report = played()
    assert report.ok, "\n".join([*(figure.line() for figure in report.figures), *report.failures])
    assert report.figures[0].samples == COUNT
    left = {figure.name: figure.value for figure in report.figures if "left behind" in figure.name}
    assert len(left) >= 7
    assert set(left.values()) == {0}


def test_the_drill_is_offered() -> None:
    """`halfopen lab drill` knows it."""
    assert "crowd" in DRILLS


def test_every_dialect_asks_every_vendor() -> None:
    """Five dialects of clients, three of providers."""
    assert {speech.name for speech in crowd.SPEECHES} == {
        "chat",
        "responses",
        "completions",
        "messages",
        "generate",
    }


def _forget_keepalive(monkeypatch: pytest.MonkeyPatch) -> None:
    end = Exchange._end

    def leaky(self: Any, **more: Any) -> None:
        self._keepalive = None
        end(self, **more)

    monkeypatch.setattr(Exchange, "_end", leaky)


def _forget_permit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TargetState, "settle_cancelled", lambda self, permit, now: None)


def _forget_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Attempt, "cancel", lambda self: None)
    monkeypatch.setattr(UpstreamCall, "cancel", lambda self: None)


def _keep_exchanges(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    end = Exchange._end

    def leaky(self: Any, **more: Any) -> None:
        kept.append(self)
        end(self, **more)

    monkeypatch.setattr(Exchange, "_end", leaky)


def _forget_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    remove = Wheel.remove

    def leaky(self: Any, timed: Any) -> None:
        if not isinstance(timed, Exchange):
            remove(self, timed)

    monkeypatch.setattr(Wheel, "remove", leaky)


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        pytest.param(_forget_keepalive, "timers", id="keep-alive"),
        pytest.param(_forget_timer, "timers", id="the request's timer"),
        pytest.param(_forget_permit, "permits", id="permit"),
        pytest.param(_forget_call, "calls", id="upstream call"),
        pytest.param(_keep_exchanges, "exchanges", id="object"),
    ],
)
def test_a_leak_is_found(impatient: pytest.MonkeyPatch, plant: Any, found: str) -> None:
    """The drill can fail: what a defect leaves behind is counted and named."""
    plant(impatient)
    report = played(15)
    assert not report.ok
    assert any(found in failure for failure in report.failures), report.failures
