"""Requests that stand for others: for each bucket of a histogram one that fell into it, by its id.

Of each batch only the last and the slowest are kept, so that it costs little however many there are.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final

from halfopen.seams.outcome_store import DETAILED, PRICED, Row, Rows
from halfopen.signals import metrics
from halfopen.signals.fold import DURATION, FIRST_CONTENT
from halfopen.signals.metric import Values, labels

PAIRS_MAX: Final = 1000
"""Routes with targets that are known by a measure; the configuration seldom names as many."""
_ID_MAX_CHARS: Final = 100
"""OpenMetrics allows 128 for names and values."""
_MS_PER_S: Final = 1e3

_ID, _ROUTE, _ENDED, _DURATION, _FIRST, _TARGET, _KIND, _GONE = (
    DETAILED.index(name)
    for name in (
        "request_id",
        "route",
        "ended_wall_s",
        "duration_ms",
        "first_content_ms",
        "served_by",
        "kind",
        "client_gone",
    )
)
_LASTED: Final = itemgetter(PRICED.index("duration_ms"))
"""Of a plain row."""
_MEASURES: Final = (
    (DURATION, _DURATION, metrics.DURATION_BOUNDS_S),
    (FIRST_CONTENT, _FIRST, metrics.FIRST_CONTENT_BOUNDS_S),
)


class Exemplars:
    """The latest of each bucket."""

    def __init__(self) -> None:
        """There are none yet."""
        self._marks: dict[str, dict[Values, list[str]]] = {name: {} for name, _, _ in _MEASURES}

    def add(self, rows: Rows) -> None:
        """Take some from rows, the latest last."""
        if rows.plain:
            slowest = [(group, max(group.rows, key=_LASTED)) for group in rows.plain]
            last = rows.plain[-1]
            pairs = (max(slowest, key=lambda pair: _LASTED(pair[1])), (last, last.rows[-1]))
            self._keep([(*group.context, *row) for group, row in pairs])
        whole = [row for row in rows.detailed if row[_KIND] is None and not row[_GONE]]
        if whole:
            self._keep((max(whole, key=itemgetter(_DURATION)), whole[-1]))

    def _keep(self, rows: Iterable[Row]) -> None:
        for row in rows:
            request_id, ended_s = str(row[_ID]), row[_ENDED]
            if len(request_id) > _ID_MAX_CHARS or not isinstance(ended_s, int | float):
                continue
            pair = (str(row[_ROUTE]), str(row[_TARGET]))
            for name, column, bounds in _MEASURES:
                took_ms = row[column]
                if not isinstance(took_ms, int | float):
                    continue
                known = self._marks[name]
                if pair not in known:
                    if len(known) >= PAIRS_MAX:
                        continue
                    known[pair] = [""] * (len(bounds) + 1)
                took_s = took_ms / _MS_PER_S
                told = labels(("request_id",), (request_id,))
                known[pair][bisect_left(bounds, took_s)] = f" # {told} {took_s:.6g} {ended_s:.3f}"

    def marks(self, measure: str) -> Mapping[Values, Sequence[str]]:
        """What stands after the line of each bucket, by the values of the histogram's labels."""
        return self._marks[measure]
