"""Judges what a store says of requests against what their client counted. Reads the file, and nothing of ours."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

_BUSY_S = 2.0
_EVER_S, _MINUTE_S = 0, 60


@dataclass(frozen=True)
class Stored:
    """What a SQLite file says. Everything since it was made."""

    rows: int = 0
    requests: int = 0
    """Different ids in the rows."""
    counted: int = 0
    """Requests by the counts of all time."""
    by_minute: int = 0
    """The same by those of the minutes."""
    lost: int = 0

    @property
    def known(self) -> int:
        """Requests of which it is known that they were."""
        return self.rows + self.lost


@dataclass(frozen=True)
class Kill:
    """One kill, and what the client saw in its round, from after the kill before until all had ended."""

    victim: str
    busy: bool
    """Whether requests were asked at that moment."""
    answered: int
    cut: int
    """Requests that ended without a whole answer: the gateway may have ended them, or not."""
    last_second: int
    """Of the answered ones, those that ended within the second before the kill."""
    before: Stored
    after: Stored


def read(path: Path) -> Stored:
    """What the file says now. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_BUSY_S)) as db:
        db.execute("BEGIN")
        rows, requests = db.execute("SELECT count(*), count(DISTINCT request_id) FROM outcomes").fetchone()
        sums = dict(db.execute("SELECT span_s, sum(requests) FROM request_sums GROUP BY span_s").fetchall())
        (lost,) = db.execute("SELECT value FROM totals WHERE name = 'lost'").fetchone()
    return Stored(rows, requests, sums.get(_EVER_S, 0), sums.get(_MINUTE_S, 0), lost)


def problems(kill: Kill) -> list[str]:
    """What is wrong, one line each. Empty: every request is a row, or known as lost, once."""
    before, after = kill.before, kill.after
    found = []
    known, lost = after.known - before.known, after.lost - before.lost
    if known < kill.answered:
        found.append(
            f"{kill.answered - known} of {kill.answered} answered requests are neither rows nor lost"
        )
    if known > kill.answered + kill.cut:
        found.append(f"{known} are rows or lost, but only {kill.answered} + {kill.cut} were asked")
    if after.requests != after.rows:
        found.append(f"{after.rows - after.requests} rows are there twice")
    if not after.rows == after.counted == after.by_minute:
        found.append(f"{after.rows} rows, but {after.counted} by all time and {after.by_minute} by minutes")
    if kill.victim != "worker" and lost:
        found.append(f"{lost} lost, though the workers lived")
    if lost > kill.last_second + kill.cut:
        found.append(f"{lost} lost; the last second had {kill.last_second} + {kill.cut}")
    return [f"{kill.victim} killed{' under load' if kill.busy else ''}: {line}" for line in found]
