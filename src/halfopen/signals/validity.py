"""Whether what an upstream answered was an answer: neither cut nor empty, nor an error in a 200."""

from collections.abc import Iterable
from typing import Final

from halfopen.errors.rows.answer import ANSWER
from halfopen.model import Attempt, Kind
from halfopen.signals.fault_owner import is_own_mistake

_NO_ANSWER: Final = frozenset(kind.value for kind in ANSWER if kind is not Kind.UNKNOWN)


def is_invalid(attempt: Attempt) -> bool:
    """Whether an upstream began an answer, or said it was one, and it was none.

    A refusal is an answer of its own kind, and an error with the status of one says what it is.
    """
    fault = attempt.fault
    if fault is None or is_own_mistake(fault.kind.value):
        return False
    has_good_status = attempt.status is not None and 200 <= attempt.status < 300
    return has_good_status or fault.kind.value in _NO_ANSWER


def first_answer_is_invalid(attempts: Iterable[Attempt]) -> bool:
    """Whether the first answer that a request got was none. Attempts that got none at all don't count."""
    for attempt in attempts:
        if is_invalid(attempt):
            return True
        if attempt.fault is None and not attempt.cancelled:
            return False
    return False
