"""A snapshot that the supervisor keeps for workers that start."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from halfopen.app.processes.handed_snapshot import NONE, HandedSnapshot, received
from halfopen.rollout.saved import SavedError


@pytest.fixture(params=["memory", "disk"])
def handed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[HandedSnapshot]:
    """One that keeps nothing yet, on a system with files in memory and on one without."""
    if request.param == "disk":
        monkeypatch.delattr(os, "memfd_create")
    it = HandedSnapshot()
    yield it
    it.close()


def test_every_child_gets_the_whole_one(handed: HandedSnapshot, snapshot: Any) -> None:
    """However often it was read before, and the last one that was kept."""
    for route in ("m", "other"):
        made = snapshot(route)
        handed.keep(made)
        assert handed.id == made.id
        for _ in range(2):
            assert received(handed.opened(), made.id) == made


def test_it_is_the_one_with_the_id(handed: HandedSnapshot, snapshot: Any) -> None:
    """As with every other snapshot."""
    handed.keep(snapshot())
    with pytest.raises(SavedError, match="its content is that of snapshot"):
        received(handed.opened(), snapshot("other").id)


def test_a_system_without_room_keeps_none(
    handed: HandedSnapshot, snapshot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is handed then: half a snapshot would serve nobody. No descriptor is left behind."""
    handed.keep(snapshot())
    before = len(list(Path("/proc/self/fd").iterdir()))

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    handed.keep(snapshot("other"))
    assert (handed.id, handed.opened()) == ("", NONE)
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 1


def test_a_descriptor_that_is_none() -> None:
    """A worker then looks into the state directory."""
    with pytest.raises(SavedError, match="Bad file descriptor"):
        received(2**20, "")
