"""A worker's counter, in memory that outlives it."""

import os
import subprocess
import sys

import pytest

from halfopen.app.processes.ended_counter import EndedCounter, counted, new_counter
from halfopen.app.processes.handed_snapshot import NONE

SOURCE = "00000000000000af"
WORKER = """
import os, sys
from halfopen.app.processes.ended_counter import EndedCounter
cells = EndedCounter(sys.argv[1], int(sys.argv[2])).cells
for number in range(1, 1001):
    cells[0] = number
os.kill(os.getpid(), 9)
"""


@pytest.fixture(params=["memory", "disk"])
def descriptor(request, monkeypatch):
    """One on a system with files in memory, and one on a system without."""
    if request.param == "disk":
        monkeypatch.delattr(os, "memfd_create")
    made = new_counter()
    yield made
    os.close(made)


def test_it_is_read_after_the_worker_was_killed(descriptor):
    """The last number that was written, and whose it is, with the zeros in front."""
    killed = subprocess.run(
        [sys.executable, "-c", WORKER, SOURCE, str(descriptor)], pass_fds=(descriptor,), check=False
    )
    assert killed.returncode == -9
    assert counted(descriptor) == (SOURCE, 1000)


def test_a_worker_that_never_began_has_made_nothing(descriptor):
    """Nobody is told of a source that is none."""
    assert counted(descriptor) is None


def test_a_system_that_has_no_memory_to_give_serves_all_the_same(monkeypatch):
    """The worker counts for itself."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert new_counter() == NONE
    for descriptor in (NONE, 2**20):
        cells = EndedCounter(SOURCE, descriptor).cells
        cells[0] = 7
        assert cells[0] == 7
        assert counted(descriptor) is None
