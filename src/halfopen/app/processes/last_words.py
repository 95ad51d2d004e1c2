"""What control does when it is told how many requests a worker has ended that is no more.

What never came of these is lost. But what the worker had sent may still wait in its connection to be read:
so the word is taken only when that has ended, and a moment after it came.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from halfopen.app.processes.messages import Ended, Outcomes, Role
from halfopen.app.processes.peers import Peers
from halfopen.seams.outcome_store import Sent

SETTLE_S: Final = 0.5
"""Enough to accept a connection that waits, and to begin to read it."""
ORPHANS_S: Final = 4.0
"""Workers without a supervisor have ended by then."""
WAITING_MAX: Final = 1024
_NOTHING: Final = msgspec.Raw(msgspec.msgpack.encode(Sent([], [])))


class LastWords:
    """Of all workers that have ended."""

    def __init__(
        self, peers: Peers, offer: Callable[[Outcomes], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        """`offer` takes a batch without outcomes, which says how many its source has made."""
        self._peers = peers
        self._offer = offer
        self._loop = loop
        self._waiting: dict[str, Ended] = {}

    def heard(self, ended: Ended) -> None:
        """A worker is no more."""
        if ended.source not in self._waiting and len(self._waiting) < WAITING_MAX:
            self._waiting[ended.source] = ended
            self._loop.call_later(SETTLE_S, self._look, ended)

    def _look(self, ended: Ended) -> None:
        if self._peers.of_source(ended.source):
            self._loop.call_later(SETTLE_S, self._look, ended)
            return
        self._take(ended)

    async def end(self, *, orphaned: bool = False) -> None:
        """Take all of them now. Orphaned: once the workers, who are it as well, have told all and ended."""
        if orphaned:
            await self._peers.until_gone(Role.WORKER, ORPHANS_S)
        for ended in list(self._waiting.values()):
            self._take(ended)

    def _take(self, ended: Ended) -> None:
        if self._waiting.pop(ended.source, None) is not None:
            self._offer(Outcomes(_NOTHING, 0, ended.source, ended.made))
