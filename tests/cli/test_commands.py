"""What holds for every command."""

import re

import pytest
import typer
from typer.testing import CliRunner

from halfopen.cli import VERBS, app

RUN = CliRunner()


def commands(command, path=()):
    """Every command that does something, with its path."""
    children = getattr(command, "commands", None)
    if path == ():
        for name in VERBS:
            yield from commands(command.get_command(typer.Context(command), name), (name,))
    elif children:
        for name, child in children.items():
            yield from commands(child, (*path, name))
    else:
        yield path, command


ALL = list(commands(typer.main.get_command(app)))


def test_every_command_is_found():
    """The walk sees the whole tree, so that the promises below are about something."""
    names = {" ".join(path) for path, _ in ALL}
    assert {"run", "explain", "config check", "lab set", "lab matrix", "lab drill", "lab fuzz"} <= names


@pytest.mark.parametrize("command", [pytest.param(each, id=" ".join(path)) for path, each in ALL])
def test_it_has_json(command):
    """Every command that prints a result prints it as JSON, too."""
    assert "--json" in {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("path", [pytest.param(path, id=" ".join(path)) for path, _ in ALL])
def test_its_help_says_what_the_exit_status_means(path):
    """Scripts know what 0, 1 and 2 mean without reading the code."""
    result = RUN.invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    said = " ".join(result.output.split())
    assert re.search(r"Exit status: 0 .+ 2 ", said), said
