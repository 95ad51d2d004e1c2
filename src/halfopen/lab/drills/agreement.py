"""Whether those who count the same count the same: exactly, each number by itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from halfopen.lab.drills.tally import Counts, Entry, Key, counted

MINUTE_S = 60
LATE_S = 2.0
"""Gateway and client share a clock, but not the moment at which each sees an end."""


@dataclass(frozen=True, slots=True)
class View:
    """What one of those who count has told."""

    name: str
    counts: Counts
    measures: tuple[str, ...]
    """What it tells, by the names of `tally.MEASURES`. It must tell all of it, and no more."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One number in which two don't agree."""

    view: str
    key: Key
    count: int
    other: str
    """Whom it was held against."""
    others: int

    def line(self) -> str:
        """For people."""
        what = " / ".join(part or "(none)" for part in self.key)
        return (
            f"{self.view}: {what}: {self.count}, {self.other}: {self.others} ({self.count - self.others:+})"
        )

    def row(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What holding one view against another has come to."""

    view: str
    other: str
    numbers: int
    """How many numbers were compared."""
    total: int
    """The sum of the other's."""
    differences: tuple[Difference, ...] = field(default=())


def compared(view: str, counts: Counts, other: str, others: Counts) -> Comparison:
    """Hold the counts of a view against those of another. A count that is missing is 0."""
    keys = sorted({*counts, *others})
    found = (Difference(view, key, counts.get(key, 0), other, others.get(key, 0)) for key in keys)
    differences = tuple(each for each in found if each.count != each.others)
    return Comparison(view, other, len(keys), sum(others.values()), differences)


def against_client(view: View, entries: Iterable[Entry]) -> Comparison:
    """Hold a view against the client's tally."""
    return compared(view.name, view.counts, "client", counted(entries, view.measures))


def times_against_client(ended: Mapping[str, Sequence[float]], entries: Sequence[Entry]) -> Comparison:
    """Hold the times at which requests ended, by their ids, against the client's.

    Args:
        ended: For each request that is recorded, every end that is recorded for it.
        entries: The client's tally. Those that don't know their id can't be looked up.
    """
    counts: dict[Key, int] = {}
    others: dict[Key, int] = {}
    known = [entry for entry in entries if entry.request_id]
    for entry in known:
        ends = ended.get(entry.request_id, ())
        fits = [end for end in ends if entry.began_s - LATE_S <= end <= entry.ended_s + LATE_S]
        if len(ends) != 1 or len(fits) != 1:
            key = ("recorded once, in its time", entry.request_id)
            counts[key], others[key] = len(fits) if len(ends) == 1 else len(ends), 1
    made = compared("ledger, row by row", counts, "client", others)
    # One that is recorded once, but at another time, has the count 0.
    return Comparison(made.view, made.other, len(known), len(known), made.differences)
