"""Writes outcomes to the store in one thread, so that a disk that hangs stops nothing else.

Rules
1. What waits is bounded; beyond it the oldest batch is discarded and counted.
2. A transaction takes what has gathered in 250 ms, 2,000 rows at most.
3. A store that can't is tried again, with growing pauses; what it was given is kept until then.
   A defect in it, or in what it was given, is such a case.
4. A batch that was seen before is not written again, and a gap between two is a loss, which the store counts.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from halfopen.app.processes.masking import Masking
from halfopen.app.processes.messages import Outcomes
from halfopen.seams.outcome_store import Batch, OutcomeStore, Rows, RowsError, StoreError

GATHER_S: Final = 0.25
ROWS_MAX: Final = 2000
WAITING_MAX: Final = 65_536
"""Rows that wait to be written."""
WAITING_MAX_BYTES: Final = 32 * 1024 * 1024
LATELY_S: Final = 300.0
"""A loss is a problem for so long; then it is a figure."""
AGAIN_MIN_S: Final = 0.25
AGAIN_MAX_S: Final = 5.0
STUCK_S: Final = 2.0
"""A store that has not come back for so long is shown as stuck."""
_IDLE_S: Final = 1.0
_TRIMS_MAX: Final = 2
"""Slices that go after one transaction: more than it can have added."""
SOURCES_MAX: Final = 1000
"""Sources that are remembered, the latest ones."""


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How recording goes."""

    state: str
    """ok, failing, stuck or ended."""
    problem: str
    written: int
    """Rows written since this process began."""
    dropped: int
    """Outcomes that were made but not recorded, since the store was made."""
    dropping: bool
    """Whether it has become known within the last five minutes that there are more of these."""
    without_detail: int
    """Of the rows written since this process began, those whose detail was left out: it was too much."""
    waiting: int
    """Rows that wait to be written."""
    kept: int
    """Rows in the store."""
    size_bytes: int


class StoreWriter:
    """Takes batches from the event loop, and writes them in its thread."""

    def __init__(
        self,
        store: OutcomeStore,
        on_recorded: Callable[[str, int], None],
        *,
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare it; `start` begins.

        Args:
            store: Where outcomes go. Only the thread uses it.
            on_recorded: Told up to which number a source's outcomes are done with. In any thread.
            max_bytes: Size of the store, beyond which its oldest rows go.
            clock: Monotonic seconds.
        """
        self._store = store
        self._on_recorded = on_recorded
        self._clock = clock
        self.max_bytes = max_bytes
        self.masking = Masking()
        """Masks details before they are written."""
        self._changed = threading.Condition()
        self._waiting: deque[Outcomes] = deque()
        self._waiting_rows = 0
        self._waiting_bytes = 0
        self._taken_rows = 0
        self._told: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._discarded: dict[str, tuple[int, int]] = {}
        """Of each source, outcomes that were discarded, and the number of the first after them. Until the
        store has a later one of that source, and counts them as a gap."""
        self._stopping = False
        self._began_at: float | None = None
        self._problem = ""
        self._written = 0
        self._lost: int | None = None
        """As the store says; None: it hasn't yet."""
        self._lost_at: float | None = None
        """When it became known that there are more."""
        self._kept = 0
        self._size_bytes = 0
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)

    def start(self) -> None:
        """Begin to write. Does nothing when it has begun."""
        if self._thread.ident is None:
            self._thread.start()

    def offer(self, outcomes: Outcomes) -> None:
        """Take a batch to be written. Never waits for the store."""
        source, after = outcomes.source, outcomes.first + outcomes.count
        done: list[tuple[str, int]] = []
        with self._changed:
            if after <= self._told.get(source, 0):
                done.append((source, self._done.get(source, 0)))
            else:
                self._told[source] = after
                self._waiting.append(outcomes)
                self._waiting_rows += outcomes.count
                self._waiting_bytes += memoryview(outcomes.rows).nbytes
                while self._waiting_rows > WAITING_MAX or self._waiting_bytes > WAITING_MAX_BYTES:
                    done.append(self._discard(self._pop()))
                self._forget_sources()
                self._changed.notify()
        for each in done:
            self._on_recorded(*each)

    def stop(self, most_s: float) -> bool:
        """Write what waits, for at most `most_s`, and end; whether all was written."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self.start()
        self._thread.join(most_s)
        return not self._thread.is_alive() and not self._waiting

    @property
    def status(self) -> StoreStatus:
        """How recording goes now."""
        began_at = self._began_at
        spent_s = 0.0 if began_at is None else self._clock() - began_at
        state, problem = ("failing", self._problem) if self._problem else ("ok", "")
        if spent_s > STUCK_S:
            state, problem = "stuck", f"the store has not come back for {spent_s:.0f} s"
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopping:
            state, problem = (
                "ended",
                "the thread that writes has ended",
            )
        with self._changed:
            return StoreStatus(
                state=state,
                problem=problem,
                written=self._written,
                dropped=(self._lost or 0) + sum(count for count, _ in self._discarded.values()),
                dropping=self._lost_at is not None and self._clock() - self._lost_at < LATELY_S,
                without_detail=self.masking.left_out,
                waiting=self._waiting_rows + self._taken_rows,
                kept=self._kept,
                size_bytes=self._size_bytes,
            )

    def _discard(self, outcomes: Outcomes) -> tuple[str, int]:
        source, after = outcomes.source, outcomes.first + outcomes.count
        count, _ = self._discarded.get(source, (0, 0))
        self._discarded[source] = (count + outcomes.count, after)
        self._lost_at = self._clock()
        self._done[source] = after
        return source, after

    def _pop(self) -> Outcomes:
        oldest = self._waiting.popleft()
        self._waiting_rows -= oldest.count
        self._waiting_bytes -= memoryview(oldest.rows).nbytes
        return oldest

    def _forget_sources(self) -> None:
        while len(self._told) > SOURCES_MAX:
            oldest = next(iter(self._told))
            del self._told[oldest]
            self._done.pop(oldest, None)

    def _run(self) -> None:
        pause_s = AGAIN_MIN_S
        self._attempt([])
        while True:
            taken = self._take()
            if not taken and self._stopping:
                break
            while not self._attempt(taken):
                with self._changed:
                    if self._stopping or self._changed.wait_for(lambda: self._stopping, pause_s):
                        self._waiting.extendleft(reversed(taken))
                        return
                pause_s = min(pause_s * 2, AGAIN_MAX_S)
            pause_s = AGAIN_MIN_S
        self._store.close()

    def _take(self) -> list[Outcomes]:
        """What has gathered; empty: nothing for a while, or it is time to stop."""
        taken: list[Outcomes] = []
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting or self._stopping, _IDLE_S):
                return taken
            self._changed.wait_for(lambda: self._waiting_rows >= ROWS_MAX or self._stopping, GATHER_S)
            self._taken_rows = 0
            while self._waiting and (not taken or self._taken_rows + self._waiting[0].count <= ROWS_MAX):
                taken.append(self._pop())
                self._taken_rows += taken[-1].count
        return taken

    def _attempt(self, taken: list[Outcomes]) -> bool:
        """Write what was taken and look after the size; whether the store could."""
        self._began_at = self._clock()
        try:
            self._store.open()
            if self._lost is None:
                self._lost = self._store.lost()
            self._write(taken)
            for _ in range(_TRIMS_MAX):
                if not self._store.trim(self.max_bytes):
                    break
            lost, kept, size_bytes = self._store.lost(), self._store.count(), self._store.size_bytes()
        except Exception as error:  # noqa: BLE001 - a defect must not end the thread, which nobody would see
            known = isinstance(error, StoreError)
            self._problem = str(error) if known else f"a defect: {type(error).__name__}: {error}"
            # The file may have been replaced or removed.
            with suppress(Exception):
                self._store.close()
            return False
        finally:
            self._began_at = None
        with self._changed:
            self._problem = ""
            if lost > self._lost:
                self._lost_at = self._clock()
            self._lost, self._kept, self._size_bytes = lost, kept, size_bytes
            self._taken_rows = 0
            for outcomes in taken:
                _, after = self._discarded.get(outcomes.source, (0, outcomes.first + 1))
                if outcomes.first >= after:
                    del self._discarded[outcomes.source]
        return True

    def _write(self, taken: list[Outcomes]) -> None:
        if not taken:
            return
        try:
            rows = self._store.write([self._batch(outcomes) for outcomes in taken])
        except RowsError:
            if len(taken) > 1:
                for outcomes in taken:
                    self._write([outcomes])
                return
            # No other try could store it.
            with self._changed:
                done = [self._discard(taken[0])]
        else:
            with self._changed:
                self._written += rows
                done = [(outcomes.source, outcomes.first + outcomes.count) for outcomes in taken]
                self._done.update(done)
        for each in done:
            self._on_recorded(*each)

    def _batch(self, outcomes: Outcomes) -> Batch:
        try:
            rows = msgspec.msgpack.decode(outcomes.rows, type=Rows)
        except msgspec.DecodeError as error:
            raise RowsError(str(error)) from None
        return Batch(outcomes.source, outcomes.first, self.masking.masked(rows))
