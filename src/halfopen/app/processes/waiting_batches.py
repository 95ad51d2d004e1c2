"""Batches of outcomes that wait to be written, within bounds."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from halfopen.app.processes.messages import Outcomes
from halfopen.seams.outcome_store import Rows
from halfopen.seams.sums import Sums

WAITING_MAX: Final = 65_536
"""Rows that wait to be written."""
WAITING_MAX_BYTES: Final = 32 * 1024 * 1024


@dataclass(slots=True, eq=False)
class WaitingBatch:
    """A batch that waits to be written."""

    outcomes: Outcomes
    sums: Sums | None = None
    """None: it isn't counted, yet or for ever."""
    rows: Rows | None = None
    """None: they are to be read again."""
    was_read: bool = False
    """Whether it was tried to count it."""
    given_up: bool = False
    """Whether no store will ever take it."""

    @property
    def source(self) -> str:
        """Who made them."""
        return self.outcomes.source

    @property
    def after(self) -> int:
        """The number of the first outcome after it."""
        return self.outcomes.first + self.outcomes.count


class WaitingBatches:
    """The oldest go first. For one thread at a time."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._batches: deque[WaitingBatch] = deque()
        self.rows = 0
        """How many wait."""
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    def __iter__(self) -> Iterator[WaitingBatch]:
        return iter(self._batches)

    @property
    def oldest(self) -> WaitingBatch:
        """The next to go."""
        return self._batches[0]

    @property
    def are_too_many(self) -> bool:
        """Whether the oldest must be discarded."""
        return self.rows > WAITING_MAX or self._bytes > WAITING_MAX_BYTES

    def append(self, batch: WaitingBatch) -> None:
        """Let it wait behind the others."""
        self._batches.append(batch)
        self.rows += batch.outcomes.count
        self._bytes += memoryview(batch.outcomes.rows).nbytes

    def put_back(self, batches: list[WaitingBatch]) -> None:
        """Let them wait before the others, where they were."""
        for batch in reversed(batches):
            self._batches.appendleft(batch)
            self.rows += batch.outcomes.count
            self._bytes += memoryview(batch.outcomes.rows).nbytes

    def pop(self) -> WaitingBatch:
        """Take the oldest."""
        oldest = self._batches.popleft()
        self.rows -= oldest.outcomes.count
        self._bytes -= memoryview(oldest.outcomes.rows).nbytes
        return oldest
