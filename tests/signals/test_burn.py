"""Burn rates as timelines on virtual time: what pages, what doesn't, and when it ends."""

import pytest
from made_requests import MINUTE, NOW

from halfopen.signals.burn import PAIRS, Guards, burn_rates
from halfopen.signals.timeline import Timeline

NO_GUARDS = Guards(samples_min=1, bad_min=1)
USUAL = Guards(samples_min=20, bad_min=3)


def timeline(minutes, bad, total, *, ago=0):
    """So many minutes of the same kind, until `ago` minutes before now."""
    made = Timeline()
    add(made, minutes, bad, total, ago=ago)
    return made


def add(made, minutes, bad, total, *, ago=0):
    for minute in range(ago, ago + minutes):
        made.set(MINUTE - 60 * minute, total - bad, total)


def firing(made, target=0.999, guards=NO_GUARDS, now=NOW):
    return [(rate.severity, rate.long_s) for rate in burn_rates(made, target, guards, now) if rate.firing]


def test_the_pairs_are_those_of_the_workbook():
    """2 % of the budget of 30 days in an hour, 5 % in six hours, 10 % in three days."""
    month_h = 30 * 24
    assert [round(rate * long_s / 3600 / month_h, 4) for _, long_s, _, rate in PAIRS] == [0.02, 0.05, 0.1]
    assert [(severity, short_s * 12 == long_s) for severity, long_s, short_s, _ in PAIRS] == [
        ("page", True),
        ("page", True),
        ("ticket", True),
    ]


def test_one_failure_of_a_probe_a_minute_pages_nobody():
    """With 99.9 % and 60 samples an hour one failure is 16 times the budget. The guards see to it."""
    probes = timeline(6 * 60, 0, 1)
    probes.set(MINUTE - 60, 0, 1)
    assert ("page", 3600) in firing(probes), "without guards it does, which is the trap"
    assert firing(probes, guards=USUAL) == []
    two_more = timeline(6 * 60, 0, 1)
    for minute in (1, 2, 3):
        two_more.set(MINUTE - 60 * minute, 0, 1)
    assert ("page", 3600) in firing(two_more, guards=USUAL)


def test_a_total_outage_pages_within_minutes_and_no_sooner_than_three_misses():
    """Ten requests a minute, all of which fail from one minute on."""
    made = timeline(72 * 60, 0, 10, ago=10)
    paged_after = None
    for minute in range(9, -1, -1):
        made.set(MINUTE - 60 * minute, 0, 10)
        if firing(made, guards=USUAL, now=MINUTE - 60 * minute + 50) and paged_after is None:
            paged_after = 10 - minute
    assert paged_after == 1


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        pytest.param(0.0005, [], id="half the budget's rate"),
        pytest.param(0.002, [("ticket", 259_200)], id="twice"),
        pytest.param(0.007, [("page", 21_600), ("ticket", 259_200)], id="seven times"),
        pytest.param(0.02, [("page", 3600), ("page", 21_600), ("ticket", 259_200)], id="twenty times"),
    ],
)
def test_a_steady_rate_fires_what_it_exceeds(share, expected):
    """Three days of it: slow burns open a ticket, quick ones page."""
    made = timeline(3 * 24 * 60, int(share * 10_000), 10_000)
    assert firing(made, guards=USUAL) == expected


def test_a_threshold_must_be_exceeded():
    """At exactly the rate nothing fires."""
    made = timeline(3 * 24 * 60, 10, 10_000)
    rates = burn_rates(made, 0.999, NO_GUARDS, NOW)
    assert rates[2].long_rate == pytest.approx(1.0)
    assert not burn_rates(timeline(3 * 24 * 60, 1, 2), 0.5, NO_GUARDS, NOW)[2].firing
    for long_ago, lately in (((8, 8), (0, 8)), ((0, 8), (4, 8))):
        made = Timeline()
        made.set(MINUTE - 24 * 3600, *long_ago)
        made.set(MINUTE, *lately)
        ticket = burn_rates(made, 0.5, NO_GUARDS, NOW)[2]
        assert min(ticket.long_rate, ticket.short_rate) == 1.0 < max(ticket.long_rate, ticket.short_rate)
        assert not ticket.firing


def test_what_is_over_fires_no_more_though_the_long_window_still_burns():
    """An hour of outage that ended six minutes ago: the short windows have forgotten it, but for the slow one."""
    made = timeline(60, 10, 10, ago=6)
    add(made, 6, 0, 10)
    rates = burn_rates(made, 0.999, USUAL, NOW)
    assert rates[0].long_rate > 14.4
    assert rates[0].short_rate == 0.0
    assert [rate.firing for rate in rates] == [False, True, True]


def test_both_windows_must_exceed():
    """A burst of five minutes in a quiet hour of many requests is no page by the hour's pair."""
    made = timeline(55, 0, 1000, ago=5)
    add(made, 5, 20, 1000)
    rates = burn_rates(made, 0.999, USUAL, NOW)
    assert rates[0].short_rate == pytest.approx(20.0)
    assert rates[0].long_rate == pytest.approx(20.0 * 5 / 60)
    assert not rates[0].firing


@pytest.mark.parametrize(
    ("total", "bad", "known"),
    [
        pytest.param(19, 19, False, id="too few requests"),
        pytest.param(20, 2, False, id="too few misses"),
        pytest.param(20, 3, True, id="enough of both"),
        pytest.param(0, 0, False, id="none at all"),
    ],
)
def test_guards_of_low_traffic(total, bad, known):
    """Below them there is no rate, and nothing fires."""
    made = Timeline()
    made.set(MINUTE, total - bad, total)
    rates = burn_rates(made, 0.999, USUAL, NOW)
    assert [rate.long_rate is not None for rate in rates] == [known] * 3
    assert [rate.short_rate is not None for rate in rates] == [known] * 3
    assert [rate.firing for rate in rates] == [known] * 3


def test_a_window_is_of_whole_minutes():
    """The hour ends with the minute that runs, and begins 59 minutes before it."""
    for ago, expected in ((59, 1.0), (60, None)):
        made = Timeline()
        made.set(MINUTE - 60 * ago, 0, 1)
        assert burn_rates(made, 0.0, NO_GUARDS, NOW)[0].long_rate == expected
