"""What callers have spent in the windows of budgets that are open now."""

from collections.abc import Mapping
from typing import Final

from halfopen.model.gateway_key import Per
from halfopen.policy.budget import Amounts, window_start
from halfopen.seams.sums import REQUEST_COUNTS, Sums

_REQUESTS = REQUEST_COUNTS.index("requests")
_INPUT = REQUEST_COUNTS.index("input_tokens")
_OUTPUT = REQUEST_COUNTS.index("output_tokens")
_COST = REQUEST_COUNTS.index("cost_nusd")

WINDOWS_MAX: Final = 3
"""Windows of each kind that are known, the nearest to now: the clock may stand wrong for a while, and
outcomes may come from a wrong time."""

Spending = Mapping[str, Amounts]
"""By the name of the caller."""


def spending(sums: Sums) -> dict[str, Amounts]:
    """What each caller spent, all in all. Requests that never got to a route count for nothing."""
    found: dict[str, list[int]] = {}
    for key, counts in sums.requests.items():
        route, caller = key[1], key[3]
        if not route:
            continue  # turned away before anything was asked for it
        assert isinstance(caller, str)
        one = found.setdefault(caller, [0, 0, 0])
        one[0] += counts[_REQUESTS]
        one[1] += counts[_INPUT] + counts[_OUTPUT]
        one[2] += counts[_COST]
    return {caller: Amounts(*amounts) for caller, amounts in found.items()}


class Spent:
    """Counts by window and caller. For one thread."""

    def __init__(self) -> None:
        """Nothing was spent."""
        self._windows: dict[Per, dict[int, dict[str, Amounts]]] = {per: {} for per in Per}
        """Windows of each kind, by when they began: what was spent in each."""

    def add(self, sums: Sums, now_s: float) -> None:
        """Count what has happened, by minute. `now_s`: seconds since the Unix epoch."""
        for start_s, part in sums.by_start().items():
            spent = spending(part)
            for per in Per:
                self._add_to(per, window_start(per, start_s), spent, now_s)

    def restore(self, per: Per, wall_s: float, spent: Spending) -> None:
        """Add what an earlier process has counted in the window in which this moment is."""
        self._add_to(per, window_start(per, wall_s), spent, wall_s)

    def of(self, caller: str, per: Per, wall_s: float) -> Amounts:
        """What a caller has spent in the window in which this moment is."""
        return self._windows[per].get(window_start(per, wall_s), {}).get(caller, Amounts())

    def _add_to(self, per: Per, window_s: int, spent: Spending, now_s: float) -> None:
        windows = self._windows[per]
        known = windows.setdefault(window_s, {})
        for caller, more in spent.items():
            had = known.get(caller, Amounts())
            known[caller] = Amounts(
                had.requests + more.requests, had.tokens + more.tokens, had.nusd + more.nusd
            )
        if len(windows) > WINDOWS_MAX:
            now_in_s = window_start(per, now_s)
            del windows[max(windows, key=lambda start_s: abs(start_s - now_in_s))]
