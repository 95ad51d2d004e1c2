"""What a store of outcomes can do, and the form of what it is given.

Rows are plain arrays, in the order of the columns below, so that a worker writes them and a store takes
them without an object for each. A request that the first call answered has the plain columns only; of
every other one, `detail` holds the whole outcome in MessagePack.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

PLAIN: Final = (
    "request_id",
    "route",
    "client",
    "stream",
    "ended_wall_s",
    "duration_ms",
    "first_content_ms",
    "served_by",
    "input_tokens",
    "output_tokens",
    "skipped",
)
"""Columns of every row. `skipped` names the targets that were passed over without a call, and why:
"TARGET: REASON; …". `stream` is 0 or 1; `ended_wall_s` is in seconds since the Unix epoch; what isn't
known is null."""

DETAILED: Final = (*PLAIN, "kind", "client_gone", "attempts", "detail")
"""Columns of a row that has more to tell. `kind` is that of the fault, null without one; `client_gone` is 0
or 1. A plain row has null, 0, 1 and null in their place."""


PlainRow = tuple[
    str, str, str, int, float, float, float | None, str | None, int | None, int | None, str | None
]
"""The values of `PLAIN`."""
DetailedRow = tuple[
    str,
    str,
    str,
    int,
    float,
    float,
    float | None,
    str | None,
    int | None,
    int | None,
    str | None,
    str | None,
    int,
    int,
    bytes | None,
]
"""The values of `DETAILED`."""


class StoreError(Exception):
    """The store can't do it now: disk full, file locked or damaged. Trying again later may help."""


class RowsError(StoreError):
    """These rows can't be stored, now or later: a number is too large, a column is missing."""


class Rows(msgspec.Struct, frozen=True, array_like=True):
    """Some outcomes, each in one of the two."""

    plain: list[PlainRow]
    detailed: list[DetailedRow]


class Batch(msgspec.Struct, frozen=True):
    """Outcomes of one source that follow one another."""

    source: str
    """Who made them."""
    first: int
    """How many the source made before these. More than were seen: those between are lost."""
    rows: Rows

    @property
    def count(self) -> int:
        """Outcomes in it."""
        return len(self.rows.plain) + len(self.rows.detailed)

    @property
    def next(self) -> int:
        """How many the source has made with these."""
        return self.first + self.count


class OutcomeStore(Protocol):
    """Keeps outcomes. Used by one thread; may block. Every method raises StoreError when it can't."""

    def open(self) -> None:
        """Make or open it. Nothing else may be called before."""
        ...

    def write(self, batches: Sequence[Batch]) -> int:
        """Write all of them or nothing; return how many rows were new.

        A batch that its source has got past is passed over. One that begins later than its source has
        got adds to `lost`.

        Raises:
            RowsError: It never will. Nothing was written.
        """
        ...

    def count(self) -> int:
        """Rows that are kept."""
        ...

    def lost(self) -> int:
        """Outcomes that were made but never came, since the store was made."""
        ...

    def size_bytes(self) -> int:
        """Bytes in use."""
        ...

    def trim(self, max_bytes: int) -> int:
        """Delete a slice of the oldest rows if more is in use; return how many went. 0: it fits."""
        ...

    def close(self) -> None:
        """Give it back. Does nothing when it isn't open."""
        ...
