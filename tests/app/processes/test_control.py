"""Control over its real socket: outcomes, changes of the configuration, and questions."""

import asyncio
import os
import socket
import sqlite3
import stat

import pytest

from halfopen.app.processes.asking import NoAnswerError, ask
from halfopen.app.processes.changes import Changes
from halfopen.app.processes.messages import Applied, Apply, Ask, Children, Load, Reload, Role
from halfopen.app.processes.outcome_sender import OutcomeSender

LOCAL_MODEL = """
[providers.here]
local = true
"""


@pytest.fixture
def started(state, snapshot):
    """The state directory as the supervisor leaves it at the start."""
    first = snapshot()
    state.save(first)
    state.set_current(first.id, "start", 1.0)
    return first


@pytest.fixture
def file(tmp_path, text):
    """The configuration file that is served at the start."""
    path = tmp_path / "halfopen.toml"
    path.write_text(text())
    return path


@pytest.fixture
def file_state(state, started, file):
    """The state directory, and the file that is served at the start."""
    return state, started, file


async def asked(state, what, argument=""):
    return await asyncio.to_thread(ask, state.socket_path, Ask(what, argument))


def test_outcomes_of_a_worker_get_into_the_store(state, started, controlled, speaker, outcome, eventually):
    """All of them, once, and the worker is told so."""

    async def play():
        async with controlled():
            worker = speaker(state.socket_path, Role.WORKER, snapshot=started.id)
            sender = OutcomeSender(worker.link, asyncio.get_running_loop())
            worker.link.start()
            for number in range(1000):
                sender.add(outcome(number))
            assert await sender.drain(3.0), sender.unrecorded
            status = (await asked(state, "status")).data
            worker.link.close()
            return sender, status

    sender, status = asyncio.run(play())
    assert (sender.requests, sender.dropped, sender.unrecorded) == (1000, 0, 0)
    assert status["outcomes"] == {
        "written": 1000,
        "waiting": 0,
        "kept": 1000,
        "dropped": 0,
        "without_detail": 0,
    }
    rows = (
        sqlite3.connect(state.outcomes_path).execute("SELECT request_id FROM outcomes ORDER BY id").fetchall()
    )
    assert [name for (name,) in rows] == [f"ho-{number}" for number in range(1000)]


def test_only_the_owner_may_speak_to_it(state, started, controlled):
    """The socket's mode says so."""

    async def play():
        async with controlled():
            return stat.S_IMODE(state.socket_path.stat().st_mode)

    assert asyncio.run(play()) == 0o600


@pytest.mark.alone
def test_a_saved_file_reaches_the_supervisor_first_and_then_the_workers(
    file_state, text, snapshot, controlled, speaker, eventually
):
    """Within a second of the save, and the workers not before the supervisor has answered."""
    state, started, file = file_state

    async def play():
        async with controlled(file):
            order = []
            supervisor = speaker(state.socket_path, Role.SUPERVISOR, snapshot=started.id)
            workers = [speaker(state.socket_path, Role.WORKER, number=n, snapshot=started.id) for n in (0, 1)]

            def applied(who, name):
                def serve(apply):
                    order.append(name)
                    who.snapshot = apply.snapshot
                    who.link.send(Applied(apply.snapshot))

                who.link.listen(Apply, serve)
                who.link.start()

            applied(supervisor, "supervisor")
            for worker in workers:
                applied(worker, "worker")
            await eventually(lambda: all(s.link.connected for s in (supervisor, *workers)))
            began = asyncio.get_running_loop().time()
            file.write_text(text("other") + LOCAL_MODEL)
            await eventually(lambda: len(order) == 3)
            spent_s = asyncio.get_running_loop().time() - began
            await eventually(lambda: all(w.snapshot == state.current() for w in workers))
            status = (await asked(state, "status")).data
            for each in (supervisor, *workers):
                each.link.close()
            return order, spent_s, status

    order, spent_s, status = asyncio.run(play())
    assert order == ["supervisor", "worker", "worker"]
    assert spent_s < 1.0
    assert state.current() == status["snapshot"] != started.id
    assert [worker["snapshot"] for worker in status["workers"]] == [status["snapshot"]] * 2
    assert [entry.why for entry in state.history()] == ["start", "file"]


@pytest.mark.alone
@pytest.mark.parametrize(
    ("more", "within_s"),
    [
        pytest.param(LOCAL_MODEL, (0.5, 1.0), id="which may have local models to start"),
        pytest.param("", (0.0, 0.5), id="of a snapshot without local models"),
    ],
)
def test_a_supervisor_that_does_not_answer_holds_no_worker_up(
    file_state, text, controlled, speaker, eventually, more, within_s
):
    """Half a second at most, then the workers are told all the same; at once where it has nothing to do."""
    state, started, file = file_state
    least_s, most_s = within_s

    async def play():
        async with controlled(file):
            supervisor = speaker(state.socket_path, Role.SUPERVISOR, snapshot=started.id)
            worker = speaker(state.socket_path, Role.WORKER, snapshot=started.id)
            for each in (supervisor, worker):
                each.link.start()
            await eventually(lambda: supervisor.link.connected and worker.link.connected)
            began = asyncio.get_running_loop().time()
            file.write_text(text("other") + more)
            await eventually(lambda: worker.last(Apply))
            spent_s = asyncio.get_running_loop().time() - began
            for each in (supervisor, worker):
                each.link.close()
            return spent_s

    assert least_s < asyncio.run(play()) < most_s


def test_a_bad_file_keeps_the_last_good_one_and_says_where_it_is_wrong(
    state, started, file, text, controlled, eventually
):
    """Once on standard error, and in the status until the file is mended."""
    told = []

    async def play():
        async with controlled(file, tell=told.append) as control:
            await eventually(lambda: control.status()["snapshot"] == started.id)
            file.write_text(text() + "\n[gatway]\n")
            await eventually(lambda: control.status()["problems"] and told)
            await asyncio.sleep(0.04)
            bad = control.status()
            file.write_text(text("other"))
            await eventually(lambda: control.status()["snapshot"] != started.id)
            return bad, control.status()

    bad, good = asyncio.run(play())
    assert bad["snapshot"] == started.id
    where = f"{file}:13: gatway: unknown table"
    assert bad["configuration"]["problem"].startswith(where)
    assert any(problem.startswith(f"configuration: {where}") for problem in bad["problems"])
    assert len(told) == 2
    assert told[0].startswith(f"halfopen: {where}")
    assert good["configuration"]["problem"] == ""


def test_a_file_that_is_being_written_is_not_read_halfway(state, started, file, text):
    """Half of it could be served as well; it is read when it has stayed the same for two looks."""
    changes = Changes(state, file, started.id, {"K": "v"}, lambda: 1000.0)
    changes.begin()
    whole = text("new") + '[routes.last]\ntargets = ["p/m"]\n'
    for end in (len(text("new")), len(whole)):
        file.write_text(whole[:end])
        assert changes.look() is None
    assert state.current() == started.id
    assert changes.look().changed
    assert changes.look() is None
    assert set(changes.snapshot.routes) == {"new", "last"}


def test_a_defect_while_a_file_is_read_ends_nothing_else(
    file_state, text, snapshot, controlled, eventually, monkeypatch
):
    """It is told and shown, and the next file that is saved is served."""
    _, started, file = file_state
    told = []

    def broken(*arguments):
        raise ZeroDivisionError("a defect")

    async def play():
        async with controlled(file, tell=told.append) as control:
            await eventually(lambda: control.status()["snapshot"] == started.id)
            with monkeypatch.context() as patch:
                patch.setattr("halfopen.app.processes.changes.load", broken)
                file.write_text(text("first"))
                await eventually(lambda: told)
            problems = control.status()["problems"]
            file.write_text(text("second"))
            await eventually(lambda: control.status()["snapshot"] == snapshot("second").id)
            return problems

    problems = asyncio.run(play())
    assert "control failed at something: ZeroDivisionError: a defect" in problems
    assert told == ["halfopen: control failed at something: ZeroDivisionError: a defect\n"]


def test_what_needs_a_restart_is_refused_whole(state, started, file, text, controlled, eventually):
    """A file with another port, say, changes nothing until the gateway is started anew."""

    async def play():
        async with controlled(file, tell=lambda line: None) as control:
            await eventually(lambda: control.status()["configuration"]["path"])
            file.write_text(text("other", 8600))
            await eventually(lambda: control.status()["configuration"]["problem"])
            return control.status()

    status = asyncio.run(play())
    assert status["snapshot"] == started.id
    assert "gateway.port = 8600 (was 8500) needs a restart" in status["configuration"]["problem"]


def test_a_worker_that_comes_with_an_old_snapshot_is_told_at_once(
    state, started, controlled, speaker, eventually
):
    """One that serves the current one is left alone."""

    async def play():
        async with controlled():
            old = speaker(state.socket_path, Role.WORKER, snapshot="0123")
            same = speaker(state.socket_path, Role.WORKER, number=1, snapshot=started.id)
            old.link.start()
            same.link.start()
            await eventually(lambda: old.last(Apply) and same.link.connected)
            await asyncio.sleep(0.02)
            for each in (old, same):
                each.link.close()
            return old.last(Apply), same.last(Apply)

    assert asyncio.run(play()) == (Apply(started.id), None)


def test_apply_rollback_and_the_file_take_turns(state, started, file, text, snapshot, controlled):
    """What was applied stays until the file is saved again; the last of the history is gone back to."""

    async def play():
        async with controlled(file) as control:
            applied = await asked(state, "apply", text("applied"))
            back = await asked(state, "rollback")
            forth = await asked(state, "rollback")
            named = await asked(state, "rollback", snapshot().id)
            history = await asked(state, "history")
            await asyncio.sleep(0.05)
            before = control.status()["snapshot"]
            os.utime(file, (5, 5))
            return applied, back, forth, named, history, before

    applied, back, forth, named, history, before = asyncio.run(play())
    first, other = snapshot().id, snapshot("applied").id
    assert [each.ok for each in (applied, back, forth, named)] == [True] * 4
    assert [each.data["snapshot"] for each in (applied, back, forth, named)] == [other, first, other, first]
    assert [entry["why"] for entry in history.data["history"]] == [
        "start",
        "apply",
        "rollback",
        "rollback",
        "rollback",
    ]
    assert before == first


def test_the_file_that_is_saved_again_wins(state, started, file, text, snapshot, controlled, eventually):
    """Also with the same content as before."""

    async def play():
        async with controlled(file) as control:
            await asked(state, "apply", text("applied"))
            assert control.status()["snapshot"] == snapshot("applied").id
            os.utime(file, (5, 5))
            await eventually(lambda: control.status()["snapshot"] == started.id)

    asyncio.run(play())


def test_what_was_applied_survives_control(state, started, file, text, snapshot, controlled):
    """A control that is started again reads the file, and finds that it wasn't saved since."""

    async def play():
        async with controlled(file):
            await asked(state, "apply", text("applied"))
        async with controlled(file) as control:
            await asked(state, "history")
            return control.status()["snapshot"]

    assert asyncio.run(play()) == snapshot("applied").id


def test_a_file_that_was_saved_while_control_was_away_is_read(
    state, started, file, text, snapshot, controlled
):
    """At the start of the next control."""

    async def play():
        async with controlled(file):
            await asked(state, "history")
        file.write_text(text("meanwhile"))
        async with controlled(file) as control:
            await asked(state, "history")
            return control.status()["snapshot"]

    assert asyncio.run(play()) == snapshot("meanwhile").id


def test_a_text_that_can_not_be_served_is_refused_with_its_problems(state, started, controlled, text):
    """The line and the setting, and nothing changes."""

    async def play():
        async with controlled():
            wrong = await asked(state, "apply", text() + "\n[gatway]\n")
            secret = await asked(state, "apply", text().replace("${K}", "${UNKNOWN}"))
            no_id = await asked(state, "rollback", "../../etc")
            none = await asked(state, "rollback")
            return wrong, secret, no_id, none

    wrong, secret, no_id, none = asyncio.run(play())
    assert wrong.problem.startswith("FILE:13: gatway: unknown table")
    assert wrong.data["problems"][0]["line"] == 13
    assert "UNKNOWN" in secret.problem
    assert no_id.problem == "there is no snapshot '../../etc'"
    assert none.problem == "there is no other snapshot to go back to"
    assert not any(each.ok for each in (wrong, secret, no_id, none))
    assert state.current() == started.id
    assert len(state.history()) == 1


def test_a_state_directory_that_can_not_be_written_is_told(state, started, controlled, text):
    """The change is refused, and what is served stays."""
    kept = state.path / "kept"

    async def play():
        async with controlled() as control:
            await asked(state, "history")
            (state.path / "snapshots").rename(kept)
            (state.path / "snapshots").write_text("in the way")
            answer = await asked(state, "apply", text("other"))
            return answer, control.status()

    answer, status = asyncio.run(play())
    assert not answer.ok
    assert answer.problem.startswith(f"can't write {state.path}")
    assert status["snapshot"] == state.current() == started.id


def test_reload_reads_the_file_at_once(file_state, controlled, speaker, eventually, text):
    """What the supervisor says on SIGHUP; without a file it is told that there is none."""
    state, started, file = file_state
    told = []

    async def play():
        async with controlled(file) as control:
            supervisor = speaker(state.socket_path, Role.SUPERVISOR, snapshot=started.id)
            supervisor.link.start()
            await asked(state, "apply", text("applied"))
            supervisor.link.send(Reload())
            await eventually(lambda: control.status()["snapshot"] == started.id)
            supervisor.link.close()
        async with controlled(tell=told.append):
            supervisor = speaker(state.socket_path, Role.SUPERVISOR, snapshot=started.id)
            supervisor.link.start()
            await eventually(lambda: supervisor.link.send(Reload()))
            await eventually(lambda: told)
            supervisor.link.close()

    asyncio.run(play())
    assert told == ["halfopen: there is no configuration file to read again\n"]


def test_the_status_tells_what_workers_and_supervisor_say(state, started, controlled, speaker, eventually):
    """Loads, restarts, notes, and a worker that the supervisor has started but nobody heard of."""

    async def play():
        async with controlled() as control:
            supervisor = speaker(state.socket_path, Role.SUPERVISOR, snapshot=started.id)
            worker = speaker(state.socket_path, Role.WORKER, snapshot=started.id)
            for each in (supervisor, worker):
                each.link.start()
            await eventually(lambda: supervisor.link.connected and worker.link.connected)
            worker.link.send(Load(3, 2, 1, 100, 5, 7, 1.5, 50_000_000))
            supervisor.link.send(
                Children(1, [os.getpid(), 999_999], {"worker 1": 4}, ["worker 1 dies at once"])
            )
            await eventually(lambda: control.status()["supervisor"]["restarts"])
            await eventually(lambda: "requests" in control.status()["workers"][0])
            status = (await asked(state, "status")).data
            for each in (supervisor, worker):
                each.link.close()
            return status

    status = asyncio.run(play())
    first, second = status["workers"]
    assert (first["requests"], first["failures"], first["dropped"], first["in_flight"]) == (100, 5, 7, 2)
    assert second == {"number": 1, "pid": 999_999, "connected": False}
    assert status["supervisor"]["restarts"] == {"worker 1": 4}
    assert status["supervisor"]["notes"] == ["worker 1 dies at once"]
    assert (status["starting"], status["problems"]) == ("not connected to control yet: worker 1", [])


def test_a_worker_that_can_not_serve_a_snapshot_is_shown(
    state, started, controlled, speaker, eventually, text, snapshot
):
    """With its reason, in the status and to who applied it."""

    async def play():
        async with controlled() as control:
            worker = speaker(state.socket_path, Role.WORKER, snapshot=started.id)
            worker.link.listen(Apply, lambda apply: worker.link.send(Applied(apply.snapshot, "no such file")))
            worker.link.start()
            await eventually(lambda: control.status()["workers"])
            answer = await asked(state, "apply", text("other"))
            status = control.status()
            worker.link.close()
            return answer, status

    answer, status = asyncio.run(play())
    assert (answer.ok, answer.data["workers"][0]["problem"]) == (True, "no such file")
    wanted = f"worker 0 (pid {os.getpid()}) does not serve snapshot {snapshot('other').id}: no such file"
    assert wanted in status["problems"]


def test_a_question_that_nobody_answers_ends_in_time(state):
    """No socket, a socket that nobody listens on, and one that nobody reads."""
    with pytest.raises(NoAnswerError, match="no gateway is running here"):
        ask(state.socket_path, Ask("status"))

    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(state.socket_path))
        silent.listen(1)
        with pytest.raises(NoAnswerError, match=r"did not answer within 0\.05 s"):
            ask(state.socket_path, Ask("status"), most_s=0.05)
    with pytest.raises(NoAnswerError, match="no gateway is running here"):
        ask(state.socket_path, Ask("status"))
