"""A thread that reads the store, so that a disk or a server that hangs stops nothing else."""

from collections.abc import Callable
from typing import TypeVar

from halfopen.app.processes.disk import Disk
from halfopen.seams.ledger import Ledger

Result = TypeVar("Result")


class StoreReads:
    """Reads one thing after the other."""

    def __init__(self, open_ledger: Callable[[], Ledger]) -> None:
        """`open_ledger` is called at the first read: by then it is known which store there is."""
        self._open_ledger = open_ledger
        self._ledger: Ledger | None = None
        self._thread = Disk()

    async def read(self, ask: Callable[[Ledger], Result]) -> Result:
        """What the ledger answers. Raises StoreError when it can't be read now."""
        return await self._thread.run(self._read, ask)

    async def close(self) -> None:
        """Give the ledger back when what came before is done."""
        await self._thread.run(self._close)

    def _read(self, ask: Callable[[Ledger], Result]) -> Result:
        if self._ledger is None:
            self._ledger = self._open_ledger()
        return ask(self._ledger)

    def _close(self) -> None:
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()
