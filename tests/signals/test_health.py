"""Whether users are served, and since when: timelines of what came to pass, minute by minute."""

import pytest
from made_requests import MINUTE, NOW

from halfopen.signals.health import Minute, health_at, health_now, health_of, since
from halfopen.signals.overview import Health

OK, RESCUING, FAILING, IDLE = Health.OK, Health.RESCUING, Health.FAILING, Health.IDLE


def timeline(told):
    """Minutes from their letters, the last of which runs: f failing, r rescuing, . fine, o own mistakes only."""
    counts = {"f": (100, 50, 0), "r": (100, 0, 50), ".": (100, 0, 0), "o": (0, 0, 0)}
    first = MINUTE - 60 * (len(told) - 1)
    return [Minute(first + 60 * place, *counts[each]) for place, each in enumerate(told) if each in counts]


def minutes_ago(since_s):
    return None if since_s is None else (MINUTE - since_s) / 60


@pytest.mark.parametrize(
    ("counted", "failed", "rescued", "health"),
    [
        pytest.param(0, 0, 0, IDLE, id="nobody asks"),
        pytest.param(1, 0, 0, OK, id="one answer"),
        pytest.param(1, 1, 0, FAILING, id="one failure"),
        pytest.param(1000, 1, 0, FAILING, id="one of a thousand"),
        pytest.param(1001, 1, 0, OK, id="one of more than a thousand"),
        pytest.param(100, 0, 1, RESCUING, id="one rescue of a hundred"),
        pytest.param(101, 0, 1, OK, id="one rescue of more"),
        pytest.param(100, 1, 99, FAILING, id="failing is worse than rescuing"),
    ],
)
def test_the_state_of_counts(counted, failed, rescued, health):
    """Single failures among many are no reason to get up."""
    assert health_of(counted, failed, rescued) is health


@pytest.mark.parametrize(
    ("told", "health", "ago"),
    [
        pytest.param("....", OK, None, id="fine for longer than is known"),
        pytest.param("", IDLE, None, id="nobody ever asked"),
        pytest.param("...f", FAILING, 0, id="it begins"),
        pytest.param("..ffff", FAILING, 3, id="since its first minute"),
        pytest.param("..ff.", FAILING, 2, id="the minute before counts as well"),
        pytest.param("..ff..", OK, 1, id="over: since the minute after"),
        pytest.param("f  f  f", FAILING, 6, id="nobody asks between failures"),
        pytest.param("f..f..f", FAILING, 6, id="two minutes without a failure are no end"),
        pytest.param("f...f..f", FAILING, 3, id="three are one"),
        pytest.param("..rrrr", RESCUING, 3, id="rescuing"),
        pytest.param("ffr", FAILING, 2, id="just now only rescuing"),
        pytest.param("ffrrr", RESCUING, 2, id="rescuing since the failures ended"),
        pytest.param("rrff", FAILING, 1, id="rescues before are not failures"),
        pytest.param("rrfrrr", RESCUING, 2, id="rescuing anew after a failure"),
        pytest.param("foooof", FAILING, 5, id="own mistakes between failures are no calm"),
        pytest.param("rr....", OK, 3, id="rescues are over"),
        pytest.param("..   ", IDLE, 2, id="nobody has asked since"),
        pytest.param("f    ", IDLE, 3, id="idle after a failure"),
        pytest.param(".", OK, None, id="its first minute"),
        pytest.param("f" * 60, FAILING, 59, id="an hour"),
    ],
)
def test_since_when(told, health, ago):
    """To the minute; a trouble lasts through short calms, and a worse one before it is another."""
    minutes = timeline(told)
    assert health_at(minutes, NOW) is health
    assert minutes_ago(since(minutes, health)) == ago


def test_nobody_asks_is_known_only_from_workers():
    """Control that hears from none can't tell; where requests are counted it can."""
    assert health_now([], NOW, heard=False) is Health.UNKNOWN
    assert health_now([], NOW, heard=True) is IDLE
    assert health_now(timeline("f"), NOW, heard=False) is FAILING
    assert since(timeline("f"), Health.UNKNOWN) is None


def test_the_future_is_not_now():
    """A worker's clock that is ahead makes no difference to minutes before."""
    assert health_at([Minute(MINUTE - 180, 9, 9, 0)], NOW) is IDLE
