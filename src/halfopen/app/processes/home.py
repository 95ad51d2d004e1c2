"""Where a gateway keeps its state: its own directory, or one for this run if that can't be used.

A gateway that can't write its directory serves all the same; what it is told by `halfopen config apply`
and its outcomes are then lost with the run.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from halfopen.app.processes.state_directory import StateDirectory, StateError, default_path
from halfopen.rollout import Snapshot


class Home:
    """The state directory of this run."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` is told, in words for a person, when the directory can't be used."""
        self._tell = tell
        self._passing: Path | None = None
        self.state = StateDirectory(Path())
        """It. Only after `furnish`."""

    def furnish(self, snapshot: Snapshot, places: Mapping[str, str]) -> None:
        """Take a directory and put into it what workers need.

        Raises:
            StateError: Not even a temporary directory can be written.
        """
        path = default_path(snapshot.gateway.port, os.environ, snapshot.processes.state_dir)
        self.state = StateDirectory(path)
        try:
            _take(self.state, snapshot, places)
        except StateError as error:
            self._passing = Path(tempfile.mkdtemp(prefix="halfopen-"))
            self._tell(f"Warning: {error}; snapshots and outcomes are kept in {self._passing} until the end")
            self.state = StateDirectory(self._passing)
            _take(self.state, snapshot, places)

    def leave(self) -> None:
        """Remove it, if it was for this run only."""
        if self._passing is not None:
            shutil.rmtree(self._passing, ignore_errors=True)


def _take(state: StateDirectory, snapshot: Snapshot, places: Mapping[str, str]) -> None:
    """Make the directory ours, and write what workers need. Raises StateError."""
    state.open()
    if not state.hold():
        raise StateError(f"another gateway uses {state.path}")
    state.save(snapshot)
    state.set_places(places)
    state.set_current(snapshot.id, "start", time.time())
