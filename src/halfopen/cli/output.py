"""What all verbs print the same way: JSON on standard output, errors on standard error."""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import typer


def program() -> str:
    """How a person starts this program here: by its name if the shell finds it, else by its path."""
    if shutil.which("halfopen") is not None:
        return "halfopen"
    started = Path(sys.argv[0])
    if started.name != "halfopen":
        return "halfopen"
    return os.path.relpath(started) if started.is_relative_to(Path.cwd()) else str(started)


def print_json(data: Any) -> None:
    """Print `data` as JSON, never wrapped or coloured, so that it can be piped."""
    text = msgspec.json.format(msgspec.json.encode(data), indent=2)
    print(text.decode())


def print_errors(lines: Iterable[str]) -> None:
    """Print lines on standard error."""
    for line in lines:
        print(line, file=sys.stderr)


def fail(message: str, status: int) -> NoReturn:
    """Print a message on standard error and end with an exit status."""
    print_errors((f"halfopen: {message}",))
    raise typer.Exit(status)
