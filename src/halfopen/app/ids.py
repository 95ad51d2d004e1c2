"""Ids of requests: unique, short, sortable by process only."""

import secrets
from collections.abc import Callable
from typing import Final

_LAST: Final = tuple(f"{number:02x}" for number in range(256))


class _Ids:
    """Counts. Most ids differ from the one before in their last two digits only."""

    __slots__ = ("_count", "_prefix", "_start")

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._start = f"{prefix}0000"
        self._count = 0

    def new(self) -> str:
        """The next one."""
        self._count += 1
        last = self._count & 255
        if not last:
            self._start = f"{self._prefix}{self._count >> 8:04x}"
        return self._start + _LAST[last]


def id_source() -> Callable[[], str]:
    """Return a function that makes ids such as `ho-1f3a9c0e52d7-000001`.

    The first part is random for each source, the second counts.
    """
    return _Ids(f"ho-{secrets.token_hex(6)}-").new
