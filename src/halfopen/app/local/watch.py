"""The watcher: keeps one local model alive from the gateway's event loop, and never blocks it."""

import asyncio
import os
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from halfopen.app.local.command import CHILD, KEY_VARIABLE, READY, SAYS, arguments
from halfopen.app.local.death import explained, unexplained
from halfopen.app.local.gguf import missing_extra
from halfopen.app.local.options import LocalOptions, wrong_setting
from halfopen.app.local.restart import GiveUp, Reason, RestartPolicy, Restarts
from halfopen.app.local.tail import Tail
from halfopen.app.ports import LOOPBACK, free_port

STOP_S = 3.0
"""Seconds between SIGTERM and SIGKILL."""
_CHUNK_BYTES = 4096
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


class LocalState(StrEnum):
    """Where a local model is in its life."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"


class LocalModel:
    """One model in a child process, restarted with backoff when it dies.

    Errors are values: nothing here raises because of the model. Look at `state` and `error`.
    """

    def __init__(
        self,
        options: LocalOptions,
        *,
        policy: RestartPolicy | None = None,
        stop_s: float = STOP_S,
        on_change: Callable[[LocalState], None] | None = None,
    ) -> None:
        """Take the settings, and a free port.

        `stop_s` is how long a child that was told to end may take before it is killed.
        `on_change` is called in the event loop after each change of state; it must not raise.

        Raises:
            OSError: No port is free.
        """
        self.options = options
        self.key = secrets.token_urlsafe(24)
        """The bearer token that requests must bring, so that no other user or web page gets in."""
        self._on_change = on_change
        self._policy = policy or RestartPolicy()
        self._stop_s = stop_s
        self._port = free_port()
        self._state = LocalState.STOPPED
        self._settled = asyncio.Event()
        self._error: str | None = None
        self._process: Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._tail = Tail()
        self._said: str | None = None
        self._restarts = 0

    @property
    def state(self) -> LocalState:
        """Where it is in its life."""
        return self._state

    @property
    def error(self) -> str | None:
        """Why it failed or last died, in words that a person can act on; None: it never did."""
        return self._error

    @property
    def base_url(self) -> str:
        """The address for an OpenAI client, `/v1` included; known before the start.

        It changes only if another process takes the port, and then before the state is ready (again).
        """
        return f"http://{LOOPBACK}:{self._port}/v1"

    @property
    def pid(self) -> int | None:
        """The child's process id while there is a child."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    @property
    def restarts(self) -> int:
        """Children that were started in place of another one."""
        return self._restarts

    async def start(self) -> None:
        """Begin, and return at once; the model loads in the background. Does nothing when already begun."""
        if self._watching is not None and not self._watching.done():
            return
        self._error = None
        problem = wrong_setting(self.options) or missing_extra(self.options.gguf)
        if problem is not None:
            self._fail(problem)
            return
        self._change(LocalState.STARTING)
        self._watching = asyncio.create_task(self._watch(), name="local model")

    async def ready(self) -> bool:
        """Wait until the model answers (true), or has failed or was stopped (false)."""
        if self._state is LocalState.STARTING:
            await self._settled.wait()
        return self._state is LocalState.READY

    async def stop(self) -> None:
        """End the child and the watching; returns when the process is gone."""
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            # Not awaited itself: then a cancelled caller could not be told from the cancelled watching.
            await asyncio.wait((watching,))
        if self._state is not LocalState.STOPPED:
            self._change(LocalState.STOPPED)

    async def _watch(self) -> None:
        restarts = Restarts(self._policy)
        loop = asyncio.get_running_loop()
        try:
            while True:
                status = await self._live(restarts)
                decision = restarts.died(status, loop.time())
                self._error = self._why(status)
                if isinstance(decision, GiveUp):
                    if decision.reason is Reason.TOO_MANY_DEATHS:
                        self._error = f"Given up after {restarts.deaths} deaths in a row. {self._error}"
                    self._fail(self._error)
                    return
                self._change(LocalState.STARTING)
                await asyncio.sleep(decision.delay_s)
                if decision.new_port:
                    self._port = free_port()
                self._restarts += 1
        except OSError as problem:
            self._fail(f"The local model's process could not be started: {problem}")

    async def _live(self, restarts: Restarts) -> int | None:
        """One child from its start to its end. Its exit status; None: its start took too long."""
        self._tail = Tail()
        self._said = None
        process = self._process = await self._spawn()
        listening = asyncio.create_task(self._listen(process), name="local model's standard error")
        try:
            try:
                async with asyncio.timeout(self.options.start_s):
                    self._said = await _first_word(process)
            except TimeoutError:
                return None
            if self._said == READY:
                restarts.ready(asyncio.get_running_loop().time())
                self._change(LocalState.READY)
            await _drain(process)
            return await process.wait()
        finally:
            await _end(process, self._stop_s)
            # The pipe is at its end; a grandchild that holds it open must not hold us.
            await asyncio.wait((listening,), timeout=1)
            listening.cancel()

    async def _spawn(self) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            CHILD,
            "--with-parent",
            *arguments(self.options, self._port),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=_environment() | {KEY_VARIABLE: self.key},
            # A group of its own: Ctrl-C in the terminal reaches the gateway, which then stops the child.
            start_new_session=True,
        )

    async def _listen(self, process: Process) -> None:
        assert process.stderr is not None
        while chunk := await process.stderr.read(_CHUNK_BYTES):
            self._tail.feed(chunk)

    def _why(self, status: int | None) -> str:
        lines = self._tail.lines
        if self._said is not None and self._said.startswith(SAYS):
            return explained(self._said, lines)
        return unexplained(status, self.options.start_s, lines)

    def _fail(self, message: str) -> None:
        self._error = message
        self._change(LocalState.FAILED)

    def _change(self, state: LocalState) -> None:
        changed = state is not self._state
        self._state = state
        if state is LocalState.STARTING:
            self._settled.clear()
        else:
            self._settled.set()
        if changed and self._on_change is not None:
            self._on_change(state)


async def _first_word(process: Process) -> str | None:
    """The child's line that it is ready, or why it can't be; None: it ended without a word."""
    assert process.stdout is not None
    seen = b""
    while chunk := await process.stdout.read(_CHUNK_BYTES):
        *lines, rest = (seen + chunk).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if text == READY or text.startswith(SAYS):
                return text
        seen = rest[-_CHUNK_BYTES:]
    return None


async def _drain(process: Process) -> None:
    """Read away what a library may print, so that a full pipe never holds the child."""
    assert process.stdout is not None
    while await process.stdout.read(_CHUNK_BYTES):
        pass


async def _end(process: Process, stop_s: float) -> None:
    """End the child by its own process id: politely, then not."""
    if process.returncode is not None:
        return
    try:
        with suppress(ProcessLookupError):
            process.terminate()
        async with asyncio.timeout(stop_s):
            await process.wait()
    except (TimeoutError, asyncio.CancelledError) as problem:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(problem, asyncio.CancelledError):
            raise


def _environment() -> dict[str, str]:
    """Our environment without what looks like a secret: the child needs no provider's key."""
    return {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in _SECRET_WORDS)
    }
