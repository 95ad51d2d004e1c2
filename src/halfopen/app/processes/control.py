"""The control process: takes outcomes, keeps the current snapshot, and tells who asks how things are.

`python -m halfopen.app.processes.control ORDERS`; the supervisor starts it. Workers never wait for it.

Rules
1. The event loop never waits for a disk: the store has its thread, configuration and snapshots another.
2. A new snapshot goes to the supervisor first, which starts local models, and half a second later at
   most to the workers: one after the other, so that not all of them are busy with it at the same moment.
3. Nothing waits for whoever reads standard error.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from halfopen import redact
from halfopen.app.processes.changes import Change, Changes
from halfopen.app.processes.child import ControlOrders, Lifeline, Word, orders
from halfopen.app.processes.disk import Disk
from halfopen.app.processes.messages import (
    Answer,
    Applied,
    Apply,
    Ask,
    BreakerNews,
    Hello,
    Load,
    Message,
    Outcomes,
    Parked,
    Recorded,
    Reload,
    Role,
)
from halfopen.app.processes.peers import Peer, Peers
from halfopen.app.processes.placing import LOCAL_KEY, secrets_for
from halfopen.app.processes.replicas import Replicas
from halfopen.app.processes.standard_error import StandardError, write_if_taken
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.app.processes.status import control_of, outcomes_of, problems_of, processes_of, workers_of
from halfopen.app.processes.store_writer import StoreWriter
from halfopen.rollout import Snapshot
from halfopen.rollout.settings import Store
from halfopen.store.sqlite import SqliteOutcomes

LOOK_S: Final = 0.125
"""Between two looks at the configuration file; it is read after two that are alike."""
SUPERVISOR_S: Final = 0.5
"""The supervisor's lead over the workers, at most."""
WORKER_S: Final = 0.2
"""One worker's lead over the next, at most."""
TURNS_S: Final = 0.4
"""After so long all workers that are left are told at once."""
WORKERS_S: Final = 0.8
"""The command line is told which workers serve a new snapshot after this long at the latest."""
SECRETS_S: Final = 2.0
"""Outcomes wait for the configuration to be read for at most so long."""
STOP_S: Final = 2.0
"""What waits is written for so long at the end."""
_BUSY_S: Final = 2.0
_MIB: Final = 1024 * 1024
_NICER: Final = 5


class Control:
    """Everything that control does. Make it inside the running loop."""

    def __init__(
        self,
        state: StateDirectory,
        changes: Changes,
        *,
        writer: StoreWriter | None = None,
        tell: Callable[[str], object] = write_if_taken,
    ) -> None:
        """`writer` stores outcomes, by default in the state directory. `tell` writes, without waiting."""
        self._loop = asyncio.get_running_loop()
        self._state = state
        self._changes = changes
        self._tell = tell
        self._told = ""
        self._began = time.time()
        self._peers = Peers(self._heard)
        self._disk = Disk()
        self._server: asyncio.Server | None = None
        self._begun = False
        """Whether it is known by now which snapshot is current."""
        self._applied = asyncio.Event()
        """Set when somebody has answered an `Apply`."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._replicas = Replicas(state, self._peers, os.environ, self._take_over, self._disk.run)
        self._defect = ""
        self.writer = writer or StoreWriter(
            SqliteOutcomes(state.outcomes_path), self.recorded, max_bytes=Store().max_mb * _MIB
        )

    async def start(self) -> None:
        """Listen, and look at the configuration from now on.

        Raises:
            OSError: The socket can't be had.
        """
        path = self._state.socket_path
        with suppress(FileNotFoundError):
            path.unlink()
        before = os.umask(0o177)
        try:
            self._server = await self._loop.create_unix_server(lambda: Peer(self._peers), str(path))
        finally:
            os.umask(before)
        self._spawn(self._watch())
        self._replicas.start()
        # At the latest; at once when the secrets are known that are to be masked.
        self._loop.call_later(SECRETS_S, self.writer.start)

    async def stop(self) -> None:
        """Write what waits, for a bounded time, and end all connections."""
        for task in self._tasks:
            task.cancel()
        await self._replicas.stop()
        if self._server is not None:
            self._server.close()
        # Not in the default executor, whose threads would be waited for.
        ended = asyncio.Event()
        self._loop.run_in_executor(
            ThreadPoolExecutor(1), self._end_writer, lambda: self._loop.call_soon_threadsafe(ended.set)
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S + 0.5):
                await ended.wait()
        self._peers.close()
        await asyncio.sleep(0)

    def _end_writer(self, then: Callable[[], object]) -> None:
        self.writer.stop(STOP_S)
        then()

    def recorded(self, source: str, after: int) -> None:
        """Outcomes of a source are done with. May be called in any thread."""
        # The thread may outlive the loop by a moment, and then nobody is left to be told.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._say_recorded, source, after)

    def _say_recorded(self, source: str, after: int) -> None:
        for peer in self._peers.of_source(source):
            peer.send(Recorded(source, after))

    def _heard(self, peer: Peer, message: Message) -> None:
        match message:
            case Outcomes():
                peer.source = message.source
                self.writer.offer(message)
            case Hello(role=Role.WORKER | Role.SUPERVISOR):
                if self._begun:
                    self._greet(peer)
                self._replicas.greet(peer)
            case Load() | Parked() | BreakerNews():
                self._replicas.heard(peer, message)
            case Applied():
                self._applied.set()
            case Reload():
                self._spawn(self._reload())
            case Ask():
                self._spawn(self._answer(peer, message))
            case _:
                pass

    def _greet(self, peer: Peer) -> None:
        """Tell who has just come what to serve, if it isn't what it serves."""
        if peer.snapshot != self._changes.current or self._changes.secrets:
            peer.send(self._apply())

    def _apply(self) -> Apply:
        return Apply(self._changes.current, dict(self._changes.secrets))

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A defect of ours in one piece of work must not end the others; it is told and shown."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._defect = f"control failed at something: {type(error).__name__}: {error}"
            self._tell(f"halfopen: {self._defect}\n")

    async def _watch(self) -> None:
        await asyncio.wait((self._spawn(self._begin()),))
        while True:
            await asyncio.sleep(LOOK_S)
            await asyncio.wait((self._spawn(self._look()),))

    async def _begin(self) -> None:
        try:
            change = await self._disk.run(self._changes.begin)
        finally:
            self._begun = True
            self._follow_snapshot()
            self.writer.start()
        if not change.changed:  # else everybody is told anyway
            for peer in (*self._peers.of(Role.SUPERVISOR), *self._peers.of(Role.WORKER)):
                self._greet(peer)
        await self._take(change)

    async def _look(self) -> None:
        change = await self._disk.run(self._changes.look)
        if change is not None:
            await self._take(change)

    async def _reload(self) -> None:
        change = await self._disk.run(self._changes.read)
        if not change.ok and not self._changes.problem:
            self._tell(f"halfopen: {change.problem}\n")
        await self._take(change)

    async def _take(self, change: Change) -> None:
        """Tell everybody of a change, and standard error of a file that can't be served."""
        problem = self._changes.problem
        if problem != self._told:
            self._told = problem
            for line in problem.splitlines():
                self._tell(f"halfopen: {line}\n")
            if problem:
                self._tell(
                    f"halfopen: the last good configuration stays (snapshot {self._changes.current})\n"
                )
        if change.changed:
            self._follow_snapshot()
            await self._push()

    def _follow_snapshot(self) -> None:
        """What control itself takes from the snapshot: the size of the store, and what is to be masked."""
        snapshot = self._changes.snapshot
        if snapshot is None:
            return
        self.writer.max_bytes = snapshot.store.max_mb * _MIB
        self._replicas.follow(snapshot)
        with suppress(KeyError):
            secrets = secrets_for(snapshot, {LOCAL_KEY: "", **os.environ, **self._changes.secrets})
            self.writer.masking.learn(redact.known(secrets.values()))

    async def _push(self) -> None:
        """The supervisor first, so that local models have their places; then the workers."""
        apply = self._apply()
        supervisors = self._peers.of(Role.SUPERVISOR)
        for peer in supervisors:
            peer.problem = ""
            peer.send(apply)
        await self._until(lambda: all(_answered(peer, apply) for peer in supervisors), SUPERVISOR_S)
        until = self._loop.time() + TURNS_S
        for peer in self._peers.of(Role.WORKER):
            if apply.snapshot != self._changes.current:
                return  # a newer one is on its way
            peer.problem = ""
            peer.send(apply)
            most_s = min(WORKER_S, until - self._loop.time())
            if most_s > 0:
                await self._until(partial(_answered, peer, apply), most_s)

    async def _until(self, done: Callable[[], bool], most_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while not done():
                    self._applied.clear()
                    await self._applied.wait()

    async def _answer(self, peer: Peer, ask: Ask) -> None:
        match ask.what:
            case "status":
                answer = Answer(ok=True, data=self.status())
            case "history":
                entries = await self._disk.run(self._changes.history)
                data = {"current": self._changes.current, "history": msgspec.to_builtins(entries)}
                answer = Answer(ok=True, data=data)
            case "apply":
                answer = await self._chosen(ask, self._changes.apply)
            case "rollback":
                answer = await self._chosen(ask, self._changes.roll_back)
            case _:
                answer = Answer(ok=False, data={}, problem=f"control doesn't know {ask.what!r}")
        peer.send(answer)

    async def _chosen(self, ask: Ask, choose: Callable[[str], Change]) -> Answer:
        """As `_changed`, and other machines serve it as well."""
        change = await self._disk.run(_in_time, ask, choose)
        if change.ok and self._changes.snapshot is not None:
            self._replicas.choose(self._changes.snapshot)
        return await self._changed(change)

    async def _take_over(self, shared: Snapshot) -> str:
        """Serve what was applied on another machine; why not, if it can't be."""
        change = await self._disk.run(self._changes.take_over, shared)
        await self._take(change)
        return change.problem

    async def _changed(self, change: Change) -> Answer:
        """The answer to who asked for a change, with the workers that serve it by now."""
        await self._take(change)
        current = self._changes.current
        if change.changed:
            workers = self._peers.of(Role.WORKER)
            await self._until(lambda: all(_answered(worker, self._apply()) for worker in workers), WORKERS_S)
        rows = [
            {key: row.get(key, "") for key in ("number", "pid", "snapshot", "problem")}
            for row in workers_of(self._peers)
        ]
        data = {"snapshot": current, "changed": change.changed, "workers": rows, **(change.data or {})}
        return Answer(change.ok, data, change.problem)

    def status(self) -> dict[str, Any]:
        """How everything is."""
        changes = self._changes
        store = self.writer.status
        processes = processes_of(self._peers, time.time() - self._began)
        problems = problems_of(changes.current, changes.problem, processes, store)
        problems += self._replicas.problems()
        if self._defect:
            problems.append(self._defect)
        if self._disk.busy_s > _BUSY_S:
            problems.append("the disk with the configuration has not answered for some seconds")
        return {
            "snapshot": changes.current,
            "configuration": {
                "path": str(changes.path) if changes.path else None,
                "problem": changes.problem,
            },
            "state": str(self._state.path),
            **processes,
            "control": control_of(self._began),
            "outcomes": outcomes_of(store),
            "store": {
                "state": store.state,
                "problem": store.problem,
                "path": str(self._state.outcomes_path),
                "size_bytes": store.size_bytes,
                "max_bytes": self.writer.max_bytes,
            },
            "replicas": self._replicas.status(),
            "problems": problems,
        }


def _in_time(ask: Ask, choose: Callable[[str], Change]) -> Change:
    """Whoever asked has told a person by now that nothing came of it, so nothing may."""
    if ask.until_s is not None and time.monotonic() > ask.until_s:
        return Change(ok=False, problem="control came to it too late, so nothing was changed")
    return choose(ask.argument)


def _answered(peer: Peer, apply: Apply) -> bool:
    return peer.snapshot == apply.snapshot or bool(peer.problem)


async def _serve(given: ControlOrders) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    lifeline = Lifeline(given.lifeline, loop, stop.set)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    state = StateDirectory(Path(given.state))
    path = Path(given.config) if given.config else None
    control = Control(state, Changes(state, path, given.serving, os.environ, time.time))
    await control.start()
    lifeline.say(Word.READY)
    await stop.wait()
    lifeline.say(Word.LEAVING)
    await control.stop()
    lifeline.close()


def main() -> None:
    """Run until SIGTERM, or until the supervisor is gone."""
    # The store makes files of its own, and nobody else is to read them.
    os.umask(0o077)
    # Requests go first: control may use what workers leave.
    os.nice(_NICER)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=StandardError())
    uvloop.run(_serve(orders(ControlOrders)))
    # A thread that a disk holds must not hold the end of the process.
    os._exit(0)


if __name__ == "__main__":
    main()
