"""Which rows are kept: a part of plain successes, and all others."""

import msgspec
import pytest

from halfopen import errors
from halfopen.app.processes.folding import Folding, is_sampled
from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.outcome_rows import rows
from halfopen.model import Kind, Skip


@pytest.mark.parametrize("part", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("digits", ["{:06x}", "{}"])
def test_the_part_is_as_large_as_is_asked_for(part, digits):
    """Also of ids that differ in their last digits only."""
    ids = [f"ho-1f3a9c0e52d7-{digits.format(number)}" for number in range(20_000)]
    kept = sum(is_sampled(each, part) for each in ids)
    # Five standard deviations of a draw.
    assert abs(kept - part * len(ids)) < 5 * (len(ids) * part * (1 - part)) ** 0.5
    parts = [
        sum(is_sampled(each, part) for each in ids[first : first + 2000]) for first in range(0, 20_000, 2000)
    ]
    assert all(abs(each - part * 2000) < 5 * (2000 * part * (1 - part)) ** 0.5 for each in parts), parts


def test_a_larger_part_has_all_of_a_smaller_one():
    """And the whole has all, and none is none."""
    ids = [f"r{number}" for number in range(500)]
    small = {each for each in ids if is_sampled(each, 0.2)}
    assert small < {each for each in ids if is_sampled(each, 0.6)}
    assert all(is_sampled(each, 1.0) for each in ids)
    assert not any(is_sampled(each, 0.0) for each in ids)


def test_failures_and_rescues_are_always_kept(outcome):
    """Whoever was passed over by the policy makes a plain row a rescue."""
    folding = Folding()
    folding.keep_successes = 0.0
    skip = Skip("q/m", "breaker open")
    made = [
        outcome(0),
        outcome(1, skips=(skip,)),
        outcome(2, fault=errors.make(Kind.SERVER_ERROR), served_by=None),
        outcome(3, client_gone=True),
    ]
    sent = msgspec.Raw(msgspec.msgpack.encode(rows(made, 0.0)))
    folded, sums = folding.fold(Outcomes(sent, len(made), "a", 0))
    kept = folding.sampled(folded)
    assert [(group.rescued, len(group.rows)) for group in folded.plain] == [(0, 1), (1, 1)]
    assert [[row[0] for row in group.rows] for group in kept.plain] == [[made[1].request_id]]
    assert list(kept.detailed) == list(folded.detailed)
    assert sum(counts[0] for counts in sums.requests.values()) == 4
