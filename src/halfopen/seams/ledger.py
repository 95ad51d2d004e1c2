"""What can be asked of the record of outcomes."""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Final, Protocol

import msgspec

from halfopen.seams.sums import ALL_TABLES, Sums

LIMIT_MAX: Final = 1000
"""Rows of one answer."""


class Only(Enum):
    """Which requests."""

    ALL = "all"
    FAILED = "failed"
    """Those that got no whole answer, and were not given up by their client."""
    RESCUED = "rescued"
    GONE = "gone"
    """Those whose client went before the end."""


class Search(msgspec.Struct, frozen=True):
    """Which requests are asked for. Empty texts: any."""

    since_s: float = 0.0
    """Ended at this time or later. Seconds since the Unix epoch."""
    until_s: float = 1e12
    """Ended before."""
    only: Only = Only.ALL
    route: str = ""
    target: str = ""
    """Who served it."""
    caller: str = ""
    kind: str = ""
    """Of the fault that its client got."""
    before: int = 0
    """The `number` of the last row of the page before; 0: from the latest."""
    limit: int = 100


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a request. Times in milliseconds since it arrived; None: not known, or never."""

    number: int
    """Grows from row to row."""
    request_id: str
    route: str
    client: str
    caller: str
    snapshot: str
    stream: bool
    ended_wall_s: float
    duration_ms: float
    queue_ms: float
    connect_ms: float | None
    first_byte_ms: float | None
    first_content_ms: float | None
    served_by: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    received_bytes: int
    sent_bytes: int
    skipped: str | None
    cost_nusd: int
    rescued: bool
    kind: str | None
    client_gone: bool
    attempts: int
    wasted_tokens: int
    wasted_nusd: int
    detail: bytes | None = None
    """The whole outcome in MessagePack, if it was not plain. Only when one request is asked for."""


class Ledger(Protocol):
    """Reads what an `OutcomeStore` keeps, while it is written. Used by one thread at a time; may block.

    Every method raises StoreError when it can't, and may be tried again.
    """

    def requests(self, search: Search) -> list[Kept]:
        """Those that are kept, the latest first, `LIMIT_MAX` at most."""
        ...

    def request(self, request_id: str) -> Kept | None:
        """One request, with its detail; None: it isn't kept."""
        ...

    def sums(
        self, since_s: float, until_s: float, *, span_s: int, only: Collection[str] = ALL_TABLES
    ) -> Sums:
        """All counts of the stretches that begin from `since_s` on and before `until_s`.

        `span_s` is 60, 3600, or 0 for the counts of all time. Minutes that are older than they are kept
        are in their hours only. `only` names the tables of `seams.sums` that are wanted.
        """
        ...

    def spent(self, since_s: float, until_s: float) -> Mapping[str, tuple[int, int, int]]:
        """Requests, tokens and billionths of a US dollar by caller, of stretches as in `sums`.

        Both times begin an hour, or are less than a week ago and begin a minute.
        """
        ...

    def lost(self) -> int:
        """Outcomes that were made but never came."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...
