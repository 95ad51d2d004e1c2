"""Where prompts and answers are kept, apart from the record of outcomes: it may be lost without it."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class KeptContent(msgspec.Struct, frozen=True):
    """Prompt and answer of one request, masked."""

    request_id: str
    ended_wall_s: float
    """Seconds since the Unix epoch."""
    prompt: bytes
    """A `model.content.Transcript` in JSON. Bytes: no store has to understand its characters."""
    answer: bytes
    """The same of what the client got."""
    cut: bool
    """Whether a part of either is not kept."""
    masked: int
    """Masks in both: so many secrets and pieces of personal data stood there."""


class ContentStore(Protocol):
    """Keeps content. Used by one thread; may block. Every method raises StoreError when it can't."""

    def open(self) -> None:
        """Make or open it. Nothing else may be called before."""
        ...

    def write(self, rows: Sequence[KeptContent]) -> None:
        """Write all of them or nothing."""
        ...

    def size_bytes(self) -> int:
        """Of all prompts and answers."""
        ...

    def count(self) -> int:
        """Requests whose content is kept."""
        ...

    def forget(self, before_wall_s: float) -> int:
        """Delete what ended before; return how many requests that were."""
        ...

    def trim(self, max_bytes: int) -> int:
        """Delete a slice of the oldest if more is kept; return how many went. 0: it fits."""
        ...

    def close(self) -> None:
        """Give it back. Does nothing when it isn't open."""
        ...


class ContentReader(Protocol):
    """Reads what a `ContentStore` keeps, while it is written. Used by one thread at a time; may block."""

    def find(self, request_id: str) -> KeptContent | None:
        """That of one request; None: it isn't kept. Raises StoreError when it can't be read now."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...
