"""A scenario file: TOML text to a scenario, or to everything that is wrong with it.

Syntax, tables and types are read as those of the configuration are, by the same code, so that problems
are told alike: where, what, and what to write instead.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from halfopen.model import Priority
from halfopen.rollout.place import Path
from halfopen.rollout.problem import Findings, Problem
from halfopen.rollout.shape import shape
from halfopen.rollout.toml import Parsed, parse
from halfopen.simulator.scenario import (
    Autoscaler,
    Cache,
    ClientSpec,
    Expectation,
    FaultKind,
    FaultSpec,
    Phase,
    Scenario,
    UpstreamSpec,
)
from halfopen.simulator.scenario_checks import check
from halfopen.simulator.scenario_file import ClientTable, FaultTable, ScenarioTable, UpstreamTable
from halfopen.simulator.strategies import STRATEGIES

_ITEM: Final = re.compile(r"^([ \t]*)\[\[[ \t]*(\w+)[ \t]*\]\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A scenario that can't be run."""

    problems: tuple[Problem, ...]
    """All of them, in the order of the file. Never empty."""


def read_scenario(text: str) -> Scenario | Unreadable:
    """Read the text of a scenario file. See docs/reference/simulator.md for the format."""
    parsed = parse(text)
    if isinstance(parsed, Problem):
        return Unreadable((parsed,))
    if "providers" in parsed.data and "upstreams" not in parsed.data:
        hint = "try it with --policy"
        return Unreadable((Problem("", "is a configuration, not a scenario", hint),))
    findings = Findings(_lines(text, parsed))
    fitting = shape(parsed.data, ScenarioTable, findings)
    if problems := findings.sorted():
        return Unreadable(problems)
    tables = msgspec.convert(fitting, ScenarioTable)
    check(tables, parsed.data, tuple(STRATEGIES), findings)
    if problems := findings.sorted():
        return Unreadable(problems)
    return _scenario(tables)


def _lines(text: str, parsed: Parsed) -> Mapping[Path, int]:
    """Lines of all settings, those of `[[faults]]` and `[[expect]]` by their number.

    The parser notes lines of tables only, so each item of an array is numbered and made a table for it.
    """
    counts: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        counts[match[2]] = counts.get(match[2], -1) + 1
        return f"{match[1]}[{match[2]}.{counts[match[2]]}]"

    read = parse(_ITEM.sub(numbered, text))
    if isinstance(read, Problem):  # such a header inside a text: then lines are less exact
        return parsed.lines
    lines = dict(parsed.lines)
    for path, line in read.lines.items():
        if len(path) > 1 and path[0] in counts and isinstance(path[1], str) and path[1].isdecimal():
            lines[path[0], int(path[1]), *path[2:]] = line
    return lines


def _scenario(tables: ScenarioTable) -> Scenario:
    return Scenario(
        name=tables.name,
        title=tables.title,
        description=tables.description.strip(),
        duration_s=tables.duration_s,
        clients=tuple(_client(name, table) for name, table in tables.clients.items()),
        upstreams=tuple(_upstream(name, table) for name, table in tables.upstreams.items()),
        faults=tuple(_fault(table) for table in tables.faults),
        healthy_until_s=tables.healthy_until_s,
        seed=tables.seed,
        expect=tuple(
            Expectation(table.policy, table.figure, _given(table.at_least), _given(table.at_most))
            for table in tables.expect
        ),
    )


def _client(name: str, table: ClientTable) -> ClientSpec:
    return ClientSpec(
        name=name,
        targets=table.targets,
        phases=tuple(
            Phase(phase.from_s, phase.until_s, phase.rate, _given(phase.rate_end)) for phase in table.phases
        ),
        clients=table.clients,
        think_s=table.think_s,
        stream=table.stream,
        deadline_s=table.deadline_s,
        input_tokens=table.input_tokens,
        output_tokens=table.output_tokens,
        priority=Priority(table.priority),
        sdk_retries=table.sdk_retries,
    )


def _upstream(name: str, table: UpstreamTable) -> UpstreamSpec:
    values = msgspec.structs.asdict(table)
    scaler, cache = table.autoscaler, table.cache
    values["autoscaler"] = None if scaler is UNSET else Autoscaler(**msgspec.structs.asdict(scaler))
    values["cache"] = None if cache is UNSET else Cache(**msgspec.structs.asdict(cache))
    return UpstreamSpec(name=name, **values)


def _fault(table: FaultTable) -> FaultSpec:
    values = msgspec.structs.asdict(table)
    values["kind"] = FaultKind(table.kind)
    values["factor_end"] = _given(table.factor_end)
    # A lost cache is lost at once: until then and from then is the same time.
    values["until_s"] = table.from_s if table.until_s is UNSET else table.until_s
    return FaultSpec(**values)


def _given(value: float | UnsetType) -> float | None:
    return None if value is UNSET else value
