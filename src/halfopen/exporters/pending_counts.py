"""Counts that have not been told yet. Any thread adds; one takes."""

import threading
from typing import Final

from halfopen.seams.sums import Sums

KEYS_MAX: Final = 50_000
"""Keys that are held for a receiver that is gone. Beyond it everything is forgotten, and counted."""


class PendingCounts:
    """What was counted since it was last taken. Never waits for whoever is told."""

    def __init__(self) -> None:
        """Nothing was."""
        self._lock = threading.Lock()
        self._sums = Sums()
        self.forgotten = 0
        """Requests whose counts nobody was told."""

    def add(self, sums: Sums) -> None:
        """Count what has happened."""
        whole = sums.in_spans_of(0)
        with self._lock:
            self._sums.add(whole)
            if sum(map(len, self._sums.tables().values())) > KEYS_MAX:
                self.forgotten += sum(counts[0] for counts in self._sums.requests.values())
                self._sums = Sums()

    def take(self) -> Sums:
        """Everything, once."""
        with self._lock:
            taken, self._sums = self._sums, Sums()
        return taken
