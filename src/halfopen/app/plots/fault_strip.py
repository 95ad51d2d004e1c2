"""The faults of a scenario: shades over the panels, and bars with words in the strip above them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes

from halfopen.app.plots.palette import BAR, INK, SHADE
from halfopen.simulator.scenario import FaultKind, FaultSpec, Scenario

Span = tuple[float, float]

_PERIODS_MAX: Final = 100
"""A fault that comes back more often is drawn as one that stays."""
_ROWS_MAX: Final = 4
_CHARACTER: Final = 0.0083
"""Mean width of a letter as a share of the strip's."""
_PAD: Final = 0.005
"""Beside words, as a share of the strip's width."""
_LEAST: Final = 0.004
"""Least width of a bar, so that what lasts a moment is seen."""
_SIZE: Final = 15


def spans(fault: FaultSpec) -> list[Span]:
    """When it holds."""
    if fault.kind is FaultKind.COLD or fault.every_s <= 0:
        return [(fault.from_s, fault.until_s)]
    if (fault.until_s - fault.from_s) / fault.every_s > _PERIODS_MAX:
        return [(fault.from_s, fault.until_s)]
    found: list[Span] = []
    start = fault.from_s
    while start < fault.until_s:
        found.append((start, min(start + fault.every_s / 2.0, fault.until_s)))
        start = fault.from_s + len(found) * fault.every_s
    return found


def told(fault: FaultSpec) -> str:
    """What goes wrong, in a few words."""
    of = "" if fault.share >= 1.0 else f"{_percent(fault.share)} of "
    moving = "" if fault.factor_end is None else f" to {fault.factor_end:g}"
    moving_share = "" if fault.factor_end is None else f" to {_percent(fault.factor_end)}"
    texts = {
        FaultKind.ERROR: f"{of}{'calls' if of else 'all calls'} answered {fault.status}",
        FaultKind.HANG: f"{of}{'calls' if of else 'all calls'} never answered",
        FaultKind.STALL: "stalls",
        FaultKind.SLOW: f"{fault.factor:g}{moving} times as slow",
        FaultKind.CAPACITY: f"{_percent(fault.factor)}{moving_share} of the capacity",
        FaultKind.DRIP: f"{of}{'streams' if of else 'all streams'} drip",
        FaultKind.CUT: f"{of}{'streams' if of else 'all streams'} cut",
        FaultKind.EMPTY: f"{of}{'answers' if of else 'all answers'} empty",
        FaultKind.KEY: "key refused",
        FaultKind.COLD: "cache lost",
        FaultKind.SCALE_IN: "autoscaler scales the wrong way",
    }
    again = f", every {fault.every_s:g} s" if fault.every_s > 0 else ""
    return f"{fault.upstream}: {texts[fault.kind]}{again}"


def _percent(share: float) -> str:
    return f"{100.0 * share:g} %"


@dataclass(frozen=True, slots=True)
class Bar:
    """A fault in the strip, with its words in it or beside it."""

    spans: tuple[Span, ...]
    text: str
    text_s: float
    """Where the words begin, or, on the left of the bar, end."""
    is_left: bool
    from_s: float
    """Where the bar or its words begin."""
    until_s: float


def bar_of(fault: FaultSpec, duration_s: float) -> Bar:
    """The words stand in the bar, else on its right, else on its left, else across it."""
    text, held = told(fault), spans(fault)
    pad_s = _PAD * duration_s
    needed_s = len(text) * _CHARACTER * duration_s + 2 * pad_s
    bars = tuple((start, max(end, start + _LEAST * duration_s)) for start, end in held)
    start, end = bars[0][0], bars[-1][1]
    if len(bars) == 1 and end - start >= needed_s:
        at = start
    elif end + needed_s <= duration_s:
        at = end
    elif start - needed_s >= 0.0:
        at = start - needed_s
    else:
        at = max(0.0, min(start, duration_s - needed_s))
    is_left = at + needed_s <= start
    text_s = start - pad_s if is_left else at + pad_s
    return Bar(bars, text, text_s, is_left, min(start, at), max(end, at + needed_s))


def rows(scenario: Scenario) -> list[list[Bar]]:
    """What does not overlap shares a row. At most `_ROWS_MAX` rows: the faults after that are shades only."""
    placed: list[list[Bar]] = []
    for fault in sorted(scenario.faults, key=lambda each: (each.from_s, each.until_s)):
        bar = bar_of(fault, scenario.duration_s)
        for row in placed:
            if all(bar.from_s >= other.until_s or bar.until_s <= other.from_s for other in row):
                row.append(bar)
                break
        else:
            if len(placed) < _ROWS_MAX:
                placed.append([bar])
    return placed


def shade(panel: Axes, scenario: Scenario) -> None:
    """Mark the time of each fault."""
    for start, end in _merged([span for fault in scenario.faults for span in spans(fault)]):
        if end > start:
            panel.axvspan(start, end, color=SHADE, linewidth=0, zorder=0)


def draw_strip(strip: Axes, placed: Sequence[Sequence[Bar]], duration_s: float) -> None:
    """Draw the bars, the first row on top."""
    strip.set_axis_off()
    strip.set_xlim(0, duration_s)
    strip.set_ylim(len(placed), 0)
    for number, row in enumerate(placed):
        for bar in row:
            lengths = [(start, end - start) for start, end in bar.spans]
            # What comes and goes has one pale bar beneath, so that words over it can be read.
            whole = (bar.spans[0][0], bar.spans[-1][1] - bar.spans[0][0])
            strip.broken_barh([whole], (number + 0.06, 0.88), color=SHADE, linewidth=0)
            strip.broken_barh(lengths, (number + 0.06, 0.88), color=BAR, linewidth=0)
            strip.text(
                bar.text_s,
                number + 0.5,
                bar.text,
                fontsize=_SIZE,
                color=INK,
                horizontalalignment="right" if bar.is_left else "left",
                verticalalignment="center_baseline",
                parse_math=False,
            )


def _merged(found: list[Span]) -> list[Span]:
    """Overlapping times once, so that a shade is not darker where two faults hold."""
    whole: list[Span] = []
    for start, end in sorted(found):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole
