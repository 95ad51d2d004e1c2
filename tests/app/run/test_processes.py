"""The processes of `halfopen run`: started again when they die, ended together, and never missed."""

import asyncio
import os
import signal
import socket
from typing import Any

import pytest

from halfopen.app.processes.asking import ask
from halfopen.app.processes.messages import Ask
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.lab.drills.bystander import held_connections
from halfopen.lab.ports import free_port


def listens(port: int) -> bool:
    """Whether a client can connect."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


def test_it_says_who_is_who_and_leaves_nobody_behind(play: Any, kit: Any) -> None:
    """Process ids stand in the output; SIGTERM ends all of them with status 0."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        told = gateway.processes
        assert told["supervisor"] == gateway.process.pid
        assert len(told["workers"]) == 2
        assert sorted(gateway.children) == sorted([told["control"], *told["workers"]])
        status, _, _ = await (await kit.client.connect(gateway.port)).ask()
        assert status == 200
        assert await gateway.end() == 0
        assert not [pid for pid in (told["control"], *told["workers"]) if kit.is_alive(pid)]
        assert gateway.said == ""

    play(scene)


@pytest.mark.alone
def test_a_worker_that_is_killed_costs_its_own_requests_only(play: Any, kit: Any) -> None:
    """Connections that wait for it are served by the one that takes its place, within about a second."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        fresh = kit.load(gateway.port, 12, keep_alive=False)
        kept = kit.load(gateway.port, 12, keep_alive=True)
        await fresh.grow(200)
        victim = gateway.processes["workers"][0]
        os.kill(victim, signal.SIGSTOP)  # so that what it has accepted stays what it is
        held = held_connections(victim, gateway.port)
        os.kill(victim, signal.SIGKILL)
        await fresh.grow(400)
        for load in (fresh, kept):
            await load.stop()
        lost = fresh.lost + kept.lost
        assert set(lost) <= held, (lost, held, fresh.failures, kept.failures)
        assert len(lost) == len(fresh.failures) + len(kept.failures) <= len(held)
        assert max(fresh.slowest_s, kept.slowest_s) < 3.0
        assert len(gateway.children) == 3
        assert gateway.processes["workers"][0] not in gateway.children
        await gateway.until_said("worker 0 (process")
        assert "was ended by SIGKILL; it is started again" in gateway.said

    play(scene)


@pytest.mark.alone
def test_others_stand_in_for_a_worker_that_can_not_be_started(play: Any, kit: Any) -> None:
    """Connections that the system gives to its sockets are served all the same, without a wait."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        stage.break_worker(1)
        os.kill(gateway.processes["workers"][1], signal.SIGKILL)
        await gateway.until_said("it is the 3. time in a row")
        assert ") ended with status 7; it is started again" in gateway.said
        for _ in range(20):
            client = await kit.client.connect(gateway.port)
            async with asyncio.timeout(1.0):
                assert (await client.ask())[0] == 200
            client.leave()

    play(scene)


def test_workers_start_without_the_state_directory(play: Any, kit: Any) -> None:
    """All of them are killed after it has gone: what was served last is served again, and places are taken."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        stage.write(target="q")
        client = await kit.client.connect(gateway.port)

        async def served_by_the_spare() -> bool:
            before = len(stage.spare.calls)
            assert (await client.ask())[0] == 200
            return len(stage.spare.calls) > before

        def has_heard() -> bool:
            data = ask(StateDirectory(stage.state).socket_path, Ask("status")).data
            served = {each["snapshot"] for each in (data["supervisor"], *data["workers"])}
            everyone = len(data["workers"]) == len(gateway.processes["workers"])
            return everyone and served == {data["snapshot"]} != {gateway.told["snapshot"]}

        await kit.eventually(has_heard, lambda: gateway.said)
        assert await served_by_the_spare()
        stage.state.rename(stage.folder / "elsewhere")
        for pid in gateway.processes["workers"]:
            os.kill(pid, signal.SIGKILL)
        for _ in range(8):
            client = await kit.client.connect(gateway.port)
            async with asyncio.timeout(6.0):
                assert await served_by_the_spare()
            client.leave()
        assert "nothing can be served" not in gateway.said

    play(scene)


@pytest.mark.alone
def test_others_stand_in_for_a_worker_that_is_frozen(play: Any, kit: Any) -> None:
    """After some seconds without a sign of life. When it goes on, it serves again."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        frozen = gateway.processes["workers"][0]
        os.kill(frozen, signal.SIGSTOP)
        clients = [await kit.client.connect(gateway.port) for _ in range(16)]
        async with asyncio.timeout(6.0):
            answers = await asyncio.gather(*(client.ask() for client in clients))
        assert {status for status, _, _ in answers} == {200}
        os.kill(frozen, signal.SIGCONT)
        more = [await kit.client.connect(gateway.port) for _ in range(16)]
        async with asyncio.timeout(6.0):
            answers = await asyncio.gather(*(client.ask() for client in more))
        assert {status for status, _, _ in answers} == {200}
        assert frozen in gateway.children
        for client in (*clients, *more):
            client.leave()

    play(scene)


def test_a_worker_that_is_told_to_end_loses_nothing(play: Any, kit: Any) -> None:
    """Its running requests get their answers while another one takes its place."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        fresh = kit.load(gateway.port, 8, keep_alive=False)
        kept = kit.load(gateway.port, 8, keep_alive=True)
        await fresh.grow(100)
        for pid in gateway.processes["workers"]:
            os.kill(pid, signal.SIGTERM)
            await kit.eventually(lambda pid=pid: not kit.is_alive(pid), lambda: gateway.children)
            await fresh.grow(100)
            await kept.grow(50)
        for load in (fresh, kept):
            await load.stop()
        assert (fresh.failures, kept.failures) == ([], [])

    play(scene)


def test_the_whole_gateway_drains(play: Any, kit: Any) -> None:
    """What runs when it is told to stop comes to its end; then nobody listens any more."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        stage.primary.pace_s = 0.03
        streaming = await kit.client.connect(gateway.port)
        streaming.writer.write(kit.chat(stream=True))
        await streaming.reader.readuntil(b"data: ")
        gateway.process.terminate()
        body = b""
        while chunk := await streaming.reader.read(65536):
            body += chunk
        assert body.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert await gateway.end() == 0
        with pytest.raises(ConnectionRefusedError):
            await kit.client.connect(gateway.port)

    play(scene)


def test_the_next_gateway_may_be_started_while_this_one_drains(play: Any, kit: Any) -> None:
    """It serves from the same state directory as soon as that is free; clients wait, and commands reach it."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        stage.primary.pace_s = 0.1
        streaming = await kit.client.connect(gateway.port)
        streaming.writer.write(kit.chat(stream=True))
        await streaming.reader.readuntil(b"data: ")
        gateway.process.terminate()
        await kit.eventually(lambda: not listens(gateway.port), lambda: "it still listens")
        starting = asyncio.create_task(stage.run("--config", str(stage.file)))
        await kit.eventually(lambda: listens(gateway.port), lambda: "the next one doesn't listen")
        assert gateway.process.returncode is None
        early = await kit.client.connect(gateway.port)
        early.writer.write(kit.chat())
        assert (await streaming.reader.read()).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        second = await starting
        assert gateway.process.returncode == 0
        assert (await early.answer())[0] == 200
        await second.until_said(f"Another gateway uses {stage.state}; requests wait")
        status = await stage.command("status")
        assert status["state"] == str(stage.state)
        await kit.eventually(lambda: stage.recorded() == 2, stage.recorded)

    play(scene)


def test_it_can_be_stopped_while_it_waits(play: Any, kit: Any) -> None:
    """For another gateway to end: nobody need kill it."""

    async def scene(stage: Any) -> None:
        await stage.start()
        stage.write(port=free_port())
        process = await stage.process("--config", str(stage.file))
        assert b"Another gateway uses" in await process.stderr.readline()
        process.terminate()
        async with asyncio.timeout(3.0):
            out, _ = await process.communicate()
        assert (process.returncode, out) == (0, b"")

    play(scene)


def test_nobody_who_waits_is_reset_at_the_end(play: Any, kit: Any) -> None:
    """Five hundred requests that no worker has accepted yet when the gateway is told to stop are answered,
    be it that one worker gets to it later than the other."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        for pid in gateway.processes["workers"]:
            os.kill(pid, signal.SIGSTOP)
        clients = [await kit.client.connect(gateway.port) for _ in range(400)]
        for client in clients:
            client.writer.write(kit.chat())
        gateway.process.terminate()
        await asyncio.sleep(0.05)
        first, second = gateway.processes["workers"]
        os.kill(first, signal.SIGCONT)
        await kit.eventually(lambda: len(stage.primary.calls) > 100, lambda: len(stage.primary.calls))
        # The second one keeps the sockets of both open, so they may come to either.
        late = [await kit.client.connect(gateway.port) for _ in range(100)]
        for client in late:
            client.writer.write(kit.chat())
        clients += late
        os.kill(second, signal.SIGCONT)
        async with asyncio.timeout(9.0):
            answers = await asyncio.gather(*(client.answer() for client in clients), return_exceptions=True)
        lost = [answer for answer in answers if isinstance(answer, BaseException)]
        assert lost == []
        assert {status for status, _, _ in answers} == {200}
        for client in clients:
            client.leave()
        assert await gateway.end() == 0

    play(scene)


@pytest.mark.alone
def test_a_second_signal_ends_it_at_once(play: Any, kit: Any) -> None:
    """However long a request would take."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        stage.primary.set_fault("hang_before_headers")
        client = await kit.client.connect(gateway.port)
        client.writer.write(kit.chat())
        await kit.eventually(lambda: stage.primary.calls, lambda: "no call")
        began = asyncio.get_running_loop().time()
        gateway.process.terminate()
        await asyncio.sleep(0.05)
        assert gateway.process.returncode is None
        gateway.process.terminate()
        await gateway.end()
        assert asyncio.get_running_loop().time() - began < 2.0
        assert not [pid for pid in gateway.processes["workers"] if kit.is_alive(pid)]

    play(scene)


def test_children_end_with_a_supervisor_that_is_killed(play: Any, kit: Any) -> None:
    """Also when it could tell nobody."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        children = gateway.children
        assert len(children) == 3
        gateway.process.kill()
        await kit.eventually(
            lambda: not any(kit.is_alive(pid) for pid in children), lambda: children, most_s=4.0
        )
        assert await gateway.end() == -signal.SIGKILL

    play(scene)


def test_control_is_not_missed(play: Any, kit: Any) -> None:
    """Stopped or killed, requests go on without a failure; a killed one is started again."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        control = gateway.processes["control"]
        load = kit.load(gateway.port, 8, keep_alive=True)
        await load.grow(50)
        os.kill(control, signal.SIGSTOP)
        await load.grow(200)
        os.kill(control, signal.SIGKILL)
        await load.grow(200)
        await gateway.until_said("control (process")
        await kit.eventually(lambda: len(gateway.children) == 3, lambda: gateway.children)
        await load.stop()
        assert load.failures == []
        assert control not in gateway.children

    play(scene)


def test_another_gateway_can_not_take_a_part_of_the_connections(play: Any, kit: Any) -> None:
    """The address is taken, although sockets are shared between workers."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        with pytest.raises(
            AssertionError, match=f"can't listen on 127.0.0.1:{gateway.port}: Address already"
        ):
            await stage.run("--config", str(stage.file))
        status, _, _ = await (await kit.client.connect(gateway.port)).ask()
        assert status == 200

    play(scene)
