"""Scores of mutation: per file and package, with intervals, and the page of survivors."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import explained

LIVING = ("survived", "broken")
Z = 1.959963984540054
"""Of 95 % confidence."""


class Trial(Protocol):
    """One mutant that was tried."""

    @property
    def name(self) -> str:
        """`folder/file.py:function:number`."""

    @property
    def status(self) -> str:
        """killed, timeout, survived or broken."""

    @property
    def diff(self) -> str:
        """What was changed."""


@dataclass
class Count:
    """Mutants of a file or a package."""

    by_status: Counter[str] = field(default_factory=Counter)
    explained: int = 0
    """Of the survivors, those that `explained.md` judges."""

    @property
    def mutants(self) -> int:
        """How many were tried."""
        return self.killed + self.survived

    @property
    def killed(self) -> int:
        """How many a test noticed, those included that never ended."""
        return self.by_status["killed"] + self.by_status["timeout"]

    @property
    def survived(self) -> int:
        """How many no test noticed. What went wrong in the trial counts here as well."""
        return sum(self.by_status[status] for status in LIVING)

    @property
    def score(self) -> float:
        """Killed by all; 1 if there is none."""
        return self.killed / self.mutants if self.mutants else 1.0

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "mutants": self.mutants,
            "killed": self.killed,
            "of_these_timeouts": self.by_status["timeout"],
            "survived": self.survived,
            "of_these_explained": self.explained,
            "score": round(self.score, 4),
        }


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Interval of Wilson at 95 % for a share.

    Args:
        hits: How often it was so.
        trials: How often it was tried.
    """
    if not trials:
        return 0.0, 1.0
    share = hits / trials
    spread = Z * math.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials * trials))
    middle, scale = share + Z * Z / (2 * trials), 1 + Z * Z / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


@dataclass(frozen=True)
class Figures:
    """Everything that is printed."""

    packages: Mapping[str, Mapping[str, Count]]
    sampled: int | None
    seed: int
    least: float

    @classmethod
    def of(
        cls,
        results: Mapping[str, Sequence[Trial]],
        reasons: Mapping[explained.Key, str],
        *,
        sampled: int | None,
        seed: int,
        least: float,
    ) -> "Figures":
        """Count what became of the mutants."""
        packages: dict[str, dict[str, Count]] = {}
        for package, trials in results.items():
            files = packages.setdefault(package, {})
            for trial in sorted(trials, key=lambda trial: trial.name):
                count = files.setdefault(trial.name.split(":")[0], Count())
                count.by_status[trial.status] += 1
                if trial.status in LIVING:
                    count.explained += explained.key_of(trial.name, trial.diff) in reasons
        return cls(packages, sampled, seed, least)

    def total(self, package: str) -> Count:
        """Of a package."""
        total = Count()
        for count in self.packages[package].values():
            total.by_status.update(count.by_status)
            total.explained += count.explained
        return total

    @property
    def reached(self) -> bool:
        """Whether every package has the least score."""
        return all(self.total(package).score >= self.least for package in self.packages)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        packages = {}
        for package, files in self.packages.items():
            total = self.total(package)
            packages[package] = {
                **total.document(),
                "interval_95": [round(bound, 4) for bound in wilson(total.killed, total.mutants)],
                "files": {name: count.document() for name, count in files.items()},
            }
        return {"sample": self.sampled, "seed": self.seed, "least": self.least, "packages": packages}

    def table(self) -> str:
        """For people."""
        lines = [f"{'file':34} {'mutants':>8} {'killed':>7} {'survived':>9} {'explained':>10} {'score':>7}"]
        for package, files in self.packages.items():
            total = self.total(package)
            lines += [_row(name, count) for name, count in files.items()]
            low, high = wilson(total.killed, total.mutants)
            drawn = "all" if self.sampled is None else f"sample of {total.mutants}, seed {self.seed}"
            verdict = "reaches" if total.score >= self.least else "IS BELOW"
            lines.append(_row(package, total))
            lines.append(f"  {drawn}; 95 % interval {low:.1%} to {high:.1%}; {verdict} {self.least:.0%}")
        return "\n".join(lines)


def _row(name: str, count: Count) -> str:
    return f"{name:34} {count.mutants:8} {count.killed:7} {count.survived:9} {count.explained:10} {count.score:7.1%}"


def survivors_page(results: Mapping[str, Sequence[Trial]], reasons: Mapping[explained.Key, str]) -> str:
    """All that was not killed: first what nobody has explained, then the rest by its reason."""
    by_reason: dict[str, list[Trial]] = {"": []}
    for trials in results.values():
        for trial in sorted(trials, key=lambda trial: trial.name):
            if trial.status in LIVING:
                by_reason.setdefault(reasons.get(explained.key_of(trial.name, trial.diff), ""), []).append(
                    trial
                )
    parts = ["# Mutants that no test noticed", ""]
    for reason, trials in by_reason.items():
        parts += [f"## {reason or 'Not explained'} ({len(trials)})", ""]
        for trial in trials:
            shown = (
                f"```\n{trial.diff}\n```"
                if trial.status == "broken"
                else explained.block(trial.name, trial.diff)
            )
            parts += [shown, ""]
    return "\n".join(parts)
