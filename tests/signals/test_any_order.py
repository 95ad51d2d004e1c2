"""However outcomes are batched, and in whatever order they come, the same is counted and shown."""

import pytest
from made_requests import NOW, counted, made, split

from halfopen.seams.sums import Sums
from halfopen.signals.digests import Digests
from halfopen.signals.exposition import Facts, exposition
from halfopen.signals.health import Health
from halfopen.signals.objectives import Followed, Promised
from halfopen.signals.survey import Known, survey
from halfopen.signals.windows import Windows


def all_of(batches):
    """Everything that comes of some batches: sums, overview, metrics, an objective."""
    sums, windows, digests = Sums(), Windows(), Digests()
    followed = Followed(Promised(name="up"))
    for batch in batches:
        part = counted(batch)
        windows.add(part, NOW)
        sums.add(part)
        digests.follow(windows)
        followed.follow(windows, NOW)
    return (
        sums.tables(),
        survey(windows, digests, NOW, Known()),
        exposition(windows.ever, Facts(health=Health.OK)),
        followed.state(NOW),
    )


@pytest.mark.parametrize("seed", range(8))
def test_batches_and_order_make_no_difference(seed):
    """One batch of all, singles, and any other split; counts, overview, metrics and objectives."""
    outcomes = made(seed, 120, NOW - 1200, NOW)
    expected = all_of([outcomes])
    assert all_of([[each] for each in outcomes]) == expected
    for order in range(3):
        assert all_of(split(outcomes, order)) == expected


def test_what_was_counted_is_not_changed_by_what_comes_later():
    """The same counts go to the store: memory must not add to them."""
    windows = Windows()
    first = counted(made(1, 30, NOW - 60, NOW))
    before = {
        table: {key: list(counts) for key, counts in of.items()} for table, of in first.tables().items()
    }
    windows.add(first, NOW)
    windows.add(counted(made(2, 30, NOW - 60, NOW)), NOW)
    assert first.tables() == before


def test_what_is_restored_is_as_if_it_had_been_counted():
    """The counts of all time and the last minutes from a store, and then more."""
    earlier, later = made(3, 60, NOW - 600, NOW - 300), made(4, 60, NOW - 300, NOW)
    sums = counted(earlier)
    restored, counted_all = Windows(), Windows()
    restored.restore(sums.in_spans_of(0), sums, NOW)
    restored.add(counted(later), NOW)
    counted_all.add(counted([*earlier, *later]), NOW)
    assert restored.ever.tables() == counted_all.ever.tables()
    assert survey(restored, Digests(), NOW, Known()) == survey(counted_all, Digests(), NOW, Known())


def test_minutes_are_forgotten_and_totals_are_not():
    """Three hours stay; a straggler of an earlier minute counts in the totals only."""
    windows = Windows()
    windows.add(counted(made(5, 20, NOW - 4 * 3600, NOW - 3.5 * 3600)), NOW)
    windows.add(counted(made(6, 20, NOW - 120, NOW)), NOW)
    windows.add(counted(made(7, 20, NOW - 4 * 3600, NOW - 3.5 * 3600)), NOW)
    assert min(windows.minutes) >= NOW - 180
    assert set(windows.versions) >= set(windows.minutes)
    assert sum(counts[0] for counts in windows.ever.requests.values()) == 60


def test_minutes_are_in_order_whatever_comes_first():
    """A batch of an earlier minute may come after one of a later one."""
    windows = Windows()
    for step, ended in enumerate((NOW, NOW - 600, NOW - 300, NOW - 301)):
        later = NOW + 60 * (step + 1)
        windows.add(counted([*made(8, 1, ended, ended), *made(8, 1, later, later)]), later)
    assert list(windows.minutes) == sorted(windows.minutes)
