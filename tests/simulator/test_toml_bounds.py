"""How much a scenario file may ask for: load that ends, and no more groups than a report has room for."""

from collections.abc import Callable

import pytest

from halfopen.simulator.toml import Unreadable, read_scenario

PHASES = "phases = [{ from_s = 0, until_s = 60, rate = 5 }]"
GOOD = f"""\
name = "small"
title = "A small scenario"
description = "Nothing much."
duration_s = 60
[upstreams.a]
[clients.app]
targets = ["a"]
{PHASES}
"""


@pytest.fixture
def problems() -> Callable[[str], list[str]]:
    """What is wrong with a text, as place and message."""

    def of(text: str) -> list[str]:
        read = read_scenario(text)
        found = read.problems if isinstance(read, Unreadable) else ()
        return [f"{problem.place}: {problem.message}" for problem in found]

    return of


@pytest.mark.parametrize(
    ("clients", "number"),
    [
        pytest.param(
            "deadline_s = 86400\nphases = [{ from_s = 0, until_s = 60, rate = 20, rate_end = 200 }]",
            17286600,
            id="until the last deadline",
        ),
        pytest.param("clients = 1000\nthink_s = 0\ndeadline_s = 3000", 15300000, id="a closed loop"),
        pytest.param("clients = 100000\nthink_s = 0.5\ndeadline_s = 60", 17142857, id="a closed loop that thinks"),
    ],
)  # fmt: skip
def test_too_many_requests_in_the_end(
    problems: Callable[[str], list[str]], clients: str, number: int
) -> None:
    """Load that goes on while the last are waited for, and closed loops, are counted as well."""
    text = GOOD.replace(PHASES, clients)
    (problem,) = problems(text)
    assert f"clients: the clients may make {number} requests" in problem


def test_load_that_ends_before_the_scenario_does_not_go_on(problems: Callable[[str], list[str]]) -> None:
    """So a long deadline alone is no load."""
    phases = "deadline_s = 86400\nphases = [{ from_s = 0, until_s = 59, rate = 1000 }]"
    assert problems(GOOD.replace(PHASES, phases)) == []


def test_nothing_to_recover_from(problems: Callable[[str], list[str]]) -> None:
    """Never to recover is at least anything, so without a fault this would always be met."""
    expect = '[[expect]]\npolicy = "none"\nfigure = "recovery_s"\nat_least = 1\n'
    assert problems(GOOD + expect) == ["expect[0].figure: there is no fault to recover from"]


@pytest.mark.parametrize("table", ["upstreams", "clients"])
def test_too_many_groups(problems: Callable[[str], list[str]], table: str) -> None:
    """A run makes an index of each, and a line in every report."""
    lines = '\ntargets = ["a"]\nclients = 1\n' if table == "clients" else "\n"
    (problem,) = problems(GOOD + "".join(f"[{table}.x{number}]{lines}" for number in range(64)))
    assert f"{table}: must have at most 64 entries, but has 65" in problem
