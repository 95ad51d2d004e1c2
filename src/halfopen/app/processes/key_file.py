"""The gateway's own keys on disk: `keys.json` in the state directory.

Rules
1. Only hashes are kept. A key is shown once, when it is made.
2. The file is written whole, for its owner only, by one command at a time.
3. A key that was revoked stays as such, so that who still sends it learns why it is refused, and so that
   revoking the last one doesn't let everybody in.
"""

import base64
import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeVar

import msgspec

from halfopen.app.processes.state_directory import StateDirectory, StateError
from halfopen.gateway.keyring import ID_CHARS, PREFIX, digest
from halfopen.model.gateway_key import Budget, GatewayKey

KEYS_MAX: Final = 10_000
"""Keys that are good."""
REVOKED_MAX: Final = 1000
"""Keys that are remembered as revoked, the latest ones. Older ones are refused as unknown."""
_SECRET_BYTES: Final = 32
_NONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
"""What the system says of a file that can't be there."""
_Result = TypeVar("_Result")


class KeysError(Exception):
    """What was asked can't be done to the keys. Its text is for a person."""


class Made(NamedTuple):
    """A new key."""

    key: GatewayKey
    secret: str
    """The whole key, as its caller sends it."""


class _Content(msgspec.Struct, frozen=True):
    keys: list[GatewayKey]


def load(state: StateDirectory) -> list[GatewayKey] | None:
    """The keys; None: none was ever made.

    Raises:
        StateError: There are some, but they can't be read.
    """
    try:
        content = state.keys_path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"can't read {state.keys_path}: {error.strerror or error}") from None
    try:
        return msgspec.json.decode(content, type=_Content).keys
    except msgspec.DecodeError as error:
        raise StateError(f"{state.keys_path} is damaged: {error}") from None


def bring(there: StateDirectory, here: StateDirectory) -> str:
    """Have the keys of another directory here. If there may be some that can't be read, nor can these.

    Returns:
        Why they can't be read; empty: they can, or there are none.

    Raises:
        StateError: They can't be written here.
    """
    problem = ""
    try:
        content = there.keys_path.read_bytes()
    except OSError as error:
        if error.errno in _NONE:
            return ""
        # Whoever can't look must not take it that there are none: that would let everybody in.
        content, problem = b"", f"can't read {there.keys_path}: {error.strerror or error}"
    here.write(here.keys_path, content)
    return problem


def create(state: StateDirectory, name: str, budget: Budget | None, now_wall_s: float) -> Made:
    """Make a key.

    Raises:
        KeysError: The name has one already, or there are too many.
        StateError: The file can't be read or written.
    """

    def change(keys: list[GatewayKey]) -> Made:
        if _good(keys, name) is not None:
            raise KeysError(f"{name!r} has a key already; `halfopen keys rotate {name}` replaces it")
        if sum(1 for key in keys if key.revoked_wall_s is None) >= KEYS_MAX:
            raise KeysError(f"there are {KEYS_MAX} keys, and there may be no more")
        made = _made(name, budget, now_wall_s)
        keys.append(made.key)
        return made

    return _changed(state, change)


def revoke(state: StateDirectory, name: str, now_wall_s: float) -> GatewayKey:
    """Refuse a key from now on.

    Raises:
        KeysError: The name has no key.
        StateError: The file can't be read or written.
    """

    def change(keys: list[GatewayKey]) -> GatewayKey:
        place = _place(keys, name)
        keys[place] = msgspec.structs.replace(keys[place], revoked_wall_s=now_wall_s)
        return keys[place]

    return _changed(state, change)


def rotate(state: StateDirectory, name: str, now_wall_s: float) -> Made:
    """Make a key in the place of another one, which is refused from now on. The budget stays.

    Raises:
        KeysError: The name has no key.
        StateError: The file can't be read or written.
    """

    def change(keys: list[GatewayKey]) -> Made:
        place = _place(keys, name)
        old = keys[place]
        keys[place] = msgspec.structs.replace(old, revoked_wall_s=now_wall_s)
        made = _made(name, old.budget, now_wall_s)
        keys.append(made.key)
        return made

    return _changed(state, change)


def _made(name: str, budget: Budget | None, now_wall_s: float) -> Made:
    # Neither has a character that a shell, a header or a URL would take for something else.
    id_ = secrets.token_hex(ID_CHARS // 2)
    secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
    whole = f"{PREFIX}{id_}-{secret}"
    return Made(GatewayKey(id_, name, digest(whole), now_wall_s, budget), whole)


def _good(keys: list[GatewayKey], name: str) -> int | None:
    return next(
        (place for place, key in enumerate(keys) if key.name == name and key.revoked_wall_s is None), None
    )


def _place(keys: list[GatewayKey], name: str) -> int:
    place = _good(keys, name)
    if place is None:
        raise KeysError(f"there is no key of {name!r}; `halfopen keys list` shows all")
    return place


def _changed(state: StateDirectory, change: Callable[[list[GatewayKey]], _Result]) -> _Result:
    state.open()
    with _alone(state):
        keys = load(state) or []
        result = change(keys)
        revoked = sorted(key.revoked_wall_s for key in keys if key.revoked_wall_s is not None)
        oldest_s = revoked[-REVOKED_MAX] if len(revoked) > REVOKED_MAX else 0.0
        kept = [key for key in keys if key.revoked_wall_s is None or key.revoked_wall_s >= oldest_s]
        state.write(state.keys_path, msgspec.json.format(msgspec.json.encode(_Content(kept))) + b"\n")
    return result


@contextmanager
def _alone(state: StateDirectory) -> Iterator[None]:
    """No other command changes the keys meanwhile."""
    try:
        lock = os.open(state.path / "keys.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"can't write to {state.path}: {error.strerror or error}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
