"""What callers have spent, by window."""

from datetime import UTC, datetime

import pytest

from halfopen.model.gateway_key import Per
from halfopen.policy.budget import Amounts
from halfopen.seams.sums import REQUEST_COUNTS, Sums
from halfopen.signals.spent import WINDOWS_MAX, Spent, spending


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def sums(*rows: tuple[str, str, int]) -> Sums:
    """Of each minute and caller so many requests of 10 + 5 tokens and 7 billionths each."""
    made = Sums()
    for minute, caller, count in rows:
        values = {
            "requests": count,
            "input_tokens": 10 * count,
            "output_tokens": 5 * count,
            "cost_nusd": 7 * count,
        }
        key = (at(minute), "m", "p/x", caller, "ok")
        made.requests[key] = [values.get(name, 0) for name in REQUEST_COUNTS]
    return made


MINUTE = "2026-11-30T23:59:00"
NEXT = "2026-12-01T00:00:00"


def test_results_routes_and_targets_are_one() -> None:
    """Only the caller tells amounts apart; failed requests count as well."""
    made = sums((MINUTE, "a", 2), (MINUTE, "b", 1))
    made.requests[at(MINUTE), "other", "", "a", "server_error"] = [
        3 if name == "requests" else 0 for name in REQUEST_COUNTS
    ]
    assert spending(made) == {"a": Amounts(5, 30, 14), "b": Amounts(1, 15, 7)}


def test_each_window_has_its_own() -> None:
    """The last minute of a month and the first of the next are in one window of none."""
    spent = Spent()
    spent.add(
        sums(("2026-11-30T22:10:00", "a", 4), ("2026-11-30T23:10:00", "a", 2), (MINUTE, "a", 1)), at(MINUTE)
    )
    found = [spent.of("a", per, at(MINUTE) + 59.9).requests for per in Per]
    assert found == [1, 3, 7, 7]
    assert [spent.of("a", per, at(NEXT)).requests for per in Per] == [0, 0, 0, 0]
    spent.add(sums((NEXT, "a", 9)), at(NEXT))
    assert [spent.of("a", per, at(NEXT)).requests for per in Per] == [9, 9, 9, 9]


def test_what_comes_late_for_a_window_that_is_over_is_not_in_the_next_one() -> None:
    """It counts in its own."""
    spent = Spent()
    spent.add(sums((NEXT, "a", 1)), at(NEXT))
    spent.add(sums((MINUTE, "a", 5)), at(NEXT))
    assert [spent.of("a", per, at(NEXT)).requests for per in Per] == [1, 1, 1, 1]


def test_what_was_counted_before_is_added() -> None:
    """Whether it is restored before or after the first count of this process."""
    early, late = Spent(), Spent()
    early.restore(Per.DAY, at(MINUTE), {"a": Amounts(2, 3, 4)})
    early.add(sums((MINUTE, "a", 1)), at(MINUTE))
    late.add(sums((MINUTE, "a", 1)), at(MINUTE))
    late.restore(Per.DAY, at(MINUTE), {"a": Amounts(2, 3, 4)})
    for spent in (early, late):
        assert spent.of("a", Per.DAY, at(MINUTE)) == Amounts(3, 18, 11)
        assert spent.of("nobody", Per.DAY, at(MINUTE)) == Amounts()


@pytest.mark.parametrize("wrong", ["2027-06-30T12:00:00", "2026-02-03T12:00:00", "2019-01-01T00:00:00"])
def test_one_outcome_of_a_wrong_time_hides_nothing(wrong: str) -> None:
    """What was spent before it, and what is spent after it, is in the window of now."""
    spent = Spent()
    for minute in ("2026-11-30T23:10:00", wrong, MINUTE):
        spent.add(sums((minute, "a", 1)), at(MINUTE))
    assert [spent.of("a", per, at(MINUTE)).requests for per in Per] == [1, 2, 2, 2]


@pytest.mark.parametrize("wrong", ["2027-06-30T12:00:00", "2026-02-03T12:00:00"])
def test_a_clock_that_is_wrong_for_a_while_gives_no_second_budget(wrong: str) -> None:
    """It is set ahead or back, and then right again: what was spent before counts as if nothing had been."""
    spent = Spent()
    spent.add(sums(("2026-11-30T23:10:00", "a", 5)), at("2026-11-30T23:10:00"))
    spent.add(sums((wrong, "a", 1)), at(wrong))
    assert spent.of("a", Per.MONTH, at(wrong)).requests == 1
    spent.add(sums((MINUTE, "a", 1)), at(MINUTE))
    assert [spent.of("a", per, at(MINUTE)).requests for per in Per] == [1, 6, 6, 6]


def test_windows_are_bounded_and_the_one_of_now_stays() -> None:
    """However many wrong times there are; those that are farthest from now go."""
    spent = Spent()
    spent.add(sums((MINUTE, "a", 5)), at(MINUTE))
    for year in range(1990, 2026):
        spent.add(sums((f"{year}-01-01T00:00:00", "a", 1)), at(MINUTE))
    assert {len(windows) for windows in spent._windows.values()} == {WINDOWS_MAX}
    assert spent.of("a", Per.MONTH, at(MINUTE)).requests == 5
