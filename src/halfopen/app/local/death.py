"""Why a child died, in words, from what it said and what llama.cpp wrote to standard error. Pure."""

from collections.abc import Sequence

from halfopen.app.local.command import SAYS

DETAILS_MAX = 3
_ERROR_MARK = " E "


def explained(said: str, lines: Sequence[str]) -> str:
    """The child's own explanation, with llama.cpp's first errors behind it."""
    # The first error is the cause; those after it are what came of it.
    return " | ".join((said.removeprefix(SAYS), *_errors(lines)[:DETAILS_MAX]))


def unexplained(status: int | None, start_s: float, lines: Sequence[str]) -> str:
    """How the process ended, with its last lines; status None: its start took more than `start_s`."""
    if status is None:
        cause = f"The local model was not ready within start_s = {start_s:g} s."
    elif status < 0:
        cause = f"The local model's process was ended by signal {-status}."
    else:
        cause = f"The local model's process ended with status {status}."
    return " | ".join((cause, *(_errors(lines) or list(lines))[-DETAILS_MAX:]))


def _errors(lines: Sequence[str]) -> list[str]:
    """llama.cpp's lines of level E, such as `0.02.248.060 E srv init: …`, without the time."""
    return [line.partition(_ERROR_MARK)[2].strip() for line in lines if _ERROR_MARK in line[:20]]
