"""The part of rate limits that a worker keeps to, with and without word from control."""

import pytest

from halfopen.app.processes.child import WorkerOrders
from halfopen.app.processes.messages import Shares
from halfopen.app.processes.pacing_share import SILENT_S, PacingShare

PROVIDERS = {"p": object(), "q": object()}


def told(workers: int = 4, replicas: int = 1, *, again: bool = False) -> PacingShare:
    orders = WorkerOrders(0, workers, "", [], 0, "", replicas=replicas, again=again)
    return PacingShare(orders, 100.0)


@pytest.mark.parametrize(
    ("workers", "replicas", "again", "first"),
    [
        pytest.param(1, 1, False, 1.0, id="alone"),
        pytest.param(4, 1, False, 0.25, id="one of four"),
        pytest.param(4, 5, False, 0.05, id="on one of five machines"),
        pytest.param(4, 1, True, 0.025, id="in the place of another"),
        pytest.param(1, 1, True, 1.0, id="alone and again"),
    ],
)
def test_starts(workers: int, replicas: int, again: bool, first: float) -> None:
    """With an even part; in the place of another, with little."""
    assert told(workers, replicas, again=again).first == pytest.approx(first)


def test_without_control() -> None:
    """One in the place of another takes its even part after 3 s, once; others have it already."""
    replacement = told(again=True)
    assert replacement.unheard(102.9, PROVIDERS) is None
    assert replacement.unheard(103.0, PROVIDERS) == {"p": 0.25, "q": 0.25}
    assert replacement.unheard(104.0, PROVIDERS) is None
    assert told().unheard(1000.0, PROVIDERS) is None


def test_control_says() -> None:
    """Its word holds."""
    assert told().told(Shares({"p": 0.7}), 101.0) == {"p": 0.7}


def test_control_falls_silent() -> None:
    """The last word stays, but no more than other machines count on; and until control speaks again."""
    share = told()
    share.told(Shares({"p": 0.7, "q": 0.1}, {"p": 0.5, "q": 0.2}), 101.0)
    assert share.unheard(101.0 + SILENT_S - 0.1, PROVIDERS) is None
    assert share.unheard(101.0 + SILENT_S, PROVIDERS) == {"p": 0.5, "q": 0.1}
    assert share.unheard(200.0, PROVIDERS) is None
    assert share.told(Shares({"p": 0.6}), 201.0) == {"p": 0.6}
