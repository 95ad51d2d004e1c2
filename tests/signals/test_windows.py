"""Minutes in memory are those around now, whatever times outcomes have and however the clock is set."""

import pytest
from made_requests import MINUTE, NOW, counted, failed, made, outcome

from halfopen.signals.digests import Digests
from halfopen.signals.health import Health
from halfopen.signals.objectives import Followed, Promised
from halfopen.signals.survey import Known, survey
from halfopen.signals.windows import AHEAD_S, KEPT_S, MINUTES_MAX, Windows

DAY_S = 86_400.0


def requests_in(windows: Windows) -> dict[int, int]:
    """Of each minute that is shown, before or after the latest, its requests."""
    return {
        start_s - MINUTE: sum(counts[0] for counts in sums.requests.values())
        for start_s, sums in windows.minutes.items()
    }


@pytest.mark.parametrize("wrong_by_s", [40 * DAY_S, 3600.0, -3600.0, -40 * DAY_S, -NOW])
def test_one_outcome_of_a_wrong_time_hides_nothing(wrong_by_s: float) -> None:
    """Health, figures and charts are of now, before and after it; it counts in the totals."""
    windows, digests = Windows(), Digests()
    windows.add(counted([outcome(NOW - 60.0)]), NOW)
    windows.add(counted([failed(NOW + wrong_by_s)]), NOW)
    windows.add(counted([outcome(NOW), outcome(NOW)]), NOW)
    seen = survey(windows, digests, NOW, Known())
    assert (seen.health, seen.figures.requests, seen.figures.failed) == (Health.OK, 3, 0)
    assert (seen.totals.requests, seen.totals.failed) == (4, 1)
    assert (seen.series.answered[-2:], seen.series.start_s[-1]) == ([1, 2], MINUTE)


@pytest.mark.parametrize("wrong_by_s", [40 * DAY_S, 3600.0, -3600.0, -40 * DAY_S])
def test_a_clock_that_is_set_wrong_and_right_again_loses_no_minute(wrong_by_s: float) -> None:
    """Meanwhile its own time is shown; then everything is as before, and what comes is counted."""
    windows, digests = Windows(), Digests()
    windows.add(counted(made(1, 200, NOW - 3000, NOW)), NOW)
    digests.follow(windows)
    before = requests_in(windows)
    wrong = NOW + wrong_by_s
    windows.add(counted([failed(wrong), failed(wrong)]), wrong)
    seen = survey(windows, digests, wrong, Known())
    assert (seen.health, seen.figures.requests) == (Health.FAILING, 2)
    assert seen.series.start_s[-1] == wrong // 60 * 60
    windows.add(counted([outcome(NOW)]), NOW)
    after = requests_in(windows)
    after = {start: count for start, count in after.items() if start - wrong_by_s not in (0.0, -60.0)}
    expected = {start: count for start, count in before.items() if start - wrong_by_s not in (0.0, -60.0)}
    assert after == {**expected, 0: before.get(0, 0) + 1}
    again = survey(windows, Digests(), NOW, Known())
    assert survey(windows, digests, NOW, Known()) == again


def test_a_minute_ahead_is_shown_when_its_time_comes() -> None:
    """A little ahead counts as now; objectives get it as well."""
    windows, followed = Windows(), Followed(Promised(name="up"))
    ahead = AHEAD_S + 60.0
    windows.add(counted([outcome(NOW + ahead)]), NOW)
    windows.add(counted([outcome(NOW + AHEAD_S)]), NOW)
    assert requests_in(windows) == {AHEAD_S: 1}
    windows.add(counted([]), NOW + ahead)
    assert requests_in(windows) == {AHEAD_S: 1, ahead: 1}
    followed.follow(windows, NOW + ahead)
    assert followed.state(NOW + ahead).total == 2


def test_minutes_go_as_time_passes_though_nobody_asks() -> None:
    """Those of the last three hours are shown."""
    windows = Windows()
    windows.add(counted([outcome(NOW - 60.0), outcome(NOW)]), NOW)
    windows.add(counted([]), NOW + KEPT_S - 60.0)
    assert requests_in(windows) == {0: 1}
    windows.add(counted([]), NOW + KEPT_S)
    assert requests_in(windows) == {}


def test_minutes_are_bounded() -> None:
    """However many wrong times there are; those that are farthest from now go."""
    windows = Windows()
    for number in range(3 * MINUTES_MAX):
        windows.add(counted([outcome(NOW + 60.0 * number)]), NOW)
        windows.add(counted([outcome(NOW - 60.0 * number)]), NOW)
    assert len(windows.versions) == MINUTES_MAX
    assert {0, -60, 60, -3000} <= set(requests_in(windows))
