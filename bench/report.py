"""What a run found: a table and the promises, for a terminal and for docs/performance.md."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.figures import Row, Rows, Sample, Spread, as_data, ratio
from bench.promises import PLAIN, STREAMS, Judged, Missing, State, unsaturated
from bench.side_by_side import Found, Plan
from bench.tools import ROOT, Latency

PAGE: Final = ROOT / "docs/performance.md"
BEGIN: Final = "<!-- written by `make bench`: begin -->"
SPARE: Final = 2.0
"""So many times nginx's rate the upstream has to answer when it is asked directly."""
END: Final = "<!-- written by `make bench`: end -->"
HEADINGS: Final = (
    "workload",
    "subject",
    "a second",
    "CPU s/1,000",
    "per core, of nginx",
    "p50 ms",
    "p99 ms",
    "MB",
    "core",
    "",
)


def number(value: float) -> str:
    """With as many digits as are worth reading."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def span(spread: Spread) -> str:
    """The median, and in brackets what the rounds lie between."""
    if spread.size == 1:
        return number(spread.median)
    return f"{number(spread.median)} ({number(spread.low)}–{number(spread.high)})"  # noqa: RUF001 - a span


def cells(row: Row, rows: Rows) -> list[str]:
    """One line of the table."""
    if row.void:
        failed = sum(sample.failures for sample in row.samples)
        return [row.workload, row.subject, "void", *([""] * 6), f"{failed} failed"]
    of_nginx = ratio(rows, row.workload, (row.subject, "nginx"), lambda sample: sample.per_cpu_s)
    gateway = row.subject != "direct"

    def shown(figure: Callable[[Any], float], *, when: bool = True) -> str:
        spread = row.spread(figure)
        return number(spread.median) if spread and when else ""

    rate = row.spread(lambda sample: sample.rate)
    return [
        row.workload,
        row.subject,
        span(rate) if rate else "",
        shown(lambda sample: sample.cpu_s_per_1000, when=gateway),
        number(of_nginx.median) if of_nginx and gateway else "",
        shown(lambda sample: _latency(sample).p50_us / 1000.0),
        shown(lambda sample: _latency(sample).p99_us / 1000.0),
        shown(lambda sample: sample.rss_bytes / 1e6, when=gateway),
        shown(lambda sample: sample.core_use, when=gateway),
        ", ".join(_marks(row)),
    ]


def _latency(sample: Sample) -> Latency:
    """Of a whole answer, and of a stream's first byte: how long a stream takes is the upstream's pace."""
    return sample.first_byte if sample.workload == STREAMS else sample.latency


def _marks(row: Row) -> list[str]:
    marks = []
    if row.subject != "direct" and row.workload.startswith("plain") and not row.saturated:
        marks.append("not saturated")
    if row.disturbed:
        marks.append("disturbed")
    return marks


def table(rows: Rows) -> list[list[str]]:
    """Headings and lines, workload by workload."""
    order = {workload: place for place, (workload, _) in reversed(list(enumerate(rows)))}
    lines = sorted(rows.values(), key=lambda row: order[row.workload])
    return [list(HEADINGS), *(cells(row, rows) for row in lines)]


def as_columns(lines: Sequence[Sequence[str]]) -> str:
    """Aligned, for a terminal."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    head, *rest = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    rows = [head, ["---"] * len(head), *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in rows)


def promise_line(judged: Judged) -> list[str]:
    """State, promise, bound, figure, interval and sample size of one."""
    promise, reading = judged.promise, judged.reading
    bound = f"{promise.sense.value} {promise.bound:.3g} {promise.unit}"
    if isinstance(reading, Missing):
        return [judged.state.value, promise.text, bound, reading.reason, "", ""]
    interval = f"{number(reading.low)} to {number(reading.high)}"
    return [judged.state.value, promise.text, bound, number(reading.median), interval, str(reading.size)]


def promises(judged: Sequence[Judged]) -> list[list[str]]:
    """Headings and a line a promise."""
    return [["", "promise", "bound", "median", "rounds lie in", "rounds"], *map(promise_line, judged)]


def machine() -> str:
    """What it was measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{os.cpu_count()} cores of {model}, Linux {platform.release()}, Python {platform.python_version()}"
    )


def remarks(found: Found, rows: Rows, extra: Mapping[str, Spread]) -> list[str]:
    """What a reader has to know beside the tables."""
    lines = [f"{each.name} was not measured: {each.reason}" for each in found.absent]
    lines += found.notes
    lines += [f"{row.workload} of {row.subject} is void: {row.void}" for row in rows.values() if row.void]
    spare = ratio(rows, PLAIN, ("direct", "nginx"), lambda sample: sample.rate)
    if spare and spare.median < SPARE:
        lines.append(
            f"Without a gateway only {number(spare.median)} times nginx's rate: load or upstream limit it"
        )
    slow = ", ".join(row.subject for row in unsaturated(rows))
    if slow:
        lines.append(
            f"Not saturated in the closed loop, so that their rates are lower bounds: {slow}. The comparison"
            " per core goes by the CPU that a request took, and allows for that."
        )
    lines += [f"{name}: {span(spread)}" for name, spread in extra.items()]
    return lines


def as_json(
    plan: Plan, found: Found, judged: Sequence[Judged], extra: Mapping[str, Spread]
) -> dict[str, Any]:
    """Everything, for a program."""
    return {
        "machine": machine(),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "versions": found.versions,
        "absent": {each.name: each.reason for each in found.absent},
        "notes": found.notes,
        "promises": [_judged_data(each) for each in judged],
        "extra": {name: _spread_data(spread) for name, spread in extra.items()},
        "samples": [as_data(sample) for sample in found.samples],
    }


def _judged_data(judged: Judged) -> dict[str, Any]:
    promise, reading = judged.promise, judged.reading
    data: dict[str, Any] = {
        "key": promise.key,
        "promise": promise.text,
        "bound": f"{promise.sense.value} {promise.bound:g}",
        "unit": promise.unit,
        "state": judged.state.value,
        "kept": judged.state is State.KEPT,
    }
    if isinstance(reading, Missing):
        return data | {"reason": reading.reason}
    return data | _spread_data(reading)


def _spread_data(spread: Spread) -> dict[str, Any]:
    return {"median": spread.median, "low": spread.low, "high": spread.high, "size": spread.size}


def page(text: str, written: str) -> str:
    """The page with what stood between the marks replaced; what people wrote stays.

    Raises:
        ValueError: The marks are not there.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has lost its marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{written.strip()}\n\n{END}{after}"


def section(plan: Plan, found: Found, rows: Rows, judged: Sequence[Judged], notes: Sequence[str]) -> str:
    """What goes between the marks."""
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items() if version)
    parts = [
        f"{machine()}. {plan.rounds} rounds of {plan.seconds:g} s a workload. Versions: {versions}.",
        "![Requests a second and CPU for events, side by side](performance.png)",
        "### Promises",
        as_markdown(promises(judged)),
        "### Side by side",
        as_markdown(table(rows)),
    ]
    if notes:
        parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(parts)
