"""Names that come from outside, such as those of callers: so many are told apart, the others are one."""

from collections.abc import Iterable
from typing import Final

OTHERS: Final = "(others)"


class BoundedNames:
    """Names by the order in which they came."""

    def __init__(self, most: int = 500) -> None:
        """`most`: how many are told apart."""
        self._most = most
        self._known: set[str] = {""}
        self._kept: frozenset[str] = frozenset()

    def name(self, told: str) -> str:
        """The name itself, or that of all others."""
        if told in self._known or told in self._kept:
            return told
        if len(self._known) > self._most:
            return OTHERS
        self._known.add(told)
        return told

    def keep(self, names: Iterable[str]) -> None:
        """Tell these apart in any case, and no longer those of before. Only names of our own."""
        self._kept = frozenset(names)
