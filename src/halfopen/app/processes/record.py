"""What control knows of what has happened: counts in memory, and the store that it writes and reads."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from msgspec import UNSET

from halfopen.app.processes.chosen_store import ChosenStore
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.app.processes.store_writer import GATHER_S, StoreWriter
from halfopen.model.gateway_key import Budget, Per
from halfopen.policy.budget import Amounts, window_end, window_start
from halfopen.rollout import Snapshot
from halfopen.rollout.reference import resolve
from halfopen.rollout.settings import Store
from halfopen.seams.ledger import Ledger
from halfopen.seams.outcome_store import Retention
from halfopen.seams.sums import Sums
from halfopen.signals.spent import Spent
from halfopen.signals.windows import KEPT_S, Windows

BLOCK_S: Final = 1.0
"""Outcomes gather for so long for a store that prefers large writes."""
_FRESH_MAX: Final = 32
"""Batches that are counted together."""
_MIB: Final = 1024 * 1024
_DAY_S: Final = 86_400.0


class Record:
    """Takes outcomes, counts them, and has them stored."""

    def __init__(
        self,
        state: StateDirectory,
        on_recorded: Callable[[str, int], None],
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Opens nothing yet.

        Args:
            state: Where the SQLite file is, unless the configuration names another store.
            on_recorded: Told up to which number a source's outcomes are done with. In any thread.
            wall: Seconds since the Unix epoch.
        """
        self._wall = wall
        self._state = state
        self._windows = Windows()
        self._spent = Spent()
        self._fresh = Sums()
        """What is counted, and not yet in the windows and among what was spent."""
        self._fresh_batches = 0
        self._lock = threading.Lock()
        self.store = ChosenStore(state.outcomes_path)
        self.writer = StoreWriter(
            self.store,
            on_recorded,
            max_bytes=Store().max_mb * _MIB,
            on_counted=self._count,
            on_opened=self._restore,
        )

    def follow(self, snapshot: Snapshot | None, environ: Mapping[str, str]) -> None:
        """Keep to the settings of this snapshot from now on. None: there is none, so the defaults hold.

        Args:
            snapshot: The one in force.
            environ: Values of the references in the address of the store.
        """
        settings = Store() if snapshot is None else snapshot.store
        with suppress(KeyError):
            self.store.choose("" if settings.url is UNSET else resolve(settings.url, environ).strip())
        self.writer.gather_s = BLOCK_S if self.store.prefers_blocks else GATHER_S
        self.writer.max_bytes = settings.max_mb * _MIB
        self.writer.retention = Retention(
            rows_s=settings.rows_days * _DAY_S,
            minutes_s=settings.minutes_days * _DAY_S,
            hours_s=settings.hours_days * _DAY_S,
        )
        self.writer.folding.keep_successes = settings.keep_successes
        if snapshot is None:
            return
        self.writer.folding.prices = {
            target.name: target.price
            for route in snapshot.routes.values()
            for target in route.targets
            if target.price is not None
        }

    @contextmanager
    def windows(self) -> Iterator[Windows]:
        """The counts in memory. Hold them for a moment only, and change nothing."""
        with self._lock:
            self._settle()
            yield self._windows

    def spent(self, budgets: Mapping[str, Budget], wall_s: float) -> dict[str, Amounts]:
        """What callers have spent in the window of their budgets in which this moment is."""
        with self._lock:
            self._settle()
            return {name: self._spent.of(name, budget.per, wall_s) for name, budget in budgets.items()}

    def ledger(self) -> Ledger:
        """Somebody who reads the store, for one thread. Close it in the end."""
        return self.store.ledger()

    def _count(self, sums: Sums) -> None:
        with self._lock:
            self._fresh.add(sums)
            self._fresh_batches += 1
            if self._fresh_batches >= _FRESH_MAX:
                self._settle()

    def _settle(self) -> None:
        """Put what is fresh where it belongs. Once for many batches: most of their keys are the same."""
        fresh, self._fresh, self._fresh_batches = self._fresh, Sums(), 0
        now_s = self._wall()
        self._windows.add(fresh, now_s)
        self._spent.add(fresh, now_s)

    def _restore(self) -> None:
        """In the thread of the writer, before it counts anything."""
        self.writer.is_moved = self.writer.is_moved or self._state.note_store(self.store.place)
        ledger = self.ledger()
        try:
            now = self._wall()
            ever, minutes = ledger.sums(0, 1, span_s=0), ledger.sums(now - KEPT_S, now + KEPT_S, span_s=60)
            spent = {per: ledger.spent(window_start(per, now), window_end(per, now)) for per in Per}
        finally:
            ledger.close()
        with self._lock:
            self._windows.restore(ever, minutes, now)
            for per, by_caller in spent.items():
                self._spent.restore(per, now, {name: Amounts(*each) for name, each in by_caller.items()})
