"""Finds the configuration: a file, else the keys in the environment, else the lab."""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from halfopen.app.local.options import LocalOptions, capabilities
from halfopen.model import Capabilities
from halfopen.rollout import (
    Configured,
    LocalSpec,
    Problem,
    Refused,
    Secrets,
    Snapshot,
    configure,
    configure_data,
)
from halfopen.rollout.environment import from_environment, lab_data
from halfopen.rollout.resolve import small_local

FILE_NAME = "halfopen.toml"
FILE_MAX_BYTES = 4 * 1024 * 1024
"""No configuration is this long; something else was named by mistake."""

Source = Literal["file", "environment", "lab"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be served, and where it comes from."""

    snapshot: Snapshot
    secrets: Secrets
    source: Source
    notes: tuple[str, ...] = ()
    """What a person should be told at the start, in plain words."""
    warnings: tuple[Problem, ...] = ()
    hints: tuple[Problem, ...] = ()
    """What is worth knowing but no warning, such as a model that the catalogue doesn't have."""
    path: Path | None = None
    """The file, if there is one."""


class ConfigurationError(Exception):
    """The configuration can't be served. Its text lists every problem, one a line."""

    def __init__(
        self, problems: tuple[Problem, ...], path: Path | None = None, *, unreadable: bool = False
    ) -> None:
        """Keep the problems as values next to the text."""
        self.problems = problems
        self.path = path
        self.unreadable = unreadable
        """Whether there was no text to check at all."""
        super().__init__("\n".join(_line(problem, path) for problem in problems))


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    directory: Path = Path(),
    lab_ports: Mapping[str, int] | None = None,
) -> Loaded:
    """Load the configuration.

    Args:
        path: The file to read; None: `halfopen.toml` in `directory` if it is there, else the keys in
            the environment, else the lab.
        environ: Environment variables.
        directory: Where `halfopen.toml` is looked for.
        lab_ports: Ports of the lab's providers by dialect, should it come to that; None: the usual ones.

    Raises:
        ConfigurationError: The file can't be read, or the configuration can't be served.
    """
    if path is None and (directory / FILE_NAME).exists():
        path = directory / FILE_NAME
    if path is not None:
        return _from_file(path, environ)
    found = from_environment(environ)
    if found is None:
        return _from_lab(lab_ports)
    outcome = configure_data(found.data, environ)
    if isinstance(outcome, Refused):
        # Nobody wrote a file, so a problem is at the variable that the setting came from.
        problems = (
            replace(problem, place=found.variables.get(problem.place, "")) for problem in outcome.problems
        )
        raise ConfigurationError(tuple(problems))
    return Loaded(outcome.snapshot, outcome.secrets, "environment", found.notes)


def lab_snapshot(ports: Mapping[str, int]) -> Configured:
    """The snapshot and the secrets that use the lab's providers.

    Args:
        ports: Port on 127.0.0.1 by dialect: openai, anthropic, gemini.
    """
    outcome = configure_data(lab_data(ports), {})
    if isinstance(outcome, Refused):
        raise ConfigurationError(outcome.problems)
    return outcome


def _from_lab(ports: Mapping[str, int] | None) -> Loaded:
    if ports is None:
        from halfopen.lab.ports import DEFAULT  # noqa: PLC0415 - the lab would make every start slower

        ports = DEFAULT
    configured = lab_snapshot(ports)
    note = (
        "No halfopen.toml and no API key in the environment, so the lab stands in: the providers are "
        "simulated on this machine, no model answers, and nothing leaves it."
    )
    hint = (
        "Set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY, or write a halfopen.toml, for real answers."
    )
    return Loaded(configured.snapshot, configured.secrets, "lab", (note, hint))


def _from_file(path: Path, environ: Mapping[str, str]) -> Loaded:
    return load_text(_text(path), environ, path)


def load_text(text: str, environ: Mapping[str, str], path: Path) -> Loaded:
    """As `load`, for the text of a file that was read already; problems name `path`."""
    outcome = configure(text, environ, local_ability)
    if isinstance(outcome, Refused):
        raise ConfigurationError(outcome.problems, path)
    missing = _missing_models(outcome.snapshot)
    if missing:
        raise ConfigurationError(missing, path)
    return Loaded(
        outcome.snapshot,
        outcome.secrets,
        "file",
        (f"Configuration: {path}",),
        outcome.warnings,
        outcome.notes,
        path,
    )


def _text(path: Path) -> str:
    try:
        data = content(path)
    except OSError as error:
        hint = "`halfopen config example` prints one" if isinstance(error, FileNotFoundError) else ""
        problem = Problem("", f"can't be read: {error.strerror or error}", hint)
        raise ConfigurationError((problem,), path, unreadable=True) from None
    if len(data) > FILE_MAX_BYTES:
        problem = Problem("", f"is longer than {FILE_MAX_BYTES} bytes, so it can't be a configuration")
        raise ConfigurationError((problem,), path, unreadable=True)
    try:
        # Some editors put a byte order mark first, which TOML doesn't know.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problem = Problem("", "is not UTF-8 text", "save it as UTF-8", line)
        raise ConfigurationError((problem,), path) from None


def content(path: Path) -> bytes:
    """The bytes of a configuration file, one more than `FILE_MAX_BYTES` at most.

    Raises:
        OSError: It can't be read, or is no file: nobody knows when a pipe would end.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return file.read(FILE_MAX_BYTES + 1)


def _without_waiting(path: str, flags: int) -> int:
    # Else a named pipe would be waited for until somebody writes to it.
    return os.open(path, flags | os.O_NONBLOCK)


def local_ability(local: LocalSpec) -> Capabilities:
    """What a local model can do, by its file; the least of all when the file can't be read."""
    options = LocalOptions(gguf=local.gguf, context_tokens=local.context_tokens)
    try:
        return capabilities(options)
    except (OSError, ValueError):
        return small_local(local)


def _missing_models(snapshot: Snapshot) -> tuple[Problem, ...]:
    return tuple(
        Problem(f"providers.{provider.name}.gguf", f"there is no file {provider.local.gguf}")
        for provider in snapshot.providers.values()
        if provider.local and provider.local.gguf and not Path(provider.local.gguf).is_file()
    )


def _line(problem: Problem, path: Path | None) -> str:
    """`file:line: place: message (hint)`, as editors and terminals know it."""
    if path is None:
        return str(problem)
    line = "" if problem.line is None else f":{problem.line}"
    subject = f"{problem.place}: " if problem.place else ""
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{path}{line}: {subject}{problem.message}{hint}"
