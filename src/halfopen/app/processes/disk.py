"""A thread for what may block on a disk, so that a disk that hangs stops nothing else."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")


class Disk:
    """Does one thing after the other."""

    def __init__(self) -> None:
        """Make it inside the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._busy_since: float | None = None

    @property
    def busy_s(self) -> float:
        """For how many seconds it has been at what it does now; 0: at nothing."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Do it when what came before is done. Raises what it raises."""
        return await self._loop.run_in_executor(self._thread, self._timed, work, *arguments)

    def _timed(self, work: Callable[..., Result], *arguments: Any) -> Result:
        self._busy_since = time.monotonic()
        try:
            return work(*arguments)
        finally:
            self._busy_since = None
