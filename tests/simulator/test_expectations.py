"""Whether policies reached what a scenario expects."""

import pytest

from halfopen.simulator.expectations import figure, judge
from halfopen.simulator.report import Figures
from halfopen.simulator.scenario import Expectation

MEASURED = Figures(
    requests=1000,
    success_rate=0.95,
    success_interval=(0.93, 0.96),
    amplification=1.2,
    failovers=0.1,
    p50_s=0.2,
    p99_s=None,
    recovery_s=None,
    cost=3.5,
    success_of={"app": 0.9, "batch.nightly": 1.0, "nobody": None},
    p99_healthy_s=0.4,
    p99_settled_s=0.8,
)


def verdict(name, **bounds):
    (judgement,) = judge({"p": MEASURED}, [Expectation("p", name, **bounds)])
    return judgement.value, judgement.met


@pytest.mark.parametrize(
    ("name", "bounds", "value", "met"),
    [
        pytest.param("success_rate", {"at_least": 0.95}, 0.95, True, id="the lower bound itself"),
        pytest.param("success_rate", {"at_least": 0.951}, 0.95, False, id="below the lower bound"),
        pytest.param("amplification", {"at_most": 1.2}, 1.2, True, id="the upper bound itself"),
        pytest.param("amplification", {"at_most": 1.19}, 1.2, False, id="above the upper bound"),
        pytest.param("cost", {"at_least": 3, "at_most": 4}, 3.5, True, id="between both"),
        pytest.param("cost", {"at_least": 3, "at_most": 3.4}, 3.5, False, id="above both"),
        pytest.param("cost", {"at_least": 3.6, "at_most": 4}, 3.5, False, id="below both"),
        pytest.param("success_rate.app", {"at_most": 0.9}, 0.9, True, id="one group"),
        pytest.param("success_rate.batch.nightly", {"at_least": 1}, 1.0, True, id="a group with a dot"),
        pytest.param("success_rate.nobody", {"at_least": 0}, None, False, id="no requests have no success"),
        pytest.param("p99_s", {"at_most": 9}, None, False, id="no p99 is not low"),
        pytest.param("p99_s", {"at_least": 0}, None, False, id="no p99 is not high"),
        pytest.param("recovery_s", {"at_most": 1e9}, None, False, id="never is not soon"),
        pytest.param("recovery_s", {"at_least": 1e9}, None, True, id="never is late enough"),
        pytest.param("recovery_s", {"at_least": 1, "at_most": 2}, None, False, id="never is not between"),
    ],
)
def test_a_bound_is_met_or_not(name, bounds, value, met):
    """Bounds belong to what is allowed; a figure that there is none of reaches late recovery only."""
    assert verdict(name, **bounds) == (value, met)


def test_who_was_not_run_is_not_judged():
    """The order is that of the expectations."""
    expectations = [
        Expectation("q", "cost", at_most=1),
        Expectation("p", "cost", at_most=4),
        Expectation("p", "p50_s", at_most=1),
    ]
    assert [each.expectation for each in judge({"p": MEASURED}, expectations)] == expectations[1:]


@pytest.mark.parametrize("name", ["success", "success_rate.somebody", "cost.app", "success_of", ""])
def test_no_such_figure(name):
    """What is no figure of scenario files is refused, so nothing passes for want of a measure."""
    with pytest.raises(ValueError, match="there is no figure"):
        figure(MEASURED, name)
