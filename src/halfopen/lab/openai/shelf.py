"""What the simulated OpenAI keeps between requests, within bounds: the oldest is forgotten first."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

_MAX = 256
_MAX_BYTES = 64 * 1024 * 1024
Kept = TypeVar("Kept")


class Shelf(Generic[Kept]):
    """Values by id."""

    def __init__(self, most: int = _MAX, most_bytes: int = _MAX_BYTES) -> None:
        """Holds at most so many values, and so many bytes of them."""
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._values: OrderedDict[str, tuple[Kept, int]] = OrderedDict()

    def put(self, key: str, value: Kept, size_bytes: int) -> None:
        """Keep a value; forget the oldest ones while there are too many."""
        self.drop(key)
        self._values[key] = (value, size_bytes)
        self._bytes += size_bytes
        while len(self._values) > self._most or (self._bytes > self._most_bytes and len(self._values) > 1):
            self.drop(next(iter(self._values)))

    def get(self, key: str) -> Kept | None:
        """The value of a key."""
        found = self._values.get(key)
        return None if found is None else found[0]

    def drop(self, key: str) -> bool:
        """Forget a value; whether there was one."""
        found = self._values.pop(key, None)
        if found is None:
            return False
        self._bytes -= found[1]
        return True

    def __iter__(self) -> Iterator[Kept]:
        """All values, the newest first."""
        return iter([value for value, _ in reversed(self._values.values())])
