"""Control's part in the gateway's own keys, with real sockets."""

import asyncio
import time
from typing import Any

import msgspec
import pytest

from halfopen.app.processes import key_file
from halfopen.app.processes.disk import Disk
from halfopen.app.processes.key_desk import KeyDesk, at_start, keys_of
from halfopen.app.processes.messages import Budgets, Children, Hello, Keys, Outcomes, Role
from halfopen.app.processes.outcome_rows import rows
from halfopen.app.processes.peers import Peer, Peers
from halfopen.app.processes.record import Record
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.model.gateway_key import Budget, Per
from halfopen.policy.budget import UNLIMITED, Amounts


class Told:
    """A peer that keeps what it is told, and says that it has the keys."""

    def __init__(self, peers: Peers, role: Role, number: int = 0) -> None:
        self.messages: list[Any] = []
        self.peer = Peer(peers)
        self.peer.hello = Hello(role, 100 + number, number)
        self.peer.source = f"source {number}"
        self.peer.send = self.messages.append  # type: ignore[method-assign]  # it keeps what it is told
        if role is Role.SUPERVISOR:
            self.peer.children = Children(1, [100], {})
        peers.add(self.peer)

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]


class Scene:
    """A desk with a supervisor and a worker."""

    def __init__(self, state: StateDirectory) -> None:
        self.state = state
        self.peers = Peers(lambda peer, message: None)
        self.supervisor = Told(self.peers, Role.SUPERVISOR)
        self.worker = Told(self.peers, Role.WORKER)
        self.record = Record(state, lambda source, after: None)
        self.record.follow(None, {})
        self.desk = KeyDesk(state, self.peers, self.record, Disk().run)


def test_everybody_is_told_when_the_file_is_another_one(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once each time, with all keys; who comes later as well. The file is read only when it is another one."""
    reads = []
    load = key_file.load
    monkeypatch.setattr(key_file, "load", lambda state: reads.append(1) or load(state))

    async def main() -> None:
        scene = Scene(state)
        await scene.desk.look()
        assert scene.worker.messages == []
        for name in ("alice", "bob"):
            key_file.create(state, name, None, 1.0)
            reads.clear()
            await scene.desk.look()
            await scene.desk.look()
            assert len(reads) == 1
        for told in (scene.worker, scene.supervisor):
            assert [[key.name for key in keys.keys] for keys in told.of(Keys)] == [
                ["alice"],
                ["alice", "bob"],
            ]
        later = Told(scene.peers, Role.WORKER, 1)
        scene.desk.greet(later.peer)
        assert later.messages == [scene.worker.messages[-1]]

    asyncio.run(main())


@pytest.mark.parametrize("harm", ["damaged", "gone"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "of a new control"])
def test_a_file_that_can_not_be_read_changes_nothing(state: StateDirectory, harm: str, known: bool) -> None:
    """It is a problem for a person; nobody is told that there are no keys."""

    async def main() -> None:
        scene = Scene(state)
        key_file.create(state, "alice", None, 1.0)
        if known:
            await scene.desk.look()
        content = state.keys_path.read_bytes()
        if harm == "gone":
            state.keys_path.unlink()
        else:
            state.keys_path.write_bytes(b"{")
        before = len(scene.worker.messages)
        await scene.desk.look()
        assert len(scene.worker.messages) == before
        # A control that has never seen any can't know that the file is missing.
        assert bool(scene.desk.problems()) is (known or harm == "damaged")
        state.keys_path.write_bytes(content)
        await scene.desk.look()
        assert scene.desk.problems() == []
        assert [key.name for key in scene.worker.of(Keys)[-1].keys] == ["alice"]

    asyncio.run(main())


def test_the_command_is_told_who_has_them(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everywhere is: every worker that the supervisor knows, and the supervisor."""
    monkeypatch.setattr("halfopen.app.processes.key_desk.HELD_S", 0.02)

    async def main() -> None:
        scene = Scene(state)
        made = key_file.create(state, "alice", None, 1.0)
        digest = keys_of([made.key]).digest
        found = []
        for held in ((), (scene.worker,), (scene.worker, scene.supervisor)):
            for told in held:
                told.peer.keys = digest
            answer = await scene.desk.answer()
            found.append((answer.data["everywhere"], [row["held"] for row in answer.data["workers"]]))
        assert found == [(False, [False]), (False, [True]), (True, [True])]
        scene.supervisor.peer.children = Children(1, [100, 101], {})
        answer = await scene.desk.answer()
        assert (answer.data["everywhere"], [row["held"] for row in answer.data["workers"]]) == (
            False,
            [True, False],
        )

    asyncio.run(main())


def test_the_command_is_answered_as_soon_as_all_have_them(state: StateDirectory) -> None:
    """Not only when the longest wait is over."""

    async def main() -> None:
        scene = Scene(state)
        made = key_file.create(state, "alice", None, 1.0)
        asking = asyncio.create_task(scene.desk.answer())
        while not scene.worker.messages:  # noqa: ASYNC110 - a list sets no event
            await asyncio.sleep(0.001)
        for told in (scene.worker, scene.supervisor):
            told.peer.keys = keys_of([made.key]).digest
        async with asyncio.timeout(0.5):
            assert (await asking).data["everywhere"] is True

    asyncio.run(main())


def test_what_is_left_is_said_once_it_is_known_what_was_spent_before(state: StateDirectory) -> None:
    """And again when it changes."""

    async def main() -> None:
        scene = Scene(state)
        key_file.create(state, "alice", Budget(Per.MONTH, requests=5), 1.0)
        await scene.desk.look()
        scene.desk._tell_left()
        assert scene.worker.of(Budgets) == []
        scene.record.writer.start()
        try:
            while not scene.worker.of(Budgets):
                await asyncio.sleep(0.005)
                scene.desk._tell_left()
            (first,) = scene.worker.of(Budgets)
            assert (first.counted, first.left["alice"].amounts) == (0, Amounts(5, UNLIMITED, UNLIMITED))
            scene.desk._tell_left()
            assert len(scene.worker.of(Budgets)) == 1
        finally:
            scene.record.writer.stop(2.0)

    asyncio.run(main())


def test_nothing_is_said_to_be_left_while_the_store_can_not_be_asked(
    state: StateDirectory, outcome: Any
) -> None:
    """A control that is started while the store is down would else give out whole budgets again."""
    key_file.create(state, "alice", Budget(Per.MONTH, requests=5), 1.0)
    before = Record(state, lambda source, after: None)
    before.follow(None, {})
    made = rows([outcome(number, caller="alice") for number in range(2)], time.time())
    before.writer.offer(Outcomes(msgspec.Raw(msgspec.msgpack.encode(made)), 2, "source 0", 0))
    assert before.writer.stop(2.0), before.writer.status
    away = state.outcomes_path.with_name("away")
    state.outcomes_path.rename(away)
    state.outcomes_path.mkdir()

    async def main() -> None:
        scene = Scene(state)
        await scene.desk.look()
        scene.record.writer.start()
        try:
            while scene.record.writer.status.state != "failing":  # noqa: ASYNC110 - a thread sets no event
                await asyncio.sleep(0.005)
            scene.desk._tell_left()
            assert scene.worker.of(Budgets) == []
            assert (await scene.desk.answer()).data["spent"] == {}
            state.outcomes_path.rmdir()
            away.rename(state.outcomes_path)
            while not scene.worker.of(Budgets):
                await asyncio.sleep(0.005)
                scene.desk._tell_left()
            (first,) = scene.worker.of(Budgets)
            assert (first.counted, first.left["alice"].amounts.requests) == (2, 3)
            assert (await scene.desk.answer()).data["spent"]["alice"]["requests"] == 2
        finally:
            scene.record.writer.stop(2.0)

    asyncio.run(main())


def test_workers_begin_closed_when_the_keys_can_not_be_read(state: StateDirectory) -> None:
    """It is said to a person."""
    told: list[str] = []
    assert at_start(state, told.append) == keys_of([])
    key_file.create(state, "alice", None, 1.0)
    assert [key.name for key in at_start(state, told.append).keys] == ["alice"]
    assert told == []
    state.keys_path.write_bytes(b"{")
    keys = at_start(state, told.append)
    assert (keys.closed, keys.keys) == (True, [])
    assert "nobody is let in" in told[0]
