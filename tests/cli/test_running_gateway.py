"""`halfopen status` and `halfopen config apply|rollback|history` with a control process that answers, or doesn't."""

import asyncio
import json
import os
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from halfopen.app.processes.changes import Changes
from halfopen.app.processes.control import Control
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import Applied, Apply, Children, Hello, Load, Role
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.cli import app
from halfopen.rollout import configure

GOOD = '[providers.o]\ndialect = "openai"\nkey = "${K}"\n[routes.m]\ntargets = ["o/gpt-4o-mini"]\n'
OTHER = GOOD.replace("routes.m", "routes.other")
ENVIRON = {"K": "sk-value-of-the-tests"}
WAIT_S = 10.0


def id_of(text):
    return configure(text, ENVIRON).snapshot.id


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command in an empty directory whose gateway has its state in `state`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    runner = CliRunner()
    return lambda *arguments, **options: runner.invoke(app, [*arguments], **options)


@pytest.fixture
def state(tmp_path):
    """The state directory as a gateway on the usual port leaves it at its start."""
    directory = StateDirectory(tmp_path / "home" / "halfopen" / "8500")
    directory.open()
    first = configure(GOOD, ENVIRON).snapshot
    directory.save(first)
    directory.set_current(first.id, "start", 1_795_000_000.0)
    return directory


async def _until(done):
    while not done():  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0.005)


async def _worker(state, told, *, problem=""):
    """A worker and the supervisor in one, which do as they are told."""
    loop = asyncio.get_running_loop()
    serving = {"id": state.current()}
    links = []
    for role in (Role.SUPERVISOR, Role.WORKER):
        link = ControlLink(
            state.socket_path, lambda role=role: Hello(role, os.getpid(), 0, serving["id"]), told.append, loop
        )

        def serve(apply, link=link):
            if not problem:
                serving["id"] = apply.snapshot
            link.send(Applied(apply.snapshot, problem))

        link.listen(Apply, serve)
        link.start()
        links.append(link)
    await _until(lambda: all(link.connected for link in links))
    links[0].send(Children(1, [os.getpid()], {"worker 0": 2, "control": 0}))
    links[1].send(Load(3, 2, 1, 100, 5, 0, 1.5, 50 * 1024 * 1024))
    return links


@pytest.fixture
def gateway(state):
    """A control in a thread of its own, with a worker that serves whatever it is told to, or alone."""

    @contextmanager
    def run(*, problem="", alone=False):
        ready, stop = threading.Event(), threading.Event()

        async def serve():
            control = Control(state, Changes(state, None, "", ENVIRON, lambda: 1_795_000_060.0))
            await control.start()
            links = [] if alone else await _worker(state, [], problem=problem)
            await _until(lambda: alone or "requests" in (control.status()["workers"] or [{}])[0])
            ready.set()
            await _until(stop.is_set)
            for link in links:
                link.close()
            await control.stop()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        assert ready.wait(WAIT_S)
        try:
            yield
        finally:
            stop.set()
            thread.join(WAIT_S)

    return run


@pytest.fixture
def silent(state):
    """A control that is frozen: its socket takes connections, and nobody reads."""
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(str(state.socket_path))
        frozen.listen(5)
        assert state.hold()
        yield


def test_status_tells_of_processes_outcomes_and_the_store(call, gateway):
    """For a person, a line each; as JSON, everything."""
    with gateway():
        shown = call("status")
        data = json.loads(call("status", "--json").stdout)
    assert shown.exit_code == 0, shown.output
    assert f"snapshot {id_of(GOOD)}\n" in shown.stdout
    assert (
        f"worker 0 pid {os.getpid()}: snapshot {id_of(GOOD)}, 100 requests, 5 failed, 2 in flight"
        in shown.stdout
    )
    assert "restarts worker 0 2\n" in shown.stdout
    assert "outcomes 0 written by this control, 0 kept, 0 waiting, 0 lost\n" in shown.stdout
    assert re.search(r"(?m)^store ok, 0\.[0-3] of 512 MiB, ", shown.stdout)
    assert "problem" not in shown.stdout
    assert (data["snapshot"], data["workers"][0]["requests"], data["problems"]) == (id_of(GOOD), 100, [])


def test_status_without_a_gateway_is_1(call, state):
    """It shows what the state directory knows."""
    shown = call("status")
    assert shown.exit_code == 1
    assert shown.stderr == "halfopen: no gateway is running here\n"
    assert shown.stdout == f"state directory {state.path}\ncurrent snapshot {id_of(GOOD)} (start)\n"
    data = json.loads(call("status", "--json").stdout)
    assert (data["running"], data["snapshot"], data["last_change"]["why"]) == (False, id_of(GOOD), "start")


def test_status_of_a_frozen_control_is_1_in_time(call, state, silent, monkeypatch):
    """It says so, and that the workers serve all the same."""
    monkeypatch.setattr("halfopen.cli.gateway_state.ANSWER_S", 0.05)
    shown = call("status")
    assert shown.exit_code == 1
    assert shown.stderr == "halfopen: control did not answer within 0.05 s\n"
    assert "A gateway is running" in shown.stdout
    assert json.loads(call("status", "--json").stdout)["running"] is True


def test_status_waits_for_a_control_that_is_yet_to_listen(call, gateway, state):
    """A gateway that has just begun has no control for a moment."""
    assert state.hold()
    began = threading.Event()

    def look():
        began.set()
        return call("status", "--json")

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        assert began.wait(WAIT_S)
        threading.Event().wait(0.05)
        with gateway():
            shown = looking.result(WAIT_S)
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["problems"] == []


def test_status_of_a_control_that_never_listens_is_1_in_time(call, state, monkeypatch):
    """It doesn't say that no gateway runs."""
    monkeypatch.setattr("halfopen.cli.gateway_state.ANSWER_S", 0.2)
    assert state.hold()
    shown = call("status")
    assert shown.exit_code == 1
    assert shown.stderr == "halfopen: control does not listen: it is starting, or being started again\n"
    assert "A gateway is running" in shown.stdout


def test_status_names_who_is_yet_to_connect(call, gateway):
    """And it is no problem yet."""
    with gateway(alone=True):
        shown = call("status")
    assert shown.exit_code == 0
    assert "starting: not connected to control yet: the supervisor\n" in shown.stdout
    assert "problem" not in shown.stdout


def test_a_configuration_is_applied_and_gone_back_from(call, gateway, state, tmp_path):
    """From a file or standard input; the workers that serve it are counted."""
    (tmp_path / "new.toml").write_text(OTHER)
    with gateway():
        applied = call("config", "apply", "new.toml")
        again = call("config", "apply", "-", input=OTHER)
        back = call("config", "rollback")
        named = call("config", "rollback", id_of(OTHER), "--json")
    assert [each.exit_code for each in (applied, again, back, named)] == [0] * 4, applied.output
    assert f"Snapshot {id_of(OTHER)} is current now. 1 of 1 workers serve it.\n" in applied.stdout
    assert f"Snapshot {id_of(OTHER)} was current already." in again.stdout
    assert f"Snapshot {id_of(GOOD)} is current now." in back.stdout
    data = json.loads(named.stdout)
    assert (data["ok"], data["snapshot"], data["changed"]) == (True, id_of(OTHER), True)
    assert [(row["number"], row["snapshot"]) for row in data["workers"]] == [(0, id_of(OTHER))]
    assert [entry.why for entry in state.history()] == ["start", "apply", "rollback", "rollback"]


def test_a_worker_that_can_not_serve_it_is_named(call, gateway, tmp_path):
    """It is current all the same: the others serve it."""
    with gateway(problem="a port is taken"):
        applied = call("config", "apply", "-", input=OTHER)
    assert applied.exit_code == 0
    assert "0 of 1 workers serve it.\nworker 0: a port is taken\n" in applied.stdout


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_a_bad_configuration_is_1_and_changes_nothing(call, gateway, state, options):
    """With every problem and its line."""
    with gateway():
        result = call("config", "apply", "-", *options, input=GOOD + "[gatway]\n")
    assert result.exit_code == 1
    if options:
        data = json.loads(result.stdout)
        assert (data["ok"], data["problems"][0]["line"], data["snapshot"]) == (False, 6, id_of(GOOD))
    else:
        assert result.stderr.startswith("standard input:6: gatway: unknown table")
    assert state.current() == id_of(GOOD)


def test_a_snapshot_that_was_never_saved_is_1(call, gateway):
    """Nothing else is taken for it."""
    with gateway():
        result = call("config", "rollback", "0123456789abcdef")
    assert (result.exit_code, result.stderr) == (1, "there is no snapshot 0123456789abcdef\n")


def test_without_a_gateway_nothing_is_applied(call, state, tmp_path):
    """It says so, and where it looked."""
    for arguments in (("apply", "-"), ("rollback",)):
        result = call("config", *arguments, input=OTHER)
        assert result.exit_code == 1
        assert result.stderr == f"halfopen: no gateway is running here (state directory {state.path})\n"
    data = json.loads(call("config", "rollback", "--json").stdout)
    assert (data["ok"], data["problem"][:10]) == (False, "no gateway")
    assert len(state.history()) == 1


def test_a_change_that_control_does_not_answer_may_come_later(call, silent, monkeypatch):
    """It says where to look."""
    monkeypatch.setattr("halfopen.cli.gateway_state.ANSWER_S", 0.05)
    result = call("config", "apply", "-", input=OTHER)
    assert result.exit_code == 1
    assert "did not answer within 0.05 s" in result.stderr
    assert "if it was just at it, `halfopen status` shows the snapshot" in result.stderr


def test_a_file_that_can_not_be_read_is_2(call, tmp_path):
    """Whatever the reason."""
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    for name, why in (("nix", "can't be read"), ("latin", "is not UTF-8 text"), ("huge", "is longer than")):
        result = call("config", "apply", name)
        assert (result.exit_code, why in result.stderr) == (2, True), result.output


def test_history_needs_no_gateway(call, state):
    """Oldest first, and what is current."""
    state.set_current(id_of(GOOD), "rollback", 1_795_000_060.0)
    shown = call("config", "history")
    assert shown.exit_code == 0
    assert shown.stdout == (
        f"2026-11-18 11:06:40Z  {id_of(GOOD)}  start\n"
        f"2026-11-18 11:07:40Z  {id_of(GOOD)}  rollback\n"
        f"current: {id_of(GOOD)}\n"
    )
    data = json.loads(call("config", "history", "--json").stdout)
    assert [entry["why"] for entry in data["history"]] == ["start", "rollback"]


def test_no_history_is_1(call):
    """Nothing was ever served here."""
    result = call("config", "history")
    assert result.exit_code == 1
    assert "has no history" in result.stderr


def test_the_gateway_is_found_by_its_configuration(call, state, tmp_path):
    """By the port or the directory in the file, also when the file can't be served; or by --state."""
    (tmp_path / "port.toml").write_text("[gateway]\nport = 8500\n[nonsense]\n")
    (tmp_path / "dir.toml").write_text(f'[processes]\nstate_dir = "{state.path}"\n')
    (tmp_path / "other.toml").write_text("[gateway]\nport = 8600\n")
    (tmp_path / "edited.toml").write_text(
        f'[processes]\nstate_dir = "{state.path}"\n[gateway]\nport = 8600\n[routes.m\ntargets = ["a\n'
    )
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    os.mkfifo(tmp_path / "pipe.toml")
    found = [
        call("config", "history", *options).exit_code
        for options in (
            ("--config", "port.toml"),
            ("--config", "dir.toml"),
            ("--state", str(state.path)),
            ("--config", "other.toml"),
            ("--config", "edited.toml"),
            ("--config", "bytes.toml"),
            ("--config", "nix.toml"),
            ("--config", "pipe.toml"),
        )
    ]
    assert found == [0, 0, 0, 1, 0, 2, 2, 2]
    (tmp_path / "halfopen.toml").write_text("[gateway]\nport = 8600\n")
    assert call("config", "history").exit_code == 1
