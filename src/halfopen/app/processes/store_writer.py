"""Writes outcomes to the store in one thread, so that a disk that hangs stops nothing else.

Rules
1. What waits is bounded; beyond it the oldest batch is discarded and counted.
2. A transaction takes what has gathered in 250 ms, 2,000 rows at most.
3. A store that can't is tried again, with growing pauses; what it was given is kept until then.
   A defect in it, or in what it was given, is such a case.
4. A batch that was seen before is not written again, and a gap between two is a loss, which the store counts.
5. Outcomes are counted when they come, whatever becomes of the store. Only those that come before it is
   known how far each source had got wait for the first try to open it.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from halfopen.app.processes.folding import Folding
from halfopen.app.processes.masking import Masking
from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.waiting_batches import WaitingBatch, WaitingBatches
from halfopen.seams.outcome_store import Batch, OutcomeStore, Retention, Rows, RowsError, StoreError
from halfopen.seams.sums import Sums

GATHER_S: Final = 0.25
ROWS_MAX: Final = 2000
LATELY_S: Final = 300.0
"""A loss is a problem for so long; then it is a figure."""
AGAIN_MIN_S: Final = 0.25
AGAIN_MAX_S: Final = 5.0
STUCK_S: Final = 2.0
"""A store that has not come back for so long is shown as stuck."""
DECODED_MAX: Final = 8192
"""Of the rows that wait, those that are held as objects; the others are read again when it is their turn."""
_IDLE_S: Final = 1.0
FORGET_EVERY_S: Final = 60.0
"""After what is too old has gone, it is looked for again so much later."""
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
        on_counted: Callable[[Sums], None] | None = None,
        on_opened: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Prepare it; `start` begins.

        Args:
            store: Where outcomes go. Only the thread uses it.
            on_recorded: Told up to which number a source's outcomes are done with. In any thread.
            on_counted: Told the counts of each batch, once, whatever becomes of the store. In any thread.
            on_opened: Told once that the store is open, before anything is written. In the thread.
            max_bytes: Size of the store, beyond which its oldest rows go.
            clock: Monotonic seconds.
            wall: Seconds since the Unix epoch.
        """
        self._store = store
        self._on_recorded = on_recorded
        self._on_counted = on_counted
        self._on_opened = on_opened
        self._clock = clock
        self._wall = wall
        self.gather_s = GATHER_S
        """What comes within so long is written together."""
        self.retention: Retention | None = None
        """For how long what is kept. None: for ever, as far as the size allows."""
        self._forget_at = clock()
        self.is_moved = False
        """Whether what was recorded before is in another store: workers may have told it much already."""
        self.folding = Folding()
        """Counts outcomes."""
        self.listener: Callable[[Rows, Sums], None] | None = None
        """Told of each batch that is counted, once, with all of its rows. In any thread; it must not wait."""
        self.max_bytes = max_bytes
        self.masking = Masking()
        """Masks details before they are written."""
        self._changed = threading.Condition()
        self._waiting = WaitingBatches()
        self._taken_rows = 0
        self._told: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._discarded: dict[str, tuple[int, int]] = {}
        """Of each source, outcomes that were discarded, and the number of the first after them. Until the
        store has a later one of that source, and counts them as a gap."""
        self._counting = False
        """Whether it is known how far each source had got, or can't be known now."""
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
        batch = WaitingBatch(outcomes)
        source = batch.source
        done: list[tuple[str, int]] = []
        with self._changed:
            if batch.after <= self._told.get(source, 0):
                done.append((source, self._done.get(source, 0)))
            else:
                self._told[source] = batch.after
                if self._counting:
                    self._count(batch)
                self._waiting.append(batch)
                while self._waiting.are_too_many:
                    oldest = self._waiting.pop()
                    if oldest.outcomes.count:
                        done.append(self._discard(oldest))
                    else:  # the last word on a source: without it nobody would know what is lost
                        self._waiting.append(oldest)
                self._forget_sources()
                self._changed.notify()
        for each in done:
            self._on_recorded(*each)

    def _count(self, batch: WaitingBatch) -> None:
        """Count a batch, once. One that can't be read is found out when it is written."""
        batch.was_read = True
        with suppress(RowsError):
            batch.rows, batch.sums = self.folding.fold(batch.outcomes)
            if self.listener is not None:
                self.listener(batch.rows, batch.sums)
            if self._waiting.rows > DECODED_MAX:
                batch.rows = None
            if self._on_counted is not None:
                self._on_counted(batch.sums)

    def _begin_counting(self, reached: Mapping[str, int], taken: Sequence[WaitingBatch] = ()) -> None:
        """From now on count what comes; and what has come, but for what the store has already.

        What was counted while the store could not be asked, and turns out to be in it, is taken back.
        """
        with self._changed:
            if self._counting and not reached:
                return
            for source, after in reached.items():
                self._told[source] = max(self._told.get(source, 0), after)
                self._done[source] = max(self._done.get(source, 0), after)
            if self._counting:
                for batch in (*taken, *self._waiting):
                    is_stored = batch.after <= reached.get(batch.source, 0)
                    if is_stored and batch.sums is not None and self._on_counted is not None:
                        self._on_counted(batch.sums.negated())
                return
        came: Sequence[WaitingBatch] = taken
        while not self._counting:
            # Much may have come. Whoever brings more doesn't wait meanwhile.
            for batch in came:
                if batch.after <= reached.get(batch.source, 0):
                    batch.was_read = True
                else:
                    self._count(batch)
            with self._changed:
                came = [batch for batch in self._waiting if not batch.was_read]
                self._counting = not came

    @property
    def knows_before(self) -> bool:
        """Whether it is known what earlier processes have counted: the store could be asked."""
        return self._lost is not None

    def counted(self, source: str) -> int | None:
        """How many outcomes of a source are counted, or lost; None: it isn't known yet what was before."""
        with self._changed:
            return self._told.get(source, 0) if self.knows_before else None

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
                waiting=self._waiting.rows + self._taken_rows,
                kept=self._kept,
                size_bytes=self._size_bytes,
            )

    def _discard(self, batch: WaitingBatch) -> tuple[str, int]:
        source, after = batch.source, batch.after
        count, _ = self._discarded.get(source, (0, 0))
        self._discarded[source] = (count + batch.outcomes.count, after)
        self._lost_at = self._clock()
        self._done[source] = after
        return source, after

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
                        self._waiting.put_back(taken)
                        self._taken_rows = 0
                        return
                pause_s = min(pause_s * 2, AGAIN_MAX_S)
            pause_s = AGAIN_MIN_S
        self._store.close()

    def _take(self) -> list[WaitingBatch]:
        """What has gathered; empty: nothing for a while, or it is time to stop."""
        taken: list[WaitingBatch] = []
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting or self._stopping, _IDLE_S):
                return taken
            self._changed.wait_for(lambda: self._waiting.rows >= ROWS_MAX or self._stopping, self.gather_s)
            self._taken_rows = 0
            while self._waiting and (
                not taken or self._taken_rows + self._waiting.oldest.outcomes.count <= ROWS_MAX
            ):
                taken.append(self._waiting.pop())
                self._taken_rows += taken[-1].outcomes.count
        return taken

    def _attempt(self, taken: list[WaitingBatch]) -> bool:
        """Write what was taken and look after the size; whether the store could."""
        self._began_at = self._clock()
        try:
            self._store.open()
            if self._lost is None:
                # Asked before anything is added to what is known: if one fails, all of it is done again.
                reached, lost = self._store.reached(), self._store.lost()
                if self._on_opened is not None:
                    self._on_opened()
                self._begin_counting(reached, taken)
                self._lost = lost
            self._write(taken)
            self._make_room()
            lost, kept, size_bytes = self._store.lost(), self._store.count(), self._store.size_bytes()
        except Exception as error:  # noqa: BLE001 - a defect must not end the thread, which nobody would see
            known = isinstance(error, StoreError)
            self._problem = str(error) if known else f"a defect: {type(error).__name__}: {error}"
            self._begin_counting({})
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
            for batch in taken:
                first = batch.outcomes.first
                _, after = self._discarded.get(batch.source, (0, first + 1))
                if first >= after:
                    del self._discarded[batch.source]
        return True

    def _make_room(self) -> None:
        """A slice at a time, so that writing never waits long."""
        for _ in range(_TRIMS_MAX):
            if not self._store.trim(self.max_bytes):
                break
        if (
            self.retention is not None
            and self._clock() >= self._forget_at
            and not self._store.forget(self._wall(), self.retention)
        ):
            self._forget_at = self._clock() + FORGET_EVERY_S

    def _write(self, taken: list[WaitingBatch]) -> None:
        taken = [batch for batch in taken if not batch.given_up]
        if not taken:
            return
        try:
            rows = self._store.write([self._batch(batch) for batch in taken])
        except RowsError:
            if len(taken) > 1:
                for batch in taken:
                    self._write([batch])
                return
            # No other try could store it.
            taken[0].given_up = True
            with self._changed:
                done = [self._discard(taken[0])]
        else:
            with self._changed:
                self._written += rows
                done = [(batch.source, batch.after) for batch in taken]
                self._done.update(done)
        for each in done:
            self._on_recorded(*each)

    def _batch(self, batch: WaitingBatch) -> Batch:
        rows, sums = batch.rows, batch.sums
        if rows is None or sums is None:
            rows, fresh = self.folding.fold(batch.outcomes)
            sums = fresh if sums is None else sums  # what was counted is stored, whatever prices are now
        kept = self.folding.sampled(rows)
        left_out = rows.count - kept.count
        masked = self.masking.masked(kept)
        return Batch(batch.source, batch.outcomes.first, masked, sums, left_out, begins=self.is_moved)
