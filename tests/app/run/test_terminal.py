"""Who reads what `halfopen run` prints may leave, fall behind or close the terminal: that ends no gateway."""

import asyncio
import contextlib
import os
import pty
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Any

from halfopen.app.processes.asking import ask
from halfopen.app.processes.messages import Ask
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.lab.ports import free_port

START_S = 20.0


def full_pipe() -> tuple[int, int]:
    """A pipe into which not another byte fits."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    return reading, writing


async def started(stage: Any, **streams: int) -> tuple[Process, int]:
    """`halfopen run` as a person starts it, when it answers."""
    for provider in (stage.primary, stage.spare):
        await provider.start()
    port = free_port()
    stage.write(
        port=port, workers=1, state=stage.state, primary=stage.primary.base_url,
        spare=stage.spare.base_url, target="p",
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "halfopen", "run", "--config", str(stage.file)),
        env={**os.environ, "LAB_KEY": "sk-lab-0123456789"},
        **{"stdin": DEVNULL, "stdout": DEVNULL, "stderr": DEVNULL, **streams},
    )
    return process, port


async def answers(kit: Any, port: int) -> int:
    """The status of one answer, from a gateway that may still have to begin."""
    async with asyncio.timeout(START_S):
        while True:
            try:
                client = await kit.client.connect(port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
                continue
            status, _, _ = await client.ask()
            client.leave()
            return int(status)


async def status_of_the_end(process: Process) -> int:
    """Within the time that a drain takes."""
    async with asyncio.timeout(START_S):
        return await process.wait()


def test_a_reader_that_is_gone_is_no_failure(play: Any, kit: Any) -> None:
    """As in `halfopen run | head -1`: it serves on, and ends with status 0 when it is told to."""

    async def scene(stage: Any) -> None:
        reading, writing = os.pipe()
        process, port = await started(stage, stdout=writing)
        os.close(writing)
        assert await answers(kit, port) == 200
        assert os.read(reading, 20) == b"Halfopen is listenin"
        os.close(reading)
        process.terminate()
        assert await status_of_the_end(process) == 0

    play(scene)


def test_a_reader_that_is_behind_holds_nothing_up(play: Any, kit: Any) -> None:
    """Neither the start nor the end."""

    async def scene(stage: Any) -> None:
        reading, writing = full_pipe()
        process, port = await started(stage, stdout=writing)
        assert await answers(kit, port) == 200
        process.terminate()
        assert await status_of_the_end(process) == 0
        os.close(reading)
        os.close(writing)

    play(scene)


def test_a_full_disk_below_standard_output_is_no_failure(play: Any, kit: Any) -> None:
    """Nothing can be printed, and requests are answered."""

    async def scene(stage: Any) -> None:
        full = os.open("/dev/full", os.O_WRONLY)
        process, port = await started(stage, stdout=full)
        os.close(full)
        await stage.controlled()
        assert await answers(kit, port) == 200
        process.terminate()
        assert await status_of_the_end(process) == 0

    play(scene)


def test_a_terminal_that_closes_ends_the_gateway(play: Any, kit: Any) -> None:
    """SIGHUP comes with that, maybe twice, and means no reload; requests under way come to their end, and the
    status is 0 although nothing can be printed any more."""

    async def scene(stage: Any) -> None:
        terminal, ours = pty.openpty()
        process, port = await started(stage, stdin=ours, stdout=ours, stderr=ours)
        os.close(ours)
        assert await answers(kit, port) == 200
        stage.primary.pace_s = 0.03
        client = await kit.client.connect(port)
        client.writer.write(kit.chat(stream=True))
        await client.reader.readuntil(b"data: ")
        os.close(terminal)
        for _ in range(2):
            process.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.05)
        assert (await client.reader.read()).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert await status_of_the_end(process) == 0

    play(scene)


def test_nobody_has_to_read_what_control_says(play: Any, kit: Any) -> None:
    """Two hundred problems of a file, of which not one can be printed: control answers, and tells them."""

    async def scene(stage: Any) -> None:
        reading, writing = full_pipe()
        await stage.start(workers=1, stderr=writing)
        await stage.controlled()
        tables = "".join(f"[table_{number}]\n" for number in range(200))
        stage.file.write_text(stage.file.read_text() + tables)
        problems: list[str] = []
        async with asyncio.timeout(5.0):
            while not any(problem.startswith("configuration") for problem in problems):
                await asyncio.sleep(0.05)
                asked = ask, StateDirectory(Path(stage.state)).socket_path, Ask("status")
                problems = (await asyncio.to_thread(*asked)).data["problems"]
        assert sum("unknown table" in problem for problem in problems) == 200
        os.close(reading)
        os.close(writing)

    play(scene)
