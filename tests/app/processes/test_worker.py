"""What a worker serves when it starts, and what it answers control."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop

from halfopen.app.processes import standard_error
from halfopen.app.processes.child import WorkerOrders
from halfopen.app.processes.handed_snapshot import HandedSnapshot
from halfopen.app.processes.messages import Applied, Apply, Hello, Load, Role
from halfopen.app.processes.sockets import listening
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.app.processes.vital_signs import memory_bytes
from halfopen.app.processes.worker import Worker
from halfopen.lab.ports import free_port

ENVIRON = {"K": "sk-key-of-the-tests"}


class Scene:
    """A worker in this process, and the far ends of all that it holds."""

    def __init__(
        self, state: StateDirectory, fallback: str, environ: dict[str, str] = ENVIRON, handed: int = -1
    ) -> None:
        self.port = free_port()
        ours, theirs = socket.socketpair()
        self.line = ours
        ours.setblocking(False)
        (group,) = listening("127.0.0.1", self.port, 1)
        told = WorkerOrders(
            number=3,
            workers=2,
            state=str(state.path),
            sockets=[[], [], [], [group[0].detach()]],
            lifeline=theirs.detach(),
            snapshot=fallback,
            handed=handed,
        )
        self.worker = Worker(told, environ)
        self.running = asyncio.create_task(self.worker.run())

    async def end(self) -> None:
        self.line.close()
        await asyncio.wait_for(self.running, 5)


@pytest.fixture
def play(state: StateDirectory, snapshot: Any) -> Callable[..., None]:
    """Runs a coroutine function with a worker that serves the first snapshot: `play(scene)`."""

    def run(scene: Callable[[Scene], Awaitable[None]], *, current: str | None = None) -> None:
        first = snapshot()
        state.save(first)
        state.set_current(first.id, "start", 1.0)
        if current is not None:
            (state.path / "current").write_text(current)

        async def main() -> None:
            on = Scene(state, first.id)
            try:
                await scene(on)
            finally:
                await on.end()

        uvloop.run(main())

    return run


async def control(state: StateDirectory) -> tuple[Any, list[Any], list[Any]]:
    """Somebody who listens as control does: the server, what was heard, and who speaks."""
    from halfopen.app.processes.frames import FrameReader

    heard: list[Any] = []
    writers: list[Any] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = FrameReader()
        writers.append(writer)
        while data := await reader.read(65536):
            heard.extend(frames.feed(data))

    return await asyncio.start_unix_server(listen, str(state.socket_path)), heard, writers


@pytest.mark.parametrize("current", ["0123456789abcdef", "../../etc/passwd", ""])
def test_what_is_called_current_may_be_damaged(play: Any, snapshot: Any, current: str) -> None:
    """Then the worker serves what the supervisor named."""

    async def scene(on: Scene) -> None:
        assert on.worker._snapshot.id == snapshot().id

    play(scene, current=current)


def test_what_was_handed_is_served_without_a_state_directory(tmp_path: Any, snapshot: Any) -> None:
    """A disk that is gone or frozen keeps no worker from starting."""
    handed = HandedSnapshot()
    handed.keep(snapshot())

    async def main() -> None:
        on = Scene(StateDirectory(tmp_path / "gone"), handed.id, handed=handed.opened())
        assert on.worker._snapshot == snapshot()
        await on.end()

    uvloop.run(main())
    handed.close()


def test_what_was_handed_goes_before_what_is_called_current(state: StateDirectory, snapshot: Any) -> None:
    """The other workers serve it; what is current by now comes from control. Damaged, it is not served."""
    first, other = snapshot(), snapshot("other")
    for each in (first, other):
        state.save(each)
        state.set_current(each.id, "file", 1.0)
    handed = HandedSnapshot()
    handed.keep(first)

    async def main() -> None:
        on = Scene(state, first.id, handed=handed.opened())
        assert on.worker._snapshot.id == first.id
        await on.end()
        on = Scene(state, other.id, handed=handed.opened())
        assert on.worker._snapshot.id == other.id
        await on.end()

    uvloop.run(main())
    handed.close()


def test_a_current_one_without_its_secret_is_not_served(
    state: StateDirectory, snapshot: Any, text: Any
) -> None:
    """A worker that died of it each time would help nobody."""
    from halfopen.rollout import Configured, configure

    first = snapshot()
    other = configure(text("other").replace("{K}", "{L}"), {**ENVIRON, "L": "x"})
    assert isinstance(other, Configured)
    for each in (first, other.snapshot):
        state.save(each)
        state.set_current(each.id, "file", 1.0)

    async def main() -> None:
        on = Scene(state, first.id)
        assert on.worker._snapshot.id == first.id
        await on.end()
        on = Scene(state, first.id, {**ENVIRON, "L": "sk-other"})
        assert on.worker._snapshot.id == other.snapshot.id
        await on.end()

    uvloop.run(main())


def test_control_hears_who_it_is_and_what_it_does(play: Any, state: StateDirectory, eventually: Any) -> None:
    """At once, and then every second."""

    async def scene(on: Scene) -> None:
        server, heard, writers = await control(state)
        await eventually(lambda: any(isinstance(each, Load) for each in heard), 3.0)
        hello, load = heard[0], next(each for each in heard if isinstance(each, Load))
        assert hello == Hello(Role.WORKER, os.getpid(), 3, on.worker._snapshot.id)
        assert (load.connections, load.in_flight, load.waiting, load.requests) == (0, 0, 0, 0)
        assert load.memory_bytes == pytest.approx(memory_bytes(), rel=0.5)
        server.close()
        for writer in writers:
            writer.close()

    play(scene)


def test_it_says_what_it_serves_and_why_not(
    play: Any, state: StateDirectory, snapshot: Any, eventually: Any
) -> None:
    """A snapshot that can't be read or needs a restart changes nothing."""
    from halfopen.app.processes.frames import frame

    async def scene(on: Scene) -> None:
        server, heard, writers = await control(state)
        await eventually(lambda: heard)
        good, moved = snapshot("n"), snapshot(port=8600)
        for each in (good, moved):
            state.save(each)
        before = on.worker._server.runtime
        for number, wanted in enumerate(("feedfeedfeedfeed", moved.id, good.id), 1):
            writers[0].write(frame(Apply(wanted)))
            await eventually(lambda number=number: len(applied(heard)) == number)
            if wanted != good.id:
                assert on.worker._server.runtime is before
        unreadable, restart, served = applied(heard)
        assert unreadable.problem == "there is no snapshot feedfeedfeedfeed"
        assert "needs a restart" in restart.problem
        assert served == Applied(good.id)
        after = on.worker._server.runtime
        assert list(after.routes) == ["n"]
        writers[0].write(frame(Apply(good.id)))
        await eventually(lambda: len(applied(heard)) == 4)
        assert on.worker._server.runtime is after  # nothing to change
        server.close()
        for writer in writers:
            writer.close()

    play(scene)


def applied(heard: list[Any]) -> list[Applied]:
    """What it said of snapshots."""
    return [each for each in heard if isinstance(each, Applied)]


def test_new_keys_of_the_same_snapshot_are_taken(
    play: Any, state: StateDirectory, snapshot: Any, eventually: Any
) -> None:
    """A key that stands in the file is no part of a snapshot's content."""
    from halfopen.app.processes.frames import frame

    async def scene(on: Scene) -> None:
        server, heard, writers = await control(state)
        await eventually(lambda: heard)
        writers[0].write(frame(Apply(snapshot().id, {"K": "sk-another-key-of-the-tests"})))
        await eventually(lambda: applied(heard))
        assert on.worker._server.runtime.providers["p"].keys == ("sk-another-key-of-the-tests",)
        server.close()
        for writer in writers:
            writer.close()

    play(scene)


def test_local_models_that_have_moved_are_found_without_control(
    state: StateDirectory, snapshot: Any, eventually: Any
) -> None:
    """SIGHUP of the supervisor is enough."""
    from dataclasses import replace

    from halfopen.rollout import LocalSpec
    from halfopen.rollout.snapshot import sealed

    first = snapshot()
    local = replace(first.providers["p"], base_url="", key=None, local=LocalSpec())
    first = sealed(replace(first, providers={"p": local}))
    state.save(first)
    state.set_current(first.id, "start", 1.0)
    state.set_places({"p": "http://127.0.0.1:20001/v1"})

    async def main() -> None:
        on = Scene(state, first.id, {"HALFOPEN_LOCAL_KEY": "local"})

        def address() -> str:
            return on.worker._server.runtime.providers["p"].spec.base_url

        assert address() == "http://127.0.0.1:20001/v1"
        await asyncio.sleep(0)
        state.set_places({"p": "http://127.0.0.1:20002/v1"})
        await eventually(lambda: signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: address() == "http://127.0.0.1:20002/v1")
        await on.end()

    uvloop.run(main())


def test_limits_are_divided_among_workers(play: Any) -> None:
    """Two workers: a half each."""

    async def scene(on: Scene) -> None:
        (state,) = on.worker._server.runtime.routes["m"].states
        assert state.limiter.limit == 50

    play(scene)


def test_standard_error_that_nobody_reads_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that a pipe has no room for is lost; a long one is cut to what a pipe takes at once."""
    reading, writing = os.pipe()
    monkeypatch.setattr(standard_error, "_STANDARD_ERROR", writing)
    standard_error.write_if_taken("x" * 9000 + "\n")
    assert os.read(reading, 65536) == b"x" * 4095 + b"\n"
    for _ in range(100):
        standard_error.write_if_taken("y" * 4000 + "\n")
    assert 4000 < len(os.read(reading, 1 << 20)) < 100 * 4001
    standard_error.write_if_taken("again\n")
    os.close(reading)
    standard_error.write_if_taken("to nobody\n")
    os.close(writing)
