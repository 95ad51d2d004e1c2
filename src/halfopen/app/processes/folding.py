"""What a worker sent made into what is kept, and into counts."""

from collections.abc import Mapping
from typing import Final
from zlib import crc32

import msgspec

from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.outcome_rows import outcome_of
from halfopen.app.processes.refused_rows import RefusedRows
from halfopen.model import Outcome, Price
from halfopen.policy.refusal import Refusal
from halfopen.seams.outcome_store import Group, Rows, RowsError, Sent
from halfopen.seams.sums import Sums
from halfopen.signals.bounded_names import BoundedNames
from halfopen.signals.fold import fold

_SPREAD: Final = 2654435761
"""Knuth's multiplier: 2**32 by the golden ratio."""
_REFUSALS: Final = frozenset(refusal.value for refusal in Refusal)
"""Who is passed over for another reason could not have answered anyway."""


class Folding:
    """Knows the prices. May be used by two threads."""

    def __init__(self) -> None:
        """Nothing costs anything, until it is told."""
        self.prices: Mapping[str, Price] = {}
        """What each target costs."""
        self.keep_successes = 1.0
        """The part of whole answers of the first choice whose row is kept: 0 to 1."""
        self.names = BoundedNames()
        """Those of callers."""
        self._refused = RefusedRows()

    def fold(self, outcomes: Outcomes) -> tuple[Rows, Sums]:
        """Rows and counts of a batch.

        Raises:
            RowsError: It can't be read, or counting it fails.
        """
        try:
            sent = msgspec.msgpack.decode(outcomes.rows, type=Sent)
        except msgspec.DecodeError as error:
            raise RowsError(str(error)) from None
        read = [_read(row[-1]) for row in sent.detailed]
        try:
            return fold(sent, read, self.prices, name=self.names.name, is_rescue=_REFUSALS.__contains__)
        except Exception as error:
            raise RowsError(f"a defect: {type(error).__name__}: {error}") from error

    def sampled(self, rows: Rows) -> Rows:
        """The rows that are kept: all but a part of plain answers, and most of those that were refused.

        The same ones at every try. For one thread.
        """
        detailed = [row for row in rows.detailed if self._refused.keeps(row)]
        part = self.keep_successes
        if part >= 1.0:
            return Rows(rows.plain, detailed)
        plain = [
            group
            if group.rescued
            else Group(group.context, 0, [row for row in group.rows if is_sampled(row[0], part)])
            for group in rows.plain
        ]
        return Rows([group for group in plain if group.rows], detailed)


def is_sampled(request_id: object, part: float) -> bool:
    """Whether a request is of this part of all: by its id alone, so that every try says the same."""
    assert isinstance(request_id, str)
    # Ids of one process differ in their last digits only, which a plain CRC doesn't spread.
    return crc32(request_id[::-1].encode()) * _SPREAD % 2**32 < part * 2**32


def _read(detail: bytes | None) -> Outcome | None:
    try:
        return None if detail is None else outcome_of(detail)
    except msgspec.DecodeError:
        return None
