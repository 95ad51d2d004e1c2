"""The commented example of `halfopen.toml`, made from the settings so that it can't drift."""

from collections.abc import Iterator, Mapping
from textwrap import wrap
from types import MappingProxyType
from typing import Any

from halfopen.rollout.fields import Field, TableFields, in_bytes, plain, tables
from halfopen.rollout.settings import LOCAL_ONLY

_WIDTH = 100

_SAMPLE: Mapping[str, tuple[tuple[str, Mapping[str, Any]], ...]] = MappingProxyType(
    {
        "providers.NAME": (
            (
                "providers.openai",
                {"dialect": "openai", "base_url": "https://api.openai.com/v1", "key": "${OPENAI_API_KEY}"},
            ),
            ("providers.claude", {"dialect": "anthropic", "keys": ["${ANTHROPIC_API_KEY}"]}),
            ("providers.gemini", {"dialect": "gemini", "key": "${GEMINI_API_KEY}"}),
            ("providers.local", {"local": True}),
        ),
        'providers.NAME.models."MODEL"': (('providers.claude.models."claude-haiku-4-5"', {}),),
        'routes."MODEL"': (
            (
                'routes."gpt-4o-mini"',
                {
                    "targets": ["openai/gpt-4o-mini", "claude/claude-haiku-4-5", "gemini/gemini-2.5-flash"],
                    "deadline_s": 60,
                    "attempt_s": 30,
                    "first_token_s": 45,
                    "stall_s": 20,
                    "stream_s": 600,
                },
            ),
            ('routes."small"', {"targets": ["openai/gpt-4o-mini", "local/gemma3-270m"], "deadline_s": 45}),
        ),
        "objectives.NAME": (
            ("objectives.answered", {"promise": "availability", "target": 0.999}),
            ("objectives.quick", {"promise": "first_token", "target": 0.95, "within_s": 2.0}),
        ),
    }
)
"""What stands in the tables that a person names: header and settings, in order."""

_PREAMBLE = """\
# Halfopen reads this file as halfopen.toml from the directory that it is started in,
# or from wherever `halfopen run --config FILE` says. `halfopen config check` tells what is wrong with it.
#
# A line that begins with `# ` explains. A line that begins with `#` and a setting shows the default,
# or an example where there is no default: take the `#` away to change it.
"""


def example() -> str:
    """A whole `halfopen.toml` with every setting, explained. It passes the check once the keys are set."""
    blocks = [_PREAMBLE]
    for table in tables():
        if table.name in _SAMPLE:
            blocks += _named(table, _SAMPLE[table.name])
        else:
            blocks.append(_block(table.name, table, table.fields, {}))
    return "\n".join(blocks)


def _named(table: TableFields, samples: tuple[tuple[str, Mapping[str, Any]], ...]) -> Iterator[str]:
    """The sample tables of one kind. The first explains everything; the later ones, what it left out."""
    for index, (header, values) in enumerate(samples):
        if index == 0:
            fields = tuple(
                field for field in table.fields if table.name != "providers.NAME" or _fits(field, local=False)
            )
        elif values.get("local"):
            fields = tuple(field for field in table.fields if _fits(field, local=True))
        else:
            yield _bare(header, tuple(field for field in table.fields if field.name in values), values)
            continue
        yield _block(header, table, fields, values)


def _fits(field: Field, *, local: bool) -> bool:
    """Whether the setting belongs into the example of a provider that is, or is not, local."""
    if field.name == "local":
        return local
    if field.name == "keys":  # the first sample has a `key`, and there may be one of the two only
        return False
    return (field.name in LOCAL_ONLY) == local


def _block(header: str, table: TableFields, fields: tuple[Field, ...], values: Mapping[str, Any]) -> str:
    lines = [f"# {line}" for line in wrap(table.text, _WIDTH)]
    lines.append(f"[{header}]")
    for field in fields:
        lines += [f"# {line}" for line in wrap(_explained(field), _WIDTH)]
        lines.append(_setting(field, values))
    return "\n".join(lines) + "\n"


def _bare(header: str, fields: tuple[Field, ...], values: Mapping[str, Any]) -> str:
    """A table whose settings are explained before it, except for `keys`."""
    lines = [f"[{header}]"]
    for field in fields:
        if field.name == "keys":
            lines += [f"# {line}" for line in wrap(_explained(field), _WIDTH)]
        lines.append(_setting(field, values))
    return "\n".join(lines) + "\n"


def _explained(field: Field) -> str:
    size = f" ({in_bytes(field.default)})" if field.unit == "bytes" else ""
    bounds = f" Range: {field.range}." if field.range else ""
    default = f" Default: {plain(field.default)}{size}." if field.default is not None else ""
    return f"{field.text}{bounds}{default}"


def _setting(field: Field, values: Mapping[str, Any]) -> str:
    if field.name in values:
        return f"{field.name} = {plain(values[field.name])}"
    shown = field.default if field.default is not None else field.example
    return f"#{field.name} = {plain(shown)}"
