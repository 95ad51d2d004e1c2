"""Restarts of a child, in virtual time."""

import signal

import pytest

from halfopen.app.local.restart import ChildExit, GiveUp, Reason, Restart, RestartPolicy, Restarts

POLICY = RestartPolicy(base_s=1, max_s=10, settled_s=60, deaths_max=6)
KILLED = -signal.SIGKILL


def test_deaths_in_a_row_double_the_wait_up_to_its_bound_and_then_end_it() -> None:
    """A child that keeps dying is started ever more slowly, and finally not at all."""
    restarts = Restarts(POLICY)
    decisions = [restarts.died(KILLED, now) for now in range(6)]
    assert decisions == [
        Restart(Reason.CRASHED, 1),
        Restart(Reason.CRASHED, 2),
        Restart(Reason.CRASHED, 4),
        Restart(Reason.CRASHED, 8),
        Restart(Reason.CRASHED, 10),
        GiveUp(Reason.TOO_MANY_DEATHS),
    ]


@pytest.mark.parametrize(
    ("ready_s", "delay_s"),
    [(0, 4), (59.9, 4), (60, 1), (86_400, 1)],
    ids=["at once", "just not", "just", "a day"],
)
def test_only_a_settled_child_ends_the_row_of_deaths(ready_s: float, delay_s: float) -> None:
    """A crash after long service starts from the shortest wait; one soon after the start does not."""
    restarts = Restarts(POLICY)
    restarts.died(KILLED, 0)
    restarts.died(KILLED, 2)
    restarts.ready(10)
    assert restarts.died(KILLED, 10 + ready_s) == Restart(Reason.CRASHED, delay_s)


def test_a_child_that_settles_each_time_is_restarted_for_ever() -> None:
    """The bound is on deaths in a row, not on deaths in all."""
    restarts = Restarts(POLICY)
    for day in range(1000):
        restarts.ready(day * 86_400)
        assert restarts.died(KILLED, (day + 1) * 86_400) == Restart(Reason.CRASHED, 1)


def test_readiness_counts_for_one_life_only() -> None:
    """A child that never got ready does not inherit the good service of the one before."""
    restarts = Restarts(POLICY)
    restarts.ready(0)
    assert restarts.died(KILLED, 100) == Restart(Reason.CRASHED, 1)
    assert restarts.died(KILLED, 300) == Restart(Reason.CRASHED, 2)


@pytest.mark.parametrize(
    "status", [ChildExit.NO_EXTRA, ChildExit.NO_FILE], ids=lambda status: status.name.lower()
)
def test_what_cannot_mend_itself_is_not_tried_again(status: ChildExit) -> None:
    """A missing package or file ends it at the first death, also after good service."""
    restarts = Restarts(POLICY)
    restarts.ready(0)
    assert restarts.died(status, 1000) == GiveUp(Reason.HOPELESS)


def test_a_file_that_never_loaded_is_hopeless_and_one_that_did_is_not() -> None:
    """A failed load is final for a new file, and a passing lack of memory for one that has worked."""
    assert Restarts(POLICY).died(ChildExit.LOAD_FAILED, 5) == GiveUp(Reason.HOPELESS)
    restarts = Restarts(POLICY)
    restarts.ready(0)
    restarts.died(KILLED, 10)
    assert restarts.died(ChildExit.LOAD_FAILED, 12) == Restart(Reason.CRASHED, 2)


def test_a_taken_port_asks_for_another_and_stays_bounded() -> None:
    """A port conflict is solved by a new port, but not for ever."""
    restarts = Restarts(POLICY)
    assert restarts.died(ChildExit.PORT_TAKEN, 0) == Restart(Reason.PORT_TAKEN, 1, new_port=True)
    for now in range(1, 5):
        restarts.died(ChildExit.PORT_TAKEN, now)
    assert restarts.died(ChildExit.PORT_TAKEN, 9) == GiveUp(Reason.TOO_MANY_DEATHS)


def test_a_start_that_takes_too_long_counts_as_a_death() -> None:
    """A model that hangs while it loads is tried again, with the reason named."""
    assert Restarts(POLICY).died(None, 60) == Restart(Reason.SLOW_START, 1)


def test_no_number_of_deaths_overflows_the_wait() -> None:
    """With the bound set high, the wait stays at its longest instead of raising."""
    restarts = Restarts(RestartPolicy(deaths_max=5000))
    decisions = [restarts.died(KILLED, now) for now in range(4000)]
    assert decisions[-1] == Restart(Reason.CRASHED, 30)
