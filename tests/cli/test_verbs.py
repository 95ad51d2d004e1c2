"""The frame of the command line."""

import subprocess
import sys
import types
from importlib.metadata import version

import pytest
import typer
from typer.testing import CliRunner

import halfopen.cli
from halfopen.cli import VERBS, Verb, app


def test_help_lists_every_verb():
    """Names and one line each."""
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for name, verb in VERBS.items():
        assert name in result.stdout
        assert verb.text in result.stdout


def test_help_imports_no_verb():
    """`halfopen --help` stays quick however much the verbs need."""
    script = (
        "import sys\nfrom halfopen.cli import main\n"
        "sys.argv = ['halfopen', '--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = [n for n in sys.modules if n.startswith(('halfopen.', 'uvloop', 'msgspec', 'asyncio', 'rich')) "
        "and n != 'halfopen.cli']\n"
        "print(heavy, file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"


def test_version():
    """The installed version is printed."""
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"halfopen {version('halfopen')}\n")


def test_an_unknown_verb_is_2():
    """Wrong usage, told on standard error without a traceback."""
    result = CliRunner().invoke(app, ["frob"])
    assert result.exit_code == 2
    assert "No such command 'frob'" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def verb(monkeypatch):
    """Put a function in the place of a verb."""

    def put(function):
        module = types.ModuleType("made_up_verb")
        module.act = function
        monkeypatch.setitem(sys.modules, "made_up_verb", module)
        monkeypatch.setattr(halfopen.cli, "VERBS", {"act": Verb("made_up_verb", "act", "Act.")})

    return put


def test_ctrl_c_is_130(verb):
    """Shells know 130 as ended by Ctrl-C."""

    def act() -> None:
        raise KeyboardInterrupt

    verb(act)
    result = CliRunner().invoke(app, ["act"])
    assert (result.exit_code, "Traceback" in result.output) == (130, False)


def test_a_plain_function_is_a_verb_with_its_own_options(verb):
    """A verb module needs no frame of its own."""

    def act(*, times: int = 1) -> None:
        typer.echo("x" * times)

    verb(act)
    assert CliRunner().invoke(app, ["act", "--times", "3"]).stdout == "xxx\n"


def test_python_m_works():
    """`python -m halfopen` is the same program."""
    result = subprocess.run(
        [sys.executable, "-m", "halfopen", "--version"], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("halfopen ")
