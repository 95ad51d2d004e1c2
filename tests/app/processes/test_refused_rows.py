"""Which rows of refused requests are kept."""

import msgspec
import pytest

from halfopen import errors
from halfopen.app.processes.folding import Folding
from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.outcome_rows import rows
from halfopen.app.processes.refused_rows import SECONDS_MAX
from halfopen.model import Kind


@pytest.fixture
def refused(outcome):
    """`refused(first, count, kind, caller)` are outcomes of requests that got to no route."""

    def make(first, count, kind=Kind.KEY_NEEDED, caller=""):
        same = {"fault": errors.make(kind), "caller": caller, "arrived": 0.0, "ended": 0.0}
        return [outcome(first + n, route="", served_by=None, attempts=(), **same) for n in range(count)]

    return make


def folded(folding, made, wall_s=1000.0, first=0):
    """A batch that was sent at this second, and its counts."""
    sent = msgspec.Raw(msgspec.msgpack.encode(rows(made, wall_s)))
    return folding.fold(Outcomes(sent, len(made), "a", first))


def test_strangers_can_not_fill_the_record(refused):
    """However many they send, one row a second is kept. All are counted."""
    folding, kept, counted = Folding(), 0, 0
    for second in range(3):
        for part in range(4):
            made, sums = folded(folding, refused(1000 * second + 100 * part, 100), 1000.0 + second)
            kept += folding.sampled(made).count
            counted += sum(counts[0] for counts in sums.requests.values())
    assert (kept, counted) == (3, 1200)


def test_each_caller_has_a_row(refused):
    """A stranger doesn't hide that a known caller is over budget."""
    folding = Folding()
    made, _ = folded(folding, refused(0, 50) + refused(50, 50, Kind.OVER_BUDGET, "billing"))
    assert [row[2] for row in folding.sampled(made).detailed] == ["", "billing"]


def test_requests_that_got_to_a_route_are_all_kept(outcome):
    """Whatever they failed of."""
    folding = Folding()
    fault = errors.make(Kind.SERVER_ERROR)
    made, _ = folded(folding, [outcome(n, fault=fault, served_by=None) for n in range(100)])
    assert folding.sampled(made).count == 100


def test_the_same_rows_are_kept_at_every_try(refused):
    """A store that fails is given the same again, also when batches came in another order."""
    folding = Folding()
    one, _ = folded(folding, refused(0, 20), 1000.0)
    two, _ = folded(folding, refused(20, 20), 1001.0)
    first = [folding.sampled(each).detailed for each in (two, one)]
    assert [folding.sampled(each).detailed for each in (two, one)] == first
    assert [len(each) for each in first] == [1, 1]


def test_what_is_remembered_is_bounded(refused):
    """Of so many seconds."""
    folding = Folding()
    for second in range(3 * SECONDS_MAX):
        folding.sampled(folded(folding, refused(second, 1), 1000.0 + second)[0])
    assert len(folding._refused._kept) == SECONDS_MAX
