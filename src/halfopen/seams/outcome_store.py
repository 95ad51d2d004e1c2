"""What a store of outcomes is given, and how it takes it. What is asked of it later is `seams.ledger`.

Rows are plain arrays, in the order of the columns below, so that a worker writes them and a store takes
them without an object for each. A request that the first call answered is a plain row, unless its client
traces it: such rows come in groups that have much in common, which is told once. Of every other request,
`detail` holds the whole outcome in MessagePack.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from halfopen.seams.sums import Sums

CONTEXT: Final = ("route", "client", "caller", "snapshot", "stream", "served_by", "skipped")
"""Columns that many requests have in common. `stream` is 0 or 1. `skipped` names the targets that were passed
over without a call, and why: "TARGET: REASON; …"."""

FIGURES: Final = (
    "request_id",
    "ended_wall_s",
    "duration_ms",
    "queue_ms",
    "connect_ms",
    "first_byte_ms",
    "first_content_ms",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "received_bytes",
    "sent_bytes",
)
"""Columns of its own that every request has. `ended_wall_s` is in seconds since the Unix epoch; times are
since the request arrived, those of the connection and of answers for the last attempt; what isn't known is
null."""

SENT_DETAILED: Final = (*CONTEXT, *FIGURES, "kind", "client_gone", "attempts", "detail")
"""Columns of a row that has more to tell. `kind` is that of the fault, null without one; `client_gone` is 0
or 1. A plain row has null, 0, 1 and null in their place."""

PRICED: Final = (*FIGURES, "cost_nusd")
"""Columns of its own that every plain row has when it is kept: in billionths of a US dollar, what it cost."""

DETAILED: Final = (
    *CONTEXT,
    *PRICED,
    "rescued",
    "kind",
    "client_gone",
    "attempts",
    "wasted_tokens",
    "wasted_nusd",
    "detail",
)
"""Columns of a kept row that has more to tell; `rescued` is 0 or 1. A plain row has null, 0, 1, 0, 0 and null
in the place of the last six."""


class Context(NamedTuple):
    """The values of `CONTEXT`."""

    route: str
    client: str
    caller: str
    snapshot: str
    stream: int
    served_by: str | None
    skipped: str | None


SentPlain = tuple[
    str,
    float,
    float,
    float,
    float | None,
    float | None,
    float | None,
    int | None,
    int | None,
    int | None,
    int,
    int,
]
"""The values of `FIGURES`."""
SentDetailed = tuple[
    str,
    str,
    str,
    str,
    int,
    str | None,
    str | None,
    str,
    float,
    float,
    float,
    float | None,
    float | None,
    float | None,
    int | None,
    int | None,
    int | None,
    int,
    int,
    str | None,
    int,
    int,
    bytes | None,
]
"""The values of `SENT_DETAILED`."""
Row = tuple[str | int | float | bytes | None, ...]
"""The values of `PRICED` or of `DETAILED`."""


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """Some outcomes as a worker sends them, each in one of the two."""

    plain: list[tuple[Context, list[SentPlain]]]
    detailed: list[SentDetailed]


class StoreError(Exception):
    """The store can't do it now: disk full, file locked or damaged. Trying again later may help."""


class RowsError(StoreError):
    """These rows can't be stored, now or later: a number is too large, a column is missing."""


class Group(msgspec.Struct, frozen=True):
    """Plain rows that have much in common."""

    context: Context
    rescued: int
    """0 or 1."""
    rows: Sequence[Row]
    """With the values of `PRICED`."""


class Rows(msgspec.Struct, frozen=True):
    """Some outcomes as they are kept, each in one of the two."""

    plain: Sequence[Group]
    detailed: Sequence[Row]
    """With the values of `DETAILED`."""

    @property
    def count(self) -> int:
        """How many there are."""
        return sum([len(group.rows) for group in self.plain]) + len(self.detailed)


class Batch(msgspec.Struct, frozen=True):
    """Outcomes of one source that follow one another."""

    source: str
    """Who made them."""
    first: int
    """How many the source made before these. More than were seen: those between are lost."""
    rows: Rows
    sums: Sums
    """Their counts, those of `left_out` included."""
    left_out: int = 0
    """Outcomes that are counted, but have no row."""
    begins: bool = False
    """Whether a store that doesn't know the source begins here: what came before is kept elsewhere."""

    @property
    def count(self) -> int:
        """Outcomes in it. None: it only says how many its source has made, which then is no more."""
        return self.rows.count + self.left_out

    @property
    def next(self) -> int:
        """How many the source has made with these."""
        return self.first + self.count

    def missed(self, known: int | None) -> int:
        """How many before these never came. `known`: how far the source has got; None: it never told."""
        if known is None:
            return 0 if self.begins else self.first
        return max(self.first - known, 0)


class Retention(msgspec.Struct, frozen=True):
    """For how long what is kept."""

    rows_s: float
    minutes_s: float
    """Counts by minute, and after that by hour."""
    hours_s: float


class OutcomeStore(Protocol):
    """Keeps outcomes. Used by one thread; may block. Every method raises StoreError when it can't."""

    def open(self) -> None:
        """Make or open it. Nothing else may be called before."""
        ...

    def write(self, batches: Sequence[Batch]) -> int:
        """Write all of them or nothing; return how many rows were new.

        A batch that its source has got past is passed over, with its sums. One that begins later than its
        source has got adds to `lost`.

        Raises:
            RowsError: It never will. Nothing was written.
        """
        ...

    def reached(self) -> Mapping[str, int]:
        """How many outcomes each source has made, as far as they are stored or lost."""
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

    def forget(self, now_wall_s: float, keep: Retention) -> int:
        """Delete a slice of what is older than it need be; return how many rows went. 0: there is none.

        Counts of minutes that go become counts of their hours before.
        """
        ...

    def close(self) -> None:
        """Give it back. Does nothing when it isn't open."""
        ...
