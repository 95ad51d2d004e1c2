"""Scores of mutation, and the page of survivors."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

CHANGE = "@@ -1,2 +1,2 @@\n def f(x):\n-    return x + 1\n+    return x - 1"


@dataclass(frozen=True)
class Tried:
    """One mutant."""

    name: str
    status: str
    diff: str = ""


TRIALS = {
    "errors": [
        Tried("errors/a.py:f:1", "killed"),
        Tried("errors/a.py:f:2", "timeout"),
        Tried("errors/a.py:f:3", "survived", CHANGE),
        Tried("errors/b.py:g:1", "broken", "Traceback"),
    ]
}


def figures(score: ModuleType, least: float, reasons: Any = None) -> Any:
    return score.Figures.of(TRIALS, reasons or {}, sampled=None, seed=1, least=least)


def test_the_score_is_what_was_killed_of_all(score: ModuleType) -> None:
    """What never ends counts as killed; what went wrong in a trial counts as a survivor."""
    total = figures(score, 0.5).total("errors")
    assert (total.mutants, total.killed, total.survived, total.score) == (4, 2, 2, 0.5)
    assert figures(score, 0.5).reached
    assert not figures(score, 0.51).reached
    assert score.Count().score == 1.0


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        pytest.param(0, 0, 0.0, 1.0, id="nothing-tried"),
        pytest.param(0, 10, 0.0, 0.2775, id="none"),
        pytest.param(10, 10, 0.7225, 1.0, id="all"),
        pytest.param(50, 100, 0.4038, 0.5962, id="half"),
    ],
)
def test_intervals(score: ModuleType, hits: int, trials: int, low: float, high: float) -> None:
    """Wilson's interval at 95 %, as in the tables."""
    assert score.wilson(hits, trials) == pytest.approx((low, high), abs=1e-4)


def test_a_survivor_is_explained_by_its_change(score: ModuleType, explained: ModuleType) -> None:
    """A block moved from the page of survivors to `explained.md` is found again, whatever its number."""
    page = score.survivors_page(TRIALS, {})
    assert "## Not explained (2)" in page
    judged = explained.keys_in(["## Equivalent", *page.splitlines()[3:]])
    assert judged == {explained.key_of("errors/a.py:f:99", CHANGE): "Equivalent"}
    total = figures(score, 0.5, judged).total("errors")
    assert (total.survived, total.explained) == (2, 1)
    page = score.survivors_page(TRIALS, judged)
    assert "## Not explained (1)" in page
    assert "## Equivalent (1)" in page
    assert "Traceback" in page


def test_another_change_of_the_same_function_is_not_explained(explained: ModuleType) -> None:
    """An explanation holds for one change in one function."""
    key = explained.key_of("errors/a.py:f:3", CHANGE)
    assert explained.key_of("errors/a.py:g:3", CHANGE) != key
    assert explained.key_of("errors/a.py:f:3", CHANGE.replace("x - 1", "x + 2")) != key


def test_every_explanation_has_a_reason(explained: ModuleType) -> None:
    """No block of `explained.md` stands outside a heading."""
    assert [key for key, reason in explained.known().items() if not reason] == []


def test_figures_for_people_and_programs(score: ModuleType) -> None:
    """The table and the JSON say the same, with the interval and the size of the sample."""
    table = figures(score, 0.85).table()
    assert "IS BELOW 85%" in table
    assert "all; 95 % interval 15.0% to 85.0%" in table
    document = figures(score, 0.85).document()
    errors = document["packages"]["errors"]
    assert (errors["mutants"], errors["score"], errors["files"]["errors/b.py"]["survived"]) == (4, 0.5, 1)
    assert document["sample"] is None
