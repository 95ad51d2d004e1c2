"""Plays schedules by the ten thousand, and says for each invariant what they have shown.

A schedule counts for a claim only when its situation came up in it. Schedules are played until each claim
has had as many as asked for. With no violation among n, the true rate is below 3/n with 95 % confidence.

    python tests/invariants/run.py [--invariant N] [--schedules 10000] [--seed S] [--json]
    python tests/invariants/run.py --invariant N --replay SEED
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from multiprocessing.pool import Pool
from typing import Any, TextIO

from judgement import Judgement, judge
from oracles import ORACLES

_CHUNK = 100
_VOID_MAX = 40
"""So many times the schedules that are asked for are played at most."""
_SHOWN_MAX = 5
_SAME_TRACE = 13
_CLAIM_OF_13 = "the same seed was played twice"


@dataclass(slots=True)
class Tally:
    """What the schedules of one invariant have shown."""

    invariant: int
    played: int = 0
    met: dict[str, int] = field(default_factory=dict)
    violations: list[tuple[int, str]] = field(default_factory=list)
    """Seeds, and the first thing that was wrong."""
    seconds: float = 0.0

    @property
    def claims(self) -> tuple[str, ...]:
        """The situations that must come up."""
        return (_CLAIM_OF_13,) if self.invariant == _SAME_TRACE else ORACLES[self.invariant].claims

    @property
    def least(self) -> int:
        """Schedules that the rarest of them came up in."""
        return min(self.met.get(claim, 0) for claim in self.claims)

    def add(self, judgement: Judgement) -> None:
        """One more schedule."""
        self.played += 1
        for situation in judgement.met:
            self.met[situation] = self.met.get(situation, 0) + 1
        if judgement.wrongs:
            self.violations.append((judgement.seed, judgement.wrongs[0]))

    def as_json(self) -> dict[str, Any]:
        """The figures."""
        return {
            "invariant": self.invariant,
            "played": self.played,
            "schedules": self.least,
            "void": self.played - self.least,
            "violations": len(self.violations),
            "upper_bound_95": 3 / self.least if self.least and not self.violations else None,
            "met": self.met,
            "seeds": [seed for seed, _ in self.violations[:_SHOWN_MAX]],
            "seconds": round(self.seconds, 1),
        }


def _play(task: tuple[int, int]) -> list[Judgement]:
    invariant, first = task
    return [judge(invariant, seed) for seed in range(first, first + _CHUNK)]


def _digests(task: tuple[int, int]) -> list[str]:
    invariant, first = task
    return [judge(invariant, seed, traced=True).sha256 for seed in range(first, first + _CHUNK)]


def _tasks(invariant: int, seed: int, schedules: int) -> Iterator[tuple[int, int]]:
    for number in count():
        if number * _CHUNK >= schedules * _VOID_MAX:
            return
        yield invariant, seed + number * _CHUNK


def _windows(tasks: Iterator[tuple[int, int]], size: int) -> Iterator[list[tuple[int, int]]]:
    while window := [task for _, task in zip(range(size), tasks, strict=False)]:
        yield window


def try_invariant(pool: Pool, workers: int, invariant: int, schedules: int, seed: int) -> Tally:
    """Play until each claim's situation has come up in so many schedules."""
    tally, began = Tally(invariant), time.perf_counter()
    for window in _windows(_tasks(invariant, seed, schedules), 4 * workers):
        for judgements in pool.map(_play, window, chunksize=1):
            for judgement in judgements:
                if tally.least < schedules:
                    tally.add(judgement)
        if tally.least >= schedules:
            break
    tally.seconds = time.perf_counter() - began
    return tally


def try_same_trace(workers: int, schedules: int, seed: int) -> Tally:
    """Play each schedule in two processes that hash strings differently, and compare the traces."""
    tally, began = Tally(_SAME_TRACE), time.perf_counter()
    tasks = [(_SAME_TRACE, seed + first) for first in range(0, schedules, _CHUNK)]
    digests = []
    for hash_seed in ("1", "4242"):
        os.environ["PYTHONHASHSEED"] = hash_seed
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            digests.append([digest for each in pool.map(_digests, tasks, chunksize=1) for digest in each])
    for number, (one, other) in enumerate(zip(*digests, strict=True)):
        wrongs = () if one == other else (f"traces differ: {one[:12]} and {other[:12]}",)
        tally.add(Judgement(seed + number, (_CLAIM_OF_13,), wrongs))
    tally.seconds = time.perf_counter() - began
    return tally


def _say(text: str, out: TextIO) -> None:
    out.write(f"{text}\n")
    out.flush()


def _show(tally: Tally, out: TextIO) -> None:
    figures = tally.as_json()
    bound = figures["upper_bound_95"]
    verdict = f"violated {figures['violations']} times" if figures["violations"] else "holds"
    rate = "" if bound is None else f", true rate < {bound:.1e} (95 %)"
    lines = [
        (
            f"invariant {tally.invariant:2}: {verdict} in {figures['schedules']} schedules{rate}; "
            f"{figures['void']} void; {figures['seconds']} s"
        )
    ]
    for situation, times in sorted(tally.met.items()):
        lines.append(f"    {times:7} {situation}")
    for seed, wrong in tally.violations[:_SHOWN_MAX]:
        lines.append(f"    seed {seed}: {wrong}")
        lines.append(f"      replay: {sys.argv[0]} --invariant {tally.invariant} --replay {seed}")
    _say("\n".join(lines), out)


def _replay(invariant: int, seed: int) -> int:
    judgement = judge(invariant, seed, traced=True)
    wrongs = [f"WRONG {wrong}" for wrong in judgement.wrongs]
    verdict = f"seed {seed}, sha256 {judgement.sha256}, {len(wrongs)} wrong"
    _say("\n".join([*judgement.trace, *wrongs, verdict]), sys.stdout)
    return 1 if judgement.wrongs else 0


def main() -> int:
    """0: all hold. 1: one is violated. 2: a situation did not come up often enough."""
    numbers = [*ORACLES, _SAME_TRACE]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--invariant", type=int, choices=numbers, action="append", help="default: all")
    parser.add_argument("--schedules", type=int, default=10_000, help="for each claim")
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--replay", type=int, metavar="SEED", help="one schedule, with its trace")
    asked = parser.parse_args()
    chosen = asked.invariant or numbers
    if asked.replay is not None:
        return max(_replay(invariant, asked.replay) for invariant in chosen[:1])
    tallies = []
    with multiprocessing.Pool(asked.workers) as pool:
        for invariant in chosen:
            if invariant == _SAME_TRACE:
                tally = try_same_trace(asked.workers, asked.schedules, asked.seed)
            else:
                tally = try_invariant(pool, asked.workers, invariant, asked.schedules, asked.seed)
            tallies.append(tally)
            _show(tally, sys.stderr if asked.json else sys.stdout)
    if asked.json:
        _say(json.dumps({"invariants": [tally.as_json() for tally in tallies]}, indent=2), sys.stdout)
    if any(tally.violations for tally in tallies):
        return 1
    return 2 if any(tally.least < asked.schedules for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
