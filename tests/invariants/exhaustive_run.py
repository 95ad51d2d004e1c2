"""Searches the small models whole, and replays what it finds. `make exhaustive` runs it.

A violation is printed with the command that replays it, choice by choice. The exit status is 1 when
something is broken, and 2 when a search was cut short by `--seconds` (raise it then, or name a variant).
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from fnmatch import fnmatch
from multiprocessing import get_context

from exhaustive_bugs import BUGS
from exhaustive_model import Variant
from exhaustive_search import Found, Mutate, Search, replay
from exhaustive_variants import QUICK, VARIANTS, drawn

SECONDS = 300.0
SEPARATOR = "; "


def search(variant: Variant, seconds: float, recover_every: int) -> Found:
    """One variant."""
    return Search(variant, seconds=seconds, recover_every=recover_every).run()


def search_all(
    variants: Sequence[Variant],
    seconds: float,
    jobs: int,
    recover_every: int,
    tell: Callable[[Found], None],
) -> list[Found]:
    """All of them; each may take an equal part of the time that is left when it begins.

    `tell` is told of each as it ends.
    """
    until = time.monotonic() + seconds
    pending = list(variants)
    found: dict[str, Found] = {}
    running: set[Future[Found]] = set()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        while pending or running:
            while pending and len(running) < jobs:
                left_s = max(1.0, until - time.monotonic()) * jobs / len(pending)
                running.add(pool.submit(search, pending.pop(0), min(left_s, seconds), recover_every))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                result = each.result()
                found[result.variant] = result
                tell(result)
    return [found[variant.name] for variant in variants]


def _nobody(_found: Found) -> None:
    """JSON is printed at the end, in order."""


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def show_head() -> None:
    """What the columns are."""
    say(f"{'variant':46}{'paths':>10}{'states':>8}{'steps':>8}{'ends':>7}{'healthy':>8}{'depth':>6}{'s':>7}")


def show(found: Found) -> None:
    """One variant's line, and what was broken."""
    say(
        f"{found.variant:46}{found.paths:>10}{found.states:>8}{found.steps:>8}{found.ends:>7}"
        f"{found.recoveries:>8}{found.depth:>6}{found.seconds:>7.1f}"
        f"{'' if found.is_complete else '  cut short'}"
    )
    for path, broken in found.violations:
        for line in broken:
            say(f"    BROKEN {line}")
        say(f'    --variant "{found.variant}" --replay "{SEPARATOR.join(path)}"')


def show_sum(found: Sequence[Found]) -> None:
    """All of them together."""
    say(
        f"{sum(each.paths for each in found)} paths, {sum(each.states for each in found)} distinct states, "
        f"depth {max(each.depth for each in found)}, {sum(len(each.violations) for each in found)} violations, "
        f"{sum(each.is_complete for each in found)} of {len(found)} searches complete"
    )


def show_replay(variant: Variant, path: Sequence[str], plant: Mutate | None) -> int:
    """Every choice of a path, and what was broken."""
    status = 0
    for choice, broken in replay(variant, path, plant):
        say(choice)
        for line in broken:
            status = 1
            say(f"    BROKEN {line}")
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Search or replay."""
    parser = argparse.ArgumentParser(description="Exhaustive search of the small models.")
    parser.add_argument(
        "--variant", default="*", metavar="GLOB", help="only these; names are with their draw"
    )
    parser.add_argument("--quick", action="store_true", help="the variants that the tests search")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--recover-every", type=int, default=8, help="1: try recovery from every state")
    parser.add_argument("--replay", metavar="CHOICES", help=f"choices, with {SEPARATOR!r} between")
    parser.add_argument("--bug", choices=sorted(BUGS), help="search or replay with this planted bug")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    bug = BUGS.get(options.bug) if options.bug else None
    every = QUICK if options.quick else tuple(drawn(VARIANTS))
    variants = [each for each in every if fnmatch(each.name, options.variant)]
    variants = [bug.variant] if bug else variants
    if not variants:
        say(f"there is no variant {options.variant!r}")
        return 1
    if options.replay is not None:
        return show_replay(variants[0], options.replay.split(SEPARATOR), bug.plant if bug else None)
    tell = _nobody if options.json else show
    if not options.json:
        show_head()
    if bug:
        found = [Search(bug.variant, mutate=bug.plant, seconds=options.seconds, violations_max=1).run()]
        tell(found[0])
    else:
        found = search_all(variants, options.seconds, options.jobs, options.recover_every, tell)
    if options.json:
        say(json.dumps([asdict(each) for each in found], indent=2))
    else:
        show_sum(found)
    if any(each.violations for each in found):
        return 1
    return 0 if all(each.is_complete for each in found) else 2


if __name__ == "__main__":
    sys.exit(main())
