"""One request drawn as bars on a time line: the queue, each attempt in its phases, waits between them."""

from typing import Any, Final

import msgspec

WAIT: Final = "queue"
CONNECT: Final = "connect"
SENT: Final = "first byte"
ANSWERED: Final = "first content"
STREAMED: Final = "the rest"
PHASES: Final = (
    (WAIT, "before the first attempt, and between two: in the queue, or waiting to try again"),
    (CONNECT, "until the connection was there"),
    (SENT, "until the first byte of the answer"),
    (ANSWERED, "until its first content"),
    (STREAMED, "until its last byte, or its failure"),
)
_LEAST_SHARE: Final = 0.002
"""A bar is drawn at least so wide, as a part of the whole."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time."""

    phase: str
    start_ms: float
    """Since the request arrived."""
    lasted_ms: float
    x: str
    """Where it begins, and how wide it is, in percent of the whole."""
    width: str


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the drawing."""

    name: str
    bars: tuple[Bar, ...]
    start_ms: float = 0.0
    end_ms: float = 0.0
    result: str = ""
    """ok, cancelled or the kind of the fault."""
    status: int | None = None
    fault: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    end_x: str = "0%"
    """Where the mark of its end stands."""


class Waterfall(msgspec.Struct, frozen=True, kw_only=True):
    """The drawing."""

    total_ms: float
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[str, float], ...]
    """Places on the axis in percent, and their times in milliseconds."""


def waterfall(request: dict[str, Any]) -> Waterfall:
    """Draw a request, as `Seen.request` tells it."""
    row, outcome = request["row"], request["outcome"]
    total_ms = max(float(row["duration_ms"]), 0.001)
    lanes = _lanes_of(outcome, total_ms) if outcome is not None else _lanes_of_plain(row, total_ms)
    return Waterfall(total_ms=total_ms, lanes=tuple(lanes), ticks=_ticks(total_ms))


def _lanes_of(outcome: dict[str, Any], total_ms: float) -> list[Lane]:
    arrived = float(outcome["arrived"])
    lanes: list[Lane] = []
    waits: list[Bar] = []
    busy_until = 0.0
    for attempt in outcome["attempts"]:
        start_ms = _since(attempt["started"], arrived)
        end_ms = _since(attempt["ended"], arrived)
        if start_ms > busy_until:
            waits.append(_bar(WAIT, busy_until, start_ms, total_ms))
        busy_until = max(busy_until, end_ms)
        marks = [
            (phase, None if attempt.get(name) is None else _since(attempt[name], arrived))
            for phase, name in ((CONNECT, "connected"), (SENT, "first_byte"), (ANSWERED, "first_content"))
        ]
        fault = attempt.get("fault")
        result = "cancelled" if attempt.get("cancelled") else "ok" if fault is None else fault["kind"]
        lanes.append(
            Lane(
                name=attempt["target"],
                bars=_phases(start_ms, end_ms, marks, total_ms, whole=result == "ok"),
                start_ms=start_ms,
                end_ms=end_ms,
                result=result,
                status=attempt.get("status"),
                fault=fault,
                usage=attempt.get("usage"),
                end_x=_percent(end_ms / total_ms),
            )
        )
    if not lanes:
        waits.append(_bar(WAIT, 0.0, total_ms, total_ms))
    if waits:
        lanes.insert(
            0, Lane(name="waiting", bars=tuple(waits), end_ms=waits[-1].start_ms + waits[-1].lasted_ms)
        )
    return lanes


def _lanes_of_plain(row: dict[str, Any], total_ms: float) -> list[Lane]:
    """A request that the first call answered: only its row is kept."""
    queue_ms = float(row.get("queue_ms") or 0.0)
    marks = [
        (phase, None if row.get(name) is None else float(row[name]))
        for phase, name in ((CONNECT, "connect_ms"), (SENT, "first_byte_ms"), (ANSWERED, "first_content_ms"))
    ]
    lane = Lane(
        name=row["served_by"] or "",
        bars=_phases(queue_ms, total_ms, marks, total_ms, whole=True),
        start_ms=queue_ms,
        end_ms=total_ms,
        result="ok",
        end_x="100%",
    )
    if queue_ms <= 0.0:
        return [lane]
    return [Lane(name="waiting", bars=(_bar(WAIT, 0.0, queue_ms, total_ms),), end_ms=queue_ms), lane]


def _phases(
    start_ms: float, end_ms: float, marks: list[tuple[str, float | None]], total_ms: float, *, whole: bool
) -> tuple[Bar, ...]:
    """The phases of an attempt, which end at these marks.

    One whose end isn't known is a part of the next. What came to no end is the phase in which it failed.
    """
    bars = []
    at = start_ms
    last = CONNECT
    for place, (phase, mark) in enumerate(marks):
        if mark is None or mark < at:
            continue
        until = min(mark, end_ms)
        if until > at:
            bars.append(_bar(phase, at, until, total_ms))
        at = until
        last = marks[place + 1][0] if place + 1 < len(marks) else STREAMED
    if end_ms > at or not bars:
        bars.append(_bar(STREAMED if whole else last, at, max(end_ms, at), total_ms))
    return tuple(bars)


def _bar(phase: str, start_ms: float, end_ms: float, total_ms: float) -> Bar:
    share = max((end_ms - start_ms) / total_ms, _LEAST_SHARE)
    start = min(start_ms / total_ms, 1.0 - _LEAST_SHARE)
    return Bar(
        phase=phase,
        start_ms=start_ms,
        lasted_ms=end_ms - start_ms,
        x=_percent(start),
        width=_percent(min(share, 1.0 - start)),
    )


def _ticks(total_ms: float) -> tuple[tuple[str, float], ...]:
    """Four to eight round times."""
    step = 10.0 ** len(str(int(total_ms))) / 1000.0
    for factor in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000):
        if total_ms / (step * factor) <= 6:
            step *= factor
            break
    ticks: list[tuple[str, float]] = []
    at = 0.0
    while at <= total_ms * 0.97 and len(ticks) < 12:
        ticks.append((_percent(at / total_ms), at))
        at += step
    return tuple(ticks)


def _since(moment_s: float, arrived_s: float) -> float:
    return max(0.0, (float(moment_s) - arrived_s) * 1000.0)


def _percent(share: float) -> str:
    return f"{100.0 * min(max(share, 0.0), 1.0):.3f}%"
