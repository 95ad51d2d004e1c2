"""Scenario files: what is read, what is refused, and how it is told."""

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from halfopen.model import Priority
from halfopen.simulator import scenario, scenario_file
from halfopen.simulator.report import Figures
from halfopen.simulator.scenario import (
    Autoscaler,
    Cache,
    ClientSpec,
    Expectation,
    FaultKind,
    FaultSpec,
    Phase,
    Scenario,
    UpstreamSpec,
)
from halfopen.simulator.scenario_checks import FIGURES, USES
from halfopen.simulator.toml import Unreadable, read_scenario

TOP = """\
name = "small"
title = "A small scenario"
description = "Nothing much."
duration_s = 60
healthy_until_s = 10
"""
REST = """\
[upstreams.a]
servers = 2
[upstreams.a.autoscaler]
min = 1
max = 4
[upstreams.a.cache]
[upstreams.b]
[clients.app]
targets = ["a", "b"]
phases = [{ from_s = 0, until_s = 60, rate = 5 }]
"""
FAULT = '[[faults]]\nupstream = "a"\nkind = "error"\nfrom_s = 20\nuntil_s = 30\n'
EXPECT = '[[expect]]\npolicy = "none"\nfigure = "success_rate"\nat_least = 0.5\n'
GOOD = TOP + REST + FAULT + EXPECT
EVERYTHING = """\
name = "all"
title = "All"
description = \"\"\"
Two lines,
in one text.
\"\"\"
duration_s = 100.5
healthy_until_s = 1
seed = 7
[upstreams.x-1]
servers = 3
slots = 4
first_token_s = 0.5
first_token_spread = 0
token_s = 0.01
slowdown = 2
queue = 9
drops_cancelled = false
crashes_above = 20
restart_s = 3
restart_extends = true
requests_per_minute = 600
tokens_per_minute = 60_000
price_input = 2
price_output = 8
[upstreams.x-1.autoscaler]
min = 2
max = 5
target_load = 0.5
every_s = 10
start_s = 20
step = 1
[upstreams.x-1.cache]
hit_ratio = 0.5
speedup = 2
warm_requests = 10
[clients.night]
targets = ["x-1"]
phases = [
  { from_s = 0, until_s = 10, rate = 1, rate_end = 2.5 },
  { from_s = 10, until_s = 100.5, rate = 3 },
]
clients = 6
think_s = 2
stream = false
deadline_s = 5
input_tokens = 10
output_tokens = 20
priority = "bulk"
sdk_retries = 2
[[faults]]
upstream = "x-1"
kind = "slow"
from_s = 2
until_s = 50
factor = 3
factor_end = 1.5
every_s = 10
[[faults]]
upstream = "x-1"
kind = "error"
from_s = 2
until_s = 50
share = 0.5
status = 503
after_s = 1
[[faults]]
upstream = "x-1"
kind = "cold"
from_s = 4
[[expect]]
policy = "halfopen"
figure = "success_rate.night"
at_least = 0.9
at_most = 1
"""


@pytest.fixture
def problems() -> Callable[[str], list[str]]:
    """What is wrong with a text, one line each."""

    def found(text: str) -> list[str]:
        read = read_scenario(text)
        return [str(problem) for problem in read.problems] if isinstance(read, Unreadable) else []

    return found


def test_small() -> None:
    """A short file is read with the defaults of the scenario's own classes."""
    assert read_scenario(GOOD) == Scenario(
        name="small",
        title="A small scenario",
        description="Nothing much.",
        duration_s=60.0,
        clients=(ClientSpec("app", ("a", "b"), (Phase(0.0, 60.0, 5.0),)),),
        upstreams=(
            UpstreamSpec("a", servers=2, autoscaler=Autoscaler(1, 4), cache=Cache()),
            UpstreamSpec("b"),
        ),
        faults=(FaultSpec("a", FaultKind.ERROR, 20.0, 30.0),),
        healthy_until_s=10.0,
        expect=(Expectation("none", "success_rate", 0.5),),
    )


def test_everything() -> None:
    """Every key of every table reaches the scenario."""
    assert read_scenario(EVERYTHING) == Scenario(
        name="all",
        title="All",
        description="Two lines,\nin one text.",
        duration_s=100.5,
        clients=(
            ClientSpec(
                name="night",
                targets=("x-1",),
                phases=(Phase(0.0, 10.0, 1.0, 2.5), Phase(10.0, 100.5, 3.0)),
                clients=6,
                think_s=2.0,
                stream=False,
                deadline_s=5.0,
                input_tokens=10,
                output_tokens=20,
                priority=Priority.BULK,
                sdk_retries=2,
            ),
        ),
        upstreams=(
            UpstreamSpec(
                name="x-1",
                servers=3,
                slots=4,
                first_token_s=0.5,
                first_token_spread=0.0,
                token_s=0.01,
                slowdown=2.0,
                queue=9,
                drops_cancelled=False,
                crashes_above=20,
                restart_s=3.0,
                restart_extends=True,
                requests_per_minute=600.0,
                tokens_per_minute=60_000.0,
                price_input=2.0,
                price_output=8.0,
                autoscaler=Autoscaler(2, 5, 0.5, 10.0, 20.0, 1),
                cache=Cache(0.5, 2.0, 10),
            ),
        ),
        faults=(
            FaultSpec("x-1", FaultKind.SLOW, 2.0, 50.0, factor=3.0, factor_end=1.5, every_s=10.0),
            FaultSpec("x-1", FaultKind.ERROR, 2.0, 50.0, share=0.5, status=503, after_s=1.0),
            FaultSpec("x-1", FaultKind.COLD, 4.0, 4.0),
        ),
        healthy_until_s=1.0,
        seed=7,
        expect=(Expectation("halfopen", "success_rate.night", 0.9, 1.0),),
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param(
            '"a", "b"]',
            '"a", "bb"]',
            'line 14: clients.app.targets[1]: there is no upstream "bb"',
            id="unknown target",
        ),
        pytest.param(
            '"a", "b"]',
            '"a", "a"]',
            'line 14: clients.app.targets[1]: "a" is there twice (leave one out)',
            id="target twice",
        ),
        pytest.param('"a", "b"]', "]", "line 14: clients.app.targets: is empty", id="no target"),
        pytest.param(
            "rate = 5",
            "rate = -1",
            "line 15: clients.app.phases[0].rate: must be at least 0, but is -1",
            id="negative rate",
        ),
        pytest.param(
            "rate = 5",
            "rate = 100001",
            "line 15: clients.app.phases[0].rate: must be at most 100000, but is 100001",
            id="absurd rate",
        ),
        pytest.param(
            "rate = 5",
            'rate = "5"',
            "line 15: clients.app.phases[0].rate: must be a number, but is text (write it without quotes)",
            id="rate in quotes",
        ),
        pytest.param(
            "rate = 5",
            "rate = nan",
            "line 15: clients.app.phases[0].rate: must be a finite number, but is nan",
            id="not a number",
        ),
        pytest.param(
            "rate = 5",
            "rates = 5",
            'line 15: clients.app.phases[0].rates: unknown setting (did you mean "rate"?)',
            id="unknown key",
        ),
        pytest.param(", rate = 5", "", 'line 15: clients.app.phases[0]: "rate" is missing', id="missing key"),
        pytest.param(
            "until_s = 60",
            "until_s = 61",
            "line 15: clients.app.phases[0].until_s: is 61, after the scenario's end at 60 s (make it earlier, or duration_s longer)",
            id="phase after the end",
        ),
        pytest.param(
            "until_s = 60",
            "until_s = 0",
            "line 15: clients.app.phases[0].until_s: is not after from_s (make it later)",
            id="phase backwards",
        ),
        pytest.param(
            "phases = [{ from_s = 0, until_s = 60, rate = 5 }]\n",
            "",
            "line 13: clients.app: nobody asks for anything (add phases = [{ from_s = 0, until_s = ..., rate = ... }], or clients = ...)",
            id="no load",
        ),
        pytest.param(
            "max = 4",
            "max = 0",
            "line 10: upstreams.a.autoscaler.max: must be at least 1, but is 0",
            id="no servers",
        ),
        pytest.param(
            "min = 1",
            "min = 5",
            "line 9: upstreams.a.autoscaler.min: is 5, more than max, 4 (make min the smaller one)",
            id="min above max",
        ),
        pytest.param(
            "servers = 2",
            "servers = 9",
            "line 8: upstreams.a.autoscaler: the upstream starts with 9 servers, which is not between 1 and 4 (set servers of upstreams.a, or widen min and max)",
            id="servers out of range",
        ),
        pytest.param(
            "servers = 2",
            "servers = 2.5",
            "line 7: upstreams.a.servers: must be a whole number, but is a number with a fraction",
            id="half a server",
        ),
        pytest.param(
            "[upstreams.b]",
            "[upstreams.b]\ndrops_cancelled = 1",
            "line 13: upstreams.b.drops_cancelled: must be true or false, but is a whole number",
            id="no boolean",
        ),
        pytest.param(
            "healthy_until_s = 10",
            "healthy_until_s = 61",
            "line 5: healthy_until_s: is after the end at 60 s (make it earlier)",
            id="healthy beyond the end",
        ),
        pytest.param(
            "healthy_until_s = 10",
            "healthy_until_s = 21",
            "line 19: faults[0].from_s: is before healthy_until_s, 21 s (begin later, or make healthy_until_s earlier)",
            id="fault while healthy",
        ),
        pytest.param(
            'upstream = "a"',
            'upstream = "c"',
            'line 17: faults[0].upstream: there is no upstream "c"',
            id="fault on nobody",
        ),
        pytest.param(
            'kind = "error"',
            'kind = "eror"',
            'line 18: faults[0].kind: "eror" is not one of',
            id="unknown kind",
        ),
        pytest.param(
            "until_s = 30",
            "until_s = 61",
            "line 20: faults[0].until_s: is 61, after the scenario's end at 60 s (make it earlier, or duration_s longer)",
            id="fault after the end",
        ),
        pytest.param(
            "until_s = 30",
            "until_s = 20",
            "line 20: faults[0].until_s: is not after from_s (make it later)",
            id="fault of no length",
        ),
        pytest.param(
            "until_s = 30\n",
            "",
            'line 16: faults[0]: "until_s" is missing (say when the fault ends)',
            id="fault without an end",
        ),
        pytest.param(
            "from_s = 20\nuntil_s = 30",
            "from_s = 70\nuntil_s = 80",
            "line 19: faults[0].from_s: is after the scenario's end at 60 s (make it earlier, or duration_s longer)",
            id="fault beyond the end",
        ),
        pytest.param(
            "until_s = 30",
            "until_s = 30\nfactor = 2",
            'line 21: faults[0].factor: a fault of kind "error" has no use for it (it heeds share, status, after_s, every_s)',
            id="key of another kind",
        ),
        pytest.param(
            'kind = "error"',
            'kind = "slow"',
            'line 16: faults[0]: a fault of kind "slow" needs a factor (add factor = ...)',
            id="slow without a factor",
        ),
        pytest.param(
            'kind = "error"',
            'kind = "slow"\nfactor = 0',
            "line 19: faults[0].factor: must be above 0 for slow (2 is twice as long)",
            id="slow by nothing",
        ),
        pytest.param(
            'kind = "error"',
            'kind = "capacity"\nfactor = 1.5',
            "line 19: faults[0].factor: must be at most 1 for capacity (0.5 is half of the servers)",
            id="more capacity",
        ),
        pytest.param(
            'kind = "error"',
            'kind = "drip"\nafter_s = 0',
            "line 19: faults[0].after_s: a drip needs a time between two tokens (set it above 0)",
            id="drip without a pause",
        ),
        pytest.param(
            'upstream = "a"\nkind = "error"',
            'upstream = "b"\nkind = "scale_in"',
            'line 16: faults[0]: "b" has no autoscaler that could be mispatched (add [upstreams.b.autoscaler])',
            id="no autoscaler",
        ),
        pytest.param(
            'upstream = "a"\nkind = "error"',
            'upstream = "b"\nkind = "cold"',
            'line 16: faults[0]: "b" has no cache that could be lost (add [upstreams.b.cache])',
            id="no cache",
        ),
        pytest.param(
            'policy = "none"',
            'policy = "halfopn"',
            'line 22: expect[0].policy: there is no policy "halfopn" (did you mean "halfopen"?)',
            id="unknown policy",
        ),
        pytest.param(
            '"success_rate"',
            '"succes_rate"',
            'line 23: expect[0].figure: "succes_rate" is not a figure (did you mean "success_rate"?)',
            id="unknown figure",
        ),
        pytest.param(
            '"success_rate"',
            '"cost.app"',
            'line 23: expect[0].figure: "cost.app" is not a figure',
            id="figure without groups",
        ),
        pytest.param(
            '"success_rate"',
            '"success_rate.apps"',
            'line 23: expect[0].figure: there is no group of clients "apps" (did you mean "app"?)',
            id="unknown group",
        ),
        pytest.param(
            "at_least = 0.5\n",
            "",
            "line 21: expect[0]: nothing is expected (add at_least, at_most or both)",
            id="nothing expected",
        ),
        pytest.param(
            "at_least = 0.5",
            "at_least = 0.5\nat_most = 0.4",
            "line 24: expect[0].at_least: is more than at_most (make it the smaller one)",
            id="bounds crossed",
        ),
        pytest.param('name = "small"\n', "", 'this file: "name" is missing', id="no name"),
        pytest.param(
            "rate = 5",
            "rate = 0",
            "line 15: clients.app.phases: its phases come to 0 requests, less than one",
            id="nobody asks",
        ),
        pytest.param(
            "until_s = 60, rate = 5",
            "until_s = 10, rate = 0.09",
            "line 15: clients.app.phases: its phases come to 0.9 requests, less than one",
            id="hardly anybody asks",
        ),
        pytest.param(
            "until_s = 30",
            "until_s = 30\nevery_s = 1e-300",
            "line 21: faults[0].every_s: is 1e-300, which is neither 0 nor at least 0.1",
            id="a fault that comes back at once",
        ),
        pytest.param(
            "at_least = 0.5",
            "at_least = 99",
            "line 24: expect[0].at_least: is 99, but a success rate is between 0 and 1 (0.99 is 99 %)",
            id="a success rate in percent",
        ),
        pytest.param(
            "at_least = 0.5",
            "at_most = -0.1",
            "line 24: expect[0].at_most: is -0.1, but a success rate is between 0 and 1 (0.99 is 99 %)",
            id="a negative success rate",
        ),
        pytest.param(
            'name = "small"',
            'name = "not a name"',
            "line 1: name: a name here is made of letters",
            id="bad name",
        ),
        pytest.param(
            "duration_s = 60",
            "duration_s = 60\nloops = 2",
            "line 5: loops: unknown setting",
            id="unknown key at the top",
        ),
        pytest.param(
            'name = "small"', "name = ", "line 1: not valid TOML in column 8: Invalid value", id="syntax"
        ),
    ],
)
def test_refused(problems: Callable[[str], list[str]], old: str, new: str, problem: str) -> None:
    """A mistake is told with its line, its place, what is wrong and what to write instead."""
    assert GOOD.count(old) >= 1
    # A fault and an expectation stand at the end: their keys are the last of that name.
    head, _, tail = GOOD.rpartition(old)
    found = problems(head + new + tail)
    expected = problem.removeprefix("this file: ")
    assert any(line.startswith(expected) for line in found), found


def test_all_problems_at_once(problems: Callable[[str], list[str]]) -> None:
    """All mistakes of one kind are told together, in the order of the file."""
    found = problems(GOOD.replace('"a", "b"]', '"x", "y"]').replace("from_s = 20", "from_s = 5"))
    assert len(found) == 3
    assert [line.split(":")[0] for line in found] == ["line 14", "line 14", "line 19"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        pytest.param("[upstreams.a]", "[upstreams]", "upstreams", id="upstreams"),
        pytest.param(
            "phases = [{ from_s = 0, until_s = 60, rate = 5 }]",
            "phases = { from_s = 0 }",
            "must be an array",
            id="phases",
        ),
        pytest.param("[[faults]]", "[faults]", "must be an array", id="faults"),
    ],
)
def test_wrong_shapes(problems: Callable[[str], list[str]], old: str, new: str, problem: str) -> None:
    """A table in the place of an array, and the like, are problems too."""
    assert any(problem in line for line in problems(GOOD.replace(old, new, 1)))


def test_empty_tables(problems: Callable[[str], list[str]]) -> None:
    """There is somebody who asks and somebody who answers."""
    found = problems(TOP + "[upstreams]\n[clients]\n")
    assert len(found) == 2
    assert "there is no upstream (add [upstreams.NAME])" in found[0]
    assert "there are no clients (add [clients.NAME])" in found[1]


def test_too_many_requests(problems: Callable[[str], list[str]]) -> None:
    """A scenario that would not end on anybody's machine is refused."""
    text = GOOD.replace("duration_s = 60", "duration_s = 86400").replace(
        "until_s = 60, rate = 5", "until_s = 86400, rate = 200"
    )
    (problem,) = problems(text)
    assert "the clients may make 17292000 requests, more than 10000000 (lower the rates" in problem


def test_closed_loop_alone(problems: Callable[[str], list[str]]) -> None:
    """A closed loop is load enough."""
    assert problems(GOOD.replace("phases = [{ from_s = 0, until_s = 60, rate = 5 }]", "clients = 3")) == []


@given(st.text(alphabet='abc[]{}"=.,#\n 01-_', max_size=200))
def test_total(text: str) -> None:
    """Any text gives a scenario or problems, never an exception."""
    for candidate in (text, TOP + text, GOOD + text):
        read = read_scenario(candidate)
        assert isinstance(read, Scenario) or read.problems


@pytest.mark.parametrize(
    ("table", "of"),
    [
        pytest.param(scenario_file.ScenarioTable, scenario.Scenario, id="scenario"),
        pytest.param(scenario_file.UpstreamTable, scenario.UpstreamSpec, id="upstream"),
        pytest.param(scenario_file.AutoscalerTable, scenario.Autoscaler, id="autoscaler"),
        pytest.param(scenario_file.CacheTable, scenario.Cache, id="cache"),
        pytest.param(scenario_file.ClientTable, scenario.ClientSpec, id="clients"),
        pytest.param(scenario_file.PhaseTable, scenario.Phase, id="phase"),
        pytest.param(scenario_file.FaultTable, scenario.FaultSpec, id="fault"),
        pytest.param(scenario_file.ExpectTable, scenario.Expectation, id="expectation"),
    ],
)
def test_tables_are_complete(table: type[Struct], of: type) -> None:
    """A table of the file has the fields of its class in the scenario; the name may be the table's own."""
    fields = {field.name for field in dataclasses.fields(of)}
    keys = set(table.__struct_fields__)
    assert keys in (fields, fields - {"name"})


def test_every_kind_and_figure() -> None:
    """Each kind of fault says which keys it heeds, and each figure that is one number can be expected."""
    assert list(USES) == [kind.value for kind in FaultKind]
    assert set(FIGURES) == {field.name for field in dataclasses.fields(Figures)} - {
        "success_interval",
        "success_of",
    }


def test_lines_survive_a_header_in_a_text(problems: Callable[[str], list[str]]) -> None:
    """A header that stands inside a text spoils at most a line number, never the reading."""
    text = GOOD.replace('"Nothing much."', '"""\n[[faults]]\n"""')
    assert problems(text) == []
    (problem,) = problems(text.replace("until_s = 30", "until_s = 20"))
    assert "faults[0].until_s: is not after from_s" in problem
