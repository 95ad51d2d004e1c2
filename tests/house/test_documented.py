"""Every command, option and setting is documented."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer

from halfopen.cli import app
from halfopen.rollout.settings import Settings

COMMANDS = "docs/reference/commands.md"
SETTINGS = "docs/reference/configuration.md"


def commands(command: Any, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every command below a group with its long options."""
    if not hasattr(command, "list_commands"):
        options = [max(parameter.opts, key=len) for parameter in command.params]
        yield name, tuple(option for option in options if option.startswith("--") and option != "--help")
        return
    context = command.make_context(name.rsplit(" ", maxsplit=1)[-1], [], resilient_parsing=True)
    for verb in command.list_commands(context):
        yield from commands(command.get_command(context, verb), f"{name} {verb}")


def undocumented_commands(tree: list[tuple[str, tuple[str, ...]]], page: str) -> list[str]:
    """Commands without a section, options that their section leaves out, sections without a command."""
    pieces = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    sections = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    breaches = []
    for name, options in tree:
        if name not in sections:
            breaches.append(
                f"{COMMANDS}:1: no section `## {name}`; add what it does, its options and exit status"
            )
            continue
        text = sections[name]
        breaches += [
            f"{COMMANDS}:{_line(page, name)}: {option} of {name} is missing; say what it does and its default"
            for option in options
            if not re.search(rf"`{re.escape(option)}(?![\w-])", text)
        ]
        if "xit status" not in text:
            breaches.append(f"{COMMANDS}:{_line(page, name)}: the exit status of {name} is missing")
    known = {name for name, _ in tree}
    breaches += [
        f"{COMMANDS}:{_line(page, name)}: there is no command {name}; remove its section"
        for name in sections
        if name.startswith("halfopen ") and name not in known
    ]
    return breaches


def _line(page: str, name: str) -> int:
    return page[: page.find(f"## {name}")].count("\n") + 1


def settings(struct: type) -> list[tuple[str, str]]:
    """Every setting of a struct and of the structs in it, as (struct, setting)."""
    _, components = msgspec.json.schema_components([struct])
    return [
        (name, setting)
        for name, component in components.items()
        for setting in component.get("properties", {})
    ]


def undocumented_settings(found: list[tuple[str, str]], page: str) -> list[str]:
    """Settings that the page names neither in a table nor in a heading."""
    return [
        f"{SETTINGS}:1: `{setting}` of {struct} is missing; say its meaning, range, unit and default"
        for struct, setting in found
        if not re.search(rf"`{re.escape(setting)}`|\[(?:\w+\.)*{re.escape(setting)}(?:\.[^\]]*)?\]", page)
    ]


def test_commands(root: Path, hold: Callable[[list[str]], None]) -> None:
    """Every command has its section with every option and the exit status."""
    tree = list(commands(typer.main.get_command(app), "halfopen"))
    assert len(tree) >= 5
    hold(undocumented_commands(tree, (root / COMMANDS).read_text()))


def test_settings(root: Path, hold: Callable[[list[str]], None]) -> None:
    """Every setting of `halfopen.toml` has its row."""
    found = settings(Settings)
    assert len(found) >= 10
    hold(undocumented_settings(found, (root / SETTINGS).read_text()))


PAGE = "# Commands\n\n## halfopen run\n\n| `--config FILE` | x |\n| `--json` | x |\n\nExit status: 0.\n"


def test_commands_catches() -> None:
    """A planted command, option, exit status or section that does not match is caught."""
    run = ("halfopen run", ("--config", "--json"))
    assert undocumented_commands([run], PAGE) == []
    assert len(undocumented_commands([run, ("halfopen stop", ())], PAGE)) == 1
    assert len(undocumented_commands([("halfopen run", ("--config", "--json", "--conf"))], PAGE)) == 1
    assert len(undocumented_commands([run], PAGE.replace("Exit status", "x"))) == 1
    assert len(undocumented_commands([run], PAGE + "\n## halfopen gone\n\nExit status: 0.\n")) == 1


def test_commands_walks_groups() -> None:
    """Commands inside groups are found with their options."""
    outer, inner = typer.Typer(), typer.Typer()

    @inner.command("deep")
    def deep(*, json: bool = False) -> None:
        """D."""

    @outer.command("flat")
    def flat() -> None:
        """F."""

    outer.add_typer(inner, name="group")
    tree = dict(commands(typer.main.get_command(outer), "x"))
    assert tree["x group deep"] == ("--json",)
    assert "x flat" in tree


def test_settings_catches() -> None:
    """A planted setting that the page does not name is caught, also inside another struct."""

    class Inner(msgspec.Struct):
        stall_s: float = 1

    class Outer(msgspec.Struct):
        inner: Inner
        port: int = 1

    found = settings(Outer)
    assert sorted(found) == [("Inner", "stall_s"), ("Outer", "inner"), ("Outer", "port")]
    assert undocumented_settings(found, "### `[inner]`\n| `stall_s` | `port` |") == []
    assert len(undocumented_settings(found, "### `[inner]`\n| `port` | stall_s |")) == 1
