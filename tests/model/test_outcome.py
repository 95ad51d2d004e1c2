"""What was spent."""

import pytest

from halfopen.model import Usage


@pytest.mark.parametrize(
    ("first", "second", "estimated"),
    [(False, False, False), (True, False, True), (False, True, True)],
    ids=["counted", "first-estimated", "second-estimated"],
)
def test_usage_adds_up(*, first: bool, second: bool, estimated: bool) -> None:
    """Two attempts spent the sum; it is an estimate as soon as one part is."""
    total = Usage(10, 5, 2, 1, estimated=first) + Usage(20, 7, 3, 4, estimated=second)
    assert total == Usage(30, 12, 5, 5, estimated=estimated)
