"""Where `halfopen run` finds itself: no file, no place for its state, a terminal that nobody reads."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from halfopen.lab.ports import free_port


def contents(place: Path) -> bytes:
    """Of a file, or of all files in a directory."""
    files = place.rglob("*") if place.is_dir() else (place,)
    return b"".join(path.read_bytes() for path in files if path.is_file())


async def answer_of(kit: Any, gateway: Any) -> tuple[int, dict[str, str]]:
    """Status and headers of one answer."""
    client = await kit.client.connect(gateway.port)
    status, headers, _ = await client.ask()
    client.leave()
    return status, headers


def test_keys_of_the_environment_reach_the_workers(play: Any, kit: Any) -> None:
    """And no file. The state has its usual place, which only its owner can read."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start(state="", state_home=str(stage.folder))
        assert (await answer_of(kit, gateway))[0] == 200
        assert dict(stage.primary.calls[0].headers)["authorization"] == f"Bearer {kit.key}"
        state = stage.folder / "halfopen" / str(gateway.port)
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert (state / "current").read_text().strip() == gateway.told["snapshot"]
        assert kit.key.encode() not in contents(state)
        await kit.eventually((state / "outcomes.db-wal").exists, lambda: list(state.iterdir()))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.iterdir() if path.is_file()}
        assert set(modes.values()) == {0o600}, modes

    play(scene)


def test_a_directory_that_was_there_keeps_its_mode_and_its_files_are_ours(play: Any, kit: Any) -> None:
    """Somebody may have made it readable for all."""

    async def scene(stage: Any) -> None:
        stage.state.mkdir(mode=0o755)
        gateway = await stage.start(workers=1)
        assert (await answer_of(kit, gateway))[0] == 200
        await kit.eventually((stage.state / "outcomes.db-wal").exists, lambda: list(stage.state.iterdir()))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in stage.state.iterdir()}
        assert {mode & 0o077 for mode in modes.values()} == {0}, modes
        assert stat.S_IMODE(stage.state.stat().st_mode) == 0o755

    play(scene)


def test_a_relative_place_is_found_from_anywhere(play: Any, kit: Any) -> None:
    """It goes by the configuration file's directory, whoever starts the gateway or asks it."""

    async def scene(stage: Any) -> None:
        (stage.folder / "etc").mkdir()
        stage.file = stage.folder / "etc" / "halfopen.toml"
        await stage.start(state="own")
        status = await stage.command("status")
        assert status["state"] == str(stage.folder / "etc" / "own")

    play(scene)


def test_a_key_that_stands_in_the_file_reaches_the_workers(play: Any, kit: Any) -> None:
    """Without being written anywhere else, and without being an argument of a process."""

    async def scene(stage: Any) -> None:
        await stage.primary.start()
        file = stage.folder / "own.toml"
        file.write_text(
            f'[gateway]\nport = {free_port()}\n[processes]\nstate_dir = "{stage.state}"\n'
            f'[providers.p]\ndialect = "openai"\nbase_url = "{stage.primary.base_url}"\nkey = "sk-in-the-file"\n'
            '[routes.m]\ntargets = ["p/gpt-4o-mini"]\n'
        )
        gateway = await stage.run("--config", str(file))
        assert (await answer_of(kit, gateway))[0] == 200
        assert dict(stage.primary.calls[0].headers)["authorization"] == "Bearer sk-in-the-file"
        for pid in gateway.children:
            assert b"sk-in-the-file" not in contents(Path(f"/proc/{pid}/cmdline"))
        assert b"sk-in-the-file" not in contents(stage.state)

    play(scene)


def test_a_place_that_can_not_be_written_is_no_reason_not_to_serve(play: Any, kit: Any) -> None:
    """A directory for this run takes its place, and goes with it."""

    async def scene(stage: Any) -> None:
        taken = stage.folder / "file"
        taken.write_text("no directory")
        gateway = await stage.start(state=taken / "state")
        assert (await answer_of(kit, gateway))[0] == 200
        await gateway.until_said("are kept in ")
        place = Path(gateway.said.partition("are kept in ")[2].split()[0])
        assert contents(place / "current")
        assert (await stage.command("status"))["state"] == str(place)
        assert await gateway.end() == 0
        assert not contents(place)

    play(scene)


def test_two_gateways_do_not_share_a_place(play: Any, kit: Any) -> None:
    """The second one waits for as long as the first may drain, and then ends with status 1."""

    async def scene(stage: Any) -> None:
        first = await stage.start()
        stage.write(port=free_port())
        short = "import halfopen.app.processes.home as home\nhome.HELD_MAX_S = 0.2"
        second = await stage.process("--config", str(stage.file), before=short)
        async with asyncio.timeout(40.0):
            out, said = await second.communicate()
        assert (second.returncode, out) == (1, b"")
        problem = f"halfopen: there is no place for the state: another gateway uses {stage.state} and goes on"
        assert problem in said.decode()
        assert (await answer_of(kit, first))[0] == 200
        assert (await stage.command("status"))["supervisor"]["pid"] == first.process.pid

    play(scene)


@pytest.mark.parametrize("closed", ["<&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_standard_descriptors_may_be_closed(play: Any, kit: Any, closed: str) -> None:
    """A socket would get their numbers, and each child would take it for its standard input."""

    async def scene(stage: Any) -> None:
        await stage.primary.start()
        stage.write(
            port=(port := free_port()), workers=1, state=stage.state,
            primary=stage.primary.base_url, spare=stage.primary.base_url, target="p",
        )  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "halfopen", "run"),
            *("--config", str(stage.file)),
            env=stage.environ,
        )
        try:
            async with asyncio.timeout(40.0):
                while True:
                    try:
                        client = await kit.client.connect(port)
                        break
                    except ConnectionRefusedError:
                        await asyncio.sleep(0.02)
                assert (await client.ask())[0] == 200
            process.terminate()
            async with asyncio.timeout(40.0):
                assert await process.wait() == 0
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    play(scene)


def test_a_gateway_that_can_not_serve_does_not_say_that_it_does(play: Any, kit: Any) -> None:
    """No worker can be started: it says why, and ends with status 1 and without children."""

    async def scene(stage: Any) -> None:
        stage.break_worker(0)
        stage.write(port=free_port(), workers=1, state=stage.state, primary="http://127.0.0.1:9",
                    spare="http://127.0.0.1:9", target="p")  # fmt: skip
        short = "import halfopen.app.processes.supervisor as it\nit._READY_MAX_S = it._LOOK_EVERY_S = 0.2"
        process = await stage.process("--config", str(stage.file), before=short)
        async with asyncio.timeout(40.0):
            out, said = await process.communicate()
        assert (process.returncode, out) == (1, b"")
        last = said.decode().splitlines()[-1]
        assert last.startswith("halfopen: no worker is ready after ")
        assert ") ended with status 7; it is started again" in last

    play(scene)


def test_one_that_loads_slowly_is_waited_for(play: Any, kit: Any) -> None:
    """A busy machine is no reason to give up: nobody has died."""

    async def scene(stage: Any) -> None:
        await stage.primary.start()
        stage.write(port=free_port(), workers=1, state=stage.state, primary=stage.primary.base_url,
                    spare=stage.primary.base_url, target="p")  # fmt: skip
        short = "import halfopen.app.processes.supervisor as it\nit._READY_MAX_S = it._LOOK_EVERY_S = 0.001"
        process = await stage.process("--config", str(stage.file), before=short)
        async with asyncio.timeout(40.0):
            assert await process.stdout.readline()
        process.terminate()
        assert await process.wait() == 0

    play(scene)


def test_rescues_are_told_by_the_workers(play: Any, kit: Any) -> None:
    """As one line of JSON each, with `--json`."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start(workers=1)
        stage.primary.set_fault("openai_500_server_error")
        status, _ = await answer_of(kit, gateway)
        assert status == 500
        await gateway.until_said("\n")
        told = json.loads(gateway.said)
        assert (told["what"], told["kind"]) == ("FAILED", "server_error")

    play(scene)


def test_nobody_has_to_read_standard_error(play: Any, kit: Any) -> None:
    """Failures are answered, and dead workers replaced, while not another byte fits into the pipe."""

    async def scene(stage: Any) -> None:
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * 4096)
        os.set_blocking(writing, True)
        gateway = await stage.start(workers=1, stderr=writing)
        stage.primary.set_fault("openai_400_invalid_request")
        async with asyncio.timeout(5):
            assert (await answer_of(kit, gateway))[0] == 400
            os.kill(gateway.processes["workers"][0], signal.SIGKILL)
            assert (await answer_of(kit, gateway))[0] == 400
        os.close(writing)
        os.close(reading)

    play(scene)


def test_a_worker_loads_only_what_serves(tmp_path: Path) -> None:
    """Neither the command line nor the lab, the simulator or a database: it starts sooner and is smaller."""
    import subprocess

    code = (
        "import sys, halfopen.app.processes.worker; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}"
        " | {'.'.join(name.split('.')[:2]) for name in sys.modules if name.startswith('halfopen.')}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    unwanted = {"typer", "rich", "sqlite3", "matplotlib", "openai", "halfopen.cli", "halfopen.lab"}
    assert "halfopen.gateway" in loaded
    assert loaded & (unwanted | {"halfopen.simulator", "halfopen.store"}) == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_by_either_signal(play: Any, kit: Any, number: signal.Signals) -> None:
    """With status 0."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start("--workers", "1", workers=2)
        assert len(gateway.processes["workers"]) == 1
        os.kill(gateway.process.pid, number)
        assert await gateway.process.wait() == 0

    play(scene)
