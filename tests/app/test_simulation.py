"""The simulator with files, seeds and processes."""

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest

from halfopen.app.simulation import (
    Contestant,
    Entry,
    Run,
    RunError,
    UnusableError,
    compare,
    expected,
    find_contestant,
    find_scenario,
    packaged,
    run_all,
    words,
    write_trace,
)
from halfopen.simulator.strategies import STRATEGIES

SCENARIO = """
name = "small"
title = "T"
description = "D"
duration_s = 8
healthy_until_s = 2
seed = 3
[upstreams.primary]
[upstreams.backup]
[clients.app]
targets = ["primary", "backup"]
deadline_s = 4
phases = [{ from_s = 0, until_s = 8, rate = 10 }]
[[faults]]
upstream = "primary"
kind = "error"
from_s = 2
until_s = 5
[[expect]]
policy = "halfopen"
figure = "success_rate"
at_least = 0.9
[[expect]]
policy = "none"
figure = "success_rate"
at_most = 0.8
"""
CONFIGURATION = (
    '[providers.primary]\ndialect = "openai"\nkey = "${NOBODY_HAS_THIS}"\n'
    '[routes.m]\ntargets = ["primary/gpt-4o-mini"]\n'
)


@pytest.fixture
def file(tmp_path):
    """A scenario of a person's own."""
    path = tmp_path / "small.toml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture
def scenario(file):
    return find_scenario(str(file))


@pytest.fixture
def configuration(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(CONFIGURATION)
    return path


def test_every_packaged_scenario_is_found_by_its_name():
    """What the list shows can be run, and a file is named as the scenario in it."""
    assert {"march-2025", "retry-storm", "total-outage"} <= set(packaged())
    assert list(packaged()) == sorted(packaged())
    assert [find_scenario(name).name for name in packaged()] == list(packaged())


@pytest.mark.parametrize(
    ("given", "wrong_usage", "said"),
    [
        pytest.param("march-2052", True, 'did you mean "march-2025"?', id="a slip"),
        pytest.param("qqqqqq", True, "`halfopen simulate --list` shows them all", id="anything"),
        pytest.param("./none.toml", True, "none.toml: can't be read: No such file", id="no file"),
        pytest.param("a\0b.toml", True, "can't be read", id="no path at all"),
        pytest.param(".", True, "there is no scenario", id="a directory"),
        pytest.param("./", True, "can't be read: Is a directory", id="a directory by its path"),
    ],
)
def test_a_scenario_that_there_is_not(given, wrong_usage, said):
    """The message says what, where and what to do."""
    with pytest.raises(UnusableError) as caught:
        find_scenario(given)
    assert caught.value.wrong_usage == wrong_usage
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b'name = "x"\nname = 1\n', ":2: ", id="bad TOML"),
        pytest.param(SCENARIO.replace('"error"', '"eror"').encode(), 'did you mean "error"?', id="bad value"),
        pytest.param(b'name = "\xff"\n', ":1: is not UTF-8 text", id="no text"),
    ],
)
def test_a_file_that_is_no_scenario(file, data, said):
    """Every problem has its file and line."""
    file.write_bytes(data)
    with pytest.raises(UnusableError) as caught:
        find_scenario(str(file))
    assert not caught.value.wrong_usage
    assert str(caught.value).startswith(f"{file}:")
    assert said in str(caught.value)


def test_a_huge_file_is_refused(file):
    """Nothing is read without a bound."""
    file.write_bytes(b"#" * (4 * 1024 * 1024 + 1))
    with pytest.raises(UnusableError, match="longer than"):
        find_scenario(str(file))


def test_a_file_may_have_any_name(file, monkeypatch):
    """A file here without a suffix is found as well, byte order mark and all."""
    file.with_name("plain").write_bytes(b"\xef\xbb\xbf" + SCENARIO.encode())
    monkeypatch.chdir(file.parent)
    assert find_scenario("plain").name == "small"


def test_policies_are_found_by_their_names():
    """All that the simulator knows."""
    assert [find_contestant(name) for name in STRATEGIES] == [Contestant(name) for name in STRATEGIES]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param("halfopn", 'did you mean "halfopen"?', id="a slip"),
        pytest.param("qqqqqq", "there are none, sdk, grpc,", id="anything"),
        pytest.param("./none.toml", "none.toml: can't be read", id="no file"),
    ],
)
def test_a_policy_that_there_is_not(given, said):
    """The message says what there is."""
    with pytest.raises(UnusableError) as caught:
        find_contestant(given)
    assert caught.value.wrong_usage
    assert said in str(caught.value)
    assert str(caught.value).count("finagle") <= 1


def test_a_configuration_needs_no_keys(configuration):
    """Its references to the environment are never looked up, and its name is its path."""
    contestant = find_contestant(str(configuration))
    assert (contestant.name, contestant.rank) == (str(configuration), "halfopen")
    assert pickle.loads(pickle.dumps(contestant)) == contestant


def test_a_wrong_configuration_is_named_with_its_line(configuration):
    """As `halfopen config check` does."""
    configuration.write_text(CONFIGURATION.replace("openai", "opena1", 1))
    with pytest.raises(UnusableError) as caught:
        find_contestant(str(configuration))
    assert not caught.value.wrong_usage
    assert str(caught.value).startswith(f"{configuration}:2: providers.primary.dialect: ")


def test_upstreams_without_a_provider_are_told(scenario, configuration):
    """Nothing is known of their keys and limits."""
    assert find_contestant(str(configuration)).strangers(scenario) == ("backup",)
    assert find_contestant("halfopen").strangers(scenario) == ()


def test_a_configuration_is_held_to_what_is_expected_of_halfopen(scenario, configuration):
    """Under its own name."""
    contestants = [find_contestant(str(configuration)), Contestant("sdk"), Contestant("none")]
    assert [(each.policy, each.at_least, each.at_most) for each in expected(scenario, contestants)] == [
        (str(configuration), 0.9, None),
        ("none", None, 0.8),
    ]


def test_processes_change_nothing(scenario, configuration):
    """One process or two, the reports are the same and in the order of the runs."""
    contestants = [Contestant("none"), find_contestant(str(configuration)), Contestant("halfopen")]
    runs = [Run(scenario, contestant, 7) for contestant in contestants]
    alone = run_all(runs, jobs=1)
    assert run_all(runs, jobs=2) == alone
    assert [report.policy for report in alone] == ["none", str(configuration), "halfopen"]


def test_where_a_configuration_is_changes_nothing(scenario, configuration):
    """The same file under another path makes the same draws."""
    twin = configuration.with_name("twin.toml")
    twin.write_text(CONFIGURATION)
    one, other = run_all(
        [Run(scenario, find_contestant(str(path)), 7) for path in (configuration, twin)], jobs=1
    )
    assert replace(one, policy="") == replace(other, policy="")


def test_another_seed_is_another_run(scenario):
    """The seed is heeded."""
    one, other = run_all([Run(scenario, Contestant("none"), seed) for seed in (1, 2)], jobs=1)
    assert one.trace_sha256 != other.trace_sha256


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_rises_to_the_end(scenario, jobs):
    """Whoever watches sees all of it."""
    told: list[float] = []
    run_all(
        [Run(scenario, Contestant(name), 1) for name in ("none", "sdk", "grpc")],
        jobs=jobs,
        progress=told.append,
    )
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)
    assert len(told) >= 3


def test_a_process_that_fails_is_an_error(scenario, capfd):
    """It is told which run it was."""
    with pytest.raises(RunError, match=r"the process that ran nobody in small ended with status 1$"):
        run_all([Run(scenario, Contestant(name), 1) for name in ("nobody", "none")], jobs=2)
    assert "KeyError: 'nobody'" in capfd.readouterr().err
    assert multiprocessing.active_children() == []


def test_a_process_that_is_killed_is_an_error(scenario):
    """Nothing waits for it for ever."""

    def kill(_share):
        for child in multiprocessing.active_children():
            child.kill()

    runs = [Run(scenario, Contestant(name), 1) for name in ("none", "sdk", "grpc")]
    with pytest.raises(RunError, match="was killed by signal 9; if memory is short, try --jobs 1"):
        run_all(runs, jobs=2, progress=kill)


def test_whoever_stops_it_stops_the_processes(scenario):
    """Ctrl-C leaves nothing behind."""

    def interrupt(_share):
        raise KeyboardInterrupt

    runs = [Run(scenario, Contestant(name), 1) for name in ("none", "sdk", "grpc")]
    with pytest.raises(KeyboardInterrupt):
        run_all(runs, jobs=2, progress=interrupt)
    assert multiprocessing.active_children() == []


def test_the_json_has_the_agreed_shape(scenario):
    """Scripts rely on it."""
    (comparison,) = compare([Entry(scenario, (Contestant("none"), Contestant("halfopen")), 3)], jobs=1)
    plain = json.loads(json.dumps(comparison.plain()))
    assert list(plain) == ["scenario", "seed", "policies"]
    assert (plain["scenario"], plain["seed"], list(plain["policies"])) == ("small", 3, ["none", "halfopen"])
    assert list(plain["policies"]["none"]) == [
        "requests", "success_rate", "amplification", "p50_s", "p99_s", "recovery_s", "cost",
        "success_interval", "failovers", "success_of", "p99_healthy_s", "p99_settled_s", "trace_sha256",
    ]  # fmt: skip
    assert comparison.plain(judged=True)["expectations"] == [
        {"policy": "none", "figure": "success_rate", "at_least": None, "at_most": 0.8, "value": plain["policies"]["none"]["success_rate"], "met": True},
        {"policy": "halfopen", "figure": "success_rate", "at_least": 0.9, "at_most": None, "value": 1.0, "met": True},
    ]  # fmt: skip


def test_a_trace_has_a_line_for_each_event(scenario, tmp_path):
    """In the order in which they happened."""
    (comparison,) = compare([Entry(scenario, (Contestant("none"),), 3)], trace=True)
    write_trace(comparison, tmp_path / "t.txt")
    lines = (tmp_path / "t.txt").read_text().splitlines()
    assert tuple(lines) == comparison.reports["none"].trace
    assert "arrived -> send" in lines[0]


@pytest.mark.parametrize("salt", ["0", "1"])
def test_the_same_bytes_with_any_hash_seed(file, salt):
    """What sets iterate like changes nothing."""
    command = [sys.executable, "-m", "halfopen", "simulate", str(file), "--json", "--jobs", "1"]
    made = subprocess.run(
        command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": salt}
    )
    scenario = find_scenario(str(file))
    contestants = tuple(find_contestant(name) for name in ("none", "sdk", "grpc", "finagle", "halfopen"))
    (comparison,) = compare([Entry(scenario, contestants, 3)], jobs=1)
    assert json.loads(made.stdout) == json.loads(json.dumps(comparison.plain()))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("success_rate", 1.0, "100 %"),
        ("success_rate", 0.99996, "> 99.99 %"),
        ("success_rate.app", 0.98765, "98.77 %"),
        ("success_rate", 0.00001, "< 0.01 %"),
        ("success_rate", 0.0, "0 %"),
        ("p99_s", 0.0042, "4.20 ms"),
        ("p99_s", 0.2091, "209 ms"),
        ("p99_s", 0.9996, "1.00 s"),
        ("p50_s", 1.6244, "1.62 s"),
        ("p50_s", 12.34, "12.3 s"),
        ("p50_s", 123.4, "123 s"),
        ("p99_settled_s", None, "-"),
        ("p99_s", 0.0, "0 s"),
        ("recovery_s", None, "never"),
        ("recovery_s", 0.0, "at once"),
        ("recovery_s", 2.5, "2.5 s"),
        ("recovery_s", 1234.0, "1234 s"),
        ("amplification", 1.00249, "1.002"),
        ("cost", 1234.567, "$1,234.57"),
        ("cost", 0.00123, "$0.0012"),
        ("requests", 30000.0, "30000"),
    ],
)  # fmt: skip
def test_figures_in_words(name, value, text):
    """Units that a person reads; what is rounded never looks like all or nothing."""
    assert words.figure(name, value) == text


@pytest.mark.parametrize(
    ("name", "limit", "value", "text"),
    [
        ("amplification", 0.99999, 1.0, "1.000 (exactly 0.99999, not 1.0)"),
        ("amplification", 1.0, 1.0, "1.000"),
        ("amplification", 0.9, 1.0, "0.900"),
        ("p99_s", 1.0, None, "1.00 s"),
    ],
    ids=["alike when rounded", "the same", "unlike", "no value"],
)
def test_a_bound_that_is_missed_by_little_looks_missed(name, limit, value, text):
    """Rounded values that are alike are told exactly."""
    assert words.bound(name, limit, value) == text
