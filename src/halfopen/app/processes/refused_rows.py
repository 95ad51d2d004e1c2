"""Which rows of refused requests are kept: one a second of each caller.

Who has no key, or has used up a budget, may send as many requests as it likes, and would fill the store with
them until the failures of others are pushed out. They got to no route, and their answer has told why. So all
are counted, and a few are kept to be looked at.
"""

from typing import Final

from halfopen.model import Kind
from halfopen.seams.outcome_store import DETAILED, Row

SECONDS_MAX: Final = 120
"""Seconds of which it is remembered what was kept."""
_REFUSED: Final = frozenset((Kind.KEY_NEEDED.value, Kind.OVER_BUDGET.value))
_ID: Final = DETAILED.index("request_id")
_ENDED: Final = DETAILED.index("ended_wall_s")
_CALLER: Final = DETAILED.index("caller")
_KIND: Final = DETAILED.index("kind")


class RefusedRows:
    """Remembers what it said, so that the same rows are kept at every try. For one thread."""

    def __init__(self) -> None:
        """Nothing was kept."""
        self._kept: dict[int, dict[object, object]] = {}
        """By second: of each caller the request that is kept."""

    def keeps(self, row: Row) -> bool:
        """Whether a row with the values of `DETAILED` is kept. All are, but those of refused requests."""
        if row[_KIND] not in _REFUSED:
            return True
        ended_s = row[_ENDED]
        assert isinstance(ended_s, float | int)
        kept = self._kept.get(int(ended_s))
        if kept is None:
            kept = self._kept[int(ended_s)] = {}
            while len(self._kept) > SECONDS_MAX:
                del self._kept[next(iter(self._kept))]
        return kept.setdefault(row[_CALLER], row[_ID]) == row[_ID]
