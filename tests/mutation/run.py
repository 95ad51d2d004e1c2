"""How many wrong versions of `errors/` and `policy/` do the tests notice? `make mutation` runs it.

Works on a copy of the checkout. The score of a package is killed / (killed + survived); a mutant that never
ends counts as killed. With `--sample` only some mutants are tried, drawn by a seed, and the interval is that
of Wilson at 95 % (JASA 22, 1927).

Exit status: 0 when every score reaches the least one, 1 when one does not, 2 when the tests fail as they are.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import explained
import mutants
import score
import trials
from hypothesis import HealthCheck, Phase, settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("errors", "policy")
COPIED = ("src", "docs/reference", "pyproject.toml", "tests/conftest.py", "tests/errors", "tests/policy")
UNUSED = ("tests/policy/test_outage.py", "tests/policy/test_invariants.py")
"""Whole outages and worlds: too slow to run for every mutant."""
PROFILE = "mutation"
"""Examples that are the same every time, and no search for the smallest."""
PYTEST = (
    "-q",
    "-p",
    "no:cacheprovider",
    "-o",
    "timeout=0",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
    f"--hypothesis-profile={PROFILE}",
)


@dataclass
class Progress:
    """Counts on standard error while it runs."""

    package: str
    total: int
    stream: TextIO
    log: Path
    """One line of JSON for each mutant."""
    done: list[trials.Trial] = field(default_factory=list)

    def told(self, trial: trials.Trial) -> None:
        """One mutant more. What is known is on the disk at once: a long run may be ended."""
        self.done.append(trial)
        if trial.status != trials.LOAD:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps([trial.name, trial.status, trial.diff]) + "\n")
        if len(self.done) % 50 == 0 or len(self.done) == self.total:
            self.stream.write(f"{self.package}: {len(self.done)} of {self.total} mutants\n")
            self.stream.flush()


def tried(
    package: str, changes: Sequence[mutants.Change], tests: Sequence[str], jobs: int, log: Path
) -> list[trials.Trial]:
    """Try changes to a package on its tests.

    Raises:
        RuntimeError: The tests fail as they are.
    """
    arguments = [*PYTEST, *tests]

    def swapped() -> tuple[trials.Known, list[trials.Trial]]:
        progress = Progress(package, len(changes), os.fdopen(os.dup(2), "w"), log)
        forks = trials.Forks(changes, progress.told, jobs)
        trials.silent()
        import pytest

        pytest.main(arguments, plugins=[forks])
        return forks.known, progress.done

    known, first = trials.forked(swapped)
    if known.failed or not known.took_s:
        raise RuntimeError(
            f"{package}: fail without any change: {', '.join(known.failed) or 'no tests found'}"
        )
    done = [trial for trial in first if trial.status != trials.LOAD]
    left = {trial.name for trial in first if trial.status == trials.LOAD}
    progress = Progress(f"{package}, loaded anew", len(left), sys.stderr, log)
    trials.load_trials([c for c in changes if c.name in left], arguments, known, progress.told, jobs)
    return [*done, *progress.done]


def copied(folder: Path) -> None:
    """What the tests need of the checkout."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def chosen(options: argparse.Namespace, folder: Path) -> dict[str, list[mutants.Change]]:
    """The changes to try, by package."""
    changes: dict[str, list[mutants.Change]] = {}
    for package in options.package or PACKAGES:
        found = [
            change
            for path in sorted((folder / "src/halfopen" / package).rglob("*.py"))
            for change in mutants.changes_of(path, folder / "src")
            if all(part in change.name for part in options.only)
            if change.owner is not None or not options.functions
        ]
        if options.sample and options.sample < len(found):
            drawn = random.Random(f"{options.seed}:{package}").sample(range(len(found)), options.sample)
            found = [found[number] for number in sorted(drawn)]
        changes[package] = found
    return changes


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--package", action="append", choices=PACKAGES, help="only this one (may be repeated)"
    )
    parser.add_argument("--only", action="append", default=[], help="only mutants with this in their name")
    parser.add_argument(
        "--functions", action="store_true", help="not what runs when a module is loaded (quicker)"
    )
    parser.add_argument(
        "--sample", type=int, default=0, help="so many of each package, drawn by the seed (0: all)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default 1)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="forks at a time (default: cores)"
    )
    parser.add_argument("--least", type=float, default=0.85, help="score that each package must reach (0.85)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--artifacts", type=Path, default=ROOT / "artifacts", help="folder for the survivors")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Run it."""
    options = arguments(argv)
    options.artifacts = options.artifacts.resolve()
    options.artifacts.mkdir(parents=True, exist_ok=True)
    log = options.artifacts / "mutants.jsonl"
    log.unlink(missing_ok=True)
    every = [Phase.explicit, Phase.generate]
    settings.register_profile(
        PROFILE,
        derandomize=True,
        database=None,
        deadline=None,
        phases=every,
        suppress_health_check=list(HealthCheck),
    )
    sys.dont_write_bytecode = False
    with tempfile.TemporaryDirectory(prefix="mutation-") as name:
        folder = Path(name).resolve()
        copied(folder)
        os.chdir(folder)
        sys.path.insert(0, str(folder / "src"))
        results: dict[str, list[trials.Trial]] = {}
        try:
            for package, changes in chosen(options, folder).items():
                results[package] = tried(
                    package,
                    changes,
                    [f"tests/{package}", *(f"--ignore={name}" for name in UNUSED)],
                    options.jobs,
                    log,
                )
        except RuntimeError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    reasons = explained.known()
    figures = score.Figures.of(
        results, reasons, sampled=options.sample or None, seed=options.seed, least=options.least
    )
    (options.artifacts / "mutants.md").write_text(score.survivors_page(results, reasons), encoding="utf-8")
    document: dict[str, Any] = figures.document()
    sys.stdout.write((json.dumps(document, indent=2) if options.json else figures.table()) + "\n")
    return 0 if figures.reached else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
