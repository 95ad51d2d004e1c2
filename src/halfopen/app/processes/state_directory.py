"""The directory of one gateway: its snapshots with their history, its socket, its outcomes.

Rules
1. A snapshot's file is named by the id of its content, and checked against it when it is read.
2. Every file is written whole beside its place, synced, and then renamed into it: a crash leaves the
   old or the new one.
3. Nothing here is a secret, and all the same only the owner can read a file of it. A directory that was
   there before keeps its mode, since it may hold other things as well.
4. Where the directory's own path is too long for a socket, a file of it says where the socket is.
"""

import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

import msgspec

from halfopen.app.processes.temporary import is_own, named_for
from halfopen.rollout import Snapshot
from halfopen.rollout.saved import SavedError, read_back
from halfopen.rollout.snapshot import canonical

HISTORY_MAX: Final = 1000
"""Entries of the history; snapshots that no entry names are removed."""
_SOCKET_PATH_MAX_BYTES: Final = 100
"""Linux takes 107 bytes, other systems 103."""
_SOCKET: Final = "control.sock"
_NAME_MAX: Final = 32
_COUNT_DIGITS_MAX: Final = 4


class StateError(Exception):
    """The directory, or something in it, can't be used. Its text is for a person."""


class Entry(msgspec.Struct, frozen=True):
    """A change of the current snapshot."""

    id: str
    why: str
    """start, file, apply, rollback or other machine."""
    at_wall_s: float
    """Seconds since the Unix epoch."""


def default_path(
    port: int, environ: Mapping[str, str], state_dir: str = "", folder: Path | None = None
) -> Path:
    """Where the gateway on this port keeps its state.

    Args:
        port: The gateway's port.
        environ: Environment variables.
        state_dir: The setting; empty: the usual place.
        folder: That of the configuration file, by which a relative setting goes; None: the working directory.

    Raises:
        StateError: It is in the home directory of a user who has none.
    """
    try:
        if state_dir:
            return (folder or Path()).absolute() / Path(state_dir).expanduser()
        home = environ.get("XDG_STATE_HOME", "")
        root = Path(home) if home else Path("~/.local/state").expanduser()
    except RuntimeError:
        wanted = repr(state_dir) if state_dir else "the state"
        raise StateError(f"there is no home directory for {wanted}; set [processes] state_dir") from None
    return root / "halfopen" / str(port)


class StateDirectory:
    """One gateway's directory. Several processes may use it at once."""

    def __init__(self, path: Path) -> None:
        """Name it; `open` makes it."""
        self.path = path.absolute()
        self._lock: int | None = None

    def open(self) -> None:
        """Make it where it isn't there.

        Raises:
            StateError: It can't be made or written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._snapshots.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(f"can't make {self.path}: {error.strerror or error}") from None
        if not os.access(self._snapshots, os.W_OK | os.X_OK) or not os.access(self.path, os.W_OK | os.X_OK):
            raise StateError(f"can't write to {self.path}")
        if not _fits(self.path / _SOCKET):
            self._make_socket_place()

    def hold(self) -> bool:
        """Take the directory for this process; false: another gateway has it, or has just taken it away.

        Raises:
            StateError: It can't be written, or there are no locks.
        """
        try:
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"can't write to {self.path}: {error.strerror or error}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.path.samestat(os.fstat(lock), (self.path / "lock").stat())
        except (BlockingIOError, FileNotFoundError):
            is_there = False
        except OSError as error:
            os.close(lock)
            raise StateError(f"can't lock {self.path}: {error.strerror or error}") from None
        if not is_there:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def release(self) -> None:
        """Give it up, with the socket's place if that is not in it."""
        if self._lock is None:
            return
        place = self.socket_path.parent
        if place != self.path and is_own(place):
            with suppress(OSError):  # it is only room that it takes
                self.socket_path.unlink(missing_ok=True)
                place.rmdir()
        os.close(self._lock)
        self._lock = None

    def is_held(self) -> bool:
        """Whether a running gateway has taken it."""
        try:
            lock = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(lock)
        return False

    @property
    def socket_path(self) -> Path:
        """Control's Unix socket: in the directory, or where its file `socket` says if that is too long."""
        path = self.path / _SOCKET
        if _fits(path):
            return path
        named = self._text("socket", "utf-8")
        return Path(named) if named else self._socket_places()[0] / _SOCKET

    def _socket_places(self) -> list[Path]:
        return [place for place in named_for(str(self.path)) if _fits(place / _SOCKET)]

    def _make_socket_place(self) -> None:
        """Have a directory with a short path, and write down which. Raises StateError."""
        problem = ""
        for place in self._socket_places():
            try:
                place.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                problem = f"can't make {place}: {error.strerror or error}"
                continue
            if is_own(place):
                if self._text("socket", "utf-8") != str(place / _SOCKET):
                    self._write(self.path / "socket", os.fsencode(place / _SOCKET) + b"\n")
                return
            problem = f"{place} belongs to another user"
        raise StateError(problem)

    @property
    def outcomes_path(self) -> Path:
        """The SQLite file of outcomes."""
        return self.path / "outcomes.db"

    def note_store(self, place: str) -> bool:
        """Remember where outcomes are stored, if it can be written; whether it was elsewhere before."""
        before = self._text("store")
        if before != place:
            with suppress(StateError):
                self._write(self.path / "store", place.encode() + b"\n")
        return before not in ("", place)

    @property
    def content_path(self) -> Path:
        """The SQLite file of prompts and answers. There is none as long as no route keeps any."""
        return self.path / "content.db"

    @property
    def keys_path(self) -> Path:
        """The gateway's own keys, see `key_file`."""
        return self.path / "keys.json"

    def write(self, path: Path, content: bytes) -> None:
        """Replace a file of the directory as a whole, for the owner only.

        Raises:
            StateError: It can't be written.
        """
        self._write(path, content)

    @property
    def _snapshots(self) -> Path:
        return self.path / "snapshots"

    def _snapshot_path(self, id: str) -> Path:  # noqa: A002 - as everywhere, a snapshot's id
        return self._snapshots / f"{id}.json"

    def save(self, snapshot: Snapshot) -> str:
        """Write a snapshot; return its id.

        Raises:
            StateError: It can't be written.
        """
        path = self._snapshot_path(snapshot.id)
        content = canonical(snapshot)
        try:
            if path.read_bytes() == content:
                return snapshot.id
        except OSError:
            pass
        self._write(path, content)
        return snapshot.id

    def load(self, id: str) -> Snapshot:  # noqa: A002 - as everywhere, a snapshot's id
        """Read a snapshot and check that it is the one that its id says.

        Raises:
            StateError: There is no such snapshot, or its file was damaged.
        """
        if not id.isalnum():
            raise StateError(f"there is no snapshot {id!r}")
        try:
            return read_back(self._snapshot_path(id).read_bytes(), id)
        except FileNotFoundError:
            raise StateError(f"there is no snapshot {id}") from None
        except (OSError, SavedError) as error:
            raise StateError(f"snapshot {id} can't be used: {error}") from None

    def current(self) -> str | None:
        """The id of the snapshot that is served; None: none was chosen yet, or it can't be read."""
        return self._text("current") or None

    def set_current(self, id: str, why: str, at_wall_s: float) -> None:  # noqa: A002 - as everywhere, a snapshot's id
        """Choose a snapshot that was saved, and note it in the history.

        Raises:
            StateError: It can't be written.
        """
        entries = [*self.history(), Entry(id, why, at_wall_s)][-HISTORY_MAX:]
        lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        self._write(self.path / "history.jsonl", lines)
        self._write(self.path / "current", id.encode() + b"\n")
        self._remove_unnamed({entry.id for entry in entries})

    def history(self) -> list[Entry]:
        """Every change of the current snapshot, the oldest first. Lines that can't be read are left out."""
        try:
            lines = (self.path / "history.jsonl").read_bytes().splitlines()
        except OSError:
            return []
        entries = []
        for line in lines[-HISTORY_MAX:]:
            try:
                entries.append(msgspec.json.decode(line, type=Entry))
            except msgspec.DecodeError:
                continue
        return entries

    def places(self) -> dict[str, str]:
        """Addresses of local models that run now, by provider."""
        try:
            return msgspec.json.decode((self.path / "places.json").read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError):
            return {}

    def set_places(self, places: Mapping[str, str]) -> None:
        """Note where local models run.

        Raises:
            StateError: It can't be written.
        """
        path, content = self.path / "places.json", msgspec.json.encode(dict(places))
        with suppress(OSError):
            if path.read_bytes() == content:
                return  # nor does a full disk matter then
        self._write(path, content)

    def name(self) -> str:
        """What tells this directory's gateway from others: the same each time, if it can be written."""
        own = self._text("name")[:_NAME_MAX]
        if not own.isalnum():
            own = token_hex(4)
            with suppress(StateError):
                self._write(self.path / "name", own.encode() + b"\n")
        return own

    def gateways(self) -> int:
        """How many gateways shared limits when that was last known; 0: it never was."""
        number = self._text("gateways")
        return int(number) if number.isdecimal() and len(number) <= _COUNT_DIGITS_MAX else 0

    def set_gateways(self, number: int) -> None:
        """Note how many gateways share limits.

        Raises:
            StateError: It can't be written.
        """
        self._write(self.path / "gateways", b"%d\n" % number)

    def _text(self, name: str, encoding: str = "ascii") -> str:
        """A file of one line; empty: it isn't there, or can't be read."""
        try:
            return (self.path / name).read_text(encoding).strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _remove_unnamed(self, named: set[str]) -> None:
        for path in self._snapshots.glob("*.json"):
            if path.stem not in named:
                with suppress(OSError):  # it is only room that it takes
                    path.unlink()

    def _write(self, path: Path, content: bytes) -> None:
        """Replace a file as a whole."""
        beside = path.with_name(f"{path.name}.{os.getpid()}.new")
        try:
            with beside.open("wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            _sync_directory(path.parent)
        except OSError as error:
            with suppress(OSError):
                beside.unlink()
            raise StateError(f"can't write {path}: {error.strerror or error}") from None


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= _SOCKET_PATH_MAX_BYTES


def _sync_directory(path: Path) -> None:
    """Without this a renamed file could be its old self again after a power cut."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
