"""Halfopen's builds as subjects, with everything on."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench.subject import KEY, Absent, Subject
from bench.tools import MODEL, PLACE, ROOT, CannotRunError

PURE: Final = ROOT / ".venv/bin/halfopen"
COMPILED: Final = ROOT / "build/compiled/bin/halfopen"
"""Where scripts/compiled.sh puts it."""


def halfopen(name: str, program: Path, port: int, upstream_port: int, **settings: int) -> Subject | Absent:
    """Halfopen with everything on, from one build; `settings` may say `workers` and `failing_port`."""
    if not program.exists():
        shown = program.relative_to(ROOT) if program.is_relative_to(ROOT) else program
        return Absent(name, f"{shown} is not there")
    workers = settings.get("workers", 1)
    targets = [("bench", upstream_port)]
    if "failing_port" in settings:
        targets = [("broken", settings["failing_port"]), *targets]
    config = PLACE / f"{name.replace(' ', '-')}-{port}.toml"
    config.write_text(halfopen_config(port, targets))
    command = [str(program), "run", "--config", str(config)]
    if "--workers" in _help(program):
        command += ["--workers", str(workers)]
    state = PLACE / "state" / str(port)
    shutil.rmtree(state, ignore_errors=True)
    env = {"BENCH_KEY": KEY, "XDG_STATE_HOME": str(state)}
    return Subject(name, port, tuple(command), env, version=_version(program))


def halfopen_config(port: int, targets: list[tuple[str, int]]) -> str:
    """A file with one route over some upstreams of this machine. Nothing is switched off."""
    lines = ["[gateway]", f"port = {port}", "connections_max = 12000", "idle_timeout_s = 3600", ""]
    for name, upstream_port in targets:
        lines += [
            f"[providers.{name}]",
            'dialect = "openai"',
            f'base_url = "http://127.0.0.1:{upstream_port}/v1"',
            'key = "${BENCH_KEY}"',
            "",
        ]
    named = ", ".join(f'"{name}/{MODEL}"' for name, _ in targets)
    return "\n".join([*lines, f'[routes."{MODEL}"]', f"targets = [{named}]", ""])


def written(subject: Subject) -> int:
    """How many outcomes its control process has written, by `halfopen status`.

    Raises:
        CannotRunError: It says nothing of the kind.
    """
    config = subject.command[subject.command.index("--config") + 1]
    said = _output((subject.command[0], "status", "--json", "--config", config), subject.env)
    try:
        return int(json.loads(said)["outcomes"]["written"])
    except (KeyError, TypeError, ValueError) as error:
        raise CannotRunError(f"{subject.name} does not say what it has recorded: {said[:300]!r}") from error


def _help(program: Path) -> str:
    return _output((str(program), "run", "--help"))


def python_of(program: Path) -> Path:
    """The interpreter that runs a build: its neighbour, else that of the pure one."""
    neighbour = program.parent / "python"
    return neighbour if neighbour.exists() else PURE.parent / "python"


def _version(program: Path) -> str:
    code = "import importlib.metadata as m; print(m.version('halfopen'))"
    return _output((str(python_of(program)), "-c", code)).strip()


def _output(command: tuple[str, ...], env: Mapping[str, str] | None = None) -> str:
    # A help text is as wide as the terminal, and an option's name must not be cut in two.
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **(env or {})}
    done = subprocess.run(  # noqa: S603 - the commands are the bench's own
        command, capture_output=True, text=True, check=False, env=environment
    )
    return done.stdout
