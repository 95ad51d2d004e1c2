"""Which of several faults the client is shown."""

import itertools
from collections.abc import Callable

import pytest

from halfopen.errors.taxonomy import TAXONOMY
from halfopen.model import Fault, Kind, Place
from halfopen.policy.informative import most_informative, rank

LADDER = [
    Kind.INVALID_REQUEST,
    Kind.BAD_KEY,
    Kind.MODEL_NOT_FOUND,
    Kind.RATE_LIMITED,
    Kind.SERVER_ERROR,
    Kind.BAD_GATEWAY,
    Kind.CONNECTION_REFUSED,
    Kind.NO_CAPACITY,
]
"""One kind for each rung, most telling first."""


@pytest.mark.parametrize(
    ("better", "worse"), list(itertools.combinations(LADDER, 2)), ids=lambda kind: kind.value
)
def test_the_ladder_holds_for_every_pair(fault: Callable[..., Fault], better: Kind, worse: Kind) -> None:
    """Request, then account, configuration, rate limit, provider, network, and last ourselves."""
    assert most_informative([fault(worse), fault(better)]) == fault(better)


def test_quota_ranks_with_the_key(fault: Callable[..., Fault]) -> None:
    """Both are for the operator to mend."""
    assert rank(fault(Kind.QUOTA_EXHAUSTED)) == rank(fault(Kind.BAD_KEY))


@pytest.mark.parametrize(
    "vague", [Kind.BAD_GATEWAY, Kind.NO_RESPONSE, Kind.FIRST_TOKEN_TIMEOUT, Kind.UNKNOWN], ids=str
)
def test_a_vague_kind_yields_to_a_plain_one_of_its_place(fault: Callable[..., Fault], vague: Kind) -> None:
    """A 502 says less than a 500."""
    assert rank(fault(Kind.SERVER_ERROR, place=fault(vague).place)) < rank(fault(vague))


def test_among_equals_the_first_wins(fault: Callable[..., Fault]) -> None:
    """The first target is the one that the caller asked for."""
    first, second = fault(Kind.SERVER_ERROR, message="one"), fault(Kind.SERVER_ERROR, message="two")
    assert most_informative([first, second]) is first


def test_nothing_is_none() -> None:
    """Without a fault there is nothing to show."""
    assert most_informative([]) is None


@pytest.mark.parametrize("kind", list(Kind), ids=str)
def test_every_kind_at_every_place_has_a_rank(fault: Callable[..., Fault], kind: Kind) -> None:
    """The order is total: no kind and no place makes it raise."""
    assert kind in TAXONOMY
    assert all(0 <= rank(fault(kind, place=place)) <= 9 for place in Place)
