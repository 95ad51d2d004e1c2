"""Control as a process of its own: frozen, killed, without room on the disk. Its worker is this process."""

import asyncio
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager

import msgspec
import pytest

from halfopen.app.processes.asking import NoAnswerError, ask
from halfopen.app.processes.child import ControlOrders
from halfopen.app.processes.messages import Ask, Role
from halfopen.app.processes.outcome_sender import KEPT_MAX, OutcomeSender

CONTROL = (sys.executable, "-P", "-m", "halfopen.app.processes.control")
START_S = 10.0


@pytest.fixture
def process(state):
    """Starts a control process; it ends with the block."""

    @contextmanager
    def run(**options):
        ours, theirs = socket.socketpair()
        given = ControlOrders(str(state.path), theirs.fileno())
        command = (*CONTROL, msgspec.json.encode(given).decode())
        with subprocess.Popen(command, pass_fds=(theirs.fileno(),), **options) as child:
            theirs.close()
            child.lifeline = ours
            try:
                yield child
            finally:
                ours.close()
                child.kill()

    return run


def stored(state):
    with sqlite3.connect(state.outcomes_path) as db:
        rows = [name for (name,) in db.execute("SELECT request_id FROM outcomes")]
    db.close()
    return rows


async def connected(worker, eventually):
    worker.link.start()
    await eventually(lambda: worker.link.connected, START_S)


def test_a_control_that_is_killed_loses_nothing(state, process, speaker, outcome, eventually):
    """What it had not recorded is sent to the next one, and what it had is not written twice."""
    count = 3000

    async def play():
        worker = speaker(state.socket_path, Role.WORKER)
        sender = OutcomeSender(worker.link, asyncio.get_running_loop())
        with process() as first:
            await connected(worker, eventually)
            for number in range(count // 3):
                sender.add(outcome(number))
            assert await sender.drain(START_S)
            for number in range(count // 3, count * 2 // 3):
                sender.add(outcome(number))
            sender.flush()
            await asyncio.sleep(0.02)
            first.kill()
            assert sender.unrecorded > 0
        for number in range(count * 2 // 3, count):
            sender.add(outcome(number))
        with process():
            assert await sender.drain(START_S)
        worker.link.close()
        sender.close()
        return sender

    sender = asyncio.run(play())
    assert sender.dropped == 0
    assert sorted(stored(state)) == sorted(f"ho-{number}" for number in range(count))


def test_a_frozen_control_holds_nobody_up_and_what_was_too_much_is_counted(
    state, process, speaker, outcome, eventually
):
    """The calls go on at their speed; when control thaws, every outcome is stored or counted as lost."""
    count = KEPT_MAX + 60_000

    async def play():
        worker = speaker(state.socket_path, Role.WORKER)
        sender = OutcomeSender(worker.link, asyncio.get_running_loop())
        with process() as control:
            await connected(worker, eventually)
            sender.add(outcome(0))
            assert await sender.drain(START_S)
            control.send_signal(signal.SIGSTOP)
            began = time.perf_counter()
            for number in range(1, count):
                sender.add(outcome(number))
            spent_s = time.perf_counter() - began
            with pytest.raises(NoAnswerError, match="did not answer"):
                ask(state.socket_path, Ask("status"), most_s=0.1)
            dropped = sender.dropped
            control.send_signal(signal.SIGCONT)
            assert await sender.drain(START_S)
            answer = await asyncio.to_thread(ask, state.socket_path, Ask("status"))
        worker.link.close()
        sender.close()
        return spent_s, dropped, answer.data["outcomes"]

    spent_s, dropped, told = asyncio.run(play())
    assert spent_s / count < 0.0001
    assert dropped > 0
    assert told["dropped"] >= dropped
    assert told["written"] + told["dropped"] == count
    assert len(stored(state)) == told["written"]


def _small_files():
    """No file of the child may be larger than this: a full disk, for one process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_full_disk_is_shown_and_control_goes_on(state, process, speaker, outcome, eventually):
    """It answers; the status says that the store fails; the next control, with room, gets everything."""

    async def play():
        worker = speaker(state.socket_path, Role.WORKER)
        sender = OutcomeSender(worker.link, asyncio.get_running_loop())
        with process(preexec_fn=_small_files):
            await connected(worker, eventually)
            for number in range(5000):
                sender.add(outcome(number))
            full = None
            async with asyncio.timeout(START_S):
                while full is None or full["store"]["state"] == "ok":
                    await asyncio.sleep(0.02)
                    full = (await asyncio.to_thread(ask, state.socket_path, Ask("status"))).data
        unrecorded = sender.unrecorded
        with process():
            assert await sender.drain(START_S)
            mended = (await asyncio.to_thread(ask, state.socket_path, Ask("status"))).data
        worker.link.close()
        sender.close()
        return full, unrecorded, mended

    full, unrecorded, mended = asyncio.run(play())
    assert full["store"]["state"] == "failing"
    assert any(problem.startswith("outcomes can't be stored: ") for problem in full["problems"])
    assert unrecorded > 0
    assert mended["store"]["state"] == "ok"
    assert mended["outcomes"]["dropped"] == 0
    assert sorted(stored(state)) == sorted(f"ho-{number}" for number in range(5000))


@pytest.mark.alone
def test_it_ends_on_sigterm_and_writes_what_waits(state, process, speaker, outcome, eventually):
    """With status 0, and soon."""

    async def play():
        worker = speaker(state.socket_path, Role.WORKER)
        sender = OutcomeSender(worker.link, asyncio.get_running_loop())
        with process() as control:
            await connected(worker, eventually)
            for number in range(500):
                sender.add(outcome(number))
            sender.flush()
            await asyncio.sleep(0.05)
            control.terminate()
            began = time.monotonic()
            status = await asyncio.to_thread(control.wait, START_S)
            spent_s = time.monotonic() - began
        worker.link.close()
        sender.close()
        return status, spent_s

    status, spent_s = asyncio.run(play())
    assert status == 0
    assert spent_s < 3.0
    assert len(stored(state)) == 500


def test_it_ends_with_the_supervisor(state, process, speaker, eventually):
    """Whose end of the lifeline closes, however it ended."""

    async def play():
        worker = speaker(state.socket_path, Role.WORKER)
        with process() as control:
            await connected(worker, eventually)
            control.lifeline.close()
            status = await asyncio.to_thread(control.wait, START_S)
        worker.link.close()
        return status

    assert asyncio.run(play()) == 0


def test_it_is_lean(state):
    """It imports no command line, and nothing that draws or simulates."""
    code = "import halfopen.app.processes.control, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"typer", "rich", "matplotlib", "halfopen.simulator", "sqlalchemy", "halfopen.gateway.server"}
    assert heavy & set(done.stdout.split()) == set()
