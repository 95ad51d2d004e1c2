"""A child process that is there whatever happens to it."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from halfopen.app.processes import kept_child
from halfopen.app.processes.kept_child import AGAIN_MAX_S, SETTLED_S, KeptChild

LIVE = "import os, signal, sys; line = int(sys.argv[1]); os.write(line, b'{words}'); {then}"
WAIT = "signal.pause()"
DEAF = (
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(line, b'r'); [signal.pause() for _ in range(9)]"
)


def child(words: str = ".r", then: str = WAIT) -> Callable[[int], Awaitable[Process]]:
    """Starts a process that says these words on its lifeline, and then does something."""
    code = LIVE.format(words=words, then=then)

    async def spawn(line: int) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-SE", "-c", code, str(line)), pass_fds=(line,)
        )

    return spawn


def kept(
    scene: Callable[[KeptChild, list[str]], Awaitable[None]], spawn: Any, name: str = "worker 0"
) -> None:
    """Runs a scene with a child that is kept."""

    async def main() -> None:
        told: list[str] = []
        one = KeptChild(name, spawn, told.append)
        one.start()
        try:
            await scene(one, told)
        finally:
            await one.stop(0.5)
        assert one.pid == 0

    asyncio.run(main())


def test_one_that_dies_at_once_is_started_again_more_and_more_rarely(
    monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    """The first time without a wait; each further one waits twice as long, and says so."""
    monkeypatch.setattr(kept_child, "_AGAIN_MIN_S", 0.01)

    async def scene(one: KeptChild, told: list[str]) -> None:
        await eventually(lambda: one.restarts >= 3)
        assert told[0].startswith("worker 0 (process ")
        assert told[0].endswith(") ended with status 3; it is started again")
        assert told[1].endswith("; it is started again, in 0.01 s: it is the 2. time in a row")
        assert told[2].endswith(", in 0.02 s: it is the 3. time in a row")

    kept(scene, child(then="sys.exit(3)"))


def test_the_wait_has_a_bound_and_an_end() -> None:
    """However often it died; one that has lived for a while begins a new row."""

    async def main() -> None:
        one = KeptChild("control", child(), lambda _: None)
        waits = [one._died(0.0) for _ in range(200)]
        assert waits[:4] == [0.0, 0.1, 0.2, 0.4]
        assert waits[-1] == max(waits) == AGAIN_MAX_S
        assert one._died(SETTLED_S) == 0.0
        assert one._died(0.0) == 0.1

    asyncio.run(main())


def test_one_that_gives_no_sign_of_life_is_killed(monkeypatch: pytest.MonkeyPatch, eventually: Any) -> None:
    """Whoever waits for it would wait for ever."""
    monkeypatch.setattr(kept_child, "SILENT_S", 0.2)
    monkeypatch.setattr(kept_child, "_LOOK_EVERY_S", 0.05)

    async def scene(one: KeptChild, told: list[str]) -> None:
        await eventually(lambda: one.restarts >= 1)
        assert "was ended by SIGKILL after it had given no sign of life" in told[0]

    kept(scene, child())


def test_silence_while_the_supervisor_was_stopped_does_not_count(
    monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    """What the child said meanwhile could not be heard."""
    monkeypatch.setattr(kept_child, "SILENT_S", 0.3)
    monkeypatch.setattr(kept_child, "_LOOK_EVERY_S", 0.05)

    async def scene(one: KeptChild, told: list[str]) -> None:
        await one.ready.wait()
        import select

        select.select([], [], [], 0.5)  # the loop stands still, as under SIGSTOP
        await asyncio.sleep(0.05)
        assert (told, one.restarts) == ([], 0)

    kept(scene, child())


def test_one_that_leaves_is_replaced_while_it_is_still_there(eventually: Any) -> None:
    """Its last work needs no new connections, and the next one takes them."""

    async def scene(one: KeptChild, told: list[str]) -> None:
        await one.ready.wait()
        first = one._life
        assert first is not None
        await eventually(lambda: one.restarts == 1 and one.pid not in (0, first.process.pid))
        assert not first.ended.done()
        assert "was told to end; it is started again" in told[0]
        one._spawn = child()

    spawns = [child(".rl"), child()]

    async def spawn(line: int) -> Process:
        return await spawns.pop(0)(line) if len(spawns) > 1 else await spawns[0](line)

    kept(scene, spawn)


def test_one_that_can_not_be_started_is_tried_again(eventually: Any) -> None:
    """The system may have no room for a process now."""
    tries = []

    async def spawn(line: int) -> Process:
        tries.append(line)
        if len(tries) < 3:
            raise OSError(11, "Resource temporarily unavailable")
        return await child()(line)

    async def scene(one: KeptChild, told: list[str]) -> None:
        await one.ready.wait()
        assert told[0] == (
            "worker 0 could not be started: Resource temporarily unavailable; it is started again"
        )
        assert one.restarts == 2

    kept(scene, spawn)


def test_one_that_will_not_end_is_killed(eventually: Any) -> None:
    """The stop has a bound."""

    async def main() -> None:
        one = KeptChild("worker 0", child("", DEAF), lambda _: None)
        one.start()
        await one.ready.wait()
        life = one._life
        assert life is not None
        await one.stop(0.2)
        assert life.ended.result() == -9

    asyncio.run(main())


@pytest.mark.alone
def test_stopping_while_it_waits_to_be_started_again_ends_the_wait(eventually: Any) -> None:
    """Nothing is started any more."""

    async def main() -> None:
        one = KeptChild("worker 0", child(then="sys.exit(1)"), lambda _: None)
        one._deaths = 60
        one.start()
        await eventually(lambda: one._deaths > 60)
        began = asyncio.get_running_loop().time()
        await one.stop(3.0)
        assert asyncio.get_running_loop().time() - began < 1.0
        assert one.restarts == 0

    asyncio.run(main())
