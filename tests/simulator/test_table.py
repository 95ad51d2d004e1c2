"""The judges of the simulator's figures: the table of attempts, the promises, the scenarios' expectations."""

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from halfopen.app.simulation import find_scenario, packaged
from halfopen.simulator.report import Figures

HERE = Path(__file__).parent
FIGURES = Figures(
    requests=1000,
    success_rate=0.99,
    success_interval=(0.98, 0.995),
    amplification=1.0,
    failovers=0.0,
    p50_s=0.2,
    p99_s=0.4,
    recovery_s=2.0,
    cost=1.0,
    success_of={"a_users": 0.7, "b_users": 0.99},
    p99_healthy_s=None,
    p99_settled_s=None,
)
GOOD = {
    ("errors-100", "halfopen"): [replace(FIGURES, success_rate=0.0)] * 3,
    ("errors-10", "halfopen"): [replace(FIGURES, success_rate=rate) for rate in (0.988, 0.99, 0.992)],
    ("retry-storm", "halfopen"): [FIGURES] * 3,
    ("retry-storm", "jitter"): [replace(FIGURES, recovery_s=None)] * 3,
    ("failover-cascade", "halfopen"): [FIGURES] * 3,
}


def load(name: str) -> ModuleType:
    """A plain module of this folder, under a name of its own."""
    full = f"simulator_tests_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, HERE / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def table() -> ModuleType:
    """The table of attempts."""
    return load("table")


@pytest.fixture(scope="session")
def check() -> ModuleType:
    """The scenarios' expectations."""
    return load("scenario_check")


def test_the_interval_is_students(table: ModuleType) -> None:
    """Four values by hand: mean 3, deviation 2, so 3.182 x 2 / 2 on either side."""
    of = table.mean([1.0, 3.0, 3.0, 5.0])
    assert of.value == 3.0
    assert of.half_width == pytest.approx(3.182 * (8 / 3) ** 0.5 / 2)
    assert (of.least, of.most, of.seeds) == (1.0, 5.0, 4)


def test_one_seed_says_nothing_of_the_spread(table: ModuleType) -> None:
    """The interval of a single run is endless, and JSON shows null for it."""
    assert table.mean([1.0]).half_width == float("inf")
    plain = table.plain({("errors-100", "sdk"): [FIGURES]})
    assert plain["table"][0]["amplification"]["half_width"] is None
    json.dumps(plain, allow_nan=False)


def test_promises_that_are_kept(table: ModuleType) -> None:
    """All five are judged, and pass."""
    promises = table.promises(GOOD)
    assert len(promises) == 5
    assert all(promise.kept for promise in promises)


@pytest.mark.parametrize(
    ("run", "figures"),
    [
        pytest.param(("errors-100", "halfopen"), {"amplification": 1.011}, id="amplifies"),
        pytest.param(("errors-10", "halfopen"), {"success_rate": 0.98}, id="retries too little"),
        pytest.param(("retry-storm", "halfopen"), {"recovery_s": 5.1}, id="recovers late"),
        pytest.param(("retry-storm", "halfopen"), {"recovery_s": None}, id="never recovers"),
        pytest.param(("retry-storm", "jitter"), {"recovery_s": 100.0}, id="jitter recovers"),
        pytest.param(
            ("failover-cascade", "halfopen"),
            {"success_of": {"a_users": 1.0, "b_users": 0.94}},
            id="takes B down",
        ),
    ],
)
def test_a_promise_broken_on_one_seed_is_broken(
    table: ModuleType, run: tuple[str, str], figures: dict[str, Any]
) -> None:
    """One bad seed of three is enough, also where the mean's interval is what counts."""
    seeds = GOOD[run]
    found = table.promises({**GOOD, run: [*seeds[:2], replace(seeds[2], **figures)]})
    (broken,) = [promise for promise in found if not promise.kept]
    assert broken.missed == 1


def test_a_mean_that_only_just_keeps_its_bound_does_not(table: ModuleType) -> None:
    """The whole interval of the success at 10 % must be above the bound."""
    rates = (0.984, 0.986, 0.988)
    runs = {**GOOD, ("errors-10", "halfopen"): [replace(FIGURES, success_rate=rate) for rate in rates]}
    assert [promise.kept for promise in table.promises(runs) if promise.what == table.SUCCESS_10] == [False]


def test_a_run_is_set_beside_what_was_measured(table: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """One seed of the cheapest cell: a dead provider is not called more often than there are requests."""
    runs = table.measure([("errors-100", "halfopen")], 1, jobs=1)
    (row,) = table.rows(runs)
    assert 5500 < row.requests < 6500
    assert row.amplification.value <= 1.01
    assert row.differences[0] == row.amplification.value - 1.002
    assert row.differences[1] is None
    table.show(runs, 1)
    told = capsys.readouterr().out
    assert "errors-100" in told
    assert "kept   halfopen's amplification" in told


def test_every_packaged_scenario_expects_something(check: ModuleType) -> None:
    """There is no scenario without a right answer, and each has one for Halfopen."""
    for name in packaged():
        assert "halfopen" in check.policies_of(find_scenario(name)), name


def test_a_sample_of_the_scenarios_meets_its_expectations(
    check: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The smallest scenarios, with every policy that they name."""
    assert check.main(["--sample", "--jobs", "1"]) == 0
    told = capsys.readouterr().out
    assert "met   " in told
    assert "n = " in told


def test_an_expectation_that_is_not_met_fails(
    check: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path, small: Callable[[str], str]
) -> None:
    """The line says what was reached and what was to be reached."""
    path = tmp_path / "bad.toml"
    path.write_text(small("at_least = 0.99"))
    assert check.main(["--only", str(path), "--jobs", "1"]) == 1
    assert "NOT   " in capsys.readouterr().out


def test_a_scenario_without_expectations_fails(
    check: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path, small: Callable[[str], str]
) -> None:
    """A right answer that nobody wrote down is not checked by anybody."""
    path = tmp_path / "silent.toml"
    path.write_text(small("").partition("[[expect]]")[0])
    assert check.main(["--only", str(path), "--jobs", "1"]) == 1
    assert "expects nothing" in capsys.readouterr().out


@pytest.fixture
def small() -> Callable[[str], str]:
    """A scenario of a few seconds in which everything fails, with a bound on the success."""
    return lambda bound: (
        f"""
name = "small"
title = "Small"
description = "Everything fails."
duration_s = 5
[upstreams.a]
[clients.app]
targets = ["a"]
stream = false
phases = [{{ from_s = 0, until_s = 5, rate = 10 }}]
[[faults]]
upstream = "a"
kind = "error"
from_s = 0
until_s = 5
[[expect]]
policy = "none"
figure = "success_rate"
{bound}
"""
    )
