"""`halfopen export`: rules, dashboards and monitors for other systems, made of the configuration."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from halfopen.app.configuration import ConfigurationError, load
from halfopen.cli.output import print_errors, print_json
from halfopen.exporters.files.written import as_text, write, write_all
from halfopen.rollout import Snapshot

app = typer.Typer(
    help="Write rules, dashboards and monitors for Prometheus, Grafana and Datadog.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="The configuration. Default: halfopen.toml here, else keys in the environment, else the lab.",
        show_default=False,
    ),
]
FileOption = Annotated[
    Path | None,
    typer.Option("--out", help="The file to write. Default: standard output.", show_default=False),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="The folder to write files to. Default: all of them to standard output.",
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON: the content, or the files that were written.")
]


@app.command(name="prometheus-rules")
def prometheus_rules(
    *,
    config: ConfigOption = None,
    out: FileOption = None,
    job: Annotated[
        str, typer.Option(help="The name by which Prometheus scrapes the gateway.", metavar="NAME")
    ] = "halfopen",
    as_json: Json = False,
) -> None:
    """Write recording and alerting rules for Prometheus: users, rescues, objectives, the gateway itself.

    Exit status: 0 written; 1 the configuration can't be served; 2 wrong usage, or a file can't be
    read or written.
    """
    from halfopen.exporters.files import prometheus_rules as rules

    content = rules.prometheus_rules(_snapshot(config), job)
    if out is None:
        if as_json:
            print_json(content)
        else:
            print(as_text("rules.yaml", content), end="")
        return
    try:
        write(out, as_text("rules.yaml", content))
    except OSError as error:
        _unwritable(error, out)
    _print_written([out], as_json=as_json)


@app.command()
def grafana(*, config: ConfigOption = None, out: FolderOption = None, as_json: Json = False) -> None:
    """Write dashboards for Grafana, and the provisioning file that has it load them.

    Exit status: 0 written; 1 the configuration can't be served; 2 wrong usage, or a file can't be
    read or written.
    """
    from halfopen.exporters.files.grafana import grafana_files

    _put(grafana_files(_snapshot(config)), out, as_json=as_json)


@app.command()
def datadog(*, config: ConfigOption = None, out: FolderOption = None, as_json: Json = False) -> None:
    """Write a dashboard and monitors for Datadog, as its API takes them.

    Exit status: 0 written; 1 the configuration can't be served; 2 wrong usage, or a file can't be
    read or written.
    """
    from halfopen.exporters.files.datadog import datadog_files

    _put(datadog_files(_snapshot(config)), out, as_json=as_json)


def _snapshot(config: Path | None) -> Snapshot:
    try:
        return load(config, os.environ).snapshot
    except ConfigurationError as error:
        print_errors(str(error).splitlines())
        raise typer.Exit(2 if error.unreadable else 1) from None


def _put(files: Mapping[str, Any], folder: Path | None, *, as_json: bool) -> None:
    if folder is None:
        # Several files on one output: the names tell them apart.
        print_json(files)
        return
    try:
        written = write_all(folder, files)
    except OSError as error:
        _unwritable(error, folder)
    _print_written(written, as_json=as_json)


def _print_written(paths: list[Path], *, as_json: bool) -> None:
    if as_json:
        print_json({"files": [str(path) for path in paths]})
        return
    for path in paths:
        print(path)


def _unwritable(error: OSError, path: Path) -> NoReturn:
    print(f"halfopen: can't write {error.filename or path}: {error.strerror or error}", file=sys.stderr)
    raise typer.Exit(2) from None
