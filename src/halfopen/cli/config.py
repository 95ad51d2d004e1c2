"""`halfopen config`: check, show, explain and change the configuration."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from halfopen.app.configuration import ConfigurationError, Loaded, load
from halfopen.cli import config_changes
from halfopen.cli.output import print_errors, print_json
from halfopen.policy.options import Choice, PacerOptions
from halfopen.rollout import Snapshot
from halfopen.rollout.example import example as example_text
from halfopen.rollout.reference_page import settings_table
from halfopen.rollout.schema import json_schema
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec

app = typer.Typer(
    help="Check, show, explain and change the configuration.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The file to read. Default: halfopen.toml here, else the keys in the environment, else the lab.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(*, config: ConfigFile = None, as_json: Json = False) -> None:
    """Check the configuration and list everything that is wrong with it.

    References to the environment are checked as well, so run it where the gateway runs.

    Exit status: 0 it can be served, perhaps with warnings; 1 it can't; 2 wrong usage, or the file
    can't be read.
    """
    try:
        loaded = load(config, os.environ)
    except ConfigurationError as error:
        if as_json:
            print_json(
                {"ok": False, "problems": error.problems, "warnings": [], "notes": [], "snapshot": None}
            )
        else:
            print_errors(str(error).splitlines())
        raise typer.Exit(_status(error)) from None
    if as_json:
        print_json(
            {
                "ok": True,
                "problems": [],
                "warnings": loaded.warnings,
                "notes": loaded.hints,
                "snapshot": loaded.snapshot.id,
            }
        )
    else:
        _print_checked(loaded)


@app.command()
def show(*, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show the configuration in effect, defaults included. Secrets stay references.

    Exit status: 0 shown; 1 the configuration can't be served; 2 wrong usage, or the file can't be
    read.
    """
    try:
        loaded = load(config, os.environ)
    except ConfigurationError as error:
        print_errors(str(error).splitlines())
        raise typer.Exit(_status(error)) from None
    if as_json:
        print_json({"source": loaded.source, "notes": loaded.notes, **_plain(loaded.snapshot)})
    else:
        _print_shown(loaded)


@app.command()
def schema(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The schema is JSON anyway.")] = False,  # noqa: ARG001 - every command takes --json
) -> None:
    """Print the JSON Schema (2020-12) of halfopen.toml, for editors.

    Exit status: 0 printed; 2 wrong usage.
    """
    print_json(json_schema())


@app.command()
def example(*, as_json: Json = False) -> None:
    """Print a halfopen.toml with every setting, explained.

    It passes `halfopen config check` once the variables that it refers to are set.

    Exit status: 0 printed; 2 wrong usage.
    """
    if as_json:
        print_json({"toml": example_text()})
    else:
        print(example_text(), end="")


@app.command()
def reference(*, as_json: Json = False) -> None:
    """Print every setting as Markdown: the tables of docs/reference/configuration.md.

    Exit status: 0 printed; 2 wrong usage.
    """
    if as_json:
        print_json({"markdown": settings_table()})
    else:
        print(settings_table(), end="")


app.command()(config_changes.apply)
app.command()(config_changes.rollback)
app.command()(config_changes.history)


def _status(error: ConfigurationError) -> int:
    return 2 if error.unreadable else 1


def _print_checked(loaded: Loaded) -> None:
    for warning in loaded.warnings:
        print(f"warning: {warning}")
    for hint in loaded.hints:
        print(f"note: {hint}")
    for note in loaded.notes:
        print(note)
    print(f"The configuration is fine. Snapshot {loaded.snapshot.id}.")


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(snapshot)
    return {"snapshot": plain.pop("id"), **plain}


def _print_shown(loaded: Loaded) -> None:
    """A summary; `--json` has everything."""
    snapshot = loaded.snapshot
    for note in loaded.notes:
        print(note)
    print(f"snapshot {snapshot.id}")
    print(f"gateway http://{snapshot.gateway.host}:{snapshot.gateway.port}")
    for provider in snapshot.providers.values():
        where = "a local model" if provider.local else provider.base_url
        keys = ", ".join(provider.keys) or "none"
        print(f"provider {provider.name}: {provider.dialect} at {where}, key {keys}{_limits(provider)}")
    for route in snapshot.routes.values():
        targets = ", then ".join(target.name for target in route.targets)
        print(f"route {route.name}: {targets}{_choice(route)}")


def _limits(provider: ProviderSpec) -> str:
    stated = [("every model", provider.limits), *provider.model_limits]
    told = [f"{model}: {_rates(limits)}" for model, limits in stated if _rates(limits)]
    return f", limits of {'; '.join(told)}" if told else ""


def _rates(limits: PacerOptions) -> str:
    rates = ((field.name.replace("_", " "), getattr(limits, field.name)) for field in fields(limits))
    return ", ".join(f"{rate:g} {name}" for name, rate in rates if isinstance(rate, float) and rate > 0)


def _choice(route: RouteSpec) -> str:
    options = route.options
    told = "" if options.choice is Choice.ORDER else f", chosen by {options.choice.value.replace('_', ' ')}"
    if options.hedge.extra_load > 0:
        told += f", hedged with {options.hedge.extra_load:.1%} more load"
    return told
