"""Whose fault it is that a request got no whole answer: ours and the providers', or its caller's.

A mistake of the caller's says nothing about whether users are served. That no target fits a request does: it
is the configuration that has none.
"""

from typing import Final

from halfopen.errors.taxonomy import TAXONOMY
from halfopen.model import Place
from halfopen.seams.sums import CANCELLED, GONE, OK

_OWN: Final = frozenset(kind.value for kind, row in TAXONOMY.items() if row.place is Place.CLIENT)
_NO_FAULT: Final = frozenset((OK, GONE, CANCELLED))


def is_own_mistake(result: str) -> bool:
    """Whether a result is a fault that the caller has to mend in the request itself."""
    return result in _OWN


def is_failure(result: str) -> bool:
    """Whether a result is a fault that the caller could do nothing about. Unknown kinds are."""
    return result not in _NO_FAULT and result not in _OWN
