"""Which rows ended when: a line for each minute or 2,000 rows that came together."""

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final

from halfopen.seams.outcome_store import DETAILED, PRICED, Batch
from halfopen.store.schema import MINUTE_S

ROWS_MAX: Final = 2000
Line = tuple[int, int, float, float]
"""The values of `schema.ROW_TIMES`."""
_ENDED_PLAIN: Final = itemgetter(PRICED.index("ended_wall_s"))
_ENDED: Final = itemgetter(DETAILED.index("ended_wall_s"))


def line_of(batches: Iterable[Batch], first_id: int) -> Line | None:
    """The line of the rows of some batches, which are well-formed; None: there are none."""
    ended: list[Any] = []
    for batch in batches:
        for group in batch.rows.plain:
            ended += map(_ENDED_PLAIN, group.rows)
        ended += map(_ENDED, batch.rows.detailed)
    return (first_id, first_id + len(ended), min(ended), max(ended)) if ended else None


def joined(before: Line | None, line: Line) -> Line:
    """The last line with one more that follows it, if they may be one; else that one itself."""
    if before is None or before[1] != line[0] or line[1] - before[0] > ROWS_MAX:
        return line
    oldest, newest = min(before[2], line[2]), max(before[3], line[3])
    if oldest // MINUTE_S != newest // MINUTE_S:
        return line
    return (before[0], line[1], oldest, newest)
