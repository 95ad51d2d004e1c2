"""Decides which snapshot is current: the file that was saved, one that was applied, or an earlier one.

Everything here may block on a disk: control calls it in one thread of its own, one call at a time.

Rules
1. What can't be served changes nothing: the last good snapshot stays, and the problem is kept to be told.
2. A file counts as saved when its time, size or inode is another one, and has been for two looks: an
   editor that writes it bit by bit isn't read halfway.
3. A snapshot that was applied, or gone back to, stays until the file is saved again.
4. Keys that are written out belong to their snapshot, and are in memory only. A snapshot whose keys are not
   known is refused: another one's could go to an address that they are not for.
5. A file that could not be kept, because the disk is full, is tried again until it can.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from halfopen.app.configuration import ConfigurationError, Loaded, load, load_text
from halfopen.app.processes.placing import LOCAL_KEY, secrets_for
from halfopen.app.processes.restart_note import needs_restart
from halfopen.app.processes.shared_snapshot import settled
from halfopen.app.processes.state_directory import Entry, StateDirectory, StateError
from halfopen.app.processes.written_out import WrittenOut, written_out
from halfopen.rollout import Snapshot

_Seen = tuple[int, int, int]

APPLIED_NAME = Path("FILE")
"""What problems of a text that was applied are named by."""
AGAIN_LOOKS = 16
"""Looks until a file that could not be kept is tried again."""
_READ = ("start", "file")
"""Why a snapshot is current that was read from the file."""
_KEYS_UNKNOWN = (
    "writes out keys, and they are not known any more: apply its file anew, or put keys into variables"
)


@dataclass(frozen=True, slots=True)
class Change:
    """What came of a look at the file, or of a wish."""

    ok: bool
    changed: bool = False
    """Whether there is another current snapshot, or another secret."""
    problem: str = ""
    """Why nothing was changed; every problem on a line of its own."""
    data: Mapping[str, Any] | None = None
    """More for the command line."""
    again: bool = False
    """Whether the same may go well later, since it is the disk that refused it."""


class Changes:
    """The current snapshot of one gateway, and its written-out keys."""

    def __init__(
        self,
        state: StateDirectory,
        path: Path | None,
        serving: str,
        environ: Mapping[str, str],
        wall: Callable[[], float],
    ) -> None:
        """Prepare; `begin` reads what there is.

        Args:
            state: Where snapshots are kept.
            path: The configuration file; None: there is none to watch.
            serving: The snapshot that was served at the start, by its id.
            environ: The gateway's environment variables, and under names with a dot the keys that the
                snapshot which was served at the start writes out.
            wall: Seconds since the Unix epoch.
        """
        self._state = state
        self.path = path
        self._environ = {name: value for name, value in environ.items() if "." not in name}
        self._written_out = WrittenOut(serving, environ)
        self._wall = wall
        self.current = serving
        self.snapshot: Snapshot | None = None
        """The current one; None: it can't be read."""
        self.secrets: dict[str, str] = {}
        """Keys that the current snapshot writes out."""
        self.since_wall_s: float | None = None
        """When the current one became so. Seconds since the Unix epoch; None: not known."""
        self.problem = ""
        """What is wrong with the file; empty: nothing."""
        self._seen: _Seen | None = None
        self._candidate: _Seen | None = None
        self._looks_left = 0
        """Until the file is tried again; 0: it need not be."""

    def begin(self) -> Change:
        """Take what the state directory says; then the file, if it was saved since it was last read."""
        self.current = self._state.current() or self.current
        self._adopt(self.current)
        history = self._state.history()
        self.since_wall_s = next((e.at_wall_s for e in reversed(history) if e.id == self.current), None)
        if self.path is None:
            return Change(ok=True)
        self._seen = self._candidate = self._look()
        last_read = next((e.id for e in reversed(history) if e.why in _READ), "")
        loaded = self._loaded()
        if isinstance(loaded, Change):
            return loaded
        if loaded.snapshot.id != last_read:
            return self._make_current(loaded, "file")
        if not history or history[-1].why in _READ:
            # Only its keys can be others, if it was saved since.
            self.secrets = written_out(loaded.secrets)
            self._written_out.keep(loaded.snapshot.id, self.secrets)
        elif last_read != self.current:
            self._written_out.keep(loaded.snapshot.id, written_out(loaded.secrets))
        return Change(ok=True)

    def look(self) -> Change | None:
        """Whether the file was saved; what came of it, or None: it wasn't."""
        if self.path is None:
            return None
        found = self._look()
        settled, self._candidate = found == self._candidate, found
        is_due = self._looks_left == 1
        self._looks_left = max(self._looks_left - 1, 0)
        if not settled or (found == self._seen and not is_due):
            return None
        self._seen = found
        return self.read()

    def read(self) -> Change:
        """Read the file and make it current if it can be served."""
        if self.path is None:
            return Change(ok=False, problem="there is no configuration file to read again")
        loaded = self._loaded()
        return loaded if isinstance(loaded, Change) else self._make_current(loaded, "file")

    def apply(self, text: str) -> Change:
        """Make the text of a file current if it can be served."""
        try:
            loaded = load_text(text, self._environ, APPLIED_NAME)
        except ConfigurationError as error:
            return Change(ok=False, problem=str(error), data={"problems": _plain(error.problems)})
        change = self._make_current(loaded, "apply")
        notes = {"warnings": _plain(loaded.warnings), "notes": _plain(loaded.hints)}
        return Change(change.ok, change.changed, change.problem, notes)

    def roll_back(self, id: str = "") -> Change:  # noqa: A002 - as everywhere, a snapshot's id
        """Make an earlier snapshot current: the one with this id, or the last other one that can be."""
        earlier = dict.fromkeys(e.id for e in reversed(self._state.history()) if e.id != self.current)
        refused = ""
        for each in (id,) if id else earlier:
            change = self._go_back(each)
            if change.ok or id:
                return change
            refused = refused or f": {each}: {change.problem}"
        return Change(ok=False, problem=f"there is no other snapshot to go back to{refused}")

    def take_over(self, shared: Snapshot) -> Change:
        """Make current what was applied on another machine, as far as it is shared."""
        if self.snapshot is None:
            return Change(ok=False, problem="this machine's own snapshot can't be read")
        snapshot = settled(shared, self.snapshot)
        if self._written_out.of(snapshot) is None:
            self._written_out.pass_on(self.snapshot, self.secrets, snapshot)
        return self._choose(snapshot, self._written_out.of(snapshot), "other machine")

    def history(self) -> list[Entry]:
        """Every change, the oldest first."""
        return self._state.history()

    def _loaded(self) -> Loaded | Change:
        assert self.path is not None
        try:
            loaded = load(self.path, self._environ)
        except ConfigurationError as error:
            self.problem = str(error)
            return Change(ok=False, problem=self.problem)
        self.problem = ""
        return loaded

    def _go_back(self, id: str) -> Change:  # noqa: A002 - as everywhere, a snapshot's id
        try:
            snapshot = self._state.load(id)
        except StateError as error:
            return Change(ok=False, problem=str(error))
        return self._choose(snapshot, self._written_out.of(snapshot), "rollback")

    def _make_current(self, loaded: Loaded, why: str) -> Change:
        change = self._choose(loaded.snapshot, written_out(loaded.secrets), why)
        if why == "file":
            self.problem = f"{self.path}: {change.problem}" if change.problem else ""
            self._looks_left = AGAIN_LOOKS if change.again else 0
        return change

    def _choose(self, snapshot: Snapshot, secrets: dict[str, str] | None, why: str) -> Change:
        """`secrets`: keys that it writes out; None: they are not known any more."""
        if self.snapshot is not None and (problem := needs_restart(self.snapshot, snapshot)):
            return Change(ok=False, problem=problem)
        if secrets is None:
            return Change(ok=False, problem=f"snapshot {snapshot.id} {_KEYS_UNKNOWN}")
        try:
            # The supervisor gives local models their key.
            secrets_for(snapshot, {LOCAL_KEY: "", **self._environ, **secrets})
        except KeyError as error:
            return Change(ok=False, problem=f"the gateway's environment has no {error.args[0]}")
        is_same = snapshot.id == self.current
        if is_same and secrets == self.secrets:
            return Change(ok=True)
        now = self._wall()
        try:
            self._state.save(snapshot)
            # Also where only a key is another one: it says whether that is the file's.
            self._state.set_current(snapshot.id, why, now)
        except StateError as error:
            if not is_same:
                return Change(ok=False, problem=str(error), again=True)
        self._written_out.keep(snapshot.id, secrets)
        self.current, self.snapshot, self.secrets = snapshot.id, snapshot, secrets
        self.since_wall_s = now
        return Change(ok=True, changed=True)

    def _adopt(self, id: str) -> None:  # noqa: A002 - as everywhere, a snapshot's id
        if not id:
            return
        try:
            self.snapshot = self._state.load(id)
        except StateError as error:
            self.problem = str(error)
            return
        self.secrets = self._written_out.of(self.snapshot) or {}

    def _look(self) -> _Seen | None:
        assert self.path is not None
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _plain(values: tuple[Any, ...]) -> Any:
    return msgspec.to_builtins(values)
