"""A part of the table that has of everything: for a run that must be short."""

import random
from collections.abc import Sequence

from halfopen.lab.matrix import point as points
from halfopen.lab.matrix.case import Case


def sample(cases: Sequence[Case], size: int, seed: int) -> list[Case]:
    """At least `size` of the cases, in their order; all when there are no more.

    Every fault in each of its modes, every pair of client and primary, and every pair of client and
    kind of point is among them if it is among the cases, even if that takes more than `size`.

    Args:
        cases: The table.
        size: How many cases.
        seed: The same seed gives the same sample.
    """
    if size >= len(cases):
        return list(cases)
    order = list(range(len(cases)))
    random.Random(seed).shuffle(order)  # noqa: S311 - a draw that can be repeated, not a secret
    chosen: set[int] = set()
    covered: set[tuple[str, ...]] = set()
    for number in order:
        missing = _strata(cases[number]) - covered
        if missing:
            chosen.add(number)
            covered |= missing
    for number in order:
        if len(chosen) >= size:
            break
        chosen.add(number)
    return [cases[number] for number in sorted(chosen)]


def _strata(case: Case) -> set[tuple[str, ...]]:
    kind = points.kind(case.point)
    return {
        ("fault", case.fault.name, case.mode),
        ("provider", case.client, case.primary),
        ("point", case.client, kind),
        ("variant", case.question, case.after_commit, str(case.restarts)),
    }
