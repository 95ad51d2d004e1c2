"""The picture of docs/performance.md. Needs matplotlib (extra `plots`)."""

from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.figures import Figure as Measure
from bench.figures import Rows
from bench.promises import OPEN, PLAIN, STREAMS

OURS: Final = "#1668b5"
THEIRS: Final = "#9aa3ad"
INK: Final = "#22272e"
WIDEST: Final = 6.0
"""Longest bar, in multiples of Halfopen's."""
PANELS: Final = (
    (PLAIN, "Plain requests a second on one core", lambda sample: sample.rate),
    (STREAMS, "CPU seconds for 1,000 stream events", lambda sample: sample.cpu_s_per_1000),
    (OPEN, "Median ms at 1,000 requests a second", lambda sample: sample.latency.p50_us / 1000.0),
)


def draw(rows: Rows, path: Path) -> None:
    """A panel a workload, a bar a subject; what the rounds lie between as a line."""
    panels = [panel for panel in PANELS if any(workload == panel[0] for workload, _ in rows)]
    figure = Figure(figsize=(13, 3.6), layout="constrained", facecolor="white")
    for axes, (workload, title, measure) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        _bars(axes, rows, workload, measure)
        axes.set_title(title, fontsize=11, color=INK, loc="left")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _bars(axes: Axes, rows: Rows, workload: str, measure: Measure) -> None:
    found = [
        (row.subject, spread)
        for (name, _), row in rows.items()
        if name == workload
        and not (name == PLAIN and row.subject == "direct")
        and (spread := row.spread(measure)) is not None
        and spread.median > 0
    ]
    found.reverse()
    ours = [spread.median for name, spread in found if name.startswith("halfopen")]
    # Who is off by orders of magnitude is cut short, and would make the others too short to compare.
    widest = max((spread.high for _, spread in found), default=1.0)
    limit = min(widest, WIDEST * max(ours, default=widest))
    for place, (name, spread) in enumerate(found):
        colour = OURS if name.startswith("halfopen") else THEIRS
        axes.barh(name, min(spread.median, limit), color=colour, height=0.7)
        axes.plot([min(spread.low, limit), min(spread.high, limit)], [place, place], color=INK, linewidth=1)
        figure = f"{spread.median:,.0f}" if spread.median >= 100 else f"{spread.median:.3g}"
        cut = "… " if spread.median > limit else ""
        axes.annotate(f" {cut}{figure}", (min(spread.high, limit), place), va="center", fontsize=9, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9, colors=INK)
    # The figures stand beside the bars, which begin at nought.
    axes.xaxis.set_visible(False)
    axes.set_xlim(0.0, limit * 1.3)
