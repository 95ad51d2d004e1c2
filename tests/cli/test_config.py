"""`halfopen config`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from halfopen.cli import app

GOOD = '[providers.o]\ndialect = "openai"\nkey = "${K}"\n[routes.m]\ntargets = ["o/gpt-4o-mini"]\n'


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command in an empty directory without keys."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "MISTRAL_API_KEY",
                 "DEEPSEEK_API_KEY", "GROQ_API_KEY", "OPENROUTER_API_KEY"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    runner = CliRunner()
    return lambda *arguments, **environ: runner.invoke(app, ["config", *arguments], env=environ)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good file."""
    path = tmp_path / "my.toml"
    path.write_text(GOOD)
    return path


def test_check_of_a_good_file_is_0(call, file):
    """It says so, with the snapshot's id."""
    result = call("check", "--config", str(file), K="v")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "The configuration is fine. Snapshot " in result.stdout


def test_check_of_a_bad_file_is_1(call, file):
    """The problems are on standard error, without a traceback."""
    result = call("check", "--config", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{file}:3: providers.o.key: ")
    assert "Traceback" not in result.stderr


def test_check_of_no_file_is_2(call):
    """A file that can't be read is no bad configuration."""
    result = call("check", "--config", "nix.toml")
    assert result.exit_code == 2
    assert "nix.toml: can't be read" in result.stderr


def test_check_as_json(call, file):
    """Programs get ok, problems, warnings and the id."""
    good = json.loads(call("check", "--config", str(file), "--json", K="v").stdout)
    assert (good["ok"], good["problems"], good["warnings"], len(good["snapshot"])) == (True, [], [], 16)
    result = call("check", "--config", str(file), "--json")
    bad = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (bad["ok"], bad["snapshot"]) == (False, None)
    assert [set(problem) for problem in bad["problems"]] == [{"place", "message", "hint", "line"}]


def test_check_prints_warnings(call, file):
    """They don't change the exit status."""
    file.write_text(GOOD + '[providers.p]\ndialect = "gemini"\nkey = "${K}"\n')
    result = call("check", "--config", str(file), K="v")
    assert result.exit_code == 0
    assert "warning: line 6: providers.p: no route uses this provider" in result.stdout


def test_check_without_file_or_keys_finds_the_lab(call):
    """A fresh machine has a configuration that works."""
    result = call("check")
    assert result.exit_code == 0
    assert "the lab stands in" in result.stdout


def test_the_example_passes_the_check(call, tmp_path):
    """What `example` prints can be saved and served."""
    (tmp_path / "halfopen.toml").write_text(call("example").stdout)
    result = call("check", OPENAI_API_KEY="a", ANTHROPIC_API_KEY="b", GEMINI_API_KEY="c")
    assert result.exit_code == 0, result.stderr


def test_show_keeps_secrets_as_references(call, file):
    """Everything in effect is shown but the values of keys."""
    for options in ((), ("--json",)):
        result = call("show", "--config", str(file), *options, K="sk-secret")
        assert result.exit_code == 0
        assert "${K}" in result.stdout
        assert "sk-secret" not in result.output
    shown = json.loads(result.stdout)
    assert (shown["source"], shown["gateway"]["port"], shown["routes"]["m"]["options"]["attempts"]) == (
        "file",
        8500,
        3,
    )


def test_show_tells_all_keys_limits_and_choices(call, tmp_path):
    """What paces and spreads the load is seen at a glance."""
    path = tmp_path / "many.toml"
    path.write_text(
        '[providers.p]\ndialect = "openai"\nbase_url = "https://api.example.com"\nkeys = ["${K}", "${L}"]\n'
        'requests_per_minute = 500\n[routes.m]\ntargets = ["p/m"]\nchoose = "fastest"\nhedge = 0.02\n'
    )
    shown = call("show", "--config", str(path), K="a", L="b").stdout
    assert "key ${K}, ${L}, limits of every model: 500 requests per minute\n" in shown
    assert "route m: p/m, chosen by fastest, hedged with 2.0% more load\n" in shown


@pytest.mark.parametrize("verb", ["schema", "example", "reference", "show"])
def test_everything_printed_is_also_there_as_json(call, verb):
    """--json is JSON, whole and unwrapped."""
    assert json.loads(call(verb, "--json").stdout)


@pytest.mark.parametrize("verb", ["check", "schema", "example", "reference", "show"])
def test_help_says_what_the_exit_status_means(call, verb):
    """Scripts can be written from the help."""
    assert "Exit status: 0" in " ".join(call(verb, "--help").stdout.split())
