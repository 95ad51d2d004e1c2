"""Patterns of the configuration: which can be used, and as rules.

Python's regular expressions try one way after the other, so that a careless pattern takes ages on a text
that was made for it. A pattern is used only if it is known what it takes at each place of a text: every
repetition has an upper bound, and the ways to match times their length are few.
"""

import re
from collections.abc import Iterable
from re import _constants as op  # type: ignore[attr-defined]  # typeshed has no stub of it
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any, Final

from halfopen.redact.mask import MASKED, Mask
from halfopen.redact.rule import Rule

STEPS_MAX: Final = 16_384
"""At each place of a text, as an upper estimate."""
PATTERN_MAX_CHARS: Final = 500
_UNSUPPORTED: Final = "such as a reference to a group, or a repetition without end in a look-ahead"
_BOUNDED: Final = "give every repetition an upper bound, such as {1,64} in the place of + or *"


def problem_of(pattern: str) -> str:
    """Why a pattern can't be used, in a few words; empty: it can."""
    if len(pattern) > PATTERN_MAX_CHARS:
        return f"has more than {PATTERN_MAX_CHARS} characters"
    try:
        re.compile(pattern)
        tree = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is no regular expression: {error}"
    low, high = tree.getwidth()
    if low == 0:
        return "matches an empty text, so it would match everywhere"
    if high >= op.MAXREPEAT:
        return f"has a repetition without end: {_BOUNDED}"
    ways = _ways(tree)
    if ways is None:
        return f"has a part that is not supported here, {_UNSUPPORTED}"
    if ways * max(int(high), 1) > STEPS_MAX:
        return "can match in too many ways: bound its repetitions more narrowly, or use fewer"
    return ""


def _ways(tree: Any) -> int | None:
    """In how many ways at most a text can be tried to match. None: not known."""
    ways = 1
    for kind, argument in tree:
        one = _ways_of(kind, argument)
        if one is None:
            return None
        ways = min(ways * one, STEPS_MAX + 1)
    return ways


def _ways_of(kind: Any, argument: Any) -> int | None:
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        low, high, inner = argument
        one = _ways(inner)
        if one is None or high == op.MAXREPEAT:
            return None
        if one == 1:
            return int(high) - int(low) + 1
        total = 0
        for times in range(int(low), int(high) + 1):
            total += one**times
            if total > STEPS_MAX:
                break
        return total
    if kind is op.BRANCH:
        each = [_ways(branch) for branch in argument[1]]
        return None if None in each else sum(one for one in each if one)
    if kind is op.SUBPATTERN:
        return _ways(argument[-1])
    if kind is op.ATOMIC_GROUP:
        return _ways(argument)
    if kind in (op.ASSERT, op.ASSERT_NOT):
        ahead = argument[1]
        # What is looked at ahead has a length that the pattern itself doesn't show.
        one = _ways(ahead)
        high = ahead.getwidth()[1]
        return None if one is None or high >= op.MAXREPEAT else one * max(int(high), 1)
    return None if kind in (op.GROUPREF, op.GROUPREF_EXISTS) else 1


def _rule(pattern: str) -> Rule:
    compiled = re.compile(pattern)

    def apply(text: str) -> str:
        # What is masked already stays: else a pattern could find its own mask.
        pieces: list[str] = []
        done = 0
        for mask in MASKED.finditer(text):
            pieces += (compiled.sub(Mask.PATTERN, text[done : mask.start()]), mask[0])
            done = mask.end()
        pieces.append(compiled.sub(Mask.PATTERN, text[done:]))
        return "".join(pieces)

    return Rule("pattern", (), apply)


def rules(patterns: Iterable[str]) -> tuple[Rule, ...]:
    """The patterns as rules. What can't be used is left out: the check of the configuration has told."""
    return tuple(_rule(pattern) for pattern in patterns if not problem_of(pattern))
