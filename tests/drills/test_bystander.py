"""What the drill sees of processes, by the system's account."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from halfopen.lab.drills.bystander import children_of, held_connections, is_alive, state_of


@pytest.fixture
def child() -> Iterator[subprocess.Popen[str]]:
    """A process that waits to be told."""
    code = "import sys; print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_stopped_process_is_told_from_one_that_runs(child: subprocess.Popen[str]) -> None:
    """And from one that has ended, reaped or not."""
    assert state_of(child.pid) in ("S", "R")
    assert child.pid in children_of(os.getpid())
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert state_of(child.pid) == "T"
    assert is_alive(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert (state_of(child.pid), is_alive(child.pid)) == ("Z", False)
    assert child.pid not in children_of(os.getpid())
    child.wait()
    assert (state_of(child.pid), is_alive(child.pid)) == ("", False)


def test_only_accepted_connections_are_held() -> None:
    """One that waits in the queue of the listener belongs to whoever accepts it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as first:
            accepted, _ = listener.accept()
            with accepted, socket.create_connection(("127.0.0.1", port)):
                assert held_connections(os.getpid(), port) == {first.getsockname()[1]}
