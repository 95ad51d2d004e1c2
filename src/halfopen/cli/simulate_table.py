"""The tables of `halfopen simulate`: scenarios, policies side by side, expectations."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from halfopen.app.simulation import Comparison, words
from halfopen.app.simulation.short_names import short_names
from halfopen.simulator.expectations import Judgement
from halfopen.simulator.report import Figures
from halfopen.simulator.scenario import Scenario

PIPE_WIDTH = 160
"""Characters of a line that goes into a file or a pipe."""
_WIDE = 10_000
_NAME_LEAST = 8
_BEST = "bold green"
_NEARLY_AS_GOOD = 0.05
"""Who succeeds less often than the best by more than this is no example of speed or thrift.

A difference, not a ratio: where nobody can succeed, one chance success makes no other policy bad."""
_INTERVAL, _GROUP = "interval", "group"
_NOTES = (
    "Amplification: calls to upstreams ÷ requests; failovers (calls to another target) are counted apart.",
    "p50 and p99: of successes, to the first content of a stream or the end of a plain answer.",
    "Recovery: from the end of the last fault until 95 % succeed in every second.",
)


@dataclass(frozen=True, slots=True)
class _Column:
    head: str
    text: Callable[[Figures], str]
    merit: Callable[[Figures], float] | None = None
    """The higher the better; None: no value is better than another."""
    kind: str = ""
    """What a narrow terminal can do without."""
    of_good_only: bool = False
    """Whether only those are compared who succeed nearly as often as the best."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Who prints decides what that means; else it would be the end, with status 1."""
        raise BrokenPipeError


def console() -> Console:
    """As wide as the terminal; in a file or a pipe always the same.

    Raises:
        BrokenPipeError: While something is printed: nobody reads it any more.
    """
    made = _Console(highlight=False)
    return made if made.is_terminal else _Console(highlight=False, width=PIPE_WIDTH)


def print_scenarios(scenarios: Iterable[Scenario]) -> None:
    """The packaged scenarios, one a line."""
    out = console()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for scenario in scenarios:
        table.add_row(Text(scenario.name), Text(scenario.title))
    out.print(table)
    out.print("Compare policies in one of them: halfopen simulate NAME. Your own: halfopen simulate FILE.")


def print_comparison(comparison: Comparison, *, judged: bool) -> None:
    """The policies of one scenario, and with `judged` what was expected of them."""
    out = console()
    scenario = comparison.scenario
    out.print(Text(scenario.title, style="bold"))
    faults = "" if scenario.faults else ", no fault"
    out.print(Text(f"{scenario.name}: {scenario.duration_s:g} s{faults}, seed {comparison.seed}"))
    table = _fitting(comparison, out)
    out.print(table)
    out.print()
    for note in _NOTES:
        out.print(Text(note, style="dim"))
    if judged:
        out.print()
        _print_judgements(comparison.judgements, out)


def _fitting(comparison: Comparison, out: Console) -> Table:
    """With all columns, else with those that a narrow terminal has room for."""
    columns = _columns(comparison.scenario)
    table = _table(comparison, columns, 1)
    for droppable in (_INTERVAL, _GROUP):
        if _width(table, out) > out.width:
            columns = [column for column in columns if column.kind != droppable]
            table = _table(comparison, columns, 0)
    if (excess := _width(table, out) - out.width) > 0:
        longest = max(len(name) for name in comparison.reports)
        table = _table(comparison, columns, 0, max(_NAME_LEAST, longest - excess))
    return table


def _width(table: Table, out: Console) -> int:
    """Of the whole table, however narrow the terminal is."""
    return Measurement.get(out, out.options.update(max_width=_WIDE), table).maximum


def _columns(scenario: Scenario) -> list[_Column]:
    can_recover = bool(scenario.faults) and all(
        fault.until_s < scenario.duration_s for fault in scenario.faults
    )

    def recovery(figures: Figures) -> str:
        # Never is said of those only who had the time for it.
        return words.recovery(figures.recovery_s) if can_recover else words.NOTHING

    return [
        _Column("requests", lambda figures: f"{figures.requests}"),
        _Column("success", lambda f: words.share(f.success_rate), lambda f: f.success_rate or 0.0),
        _Column("95 % interval", lambda f: words.interval(*f.success_interval), kind=_INTERVAL),
        *_groups(scenario),
        _Column(
            "amplification",
            lambda figures: words.ratio(figures.amplification),
            lambda figures: -figures.amplification,
            of_good_only=True,
        ),
        _Column("failovers", lambda figures: words.ratio(figures.failovers)),
        _Column("p50", lambda f: words.seconds(f.p50_s), lambda f: _least(f.p50_s), of_good_only=True),
        _Column("p99", lambda f: words.seconds(f.p99_s), lambda f: _least(f.p99_s), of_good_only=True),
        _Column("recovery", recovery, (lambda f: _least(f.recovery_s)) if can_recover else None),
        _Column("cost", lambda f: words.dollars(f.cost), lambda f: -f.cost, of_good_only=True),
    ]


def _groups(scenario: Scenario) -> list[_Column]:
    """The success of each group of clients, where there is more than one."""
    if len(scenario.clients) < 2:
        return []
    return [_group(client.name) for client in scenario.clients]


def _group(name: str) -> _Column:
    return _Column(
        f"of {name}",
        lambda figures: words.share(figures.success_of[name]),
        lambda figures: figures.success_of[name] or 0.0,
        kind=_GROUP,
    )


def _least(value: float | None) -> float:
    return float("-inf") if value is None else -value


def _table(comparison: Comparison, columns: Sequence[_Column], gap: int, name_letters: int = _WIDE) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, gap, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("policy", no_wrap=True)
    for column in columns:
        table.add_column(column.head, justify="right", no_wrap=True)
    everyone = [report.figures for report in comparison.reports.values()]
    best = [_best(column, everyone) for column in columns]
    fits = all(len(name) <= name_letters for name in comparison.reports)
    shown = {} if fits else short_names(comparison.reports, name_letters)
    for name, report in comparison.reports.items():
        cells = [
            Text(column.text(report.figures), style=_BEST if column.text(report.figures) in top else "")
            for column, top in zip(columns, best, strict=True)
        ]
        table.add_row(Text(shown.get(name, name)), *cells)
    return table


def _best(column: _Column, everyone: Sequence[Figures]) -> frozenset[str]:
    """The best value as it is shown; none when all are equally good."""
    if column.merit is None:
        return frozenset()
    enough = max(figures.success_rate or 0.0 for figures in everyone) - _NEARLY_AS_GOOD
    compared = [each for each in everyone if not column.of_good_only or (each.success_rate or 0.0) >= enough]
    top = max(column.merit(each) for each in compared)
    shown = frozenset(column.text(each) for each in compared if column.merit(each) >= top)
    return frozenset() if all(column.text(each) in shown for each in everyone) else shown


def _print_judgements(judgements: Sequence[Judgement], out: Console) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for judgement in judgements:
        expectation = judgement.expectation
        value = words.figure(expectation.figure, judgement.value)
        bounds = [
            f"{words_of} {words.bound(expectation.figure, bound, judgement.value)}"
            for words_of, bound in (("at least", expectation.at_least), ("at most", expectation.at_most))
            if bound is not None
        ]
        table.add_row(
            Text("met", style="green") if judgement.met else Text("NOT MET", style="bold red"),
            Text(expectation.policy),
            Text(expectation.figure),
            Text(value),
            Text(f"expected: {' and '.join(bounds)}"),
        )
    out.print(table)
