"""The control process: takes outcomes, keeps the current snapshot, and tells who asks how things are.

`python -m halfopen.app.processes.control ORDERS`; the supervisor starts it. Workers never wait for it.

Rules
1. The event loop never waits for a disk: the store has its thread, configuration and snapshots another.
2. A new snapshot goes to the supervisor first, which starts local models; to the workers at once, or with
   local models half a second later at most. One after the other, so that not all are busy at the same moment.
3. Nothing waits for whoever reads standard error.
"""

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from halfopen import redact
from halfopen.app.processes import exports
from halfopen.app.processes.adoption import Adoption
from halfopen.app.processes.bounded_end import end_within
from halfopen.app.processes.changes import Change, Changes
from halfopen.app.processes.child import ControlOrders, Lifeline, Word, orders
from halfopen.app.processes.content_desk import ContentDesk
from halfopen.app.processes.core_time import step_back
from halfopen.app.processes.dashboard import Dashboard
from halfopen.app.processes.disk import Disk
from halfopen.app.processes.exports import Exports
from halfopen.app.processes.key_desk import KeyDesk
from halfopen.app.processes.last_words import LastWords
from halfopen.app.processes.messages import (
    Answer,
    Applied,
    Apply,
    Ask,
    BreakerNews,
    Contents,
    Ended,
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
from halfopen.app.processes.placing import LOCAL_KEY, has_local_models, secrets_for
from halfopen.app.processes.record import Record
from halfopen.app.processes.replicas import Replicas
from halfopen.app.processes.standard_error import StandardError, write_if_taken
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.app.processes.status import workers_of
from halfopen.app.processes.store_writer import StoreWriter
from halfopen.app.processes.view import Running, View
from halfopen.rollout import Snapshot

LOOK_S: Final = 0.125
"""Between two looks at the configuration file; it is read after two that are alike."""
WORKERS_S: Final = 0.8
"""The command line is told which workers serve a new snapshot after this long at the latest."""
SECRETS_S: Final = 2.0
"""Outcomes wait for the configuration to be read for at most so long."""
STOP_S: Final = 2.0
"""What waits is written for so long at the end."""
CONTENT_STOP_S: Final = 0.4
"""The same of prompts and answers, after outcomes."""
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
        pages: bool = False,
    ) -> None:
        """Begins nothing yet.

        Args:
            state: The state directory.
            changes: The configuration.
            writer: Stores outcomes; None: in the state directory.
            tell: Writes, without waiting.
            pages: Whether the dashboard is served.
        """
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
        self._adoption = Adoption(self._peers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._replicas = Replicas(state, self._peers, os.environ, self._take_over, self._disk.run)
        self._defect = ""
        self.record = Record(state, self.recorded)
        self.writer = writer or self.record.writer
        self.contents = ContentDesk(state, self.record.store.url)
        self._keys = KeyDesk(state, self._peers, self.record, self._disk.run)
        self.exports = Exports(self.writer)
        self.view = View(
            Running(
                state=state,
                changes=changes,
                peers=self._peers,
                record=self.record,
                writer=self.writer,
                replicas=self._replicas,
                disk=self._disk,
                keys=self._keys,
                defect=lambda: self._defect,
                began_wall_s=self._began,
                exports=self.exports,
                exemplars=self.exports.exemplars,
                contents=self.contents,
            )
        )
        self._last_words = LastWords(self._peers, self.writer.offer, self._loop)
        if pages:
            self.view.dashboard = Dashboard(self.view, os.environ, tell)

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
        self._spawn(self.exports.watch(self.view.overview))
        self._spawn(self.view.run())
        self._spawn(self._keys.run())
        self._replicas.start()
        # At the latest; at once when the secrets are known that are to be masked.
        self._loop.call_later(SECRETS_S, self.writer.start)

    async def stop(self, *, orphaned: bool = False) -> None:
        """Write what waits, for a bounded time, and end all connections. Orphaned, after the workers."""
        await self._last_words.end(orphaned=orphaned)
        for task in self._tasks:
            task.cancel()
        await self._replicas.stop()
        if self._server is not None:
            self._server.close()
        await end_within(STOP_S + 0.5, lambda: self.writer.stop(STOP_S))
        await end_within(CONTENT_STOP_S + 0.5, lambda: self.contents.writer.stop(CONTENT_STOP_S))
        await end_within(exports.STOP_S + 0.5, self.exports.stop)
        self._peers.close()
        await self.view.close()

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
            case Contents():
                self.contents.writer.offer(message)
            case Ended():
                self._last_words.heard(message)
            case Hello(role=Role.WORKER | Role.SUPERVISOR):
                if self._begun:
                    self._greet(peer)
                self._replicas.greet(peer)
                self._keys.greet(peer)
            case Load() | Parked() | BreakerNews():
                self._replicas.heard(peer, message)
            case Applied():
                self._adoption.answered()
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
        self.record.follow(snapshot, os.environ)
        if snapshot is None:
            return
        self._replicas.follow(snapshot)
        self.exports.follow(snapshot, {**os.environ, **self._changes.secrets})
        redactor = None
        with suppress(KeyError):
            secrets = secrets_for(snapshot, {LOCAL_KEY: "", **os.environ, **self._changes.secrets})
            redactor = redact.known(secrets.values(), patterns=snapshot.redact.patterns)
            self.writer.masking.learn(redactor)
        self.view.follow(snapshot, redactor)
        self.contents.follow(snapshot, redactor)

    async def _push(self) -> None:
        apply, snapshot = self._apply(), self._changes.snapshot
        await self._adoption.push(
            apply,
            lambda: apply.snapshot == self._changes.current,
            supervisor_first=snapshot is not None and has_local_models(snapshot),
        )

    async def _answer(self, peer: Peer, ask: Ask) -> None:
        match ask.what:
            case "history":
                entries = await self._disk.run(self._changes.history)
                data = {"current": self._changes.current, "history": msgspec.to_builtins(entries)}
                answer = Answer(ok=True, data=data)
            case "apply":
                answer = await self._chosen(ask, self._changes.apply)
            case "rollback":
                answer = await self._chosen(ask, self._changes.roll_back)
            case "keys":
                answer = await self._keys.answer()
            case _:
                answer = await self.view.answer(ask)
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
            await self._adoption.workers_have(self._apply, WORKERS_S)
        rows = [
            {key: row.get(key, "") for key in ("number", "pid", "snapshot", "problem")}
            for row in workers_of(self._peers)
        ]
        data = {"snapshot": current, "changed": change.changed, "workers": rows, **(change.data or {})}
        return Answer(change.ok, data, change.problem)

    def status(self) -> dict[str, Any]:
        """How everything is."""
        return self.view.status()


def _in_time(ask: Ask, choose: Callable[[str], Change]) -> Change:
    """Whoever asked has told a person by now that nothing came of it, so nothing may."""
    if ask.until_s is not None and time.monotonic() > ask.until_s:
        return Change(ok=False, problem="control came to it too late, so nothing was changed")
    return choose(ask.argument)


async def _serve(given: ControlOrders) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    lifeline = Lifeline(given.lifeline, loop, stop.set)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    state = StateDirectory(Path(given.state))
    path = Path(given.config) if given.config else None
    control = Control(state, Changes(state, path, given.serving, os.environ, time.time), pages=True)
    await control.start()
    lifeline.say(Word.READY)
    await stop.wait()
    lifeline.say(Word.LEAVING)
    await control.stop(orphaned=lifeline.is_orphaned)
    lifeline.close()


def main() -> None:
    """Run until SIGTERM, or until the supervisor is gone."""
    # The store makes files of its own, and nobody else is to read them.
    os.umask(0o077)
    # Requests go first: control may use what workers leave.
    step_back(_NICER)
    # Outcomes come in great numbers and are in no cycles: looking for these less often saves a tenth.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=StandardError())
    uvloop.run(_serve(orders(ControlOrders)))
    # A thread that a disk holds must not hold the end of the process.
    os._exit(0)


if __name__ == "__main__":
    main()
