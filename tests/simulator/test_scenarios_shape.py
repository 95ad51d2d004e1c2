"""The scenarios that come with the package: whole files that say what is right, and for whom."""

from math import fsum
from pathlib import Path

import pytest

import halfopen.simulator
from halfopen.simulator.scenario import ClientSpec, Scenario
from halfopen.simulator.strategies import STRATEGIES
from halfopen.simulator.toml import Unreadable, read_scenario

FOLDER = Path(halfopen.simulator.__file__).parent / "scenarios"
FILES = tuple(sorted(FOLDER.glob("*.toml")))
NAMES = (
    "brownout",
    "errors-10",
    "errors-100",
    "errors-50",
    "failover-cascade",
    "flapping",
    "fragile",
    "march-2025",
    "rate-limit-cliff",
    "retry-storm",
    "slow-drip",
    "thundering-herd",
    "total-outage",
)
"""What the guide and the issue speak of."""
LINES_MAX = 400
REQUESTS_MAX = 31_000
"""So that a policy takes seconds."""
MANY = {"march-2025": 60_000}
"""A surge needs numbers."""


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def file(request: pytest.FixtureRequest) -> Path:
    """Each scenario file."""
    found: Path = request.param
    return found


@pytest.fixture
def scenario(file: Path) -> Scenario:
    """What it says."""
    read = read_scenario(file.read_text(encoding="utf-8"))
    assert not isinstance(read, Unreadable), read
    return read


def requests(client: ClientSpec, duration_s: float) -> float:
    """About how many requests a group sends; in a closed loop as if it were answered at once."""
    opened = fsum(
        (phase.until_s - phase.from_s)
        * (phase.rate + (phase.rate if phase.rate_end is None else phase.rate_end))
        / 2.0
        for phase in client.phases
    )
    return opened + (client.clients * duration_s / client.think_s if client.clients else 0.0)


def test_the_suite_is_whole() -> None:
    """Every scenario that is spoken of is there, and no other."""
    assert tuple(file.stem for file in FILES) == tuple(sorted(NAMES))


def test_folder_holds_scenarios_only() -> None:
    """The folder is data: whoever lists it sees the scenarios and nothing else."""
    assert [path.name for path in sorted(FOLDER.iterdir()) if path.suffix != ".toml"] == []


def test_name_is_the_file_name(file: Path, scenario: Scenario) -> None:
    """A scenario is called what its file is called."""
    assert scenario.name == file.stem


def test_title_and_description_say_something(scenario: Scenario) -> None:
    """A title fits over a plot, and a description tells what happens, without line breaks of the file."""
    assert 10 <= len(scenario.title) <= 90
    assert len(scenario.description) >= 200
    assert "\n" not in scenario.description
    assert "  " not in scenario.description


def test_something_is_expected_of_halfopen_and_of_a_peer(scenario: Scenario) -> None:
    """Each scenario has a right answer, and shows what somebody else's answer comes to."""
    policies = {expected.policy for expected in scenario.expect}
    assert "halfopen" in policies
    assert policies - {"halfopen"}
    assert policies <= set(STRATEGIES)


def test_nothing_is_expected_twice(scenario: Scenario) -> None:
    """A figure of a policy has its bounds in one place."""
    expected = [(one.policy, one.figure) for one in scenario.expect]
    assert len(expected) == len(set(expected))


def test_file_is_short(file: Path) -> None:
    """A scenario is read at one sitting, like any module."""
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


def test_run_takes_seconds(scenario: Scenario) -> None:
    """No scenario has more requests than a policy answers in a few seconds."""
    total = fsum(requests(client, scenario.duration_s) for client in scenario.clients)
    assert total <= MANY.get(scenario.name, REQUESTS_MAX)


def test_suite_has_both_right_answers() -> None:
    """Retrying is right in one scenario and wrong in another: whoever always or never does fails one."""
    scenarios = {}
    for file in FILES:
        read = read_scenario(file.read_text(encoding="utf-8"))
        assert isinstance(read, Scenario)
        scenarios[read.name] = read
    bounds = {
        (name, one.policy): one
        for name in ("errors-10", "fragile")
        for one in scenarios[name].expect
        if one.figure == "success_rate"
    }
    for retrying in ("sdk", "naive", "jitter"):
        assert (bounds["fragile", retrying].at_most or 1.0) <= 0.5, retrying
    assert (bounds["fragile", "none"].at_least or 0.0) >= 0.9
    assert (bounds["errors-10", "none"].at_most or 1.0) <= 0.92
    assert (bounds["errors-10", "sdk"].at_least or 0.0) >= 0.99
