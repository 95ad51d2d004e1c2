"""Judges the fail-static drill: a request belongs to the fault that was on, or the last, when it ended."""

import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from halfopen.lab.drills.bystander import Told
from halfopen.lab.drills.figure import DrillReport, Figure, proportion, quantile, wilson
from halfopen.lab.drills.open_loop import Asked, End

HEALTHY: Final = "healthy"
"""Before the first fault."""
LATE_S: Final = 1.0
"""An answer that takes longer is a client-visible failure. A frozen worker shows in this."""
LATE_REPLACED_S: Final = 3.0
"""The same where a connection may have to wait for the process that takes a dead one's place."""
STREAM_S: Final = 1.5
"""What a stream takes by itself, at most."""
LOST_WITHIN_S: Final = 1.0
"""What was in flight on a killed worker is known to be lost within this time."""
UNSENT_S: Final = 0.5
"""Outcomes of so long may go with a worker that is killed: what it has not sent to control yet."""
_RATE_LEAST: Final = 0.98
_FAILURES_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Played:
    """One fault, as it went. Times are monotonic."""

    fault: str
    struck: float
    lifted: float
    shown: str
    """What showed that it was on; empty: nothing, and its row is void."""
    problem: str
    """Why it was not shown."""
    remains: str
    """What was not as before in the end; empty: all was."""
    normal_after_s: float
    """From its end, or its moment, until all was well."""
    waiting_most: int
    """Outcomes that waited to be stored, the most that was told."""
    dropped: int
    """Outcomes that the gateway has counted as lost meanwhile."""
    costs: bool
    """Whether requests in flight are lost with it."""
    excused: Callable[[int], bool]
    """Whether a request on the connection from this port may fail."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A fault with the requests that belong to it."""

    fault: str
    played: Played | None
    asked: list[Asked]
    excused: list[Asked]
    """Requests that were lost and could not but be."""
    failed: list[Asked]
    """Requests that were lost, or came late, and need not have been."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was to be asked."""

    rate: float
    """Requests a second."""
    seconds: float
    """For so long."""
    pause_s: float
    """The longest time in which the client itself was not let run."""


def report(asked: Sequence[Asked], played: Sequence[Played], told: Told, load: Load) -> DrillReport:
    """The figures. `told`: what the gateway said when all was over."""
    rows = _rows(asked, played)
    figures = [figure for row in rows for figure in _figures(row)]
    figures += [_recorded(asked, told), _lost(asked, rows, told)]
    figures += _load(len(asked), load)
    failures = [line for row in rows for line in _failures(row)]
    return DrillReport(
        "fail-static", tuple(figures), tuple(failures[:_FAILURES_SHOWN]), tuple(_shown(row) for row in rows)
    )


def _rows(asked: Sequence[Asked], played: Sequence[Played]) -> list[_Row]:
    rows = [_Row(HEALTHY, None, [], [], []), *(_Row(each.fault, each, [], [], []) for each in played)]
    moments = [each.struck for each in played]
    for each in asked:
        # One that hangs was struck when it was sent, not when the patience with it was over.
        at = each.sent if each.end is End.HANG else each.ended
        row = rows[bisect.bisect_right(moments, at)]
        row.asked.append(each)
        if row.played is not None and each.end is not End.WHOLE and row.played.excused(each.port):
            row.excused.append(each)
        elif each.end is not End.WHOLE or _is_late(each, row.played):
            row.failed.append(each)
    return rows


def _is_late(asked: Asked, played: Played | None) -> bool:
    limit_s = LATE_REPLACED_S if played is not None and played.costs else LATE_S
    return asked.ended - asked.sent > limit_s + (STREAM_S if asked.stream else 0.0)


def _figures(row: _Row) -> list[Figure]:
    played, name = row.played, f"{row.fault}: whole answers in time"
    if played is not None and not played.shown:
        return [Figure(name, 0.0, f"(void: {played.problem})", len(row.asked), sound=False, promise="all")]
    owed = len(row.asked) - len(row.excused)
    figures = [proportion(name, owed - len(row.failed), owed)]
    times_ms = _times_ms(row)
    figures.append(
        Figure(f"{row.fault}: 99th percentile of plain", quantile(times_ms, 0.99), "ms", len(times_ms))
    )
    if played is None:
        return figures
    if played.costs:
        told = sum(_is_told_at_once(each, played) for each in row.excused)
        name = f"{row.fault}: requests in flight on it with a retryable error within {LOST_WITHIN_S:g} s"
        figures.append(proportion(name, told, len(row.excused)))
    return [
        *figures,
        Figure(
            f"{row.fault}: time until all was well again",
            played.normal_after_s,
            "s",
            1,
            sound=not played.remains,
            promise="that it comes",
        ),
    ]


def _times_ms(row: _Row) -> list[float]:
    """Of plain answers, from when they were due."""
    return [1000 * (each.ended - each.due) for each in row.asked if each.end is End.WHOLE and not each.stream]


def _is_told_at_once(asked: Asked, played: Played) -> bool:
    """Whether a lost request got an error after which clients ask again, and soon."""
    retryable = asked.end in (End.CUT, End.REFUSED, End.RETRYABLE)
    return retryable and asked.ended - max(asked.sent, played.struck) <= LOST_WITHIN_S


def _recorded(asked: Sequence[Asked], told: Told) -> Figure:
    """Every answer was stored, or is counted as lost."""
    answered = sum(each.answered for each in asked)
    seen = min(answered, told.outcomes("kept") + told.outcomes("dropped"))
    return Figure(
        "outcomes stored or counted as lost",
        seen / answered if answered else 0.0,
        f"of all ({seen} of {answered})",
        answered,
        sound=told.answered and answered > 0 and answered == seen,
        promise="all",
        interval=wilson(seen, answered),
    )


def _unsent(asked: Sequence[Asked], played: Played) -> int:
    return sum(
        each.answered and played.struck - UNSENT_S <= each.ended and played.excused(each.port)
        for each in asked
    )


def _lost(asked: Sequence[Asked], rows: Sequence[_Row], told: Told) -> Figure:
    """Only the last words of a killed worker, with what was in flight there."""
    killed = [row for row in rows if row.played is not None and row.played.costs]
    most = sum(_unsent(asked, row.played) + len(row.excused) for row in killed if row.played is not None)
    lost = told.outcomes("dropped")
    return Figure(
        "outcomes counted as lost",
        lost,
        "",
        len(asked),
        sound=lost <= most,
        promise=f"{most} at most, ended by a worker in the {UNSENT_S:g} s before it was killed",
    )


def _load(asked: int, load: Load) -> list[Figure]:
    reached, least = asked / load.seconds if load.seconds else 0.0, load.rate * _RATE_LEAST
    return [
        Figure(
            "requests asked",
            reached,
            "a second",
            asked,
            sound=reached >= least,
            promise=f"at least {least:g}",
        ),
        Figure("longest time in which the client itself was not let run", load.pause_s, "s", asked),
    ]


def _failures(row: _Row) -> list[str]:
    """What was lost and need not have been: one line for each kind of end, with an example."""
    lines = []
    if row.played is not None and row.played.remains:
        lines.append(f"{row.fault}: not as before: {row.played.remains}")
    kinds = Counter(_kind(each) for each in row.failed)
    for kind, count in kinds.items():
        first = next(each for each in row.failed if _kind(each) == kind)
        name = f"{'stream' if first.stream else 'plain'} {first.number}"
        problem = f": {first.problem}" if first.problem else ""
        took_s = first.ended - first.sent
        lines.append(f"{row.fault}: {count} {kind}, such as {name} after {took_s:.3f} s{problem}")
    return lines


def _kind(asked: Asked) -> str:
    return "late" if asked.end in (End.WHOLE, None) else asked.end.value


def _shown(row: _Row) -> dict[str, Any]:
    """For `--json`."""
    times_ms, played = _times_ms(row), row.played
    shown: dict[str, Any] = {
        "fault": row.fault,
        "requests": len(row.asked),
        "streams": sum(each.stream for each in row.asked),
        "failed": dict(Counter(_kind(each) for each in row.failed)),
        "plain_ms": {
            "p50": round(quantile(times_ms, 0.5), 3),
            "p99": round(quantile(times_ms, 0.99), 3),
            "max": round(max(times_ms, default=0.0), 3),
        },
    }
    if played is None:
        return shown
    return {
        **shown,
        "met": bool(played.shown),
        "shown_by": played.shown or played.problem,
        "in_flight_lost": dict(Counter(_kind(each) for each in row.excused)),
        "on_s": round(played.lifted - played.struck, 3),
        "normal_after_s": round(played.normal_after_s, 3),
        "not_as_before": played.remains,
        "outcomes_waiting_most": played.waiting_most,
        "outcomes_counted_as_lost": played.dropped,
    }
