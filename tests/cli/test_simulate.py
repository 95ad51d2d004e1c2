"""`halfopen simulate`."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from halfopen.app.simulation import packaged
from halfopen.cli import app
from halfopen.cli import simulate_progress as progress
from halfopen.cli import simulate_table as table
from halfopen.simulator.report import Figures
from halfopen.simulator.scenario import Scenario

SCENARIO = """
name = "small"
title = "Six seconds are bad"
description = "D"
duration_s = 20
seed = 5
[upstreams.primary]
[upstreams.backup]
[clients.app]
targets = ["primary", "backup"]
deadline_s = 4
phases = [{ from_s = 0, until_s = 20, rate = 10 }]
[clients.own]
targets = ["backup"]
phases = [{ from_s = 0, until_s = 20, rate = 2 }]
[[faults]]
upstream = "primary"
kind = "error"
from_s = 2
until_s = 8
[[expect]]
policy = "halfopen"
figure = "success_rate"
at_least = 0.99
[[expect]]
policy = "jitter"
figure = "amplification"
at_least = 1.1
"""
CONFIGURATION = '[providers.p]\ndialect = "openai"\nkey = "${K}"\n[routes.m]\ntargets = ["p/gpt-4o-mini"]\n'
NO_FAULT = Scenario("s", "S", "", 1.0, (), ())


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run the command in a directory with a scenario and a configuration, in one process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(SCENARIO)
    (tmp_path / "mine.toml").write_text(CONFIGURATION)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(
        app, ["simulate", *arguments, *(("--jobs", "1") if arguments else ())]
    )


@pytest.mark.parametrize("arguments", [(), ("--list",)])
def test_the_packaged_scenarios_are_listed(call, arguments):
    """Without a scenario, or when asked for."""
    result = call(*arguments)
    assert result.exit_code == 0
    assert [
        name
        for name in packaged()
        if not any(line.startswith(f"{name} ") for line in result.stdout.splitlines())
    ] == []


def test_the_list_as_json(call):
    """With everything that tells what a scenario is about."""
    listed = json.loads(call("--list", "--json").stdout)["scenarios"]
    assert [each["name"] for each in listed] == list(packaged())
    assert {frozenset(each) for each in listed} == {
        frozenset({"name", "title", "description", "duration_s", "seed"})
    }


def test_without_policies_the_well_known_are_compared(call):
    """None, the SDKs', gRPC's, Finagle's and Halfopen's, in this order."""
    compared = json.loads(call("small.toml", "--json").stdout)
    assert list(compared) == ["scenario", "seed", "policies"]
    assert (compared["scenario"], compared["seed"]) == ("small", 5)
    assert list(compared["policies"]) == ["none", "sdk", "grpc", "finagle", "halfopen"]


def test_the_same_bytes_each_time(call):
    """Another seed gives others."""
    arguments = ("small.toml", "--json", "--policy", "halfopen")
    first = call(*arguments).stdout
    assert call(*arguments).stdout == first
    assert json.loads(call(*arguments, "--seed", "6").stdout)["seed"] == 6
    assert call(*arguments, "--seed", "6").stdout != first


def test_a_configuration_is_named_as_it_was_given(call):
    """And whoever is named twice is run once."""
    result = call(
        "small.toml", "--json", "--policy", "./mine.toml", "--policy", "none", "--policy", "./mine.toml"
    )
    assert list(json.loads(result.stdout)["policies"]) == ["./mine.toml", "none"]
    assert (
        "note: ./mine.toml has no provider primary or backup, as small calls its upstreams" in result.stderr
    )


def test_several_scenarios_are_a_list(call):
    """In the order in which they were named; one that is named twice is run once."""
    Path("other.toml").write_text(SCENARIO.replace('"small"', '"other"'))
    result = call("other.toml", "small.toml", "other.toml", "--json", "--policy", "none")
    assert [each["scenario"] for each in json.loads(result.stdout)["comparisons"]] == ["other", "small"]


def test_the_table_is_readable_in_a_pipe(call):
    """No colours, no cut cells, one line a policy, a column for each group, and what the words mean."""
    result = call("small.toml", "--policy", "none", "--policy", "halfopen")
    lines = result.stdout.splitlines()
    assert lines[:2] == ["Six seconds are bad", "small: 20 s, seed 5"]
    assert lines[2].split()[:3] == ["policy", "requests", "success"]
    assert "of app  of own  amplification" in " ".join(lines[2].split()).replace(
        "of own a", "of own  a"
    ).replace("of app o", "of app  o")
    assert [line.split()[0] for line in lines[4:6]] == ["none", "halfopen"]
    assert "\x1b" not in result.stdout
    assert "…" not in result.stdout
    assert "Amplification: calls to upstreams ÷ requests" in result.stdout


def test_two_configurations_can_be_told_apart(call, monkeypatch):
    """The old one and the new one, which have the same name, on a narrow terminal as well."""
    for folder in ("before", "afterwards"):
        Path(folder).mkdir()
        (Path(folder) / "halfopen.toml").write_text(CONFIGURATION)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    result = call("small.toml", "--policy", "before/halfopen.toml", "--policy", "afterwards/halfopen.toml")
    rows = result.stdout.splitlines()[4:6]
    assert [row[:5] for row in rows] == ["befor", "after"]


def figures(success_rate, amplification):
    """Figures of a policy, as far as the best are found by them."""
    low_high = (0.0, 1.0)
    return Figures(1000, success_rate, low_high, amplification, 0.0, None, None, None, 0.0, {}, None, None)


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        pytest.param((0.0035, 0.0), "0.100", id="a chance success makes no other policy bad"),
        pytest.param((1.0, 0.96), "0.100", id="nearly as good"),
        pytest.param((1.0, 0.2), "2.998", id="thrift by failing"),
    ],
)
def test_the_best_is_marked_among_those_who_succeed_nearly_as_often(rates, best):
    """Where nobody can succeed the least load is the best."""
    everyone = [figures(rates[0], 2.998), figures(rates[1], 0.1)]
    (column,) = [each for each in table._columns(NO_FAULT) if each.head == "amplification"]
    shown = table._best(column, everyone)
    assert shown == {best}


@pytest.mark.parametrize("columns", [80, 100])
def test_the_table_fits_a_terminal(call, monkeypatch, columns):
    """A narrow one gets fewer columns, and no number is cut."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    result = call("small.toml", "--policy", "none", "--policy", "halfopen")
    assert "\x1b[1;32m" in result.stdout
    assert "interval" not in result.stdout
    assert "…" not in result.stdout


def test_check_runs_everybody_of_whom_something_is_expected(call):
    """Status 0 when all is met; each expectation stands with its figure and bound."""
    result = call("small.toml", "--check")
    assert result.exit_code == 0, result.stderr
    table = [line.split() for line in result.stdout.splitlines()]
    assert "jitter" in [line[0] for line in table if line]
    assert ["met", "halfopen", "success_rate", "100", "%", "expected:", "at", "least", "99.00", "%"] in table
    checked = json.loads(call("small.toml", "--check", "--json").stdout)
    assert [(each["policy"], each["met"]) for each in checked["expectations"]] == [
        ("jitter", True),
        ("halfopen", True),
    ]


def test_check_fails_where_an_expectation_is_not_met(call):
    """Status 1, and how many, for CI."""
    Path("small.toml").write_text(SCENARIO.replace("at_least = 1.1", "at_least = 9"))
    result = call("small.toml", "--check")
    assert result.exit_code == 1
    assert "NOT MET  jitter" in result.stdout
    assert result.stderr == "halfopen: 1 of 2 expectations not met\n"
    assert json.loads(call("small.toml", "--check", "--json").stdout)["expectations"][0]["met"] is False


def test_check_holds_a_configuration_to_what_is_expected_of_halfopen(call):
    """So a change of one's own settings can be tested."""
    result = call("small.toml", "--check", "--json", "--policy", "mine.toml")
    assert [each["policy"] for each in json.loads(result.stdout)["expectations"]] == ["mine.toml"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        pytest.param(("smal.toml",), 2, "halfopen: smal.toml: can't be read", id="no file"),
        pytest.param(("march-2052",), 2, 'did you mean "march-2025"?', id="no scenario"),
        pytest.param(("small.toml", "--policy", "skd"), 2, 'did you mean "sdk"?', id="no policy"),
        pytest.param(("mine.toml",), 1, "mine.toml: is a configuration, not a scenario (try it with --policy)", id="no scenario file"),
        pytest.param(("small.toml", "--policy", "small.toml"), 1, "small.toml:2: name: unknown", id="no configuration"),
        pytest.param(("small.toml", "--policy", "./nix.toml"), 2, "nix.toml: can't be read", id="no configuration file"),
        pytest.param(("--list", "small.toml", "--check"), 2, "--list stands alone", id="a list and more"),
        pytest.param(("--check",), 2, "name a scenario", id="nothing named"),
        pytest.param(("small.toml", "--check", "--policy", "sdk"), 2, "nothing to check", id="nothing expected"),
        pytest.param(("small.toml", "--trace", "t"), 2, "--trace is of one policy", id="several traces"),
        pytest.param(("small.toml", "--policy", "sdk", "--trace", "no/t"), 2, "there is no directory", id="no directory"),
        pytest.param(("small.toml", "--policy", "sdk", "--trace", "."), 2, "can't be written", id="a directory"),
        pytest.param(("small.toml", "--plots", "small.toml"), 2, "can't be made a directory", id="no folder"),
        pytest.param(("x" * 300,), 2, "there is no scenario 'xxx", id="a name that no file has"),
        pytest.param(("small.toml", "--policy", "x" * 300), 2, "there is no policy 'xxx", id="a policy's name that no file has"),
        pytest.param(("small.toml", "--seed", "-1"), 2, "greater than or equal to 0", id="bad seed"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(call, arguments, status, said):
    """What, where and what to do; without a traceback."""
    result = call(*arguments)
    assert result.exit_code == status, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_trace_is_written(call, tmp_path):
    """Every event and decision, and the path is told beside the result."""
    result = call("small.toml", "--policy", "none", "--trace", "t.txt", "--json")
    assert result.stderr == "wrote t.txt\n"
    assert json.loads(result.stdout)
    assert "arrived -> send" in (tmp_path / "t.txt").read_text()


def test_plots_are_drawn(call, tmp_path):
    """Into a folder that is made for them."""
    pytest.importorskip("matplotlib")
    result = call("small.toml", "--policy", "none", "--plots", "new/folder", "--json")
    assert result.stderr == "wrote new/folder/small.png\n"
    assert (tmp_path / "new/folder/small.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def idle(monkeypatch):
    """Whoever simulates anything fails."""

    def compare(*_arguments, **_options):
        pytest.fail("it was run")

    monkeypatch.setattr("halfopen.app.simulation.compare", compare)


def test_what_can_not_be_written_is_told_before_anything_is_run(call, idle, tmp_path):
    """A directory in the place of a file, or one where nothing can be made, costs no long run."""
    (tmp_path / "taken").mkdir()
    result = call("small.toml", "--policy", "none", "--trace", "taken")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "taken: can't be written: Is a directory" in result.stderr
    result = call("small.toml", "--policy", "none", "--trace", "/proc/1/t")
    assert (result.exit_code, "can't be written" in result.stderr) == (2, True)
    pytest.importorskip("matplotlib")
    (tmp_path / "taken" / "small.png").mkdir()
    result = call("small.toml", "--policy", "none", "--plots", "taken")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "taken/small.png: can't be written: Is a directory" in result.stderr
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["small.png"]


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
@pytest.mark.parametrize(
    ("bound", "status"), [pytest.param("9", 0, id="met"), pytest.param("0.1", 1, id="not met")]
)
def test_whoever_closes_the_pipe_changes_nothing(call, tmp_path, form, bound, status):
    """As `| head -1` does: files are written, and the status is still that of the expectations."""
    limit = f'"amplification"\nat_most = {bound}'
    (tmp_path / "small.toml").write_text(SCENARIO.replace('"success_rate"\nat_least = 0.99', limit))
    arguments = ["small.toml", "--policy", "halfopen", "--check", "--trace", "t.txt", *form]
    command = [sys.executable, "-m", "halfopen", "simulate", *arguments]
    with subprocess.Popen(command, cwd=tmp_path, stdout=-1, stderr=-1, text=True) as process:
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait() == status, said
    assert said.splitlines()[0] == "wrote t.txt"
    assert "Error" not in said
    assert (tmp_path / "t.txt").stat().st_size > 0


def test_without_matplotlib_the_extra_is_named(call, tmp_path, monkeypatch):
    """Before anything is run or made."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = call("small.toml", "--plots", "folder")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "pip install 'halfopen[plots]'" in result.stderr
    assert not (tmp_path / "folder").exists()


def test_several_processes_print_the_same(call, tmp_path):
    """As a user starts it, the bytes are those of one process."""
    arguments = ["small.toml", "--json", "--policy", "none", "--policy", "halfopen"]
    command = [sys.executable, "-m", "halfopen", "simulate", *arguments, "--jobs", "2"]
    made = subprocess.run(command, capture_output=True, check=True, cwd=tmp_path, text=True)
    assert made.stdout == call(*arguments).stdout
    assert made.stderr == ""


class Terminal:
    """A standard error that says it is a terminal, and a clock that is told the time."""

    def __init__(self, monkeypatch, capsys):
        self.now = 0.0
        self.capsys = capsys
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)


def test_a_bar_is_shown_when_it_takes_long(monkeypatch, capsys):
    """On a terminal, after a second."""
    terminal = Terminal(monkeypatch, capsys)
    with progress.Bar("5 runs") as bar:
        bar(0.1)
        assert capsys.readouterr().err == ""
        terminal.now = 1.5
        bar(0.4)
        bar(0.9)
    assert "5 runs" in capsys.readouterr().err


def test_no_bar_where_there_is_no_terminal(monkeypatch, capsys):
    """Nothing but problems is on standard error in a pipe."""
    terminal = Terminal(monkeypatch, capsys)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    with progress.Bar("5 runs") as bar:
        terminal.now = 60.0
        bar(0.5)
    assert capsys.readouterr().err == ""
