"""What control tells of the processes while they are still on their way to each other."""

import asyncio
import os

import pytest

from halfopen.app.processes.messages import Children, Role

UNCONNECTED = "the supervisor is not connected to control"


@pytest.fixture
def looked_at(controlled, speaker, state, eventually, monkeypatch):
    """`looked_at(age_s, *roles)`: the status of a control of that age to which these have connected."""

    def look(age_s, *roles, workers=()):
        async def play():
            async with controlled() as control:
                speakers = [speaker(state.socket_path, role) for role in roles]
                for each in speakers:
                    each.link.start()
                await eventually(lambda: all(each.link.connected for each in speakers))
                if workers:
                    speakers[0].link.send(Children(len(workers), list(workers), {}))
                await eventually(lambda: len(control.status()["workers"]) == len(workers))
                began = control._began
                with monkeypatch.context() as patch:
                    patch.setattr(control.view, "_wall", lambda: began + age_s)
                    status = control.status()
                for each in speakers:
                    each.link.close()
                return status

        return asyncio.run(play())

    return look


def test_nobody_is_missed_at_the_start(looked_at):
    """It is said that the supervisor has yet to come, and that is no problem."""
    status = looked_at(0.5)
    assert status["starting"] == "not connected to control yet: the supervisor"
    assert status["problems"] == []


def test_workers_are_not_missed_at_the_start(looked_at):
    """They are named by their numbers."""
    status = looked_at(0.5, Role.SUPERVISOR, workers=(11, 12))
    assert status["starting"] == "not connected to control yet: worker 0, worker 1"
    assert status["problems"] == []


def test_who_has_not_come_after_a_while_is_a_problem(looked_at):
    """Five seconds are more than three tries to connect."""
    status = looked_at(6.0)
    assert (status["starting"], status["problems"]) == ("", [UNCONNECTED])
    status = looked_at(6.0, Role.SUPERVISOR, workers=(11,))
    assert (status["starting"], status["problems"]) == ("", ["worker 0 (pid 11) is not connected to control"])


def test_when_all_have_come_it_has_started(looked_at):
    """However young it is."""
    status = looked_at(0.5, Role.SUPERVISOR, Role.WORKER, workers=(os.getpid(),))
    assert (status["starting"], status["supervisor"]["connected"]) == ("", True)
