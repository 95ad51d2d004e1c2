"""Finds the state directory of a gateway, for the verbs that ask it."""

import os
import re
import time
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from halfopen.app.configuration import FILE_NAME, content
from halfopen.app.processes.asking import ANSWER_S, NoAnswerError, NobodyListensError, ask
from halfopen.app.processes.home import in_use, wanted
from halfopen.app.processes.messages import Answer, Ask
from halfopen.app.processes.state_directory import StateDirectory, StateError, default_path
from halfopen.cli.output import fail
from halfopen.rollout.settings import Gateway

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="The gateway's state directory. Default: what the configuration says.",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The gateway's configuration, to find its state directory. Default: halfopen.toml here.",
    ),
]
_AGAIN_S = 0.05
_LAST_TRY_S = 0.05


def find(state: Path | None, config: Path | None) -> StateDirectory:
    """The state directory that is named, or that the gateway with this configuration uses.

    Only the port and `state_dir` of the file are looked at, so a file that can't be served will do.
    """
    if state is not None:
        own = StateDirectory(state)
        return in_use(str(own.path)) or own
    path = config or Path(FILE_NAME)
    data: dict[str, Any] = {}
    folder: Path | None = None
    if config is not None or path.exists():
        folder = path.absolute().parent
        try:
            data = _tables(content(path).decode("utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            fail(f"{path} can't be read: {error}; name the state directory with --state", 2)
    port = _setting(data, "gateway", "port", Gateway().port)
    state_dir = _setting(data, "processes", "state_dir", "")
    found = in_use(wanted(port, state_dir, folder))
    if found is not None:
        return found
    try:
        return StateDirectory(default_path(port, os.environ, state_dir, folder))
    except StateError as error:
        fail(str(error), 2)


def asked(state: StateDirectory, question: Ask) -> Answer | NoAnswerError:
    """Control's answer, or why there is none. A gateway that is only starting is waited for."""
    until = time.monotonic() + ANSWER_S
    while True:
        left_s = until - time.monotonic()
        try:
            return ask(state.socket_path, question, most_s=max(left_s, _LAST_TRY_S))
        except NobodyListensError as error:
            if not state.is_held():
                return error
            if left_s <= _AGAIN_S:
                return NoAnswerError("control does not listen: it is starting, or being started again")
            time.sleep(_AGAIN_S)
        except NoAnswerError as error:
            return error


def _tables(text: str) -> dict[str, Any]:
    """The whole file; of one that is no TOML, because somebody is editing it, the tables that are."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        found: dict[str, Any] = {}
        for piece in re.split(r"^(?=[ \t]*\[)", text, flags=re.MULTILINE):
            with suppress(tomllib.TOMLDecodeError):
                found |= tomllib.loads(piece)
        return found


def _setting(data: dict[str, Any], table: str, name: str, default: Any) -> Any:
    found = data.get(table)
    value = found.get(name, default) if isinstance(found, dict) else default
    return value if isinstance(value, type(default)) else default
