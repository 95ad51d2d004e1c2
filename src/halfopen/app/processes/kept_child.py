"""One child process that is there as long as the supervisor wants it: started again whenever it ends.

Rules
1. The first death is made good at once. A child that ends soon after its start, time and again, waits
   longer each time, up to `AGAIN_MAX_S`, and is never given up.
2. A child that leaves (it takes no new work) is replaced while it still does its last.
3. One that is silent for `SILENT_S` is frozen and is killed, since what waits for it waits in vain.
   When the supervisor itself was stopped for a while, the silence is not held against the child.
"""

import asyncio
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import suppress

from halfopen.app.processes.child import Word

AGAIN_MAX_S = 5.0
"""Longest wait before a child is started again."""
SETTLED_S = 5.0
"""A child that has lived for so long did not die at once."""
SUSPECT_S = 2.5
"""One that is silent for so long may be frozen: it is not counted on."""
SILENT_S = 10.0
_START_MAX_S = 60.0
"""Until the first sign of life: a busy machine loads slowly."""
_AGAIN_MIN_S = 0.1
_LOOK_EVERY_S = 1.0
_LEAVE_MAX_S = 15.0
"""A child that leaves has ended by then, or is killed."""
_READ_BYTES = 256

Spawn = Callable[[int], Awaitable[Process]]
"""Starts the process with its end of the lifeline as this file descriptor."""


class _Life:
    """One process from its start to its end."""

    def __init__(self, process: Process, line: socket.socket, now: float) -> None:
        self.process = process
        self.line = line
        self.began = now
        self.heard: float | None = None
        self.ready = False
        self.silent = False
        self.leaving = asyncio.Event()
        self.ended = asyncio.ensure_future(process.wait())


class KeptChild:
    """A place that always has a process in it, but for the moment that a start takes."""

    def __init__(
        self,
        name: str,
        spawn: Spawn,
        tell: Callable[[str], None],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare it; `start` begins.

        Args:
            name: For a person.
            spawn: Starts a process. It may raise OSError.
            tell: Told in words what happens to the child.
            on_change: Told when the process is another one.
        """
        self.name = name
        self._spawn = spawn
        self._tell = tell
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._life: _Life | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self._deaths = 0
        self.begun = asyncio.Event()
        """Set once a process was started; never cleared."""
        self.ready = asyncio.Event()
        """Set once a process has said that it works; never cleared."""
        self.restarts = 0
        """Processes that were started in place of another one."""

    @property
    def pid(self) -> int:
        """The process's id; 0 while there is none."""
        return 0 if self._life is None else self._life.process.pid

    @property
    def is_serving(self) -> bool:
        """Whether the process does its work, as far as is known."""
        life = self._life
        return life is not None and life.ready and not life.silent and not life.leaving.is_set()

    def say(self, words: bytes) -> None:
        """Tell the process something on its lifeline."""
        if self._life is not None:
            with suppress(OSError):
                self._life.line.send(words)

    def start(self) -> None:
        """Begin."""
        self._keeping = self._loop.create_task(self._keep(), name=self.name)

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal, if there is one."""
        if self._life is not None:
            _send(self._life.process, number)

    def kill(self) -> None:
        """End it at once and for good."""
        self._ending.set()
        self.signal(signal.SIGKILL)
        for task in self._leaving:
            task.cancel()

    async def stop(self, patience_s: float) -> None:
        """Tell it to end, wait for at most `patience_s`, then kill it. Returns when it is gone."""
        self._ending.set()
        self.signal(signal.SIGTERM)
        tasks = [*self._leaving, *([self._keeping] if self._keeping else [])]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=patience_s)
        if late:
            self.kill()
            await asyncio.wait(tasks)

    async def _keep(self) -> None:
        while True:
            began = self._loop.time()
            try:
                life = await self._begin()
            except OSError as problem:
                how = f"could not be started: {problem.strerror or problem}"
            else:
                how = await self._watch(life)
            self._life = None
            if self._ending.is_set():
                return
            delay_s = self._died(self._loop.time() - began)
            row = f", in {delay_s:g} s: it is the {self._deaths}. time in a row" if delay_s else ""
            self._tell(f"{self.name} {how}; it is started again{row}")
            self._on_change()
            with suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._ending.wait()
            if self._ending.is_set():
                return
            self.restarts += 1

    def _died(self, lived_s: float) -> float:
        """How long to wait, in seconds, after one that has lived so long."""
        self._deaths = 1 if lived_s >= SETTLED_S else self._deaths + 1
        if self._deaths == 1:
            return 0.0
        return min(AGAIN_MAX_S, _AGAIN_MIN_S * 2.0 ** min(self._deaths - 2, 16))

    async def _begin(self) -> _Life:
        ours, theirs = socket.socketpair()
        try:
            process = await self._spawn(theirs.fileno())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)  # noqa: FBT003 - the standard library's signature
        life = self._life = _Life(process, ours, self._loop.time())
        self._loop.add_reader(ours.fileno(), self._listen, life)
        self.begun.set()
        if self._ending.is_set():
            self.signal(signal.SIGTERM)
        self._on_change()
        return life

    def _listen(self, life: _Life) -> None:
        try:
            words = life.line.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            words = b""
        if not words:
            self._loop.remove_reader(life.line.fileno())
            return
        life.heard = self._loop.time()
        before = self.is_serving
        life.silent = False
        if Word.READY.value in words:
            life.ready = True
            self.ready.set()
        if Word.LEAVING.value in words:
            life.leaving.set()
        if self.is_serving is not before:
            self._on_change()

    async def _watch(self, life: _Life) -> str:
        """Until it has ended, or leaves. Says how."""
        leaving = asyncio.ensure_future(life.leaving.wait())
        killed = ""
        looked = self._loop.time()
        try:
            while not life.ended.done():
                both = (life.ended, leaving) if not self._ending.is_set() else (life.ended,)
                await asyncio.wait(both, timeout=_LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                now = self._loop.time()
                if leaving.done() and not life.ended.done() and not self._ending.is_set():
                    self._let_leave(life)
                    return f"(process {life.process.pid}) was told to end"
                if now - looked > 2 * _LOOK_EVERY_S and life.heard is not None:
                    life.heard = now
                self._suspect(life, now)
                if not killed and self._is_silent(life, now):
                    killed = " after it had given no sign of life"
                    _send(life.process, signal.SIGKILL)
                looked = now
        finally:
            leaving.cancel()
        self._close(life)
        return f"(process {life.process.pid}) {_how(life.ended.result())}{killed}"

    def _suspect(self, life: _Life, now: float) -> None:
        """Note whether it has missed its time to speak: others take its new work until it does."""
        silent = life.heard is not None and now - life.heard > SUSPECT_S
        if silent and not life.silent:
            life.silent = True
            self._on_change()

    def _is_silent(self, life: _Life, now: float) -> bool:
        if life.heard is None:
            return now - life.began > _START_MAX_S
        return now - life.heard > SILENT_S

    def _let_leave(self, life: _Life) -> None:
        task = self._loop.create_task(self._see_off(life), name=f"{self.name} leaves")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _see_off(self, life: _Life) -> None:
        try:
            await asyncio.wait((life.ended,), timeout=_LEAVE_MAX_S)
        finally:
            if not life.ended.done():
                _send(life.process, signal.SIGKILL)
            self._close(life)

    def _close(self, life: _Life) -> None:
        self._loop.remove_reader(life.line.fileno())
        life.line.close()


def _send(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
