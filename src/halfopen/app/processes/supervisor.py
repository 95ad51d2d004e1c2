"""The supervisor: owns the listening sockets, and keeps one control process and the workers alive.

Rules
1. Workers start first, so that requests are served; then control, which they can do without.
2. Whatever a child does, its sockets stay open here until the supervisor ends. While a worker can't
   accept, another one does it in its place.
3. It never waits for control: what it tells is dropped where control doesn't listen.
4. A child that finds itself without its supervisor ends.
5. It keeps what a worker needs to start, so that one can be started while the state directory is gone.
"""

import asyncio
import os
import secrets as random_tokens
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from halfopen.app.configuration import Loaded
from halfopen.app.processes import sockets
from halfopen.app.processes.backing import Backing
from halfopen.app.processes.child import ControlOrders, Order, WorkerOrders
from halfopen.app.processes.ended_counter import new_counter
from halfopen.app.processes.ended_workers import EndedWorkers
from halfopen.app.processes.handed_keys import HandedKeys
from halfopen.app.processes.handed_snapshot import NONE, HandedSnapshot, close_if_any
from halfopen.app.processes.home import Home
from halfopen.app.processes.kept_child import KeptChild
from halfopen.app.processes.key_desk import at_start
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import (
    Applied,
    Apply,
    Children,
    Gateways,
    Hello,
    Keys,
    KeysHeld,
    Message,
    Reload,
    Role,
)
from halfopen.app.processes.placing import LOCAL_KEY
from halfopen.app.processes.restart_note import needs_restart
from halfopen.app.processes.shared_snapshot import gateways_at_first
from halfopen.app.processes.state_directory import StateError

_CONTROL = "halfopen.app.processes.control"
_WORKER = "halfopen.app.processes.worker"
_KEY_BYTES = 24
_READY_MAX_S = 10.0
_FIRST_READY_MAX_S = 60.0
"""Until the first worker is ready, if none has died: a busy machine loads slowly."""
_LOOK_EVERY_S = 1.0
_TRIES = 2
"""A worker that was started again so often and is not ready will not be."""
_WORKERS_END_S = 12.0
"""A little more than a worker drains."""
_CONTROL_END_S = 3.0
_REPORT_EVERY_S = 1.0
_NOTES_MAX = 20


class NotServingError(Exception):
    """No worker could be started. Its text says why, for a person."""


class _StandIn(NamedTuple):
    """Who accepts from another worker's sockets."""

    number: int
    pid: int


class Supervisor:
    """All processes of one gateway. Make it inside the running loop."""

    def __init__(
        self, loaded: Loaded, tell: Callable[[str], None], *, workers: int = 0, as_json: bool = False
    ) -> None:
        """Prepare it; `start` begins.

        Args:
            loaded: The configuration.
            tell: Told, in words for a person, what happens to children and local models.
            workers: How many; 0: as the configuration says, which may be one for each core.
            as_json: Whether workers tell of rescues as JSON.
        """
        self._loaded = loaded
        self._tell_person = tell
        self._as_json = as_json
        self._loop = asyncio.get_running_loop()
        key = random_tokens.token_urlsafe(_KEY_BYTES)
        self.backing = Backing(loaded, key, self._tell, self._models_moved)
        self._home = Home(self._tell)
        self._handed = HandedSnapshot()
        self._keys = HandedKeys()
        self._gateways = 0
        """That shared limits when this was last known; 0: it never was."""
        self._sockets: list[list[socket.socket]] = []
        self._environment = {**os.environ, **loaded.secrets, LOCAL_KEY: key}
        self._link: ControlLink | None = None
        self._notes: deque[str] = deque(maxlen=_NOTES_MAX)
        self._applying = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._report: asyncio.TimerHandle | None = None
        self._stand_ins: dict[int, _StandIn] = {}
        self._ended_workers = EndedWorkers(lambda: self._link)
        self._stopping = False
        self.snapshot = loaded.snapshot
        """What is served."""
        self.workers = [
            KeptChild(f"worker {number}", self._worker(number), self._tell, self._changed)
            for number in range(workers or loaded.snapshot.processes.workers or cores())
        ]
        self.control = KeptChild("control", self._start_control, self._tell, self._tell_children)

    async def start(self) -> None:
        """Start everything. Returns when requests are served.

        Raises:
            AddressError: The gateway's address can't be had.
            OSError: The lab's can't.
            StateError: There is no place for the state.
            NotServingError: No worker can be started.
        """
        gateway = self._loaded.snapshot.gateway
        sockets.raise_descriptor_limit()
        try:
            self._sockets = sockets.listening(gateway.host, gateway.port, len(self.workers))
        except OSError as error:
            reason = error.strerror or str(error)
            raise sockets.AddressError(f"{gateway.host}:{gateway.port}: {reason}") from None
        self.snapshot, secrets = await self.backing.start()
        self._environment.update(secrets)
        await self.backing.start_models(self.snapshot)
        path = self._loaded.path
        folder = None if path is None else path.absolute().parent
        await self._home.furnish(self.snapshot, self.backing.places(), folder)
        self._handed.keep(self.snapshot)
        self._keys.keep(at_start(self._home.state, self._tell))
        self._gateways = self._home.state.gateways()
        for worker in self.workers:
            worker.start()
        await self._until_ready()
        self.control.start()
        await asyncio.wait((asyncio.ensure_future(self.control.begun.wait()),), timeout=_READY_MAX_S)
        state = self._home.state
        self._link = ControlLink(state.socket_path, self._hello, self._on_message, self._loop)
        self._link.start()
        self._report = self._loop.call_later(_REPORT_EVERY_S, self._report_again)

    async def _until_ready(self) -> None:
        """Wait for the workers: for all if it takes no longer than usual, for the first in any case."""
        began = self._loop.time()
        waits = [asyncio.ensure_future(worker.ready.wait()) for worker in self.workers]
        try:
            _, late = await asyncio.wait(waits, timeout=_READY_MAX_S)
            while len(late) == len(waits):
                waited_s = self._loop.time() - began
                if waited_s >= _FIRST_READY_MAX_S or all(
                    worker.restarts >= _TRIES for worker in self.workers
                ):
                    why = self._notes[-1] if self._notes else "it has said nothing"
                    raise NotServingError(f"no worker is ready after {waited_s:.0f} s: {why}")
                await asyncio.wait(waits, timeout=_LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
                late = {each for each in waits if not each.done()}
        finally:
            for each in waits:
                each.cancel()
        if late:
            self._tell(f"{len(late)} of {len(waits)} workers are not ready after {_READY_MAX_S:g} s")

    async def stop(self) -> None:
        """Let workers finish what has begun, then end control and everything else."""
        self._stopping = True
        if self._report is not None:
            self._report.cancel()
        sockets.close(self._sockets)
        await asyncio.gather(*(worker.stop(_WORKERS_END_S) for worker in self.workers))
        await self.control.stop(_CONTROL_END_S)
        if self._link is not None:
            self._link.close()
        for task in self._tasks:
            task.cancel()
        await self.backing.stop()
        self._handed.close()
        self._keys.close()
        self._home.leave()

    def kill(self) -> None:
        """End all children at once."""
        for child in (*self.workers, self.control):
            child.kill()

    def reload(self) -> None:
        """Have control read the configuration file again."""
        if self._link is None or not self._link.send(Reload()):
            self._tell("control isn't there, so the configuration is not read again; what is served goes on")

    def _tell(self, text: str) -> None:
        self._notes.append(text)
        self._tell_person(text)

    # Children.

    def _worker(self, number: int) -> Callable[[int], Coroutine[None, None, Process]]:
        async def start(lifeline: int) -> Process:
            listening = [[each.fileno() for each in group] for group in self._sockets]
            handed, keys, counter = self._handed.opened(), self._keys.opened(), new_counter()
            told = WorkerOrders(
                number=number,
                workers=len(self.workers),
                state=str(self._home.state.path),
                sockets=listening,
                lifeline=lifeline,
                snapshot=self._handed.id or self.snapshot.id,
                handed=handed,
                counter=counter,
                keys=keys,
                places=self.backing.places(),
                replicas=gateways_at_first(self.snapshot, self._gateways),
                again=self.workers[number].restarts > 0,
                as_json=self._as_json,
                answer_headers=list(self.backing.answer_headers),
            )
            try:
                given = [each for each in (lifeline, handed, keys, counter) if each != NONE]
                process = await self._spawn(_WORKER, told, (*chain.from_iterable(listening), *given))
            except BaseException:
                close_if_any(counter)
                raise
            finally:
                close_if_any(handed)
                close_if_any(keys)
            self._ended_workers.watch(process, counter)
            return process

        return start

    def _changed(self) -> None:
        self._cover()
        self._tell_children()

    def _cover(self) -> None:
        """See that somebody accepts from the sockets of each worker that can't."""
        if self._stopping:
            return
        serving = [number for number, worker in enumerate(self.workers) if worker.is_serving]
        for number in range(len(self.workers)):
            wanted = None
            if serving and number not in serving:
                other = next((each for each in serving if each > number), serving[0])
                wanted = _StandIn(other, self.workers[other].pid)
            before = self._stand_ins.get(number)
            if wanted == before:
                continue
            if before is not None and self.workers[before.number].pid == before.pid:
                self.workers[before.number].say(Order.RELEASE.value + bytes((number,)))
            if wanted is None:
                del self._stand_ins[number]
            else:
                self.workers[wanted.number].say(Order.COVER.value + bytes((number,)))
                self._stand_ins[number] = wanted

    async def _start_control(self, lifeline: int) -> Process:
        loaded = self._loaded
        told = ControlOrders(
            state=str(self._home.state.path),
            lifeline=lifeline,
            config=None if loaded.path is None else str(loaded.path.absolute()),
            serving=self.snapshot.id,
        )
        return await self._spawn(_CONTROL, told, (lifeline,))

    async def _spawn(
        self, module: str, told: WorkerOrders | ControlOrders, descriptors: Sequence[int]
    ) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            module,
            msgspec.json.encode(told).decode(),
            stdin=DEVNULL,
            stdout=DEVNULL,
            pass_fds=descriptors,
            env=self._environment,
            # A group of its own: Ctrl-C in the terminal reaches the supervisor, which then stops the child.
            start_new_session=True,
        )

    # Control.

    def _hello(self) -> Hello:
        return Hello(Role.SUPERVISOR, os.getpid(), snapshot=self.snapshot.id)

    def _on_message(self, message: Message) -> None:
        if isinstance(message, Apply):
            self._do(self._apply(message))
        elif isinstance(message, Gateways):
            self._gateways = message.count
        elif isinstance(message, Keys) and self._link is not None:
            self._keys.keep(message)
            self._link.send(KeysHeld(message.digest))

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _apply(self, message: Apply) -> None:
        """See that what the snapshot needs beside workers is there, and say so."""
        async with self._applying:
            state = self._home.state
            try:
                snapshot = await asyncio.to_thread(state.load, message.snapshot)
                problem = needs_restart(self.snapshot, snapshot)
                if not problem:
                    # First: workers have it, whatever becomes of local models.
                    self._handed.keep(snapshot)
                    await self.backing.start_models(snapshot)
                    await asyncio.to_thread(state.set_places, self.backing.places())
                    self.snapshot = snapshot
                    # With it: a control that starts takes them for the keys of what is served.
                    self._environment.update(message.secrets)
            except (StateError, OSError) as error:
                problem = str(error)
            if self._link is not None:
                self._link.send(Applied(message.snapshot, problem))

    def _models_moved(self) -> None:
        self._do(self._tell_places())

    async def _tell_places(self) -> None:
        """A local model has another address: workers look it up again, also without control."""
        try:
            await asyncio.to_thread(self._home.state.set_places, self.backing.places())
        except StateError as error:
            self._tell(str(error))
        for worker in self.workers:
            worker.signal(signal.SIGHUP)

    def _report_again(self) -> None:
        self._tell_children()
        self._ended_workers.tell()
        self._report = self._loop.call_later(_REPORT_EVERY_S, self._report_again)

    def _tell_children(self) -> None:
        if self._link is None:
            return
        children = (self.control, *self.workers)
        self._link.send(
            Children(
                control_pid=self.control.pid,
                worker_pids=[worker.pid for worker in self.workers],
                restarts={child.name: child.restarts for child in children},
                notes=list(self._notes),
            )
        )


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
