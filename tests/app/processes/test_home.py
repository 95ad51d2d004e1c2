"""Where a gateway keeps its state when its own directory is held by another one, or can't be written."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from halfopen.app.processes import home, temporary
from halfopen.app.processes.home import HeldError, Home, in_use, wanted
from halfopen.app.processes.key_desk import at_start
from halfopen.app.processes.state_directory import StateDirectory


@pytest.fixture
def temporary_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place for temporary directories."""
    place = tmp_path / "t"
    place.mkdir()
    monkeypatch.setattr(home, "named_for", lambda path: [place / each.name for each in named(path)[:1]])
    return place


named = temporary.named_for


def left(place: Path) -> list[Path]:
    """What is in a directory."""
    return list(place.iterdir())


@pytest.fixture
def furnished(snapshot: Any) -> Callable[..., Awaitable[tuple[Home, list[str]]]]:
    """`await furnished(path)` is a home with this state directory, and what was told."""

    async def make(path: Path | str) -> tuple[Home, list[str]]:
        made = snapshot()
        processes = msgspec.structs.replace(made.processes, state_dir=str(path))
        told: list[str] = []
        it = Home(told.append)
        await it.furnish(replace(made, processes=processes), {}, None)
        return it, told

    return make


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A directory that can't be made, whoever asks."""
    (tmp_path / "file").write_text("no directory")
    return tmp_path / "file" / "state"


def test_one_that_drains_is_waited_for(tmp_path: Path, furnished: Any, eventually: Any) -> None:
    """The next gateway has the same directory, and says once what it waits for."""

    async def main() -> None:
        first, _ = await furnished(tmp_path / "state")
        second = asyncio.create_task(furnished(tmp_path / "state"))
        await asyncio.sleep(0.05)
        assert not second.done()
        first.leave()
        it, told = await asyncio.wait_for(second, 3)
        assert it.state.path == tmp_path / "state"
        assert [text.partition(";")[0] for text in told] == [f"Another gateway uses {tmp_path / 'state'}"]
        assert StateDirectory(tmp_path / "state").is_held()
        it.leave()

    asyncio.run(main())


def test_one_that_goes_on_keeps_its_directory_to_itself(
    tmp_path: Path, furnished: Any, temporary_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one doesn't start: its commands would reach the first."""
    monkeypatch.setattr(home, "HELD_MAX_S", 0.1)

    async def main() -> None:
        first, _ = await furnished(tmp_path / "state")
        with pytest.raises(HeldError, match=r"another gateway uses .* and goes on"):
            await furnished(tmp_path / "state")
        assert left(temporary_place) == []
        first.leave()

    asyncio.run(main())


def test_a_temporary_one_is_found_and_goes_with_the_run(
    blocked: Path, furnished: Any, temporary_place: Path
) -> None:
    """By the name of the one in whose place it is."""

    async def main() -> None:
        assert in_use(str(blocked)) is None
        it, told = await furnished(blocked)
        found = in_use(str(blocked))
        assert found is not None
        assert found.path == it.state.path
        assert found.path.parent == temporary_place
        why = f"can't make {blocked}: Not a directory"
        assert told == [
            f"Warning: {why}; snapshots, keys and outcomes are kept in {found.path} until the end"
        ]
        it.leave()
        assert left(temporary_place) == []

    asyncio.run(main())


def test_a_directory_that_can_not_be_entered_may_have_keys(
    tmp_path: Path, furnished: Any, temporary_place: Path
) -> None:
    """The gateway runs elsewhere, lets nobody in, and says why."""
    (tmp_path / "loop").symlink_to("loop")

    async def main() -> None:
        it, told = await furnished(tmp_path / "loop" / "state")
        assert it.state.path.parent == temporary_place
        assert told[1].startswith(f"Warning: can't read {tmp_path}/loop/state/keys.json: Too many levels")
        assert "nobody is let in" in told[1]
        assert at_start(it.state, told.append).closed
        it.leave()

    asyncio.run(main())


def test_what_a_crash_has_left_is_used_again(blocked: Path, furnished: Any, temporary_place: Path) -> None:
    """However often it happens, there is one temporary directory, and the next orderly end removes it."""

    async def main() -> None:
        for _ in range(3):
            crashed, _ = await furnished(blocked)
            os.close(crashed.state._lock)
        last, _ = await furnished(blocked)
        assert len(left(temporary_place)) == 1
        last.leave()
        assert left(temporary_place) == []

    asyncio.run(main())


def test_a_temporary_one_that_is_removed_by_its_owner_is_made_anew(
    blocked: Path, furnished: Any, temporary_place: Path
) -> None:
    """Who waited for it holds one that others can see."""

    async def main() -> None:
        first, _ = await furnished(blocked)
        second = asyncio.create_task(furnished(blocked))
        await asyncio.sleep(0.02)
        first.leave()
        it, _ = await asyncio.wait_for(second, 3)
        assert it.state.is_held()
        assert it.state.current()
        it.leave()

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_others_may_have_put_there_is_not_used(
    blocked: Path, furnished: Any, temporary_place: Path, tmp_path: Path, kind: str
) -> None:
    """Everybody can write to the places of temporary directories."""
    (tmp_path / "theirs").mkdir()
    taken = temporary_place / named(str(blocked))[0].name
    if kind == "link":
        taken.symlink_to(tmp_path / "theirs")
    else:
        taken.write_text("")
    with pytest.raises(home.StateError, match="belongs to another user"):
        asyncio.run(furnished(blocked))
    assert list((tmp_path / "theirs").iterdir()) == []
    assert in_use(str(blocked)) is None


def test_a_user_without_a_home_directory_is_served(
    furnished: Any, temporary_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a container's arbitrary user is; the warning says what to set."""

    def no_home(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    async def main() -> None:
        it, told = await furnished("")
        assert told[0].startswith(
            "Warning: there is no home directory for the state; set [processes] state_dir;"
        )
        found = in_use(wanted(8500, "", None))
        assert found is not None
        assert found.path == it.state.path
        it.leave()

    asyncio.run(main())


def test_a_full_disk_gives_the_directory_up(
    tmp_path: Path, furnished: Any, temporary_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not held by a gateway that is elsewhere: its commands find where that is."""
    real = StateDirectory.save

    def save(self: StateDirectory, snapshot: Any) -> str:
        if self.path == tmp_path / "state":
            raise home.StateError("can't write: No space left on device")
        return real(self, snapshot)

    monkeypatch.setattr(StateDirectory, "save", save)

    async def main() -> None:
        it, _ = await furnished(tmp_path / "state")
        assert not StateDirectory(tmp_path / "state").is_held()
        found = in_use(str(tmp_path / "state"))
        assert found is not None
        assert found.path == it.state.path
        it.leave()

    asyncio.run(main())
