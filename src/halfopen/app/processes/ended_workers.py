"""What the supervisor remembers of workers that are no more, so that control learns what they had made.

Control may be away, or be killed after it was told and before that is stored. So it is told again on each
connection, and counts each once.
"""

import asyncio
import os
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Callable
from typing import Final

from halfopen.app.processes.ended_counter import Count, counted
from halfopen.app.processes.handed_snapshot import NONE
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import Ended

REMEMBERED_MAX: Final = 256
"""The latest ones. Fewer than the sources that a store remembers, or it would count again what it forgot."""


class EndedWorkers:
    """All of one supervisor."""

    def __init__(self, link: Callable[[], ControlLink | None]) -> None:
        """`link` leads to control, once there is one."""
        self._link = link
        self._told_on = 0
        """The connection on which control was told of all."""
        self._ended: deque[Count] = deque(maxlen=REMEMBERED_MAX)
        self._watching: set[asyncio.Task[None]] = set()

    def watch(self, process: Process, descriptor: int) -> None:
        """Read the process's counter when it has ended, and close it."""
        if descriptor == NONE:
            return
        task = asyncio.get_running_loop().create_task(self._watch(process, descriptor))
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)

    def tell(self) -> None:
        """Tell control of all of them, if it is another connection than the last time."""
        link = self._link()
        if link is None or not link.connected or link.connections == self._told_on:
            return
        number = link.connections
        if all(link.send(Ended(*each)) for each in self._ended):
            self._told_on = number

    async def _watch(self, process: Process, descriptor: int) -> None:
        try:
            await process.wait()
            count = counted(descriptor)
        finally:
            os.close(descriptor)
        if count is None:
            return
        self._ended.append(count)
        link = self._link()
        # Whoever is not told now is told of all on the next connection.
        if link is not None and link.connections == self._told_on and not link.send(Ended(*count)):
            self._told_on = 0
