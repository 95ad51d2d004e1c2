"""Everything that an object holds, as a value to compare: what moved, and what did not."""

from collections.abc import Mapping
from enum import Enum
from typing import Any


def fingerprint(thing: Any, but: tuple[str, ...] = ()) -> Any:
    """All attributes, of what it holds as well, except those named; callables are left out."""
    if thing is None or isinstance(thing, int | float | str | Enum):
        return thing
    if isinstance(thing, Mapping):
        return tuple((key, fingerprint(value, but)) for key, value in thing.items())
    if isinstance(thing, list | tuple):
        return tuple(fingerprint(each, but) for each in thing)
    if callable(thing):
        return None
    return tuple(
        (name, fingerprint(getattr(thing, name), but)) for name in _slots(type(thing)) if name not in but
    )


def _slots(kind: type) -> list[str]:
    names: list[str] = []
    for each in kind.__mro__:
        slots = each.__dict__.get("__slots__", ())
        names.extend((slots,) if isinstance(slots, str) else slots)
    return names
