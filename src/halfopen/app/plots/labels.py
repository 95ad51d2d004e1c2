"""Labels at the right end of lines, moved apart so that they can be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

from matplotlib.axes import Axes

from halfopen.app.plots.palette import FAINT, Look
from halfopen.app.simulation.short_names import short_names

_NAME_MAX: Final = 13
_SAMPLE_AT: Final = 1.022
_NAME_AT: Final = 1.062
_VALUE_AT: Final = 1.333
"""Where the parts of labels are, as shares of the panel's width."""
_TOP: Final = 0.93
"""Labels are below this, since above is the head."""
_NEAR: Final = 0.1
"""Lines that end within this share of the height end at the same height."""
_LINE: Final = 1.28
"""Height of a line of text in sizes."""


@dataclass(frozen=True, slots=True)
class Label:
    """What stands at the end of a line."""

    name: str
    value: str
    look: Look
    height: float
    """Where the line ends, as a share of the panel's height; nan: there is no line."""


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Move heights apart by at least `gap`, as little as can be, within 0 to `_TOP`. Their order stays.

    The heights rise. Where there is no room for all, the gap is as large as it can be.
    """
    if not heights:
        return []
    gap = min(gap, _TOP / max(1, len(heights) - 1))
    placed: list[list[float]] = []
    """Groups that touch: sum of where their first would like to be, and their number."""
    for height in heights:
        placed.append([height, 1.0])
        while len(placed) > 1 and _first(placed[-2], gap) + placed[-2][1] * gap > _first(placed[-1], gap):
            total, number = placed.pop()
            placed[-1][0] += total - number * placed[-1][1] * gap
            placed[-1][1] += number
    moved: list[float] = []
    for group in placed:
        moved += [_first(group, gap) + index * gap for index in range(int(group[1]))]
    return moved


def _first(group: Sequence[float], gap: float) -> float:
    """Where a group begins, inside of 0 to `_TOP`."""
    return max(0.0, min(group[0] / group[1], _TOP - (group[1] - 1.0) * gap))


def in_order(labels: Sequence[Label]) -> list[Label]:
    """From the lowest line to the highest; of lines that end at nearly the same height the worse are lower.

    Args:
        labels: In order of merit, the best first.
    """
    rising = sorted(labels, key=_end)
    merit = {label.name: -number for number, label in enumerate(labels)}
    ordered: list[Label] = []
    near: list[Label] = []
    for label in rising:
        if near and _end(label) - _end(near[-1]) > _NEAR:
            ordered += sorted(near, key=lambda each: merit[each.name])
            near = []
        near.append(label)
    return ordered + sorted(near, key=lambda each: merit[each.name])


def _end(label: Label) -> float:
    return 0.0 if isnan(label.height) else min(1.0, max(0.0, label.height))


def write(panel: Axes, labels: Sequence[Label], head: str, size: float, height_points: float) -> None:
    """Write labels beside a panel, each in its line's colour and with a piece of its line.

    Args:
        panel: Where the lines are.
        labels: In order of merit, the best first.
        head: What their values are.
        size: Of the letters, in points.
        height_points: Of the panel.
    """
    ordered = in_order(labels)
    gap = _LINE * size / height_points
    shown = short_names([label.name for label in labels], _NAME_MAX)
    for label, height in zip(ordered, spread([_end(label) for label in ordered], gap), strict=True):
        look = label.look
        if not isnan(label.height):
            _line(panel, (1.003, _SAMPLE_AT), (_end(label), height), look.colour, 1.0)
        _line(panel, (_SAMPLE_AT, _NAME_AT - 0.008), (height, height), look.colour, look.width, look.dashes)
        weight = "bold" if look.is_ours else "normal"
        _text(panel, (_NAME_AT, height), shown[label.name], size, look.colour, weight=weight)
        _text(panel, (_VALUE_AT, height), label.value, size, look.colour, weight=weight, align="right")
    panel.text(
        _VALUE_AT,
        1.06,
        head,
        transform=panel.transAxes,
        fontsize=0.8 * size,
        color=FAINT,
        horizontalalignment="right",
    )


def _line(
    panel: Axes,
    across: tuple[float, float],
    up: tuple[float, float],
    colour: str,
    width: float,
    dashes: tuple[float, ...] = (),
) -> None:
    (line,) = panel.plot(across, up, transform=panel.transAxes, color=colour, linewidth=width, clip_on=False)
    if dashes:
        line.set_dashes(dashes)


def _text(
    panel: Axes,
    at: tuple[float, float],
    text: str,
    size: float,
    colour: str,
    *,
    weight: str,
    align: str = "left",
) -> None:
    panel.text(
        *at,
        text,
        transform=panel.transAxes,
        fontsize=size,
        fontweight=weight,
        color=colour,
        horizontalalignment=align,
        verticalalignment="center_baseline",
        parse_math=False,
    )
