"""Money and tokens, by day, route, target and caller."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from halfopen.seams.sums import Sums
from halfopen.signals.tally import usd

DAY_S: Final = 86_400
DAYS_MAX: Final = 400
"""Of one look."""


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What so many requests took."""

    name: str
    """Of a day: its date, UTC."""
    requests: int
    cost_usd: float
    wasted_usd: float
    input_tokens: int
    output_tokens: int
    wasted_tokens: int


class Spending:
    """Adds up the counts of requests."""

    def __init__(self) -> None:
        """Nothing was spent."""
        self._days: dict[str, list[int]] = {}
        self._routes: dict[str, list[int]] = {}
        self._targets: dict[str, list[int]] = {}
        self._callers: dict[str, list[int]] = {}

    def add(self, sums: Sums) -> None:
        """Add those of some stretches of time."""
        days: dict[int, str] = {}
        for (start_s, route, target, caller, _), counts in sums.requests.items():
            assert isinstance(start_s, int)
            number = start_s // DAY_S
            day = days.get(number)
            if day is None:
                day = days[number] = datetime.fromtimestamp(start_s, UTC).date().isoformat()
            requests, _, _, given, answered, _, wasted, cost, wasted_cost, *_ = counts
            added = (requests, cost, wasted_cost, given, answered, wasted)
            for table, name in (
                (self._days, day),
                (self._routes, str(route)),
                (self._targets, str(target)),
                (self._callers, str(caller)),
            ):
                known = table.setdefault(name, [0] * len(added))
                for place, count in enumerate(added):
                    known[place] += count

    def told(self, days: int) -> dict[str, Any]:
        """As `Seen.spend` says: days in order, everything else by cost, the dearest first."""
        return {
            "days": days,
            "by_day": msgspec.to_builtins([_spent(name, self._days[name]) for name in sorted(self._days)]),
            "by_route": _by_cost(self._routes),
            "by_target": _by_cost(self._targets),
            "by_caller": _by_cost(self._callers),
        }


def _by_cost(table: dict[str, list[int]]) -> Any:
    rows = sorted(table.items(), key=lambda item: (-item[1][1], -item[1][0], item[0]))
    return msgspec.to_builtins([_spent(name, counts) for name, counts in rows])


def _spent(name: str, counts: list[int]) -> Spent:
    requests, cost, wasted_cost, given, answered, wasted = counts
    return Spent(
        name=name,
        requests=requests,
        cost_usd=usd(cost),
        wasted_usd=usd(wasted_cost),
        input_tokens=given,
        output_tokens=answered,
        wasted_tokens=wasted,
    )


def first_second(days: int, now_s: float) -> int:
    """When the first of the last days begins, today included. UTC, seconds since the Unix epoch."""
    return int(now_s // DAY_S) * DAY_S - (days - 1) * DAY_S
