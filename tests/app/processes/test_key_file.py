"""The file of the gateway's own keys: no secrets in it, whole at any moment, and one command at a time."""

import errno
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from halfopen.app.processes import key_file
from halfopen.app.processes.key_desk import at_start
from halfopen.app.processes.key_file import KeysError
from halfopen.app.processes.state_directory import StateDirectory, StateError
from halfopen.gateway.keyring import ID_CHARS, KEY_MAX_CHARS, digest
from halfopen.model.gateway_key import Budget, Per


def test_a_key_is_not_in_the_file(state: StateDirectory) -> None:
    """Only its hash is, and its owner alone may read that."""
    made = key_file.create(state, "alice", Budget(Per.DAY, requests=3), 1.0)
    content = state.keys_path.read_text()
    assert made.secret[3 + ID_CHARS + 1 :] not in content
    assert json.loads(content)["keys"][0]["sha256"] == digest(made.secret)
    assert stat.S_IMODE(state.keys_path.stat().st_mode) == 0o600
    assert key_file.load(state) == [made.key]


def test_keys_are_long_and_all_different(state: StateDirectory) -> None:
    """`ho-`, an identifier, and 32 random bytes; a header takes them as they are."""
    made = [key_file.create(state, f"c{number}", None, 1.0).secret for number in range(20)]
    assert len(set(made)) == 20
    assert len({each[3 : 3 + ID_CHARS] for each in made}) == 20
    for each in made:
        assert each.startswith("ho-")
        assert each[3 + ID_CHARS] == "-"
        assert len(each) == 3 + ID_CHARS + 1 + 43 <= KEY_MAX_CHARS
        assert each.isascii()


def test_none_was_ever_made(state: StateDirectory) -> None:
    """That is told apart from a file that can't be read."""
    assert key_file.load(state) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"keys":[{"id":1}]}', b"[]"], ids=["empty", "cut", "another form", "no keys"]
)
def test_a_damaged_file_is_an_error_and_stays(state: StateDirectory, content: bytes) -> None:
    """Nothing is written over it: it may be mended."""
    state.keys_path.write_bytes(content)
    for attempt in (
        lambda: key_file.load(state),
        lambda: key_file.create(state, "alice", None, 1.0),
        lambda: key_file.revoke(state, "alice", 1.0),
    ):
        with pytest.raises(StateError, match="is damaged"):
            attempt()
    assert state.keys_path.read_bytes() == content


def test_a_name_has_one_good_key(state: StateDirectory) -> None:
    """After it was revoked it may have another one."""
    first = key_file.create(state, "alice", None, 1.0)
    with pytest.raises(KeysError, match="has a key already; `halfopen keys rotate alice`"):
        key_file.create(state, "alice", None, 2.0)
    assert key_file.revoke(state, "alice", 3.0).id == first.key.id
    with pytest.raises(KeysError, match="there is no key of 'alice'"):
        key_file.revoke(state, "alice", 4.0)
    with pytest.raises(KeysError, match="there is no key of 'alice'"):
        key_file.rotate(state, "alice", 4.0)
    second = key_file.create(state, "alice", None, 5.0)
    keys = key_file.load(state) or []
    assert [(key.id, key.revoked_wall_s) for key in keys] == [(first.key.id, 3.0), (second.key.id, None)]


def test_a_key_is_replaced_with_its_budget(state: StateDirectory) -> None:
    """The old one is refused from then on."""
    budget = Budget(Per.HOUR, tokens=5)
    old = key_file.create(state, "alice", budget, 1.0)
    new = key_file.rotate(state, "alice", 2.0)
    assert new.key.budget == budget
    assert new.secret != old.secret
    keys = key_file.load(state) or []
    assert [(key.id, key.revoked_wall_s) for key in keys] == [(old.key.id, 2.0), (new.key.id, None)]


def test_commands_at_the_same_time_lose_nothing(state: StateDirectory) -> None:
    """Each sees what the one before has written."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: key_file.create(state, f"c{number}", None, 1.0), range(24)))
    assert {key.name for key in key_file.load(state) or []} == {f"c{number}" for number in range(24)}


def test_what_is_kept_is_bounded(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest revoked keys are forgotten, which are then refused as unknown."""
    monkeypatch.setattr(key_file, "REVOKED_MAX", 3)
    monkeypatch.setattr(key_file, "KEYS_MAX", 2)
    for number in range(6):
        key_file.create(state, "alice", None, float(number))
        key_file.revoke(state, "alice", float(number))
    assert [key.revoked_wall_s for key in key_file.load(state) or []] == [3.0, 4.0, 5.0]
    for name in ("a", "b"):
        key_file.create(state, name, None, 9.0)
    with pytest.raises(KeysError, match="there are 2 keys, and there may be no more"):
        key_file.create(state, "c", None, 9.0)


def test_a_directory_that_is_not_there_is_made(tmp_path: Path) -> None:
    """Keys may be made before the gateway is started."""
    state = StateDirectory(tmp_path / "a" / "b")
    key_file.create(state, "alice", None, 1.0)
    assert len(key_file.load(state) or []) == 1


def test_keys_go_along_to_another_directory(state: StateDirectory, tmp_path: Path) -> None:
    """Also such as can't be read, so that a gateway that has to go elsewhere doesn't let everybody in."""
    here = StateDirectory(tmp_path / "elsewhere")
    here.open()
    assert key_file.bring(state, here) == ""
    assert key_file.load(here) is None
    made = key_file.create(state, "alice", None, 1.0)
    assert key_file.bring(state, here) == ""
    assert key_file.load(here) == [made.key]
    state.keys_path.unlink()
    state.keys_path.mkdir()
    assert key_file.bring(state, here) == f"can't read {state.keys_path}: Is a directory"
    with pytest.raises(StateError, match="is damaged"):
        key_file.load(here)


@pytest.mark.parametrize(
    ("error", "may_have_some"),
    [
        (errno.ENOENT, False),
        (errno.ENOTDIR, False),
        (errno.ENAMETOOLONG, False),
        (errno.EACCES, True),
        (errno.EIO, True),
        (errno.ESTALE, True),
        (errno.ELOOP, True),
    ],
    ids=["gone", "no directory", "no name", "refused", "broken disk", "stale mount", "loop"],
)
def test_a_place_that_can_not_be_looked_into_may_have_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, may_have_some: bool
) -> None:
    """Only what the system says can't be there is none; after anything else nobody is let in."""
    there, here = StateDirectory(tmp_path / "there"), StateDirectory(tmp_path / "here")
    here.open()

    def refuse(path: Path) -> bytes:
        raise OSError(error, os.strerror(error), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        problem = key_file.bring(there, here)
    told: list[str] = []
    assert at_start(here, told.append).closed is may_have_some
    assert problem == (f"can't read {there.keys_path}: {os.strerror(error)}" if may_have_some else "")
