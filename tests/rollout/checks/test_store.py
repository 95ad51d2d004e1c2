"""How long what is kept: requests must be found, and objectives counted, by what else is kept."""

import pytest


@pytest.mark.parametrize(
    ("settings", "rows", "counts"),
    [("rows_days = 500", 500, 400), ("rows_days = 60\nhours_days = 31", 60, 31)],
    ids=["default", "set"],
)
def test_requests_that_nobody_would_find_are_refused(problems, settings, rows, counts):
    """With the setting that mends it."""
    (problem,) = problems(more=f"[store]\n{settings}\n")
    assert problem.endswith(
        f"store.rows_days: keeps requests for {rows} days, and counts, by which they are found, for {counts} "
        f"(hours_days = {rows})"
    )


def test_an_objective_over_days_that_are_not_counted_is_refused(problems):
    """Its budget would be of fewer days than it says."""
    (problem,) = problems(more="[store]\nhours_days = 31\n[objectives.up]\ndays = 32\n")
    assert problem.endswith(
        "objectives.up.days: counts 32 days, and counts are kept for 31 (at least hours_days = 32 in [store])"
    )


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "rows_days = 400",
        "rows_days = 3650\nhours_days = 3650",
        "rows_days = 31\nhours_days = 31",
        "rows_days = 60\nminutes_days = 60\nhours_days = 31",
    ],
)
def test_what_is_counted_as_long_as_it_is_kept_passes(problems, settings):
    """By minute or by hour."""
    assert problems(more=f"[store]\n{settings}\n[objectives.up]\ndays = 31\n") == []


def test_one_mistake_is_told_once(problems):
    """What is out of its range says nothing about the others."""
    (problem,) = problems(more="[store]\nrows_days = 500\nhours_days = 9999\n[objectives.up]\ndays = 90\n")
    assert "hours_days" in problem
