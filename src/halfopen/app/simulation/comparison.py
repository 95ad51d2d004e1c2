"""Policies side by side in one scenario."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from halfopen.app.simulation.contestant import Contestant
from halfopen.app.simulation.run import Progress, Run, run_all
from halfopen.simulator.expectations import Judgement, judge
from halfopen.simulator.report import Report
from halfopen.simulator.scenario import Expectation, Scenario


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be compared."""

    scenario: Scenario
    contestants: tuple[Contestant, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of an entry."""

    scenario: Scenario
    seed: int
    reports: Mapping[str, Report]
    """By the name of the policy, in the order in which they were named."""
    judgements: tuple[Judgement, ...]
    """Of all expectations of policies that were run."""

    def plain(self, *, judged: bool = False) -> dict[str, Any]:
        """For JSON. `judged`: with the expectations."""
        plain: dict[str, Any] = {
            "scenario": self.scenario.name,
            "seed": self.seed,
            "policies": {name: _plain(report) for name, report in self.reports.items()},
        }
        if judged:
            plain["expectations"] = [
                {**asdict(judgement.expectation), "value": judgement.value, "met": judgement.met}
                for judgement in self.judgements
            ]
        return plain


def _plain(report: Report) -> dict[str, Any]:
    figures = asdict(report.figures)
    first = ("requests", "success_rate", "amplification", "p50_s", "p99_s", "recovery_s", "cost")
    return {
        **{name: figures.pop(name) for name in first},
        **figures,
        "trace_sha256": report.trace_sha256,
    }


def expected(scenario: Scenario, contestants: Iterable[Contestant]) -> list[Expectation]:
    """What the scenario expects of each of them, in their order."""
    return [
        replace(expectation, policy=contestant.name)
        for contestant in contestants
        for expectation in scenario.expect
        if expectation.policy == contestant.rank
    ]


def compare(
    entries: Sequence[Entry],
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    trace: bool = False,
) -> list[Comparison]:
    """Run and judge everything. The comparisons are in the order of the entries.

    Args:
        entries: What to compare.
        jobs: Processes at the same time. None: one a core.
        progress: Is told the share that is done.
        trace: Keep every event and decision in words.

    Raises:
        RunError: A process died.
    """
    runs = [
        Run(entry.scenario, contestant, entry.seed, trace)
        for entry in entries
        for contestant in entry.contestants
    ]
    reports = iter(run_all(runs, jobs=jobs, progress=progress))
    comparisons = []
    for entry in entries:
        own = {contestant.name: next(reports) for contestant in entry.contestants}
        figures = {name: report.figures for name, report in own.items()}
        judgements = judge(figures, expected(entry.scenario, entry.contestants))
        comparisons.append(Comparison(entry.scenario, entry.seed, own, tuple(judgements)))
    return comparisons


def write_trace(comparison: Comparison, path: Path) -> None:
    """Write every event and decision of its policies, one a line.

    Raises:
        OSError: The file can't be written.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for report in comparison.reports.values():
            file.writelines(f"{line}\n" for line in report.trace)
