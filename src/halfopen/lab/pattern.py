"""A text that matches a regular expression, for schemas that ask for one.

Uses the parser that `re` itself uses, which has no public name.
"""

import re
from re import _constants as codes  # type: ignore[attr-defined]  # re's own parser has no stubs
from re import _parser as parser  # type: ignore[attr-defined]  # re's own parser has no stubs
from typing import Any

_FALLBACK = "lab text"


def matching_text(pattern: str) -> str:
    """A short text that matches `pattern`; a plain text when the pattern is beyond us or wrong."""
    try:
        text = _sequence(parser.parse(pattern), {})
        return text if re.search(pattern, text) else _FALLBACK
    except (re.error, NotImplementedError, RecursionError, OverflowError):
        return _FALLBACK


def _sequence(nodes: Any, groups: dict[int, str]) -> str:
    return "".join(_node(code, argument, groups) for code, argument in nodes)


def _node(code: Any, argument: Any, groups: dict[int, str]) -> str:
    if code is codes.LITERAL:
        return chr(argument)
    if code is codes.ANY:
        return "x"
    if code is codes.AT:
        return ""
    if code is codes.IN:
        return _one_of(argument)
    if code is codes.NOT_LITERAL:
        return "x" if argument != ord("x") else "y"
    if code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
        least, most, nodes = argument
        return _sequence(nodes, groups) * int(min(max(least, 1), most))
    if code is codes.SUBPATTERN:
        inner = _sequence(argument[3], groups)
        if argument[0]:
            groups[int(argument[0])] = inner
        return inner
    if code is codes.BRANCH:
        return _sequence(argument[1][0], groups)
    if code is codes.GROUPREF:
        return groups.get(int(argument), "")
    raise NotImplementedError(str(code))


def _one_of(options: Any) -> str:
    source = "".join(_class_text(code, argument) for code, argument in options if code is not codes.NEGATE)
    negated = any(code is codes.NEGATE for code, _ in options)
    allowed = re.compile(f"[{'^' if negated else ''}{source}]")
    for candidate in "a1A_- .,:;/+@x0é":
        if allowed.match(candidate):
            return candidate
    for candidate in map(chr, range(33, 0x2FF)):
        if allowed.match(candidate):
            return candidate
    raise NotImplementedError(source)


def _class_text(code: Any, argument: Any) -> str:
    if code is codes.LITERAL:
        return re.escape(chr(argument))
    if code is codes.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    names = {
        codes.CATEGORY_DIGIT: r"\d",
        codes.CATEGORY_NOT_DIGIT: r"\D",
        codes.CATEGORY_WORD: r"\w",
        codes.CATEGORY_NOT_WORD: r"\W",
        codes.CATEGORY_SPACE: r"\s",
        codes.CATEGORY_NOT_SPACE: r"\S",
    }
    if code is codes.CATEGORY and argument in names:
        return names[argument]
    raise NotImplementedError(str(code))
