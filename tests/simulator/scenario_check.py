"""Every packaged scenario with every policy that it expects something of. `make scenarios` prints it.

One line an expectation: the figure, its bounds, and how many requests it is measured on. The exit status is
1 when an expectation is not met, or a scenario expects nothing. `--sample` takes the scenarios with the
fewest requests only.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from halfopen.app.simulation import Contestant, Entry, compare, find_scenario, packaged
from halfopen.simulator.expectations import Judgement
from halfopen.simulator.report import Figures
from halfopen.simulator.scenario import Scenario

SAMPLE_RUNS_MAX = 4
"""Runs of the sample, at most."""


@dataclass(frozen=True, slots=True)
class Line:
    """One expectation and what came of it."""

    scenario: str
    policy: str
    figure: str
    value: float | None
    """None: there is none; of a recovery: never."""
    interval: tuple[float, float] | None
    """95 %, of the success rate."""
    at_least: float | None
    at_most: float | None
    met: bool
    requests: int
    seed: int


def policies_of(scenario: Scenario) -> tuple[str, ...]:
    """Who is expected to reach something, in the order of the file."""
    return tuple(dict.fromkeys(each.policy for each in scenario.expect))


def requests_of(scenario: Scenario) -> float:
    """About how many requests its open loops make; a closed one's clients count a request a second."""
    count = 0.0
    for client in scenario.clients:
        count += client.clients * scenario.duration_s / max(client.think_s, 1.0)
        for phase in client.phases:
            end = phase.rate if phase.rate_end is None else phase.rate_end
            count += (phase.until_s - phase.from_s) * (phase.rate + end) / 2.0
    return count


def sampled(scenarios: Iterable[Scenario], runs_max: int = SAMPLE_RUNS_MAX) -> list[Scenario]:
    """The scenarios with the fewest requests, with no more than so many runs together."""
    chosen: list[Scenario] = []
    for scenario in sorted(scenarios, key=lambda each: requests_of(each) * len(policies_of(each))):
        if sum(len(policies_of(each)) for each in [*chosen, scenario]) <= runs_max:
            chosen.append(scenario)
    return chosen


def lines(scenarios: Sequence[Scenario], seed: int | None = None, *, jobs: int | None = None) -> list[Line]:
    """Run and judge. Each scenario with its own seed, if no other is given."""
    entries = [
        Entry(
            scenario,
            tuple(Contestant(name) for name in policies_of(scenario)),
            scenario.seed if seed is None else seed,
        )
        for scenario in scenarios
    ]
    return [
        line_of(
            comparison.scenario,
            comparison.seed,
            judgement,
            comparison.reports[judgement.expectation.policy].figures,
        )
        for comparison in compare(entries, jobs=jobs)
        for judgement in comparison.judgements
    ]


def line_of(scenario: Scenario, seed: int, judgement: Judgement, figures: Figures) -> Line:
    """One expectation's line."""
    expectation = judgement.expectation
    return Line(
        scenario.name,
        expectation.policy,
        expectation.figure,
        judgement.value,
        figures.success_interval if expectation.figure == "success_rate" else None,
        expectation.at_least,
        expectation.at_most,
        judgement.met,
        figures.requests,
        seed,
    )


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")


def shown(line: Line) -> str:
    """For people."""
    value = "never" if line.value is None else f"{line.value:.4f}"
    if line.interval is not None:
        value += f" ({line.interval[0]:.4f} to {line.interval[1]:.4f})"
    bounds = [f">= {line.at_least:g}"] if line.at_least is not None else []
    bounds += [f"<= {line.at_most:g}"] if line.at_most is not None else []
    return (
        f"{'met   ' if line.met else 'NOT   '}{line.scenario:18}{line.policy:10}{line.figure:24}{value:30}"
        f"{' and '.join(bounds):22}n = {line.requests}, seed {line.seed}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each expectation. 1: one is not met."""
    parser = argparse.ArgumentParser(description="Every packaged scenario's expectations.")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--seeds", type=int, default=0, help="each scenario with the seeds 1 to so many")
    parser.add_argument("--jobs", type=int, default=None, help="processes at the same time")
    parser.add_argument("--sample", action="store_true", help="the smallest scenarios only")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    scenarios = [find_scenario(name) for name in options.only or packaged()]
    silent = [scenario.name for scenario in scenarios if not scenario.expect]
    if options.sample:
        scenarios = sampled(scenarios)
    seeds = range(1, options.seeds + 1) if options.seeds else [options.seed]
    found = [line for seed in seeds for line in lines(scenarios, seed, jobs=options.jobs)]
    missed = [line for line in found if not line.met]
    if options.json:
        say(json.dumps([{name: getattr(line, name) for name in Line.__slots__} for line in found], indent=2))
    else:
        for line in found:
            say(shown(line))
        for name in silent:
            say(f"NOT   {name} expects nothing of anybody")
        say(f"{len(found) - len(missed)} of {len(found)} expectations met in {len(scenarios)} scenarios")
    return 1 if missed or silent or not found else 0


if __name__ == "__main__":
    sys.exit(main())
