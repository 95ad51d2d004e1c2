"""Lines that say which rows ended when."""

import pytest

from halfopen.seams.outcome_store import DETAILED, PRICED, Batch, Context, Group, Rows
from halfopen.seams.sums import Sums
from halfopen.store.row_times import ROWS_MAX, joined, line_of

CONTEXT = Context("m", "chat", "", "", 0, "p/m", None)


def batch(*ended, more=()):
    def row(columns, ended_s):
        return tuple(ended_s if column == "ended_wall_s" else None for column in columns)

    groups = [Group(CONTEXT, 0, [row(PRICED, each)]) for each in ended]
    return Batch("a", 0, Rows(groups, [row(DETAILED, each) for each in more]), Sums())


def test_a_line_has_all_rows_of_a_write():
    """From the first number, with the first and the last end, whatever their order."""
    assert line_of([batch(7.0, 5.0), batch(), batch(6.0, more=(4.0, 9.0))], 11) == (11, 16, 4.0, 9.0)


def test_no_rows_have_no_line():
    """There may be counts only."""
    assert line_of([], 1) is line_of([batch()], 1) is None


@pytest.mark.parametrize(
    ("before", "line", "made"),
    [
        pytest.param((1, 5, 60.0, 70.0), (5, 9, 65.0, 119.0), (1, 9, 60.0, 119.0), id="one minute"),
        pytest.param((1, 5, 65.0, 70.0), (5, 9, 61.0, 62.0), (1, 9, 61.0, 70.0), id="earlier in it"),
        pytest.param((1, 5, 60.0, 70.0), (5, 9, 65.0, 120.0), (5, 9, 65.0, 120.0), id="another minute"),
        pytest.param((1, 5, 60.0, 70.0), (6, 9, 65.0, 66.0), (6, 9, 65.0, 66.0), id="a hole between"),
        pytest.param(
            (1, 5, 60.0, 70.0), (5, ROWS_MAX + 2, 61.0, 62.0), (5, ROWS_MAX + 2, 61.0, 62.0), id="too many"
        ),
        pytest.param(None, (5, 9, 1.0, 2.0), (5, 9, 1.0, 2.0), id="the first"),
    ],
)
def test_lines_of_a_minute_are_one(before, line, made):
    """As long as they follow one another and are not too long."""
    assert joined(before, line) == made
