"""Property tests in figures: chunk boundaries, and requests there and back. `make properties` runs it.

Example `n` of a property and a seed is always the same: a finding is replayed with `--only`, `--seed`,
`--first` and `--examples 1`.

The bound is of 95 % confidence. Without a violation in n examples the true share of violations among all
examples that can be made so is below 3/n ("rule of three": Hanley and Lippman-Hand, JAMA 249, 1983).
With violations it is that of Clopper and Pearson, one-sided.

Exit status: 0 when nothing was violated, 1 when something was, 2 for wrong arguments.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import boundaries
import there_and_back

CHECKS: dict[str, Callable[[random.Random, boundaries.Example], str | None]] = {
    "boundaries: same events in any pieces": lambda _, example: boundaries.check_pieces(example),
    "boundaries: line ends and comments say nothing": boundaries.check_harmless,
    "boundaries: writers give the same bytes": boundaries.check_writers,
    "boundaries: writers go on the same": boundaries.check_continued,
    "boundaries: events over the bound": boundaries.check_oversized,
}
SLOW = {"boundaries: events over the bound": 50}
"""One example in so many: each is of megabytes."""
PROBLEMS_SHOWN = 5


@dataclass
class Figure:
    """One property."""

    name: str
    examples: int = 0
    violations: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    """Requests that the provider can't serve, by the reason. Not counted as examples."""
    losses: Counter[str] = field(default_factory=Counter)
    """Documented losses, and in how many examples they were met."""
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, number: int, problem: str | None) -> None:
        """One example more."""
        self.examples += 1
        if problem is not None:
            self.violations += 1
            if len(self.problems) < PROBLEMS_SHOWN:
                self.problems.append(f"example {number}: {problem[:1000]}")

    @property
    def bound(self) -> float:
        """The most of violations there may be, at 95 %."""
        return upper_bound(self.violations, self.examples)

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "examples": self.examples,
            "violations": self.violations,
            "upper_bound_95": self.bound,
            "passed_over": dict(self.passed_over.most_common()),
            "losses": dict(self.losses.most_common()),
            "problems": self.problems,
            "seconds": round(self.seconds, 2),
        }


def upper_bound(violations: int, examples: int) -> float:
    """The one-sided 95 % bound of a share; 1 when there is no example."""
    if violations >= examples:
        return 1.0
    if violations == 0:
        return min(1.0, 3 / examples)
    low, high = violations / examples, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(violations, examples, middle) > 0.05:
            low = middle
        else:
            high = middle
    return high


def _at_most(violations: int, examples: int, share: float) -> float:
    """The chance of at most so many violations, by the binomial distribution."""
    term = total = (1 - share) ** examples
    for count in range(1, violations + 1):
        term *= (examples - count + 1) / count * share / (1 - share)
        total += term
    return total


def names() -> list[str]:
    """The properties."""
    return [*CHECKS, *(_pair_name(client, provider) for client, provider in there_and_back.PAIRS)]


def _pair_name(client: str, provider: str) -> str:
    return f"there and back: {client} - {provider}"


def measure(name: str, seed: int, first: int, examples: int) -> Figure:
    """One property over so many examples."""
    figure = Figure(name)
    started = time.perf_counter()
    if name in CHECKS:
        # Seldom ones are fewer, but never none.
        numbers = range(first, first + max(1, examples // SLOW.get(name, 1)))
        for number in numbers:
            figure.note(number, boundary_problem(name, random.Random(f"{seed}:{name}:{number}")))
    else:
        client, provider = name.removeprefix("there and back: ").split(" - ")
        for number in range(first, first + examples):
            _travel(figure, number, random.Random(f"{seed}:{name}:{number}"), client, provider)
    figure.seconds = time.perf_counter() - started
    return figure


def boundary_problem(name: str, rng: random.Random) -> str | None:
    """What is wrong with one example of a stream; None: nothing."""
    example = boundaries.make(rng)
    found = boundaries.problem_of(lambda: CHECKS[name](rng, example))
    return found and f"{found}\n    {str(example)[:600]}"


def _travel(figure: Figure, number: int, rng: random.Random, client: str, provider: str) -> None:
    try:
        trip = there_and_back.trip(rng, client, provider)[1]
    except Exception as problem:  # noqa: BLE001 - whatever is raised is the finding
        trip = there_and_back.Trip(f"{type(problem).__name__}: {problem}")
    if trip.passed_over is not None:
        figure.passed_over[trip.passed_over] += 1
        return
    figure.losses.update(set(trip.losses))
    figure.note(number, trip.problem)


def report(figures: list[Figure]) -> str:
    """The figures as text."""
    lines = [f"{'property':<58} {'examples':>9} {'violations':>10}  95 % bound  {'seconds':>7}"]
    for each in figures:
        counts = f"{each.examples:>9} {each.violations:>10}  < {each.bound:<9.2g} {each.seconds:>7.1f}"
        lines.append(f"{each.name:<58} {counts}")
    passed_over: Counter[str] = sum((each.passed_over for each in figures), Counter())
    losses: Counter[str] = sum((each.losses for each in figures), Counter())
    for title, found in (("passed over, not counted", passed_over), ("documented losses met", losses)):
        if found:
            lines.append(f"{title}: " + "; ".join(f"{name} {count}" for name, count in found.most_common()))
    lines += [f"VIOLATED  {each.name}: {problem}" for each in figures for problem in each.problems]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--examples", type=int, default=5000, help="of each property (default 5000)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same examples")
    parser.add_argument("--first", type=int, default=0, help="number of the first example")
    parser.add_argument("--only", default="", help="properties whose name has this in it")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    chosen = [name for name in names() if given.only in name]
    if given.examples < 1 or not chosen:
        parser.error("at least one example of at least one property")
    figures = [measure(name, given.seed, given.first, given.examples) for name in chosen]
    violated = any(each.violations for each in figures)
    if given.json:
        data = {
            "seed": given.seed,
            "first": given.first,
            "examples": sum(each.examples for each in figures),
            "violations": sum(each.violations for each in figures),
            "passed": not violated,
            "properties": [each.as_data() for each in figures],
            "documented_losses": {each.name: each.reason for each in there_and_back.LOSSES},
            "passed_over_because": dict(there_and_back.UNFIT),
        }
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
    else:
        sys.stdout.write(report(figures) + "\n")
    return 1 if violated else 0


if __name__ == "__main__":
    sys.exit(main())
