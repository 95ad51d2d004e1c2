"""What control does when: a wish that comes too late is none, and workers take a snapshot in turn."""

import asyncio
import socket
import time

import pytest

from halfopen.app.processes import adoption
from halfopen.app.processes import control as control_module
from halfopen.app.processes.asking import NoAnswerError, ask
from halfopen.app.processes.frames import FrameReader, frame
from halfopen.app.processes.messages import Answer, Applied, Apply, Ask, Hello, Role


@pytest.fixture
def started(state, snapshot):
    """The state directory as the supervisor leaves it at the start."""
    first = snapshot()
    state.save(first)
    state.set_current(first.id, "start", 1.0)
    return first


def said_late(path, question):
    """The answer to a question with a deadline of its own, however long it takes."""
    reader = FrameReader()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5.0)
        connection.connect(str(path))
        connection.sendall(frame(Hello(Role.COMMAND, 1)) + frame(question))
        while True:
            for message in reader.feed(connection.recv(65536)):
                if isinstance(message, Answer):
                    return message


@pytest.mark.parametrize("what", ["apply", "rollback"])
def test_what_was_asked_too_long_ago_changes_nothing(state, started, controlled, text, snapshot, what):
    """Whoever asked has said that it failed. What comes in time is done."""
    state.save(snapshot("other"))
    argument = text("other") if what == "apply" else snapshot("other").id

    async def play():
        async with controlled():
            late = Ask(what, argument, time.monotonic() - 0.01)
            first = await asyncio.to_thread(said_late, state.socket_path, late)
            before = state.current()
            soon = Ask(what, argument, time.monotonic() + 5.0)
            return first, before, await asyncio.to_thread(said_late, state.socket_path, soon)

    late, before, soon = asyncio.run(play())
    assert (late.ok, late.problem) == (False, "control came to it too late, so nothing was changed")
    assert before == started.id
    assert soon.ok
    assert state.current() == snapshot("other").id


def test_the_command_line_says_how_long_it_waits(state):
    """It is gone afterwards, so that nothing may come of what it asked."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(state.socket_path))
        silent.listen(1)
        began = time.monotonic()
        with pytest.raises(NoAnswerError):
            ask(state.socket_path, Ask("rollback"), most_s=0.05)
        connection, _ = silent.accept()
        with connection:
            hello, asked = FrameReader().feed(connection.recv(65536))
    assert isinstance(hello, Hello)
    assert began + 0.05 <= asked.until_s <= time.monotonic()


async def turns(state, started, controlled, speaker, eventually, text, *, silent):
    """The order in which three workers, of which some never answer, are told of a snapshot and serve it."""
    order = []
    async with controlled() as control:
        workers = [speaker(state.socket_path, Role.WORKER, number=n, snapshot=started.id) for n in range(3)]
        loop = asyncio.get_running_loop()

        def serve(worker, apply):
            order.append(("told", worker.number))
            if worker.number not in silent:
                loop.call_later(0.02, served, worker, apply)

        def served(worker, apply):
            order.append(("serves", worker.number))
            worker.link.send(Applied(apply.snapshot))

        for worker in workers:
            worker.link.listen(Apply, lambda apply, worker=worker: serve(worker, apply))
            worker.link.start()
        await eventually(lambda: len(control.status()["workers"]) == 3)
        began = loop.time()
        await asyncio.to_thread(said_late, state.socket_path, Ask("apply", text("other")))
        spent_s = loop.time() - began
        for worker in workers:
            worker.link.close()
    return order, spent_s


def test_workers_take_a_snapshot_one_after_the_other(state, started, controlled, speaker, eventually, text):
    """So there is always one that isn't busy with it."""
    order, _ = asyncio.run(turns(state, started, controlled, speaker, eventually, text, silent=()))
    assert order == [(what, number) for number in range(3) for what in ("told", "serves")]


@pytest.mark.alone
def test_a_worker_that_does_not_answer_holds_the_others_up_for_a_moment(
    state, started, controlled, speaker, eventually, text
):
    """Their turn comes all the same, within a second of the change."""
    order, spent_s = asyncio.run(turns(state, started, controlled, speaker, eventually, text, silent=(0, 1)))
    assert [each for each in order if each[0] == "told"] == [("told", 0), ("told", 1), ("told", 2)]
    assert order[-1] == ("serves", 2)
    most_s = adoption.TURNS_S + control_module.WORKERS_S
    assert adoption.TURNS_S <= spent_s < most_s + 0.5
