"""Figures from counts: over all callers and minutes, and nothing that did not happen."""

from typing import Any

import pytest

from halfopen.exporters.figures import counts, times


def test_callers_and_minutes_are_one(made: Any) -> None:
    """Three requests of two callers in two minutes."""
    outcomes = (made.ok(1), made.ok(2, caller="other"), made.ok(3, arrived=100.0, ended=103.0))
    _, sums = made.folded(*outcomes)
    assert len(sums.requests) == 3
    found = {(each.name, *dict(each.labels).values()): each.value for each in counts(sums)}
    where = ("gpt-4o", "openai/gpt-4o")
    assert found["requests", *where, "ok"] == 3
    assert found["tokens", *where, "input"] == 300
    assert found["cost_usd", *where] == pytest.approx(3 * 450e-6)
    assert not [name for name, *_ in found if "wasted" in name or "rescued" in name]


def test_times_are_in_seconds(made: Any) -> None:
    """Of whole answers, with how many there were of each."""
    _, sums = made.folded(made.ok(1), made.ok(2), made.failed(3))
    found = {each.name: (each.value_s, each.number) for each in times(sums)}
    assert found == {
        "request.duration": (pytest.approx(3.0, rel=0.021), 2),
        "first_content": (pytest.approx(1.0, rel=0.021), 2),
    }
