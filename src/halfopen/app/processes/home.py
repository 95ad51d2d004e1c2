"""Where a gateway keeps its state: its own directory, or a temporary one if that can't be written.

Rules
1. A gateway that can't write its directory serves all the same; what it is told by `halfopen config apply`
   and its outcomes are then lost with the run.
2. The temporary directory is named for the one in whose place it is: commands find it, and the next gateway
   uses it again if this one didn't end in order.
3. One gateway a directory. One that is started while the one before it drains waits for that; no gateway
   goes elsewhere because another one is there, as its commands would reach that one.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from halfopen.app.processes import key_file
from halfopen.app.processes.state_directory import StateDirectory, StateError, default_path
from halfopen.app.processes.temporary import is_own, named_for
from halfopen.rollout import Snapshot

HELD_MAX_S: Final = 18.0
"""A gateway that was told to stop has ended by then."""
_LOOK_EVERY_S: Final = 0.05


class HeldError(StateError):
    """Another gateway uses the directory."""


class Home:
    """The state directory of this run."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` is told, in words for a person, when the directory can't be used."""
        self._tell = tell
        self._passing: Path | None = None
        self.state = StateDirectory(Path())
        """It. Only after `furnish`."""

    async def furnish(self, snapshot: Snapshot, places: Mapping[str, str], folder: Path | None) -> None:
        """Take a directory and put into it what workers need.

        Args:
            snapshot: What is served.
            places: Addresses of local models, by provider.
            folder: That of the configuration file; None: there is none.

        Raises:
            HeldError: Another gateway uses it and doesn't end.
            StateError: Not even a temporary directory can be written.
        """
        port, state_dir = snapshot.gateway.port, snapshot.processes.state_dir
        path: Path | None = None
        try:
            path = default_path(port, os.environ, state_dir, folder)
            await self._take(path, snapshot, places)
        except HeldError:
            raise
        except StateError as error:
            found = await self._take_passing(wanted(port, state_dir, folder), snapshot, places)
            unread = "" if path is None else key_file.bring(StateDirectory(path), self.state)
            self._tell(f"Warning: {error}; snapshots, keys and outcomes are kept in {found} until the end")
            if unread:
                self._tell(
                    f"Warning: {unread}; there may be keys in it, so nobody is let in. Mend that, or name "
                    "another directory as [processes] state_dir, and start again"
                )

    async def _take_passing(self, name: str, snapshot: Snapshot, places: Mapping[str, str]) -> Path:
        problem = StateError("there is no temporary directory")
        for path in named_for(name):
            if path.exists() and not is_own(path):
                problem = StateError(f"{path} belongs to another user")
                continue
            try:
                await self._take(path, snapshot, places)
            except HeldError:
                raise
            except StateError as error:
                problem = error
            else:
                self._passing = path
                return path
        raise problem

    async def _take(self, path: Path, snapshot: Snapshot, places: Mapping[str, str]) -> None:
        """Make the directory ours, and write what workers need. Raises StateError."""
        self.state = state = StateDirectory(path)
        state.open()
        await self._hold(state)
        try:
            # The one before may have taken something of it away when it ended.
            state.open()
            state.save(snapshot)
            state.set_places(places)
            state.set_current(snapshot.id, "start", time.time())
        except StateError:
            state.release()
            raise

    async def _hold(self, state: StateDirectory) -> None:
        loop = asyncio.get_running_loop()
        until = 0.0
        while not state.hold():
            now = loop.time()
            if not until:
                until = now + HELD_MAX_S
                self._tell(
                    f"Another gateway uses {state.path}; requests wait until it has ended, "
                    f"for {HELD_MAX_S:g} s at most"
                )
            elif now > until:
                raise HeldError(
                    f"another gateway uses {state.path} and goes on; give each its own [processes] state_dir"
                )
            await asyncio.sleep(_LOOK_EVERY_S)
            state.open()

    def leave(self) -> None:
        """Give it up, and remove it if it was for this run only."""
        if self._passing is not None:
            shutil.rmtree(self._passing, ignore_errors=True)
        self.state.release()


def wanted(port: int, state_dir: str, folder: Path | None) -> str:
    """What a temporary directory is named for: the gateway's own, or the setting if that says none."""
    try:
        return str(default_path(port, os.environ, state_dir, folder).absolute())
    except StateError:
        return f"{state_dir or '~'} {port}"


def in_use(name: str) -> StateDirectory | None:
    """The directory of the gateway that runs: its own, or the temporary one in its place; None: none runs.

    Args:
        name: As `wanted` says.
    """
    for path in (Path(name), *filter(is_own, named_for(name))):
        state = StateDirectory(path)
        if path.is_absolute() and state.is_held():
            return state
    return None
