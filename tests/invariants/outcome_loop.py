"""The command of a judge that has `check(seed)`: play schedules, or replay one.

    python tests/invariants/liveness_run.py [--schedules 10000] [--seed S] [--workers N] [--json]
    python tests/invariants/liveness_run.py --replay SEED

Only schedules whose situation came up count: as many are played as are needed for that, within a bound.
With no violation among n, the true rate is below 3/n with 95 % confidence.
Exit status: 0 when all held, 1 when one did not, 2 when the situation came up too rarely.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

from outcome import Outcome

_CHUNK = 50
_VOID_MAX = 10
"""So many times the schedules that are asked for are played at most."""
_SHOWN_MAX = 5

Check = Callable[[int], Outcome]


@dataclass(slots=True)
class Tally:
    """What the schedules of one judge have shown."""

    title: str
    invariants: tuple[int, ...]
    played: int = 0
    met: int = 0
    violations: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """One more."""
        self.played += 1
        self.met += outcome.met
        if outcome.violation is not None:
            self.violations.append(outcome)

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        found = len(self.violations)
        return {
            "invariants": self.invariants,
            "title": self.title,
            "played": self.played,
            "schedules": self.met,
            "violations": found,
            "upper_bound_95": 3 / self.met if self.met and not found else None,
            "seeds": [each.seed for each in self.violations[:_SHOWN_MAX]],
            "seconds": round(self.seconds, 1),
        }

    def in_words(self) -> str:
        """The figures, and the first violations."""
        found = len(self.violations)
        said = f"violated {found} times" if found else "holds"
        bound = "" if found or not self.met else f", true rate < {3 / self.met:.1e} (95 %)"
        numbers = ", ".join(map(str, self.invariants))
        void = self.played - self.met
        counted = f"{said} in {self.met} schedules{bound}; {void} void; {self.seconds:.1f} s"
        lines = [f"invariant {numbers} ({self.title}): {counted}"]
        lines += [f"    seed {each.seed}: {each.violation}" for each in self.violations[:_SHOWN_MAX]]
        return "\n".join(lines)


def tally_of(
    check: Check, title: str, invariants: tuple[int, ...], *, schedules: int, seed: int = 0, workers: int = 1
) -> Tally:
    """Play until the situation has come up in so many schedules, from this seed on."""
    tally, began = Tally(title, invariants), time.perf_counter()
    seeds = islice(count(seed), schedules * _VOID_MAX)
    with multiprocessing.Pool(workers) as pool:
        for outcome in pool.imap(check, seeds, chunksize=_CHUNK):
            tally.add(outcome)
            if tally.met >= schedules:
                break
    tally.seconds = time.perf_counter() - began
    return tally


def say(text: str) -> None:
    """Print, lone surrogates too, which are among what is tried."""
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")


def main(
    check: Check, title: str, invariants: tuple[int, ...], arguments: Sequence[str] | None = None
) -> int:
    """Do what the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0, help="of the first schedule")
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--replay", type=int, metavar="SEED", help="one schedule, with its trace")
    asked = parser.parse_args(arguments)
    if asked.replay is not None:
        outcome = check(asked.replay)
        say(f"{outcome.detail}\n{outcome.violation or 'no violation'}")
        return 0 if outcome.violation is None else 1
    tally = tally_of(
        check, title, invariants, schedules=asked.schedules, seed=asked.seed, workers=asked.workers
    )
    say(json.dumps(tally.as_json()) if asked.json else tally.in_words())
    if tally.violations:
        return 1
    return 0 if tally.met >= asked.schedules else 2
