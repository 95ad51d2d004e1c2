"""TOML text to plain data, with the line of every setting."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from halfopen.rollout.place import Path
from halfopen.rollout.problem import Problem

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_HEADER = re.compile(rf"[ \t]*\[\[?[ \t]*({_KEY})[ \t]*\]")
_SETTING = re.compile(rf"[ \t]*({_KEY})[ \t]*=")
_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_MULTILINE = re.compile(r'"""|\'\'\'')


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's content."""

    data: Mapping[str, Any]
    lines: Mapping[Path, int]
    """Line of each table header and setting, counted from 1."""


def parse(text: str) -> Parsed | Problem:
    """Read TOML 1.0 text.

    Returns:
        The content, or the first syntax error with its line and column.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return _syntax_error(str(error), text)
    except ValueError:
        # Not a TOMLDecodeError: Python refuses to read numbers of more than 4300 digits.
        return Problem("", "not valid TOML: a number is too long")
    except RecursionError:
        return Problem("", "the file nests arrays or tables too deeply")
    return Parsed(data, _lines(text))


def _syntax_error(message: str, text: str) -> Problem:
    """The parser's words, with the position taken out of them."""
    match = _POSITION.search(message)
    if match is None:
        return Problem("", f"not valid TOML: {message}")
    line = int(match[1]) if match[1] else text.count("\n") + 1
    column = f" in column {match[2]}" if match[2] else " at the end of the file"
    return Problem("", f"not valid TOML{column}: {message[: match.start()]}", line=line)


def _lines(text: str) -> dict[Path, int]:
    """Find the lines of headers and settings. The text is known to be valid TOML.

    Text inside a multi-line string is skipped; a line inside an array that looks like a setting
    can't be one in valid TOML unless it is within a string, which costs a wrong line number at worst.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    closing = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if header := _HEADER.match(line):
            table = _keys(header[1])
            lines.setdefault(table, number)
        elif setting := _SETTING.match(line):
            path = table + _keys(setting[1])
            for length in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:length], number)
            opened = _MULTILINE.search(line, setting.end())
            if opened and line.count(opened[0]) % 2:
                closing = opened[0]
    return lines


def _keys(dotted: str) -> Path:
    """Split a dotted key; the TOML parser itself does the unquoting."""
    try:
        found: Any = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(found, dict) and found:
        name, found = next(iter(found.items()))
        path.append(name)
    return tuple(path)
