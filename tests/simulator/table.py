"""The simulator against measured figures, and the promises on outages. `make simulator-table` prints it.

The first part repeats a small simulation of attempts a request (at most 3, 10 requests a second for ten
minutes) and sets our own policy beside it. The second part is what Halfopen promises of the retry storm and
the failover cascade. Intervals are of the mean over the seeds: 95 %, Student's t. The exit status is 1 when
a promise is not kept.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from halfopen.app.simulation import Contestant, Entry, compare, find_scenario
from halfopen.simulator.report import Figures

SEEDS = 10
T_975: Final = (
    12.706,
    4.303,
    3.182,
    2.776,
    2.571,
    2.447,
    2.365,
    2.306,
    2.262,
    2.228,
    2.201,
    2.179,
    2.160,
    2.145,
)
"""Student's t by degrees of freedom, from 1; beyond: the normal's."""
_NORMAL = 1.96

MEASURED: Final[Mapping[tuple[str, str], tuple[float, float | None]]] = {
    ("errors-100", "sdk"): (3.00, None),
    ("errors-100", "grpc"): (1.00, None),
    ("errors-100", "finagle"): (2.19, None),
    ("errors-100", "halfopen"): (1.002, None),
    ("errors-50", "sdk"): (1.76, 0.875),
    ("errors-50", "grpc"): (1.00, 0.504),
    ("errors-50", "finagle"): (1.76, 0.875),
    ("errors-50", "halfopen"): (1.055, 0.533),
    ("errors-10", "sdk"): (1.11, 0.999),
    ("errors-10", "grpc"): (1.03, 0.924),
    ("errors-10", "finagle"): (1.11, 0.999),
    ("errors-10", "halfopen"): (1.10, 0.987),
}
"""Amplification and success that the small simulation gave; for Halfopen, of its retry bucket alone."""

OUTAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "retry-storm": ("halfopen", "jitter"),
    "failover-cascade": ("halfopen",),
}
"""Scenarios with promises of their own, and whose figures they need."""


SUCCESS_10: Final = "halfopen's success at 10 % failures"
NEVER: Final = "never"
EVERY_SEED: Final = "every seed"
MEAN: Final = "the mean's interval"


@dataclass(frozen=True, slots=True)
class Mean:
    """One figure over some seeds."""

    value: float
    half_width: float
    """Of the mean's 95 % interval; infinity with one seed."""
    least: float
    most: float
    seeds: int


@dataclass(frozen=True, slots=True)
class Row:
    """One policy in one scenario beside what was measured."""

    scenario: str
    policy: str
    requests: int
    """Of all seeds."""
    amplification: Mean
    amplification_measured: float
    success: Mean
    success_measured: float | None

    @property
    def differences(self) -> tuple[float, float | None]:
        """Ours less the measured one, of amplification and success."""
        success = None if self.success_measured is None else self.success.value - self.success_measured
        return self.amplification.value - self.amplification_measured, success


@dataclass(frozen=True, slots=True)
class Promise:
    """A bound and what came of it."""

    what: str
    values: tuple[float | None, ...]
    """One a seed. None: never."""
    bound: str
    judged: str
    """What must keep the bound: every seed, or the mean with its whole interval."""
    kept: bool
    missed: int
    """Seeds that miss the bound by themselves."""


Runs = Mapping[tuple[str, str], Sequence[Figures]]
"""By scenario and policy, one a seed."""


def mean(values: Sequence[float]) -> Mean:
    """The mean with its interval."""
    count = len(values)
    middle = math.fsum(values) / count
    half = math.inf
    if count > 1:
        variance = math.fsum((value - middle) ** 2 for value in values) / (count - 1)
        t = T_975[count - 2] if count - 2 < len(T_975) else _NORMAL
        half = t * math.sqrt(variance / count)
    return Mean(middle, half, min(values), max(values), count)


def measure(wanted: Sequence[tuple[str, str]], seeds: int, *, jobs: int | None = None) -> Runs:
    """Run each policy in each scenario with the seeds 1 to `seeds`."""
    scenarios = list(dict.fromkeys(name for name, _ in wanted))
    entries = [
        Entry(
            find_scenario(name),
            tuple(Contestant(policy) for scenario, policy in wanted if scenario == name),
            seed,
        )
        for name in scenarios
        for seed in range(1, seeds + 1)
    ]
    found: dict[tuple[str, str], list[Figures]] = {}
    for comparison in compare(entries, jobs=jobs):
        for policy, report in comparison.reports.items():
            found.setdefault((comparison.scenario.name, policy), []).append(report.figures)
    return found


def rows(runs: Runs) -> list[Row]:
    """The table of attempts, as far as it was run."""
    return [
        Row(
            scenario,
            policy,
            sum(each.requests for each in runs[scenario, policy]),
            mean([each.amplification for each in runs[scenario, policy]]),
            amplification,
            mean([each.success_rate or 0.0 for each in runs[scenario, policy]]),
            success,
        )
        for (scenario, policy), (amplification, success) in MEASURED.items()
        if (scenario, policy) in runs
    ]


def promises(runs: Runs) -> list[Promise]:
    """What is promised, as far as it was run.

    Bounds hold on every single seed. Only the success at 10 % is judged by its mean, whose whole interval
    must keep the bound: a retry budget of a tenth of the successes meets failures of a tenth exactly, so
    what is left of it wanders, and with it the success of one run.
    """

    def of(scenario: str, policy: str, figure: Callable[[Figures], float | None]) -> list[float | None]:
        return [figure(each) for each in runs.get((scenario, policy), ())]

    def at_most(value: float | None, bound: float) -> bool:
        return value is not None and value <= bound

    def at_least(value: float | None, bound: float) -> bool:
        return value is not None and value >= bound

    cases: list[tuple[str, list[float | None], str, Callable[[float | None], bool]]] = [
        (
            "halfopen's amplification at 100 % failures",
            of("errors-100", "halfopen", lambda f: f.amplification),
            "<= 1.01",
            lambda v: at_most(v, 1.01),
        ),
        (
            SUCCESS_10,
            of("errors-10", "halfopen", lambda f: f.success_rate),
            ">= 0.985",
            lambda v: at_least(v, 0.985),
        ),
        (
            "halfopen's recovery from the retry storm (s)",
            of("retry-storm", "halfopen", lambda f: f.recovery_s),
            "<= 5",
            lambda v: at_most(v, 5.0),
        ),
        (
            "jitter alone never recovers from it (s)",
            of("retry-storm", "jitter", lambda f: f.recovery_s),
            NEVER,
            lambda v: v is None,
        ),
        (
            "success of the backup's own users in the failover cascade",
            of("failover-cascade", "halfopen", lambda f: f.success_of["b_users"]),
            ">= 0.95",
            lambda v: at_least(v, 0.95),
        ),
    ]
    return [_promise(what, values, bound, holds) for what, values, bound, holds in cases if values]


def _promise(
    what: str, values: Sequence[float | None], bound: str, holds: Callable[[float | None], bool]
) -> Promise:
    missed = sum(not holds(value) for value in values)
    if what != SUCCESS_10 or len(values) == 1:
        return Promise(what, tuple(values), bound, EVERY_SEED, kept=not missed, missed=missed)
    of_all = mean([value for value in values if value is not None])
    kept = holds(of_all.value - of_all.half_width)
    return Promise(what, tuple(values), bound, MEAN, kept=kept, missed=missed)


def wanted() -> list[tuple[str, str]]:
    """Everything that the table and the promises need."""
    return [*MEASURED, *((scenario, policy) for scenario, names in OUTAGES.items() for policy in names)]


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")


def plain(found: Runs) -> dict[str, object]:
    """For JSON; infinity is null."""

    def finite(value: object) -> object:
        if isinstance(value, dict):
            return {key: finite(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [finite(each) for each in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    table = [{**asdict(row), "differences": row.differences} for row in rows(found)]
    return {
        "table": finite(table),
        "promises": finite([asdict(promise) for promise in promises(found)]),
    }


def show(found: Runs, seeds: int) -> None:
    """The tables, for people."""
    say(
        f"Attempts a request, at most 3, 10 requests a second for 600 s; mean over {seeds} seeds with its 95 %"
    )
    say(
        "interval, [least to most], beside the measured figure and the difference. The measured halfopen is its"
    )
    say("retry bucket alone, without breaker.")
    say("")
    say(f"{'scenario':12}{'policy':10}{'requests':>9}  {'amplification':38}{'measured':>9}{'diff':>8}")
    for row in rows(found):
        say(
            f"{row.scenario:12}{row.policy:10}{row.requests:>9}  {_shown(row.amplification):38}"
            f"{row.amplification_measured:>9.3f}{row.differences[0]:>+8.3f}"
        )
    say("")
    say(f"{'scenario':12}{'policy':10}{'requests':>9}  {'success':38}{'measured':>9}{'diff':>8}")
    for row in rows(found):
        difference = row.differences[1]
        if row.success_measured is not None and difference is not None:
            say(
                f"{row.scenario:12}{row.policy:10}{row.requests:>9}  {_shown(row.success):38}"
                f"{row.success_measured:>9.3f}{difference:>+8.3f}"
            )
    say("")
    say("Promises")
    for promise in promises(found):
        values = [value for value in promise.values if value is not None]
        never = len(promise.values) - len(values)
        shown = f"{min(values):.4f} to {max(values):.4f}" if values else ""
        shown += f"{', ' if values else ''}never on {never}" if never else ""
        say(
            f"  {'kept  ' if promise.kept else 'BROKEN'} {promise.what}: {shown}"
            f" (bound {promise.bound} for {promise.judged}, missed by {promise.missed} of "
            f"{len(promise.values)} seeds)"
        )


def _shown(mean_: Mean) -> str:
    width = f"{mean_.half_width:.4f}" if math.isfinite(mean_.half_width) else "?"
    return f"{mean_.value:.4f} +- {width} [{mean_.least:.4f} to {mean_.most:.4f}]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables. 1: a promise is broken."""
    parser = argparse.ArgumentParser(description="The simulator against measured figures, and the promises.")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=None, help="processes at the same time")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = measure(wanted(), options.seeds, jobs=options.jobs)
    if options.json:
        say(json.dumps(plain(found), indent=2))
    else:
        show(found, options.seeds)
    return 0 if all(promise.kept for promise in promises(found)) else 1


if __name__ == "__main__":
    sys.exit(main())
