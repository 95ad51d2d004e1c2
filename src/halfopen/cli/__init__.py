"""The command line: one file a verb, imported only when the verb is used."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a verb is, and what the list of verbs says about it."""

    module: str
    attribute: str
    """A function, or a `typer.Typer` with verbs of its own."""
    text: str


VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "run": Verb("halfopen.cli.run", "run", "Start the gateway."),
        "config": Verb("halfopen.cli.config", "app", "Check, show, explain and change the configuration."),
        "status": Verb("halfopen.cli.status", "status", "Show how a running gateway is."),
        "top": Verb("halfopen.cli.top", "top", "Watch a running gateway."),
        "requests": Verb("halfopen.cli.requests", "requests", "List requests that are over."),
        "show": Verb("halfopen.cli.show", "show", "Show one request with all its attempts."),
        "keys": Verb("halfopen.cli.keys", "app", "Make, list and revoke the keys of callers."),
        "explain": Verb(
            "halfopen.cli.explain", "explain", "Explain a status or a saved response, and what to do."
        ),
        "export": Verb(
            "halfopen.cli.export", "app", "Write rules, dashboards and monitors for other systems."
        ),
        "lab": Verb("halfopen.cli.lab", "app", "Simulated providers that fail on demand."),
        "simulate": Verb(
            "halfopen.cli.simulate", "simulate", "Compare policies in a simulated outage on virtual time."
        ),
    }
)


class VerbGroup(TyperGroup):
    """Lists the verbs from a table and imports one when it is used, so that `--help` stays quick."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002 - click hands it over
        """Names of the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ARG002 - click hands it over
        """Import the verb; None: there is no such verb."""
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        found = getattr(import_module(verb.module), verb.attribute)
        if isinstance(found, typer.Typer):
            # Not get_command, which would add the options that install shell completion.
            command: Any = typer.main.get_group(found)
        else:
            command = typer.main.get_command(_single(found, cmd_name))
        command.name = cmd_name
        return command

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]  # noqa: ARG002 - click hands it over
        """Write the table of verbs without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.text) for name, verb in VERBS.items()])

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer carries its own click
        """Run the verb; Ctrl-C ends it with status 130, as shells expect."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=VerbGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _single(function: Any, name: str) -> typer.Typer:
    """A program of one verb."""
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(function)
    return single


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"halfopen {version('halfopen')}")
        raise typer.Exit


@app.callback(
    epilog="Exit status of every command: 0 fine, 2 wrong usage, 130 ended by Ctrl-C; others in its help."
)
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep an application working while its LLM API answers 500, and find out why."""


def main() -> None:
    """Run the command line. Ends the process with the verb's exit status."""
    try:
        app(prog_name="halfopen")
    except KeyboardInterrupt:
        sys.exit(130)
