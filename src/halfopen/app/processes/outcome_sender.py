"""The sink of a worker's outcomes: collects them and sends them to control in batches, never waiting.

Rules
1. A call appends to a list. Encoding is done for a batch: every 100 ms, or for 256 outcomes.
2. A batch is kept until control says that it is recorded, and sent again on a new connection.
3. What is kept is bounded; the oldest batch goes first, and is counted. Control sees the gap as well.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from halfopen.app.processes.ended_counter import EndedCounter
from halfopen.app.processes.frames import frame
from halfopen.app.processes.handed_snapshot import NONE
from halfopen.app.processes.link import ControlLink
from halfopen.app.processes.messages import Outcomes, Recorded
from halfopen.app.processes.outcome_rows import rows
from halfopen.model import Outcome

FLUSH_S: Final = 0.1
"""An outcome is sent at most this much later."""
BATCH_MAX: Final = 256
"""Outcomes in a batch."""
KEPT_MAX: Final = 8192
"""Outcomes that wait for control to record them."""
KEPT_MAX_BYTES: Final = 8 * 1024 * 1024
"""The same in bytes."""
_DRAIN_POLL_S: Final = 0.01
_UNFIT: Final = (OverflowError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A batch that control hasn't recorded."""

    first: int
    count: int
    data: bytes


class OutcomeSender:
    """Takes outcomes on the hot path. One for each worker."""

    def __init__(
        self,
        link: ControlLink,
        loop: asyncio.AbstractEventLoop,
        *,
        wall: Callable[[], float] = time.time,
        tell: Callable[[Outcome], None] | None = None,
        counter: int = NONE,
    ) -> None:
        """Listens to the link for what is recorded.

        Args:
            link: To control.
            loop: Where it runs.
            wall: Seconds since the Unix epoch.
            tell: Told at once of each outcome that is not plain, so that a person can be.
            counter: File descriptor of the memory that outlives this process, to count in; `NONE`: without.
        """
        self._link = link
        self._loop = loop
        self._wall = wall
        self._tell = tell
        self._source = secrets.token_hex(8)
        self._made = 0
        """Requests that are over."""
        self._cells = EndedCounter(self._source, counter).cells
        self._pending: list[Outcome] = []
        self._timer: asyncio.TimerHandle | None = None
        self._kept: deque[_Kept] = deque()
        self._kept_count = 0
        self._kept_bytes = 0
        self._sent = 0
        """Of the kept batches, those that were sent on this connection."""
        self._connection = 0
        self._batched = 0
        self._failed = 0
        self.dropped = 0
        """Outcomes that were given up before they could be sent. Control counts exactly, by gaps."""
        self.on_outcome: Callable[[Outcome, int], None] | None = None
        """Told of each outcome, with its number among all of this worker."""
        link.listen(Recorded, self._recorded)

    def add(self, outcome: Outcome, /) -> None:
        """One request is over."""
        self._cells[0] = self._made = self._made + 1
        pending = self._pending
        if self.on_outcome is not None:
            self.on_outcome(outcome, self._batched + len(pending))
        pending.append(outcome)
        if len(pending) >= BATCH_MAX:
            self._batch()
        elif self._timer is None:
            self._timer = self._loop.call_later(FLUSH_S, self._flush_by_timer)
        if self._tell is not None and (
            len(outcome.attempts) != 1 or outcome.fault is not None or outcome.skips or outcome.client_gone
        ):
            self._tell(outcome)

    @property
    def requests(self) -> int:
        """Requests that are over."""
        return self._made

    @property
    def failures(self) -> int:
        """Of these, those that ended with a fault. Counted when a batch is made, so a little late."""
        return self._failed

    @property
    def unrecorded(self) -> int:
        """Outcomes that control hasn't recorded yet."""
        return self._kept_count + len(self._pending)

    @property
    def is_behind(self) -> bool:
        """Whether half of what may wait for control does: then nothing else should be in its way."""
        return self._kept_count > KEPT_MAX // 2 or self._kept_bytes > KEPT_MAX_BYTES // 2

    @property
    def is_held_up(self) -> bool:
        """Whether something waits that the link doesn't take."""
        return self._sent < len(self._kept)

    def flush(self) -> None:
        """Send what there is, if control takes it."""
        if self._pending:
            self._batch()
        else:
            self._send()

    async def drain(self, most_s: float) -> bool:
        """Wait until control has recorded all, for at most `most_s`; whether it has."""
        until = self._loop.time() + most_s
        while self.unrecorded:
            self.flush()
            if self._loop.time() >= until:
                return False
            await asyncio.sleep(_DRAIN_POLL_S)
        return True

    def close(self) -> None:
        """Send nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _flush_by_timer(self) -> None:
        self._timer = None
        self.flush()
        if self._kept:  # what was sent is sent again if control dies before it is recorded
            self._timer = self._loop.call_later(FLUSH_S, self._flush_by_timer)

    def _batch(self) -> None:
        pending, self._pending = self._pending, []
        offset_s = self._wall() - self._loop.time()
        self._failed += sum(1 for outcome in pending if outcome.fault is not None)
        try:
            encoded = msgspec.msgpack.encode(rows(pending, offset_s))
        except _UNFIT:
            self._batched += self._unfit(pending, offset_s)
            encoded = msgspec.msgpack.encode(rows(pending, offset_s))
        count = len(pending)
        data = frame(Outcomes(msgspec.Raw(encoded), count, self._source, self._batched))
        self._kept.append(_Kept(self._batched, count, data))
        self._batched += count
        self._kept_count += count
        self._kept_bytes += len(data)
        self._send()
        while self._kept_count > KEPT_MAX or self._kept_bytes > KEPT_MAX_BYTES:
            # What was sent may get there yet. If it doesn't, control sees the gap.
            on_its_way = self._sent > 0
            count = self._forget()
            self.dropped += 0 if on_its_way else count

    def _unfit(self, pending: list[Outcome], offset_s: float) -> int:
        """Drop what can't be encoded, such as a number beyond 64 bits; return how many that were."""
        fit: list[Outcome] = []
        for outcome in pending:
            try:
                msgspec.msgpack.encode(rows((outcome,), offset_s))
            except _UNFIT:
                self.dropped += 1
            else:
                fit.append(outcome)
        unfit = len(pending) - len(fit)
        pending[:] = fit
        return unfit

    def _send(self) -> None:
        """Hand the link what it takes. On a new connection everything is sent again."""
        if self._connection != self._link.connections:
            self._connection = self._link.connections
            self._sent = 0
        while self._sent < len(self._kept) and self._link.send_frame(self._kept[self._sent].data):
            self._sent += 1

    def _forget(self) -> int:
        oldest = self._kept.popleft()
        self._kept_count -= oldest.count
        self._kept_bytes -= len(oldest.data)
        self._sent = max(self._sent - 1, 0)
        return oldest.count

    def _recorded(self, recorded: Recorded) -> None:
        if recorded.source != self._source:
            return
        while self._kept and self._kept[0].first + self._kept[0].count <= recorded.next:
            self._forget()
