"""Plain data as YAML 1.2: what rules and provisioning need of it."""

import json
import re
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
"""What would be read as something else than text."""


def yaml_text(data: Any) -> str:
    """Mappings, lists, text, numbers and booleans, each key in its order. Text of many lines is a block."""
    return "\n".join(_lines(data, 0)) + "\n"


def _lines(data: Any, depth: int) -> list[str]:
    pad = "  " * depth
    if isinstance(data, dict) and data:
        made: list[str] = []
        for key, value in data.items():
            made += _entry(f"{pad}{_scalar(str(key))}:", value, depth)
        return made
    if isinstance(data, list) and data:
        made = []
        for value in data:
            if isinstance(value, dict) and value:
                first, *rest = _lines(value, depth + 1)
                made += [f"{pad}- {first.lstrip()}", *rest]
            else:
                made += _entry(f"{pad}-", value, depth)
        return made
    return [pad + _scalar(data)]


def _entry(head: str, value: Any, depth: int) -> list[str]:
    if isinstance(value, str) and "\n" in value:
        pad = "  " * (depth + 1)
        return [f"{head} |-", *(pad + line for line in value.split("\n"))]
    if isinstance(value, dict | list) and value:
        return [head, *_lines(value, depth + 1)]
    return [f"{head} {_scalar(value)}"]


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # A text, number or boolean of JSON is one of YAML.
    return json.dumps(value, ensure_ascii=False)
