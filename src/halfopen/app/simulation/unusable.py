"""What a person asked for and can't have."""

from collections.abc import Iterable
from pathlib import Path

from halfopen.rollout.problem import Problem, did_you_mean

_SHOWN_MAX = 80


def is_file(path: Path) -> bool:
    """Whether a file is there. A name that no file can have is none, not an error."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


class UnusableError(Exception):
    """A scenario or a policy can't be used. Its text says what, where and what to do, one problem a line."""

    def __init__(self, text: str, *, wrong_usage: bool) -> None:
        """`wrong_usage`: there is nothing of that name, or it can't be read. Else what it holds is wrong."""
        self.wrong_usage = wrong_usage
        super().__init__(text)


def near(given: str, known: Iterable[str]) -> str:
    """A hint that names the nearest of the known names; empty when none is near: the advice lists them."""
    hint = did_you_mean(given, known)
    return hint if hint.startswith("did") else ""


def shown(given: str) -> str:
    """What was given, in quotes; of what is longer than any name only the beginning."""
    return repr(given if len(given) <= _SHOWN_MAX else f"{given[:_SHOWN_MAX]}...")


def problem_lines(path: Path, problems: Iterable[Problem]) -> str:
    """`file:line: place: message (hint)`, as editors and terminals know it."""
    return "\n".join(
        f"{path}"
        f"{'' if problem.line is None else f':{problem.line}'}: "
        f"{f'{problem.place}: ' if problem.place else ''}"
        f"{problem.message}"
        f"{f' ({problem.hint})' if problem.hint else ''}"
        for problem in problems
    )
