"""A new snapshot brought to the processes: the supervisor first, then one worker after the other.

Nobody is waited for for long: whoever doesn't answer holds the others up by a bounded time only.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from halfopen.app.processes.messages import Apply, Role
from halfopen.app.processes.peers import Peer, Peers

SUPERVISOR_S: Final = 0.5
"""The supervisor's lead over the workers, at most, where it has local models to start."""
WORKER_S: Final = 0.1
"""One worker's lead over the next, at most."""
TURNS_S: Final = 0.2
"""After so long all workers that are left are told at once."""


class Adoption:
    """Tells who is to serve what, and waits for their answers."""

    def __init__(self, peers: Peers) -> None:
        """Make it inside the running loop."""
        self._peers = peers
        self._loop = asyncio.get_running_loop()
        self._said = asyncio.Event()
        """Set when somebody has answered an `Apply`."""

    def answered(self) -> None:
        """Somebody has."""
        self._said.set()

    async def push(self, apply: Apply, is_current: Callable[[], bool], *, supervisor_first: bool) -> None:
        """Have everybody serve it, as long as it is the current one.

        Args:
            apply: What to serve.
            is_current: Whether it still is; else a newer one is on its way.
            supervisor_first: Whether the supervisor has to prepare something, such as a local model.
        """
        supervisors = self._peers.of(Role.SUPERVISOR)
        for peer in supervisors:
            peer.problem = ""
            peer.send(apply)
        # Without local models it only prepares for workers that start later, with a disk that may be slow.
        if supervisor_first:
            await self._until(lambda: all(_has(peer, apply) for peer in supervisors), SUPERVISOR_S)
        until = self._loop.time() + TURNS_S
        for peer in self._peers.of(Role.WORKER):
            if not is_current():
                return
            peer.problem = ""
            peer.send(apply)
            most_s = min(WORKER_S, until - self._loop.time())
            if most_s > 0:
                await self._until(partial(_has, peer, apply), most_s)

    async def workers_have(self, apply: Callable[[], Apply], most_s: float) -> None:
        """Wait until every worker that is here has answered, for at most `most_s`."""
        workers = self._peers.of(Role.WORKER)
        await self._until(lambda: all(_has(worker, apply()) for worker in workers), most_s)

    async def _until(self, done: Callable[[], bool], most_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                while not done():
                    self._said.clear()
                    await self._said.wait()


def _has(peer: Peer, apply: Apply) -> bool:
    return peer.snapshot == apply.snapshot or bool(peer.problem)
