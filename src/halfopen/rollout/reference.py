"""References to secrets: `${NAME}` in a setting stands for a value that is kept elsewhere.

A value is looked up as late as possible: a snapshot, a log or a page holds the reference only.
"""

import re
from collections.abc import Iterator, Mapping

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Secrets(Mapping[str, str]):
    """Values by the name that a reference uses. Printing it shows the names only."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        """Take a copy of `values`."""
        self._values = dict(values or {})

    def __getitem__(self, name: str) -> str:
        """The value; KeyError when there is none."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"


def reference(name: str) -> str:
    """The reference to `name`."""
    return "${" + name + "}"


def referred(text: str) -> str | None:
    """The name, when the whole of `text` is one reference; else None."""
    match = _REFERENCE.fullmatch(text)
    return match[1] if match else None


def names(text: str) -> tuple[str, ...]:
    """Every name that `text` refers to, in order."""
    return tuple(_REFERENCE.findall(text))


def malformed(text: str) -> bool:
    """Whether `text` holds a `${` that begins no reference to an environment variable."""
    return "${" in _REFERENCE.sub("", text) or any(not _VARIABLE.fullmatch(name) for name in names(text))


def resolve(text: str, secrets: Mapping[str, str]) -> str:
    """`text` with every reference replaced by its value.

    Raises:
        KeyError: A name has no value. A checked configuration has them all.
    """
    return _REFERENCE.sub(lambda match: secrets[match[1]], text)
