"""All upstreams are dead: the drill as a whole, and its table."""

import msgspec
import pytest
import uvloop

from halfopen.lab import faults
from halfopen.lab.drills import all_dead
from halfopen.lab.drills.all_dead import COMBINATIONS, STATUSES, Combination
from halfopen.model import Kind


def test_the_error_names_the_most_useful_cause_in_time():
    """Every combination, plain and streamed, at first and when asked again."""
    report = uvloop.run(all_dead.drill())
    assert report.ok, "\n".join([*(figure.line() for figure in report.figures), *report.failures])
    assert len(report.rows) == 2 * sum(len(each.modes) for each in COMBINATIONS)


@pytest.mark.parametrize("combination", COMBINATIONS, ids=lambda each: each.name)
def test_a_combination_is_well_formed(combination):
    """Faults, dialects and kinds exist, and there is a reason for what is expected."""
    assert combination.why
    assert combination.modes
    assert set(combination.kinds) <= set(Kind)
    assert len({dialect for dialect, _ in combination.faults}) == len(combination.faults) >= 2
    for dialect, name in combination.faults:
        fault = faults.load(name)
        assert dialect in fault.dialects
        assert not fault.healthy


def test_statuses_are_of_kinds():
    """The table of statuses names kinds only."""
    assert set(STATUSES) <= set(Kind)


def test_a_wrong_expectation_is_found():
    """The drill can fail: a cause that nobody has is not found in the error."""
    wrong = Combination(
        (("openai", "openai_500_server_error"), ("anthropic", "anthropic_529_overloaded")),
        ("bad_key",),
        "wrong",
    )
    first, last = uvloop.run(all_dead.play(wrong, "plain"))
    assert "names server_error instead of bad_key" in first["problems"][0]
    assert last["problems"]
    assert msgspec.json.decode(msgspec.json.encode(first))["client_requests"] == 1


def test_a_healthy_upstream_is_found():
    """The drill can fail: an answer is no error."""
    wrong = Combination(
        (("openai", "openai_500_server_error"), ("anthropic", "informational")), ("server_error",), "wrong"
    )
    first, _ = uvloop.run(all_dead.play(wrong, "plain"))
    assert first["problems"] == ["an answer instead of the gateway's error"]
