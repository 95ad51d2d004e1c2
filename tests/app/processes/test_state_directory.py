"""The state directory: snapshots that are what their ids say, and files that are whole."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from halfopen.app.processes.state_directory import (
    HISTORY_MAX,
    Entry,
    StateDirectory,
    StateError,
    default_path,
)


@pytest.mark.parametrize(
    ("environ", "state_dir", "path"),
    [
        ({"XDG_STATE_HOME": "/x"}, "", Path("/x/halfopen/8500")),
        ({"XDG_STATE_HOME": ""}, "", Path("~/.local/state/halfopen/8500").expanduser()),
        ({}, "", Path("~/.local/state/halfopen/8500").expanduser()),
        ({"XDG_STATE_HOME": "/x"}, "/y", Path("/y")),
        ({}, "~/z", Path("~/z").expanduser()),
    ],
    ids=["xdg", "empty", "home", "set", "set in home"],
)
def test_the_usual_place(environ, state_dir, path):
    """The setting goes before the environment, and that before the home directory."""
    assert default_path(8500, environ, state_dir) == path


def test_a_relative_place_goes_by_the_file(tmp_path):
    """Whoever asks, from wherever, means the same one."""
    assert default_path(8500, {}, "state", tmp_path) == tmp_path / "state"
    assert default_path(8500, {}, "/y", tmp_path) == Path("/y")
    assert default_path(8500, {}, "state") == Path.cwd() / "state"


def test_a_user_that_is_not_there_has_no_place():
    """As in `~typo/x`."""
    with pytest.raises(StateError, match="there is no home directory for '~no-such-user/x'"):
        default_path(8500, {}, "~no-such-user/x")


@pytest.mark.parametrize("before", [None, "", "  \n", "\x00" * 9], ids=["none", "empty", "blank", "nulls"])
def test_a_directory_has_one_name(state, before):
    """Also when a full disk or a power cut has left nothing of it; no other directory has the same."""
    if before is not None:
        (state.path / "name").write_text(before)
    name = state.name()
    assert len(name) == 8
    assert StateDirectory(state.path).name() == name
    other = StateDirectory(state.path.with_name("other"))
    other.open()
    assert other.name() != name
    assert stat.S_IMODE((state.path / "name").stat().st_mode) == 0o600


def test_a_name_that_can_not_be_written_is_its_own_all_the_same(state):
    """Two gateways on one host are never one machine."""
    (state.path / "name").mkdir()
    assert state.name() != state.name()


@pytest.mark.parametrize("damage", ["", "x", "-3", "99999", "2.5"])
def test_the_number_of_gateways_is_kept(state, damage):
    """0 as long as it isn't known, or what was known is damaged."""
    assert state.gateways() == 0
    state.set_gateways(12)
    assert StateDirectory(state.path).gateways() == 12
    (state.path / "gateways").write_text(damage)
    assert state.gateways() == 0


def test_only_the_owner_gets_in(state, snapshot):
    """Neither into the directory nor at a file of it."""
    made = snapshot()
    state.save(made)
    state.set_current(made.id, "start", 1.0)
    modes = {
        stat.S_IMODE(path.stat().st_mode)
        for path in (
            state.path,
            state.path / "snapshots",
            *state.path.rglob("*.json*"),
            state.path / "current",
        )
    }
    assert modes == {0o700, 0o600}


def test_a_snapshot_comes_back_as_it_was(state, snapshot):
    """Under its id, and saving it twice changes nothing."""
    made = snapshot()
    assert state.save(made) == state.save(made) == made.id
    assert state.load(made.id) == made
    assert state.load(made.id).id == made.id


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[: len(data) // 2], id="cut"),
        pytest.param(lambda data: data.replace(b"8500", b"8501"), id="changed"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: b"{}", id="another form"),
        pytest.param(lambda data: b"\xff\xfe", id="no text"),
        pytest.param(lambda data: b"[" * 5000, id="nested"),
    ],
)
def test_a_damaged_snapshot_is_not_served(state, snapshot, damage):
    """Its content must have its id; and saving it again mends it."""
    made = snapshot()
    state.save(made)
    path = state.path / "snapshots" / f"{made.id}.json"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StateError, match=f"snapshot {made.id} can't be used"):
        state.load(made.id)
    state.save(made)
    assert state.load(made.id) == made


@pytest.mark.parametrize("name", ["", "../current", "0" * 16, "a/b"])
def test_there_is_no_such_snapshot(state, name):
    """Whatever is asked for, nothing outside is read."""
    with pytest.raises(StateError, match="there is no snapshot"):
        state.load(name)


def test_the_history_tells_what_was_current_and_why(state, snapshot):
    """The oldest first; the last one is current."""
    assert (state.current(), state.history()) == (None, [])
    first, second = snapshot(), snapshot("other")
    for number, (made, why) in enumerate(((first, "start"), (second, "file"), (first, "rollback"))):
        state.save(made)
        state.set_current(made.id, why, float(number))
    assert state.current() == first.id
    assert state.history() == [
        Entry(first.id, "start", 0.0),
        Entry(second.id, "file", 1.0),
        Entry(first.id, "rollback", 2.0),
    ]


def test_the_history_is_bounded_and_so_are_the_snapshots(state, snapshot):
    """What no entry names any more is removed."""
    old, new = snapshot("old"), snapshot("new")
    state.save(old)
    state.set_current(old.id, "start", 0.0)
    state.save(new)
    lines = b"".join(
        b'{"id":"%s","why":"file","at_wall_s":1.0}\n' % new.id.encode() for _ in range(HISTORY_MAX)
    )
    (state.path / "history.jsonl").write_bytes(lines)
    state.set_current(new.id, "file", 2.0)
    assert len(state.history()) == HISTORY_MAX
    assert state.history()[-1].at_wall_s == 2.0
    assert [path.stem for path in (state.path / "snapshots").glob("*.json")] == [new.id]


def test_a_torn_line_of_the_history_is_left_out(state, snapshot):
    """The others stay."""
    made = snapshot()
    state.save(made)
    state.set_current(made.id, "start", 1.0)
    with (state.path / "history.jsonl").open("ab") as file:
        file.write(b'{"id": "abc", "wh')
    state.set_current(made.id, "file", 2.0)
    assert [entry.why for entry in state.history()] == ["start", "file"]


def test_places_of_local_models(state):
    """None at first; then what was noted last."""
    assert state.places() == {}
    state.set_places({"local": "http://127.0.0.1:12000/v1"})
    assert state.places() == {"local": "http://127.0.0.1:12000/v1"}


def test_places_that_are_the_same_are_not_written_again(state):
    """So a full disk is no problem for a gateway without local models."""
    state.set_places({})
    before = (state.path / "places.json").stat().st_ino
    state.set_places({})
    assert (state.path / "places.json").stat().st_ino == before
    state.set_places({"local": "http://127.0.0.1:12000/v1"})
    assert (state.path / "places.json").stat().st_ino != before


def test_a_long_path_gets_a_short_socket(monkeypatch):
    """The same one each time, in a directory of its owner."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own may be too long already
        monkeypatch.setattr("tempfile.tempdir", name)
        folder = Path(name)
        long = folder / ("x" * 60) / ("y" * 60)
        state = StateDirectory(long)
        state.open()
        path = state.socket_path
        assert path == StateDirectory(long).socket_path != StateDirectory(folder / ("z" * 130)).socket_path
        assert len(os.fsencode(path)) < 108
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert StateDirectory(folder / "a").socket_path == folder / "a" / "control.sock"


def test_a_short_socket_is_found_by_everybody_and_goes_with_its_gateway(monkeypatch):
    """Also by who has another temporary directory; and only the gateway that holds the directory removes it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "other").mkdir()
        monkeypatch.setattr("tempfile.tempdir", name)
        state = StateDirectory(folder / ("x" * 60) / ("y" * 60))
        state.open()
        assert state.hold()
        path = state.socket_path
        assert path.is_relative_to(folder)
        path.touch()
        monkeypatch.setattr("tempfile.tempdir", str(folder / "other"))
        second = StateDirectory(state.path)
        assert second.socket_path == path
        second.release()
        assert path.exists()
        state.release()
        assert not path.parent.exists()
        assert not second.is_held()


def test_a_directory_that_can_not_be_made_says_so(tmp_path):
    """A file stands in its way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="can't make"):
        StateDirectory(tmp_path / "file" / "state").open()


def test_a_file_that_can_not_be_written_leaves_the_old_one(state, snapshot):
    """A full disk costs the change, and nothing beside it is left."""
    made = snapshot()
    state.save(made)
    state.set_current(made.id, "start", 1.0)
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from halfopen.app.processes.state_directory import StateDirectory, StateError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "try:\n    StateDirectory(Path(sys.argv[1])).set_current('f' * 16, 'file', 2.0)\n"
        "except StateError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(state.path)], capture_output=True, text=True, check=True
    )
    assert "can't write" in done.stdout
    assert "File too large" in done.stdout
    assert (state.current(), len(state.history())) == (made.id, 1)
    assert [path.name for path in state.path.glob("*.new")] == []


def test_one_gateway_holds_it(state):
    """Another one is told no, and a look from outside sees it, until the first one ends."""
    other = StateDirectory(state.path)
    assert not state.is_held()
    assert state.hold()
    assert not other.hold()
    assert other.is_held()


def test_a_directory_that_is_taken_away_meanwhile_is_not_held(state, monkeypatch):
    """Its owner removed it between our look and our lock, which nobody else would see."""
    real = fcntl.flock

    def flock(descriptor, operation):
        (state.path / "lock").unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    assert not state.hold()
    monkeypatch.undo()
    assert not state.is_held()
    assert state.hold()


def test_a_file_system_without_locks_says_so(state, monkeypatch):
    """Nobody could wait for such a directory."""

    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StateError, match=r"can't lock .*: No locks available"):
        state.hold()


def test_it_remembers_where_outcomes_are_stored(state):
    """So that control knows that workers have told another store before."""
    assert [state.note_store(place) for place in ("a.db", "a.db", "postgresql://host/name", "a.db")] == [
        False,
        False,
        True,
        True,
    ]


def test_where_outcomes_are_stored_is_told_though_it_can_not_be_remembered(state, monkeypatch):
    """A full disk must not keep a database from being written."""
    state.note_store("a.db")

    def full(path, content):
        raise StateError("disk is full")

    monkeypatch.setattr(state, "_write", full)
    assert state.note_store("b.db")
