"""One call from text or settings to a snapshot, or to everything that is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from halfopen.rollout import advice
from halfopen.rollout.checks import check
from halfopen.rollout.place import Path
from halfopen.rollout.problem import Findings, Problem
from halfopen.rollout.reference import Secrets
from halfopen.rollout.resolve import LocalAbility, resolve, secrets_of, small_local
from halfopen.rollout.settings import Settings
from halfopen.rollout.shape import shape
from halfopen.rollout.snapshot import Snapshot
from halfopen.rollout.toml import parse


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration that can be served."""

    snapshot: Snapshot
    secrets: Secrets
    warnings: tuple[Problem, ...] = ()
    """What works but is likely to disappoint."""
    notes: tuple[Problem, ...] = ()
    """What is worth knowing."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A configuration that can't be served."""

    problems: tuple[Problem, ...]
    """All of them, in the order of the file. Never empty."""


def configure(
    text: str, environ: Mapping[str, str], local_ability: LocalAbility = small_local
) -> Configured | Refused:
    """Read, check and resolve the text of a `halfopen.toml`.

    Args:
        text: TOML.
        environ: Environment variables that references may name.
        local_ability: Tells what a local model can do.
    """
    parsed = parse(text)
    if isinstance(parsed, Problem):
        return Refused((parsed,))
    return configure_data(parsed.data, environ, parsed.lines, local_ability)


def configure_data(
    data: Mapping[str, Any],
    environ: Mapping[str, str],
    lines: Mapping[Path, int] | None = None,
    local_ability: LocalAbility = small_local,
) -> Configured | Refused:
    """As `configure`, for plain data that is read already; `lines` are the lines it was on."""
    findings = Findings(lines)
    settings = msgspec.convert(shape(data, Settings, findings), Settings)
    check(settings, data, environ, findings)
    problems = findings.sorted()
    if problems:
        return Refused(problems)
    snapshot = resolve(settings, local_ability)
    warnings, notes = Findings(lines), Findings(lines)
    advice.warn(snapshot, settings, warnings)
    advice.note(snapshot, settings, notes)
    return Configured(snapshot, secrets_of(settings, environ), warnings.sorted(), notes.sorted())
