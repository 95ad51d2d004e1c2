"""Figures by minute made into what a chart draws, and into a table for who can't see it."""

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

STEP_S: Final = 600
"""Of a table in a chart's place: its rows are of so many seconds."""
_ROWS_MAX: Final = 18


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One chart."""

    name: str
    title: str
    data: str
    """JSON: `kind`, `x` (seconds since the Unix epoch), and `series` with `label`, `tone` and `values`."""
    head: tuple[str, ...]
    rows: tuple[tuple[int, tuple[float | None, ...]], ...]
    """The time at which each begins, and its figures."""
    unit: str


def charts(series: dict[str, Any]) -> list[Chart]:
    """The charts of an overview's `series`."""
    requests = (
        ("failed", "bad", series["failed"]),
        ("rescued", "warn", series["rescued"]),
        ("client gone", "mute", series["gone"]),
        ("answered", "good", series["answered"]),
    )
    times = (("median", "first", series["p50_ms"]), ("slowest 5 %", "second", series["p95_ms"]))
    money = (("wasted", "bad", series["wasted_usd"]), ("spent", "first", series["cost_usd"]))
    start = series["start_s"]
    return [
        _chart("requests", "Requests by minute", "stack", "count", start, requests),
        _chart("times", "Time to the whole answer", "line", "ms", start, times),
        _chart("money", "Money by minute", "over", "usd", start, money),
    ]


def _chart(
    name: str,
    title: str,
    kind: str,
    unit: str,
    start: Sequence[int],
    series: tuple[tuple[str, str, Sequence[float | None]], ...],
) -> Chart:
    data = {
        "kind": kind,
        "unit": unit,
        "x": start,
        "series": [{"label": label, "tone": tone, "values": values} for label, tone, values in series],
    }
    return Chart(
        name=name,
        title=title,
        data=json.dumps(data, separators=(",", ":")),
        head=tuple(label for label, _, _ in series),
        rows=_table(start, [values for _, _, values in series], unit),
        unit=unit,
    )


def _table(
    start: Sequence[int], columns: Sequence[Sequence[float | None]], unit: str
) -> tuple[tuple[int, tuple[float | None, ...]], ...]:
    """Ten minutes a row, the latest first: sums, or the worst for times."""
    by_step: dict[int, list[int]] = {}
    for place, at in enumerate(start):
        by_step.setdefault(at // STEP_S * STEP_S, []).append(place)
    rows = []
    for at in sorted(by_step, reverse=True)[:_ROWS_MAX]:
        figures = []
        for column in columns:
            known = [value for place in by_step[at] if (value := column[place]) is not None]
            figures.append((max(known) if unit == "ms" else sum(known)) if known else None)
        rows.append((at, tuple(figures)))
    return tuple(rows)
