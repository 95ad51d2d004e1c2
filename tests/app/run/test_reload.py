"""A changed configuration: served within a second by all workers, and a bad one never."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from halfopen.app.processes.asking import ask
from halfopen.app.processes.messages import Ask
from halfopen.app.processes.state_directory import StateDirectory

WITHIN_S = 1.0


async def who_answers(kit: Any, gateway: Any) -> set[str]:
    """Whose answers come, over connections enough to reach every worker."""
    found = set()
    for _ in range(12):
        client = await kit.client.connect(gateway.port)
        _, headers, _ = await client.ask()
        found.add(headers["x-halfopen-upstream"].partition("/")[0])
        client.leave()
    return found


async def in_time(kit: Any, gateway: Any, wanted: set[str]) -> None:
    """Until only these answer. Every worker has to have changed within a second."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while await who_answers(kit, gateway) != wanted:
        assert loop.time() - began < WITHIN_S, f"not only {wanted} after {WITHIN_S} s"


@pytest.mark.alone
def test_a_saved_file_is_served_within_a_second(play: Any, kit: Any) -> None:
    """New requests, on connections that are open as well; a request that has begun stays where it is."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        stage.primary.pace_s = 0.05
        streaming, kept = [await kit.client.connect(gateway.port) for _ in range(2)]
        streaming.writer.write(kit.chat(stream=True))
        head = await streaming.reader.readuntil(b"\r\n\r\n")
        assert b"x-halfopen-upstream: p/" in head
        assert (await kept.ask())[1]["x-halfopen-upstream"].startswith("p/")
        stage.write(target="q")
        await in_time(kit, gateway, {"q"})
        assert (await kept.ask())[1]["x-halfopen-upstream"].startswith("q/")
        rest = await streaming.reader.readuntil(b"\r\n0\r\n\r\n")
        assert b"[DONE]" in rest
        for client in (streaming, kept):
            client.leave()

    play(scene)


@pytest.mark.alone
def test_a_bad_file_keeps_the_last_good_one(play: Any, kit: Any) -> None:
    """It is told where it is wrong; the workers that start later serve the good one as well."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        stage.write(target="nobody")
        await gateway.until_said("nobody")
        assert f"{stage.file}:" in gateway.said
        os.kill(gateway.processes["workers"][0], signal.SIGKILL)
        assert await who_answers(kit, gateway) == {"p"}
        stage.write(target="q")
        await in_time(kit, gateway, {"q"})

    play(scene)


def test_what_needs_a_restart_is_refused(play: Any, kit: Any) -> None:
    """Another number of workers is no reason to serve half of a file."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        stage.write(target="q", workers=3)
        await gateway.until_said("needs a restart")
        assert await who_answers(kit, gateway) == {"p"}
        assert len(gateway.children) == 3

    play(scene)


@pytest.mark.alone
def test_a_worker_that_starts_later_serves_the_new_snapshot(play: Any, kit: Any) -> None:
    """Not the one of the gateway's start; control need not be there."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        stage.write(target="q")
        await in_time(kit, gateway, {"q"})
        os.kill(gateway.processes["control"], signal.SIGSTOP)
        for pid in gateway.processes["workers"]:
            os.kill(pid, signal.SIGKILL)
        assert await who_answers(kit, gateway) == {"q"}
        os.kill(gateway.processes["control"], signal.SIGCONT)

    play(scene)


@pytest.mark.alone
def test_sighup_reads_the_file_again(play: Any, kit: Any) -> None:
    """Also a file of which no look can tell that it is another one: same time, same length, same place."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        # It is answered when the file has been read for the first time.
        await asyncio.to_thread(ask, StateDirectory(Path(stage.state)).socket_path, Ask("history"))
        before = stage.file.stat()
        file = os.open(stage.file, os.O_RDWR)
        data = os.pread(file, before.st_size, 0).replace(b'"p/gpt', b'"q/gpt')
        # No look may fall between the two.
        os.kill(gateway.processes["control"], signal.SIGSTOP)
        os.pwrite(file, data, 0)
        os.close(file)
        os.utime(stage.file, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.kill(gateway.processes["control"], signal.SIGCONT)
        after = stage.file.stat()
        assert (after.st_mtime_ns, after.st_size, after.st_ino) == (
            before.st_mtime_ns,
            before.st_size,
            before.st_ino,
        )
        for _ in range(10):  # many looks
            assert await who_answers(kit, gateway) == {"p"}
            await asyncio.sleep(0.05)
        gateway.process.send_signal(signal.SIGHUP)
        await in_time(kit, gateway, {"q"})

    play(scene)


def test_a_file_that_is_gone_takes_nothing_away(play: Any, kit: Any) -> None:
    """It is told, and what is served stays."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        stage.file.unlink()
        await gateway.until_said("can't be read")
        assert await who_answers(kit, gateway) == {"p"}

    play(scene)


def test_sighup_without_control_says_so(play: Any, kit: Any) -> None:
    """And changes nothing."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start()
        await stage.controlled()
        # Whatever is there, nobody can connect to it.
        (stage.state / "control.sock").unlink()
        os.kill(gateway.processes["control"], signal.SIGKILL)
        await gateway.until_said("control (process")
        gateway.process.send_signal(signal.SIGHUP)
        await gateway.until_said("control isn't there")
        assert await who_answers(kit, gateway) == {"p"}

    play(scene)
