"""Which snapshot is current, with which keys: the file, what was applied, and what was gone back to."""

import resource
import signal
from contextlib import contextmanager

import pytest

from halfopen.app.processes.changes import AGAIN_LOOKS, Changes
from halfopen.app.processes.shared_snapshot import common
from halfopen.app.processes.written_out import written_out
from halfopen.rollout import configure

NAME = "providers.p.key"


def toml(key, route="m", address="http://127.0.0.1:9"):
    """A file that writes its key out."""
    return (
        f'[providers.p]\ndialect = "openai"\nbase_url = "{address}"\nkey = "{key}"\n'
        f'[routes.{route}]\ntargets = ["p/m"]\n'
    )


@pytest.fixture
def file(tmp_path):
    """The configuration file, with the key `sk-file`."""
    path = tmp_path / "halfopen.toml"
    path.write_text(toml("sk-file"))
    return path


@pytest.fixture
def begun(state, file):
    """Makes what a control process begins with: `begun(environ)`. The gateway was started with the file."""
    configured = configure(file.read_text(), {})
    state.save(configured.snapshot)
    state.set_current(configured.snapshot.id, "start", 1.0)

    at_the_start = written_out(configured.secrets)

    def make(serving=configured.snapshot.id, environ=at_the_start):
        changes = Changes(state, file, serving, environ, lambda: 1000.0)
        assert changes.begin().ok
        return changes

    return make


def test_keys_that_were_applied_outlive_control(begun):
    """The next one gets them from the supervisor, and the file, which was not saved, doesn't change them."""
    first = begun()
    assert first.secrets == {NAME: "sk-file"}
    assert first.apply(toml("sk-applied", "other")).ok
    again = begun(first.current, first.secrets)
    assert (again.current, again.secrets) == (first.current, {NAME: "sk-applied"})


def test_a_key_alone_that_was_applied_outlives_control(begun):
    """Although the snapshot, which has none, is the one of the file."""
    first = begun()
    assert first.apply(toml("sk-applied")).changed
    again = begun(first.current, first.secrets)
    assert (again.current, again.secrets) == (first.current, {NAME: "sk-applied"})


def test_a_key_that_was_changed_in_the_file_while_control_was_away_is_served(begun, file):
    """What is current is the file's, so its keys count."""
    first = begun()
    file.write_text(toml("sk-newer"))
    again = begun(first.current, first.secrets)
    assert again.secrets == {NAME: "sk-newer"}


def test_going_back_brings_the_keys_back(begun):
    """Each snapshot has its own."""
    changes = begun()
    started = changes.current
    assert changes.apply(toml("sk-applied", "other")).ok
    assert changes.roll_back().ok
    assert (changes.current, changes.secrets) == (started, {NAME: "sk-file"})
    assert changes.roll_back().ok
    assert changes.secrets == {NAME: "sk-applied"}


def test_a_snapshot_whose_keys_are_not_known_is_refused(begun):
    """Another control went with them. What is served stays, with its keys."""
    first = begun()
    first.apply(toml("sk-one", "one"))
    gone = first.current
    first.apply(toml("sk-two", "two"))
    again = begun(first.current, first.secrets)
    change = again.roll_back(gone)
    assert not change.ok
    assert change.problem.startswith(f"snapshot {gone} writes out keys, and they are not known any more")
    assert (again.current, again.secrets) == (first.current, {NAME: "sk-two"})


def test_a_key_does_not_go_to_the_address_of_another_machine(begun):
    """What was applied there is served with this machine's key where it goes to the same address."""
    changes = begun()
    same = configure(toml("sk-theirs", "theirs"), {}).snapshot
    assert changes.take_over(common(same)).ok
    assert changes.secrets == {NAME: "sk-file"}
    other = configure(toml("sk-theirs", "theirs", "http://127.0.0.1:10"), {}).snapshot
    change = changes.take_over(common(other))
    assert not change.ok
    assert "not known" in change.problem
    assert set(changes.snapshot.routes) == {"theirs"}


def test_going_back_passes_over_what_can_not_be_served(begun):
    """The last one that can is taken; where none can, the first reason is told."""
    changes = begun()
    started = changes.current
    unservable = configure("[processes]\nworkers = 7\n" + toml("sk-x"), {}).snapshot
    changes._state.save(unservable)
    changes._state.set_current(unservable.id, "start", 2.0)
    assert changes.apply(toml("sk-applied", "other")).ok
    assert changes.roll_back().ok
    assert changes.current == started
    none = begun(started)
    (none._state.path / "history.jsonl").write_text(
        f'{{"id":"{unservable.id}","why":"start","at_wall_s":2.0}}\n'
    )
    change = none.roll_back()
    assert change.problem.startswith(
        f"there is no other snapshot to go back to: {unservable.id}: processes.workers"
    )
    assert change.problem.endswith("needs a restart of halfopen run; until then nothing of it is served")


@contextmanager
def full_disk():
    """No file may grow beyond this: what is written then is refused, as on a full disk."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_file_that_could_not_be_kept_is_tried_again(begun, file):
    """After a pause, again and again, until there is room; it need not be saved anew."""
    changes = begun()
    started = changes.current
    file.write_text(toml("sk-file", "new"))
    with full_disk():
        assert changes.look() is None
        assert not changes.look().ok
        assert "File too large" in changes.problem
        found = [changes.look() for _ in range(2 * AGAIN_LOOKS)]
    assert [change is not None for change in found] == ([False] * (AGAIN_LOOKS - 1) + [True]) * 2
    assert changes.current == started
    found = [changes.look() for _ in range(AGAIN_LOOKS)]
    assert next(change for change in found if change is not None).changed
    assert (changes.problem, set(changes.snapshot.routes)) == ("", {"new"})
    assert [changes.look() for _ in range(2 * AGAIN_LOOKS)] == [None] * (2 * AGAIN_LOOKS)


def test_a_changed_key_needs_no_room_on_the_disk(begun):
    """Its snapshot is there already."""
    changes = begun()
    with full_disk():
        assert changes.apply(toml("sk-newer")).changed
    assert changes.secrets == {NAME: "sk-newer"}
