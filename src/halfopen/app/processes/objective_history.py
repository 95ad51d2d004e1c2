"""Reads from the store what objectives count and memory doesn't hold, and follows memory from then on.

Rules
1. It is read an hour at a time, the latest first, in the thread that reads the store: nobody else who
   reads waits for long, and the short windows of burn rates are right within moments.
2. A store that can't be read is tried again; until then budgets are of what is known.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from halfopen.app.processes.record import Record
from halfopen.app.processes.store_reads import StoreReads
from halfopen.rollout import Snapshot
from halfopen.rollout.settings import Store
from halfopen.seams.ledger import Ledger
from halfopen.seams.outcome_store import StoreError
from halfopen.signals.burn import Guards
from halfopen.signals.objectives import Counts, Followed, Objectives, Promised, added, counts_of
from halfopen.signals.overview import ObjectiveState
from halfopen.signals.timeline import DAY_S, HOUR_S, MINUTE_S

FOLLOW_S: Final = 15.0
"""Memory forgets minutes after hours, so they must be looked at now and then though nobody looks."""
AGAIN_S: Final = 1.0


class ObjectiveHistory:
    """The objectives of the configuration in force, with their counts."""

    def __init__(self, record: Record, reads: StoreReads, *, wall: Callable[[], float] = time.time) -> None:
        """There are none yet.

        Args:
            record: What is followed.
            reads: Reads the store.
            wall: Seconds since the Unix epoch.
        """
        self._record = record
        self._reads = reads
        self._wall = wall
        self._objectives = Objectives()
        self._store = Store()
        self._changed = asyncio.Event()

    def keep_to(self, snapshot: Snapshot) -> None:
        """Follow the objectives of this snapshot from now on."""
        self._store = snapshot.store
        self._objectives.keep_to(promises_of(snapshot), self._wall())
        self._changed.set()

    def states(self, now_s: float) -> list[ObjectiveState]:
        """How well each is kept. `now_s`: seconds since the Unix epoch."""
        self._follow(now_s)
        return self._objectives.states(now_s)

    def _follow(self, now_s: float) -> None:
        with self._record.windows() as windows:
            self._objectives.follow(windows, now_s)

    async def run(self) -> None:
        """Read what is missing, and follow memory, until it is cancelled."""
        while True:
            self._changed.clear()
            self._follow(self._wall())
            read = await self._read()
            try:
                async with asyncio.timeout(FOLLOW_S if read else AGAIN_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _read(self) -> bool:
        """Read all that is missing; whether the store could. Ends early when there are other objectives."""
        for followed in list(self._objectives.followed.values()):
            while followed.missing and not self._changed.is_set():
                try:
                    await self._read_day(followed, followed.missing[-1])
                except StoreError:
                    return False
                followed.missing.pop()
        return True

    async def _read_day(self, followed: Followed, day_s: int) -> None:
        until_s = min(day_s + DAY_S, followed.until_s)
        by_minute_from = self._wall() - (self._store.minutes_days + 1) * DAY_S
        hours = await self._reads.read(partial(_counts, followed.promised, day_s, until_s, HOUR_S))
        for hour_s in reversed(range(day_s, until_s, HOUR_S)):
            counts = {hour_s: hours[hour_s]} if hour_s in hours else {}
            if hour_s + HOUR_S > by_minute_from:
                end_s = min(hour_s + HOUR_S, until_s)
                minutes = await self._reads.read(partial(_counts, followed.promised, hour_s, end_s, MINUTE_S))
                counts = added([counts, minutes])
            followed.timeline.set_hour(counts)


def _counts(promised: Promised, since_s: int, until_s: int, span_s: int, ledger: Ledger) -> Counts:
    return counts_of(promised, ledger.sums(since_s, until_s, span_s=span_s, only=promised.tables))


def promises_of(snapshot: Snapshot) -> Iterable[Promised]:
    """The objectives of a configuration."""
    return [
        Promised(
            name=name,
            promise=each.promise,
            target=each.target,
            days=each.days,
            routes=tuple(each.routes),
            within_s=each.within_s,
            at_least=each.at_least,
            guards=Guards(samples_min=each.samples_min, bad_min=each.bad_min),
        )
        for name, each in snapshot.objectives.items()
    ]
