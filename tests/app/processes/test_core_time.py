"""Turns on a shared core, as the kernel says that they are."""

import ctypes
import os
import platform
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from halfopen.app.processes import core_time

READ_ATTRIBUTES = {"x86_64": 315, "aarch64": 275}
SHORT_SINCE = (6, 12)
BACK = """
import os, pathlib
from halfopen.app.processes.core_time import step_back
step_back(5, autogroup=pathlib.Path({path!r}))
print(os.nice(0))
"""


def in_a_thread(work):
    """What it returns in a thread of its own, which takes what it asked for with it."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def attributes():
    """Policy, nice and slice in nanoseconds of this thread."""
    buffer = ctypes.create_string_buffer(48)
    assert ctypes.CDLL(None).syscall(READ_ATTRIBUTES[platform.machine()], 0, buffer, 48, 0) == 0
    _, policy, _, nice, _, slice_ns, _, _ = struct.unpack("=IIQiIQQQ", buffer.raw)
    return policy, nice, slice_ns


def test_a_worker_gets_short_turns_and_keeps_its_weight():
    """As far as the kernel has them."""

    def ask():
        before = attributes()
        return before, core_time.come_soon(), attributes()

    before, taken, after = in_a_thread(ask)
    assert taken
    assert after[:2] == before[:2]
    release = tuple(int(part) for part in platform.release().split(".")[:2])
    assert (after[2] == core_time.SLICE_NS) is (release >= SHORT_SINCE)


@pytest.mark.parametrize(
    ("machine", "number"),
    [
        pytest.param("a machine of another kind", 0, id="nobody knows the call's number"),
        pytest.param(platform.machine(), 9999, id="the kernel has no such call"),
    ],
)
def test_where_it_is_not_to_be_had_nothing_happens(monkeypatch, machine, number):
    """A worker serves all the same."""
    monkeypatch.setattr(platform, "machine", lambda: machine)
    if number:
        monkeypatch.setattr(core_time, "_SET_ATTRIBUTES", {machine: number})
    assert in_a_thread(core_time.come_soon) is False


@pytest.mark.parametrize(
    ("own_session", "weighed"),
    [pytest.param(True, "5", id="own session"), pytest.param(False, "0", id="session of another")],
)
def test_control_steps_back_with_its_session_if_that_is_its_own(tmp_path, own_session, weighed):
    """Else it would slow down whatever runs in the same terminal."""
    path = tmp_path / "autogroup"
    path.write_text("0")
    code = BACK.format(path=str(path))
    nice = os.nice(0)
    done = subprocess.run(
        [sys.executable, "-c", code],
        start_new_session=own_session,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (int(done.stdout), path.read_text()) == (min(nice + 5, 19), weighed)


def test_control_steps_back_where_sessions_are_not_weighed(tmp_path):
    """A system without such a file, or which refuses it, is no error."""
    code = BACK.format(path=str(tmp_path / "nowhere" / "autogroup"))
    done = subprocess.run(
        [sys.executable, "-c", code], start_new_session=True, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_linux_weighs_the_session(tmp_path):
    """By the file that is meant where there is one: its answer tells the weight."""
    place = Path("/proc/self/autogroup")
    code = BACK.format(path=str(place if place.exists() else tmp_path / "autogroup"))
    code += f"print(pathlib.Path({str(place)!r}).read_text() if {place.exists()} else 'nice 5')"
    done = subprocess.run(
        [sys.executable, "-c", code], start_new_session=True, capture_output=True, text=True, check=True
    )
    assert "nice 5" in done.stdout
