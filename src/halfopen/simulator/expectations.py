"""Whether policies reached what a scenario expects of them.

Rules
1. Who was not run is not judged.
2. A figure that there is none of reaches no upper bound: never to recover is not soon, and no requests
   have no success.
3. Of lower bounds it reaches that of `recovery_s` alone: never to recover is at least anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from halfopen.simulator.report import Figures
from halfopen.simulator.scenario import Expectation
from halfopen.simulator.scenario_checks import FIGURES

_RECOVERY = "recovery_s"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One expectation beside what came of it."""

    expectation: Expectation
    value: float | None
    """The figure as it was measured."""
    met: bool


def judge(figures: Mapping[str, Figures], expectations: Sequence[Expectation]) -> list[Judgement]:
    """Compare figures with expectations, in the order of the latter.

    Args:
        figures: By the name of the policy.
        expectations: Of a checked scenario: each names a figure and a bound.

    Raises:
        ValueError: An expectation names no figure, or no group of clients. `read_scenario` lets none pass.
    """
    judgements = []
    for expectation in expectations:
        measured = figures.get(expectation.policy)
        if measured is not None:
            value = figure(measured, expectation.figure)
            judgements.append(Judgement(expectation, value, _met(expectation, value)))
    return judgements


def figure(figures: Figures, name: str) -> float | None:
    """A figure by the name that scenario files use, such as `p99_s` or `success_rate.NAME`.

    Raises:
        ValueError: There is none of this name.
    """
    of_all, dot, group = name.partition(".")
    if dot and of_all == "success_rate" and group in figures.success_of:
        return figures.success_of[group]
    if dot or name not in FIGURES:
        raise ValueError(f"there is no figure {name!r}")
    value: float | None = getattr(figures, name)
    return value


def _met(expectation: Expectation, value: float | None) -> bool:
    low, high = expectation.at_least, expectation.at_most
    if value is None:
        return high is None and expectation.figure == _RECOVERY
    return (low is None or value >= low) and (high is None or value <= high)
