"""`halfopen config apply|rollback|history`: change the configuration of a running gateway."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import structs

from halfopen.app.configuration import FILE_MAX_BYTES
from halfopen.app.processes.asking import NoAnswerError
from halfopen.app.processes.messages import Answer, Ask
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.cli.gateway_state import ConfigOption, StateOption, asked, find
from halfopen.cli.output import fail, print_errors, print_json

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


_UNNAMED = re.compile(r"^FILE(?=:)", re.MULTILINE)
"""How control names the text in what it says of it."""


def apply(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A halfopen.toml, or - for standard input.")],
    *,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Json = False,
) -> None:
    """Make a configuration the current one of a running gateway, if it can be served.

    The gateway checks it, with its own environment. It stays until the gateway's own file is saved
    again, or the gateway is started anew.

    Exit status: 0 it is current now; 1 it can't be served, or no gateway answers; 2 wrong usage, or
    the file can't be read.
    """
    text = _read(file)
    directory = find(state, config)
    answer = asked(directory, Ask("apply", text))
    if isinstance(answer, Answer):
        # Control gets the text alone, so it can't know the name.
        name = "standard input" if file == "-" else file
        answer = structs.replace(answer, problem=_UNNAMED.sub(lambda _: name, answer.problem))
    _print_change(answer, directory, as_json=as_json)


def rollback(
    id: Annotated[str, typer.Argument(metavar="[ID]", help="A snapshot of the history.")] = "",  # noqa: A002 - its name in the help
    *,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Json = False,
) -> None:
    """Go back to an earlier configuration of a running gateway: by default the one before.

    It stays until the gateway's own file is saved again, or the gateway is started anew.

    Exit status: 0 it is current now; 1 there is no such snapshot, it can't be served, or no gateway
    answers; 2 wrong usage.
    """
    directory = find(state, config)
    _print_change(asked(directory, Ask("rollback", id)), directory, as_json=as_json)


def history(*, state: StateOption = None, config: ConfigOption = None, as_json: Json = False) -> None:
    """List which configuration was current since when, and why. Needs no running gateway.

    Exit status: 0 listed; 1 this gateway has no history yet; 2 wrong usage.
    """
    directory = find(state, config)
    entries = directory.history()
    current = directory.current()
    if as_json:
        print_json({"current": current, "history": entries})
    else:
        for entry in entries:
            at = datetime.fromtimestamp(entry.at_wall_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            print(f"{at}  {entry.id}  {entry.why}")
        if current:
            print(f"current: {current}")
    if not entries:
        if not as_json:
            print_errors((f"halfopen: {directory.path} has no history",))
        raise typer.Exit(1)


def _read(file: str) -> str:
    try:
        if file == "-":
            data = sys.stdin.buffer.read(FILE_MAX_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        fail(f"{file} can't be read: {error.strerror or error}", 2)
    if len(data) > FILE_MAX_BYTES:
        fail(f"{file} is longer than {FILE_MAX_BYTES} bytes, so it can't be a configuration", 2)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8 text", 2)


def _print_change(answer: Answer | NoAnswerError, directory: StateDirectory, *, as_json: bool) -> None:
    if isinstance(answer, NoAnswerError):
        problem = f"{answer} (state directory {directory.path})"
        if directory.is_held():
            problem += "; if it was just at it, `halfopen status` shows the snapshot"
        if as_json:
            print_json({"ok": False, "problem": problem, "snapshot": directory.current(), "changed": False})
        else:
            print_errors((f"halfopen: {problem}",))
        raise typer.Exit(1)
    if as_json:
        print_json({"ok": answer.ok, "problem": answer.problem, **answer.data})
    elif answer.ok:
        _print_made(answer.data)
    else:
        print_errors(answer.problem.splitlines())
    if not answer.ok:
        raise typer.Exit(1)


def _print_made(data: dict[str, Any]) -> None:
    for warning in data.get("warnings", ()):
        print(f"warning: {warning['place']}: {warning['message']}")
    snapshot, workers = data["snapshot"], data["workers"]
    served = sum(1 for worker in workers if worker["snapshot"] == snapshot)
    what = "is current now" if data["changed"] else "was current already"
    print(f"Snapshot {snapshot} {what}. {served} of {len(workers)} workers serve it.")
    for worker in workers:
        if worker["problem"]:
            print(f"worker {worker['number']}: {worker['problem']}")
