"""A comparison as a picture: what succeeded, how long it took, and what load it made.

The same comparison gives the same bytes with the same matplotlib: no date, no version, no settings of the
person who draws.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, log10
from pathlib import Path
from textwrap import fill
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, MultipleLocator, NullLocator

from halfopen.app.plots.fault_strip import draw_strip, rows, shade
from halfopen.app.plots.labels import Label, write
from halfopen.app.plots.palette import FAINT, GRID, INK, REQUESTS, Look, looks
from halfopen.app.plots.paths import picture_paths
from halfopen.app.plots.points import Points, points_of, step_s
from halfopen.app.simulation import Comparison, words
from halfopen.simulator.report import Report

_INCHES: Final = (16.0, 9.0)
_DPI: Final = 120
_LEFT, _RIGHT, _BOTTOM = 0.065, 0.755, 0.085
_TITLE_SIZES: Final = ((48, 30), (58, 26), (68, 22))
"""Letters that fit in a line, and their size in points."""
_LABEL_POINTS: Final = 16.0
_STEPS_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14400)
"""Between two marks of time."""
_MARKS: Final = 10
_SETTINGS: Final[Mapping[str, object]] = {
    "font.family": "DejaVu Sans",
    "font.size": 16,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": FAINT,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
}


@dataclass(frozen=True, slots=True)
class _Policy:
    name: str
    look: Look
    points: Points
    report: Report


@dataclass(frozen=True, slots=True)
class _Lines:
    """What one panel shows."""

    title: str
    values: Callable[[Points], Sequence[float]]
    head: str
    """What `summary` tells of the whole run."""
    summary: Callable[[Report], str]
    merit: Callable[[Report], float]
    """The higher the better."""


_SUCCESS: Final = _Lines(
    "Requests that get their answer",
    lambda points: points.success,
    "of all requests",
    lambda report: words.share(report.figures.success_rate),
    lambda report: report.figures.success_rate or 0.0,
)
_P99: Final = _Lines(
    "Time to the first content, p99",
    lambda points: points.p99_s,
    "whole run",
    lambda report: words.seconds(report.figures.p99_s),
    lambda report: -(report.figures.p99_s or float("inf")),
)
_CALLS: Final = _Lines(
    "Calls to the upstreams in a second (grey: requests)",
    lambda points: points.calls,
    "calls ÷ requests",
    lambda report: f"{report.figures.amplification + report.figures.failovers:.2f}",
    lambda report: -(report.figures.amplification + report.figures.failovers),
)


def draw(comparisons: Sequence[Comparison], folder: Path) -> list[Path]:
    """Draw each comparison into a file of the folder, named as its scenario.

    Returns:
        The files, in the order of the comparisons.

    Raises:
        OSError: A file can't be written.
    """
    paths = picture_paths([comparison.scenario.name for comparison in comparisons], folder)
    for comparison, path in zip(comparisons, paths, strict=True):
        with mpl.rc_context():
            mpl.rcdefaults()
            mpl.rcParams.update(_SETTINGS)  # type: ignore[arg-type]  # its keys are a union of all names
            _figure(comparison).savefig(path, dpi=_DPI, metadata={"Software": None})
    return paths


def _figure(comparison: Comparison) -> Figure:
    scenario = comparison.scenario
    figure = Figure(figsize=_INCHES)
    FigureCanvasAgg(figure)
    top = _write_title(figure, scenario.title)
    look_of = looks(tuple(comparison.reports))
    policies = [
        _Policy(name, look_of[name], points_of(report.series), report)
        for name, report in comparison.reports.items()
    ]
    placed = rows(scenario)
    strip_height = 0.034 * len(placed)
    if placed:
        strip = figure.add_axes((_LEFT, top - strip_height, _RIGHT - _LEFT, strip_height))
        draw_strip(strip, placed, scenario.duration_s)
    panels = _panels(figure, top - strip_height - 0.055, scenario.duration_s)
    for panel in panels:
        shade(panel, scenario)
    _draw_success(panels[0], policies)
    _draw_p99(panels[1], policies, min(client.deadline_s for client in scenario.clients))
    _draw_calls(panels[2], policies)
    _write_footer(figure, comparison)
    return figure


def _write_title(figure: Figure, title: str) -> float:
    """Write the title; return the height that is left below."""
    letters, size = next((each for each in _TITLE_SIZES if len(title) <= each[0]), _TITLE_SIZES[-1])
    lines = fill(title, letters)
    figure.text(_LEFT, 0.972, lines, fontsize=size, fontweight="bold", verticalalignment="top")
    return 0.972 - (lines.count("\n") + 1) * size * 1.3 / 72 / _INCHES[1] - 0.015


def _panels(figure: Figure, top: float, duration_s: float) -> list[Axes]:
    """Three panels with the same times."""
    grid = figure.add_gridspec(
        3, 1, left=_LEFT, right=_RIGHT, bottom=_BOTTOM, top=top, height_ratios=(1.15, 1, 1), hspace=0.32
    )
    panels = [figure.add_subplot(grid[number]) for number in range(3)]
    step = next((each for each in _STEPS_S if duration_s / each <= _MARKS), 28800)
    minutes = duration_s >= 600
    for panel in panels:
        panel.set_xlim(0, duration_s)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", color=GRID, linewidth=1)
        panel.set_axisbelow(True)
        panel.xaxis.set_major_locator(MultipleLocator(step))
        panel.xaxis.set_major_formatter(
            FuncFormatter(lambda second, _: f"{second / 60:g} min" if minutes else f"{second:g} s")
        )
        panel.tick_params(length=0, pad=6)
        if panel is not panels[-1]:
            panel.tick_params(labelbottom=False)
    return panels


def _draw_success(panel: Axes, policies: Sequence[_Policy]) -> None:
    seen = [value for policy in policies for value in policy.points.success if not isnan(value)]
    low = max(0.0, 10.0 * (min(seen, default=0.0) // 10.0 - 1.0))
    # Where everybody does well, what differs is near the top.
    low = low if low >= 50.0 else 0.0
    panel.set_ylim(low - (100.0 - low) * 0.02, 100.0 + (100.0 - low) * 0.04)
    panel.yaxis.set_major_locator(MaxNLocator(4, steps=[2.5, 5, 10]))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    _draw_lines(panel, policies, _SUCCESS)


def _draw_p99(panel: Axes, policies: Sequence[_Policy], deadline_s: float) -> None:
    measured = [value for policy in policies for value in policy.points.p99_s if not isnan(value)]
    low, high = (min(measured), max(measured)) if measured else (0.1, 1.0)
    panel.set_yscale("log")
    panel.set_ylim(low / 1.3, max(high * 1.6, low * 8))
    wide = log10(panel.get_ylim()[1] / panel.get_ylim()[0]) > 2
    panel.yaxis.set_major_locator(LogLocator(10, subs=(1.0,) if wide else (1.0, 3.0)))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _time(value)))
    if panel.get_ylim()[0] < deadline_s < panel.get_ylim()[1]:
        panel.axhline(deadline_s, color=INK, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
        panel.text(
            0.006,
            _height(panel, deadline_s) + 0.02,
            f"clients leave after {deadline_s:g} s",
            transform=panel.transAxes,
            fontsize=13,
            verticalalignment="bottom",
        )
    _draw_lines(panel, policies, _P99)


def _time(value: float) -> str:
    return f"{value:g} s" if value >= 1.0 else f"{value * 1000:g} ms"


def _draw_calls(panel: Axes, policies: Sequence[_Policy]) -> None:
    requests = policies[0].points
    panel.fill_between(requests.times_s, requests.requests, color=REQUESTS, linewidth=0, zorder=0.5)
    most = max(max((*policy.points.calls, *policy.points.requests)) for policy in policies)
    panel.set_ylim(0, max(most, 1.0) * 1.08)
    panel.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    _draw_lines(panel, policies, _CALLS)


def _draw_lines(panel: Axes, policies: Sequence[_Policy], lines: _Lines) -> None:
    panel.set_title(lines.title, loc="left", fontsize=17, fontweight="bold", color=INK, pad=7)
    labels = []
    best_first = sorted(policies, key=lambda policy: (-lines.merit(policy.report), not policy.look.is_ours))
    for policy in best_first:
        values = lines.values(policy.points)
        _draw_line(panel, policy.points.times_s, values, policy.look)
        ended = [value for value in values if not isnan(value)]
        height = _height(panel, ended[-1]) if ended else float("nan")
        labels.append(Label(policy.name, lines.summary(policy.report), policy.look, height))
    panel_points = panel.get_position().height * _INCHES[1] * 72
    size = min(_LABEL_POINTS, panel_points / max(1, len(labels)) / 1.28)
    write(panel, labels, lines.head, size, panel_points)


def _draw_line(panel: Axes, times_s: Sequence[float], values: Sequence[float], look: Look) -> None:
    # Halfopen's line is below those of the peers and wider: where they agree, both are seen.
    order = 3.0 if not look.is_ours else 2.1 if look.dashes else 2.0
    (line,) = panel.plot(times_s, values, color=look.colour, linewidth=look.width, zorder=order)
    if look.dashes:
        line.set_dashes(look.dashes)
    gap = float("nan")
    around = zip((gap, *values[:-1]), values, (*values[1:], gap), times_s, strict=True)
    alone = [(time, value) for before, value, after, time in around if isnan(before) and isnan(after)]
    if alone:
        panel.plot(*zip(*alone, strict=True), ".", color=look.colour, markersize=6, zorder=order)


def _height(panel: Axes, value: float) -> float:
    """Where a value stands, as a share of the panel's height."""
    low, high = panel.get_ylim()
    if panel.get_yscale() == "log":
        return log10(value / low) / log10(high / low)
    return (value - low) / (high - low)


def _write_footer(figure: Figure, comparison: Comparison) -> None:
    scenario = comparison.scenario
    step = step_s(len(next(iter(comparison.reports.values())).series.arrived))
    parts = ["halfopen simulate " + scenario.name, f"seed {comparison.seed}"]
    if step > 1:
        parts.append(f"a point stands for {step} s")
    figure.text(0.985, 0.018, " · ".join(parts), fontsize=12, color=FAINT, horizontalalignment="right")
