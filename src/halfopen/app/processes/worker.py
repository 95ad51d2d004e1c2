"""A gateway worker: serves its listening sockets, with or without control.

Rules
1. It needs nothing but a snapshot to serve, and begins with the one that the supervisor hands to it.
   Control, the store and the state directory may be frozen or gone: nothing here waits for them, and
   files are read in a thread once requests are served.
2. Of the sockets of all workers, which it holds, it accepts from its own, and from those of a worker
   that can't while the supervisor says so.
3. A snapshot that can't be served changes nothing, and control is told why.
4. SIGTERM, or the end of the supervisor, drains: see `GatewayServer.stop`. SIGHUP: local models have
   moved.
"""

import asyncio
import gc
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping
from functools import partial
from pathlib import Path

import uvloop

from halfopen.app.clock import SystemClock
from halfopen.app.ids import id_source
from halfopen.app.narration import Narration
from halfopen.app.processes.asked import Asked
from halfopen.app.processes.child import Lifeline, Order, Word, WorkerOrders, orders
from halfopen.app.processes.content_sender import ContentSender
from halfopen.app.processes.core_time import come_soon
from halfopen.app.processes.handed_snapshot import NONE, received
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import (
    Applied,
    Apply,
    BreakerNews,
    Budgets,
    Hello,
    Keys,
    Load,
    Message,
    Parked,
    Role,
    Shares,
)
from halfopen.app.processes.news import LOOK_EVERY_S, News
from halfopen.app.processes.outcome_sender import OutcomeSender
from halfopen.app.processes.pacing_share import PacingShare
from halfopen.app.processes.placing import placed, secrets_for
from halfopen.app.processes.restart_note import needs_restart
from halfopen.app.processes.standard_error import StandardError, write_if_taken
from halfopen.app.processes.state_directory import StateDirectory, StateError
from halfopen.app.processes.target_states import target_states
from halfopen.app.processes.vital_signs import vital_signs
from halfopen.app.processes.worker_keys import WorkerKeys
from halfopen.gateway.runtime import Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.rollout import Secrets, Snapshot
from halfopen.rollout.saved import SavedError

DRAIN_S = 10.0
"""How long requests under way may take after the order to stop."""
_ORPHAN_DRAIN_S = 2.0
"""The same when nobody is left who would start another worker on this address."""
_RECORD_S = 0.5
_YOUNG_MAX = 50_000
"""New objects after which the collector looks at them. Few requests leave any cycles."""
_LOAD_EVERY_S = 1.0
_LOG = logging.getLogger("halfopen.worker")


class Worker:
    """One worker, from its start to its end."""

    def __init__(self, told: WorkerOrders, environ: Mapping[str, str]) -> None:
        """Serve what was handed, else the current snapshot. Make it inside the running loop.

        Raises:
            StateError: There is no snapshot that can be read.
            KeyError: A secret is not there.
        """
        self._loop = asyncio.get_running_loop()
        self._told = told
        self._state = StateDirectory(Path(told.state))
        self._values = dict(environ)
        """What references may name."""
        self._snapshot, self._ready = _first(told, self._state, self._values)
        self._wanted = self._snapshot.id
        self._link = ControlLink(self._state.socket_path, self._hello, self._on_message, self._loop)
        clock = SystemClock()
        narration = Narration(clock.wall, as_json=told.as_json, write=write_if_taken)
        self._sender = OutcomeSender(self._link, self._loop, tell=narration, counter=told.counter)
        self._contents = ContentSender(self._link, self._loop, self._sender)
        headers = tuple(told.answer_headers)
        around = Surroundings(
            clock, random.random, id_source(), self._sender.add, headers, on_content=self._contents.add
        )
        pacing = PacingShare(told, self._loop.time())
        self._server = GatewayServer(
            *self._ready, around, share=1.0 / told.workers, pacing_share=pacing.first
        )
        self._keys = WorkerKeys(self._server, self._sender, self._link.send, told.keys)
        self._pacing = pacing
        self._news = News(self._link.send)
        self._asked = Asked(self._loop.time())
        self._demand: dict[str, float] = {}
        self._held: dict[str, float] = {}
        self._sockets = [[socket.socket(fileno=each) for each in group] for group in told.sockets]
        self._accepting: set[int] = set()
        """Numbers of the workers from whose sockets it accepts: its own, and those that it stands in for."""
        self._adopting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._drain_s = DRAIN_S
        self._telling: asyncio.TimerHandle | None = None
        self._looking: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve until told to end, and end."""
        loop = self._loop
        lifeline = Lifeline(self._told.lifeline, loop, self._on_orphaned, self._on_order)
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._look_for_places)
        self._on_order(Order.COVER, self._told.number)
        lifeline.say(Word.READY)
        self._link.start()
        self._tell_load()
        self._look_for_news()
        # What is here now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_YOUNG_MAX)
        await self._stopping.wait()
        lifeline.say(Word.LEAVING)
        for number, group in enumerate(self._sockets):
            if number not in self._accepting:
                # Who closes a socket last resets what waits in it, so each takes what is there.
                self._server.start_on(group)
        await self._server.stop(self._drain_s)
        for timer in (self._telling, self._looking):
            if timer is not None:
                timer.cancel()
        self._contents.flush()
        await self._sender.drain(_RECORD_S)
        self._contents.close()
        self._sender.close()
        self._link.close()
        lifeline.close()

    def _on_order(self, order: Order, number: int) -> None:
        """Accept from the sockets of a worker, or no more."""
        if self._stopping.is_set():
            return
        if order is Order.COVER and number not in self._accepting:
            self._accepting.add(number)
            self._server.start_on(self._sockets[number])
        elif order is Order.RELEASE and number in self._accepting:
            self._accepting.remove(number)
            self._server.leave(self._sockets[number])

    def _on_orphaned(self) -> None:
        self._drain_s = _ORPHAN_DRAIN_S
        self._stopping.set()

    def _hello(self) -> Hello:
        return Hello(Role.WORKER, os.getpid(), self._told.number, self._snapshot.id)

    def _on_message(self, message: Message) -> None:
        if isinstance(message, Apply):
            self._wanted = message.snapshot
            self._values.update(message.secrets)
            self._do(self._adopt(message.snapshot))
        elif isinstance(message, Shares):
            self._server.pace(self._pacing.told(message, self._loop.time()))
            # So that control knows at once what has been given up.
            if message.shares != self._held:
                self._held = message.shares
                self._link.send(self._signs())
        elif isinstance(message, Keys | Budgets):
            self._keys.heard(message)
        elif isinstance(message, Parked | BreakerNews):
            self._news.heard(self._server.runtime, message, self._loop.time())

    def _look_for_places(self) -> None:
        self._do(self._adopt(self._wanted))

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _adopt(self, id: str) -> None:  # noqa: A002 - as everywhere, a snapshot's id
        """Serve this snapshot from the next request on, and tell control."""
        async with self._adopting:
            if id != self._wanted:
                return  # a later one is to be served
            try:
                problem = await self._swap(id)
            except StateError as error:
                problem = str(error)
            except KeyError as error:
                problem = _missing(error)
            except Exception as error:  # noqa: BLE001 - a defect costs this snapshot, not the worker
                _LOG.exception("snapshot %s could not be adopted by a defect in the gateway", id)
                problem = f"a defect in the gateway: {error!r}"
            if problem:
                _LOG.warning("snapshot %s is not served: %s", id, problem)
            self._link.send(Applied(id, problem))

    async def _swap(self, id: str) -> str:  # noqa: A002 - as everywhere, a snapshot's id
        """Why the snapshot can't be served; empty: it is. Raises StateError and KeyError for the same."""
        # In a thread: a disk that hangs must not hold the requests.
        snapshot, places = await self._loop.run_in_executor(None, partial(_read, self._state, id))
        problem = needs_restart(self._snapshot, snapshot)
        if problem:
            return problem
        ready = _ready(snapshot, places, self._values)
        if ready != self._ready:
            self._server.adopt(*ready)
        self._snapshot, self._ready = snapshot, ready
        return ""

    def _look_for_news(self) -> None:
        """What others should know; and whether control is still there to say which share we have."""
        now = self._loop.time()
        self._news.look(self._server.runtime, now)
        shares = self._pacing.unheard(now, self._server.runtime.providers)
        if shares is not None:
            self._server.pace(shares)
        self._looking = self._loop.call_later(LOOK_EVERY_S, self._look_for_news)

    def _signs(self) -> Load:
        return vital_signs(self._server, self._sender, self._demand, self._contents.dropped)

    def _tell_load(self) -> None:
        self._demand = self._asked.rates(self._server.runtime, self._loop.time())
        self._link.send(self._signs())
        self._link.send(target_states(self._server.runtime, self._loop.time()))
        self._telling = self._loop.call_later(_LOAD_EVERY_S, self._tell_load)


def _first(
    told: WorkerOrders, state: StateDirectory, values: Mapping[str, str]
) -> tuple[Snapshot, tuple[Snapshot, Secrets]]:
    """What the supervisor handed; else the current snapshot; else what the supervisor named."""
    fallback = told.snapshot
    if told.handed != NONE:
        try:
            snapshot = received(told.handed, fallback)
            return snapshot, _ready(snapshot, told.places, values)
        except (SavedError, KeyError) as error:
            problem = _missing(error) if isinstance(error, KeyError) else str(error)
            _LOG.warning("snapshot %s, as it was handed, is not served: %s", fallback, problem)
    current = state.current()
    if current is not None and current != fallback:
        try:
            snapshot = state.load(current)
            return snapshot, _ready(snapshot, state.places(), values)
        except (StateError, KeyError) as error:
            problem = _missing(error) if isinstance(error, KeyError) else str(error)
            _LOG.warning("snapshot %s is not served, but %s: %s", current, fallback, problem)
    snapshot = state.load(fallback)
    return snapshot, _ready(snapshot, state.places(), values)


def _missing(error: KeyError) -> str:
    return f"the worker has no value for ${{{error.args[0]}}}"


def _read(state: StateDirectory, id: str) -> tuple[Snapshot, dict[str, str]]:  # noqa: A002 - as above
    return state.load(id), state.places()


def _ready(
    snapshot: Snapshot, places: Mapping[str, str], values: Mapping[str, str]
) -> tuple[Snapshot, Secrets]:
    """What can be served of a saved snapshot in this process."""
    served = placed(snapshot, places)
    return served, secrets_for(served, values)


async def _serve(told: WorkerOrders) -> None:
    await Worker(told, os.environ).run()


def main() -> None:
    """Serve as the supervisor's child, by the orders on the command line."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=StandardError())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor says when
    # A request must not wait for the end of control's turn on the same core.
    come_soon()
    try:
        uvloop.run(_serve(orders(WorkerOrders)))
    except StateError as error:
        sys.exit(f"halfopen: nothing can be served: {error}")
    except KeyError as error:
        sys.exit(f"halfopen: nothing can be served: {_missing(error)}")
    # A thread may hang on a frozen disk, and nothing is left to be put away.
    os._exit(0)


if __name__ == "__main__":
    main()
